/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hooks.h - executables of the operator, run before a worker is started, when it was, and when it has ended.
 */
#ifndef MUSTER__HOOKS_H
#define MUSTER__HOOKS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "self_metrics.h"

#define MUSTER__HOOKS_RUNNING_MAX 64
#define MUSTER__HOOK_SECONDS_MAX 60

enum muster__hook { MUSTER__HOOK_BEFORE, MUSTER__HOOK_START, MUSTER__HOOK_EXIT, MUSTER__HOOK_COUNT };

struct muster__hooks {
	const char *paths[MUSTER__HOOK_COUNT]; /* NULL: none */
	struct muster__self *self;
	struct muster__hook_run {
		pid_t pid; /* 0: free */
		enum muster__hook hook;
		uint64_t kill_ms;
	} running[MUSTER__HOOKS_RUNNING_MAX];
};

/* Start a hook, if there is one; nobody waits for it. The environment gets MUSTER_WORKER_PID, _SLOT, _REASON.
 * What cannot run, ends with another status than 0, or takes longer than MUSTER__HOOK_SECONDS_MAX is logged and
 * counted. */
void muster__hook_run(struct muster__hooks *hooks, enum muster__hook hook, uint64_t now_ms, pid_t worker, unsigned slot,
                      const char *reason);

/* Start a hook that there is, and that somebody waits for: its end is the caller's to see.
 *   worker   0: there is none yet; then MUSTER_WORKER_PID is not set
 * Returns 0 or -errno. */
int muster__hook_start(const struct muster__hooks *hooks, enum muster__hook hook, pid_t worker, unsigned slot,
                       const char *reason, pid_t *out);

/* Log and count one that failed. */
void muster__hook_failed(const struct muster__hooks *hooks, enum muster__hook hook, const char *why);

/* A child was reaped: was it a hook nobody waits for? */
bool muster__hook_reaped(struct muster__hooks *hooks, pid_t pid, int wait_status);

/* Kill those that take too long. Returns how many run. */
unsigned muster__hooks_check(struct muster__hooks *hooks, uint64_t now_ms);

#endif
