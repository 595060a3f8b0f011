/* SPDX-License-Identifier: Apache-2.0 */
/*
 * supervisor.c - one slot per worker: fork, reap, restart, stop. Runs in the master, on its loop. How a living
 * worker is replaced or ended, and what the operator orders: replace.c.
 *
 * A worker that dies young is restarted later each time: 100 ms, 200 ms, ... up to a ceiling, so that a
 * crash loop costs neither the machine nor the scrapes. One that lived LIFE_GOOD_MS, or was told to end, is
 * restarted at once.
 * All children are reaped, also those that are not ours: a master that is process 1 inherits orphans.
 * Workers outlive a master that is killed; that is a promise, so nothing ties their life to it.
 */
#include "supervisor.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "death.h"
#include "draw.h"
#include "log.h"
#include "supervisor_parts.h"

#define RESTART "restart"
#define LIFE_GOOD_MS 10000
#define DELAY_FIRST_MS 100
#define HURRY_MS 1000
#define ROUND_MS 1000
#define LIFETIME_JITTER 0.1 /* of the lifetime, so that workers of one age do not all end at once */

void muster__slots_show(const struct muster__supervisor *s)
{
	struct muster__self_slots shown = {0};

	for (unsigned i = 0; i < s->opts.workers; i++)
		shown.running += s->slots[i] && s->slots[i]->process;
	if (!s->stopping && !s->paused)
		shown.waiting = s->opts.workers - shown.running;
	for (const struct muster__process *p = s->processes; p; p = p->next)
		shown.leaving += p->leave != MUSTER__LEAVE_STAY;
	muster__self_slots(s->self, shown);
}

/* ---- starting ----------------------------------------------------------------------------- */

static uint64_t expires_ms(const struct muster__supervisor *s, uint64_t now_ms)
{
	double ms = s->opts.lifetime_seconds_max * 1000;

	return ms > 0 ? now_ms + (uint64_t)ms - muster__draw((uint64_t)(ms * LIFETIME_JITTER)) : UINT64_MAX;
}

static uint64_t requests_max(const struct muster__supervisor *s)
{
	return s->opts.requests_max ? s->opts.requests_max + muster__draw(s->opts.requests_jitter) : UINT64_MAX;
}

int muster__slot_spawn(struct muster__slot *slot, const char *reason)
{
	struct muster__supervisor *s = slot->supervisor;
	struct muster__process *p = calloc(1, sizeof *p);
	int rc = p ? muster__child_fork(&s->opts.plan, slot->idx, &p->pid) : -ENOMEM;

	if (rc != 0) {
		free(p);
		return rc;
	}
	uv_update_time(s->loop);
	uint64_t now = uv_now(s->loop);
	*p = (struct muster__process){.next = s->processes,
	                              .pid = p->pid,
	                              .slot = slot,
	                              .generation = s->generation,
	                              .started_ms = now,
	                              .expires_ms = expires_ms(s, now),
	                              .requests_max = requests_max(s),
	                              .kill_ms = UINT64_MAX};
	s->processes = slot->process = p;
	if (strcmp(reason, RESTART) == 0) {
		slot->restarts++;
		muster__self_worker_restarted(s->self);
	}
	muster__hook_run(&s->hooks, MUSTER__HOOK_START, now, p->pid, slot->idx, reason);
	muster__slots_show(s);
	return 0;
}

/* What the next restart of this slot waits. */
static uint64_t delay_ms(struct muster__slot *slot, uint64_t life_ms)
{
	double ceiling = slot->supervisor->opts.restart_delay_seconds_max * 1000, delay = DELAY_FIRST_MS;

	if (life_ms >= LIFE_GOOD_MS) {
		slot->young_deaths = 0;
		return 0;
	}
	for (unsigned i = 0; i < slot->young_deaths && delay < ceiling; i++)
		delay *= 2;
	slot->young_deaths++;
	return (uint64_t)(delay < ceiling ? delay : ceiling);
}

