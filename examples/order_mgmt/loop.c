/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loop.c - picks the back-end at run time and keeps the timers.
 *
 *   Timers are a binary heap by time, so that both back-ends need only one thing more than sockets: to
 *   wait no longer than told. A timer knows its place in the heap, which makes moving it cheap: every
 *   request moves its connection's deadline.
 */
#include "loop_backend.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NS_PER_S UINT64_C(1000000000)

struct loop {
	const struct loop_backend *backend;
	void *state;
	struct loop_timer **heap; /* from 1 */
	size_t timer_count, timer_room;
};

const char *const loop_kind_names[LOOP_KIND_COUNT] = {"auto", "uring", "epoll"};

bool loop_kind_read(const char *name, enum loop_kind *out)
{
	for (enum loop_kind kind = LOOP_AUTO; kind < LOOP_KIND_COUNT; kind++) {
		if (strcmp(name, loop_kind_names[kind]) == 0) {
			*out = kind;
			return true;
		}
	}
	return false;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

/* ---- timers ------------------------------------------------------------------------------- */

static void heap_put(struct loop *loop, size_t place, struct loop_timer *timer)
{
	loop->heap[place] = timer;
	timer->place = place;
}

static void heap_up(struct loop *loop, size_t place, struct loop_timer *timer)
{
	for (; place > 1 && loop->heap[place / 2]->at_ns > timer->at_ns; place /= 2)
		heap_put(loop, place, loop->heap[place / 2]);
	heap_put(loop, place, timer);
}

static void heap_down(struct loop *loop, size_t place, struct loop_timer *timer)
{
	for (size_t child; (child = place * 2) <= loop->timer_count; place = child) {
		if (child < loop->timer_count && loop->heap[child + 1]->at_ns < loop->heap[child]->at_ns)
			child++;
		if (loop->heap[child]->at_ns >= timer->at_ns)
			break;
		heap_put(loop, place, loop->heap[child]);
	}
	heap_put(loop, place, timer);
}

static int heap_grow(struct loop *loop)
{
	size_t room = loop->timer_room ? loop->timer_room * 2 : 64;
	struct loop_timer **heap = realloc(loop->heap, (room + 1) * sizeof(struct loop_timer *));

	if (!heap)
		return -ENOMEM;
	loop->heap = heap;
	loop->timer_room = room;
	return 0;
}

void loop_timer_clear(struct loop *loop, struct loop_timer *timer)
{
	size_t place = timer->place;

	if (!place)
		return;
	timer->place = 0;
	struct loop_timer *last = loop->heap[loop->timer_count--];
	if (last == timer)
		return;
	if (place > 1 && loop->heap[place / 2]->at_ns > last->at_ns)
		heap_up(loop, place, last);
	else
		heap_down(loop, place, last);
}

int loop_timer_set(struct loop *loop, struct loop_timer *timer, double seconds)
{
	loop_timer_clear(loop, timer);
	if (loop->timer_count == loop->timer_room && heap_grow(loop) < 0)
		return -ENOMEM;
	timer->at_ns = now_ns() + (uint64_t)(seconds * (double)NS_PER_S);
	heap_up(loop, ++loop->timer_count, timer);
	return 0;
}

/* Fire what is due now. A timer set by one that fires waits for the next turn, however short it is. */
static void timers_fire(struct loop *loop)
{
	uint64_t now = now_ns();

	while (loop->timer_count && loop->heap[1]->at_ns <= now) {
		struct loop_timer *timer = loop->heap[1];
		loop_timer_clear(loop, timer);
		timer->fire(timer);
	}
}

/* ---- the loop ----------------------------------------------------------------------------- */

static int backend_open(struct loop *loop, const struct loop_backend *backend)
{
	loop->backend = backend;
	return backend->open(&loop->state);
}

/* A kernel without io_uring says ENOSYS, a sandbox EPERM or EACCES, a tight limit ENOMEM: all the same
 * to us, epoll does the work too. */
static int backend_pick(struct loop *loop, enum loop_kind kind, int *refusal)
{
	*refusal = 0;
	if (kind == LOOP_EPOLL)
		return backend_open(loop, &loop_epoll);
	int err = backend_open(loop, &loop_uring);
	if (err == 0 || kind == LOOP_URING)
		return err;
	*refusal = err;
	return backend_open(loop, &loop_epoll);
}

int loop_create(enum loop_kind kind, struct loop **out, int *refusal)
{
	struct loop *loop = calloc(1, sizeof *loop);

	if (!loop)
		return -ENOMEM;
	int err = backend_pick(loop, kind, refusal);
	if (err < 0) {
		free(loop);
		return err;
	}
	*out = loop;
	return 0;
}

void loop_destroy(struct loop **loop)
{
	if (!*loop)
		return;
	(*loop)->backend->close((*loop)->state);
	free((*loop)->heap);
	free(*loop);
	*loop = NULL;
}

const char *loop_name(const struct loop *loop)
{
	return loop->backend->name;
}

void loop_accept(struct loop *loop, struct loop_io *io)
{
	io->op = LOOP_ACCEPT;
	loop->backend->start(loop->state, io);
}

void loop_recv(struct loop *loop, struct loop_io *io, char *bytes, size_t count)
{
	io->op = LOOP_RECV;
	io->bytes = bytes;
	io->count = count;
	loop->backend->start(loop->state, io);
}

void loop_send(struct loop *loop, struct loop_io *io, const char *bytes, size_t count)
{
	io->op = LOOP_SEND;
	io->bytes = (char *)(uintptr_t)bytes; /* only read from: the op says so */
	io->count = count;
	loop->backend->start(loop->state, io);
}

void loop_cancel_accept(struct loop *loop, struct loop_io *io)
{
	if (io->op == LOOP_ACCEPT)
		loop->backend->cancel_accept(loop->state, io);
}

int loop_turn(struct loop *loop)
{
	struct timespec timeout = {0}, *limit = NULL;

	if (loop->timer_count) {
		uint64_t now = now_ns(), at = loop->heap[1]->at_ns;
		uint64_t left_ns = at > now ? at - now : 0;
		timeout.tv_sec = (time_t)(left_ns / NS_PER_S);
		timeout.tv_nsec = (long)(left_ns % NS_PER_S);
		limit = &timeout;
	}
	int err = loop->backend->wait(loop->state, limit);
	if (err < 0 && err != -EINTR && err != -ETIME)
		return err;
	timers_fire(loop);
	return 0;
}
