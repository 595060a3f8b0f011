/* SPDX-License-Identifier: Apache-2.0 */
/*
 * supervisor.h - keeps N workers running, replaces them, and stops them.
 */
#ifndef MUSTER__SUPERVISOR_H
#define MUSTER__SUPERVISOR_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <uv.h>

#include "child.h"
#include "members.h"
#include "self_metrics.h"

#define MUSTER__RESTART_BUDGET_MAX 10000

struct muster__supervisor;

struct muster__supervisor_opts {
	struct muster__child_plan plan; /* plan.inherited becomes the supervisor's */
	unsigned workers;
	double grace_seconds;
	double restart_delay_seconds_max;
	unsigned restart_budget; /* deaths of their own accord in the time below; 0: any number */
	double restart_budget_seconds;
	double lifetime_seconds_max;            /* 0: none */
	uint64_t requests_max, requests_jitter; /* a worker ends the sum of it and 0 to the other; 0: any number */
	bool (*requests)(void *ctx, pid_t pid, uint64_t *ended); /* false: it does not tell */
	unsigned long long memory_max;                           /* resident bytes of one worker; 0: none */
	double heartbeat_seconds_max;                /* without a new heartbeat, of a worker that had one; 0: none */
	uint64_t (*heartbeat)(void *ctx, pid_t pid); /* another number with each; 0: it never had one */
	const char *on_before_worker_start, *on_worker_start, *on_worker_exit;
	void (*died)(void *ctx);                               /* workers were reaped */
	bool (*reaped)(void *ctx, pid_t pid, int wait_status); /* no worker and no hook: do you know it? */
	void (*spent)(void *ctx);                              /* the restart budget; workers are still being restarted */
	void (*stopped)(void *ctx);                            /* after muster__supervisor_stop(): the last one is gone */
	void (*reloaded)(void *ctx); /* after muster__supervisor_reload(): all workers are new, or it was given up */
	void *ctx;
};

/* Fork the workers.
 *   out   set unless -ENOMEM is returned, also on failure: to be closed and destroyed
 * Returns 0; -errno of fork; for plan.argv also -errno of execvp. No worker is left on failure.
 * Context: the loop's thread, in a process with no other. */
int muster__supervisor_start(uv_loop_t *loop, const struct muster__supervisor_opts *opts, struct muster__self *self,
                             struct muster__supervisor **out);

/* Ask the workers to end with SIGTERM; after the grace period with SIGKILL. Called again, it waits only one
 * more second. Calls `stopped` later, from the loop, unless no worker runs: then at once. */
void muster__supervisor_stop(struct muster__supervisor *supervisor);

/* One worker more or less, never less than 1 nor more than MUSTER_WORKERS_MAX. When paused, one more means:
 * bring them back. */
void muster__supervisor_more(struct muster__supervisor *supervisor);
void muster__supervisor_less(struct muster__supervisor *supervisor);

/* Replace the workers one after the other: each by a new one that runs before the old one is told to end.
 * Called again meanwhile, it begins again. When paused: bring them back. */
void muster__supervisor_reload(struct muster__supervisor *supervisor);

/* End all workers gracefully and start none, until more() or reload(). */
void muster__supervisor_pause(struct muster__supervisor *supervisor);

/* Send a signal to all workers. */
void muster__supervisor_signal(const struct muster__supervisor *supervisor, int signo);

/* Free; the loop must run until its handles are closed before `destroy`. Both accept NULL. */
void muster__supervisor_close(struct muster__supervisor *supervisor);
void muster__supervisor_destroy(struct muster__supervisor **supervisor);

/* For the status page. */
struct muster__worker_status {
	pid_t pid; /* 0: waiting to be restarted */
	double age_seconds;
	unsigned restarts;
};
/* All processes, those that leave too; at most `max`. Returns how many. */
size_t muster__supervisor_members(const struct muster__supervisor *supervisor, struct muster__member_seen *out,
                                  size_t max);
size_t muster__supervisor_count(const struct muster__supervisor *supervisor);
void muster__supervisor_status(const struct muster__supervisor *supervisor, size_t slot,
                               struct muster__worker_status *out);

#endif
