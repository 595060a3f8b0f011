/* SPDX-License-Identifier: Apache-2.0 */
/*
 * members.h - the processes of a service, from scrape to scrape: what they are doing, and what they have spent, without
 * losing what the dead have spent or counting it twice.
 */
#ifndef MUSTER__MEMBERS_H
#define MUSTER__MEMBERS_H

#include <stddef.h>
#include <sys/resource.h>

#include "process_files.h"

#define MUSTER__MEMBERS_MAX 4096 /* followed; further ones are not looked at */

/* Which worker a process is: the slot of one of our own; of a wrapped server's the lowest number that is free. */
#define MUSTER__WORKER_NONE (~0u)     /* none: it leaves, or all numbers are given */
#define MUSTER__WORKER_ANY (~0u - 1u) /* to be given a number */
#define MUSTER__WORKER_NUMBERS 256    /* given */

struct muster__member_seen {
	pid_t pid;
	unsigned worker;
};

struct muster__member {
	struct muster__process_files files;
	struct muster__process_reading last;
	unsigned worker;
	bool known;                         /* last and busy_seconds say something */
	bool any;                           /* the number was given here */
	bool listed, gone;                  /* by the present sample */
	struct muster__spent waited_before; /* last.waited of the sample before */
	struct muster__spent owed;          /* spent by dead descendants, counted already, and not in last.waited yet */
	double busy_seconds;                /* for the owner of the list */
};

struct muster__members {
	/* Some more was spent. `worker` may be MUSTER__WORKER_NONE. */
	void (*spent)(void *ctx, unsigned worker, const struct muster__spent *more);
	void *ctx;
	/* Clock ticks after boot: what older processes have spent before they were first seen, another master has told. */
	unsigned long long since_ticks;
	struct muster__member *list; /* by pid */
	size_t count, capacity;
};

/* Look at all of them: those that are seen now, and those of before that nobody has waited for.
 * Returns 0 or -ENOMEM: then some are not followed. */
int muster__members_sample(struct muster__members *members, const struct muster__member_seen *seen, size_t count);

/* We have waited for a child. Its usage holds that of the descendants it has waited for. */
void muster__members_reaped(struct muster__members *members, pid_t pid, const struct rusage *usage);

struct muster__member *muster__members_find(const struct muster__members *members, pid_t pid);
void muster__members_free(struct muster__members *members);

#endif
