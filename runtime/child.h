/* SPDX-License-Identifier: Apache-2.0 */
/*
 * child.h - forking one worker: from the master's process image to the worker's own code.
 */
#ifndef MUSTER__CHILD_H
#define MUSTER__CHILD_H

#include <stdbool.h>
#include <sys/types.h>

#include <muster/prefork.h>

#include "descriptors.h"
#include "shards.h"
#include "signals.h"
#include "user.h"

#define MUSTER__LISTENERS_MAX 64

/* What every worker of a master is made from; fixed before the first fork. */
struct muster__child_plan {
	int (*worker)(const struct muster_worker *worker, void *ctx);
	void *ctx;
	char *const *argv; /* instead of worker */
	const char *path;  /* of the program; NULL: argv[0], looked for as a shell does */
	const int *listen_fds;
	size_t listen_count;
	struct muster__shards *shards;        /* instead of listen_fds: each slot has its own; NULL: all share those */
	const char *listen_names;             /* LISTEN_FDNAMES; NULL: none */
	struct muster__descriptors inherited; /* open before the master opened its own */
	bool cpu_affinity;                    /* one processor per worker, by slot */
	const struct muster__user *user;      /* to become; NULL: stay who we are */

	/* For a program that is to find what it would find without us; else NULL. */
	const struct muster__signals *signals; /* mask and dispositions as we found them */
	bool own_group;                        /* a process group of its own */
	void (*in_child)(void *ctx);           /* the last act before the exec */
	void *in_child_ctx;
};

/* Fork a worker. For an exec'ed worker this waits until the new program runs or could not be run.
 *   slot   given to the worker
 *   out    its process id
 * Returns 0; -errno of fork; for argv also -errno of execvp (the child is gone and reaped).
 * Context: the master, with one thread. */
int muster__child_fork(const struct muster__child_plan *plan, unsigned slot, pid_t *out);

#endif