static void restart_fired(uv_timer_t *timer);

/* One more that was not asked for. So many in so short a time are not mended by going on: whoever started us is to know. */
static void budget_take(struct muster__supervisor *s)
{
	unsigned budget = s->opts.restart_budget;
	uint64_t now = uv_now(s->loop);

	if (budget == 0 || s->stopping)
		return;
	uint64_t *at = &s->deaths_ms[s->deaths % budget];
	bool spent = s->deaths >= budget && now - *at <= (uint64_t)(s->opts.restart_budget_seconds * 1000);
	*at = now;
	s->deaths++;
	if (spent)
		s->opts.spent(s->opts.ctx);
}

void muster__slot_failed(struct muster__slot *slot, const char *why)
{
	uint64_t wait = delay_ms(slot, 0);

	muster__log(MUSTER__LOG_ERROR, "worker %u cannot be started: %s; next try in %.1f s", slot->idx, why,
	            (double)wait / 1000);
	uv_timer_start(&slot->restart, restart_fired, wait, 0);
	budget_take(slot->supervisor);
}

static void restart_fired(uv_timer_t *timer)
{
	struct muster__slot *slot = timer->data;
	int rc = slot->process || slot->hook ? 0 : muster__slot_start(slot, RESTART, MUSTER__LEAVE_STAY);

	if (rc != 0)
		muster__slot_failed(slot, strerror(-rc));
	else
		muster__reload_step(slot->supervisor);
}

void muster__slots_fill(struct muster__supervisor *s, const char *reason)
{
	for (unsigned i = 0; i < s->opts.workers; i++) {
		struct muster__slot *slot = s->slots[i];
		if (slot->process || slot->hook || uv_is_active((uv_handle_t *)&slot->restart))
			continue;
		int rc = muster__slot_start(slot, reason, MUSTER__LEAVE_STAY);
		if (rc != 0)
			muster__slot_failed(slot, strerror(-rc));
	}
}

/* ---- reaping ------------------------------------------------------------------------------ */

static void log_death(const struct muster__slot *slot, const struct muster__process *p, const char *how,
                      uint64_t life_ms, uint64_t wait_ms)
{
	char again[64] = "";

	if (slot->young_deaths > 1)
		(void)snprintf(again, sizeof again, ", the %u. time in a row within %d s", slot->young_deaths,
		               LIFE_GOOD_MS / 1000);
	muster__log(MUSTER__LOG_WARNING, "worker %u (pid %d) %s after %.1f s%s; restart in %.1f s", slot->idx, (int)p->pid,
	            how, (double)life_ms / 1000, again, (double)wait_ms / 1000);
}

/* A worker that ended by itself, or was told to make room for the next one in its slot. */
static void slot_emptied(struct muster__slot *slot, const struct muster__process *p, const char *how)
{
	struct muster__supervisor *s = slot->supervisor;
	uint64_t life_ms = uv_now(s->loop) - p->started_ms, wait_ms = 0;

	slot->process = NULL;
	if (s->stopping)
		return;
	if (p->leave == MUSTER__LEAVE_STAY) {
		wait_ms = delay_ms(slot, life_ms);
		log_death(slot, p, how, life_ms, wait_ms);
	}
	uv_timer_start(&slot->restart, restart_fired, wait_ms, 0);
}

static void process_died(struct muster__process *p, int status)
{
	struct muster__supervisor *s = p->slot->supervisor;
	char how[MUSTER__DEATH_BYTES], reason[MUSTER__DEATH_BYTES];

	bool oom = muster__self_worker_exited(s->self, status, p->killed);
	muster__death_describe(status, oom, how);
	muster__death_reason(status, oom, reason);
	if (p->leave != MUSTER__LEAVE_STAY && p->leave != MUSTER__LEAVE_STOP)
		muster__log(MUSTER__LOG_INFO, "worker %u (pid %d) %s, as told (%s)", p->slot->idx, (int)p->pid, how,
		            muster__leave_word(p->leave));
	if (p->slot->process == p)
		slot_emptied(p->slot, p, how);
	if (p->leave == MUSTER__LEAVE_STAY || p->leave == MUSTER__LEAVE_HEARTBEAT)
		budget_take(s);
	muster__hook_run(&s->hooks, MUSTER__HOOK_EXIT, uv_now(s->loop), p->pid, p->slot->idx,
	                 p->leave == MUSTER__LEAVE_STAY ? reason : muster__leave_word(p->leave));
}

