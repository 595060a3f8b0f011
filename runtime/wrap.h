/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wrap.h - runs one server that has a master of its own (gunicorn, nginx, ...), with its whole process tree.
 */
#ifndef MUSTER__WRAP_H
#define MUSTER__WRAP_H

#include <sys/types.h>
#include <uv.h>

#include "child.h"
#include "self_metrics.h"

struct muster__wrap;

struct muster__wrap_opts {
	struct muster__child_plan plan; /* plan.inherited becomes the wrap's; plan.argv is the server */
	double grace_seconds;           /* what is left of the tree when the server has ended: from TERM to KILL */
	double term_seconds;            /* the server: from a TERM passed on to KILL; 0: it takes the time it takes */
	void (*died)(void *ctx);        /* processes were reaped */
	void (*ended)(void *ctx, int exit_status); /* no process is left; the server's status, or 128 + its signal */
	void *ctx;
};

/* Become the subreaper of all that the server starts, and start it.
 *   out   set unless -ENOMEM is returned, also on failure: to be closed and destroyed
 * Returns 0; -errno of fork or execvp.
 * Context: the loop's thread, in a process with no other. */
int muster__wrap_start(uv_loop_t *loop, const struct muster__wrap_opts *opts, struct muster__self *self,
                       struct muster__wrap **out);

/* Pass a signal on to the server, with its value if it was queued with one. While what is left of a tree is
 * being ended, TERM, INT and QUIT shorten that instead. */
void muster__wrap_signal(struct muster__wrap *wrap, const struct signalfd_siginfo *info);

/* The server says which of its processes is the main one. */
void muster__wrap_main_told(struct muster__wrap *wrap, pid_t pid);

/* Free; the loop must run until its handles are closed before `destroy`. Both accept NULL. */
void muster__wrap_close(struct muster__wrap *wrap);
void muster__wrap_destroy(struct muster__wrap **wrap);

#endif
