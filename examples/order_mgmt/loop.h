/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loop.h - what a worker waits with: accept, receive, send and timers, each told when it is done.
 *
 *   A descriptor has at most one operation outstanding; its `done` is called from loop_turn(), never
 *   from the call that started it. Two back-ends stand behind this: io_uring (loop_uring.c), which many
 *   containers refuse, and epoll (loop_epoll.c). loop.c picks one and keeps the timers for both.
 *   To end an operation before its time, shutdown(2) its socket: it then completes by itself.
 *   One thread per loop.
 */
#ifndef ORDER_MGMT_LOOP_H
#define ORDER_MGMT_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;

enum loop_kind { LOOP_AUTO, LOOP_URING, LOOP_EPOLL, LOOP_KIND_COUNT };

/* auto, uring, epoll: as the option --loop spells them. */
extern const char *const loop_kind_names[LOOP_KIND_COUNT];

/* Returns false, and leaves `out` alone, if `name` is none of them. */
bool loop_kind_read(const char *name, enum loop_kind *out);

enum loop_op { LOOP_IDLE, LOOP_ACCEPT, LOOP_RECV, LOOP_SEND };

/* A socket and its operation. The caller sets fd and done, zeroes the rest, and keeps it in place while
 * an operation is outstanding. */
struct loop_io {
	int fd;
	void (*done)(struct loop_io *io, int result); /* bytes, the accepted socket, or -errno */
	enum loop_op op;
	char *bytes;
	size_t count;
	int result;           /* epoll: of an operation that has ended and whose owner is to be told */
	bool attached;        /* epoll: in the kernel's set. io_uring: an accept that polls first */
	struct loop_io *next; /* epoll: in the ready queue */
};

struct loop_timer {
	uint64_t at_ns; /* CLOCK_MONOTONIC */
	void (*fire)(struct loop_timer *timer);
	size_t place; /* in the heap, from 1; 0: not set */
};

/* Make a loop.
 *   kind     LOOP_AUTO tries io_uring, then epoll
 *   refusal  0, or for LOOP_AUTO the -errno with which io_uring was refused
 * Returns 0; -errno: for LOOP_URING what the kernel said, -EOPNOTSUPP if it lacks an operation. */
int loop_create(enum loop_kind kind, struct loop **out, int *refusal);
void loop_destroy(struct loop **loop);

/* "io_uring" or "epoll". */
const char *loop_name(const struct loop *loop);

void loop_accept(struct loop *loop, struct loop_io *io);
void loop_recv(struct loop *loop, struct loop_io *io, char *bytes, size_t count);
void loop_send(struct loop *loop, struct loop_io *io, const char *bytes, size_t count);

/* Give up an accept; its `done` still comes, with -ECANCELED or with the connection that was faster. */
void loop_cancel_accept(struct loop *loop, struct loop_io *io);

/* Set, or move, a timer `seconds` from now. Returns 0 or -ENOMEM. */
int loop_timer_set(struct loop *loop, struct loop_timer *timer, double seconds);
void loop_timer_clear(struct loop *loop, struct loop_timer *timer);

/* Wait for something to happen and tell of it; a signal may end the wait early.
 * Returns 0, or -errno if the loop is broken. */
int loop_turn(struct loop *loop);

#endif