/* Take the process out of the list. Returns NULL if it is none of ours. */
static struct muster__process *process_take(struct muster__supervisor *s, pid_t pid)
{
	for (struct muster__process **at = &s->processes; *at; at = &(*at)->next)
		if ((*at)->pid == pid) {
			struct muster__process *found = *at;
			*at = found->next;
			return found;
		}
	return NULL;
}

static void stopped_if_empty(struct muster__supervisor *s)
{
	if (!s->stopping || s->processes || s->stopped_told)
		return;
	s->stopped_told = true;
	uv_timer_stop(&s->kill);
	s->opts.stopped(s->opts.ctx);
}

/* Returns true if it was a worker. */
static bool reaped(struct muster__supervisor *s, pid_t pid, int status, const struct rusage *usage)
{
	struct muster__process *p = process_take(s, pid);

	if (p) {
		muster__self_reaped(s->self, pid, usage);
		process_died(p, status);
		free(p);
	} else if (!muster__slot_prepared(s, pid, status) && !muster__hook_reaped(&s->hooks, pid, status) &&
	           !s->opts.reaped(s->opts.ctx, pid, status)) {
		muster__self_orphan_reaped(s->self);
	}
	return p != NULL;
}

static void child_changed(uv_signal_t *signal, int signo)
{
	struct muster__supervisor *s = signal->data;
	struct rusage usage;
	bool workers = false;
	int status;
	pid_t pid;

	(void)signo;
	while ((pid = wait4(-1, &status, WNOHANG, &usage)) > 0)
		workers |= reaped(s, pid, status, &usage);
	if (!workers)
		return;
	muster__slots_show(s);
	s->opts.died(s->opts.ctx);
	muster__reload_step(s);
	stopped_if_empty(s);
}

/* ---- life of the supervisor --------------------------------------------------------------- */

int muster__slots_make(struct muster__supervisor *s)
{
	for (unsigned i = 0; i < s->opts.workers; i++) {
		if (s->slots[i])
			continue;
		struct muster__slot *slot = s->slots[i] = calloc(1, sizeof *slot);
		if (slot == NULL)
			return -ENOMEM;
		slot->supervisor = s;
		slot->idx = i;
		uv_timer_init(s->loop, &slot->restart);
		slot->restart.data = slot;
	}
	return 0;
}

/* After a failed start: nobody has seen these workers yet, so they get no grace. */
static void kill_and_reap(struct muster__supervisor *s)
{
	muster__supervisor_signal(s, SIGKILL);
	for (const struct muster__process *p = s->processes; p; p = p->next)
		(void)waitpid(p->pid, NULL, 0);
}

static int spawn_all(struct muster__supervisor *s)
{
	int rc = muster__slots_make(s);

	for (unsigned i = 0; rc == 0 && i < s->opts.workers; i++)
		rc = muster__slot_start(s->slots[i], "boot", MUSTER__LEAVE_STAY);
	if (rc != 0)
		kill_and_reap(s);
	return rc;
}

static void handles_init(struct muster__supervisor *s)
{
	const struct muster__supervisor_opts *o = &s->opts;

	uv_signal_init(s->loop, &s->child);
	uv_timer_init(s->loop, &s->kill);
	uv_timer_init(s->loop, &s->round);
	uv_timer_init(s->loop, &s->settle);
	s->child.data = s->kill.data = s->round.data = s->settle.data = s;
	if (o->lifetime_seconds_max > 0 || o->requests_max || o->memory_max || o->heartbeat_seconds_max > 0 ||
	    o->on_before_worker_start || o->on_worker_start || o->on_worker_exit)
		uv_timer_start(&s->round, muster__round_fired, ROUND_MS, ROUND_MS);
}

