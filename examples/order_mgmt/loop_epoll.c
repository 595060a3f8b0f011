/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loop_epoll.c - the plain back-end: try the system call; if it would block, wait for the edge.
 *
 *   A connection enters the epoll set once, edge-triggered in both directions. An operation is tried when
 *   it is started, so an edge that came while none was outstanding is not missed. What has ended waits in
 *   a queue until the next wait, so a completion never runs inside the call that started it.
 *
 *   A listener is in the set only while an accept is outstanding. It is shared by all workers; entering it
 *   anew, exclusively, puts this worker at the end of the kernel's queue, so the workers take turns.
 */
#include "loop_backend.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVENTS_MAX 64

struct epoll_state {
	int fd;
	struct loop_io *ready, **ready_end;
};

static int epoll_open(void **out)
{
	struct epoll_state *state = malloc(sizeof *state);

	if (!state)
		return -ENOMEM;
	state->ready = NULL;
	state->ready_end = &state->ready;
	state->fd = epoll_create1(EPOLL_CLOEXEC);
	if (state->fd < 0) {
		int err = -errno;
		free(state);
		return err;
	}
	*out = state;
	return 0;
}

static void epoll_close(void *p)
{
	struct epoll_state *state = p;

	close(state->fd);
	free(state);
}

/* From here the operation counts as ended: an edge that comes before its owner is told starts nothing. */
static void ready_push(struct epoll_state *state, struct loop_io *io, int result)
{
	io->op = LOOP_IDLE;
	io->result = result;
	io->next = NULL;
	*state->ready_end = io;
	state->ready_end = &io->next;
}

/* Tell the owners of what is ready now; what they start and is ready at once waits for the next turn. */
static void ready_drain(struct epoll_state *state)
{
	struct loop_io *io = state->ready;

	state->ready = NULL;
	state->ready_end = &state->ready;
	for (struct loop_io *next; io; io = next) {
		next = io->next; /* the owner may free io */
		loop_io_done(io, io->result);
	}
}

static ssize_t attempt(struct loop_io *io)
{
	switch (io->op) {
	case LOOP_ACCEPT:
		return accept4(io->fd, NULL, NULL, SOCK_CLOEXEC);
	case LOOP_RECV:
		return recv(io->fd, io->bytes, io->count, MSG_DONTWAIT);
	default:
		return send(io->fd, io->bytes, io->count, MSG_DONTWAIT | MSG_NOSIGNAL);
	}
}

/* Returns whether the operation has ended. */
static bool try_now(struct epoll_state *state, struct loop_io *io)
{
	ssize_t result;

	do
		result = attempt(io);
	while (result < 0 && errno == EINTR);
	if (result < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return false;
	ready_push(state, io, result < 0 ? -errno : (int)result);
	return true;
}

static void attach(struct epoll_state *state, struct loop_io *io, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = io};

	if (epoll_ctl(state->fd, EPOLL_CTL_ADD, io->fd, &event) < 0)
		ready_push(state, io, -errno);
	else
		io->attached = true;
}

static void detach(struct epoll_state *state, struct loop_io *io)
{
	epoll_ctl(state->fd, EPOLL_CTL_DEL, io->fd, NULL);
	io->attached = false;
}

static void epoll_start(void *p, struct loop_io *io)
{
	struct epoll_state *state = p;

	if (io->op == LOOP_ACCEPT)
		attach(state, io, EPOLLIN | EPOLLEXCLUSIVE);
	else if (!try_now(state, io) && !io->attached)
		attach(state, io, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
}

static void epoll_cancel_accept(void *p, struct loop_io *io)
{
	detach(p, io);
	ready_push(p, io, -ECANCELED);
}

static void on_event(struct epoll_state *state, struct loop_io *io)
{
	if (io->op == LOOP_ACCEPT) {
		detach(state, io);
		if (!try_now(state, io))
			epoll_start(state, io); /* another worker took it */
	} else if (io->op != LOOP_IDLE) {
		try_now(state, io);
	}
}

static int epoll_wait_turn(void *p, const struct timespec *timeout)
{
	static const struct timespec at_once;
	struct epoll_event events[EVENTS_MAX];
	struct epoll_state *state = p;

	/* Owners are told last: what they set a timer for then counts in the next turn's timeout.
	 * Rounded up: a timer that is not yet due must not make the loop spin through its last millisecond. */
	const struct timespec *limit = state->ready ? &at_once : timeout;
	int limit_ms = limit ? (int)(limit->tv_sec * 1000 + (limit->tv_nsec + 999999) / 1000000) : -1;

	int count = epoll_wait(state->fd, events, EVENTS_MAX, limit_ms);
	int err = count < 0 ? -errno : 0;
	for (int i = 0; i < count; i++)
		on_event(state, events[i].data.ptr);
	ready_drain(state);
	return err;
}

const struct loop_backend loop_epoll = {
	.name = "epoll",
	.open = epoll_open,
	.close = epoll_close,
	.start = epoll_start,
	.cancel_accept = epoll_cancel_accept,
	.wait = epoll_wait_turn,
};
