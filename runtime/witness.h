/* SPDX-License-Identifier: Apache-2.0 */
/*
 * witness.h - how the processes below us end that somebody else waits for: a wrapped server's own workers.
 */
#ifndef MUSTER__WITNESS_H
#define MUSTER__WITNESS_H

#include <sys/types.h>
#include <uv.h>

#define MUSTER__WITNESS_UNKNOWN (-1)

struct muster__witness;

/* A process has ended and its parent has waited for it.
 *   status   as wait(2) tells it, or MUSTER__WITNESS_UNKNOWN */
typedef void muster__witness_fn(void *ctx, int status);

/* Watch the processes below this one from now on, as they are found in /proc, about once a second.
 * Returns 0; -ENOMEM; -errno. Context: the loop's thread. */
int muster__witness_create(uv_loop_t *loop, muster__witness_fn *ended, void *ctx, struct muster__witness **out);

/* We have waited for it ourselves: it is none of those. Before the loop turns again. */
void muster__witness_reaped(struct muster__witness *witness, pid_t pid);

/* Nobody is left: tell of those that have ended and were not told of yet. */
void muster__witness_finish(struct muster__witness *witness);

/* Free; the loop must run until its handles are closed before `destroy`. All accept NULL. */
void muster__witness_close(struct muster__witness *witness);
void muster__witness_destroy(struct muster__witness **witness);

#endif