int muster__supervisor_start(uv_loop_t *loop, const struct muster__supervisor_opts *opts, struct muster__self *self,
                             struct muster__supervisor **out)
{
	struct muster__supervisor *s = calloc(1, sizeof *s);

	if (s == NULL)
		return -ENOMEM;
	s->loop = loop;
	s->opts = *opts;
	s->self = self;
	s->hooks = (struct muster__hooks){
		.paths = {opts->on_before_worker_start, opts->on_worker_start, opts->on_worker_exit}, .self = self};
	if (opts->restart_budget && (s->deaths_ms = calloc(opts->restart_budget, sizeof *s->deaths_ms)) == NULL) {
		free(s);
		return -ENOMEM;
	}
	handles_init(s);
	*out = s; /* its handles are in the loop now, so the caller closes it even if a fork fails */
	int rc = uv_signal_start(&s->child, child_changed, SIGCHLD);
	return rc == 0 ? spawn_all(s) : rc;
}

void muster__supervisor_stop(struct muster__supervisor *s)
{
	uv_update_time(s->loop);
	if (s->stopping) {
		muster__process_kill_by(s, uv_now(s->loop) + HURRY_MS);
		return;
	}
	s->stopping = true;
	s->reloading = false;
	muster__prepares_end(s);
	for (unsigned i = 0; i < MUSTER_WORKERS_MAX && s->slots[i]; i++)
		uv_timer_stop(&s->slots[i]->restart);
	for (struct muster__process *p = s->processes; p; p = p->next)
		muster__process_leave(p, MUSTER__LEAVE_STOP);
	muster__slots_show(s);
	stopped_if_empty(s);
}

void muster__supervisor_close(struct muster__supervisor *s)
{
	if (s == NULL)
		return;
	uv_close((uv_handle_t *)&s->child, NULL);
	uv_close((uv_handle_t *)&s->kill, NULL);
	uv_close((uv_handle_t *)&s->round, NULL);
	uv_close((uv_handle_t *)&s->settle, NULL);
	for (unsigned i = 0; i < MUSTER_WORKERS_MAX && s->slots[i]; i++)
		uv_close((uv_handle_t *)&s->slots[i]->restart, NULL);
}

void muster__supervisor_destroy(struct muster__supervisor **supervisor)
{
	struct muster__supervisor *s = *supervisor;

	if (s == NULL)
		return;
	muster__descriptors_free(&s->opts.plan.inherited);
	for (unsigned i = 0; i < MUSTER_WORKERS_MAX && s->slots[i]; i++)
		free(s->slots[i]);
	for (struct muster__process *next; s->processes; s->processes = next) {
		next = s->processes->next;
		free(s->processes);
	}
	free(s->deaths_ms);
	free(s);
	*supervisor = NULL;
}

size_t muster__supervisor_count(const struct muster__supervisor *s)
{
	return s ? s->opts.workers : 0;
}

size_t muster__supervisor_members(const struct muster__supervisor *s, struct muster__member_seen *out, size_t max)
{
	size_t count = 0;

	for (const struct muster__process *p = s->processes; p && count < max; p = p->next)
		out[count++] = (struct muster__member_seen){p->pid, p->slot->process == p ? p->slot->idx : MUSTER__WORKER_NONE};
	return count;
}

void muster__supervisor_status(const struct muster__supervisor *s, size_t idx, struct muster__worker_status *out)
{
	const struct muster__process *p = s->slots[idx]->process;

	out->pid = p ? p->pid : 0;
	out->age_seconds = p ? (double)(uv_now(s->loop) - p->started_ms) / 1000 : 0;
	out->restarts = s->slots[idx]->restarts;
}
