/* SPDX-License-Identifier: Apache-2.0 */
/*
 * supervisor_parts.h - what the files of the supervisor share: slots, and the processes that are or were in one.
 *
 * A slot is a place for one worker. A process is in its slot until it ends, or until it was told to end and
 * another has its place. So a slot may have one process and several that are leaving.
 */
#ifndef MUSTER__SUPERVISOR_PARTS_H
#define MUSTER__SUPERVISOR_PARTS_H

#include <stdbool.h>
#include <stdint.h>

#include "hooks.h"
#include "supervisor.h"

/* Why a worker was told to end: label of muster_worker_recycles_total, MUSTER_WORKER_REASON of the hook. */
#define MUSTER__LEAVES(X)                                                                                              \
	X(STAY, "")                                                                                                        \
	X(STOP, "stop")                                                                                                    \
	X(RELOAD, "reload")                                                                                                \
	X(SCALE, "scale")                                                                                                  \
	X(PAUSE, "pause")                                                                                                  \
	X(LIFETIME, "lifetime")                                                                                            \
	X(REQUESTS, "requests")                                                                                            \
	X(MEMORY, "memory")                                                                                                \
	X(HEARTBEAT, "heartbeat")

enum muster__leave {
#define MUSTER__ROW(id, word) MUSTER__LEAVE_##id,
	MUSTER__LEAVES(MUSTER__ROW)
#undef MUSTER__ROW
};

struct muster__process {
	struct muster__process *next;
	pid_t pid;
	struct muster__slot *slot;
	unsigned generation; /* of the reload it was started by */
	enum muster__leave leave;
	bool killed;                              /* by us */
	uint64_t started_ms, expires_ms, kill_ms; /* the last two: UINT64_MAX is never */
	uint64_t beat, beat_ms;                   /* its heartbeat, and when that was new */
	uint64_t requests_max;                    /* UINT64_MAX: any number */
};

struct muster__slot {
	struct muster__supervisor *supervisor;
	unsigned idx;
	struct muster__process *process; /* NULL: none */
	pid_t hook;                      /* runs before the next worker is started; 0: none */
	uint64_t hook_by_ms;             /* when it has to have ended */
	const char *reason;              /* to start the next worker */
	enum muster__leave why;          /* what `process` is told then; STAY: there is none to be told */
	unsigned young_deaths;           /* in a row */
	unsigned restarts;
	uv_timer_t restart;
};

struct muster__supervisor {
	uv_loop_t *loop;
	struct muster__supervisor_opts opts; /* opts.workers: how many slots are in use now */
	struct muster__self *self;
	struct muster__hooks hooks;
	uv_signal_t child;
	uv_timer_t kill;   /* due when the first of the leaving is to be killed */
	uv_timer_t round;  /* limits, and hooks that take too long */
	uv_timer_t settle; /* due when the youngest worker of a reload is old enough for the next */
	bool stopping, stopped_told, paused, reloading;
	uint64_t turns_after_ms; /* nobody is replaced for age or requests before it: it could not be done */
	uint64_t *deaths_ms;     /* when; place n % opts.restart_budget is of the n-th */
	uint64_t deaths;
	bool requests_told; /* by some worker, or it was logged that none does */
	unsigned generation;
	struct muster__process *processes;
	struct muster__slot *slots[MUSTER_WORKERS_MAX]; /* made when first used; then they stay */
};

/* supervisor.c */

/* Fork a worker into an empty slot. `reason` is for the hook. Returns 0 or as muster__child_fork(). */
int muster__slot_spawn(struct muster__slot *slot, const char *reason);
/* No worker could be started into an empty slot: try again later. */
void muster__slot_failed(struct muster__slot *slot, const char *why);
/* Make the slots below opts.workers. Returns 0 or -ENOMEM. */
int muster__slots_make(struct muster__supervisor *s);
/* Spawn into all slots in use that are empty; those where it fails are tried again later. */
void muster__slots_fill(struct muster__supervisor *s, const char *reason);
void muster__slots_show(const struct muster__supervisor *s);

/* prepare.c */

/* Start a worker in a slot, when its hook has run if there is one; then tell the slot's present one to leave, unless
 * `why` is STAY. Returns 0, also while the hook runs; else as muster__slot_spawn(). */
int muster__slot_start(struct muster__slot *slot, const char *reason, enum muster__leave why);
/* A child was reaped: was it such a hook? */
bool muster__slot_prepared(struct muster__supervisor *s, pid_t pid, int wait_status);
bool muster__slots_prepare(const struct muster__supervisor *s); /* does one run? */
void muster__prepares_check(struct muster__supervisor *s);      /* kill those that take too long */
void muster__prepares_end(struct muster__supervisor *s);        /* nothing is to be started any more */

/* replace.c */

/* A slot's worker was to be replaced, and cannot be. */
void muster__replace_failed(struct muster__slot *slot, enum muster__leave why, const char *error);

/* Tell a process to end; kill it after the grace period. */
void muster__process_leave(struct muster__process *process, enum muster__leave why);
void muster__process_kill_by(struct muster__supervisor *s, uint64_t when_ms);
const char *muster__leave_word(enum muster__leave why);
/* Go on with a reload, if one is under way: something has changed. */
void muster__reload_step(struct muster__supervisor *s);
/* Callbacks of the timers. */
void muster__kill_fired(uv_timer_t *timer);
void muster__round_fired(uv_timer_t *timer);
void muster__settle_fired(uv_timer_t *timer);

#endif
