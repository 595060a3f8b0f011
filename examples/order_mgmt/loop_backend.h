/* SPDX-License-Identifier: Apache-2.0 */
/* loop_backend.h - between loop.c and its back-ends. */
#ifndef ORDER_MGMT_LOOP_BACKEND_H
#define ORDER_MGMT_LOOP_BACKEND_H

#include <time.h>

#include "loop.h"

/* A way to wait. `state` is the back-end's own, made by open(). */
struct loop_backend {
	const char *name;
	int (*open)(void **state);
	void (*close)(void *state);
	void (*start)(void *state, struct loop_io *io); /* io->op, bytes and count are set */
	void (*cancel_accept)(void *state, struct loop_io *io);
	int (*wait)(void *state, const struct timespec *timeout); /* NULL: for ever */
};

extern const struct loop_backend loop_uring, loop_epoll;

/* Mark an operation ended and tell its owner. */
static inline void loop_io_done(struct loop_io *io, int result)
{
	io->op = LOOP_IDLE;
	io->done(io, result);
}

#endif
