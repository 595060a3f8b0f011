/* SPDX-License-Identifier: Apache-2.0 */
/*
 * supervisor.c - one slot per worker: fork, reap, restart, stop. Runs in the master, on its loop.
 *
 * A worker that dies young is restarted later each time: 100 ms, 200 ms, ... up to a ceiling, so that a
 * crash loop costs neither the machine nor the scrapes. One that lived LIFE_GOOD_MS is restarted at once.
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
#include <sys/wait.h>

#include "log.h"

#define LIFE_GOOD_MS 10000
#define DELAY_FIRST_MS 100
#define HURRY_MS 1000

struct slot {
	struct muster__supervisor *supervisor;
	pid_t pid; /* 0: none */
	uint64_t started_ms;
	unsigned young_deaths; /* in a row */
	unsigned restarts;
	uv_timer_t restart;
};

struct muster__supervisor {
	uv_loop_t *loop;
	struct muster__supervisor_opts opts;
	struct muster__self *self;
	uv_signal_t child;
	uv_timer_t kill;
	uint64_t kill_ms; /* when, once stopping */
	bool stopping;
	unsigned running;
	struct slot slots[];
};

static unsigned slot_idx(const struct slot *slot)
{
	return (unsigned)(slot - slot->supervisor->slots);
}

static void show_slots(struct muster__supervisor *s)
{
	unsigned waiting = s->stopping ? 0 : s->opts.workers - s->running;

	muster__self_slots(s->self, (struct muster__self_slots){.running = s->running, .waiting = waiting});
}

/* ---- starting ----------------------------------------------------------------------------- */

static int slot_spawn(struct slot *slot)
{
	struct muster__supervisor *s = slot->supervisor;
	pid_t pid;
	int rc = muster__child_fork(&s->opts.plan, slot_idx(slot), &pid);

	if (rc != 0)
		return rc;
	uv_update_time(s->loop);
	slot->pid = pid;
	slot->started_ms = uv_now(s->loop);
	s->running++;
	show_slots(s);
	return 0;
}

/* What the next restart of this slot waits. */
static uint64_t delay_ms(struct slot *slot, uint64_t life_ms)
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

static void restart_fired(uv_timer_t *timer)
{
	struct slot *slot = timer->data;
	int rc = slot_spawn(slot);

	if (rc == 0) {
		slot->restarts++;
		muster__self_worker_restarted(slot->supervisor->self);
		return;
	}
	uint64_t wait = delay_ms(slot, 0);
	muster__log(MUSTER__LOG_ERROR, "worker %u cannot be started: %s; next try in %.1f s", slot_idx(slot), strerror(-rc),
	            (double)wait / 1000);
	uv_timer_start(&slot->restart, restart_fired, wait, 0);
}

/* ---- reaping ------------------------------------------------------------------------------ */

static void describe(int status, char *out, size_t room)
{
	if (!WIFSIGNALED(status)) {
		(void)snprintf(out, room, "exited with status %d", WEXITSTATUS(status));
		return;
	}
	const char *name = sigabbrev_np(WTERMSIG(status));
	(void)snprintf(out, room, "was killed by signal %d (SIG%s)%s", WTERMSIG(status), name ? name : "?",
	               WCOREDUMP(status) ? ", core dumped" : "");
}

static void log_death(const struct slot *slot, pid_t pid, int status, uint64_t life_ms, uint64_t wait_ms)
{
	char how[64], again[64] = "";

	describe(status, how, sizeof how);
	if (slot->young_deaths > 1)
		(void)snprintf(again, sizeof again, ", the %u. time in a row within %d s", slot->young_deaths,
		               LIFE_GOOD_MS / 1000);
	muster__log(MUSTER__LOG_WARNING, "worker %u (pid %d) %s after %.1f s%s; restart in %.1f s", slot_idx(slot),
	            (int)pid, how, (double)life_ms / 1000, again, (double)wait_ms / 1000);
}

static void slot_died(struct slot *slot, int status)
{
	struct muster__supervisor *s = slot->supervisor;
	uint64_t life_ms = uv_now(s->loop) - slot->started_ms;
	pid_t pid = slot->pid;

	slot->pid = 0;
	s->running--;
	muster__self_worker_exited(s->self, status);
	if (!s->stopping) {
		uint64_t wait_ms = delay_ms(slot, life_ms);
		log_death(slot, pid, status, life_ms, wait_ms);
		uv_timer_start(&slot->restart, restart_fired, wait_ms, 0);
	}
	show_slots(s);
}

static struct slot *slot_of(struct muster__supervisor *s, pid_t pid)
{
	for (unsigned i = 0; i < s->opts.workers; i++)
		if (s->slots[i].pid == pid)
			return &s->slots[i];
	return NULL;
}

static void stopped_if_empty(struct muster__supervisor *s)
{
	if (!s->stopping || s->running)
		return;
	uv_timer_stop(&s->kill);
	s->opts.stopped(s->opts.ctx);
}

static void child_changed(uv_signal_t *signal, int signo)
{
	struct muster__supervisor *s = signal->data;
	unsigned before = s->running;
	int status;
	pid_t pid;

	(void)signo;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		struct slot *slot = slot_of(s, pid);
		if (slot)
			slot_died(slot, status);
	}
	if (s->running == before)
		return;
	s->opts.died(s->opts.ctx);
	stopped_if_empty(s);
}

/* ---- life of the supervisor --------------------------------------------------------------- */

/* After a failed start: nobody has seen these workers yet, so they get no grace. */
static void kill_and_reap(struct muster__supervisor *s)
{
	for (unsigned i = 0; i < s->opts.workers; i++) {
		if (s->slots[i].pid == 0)
			continue;
		(void)kill(s->slots[i].pid, SIGKILL);
		(void)waitpid(s->slots[i].pid, NULL, 0);
	}
}

static int spawn_all(struct muster__supervisor *s)
{
	for (unsigned i = 0; i < s->opts.workers; i++) {
		int rc = slot_spawn(&s->slots[i]);
		if (rc != 0) {
			kill_and_reap(s);
			return rc;
		}
	}
	return 0;
}

static void handles_init(struct muster__supervisor *s)
{
	uv_signal_init(s->loop, &s->child);
	uv_timer_init(s->loop, &s->kill);
	s->child.data = s->kill.data = s;
	for (unsigned i = 0; i < s->opts.workers; i++) {
		s->slots[i].supervisor = s;
		uv_timer_init(s->loop, &s->slots[i].restart);
		s->slots[i].restart.data = &s->slots[i];
	}
}

int muster__supervisor_start(uv_loop_t *loop, const struct muster__supervisor_opts *opts, struct muster__self *self,
                             struct muster__supervisor **out)
{
	struct muster__supervisor *s = calloc(1, sizeof *s + opts->workers * sizeof *s->slots);

	if (s == NULL)
		return -ENOMEM;
	s->loop = loop;
	s->opts = *opts;
	s->self = self;
	handles_init(s);
	*out = s; /* its handles are in the loop now, so the caller closes it even if a fork fails */
	int rc = uv_signal_start(&s->child, child_changed, SIGCHLD);
	return rc == 0 ? spawn_all(s) : rc;
}

static void signal_all(const struct muster__supervisor *s, int signo)
{
	for (unsigned i = 0; i < s->opts.workers; i++)
		if (s->slots[i].pid)
			(void)kill(s->slots[i].pid, signo);
}

static void kill_fired(uv_timer_t *timer)
{
	struct muster__supervisor *s = timer->data;

	muster__log(MUSTER__LOG_WARNING, "%u workers did not end in time: killing them", s->running);
	signal_all(s, SIGKILL);
}

/* Kill at the given time, or earlier if that was agreed before. */
static void kill_by(struct muster__supervisor *s, uint64_t when_ms)
{
	uint64_t now = uv_now(s->loop);

	if (when_ms < s->kill_ms)
		s->kill_ms = when_ms;
	uv_timer_start(&s->kill, kill_fired, s->kill_ms > now ? s->kill_ms - now : 0, 0);
}

void muster__supervisor_stop(struct muster__supervisor *s)
{
	uv_update_time(s->loop);
	if (s->stopping) {
		kill_by(s, uv_now(s->loop) + HURRY_MS);
		return;
	}
	s->stopping = true;
	for (unsigned i = 0; i < s->opts.workers; i++)
		uv_timer_stop(&s->slots[i].restart);
	signal_all(s, SIGTERM);
	signal_all(s, SIGCONT); /* a stopped worker could not heed it */
	s->kill_ms = UINT64_MAX;
	kill_by(s, uv_now(s->loop) + (uint64_t)(s->opts.grace_seconds * 1000));
	show_slots(s);
	stopped_if_empty(s);
}

void muster__supervisor_close(struct muster__supervisor *s)
{
	if (s == NULL)
		return;
	uv_close((uv_handle_t *)&s->child, NULL);
	uv_close((uv_handle_t *)&s->kill, NULL);
	for (unsigned i = 0; i < s->opts.workers; i++)
		uv_close((uv_handle_t *)&s->slots[i].restart, NULL);
}

void muster__supervisor_destroy(struct muster__supervisor **supervisor)
{
	if (*supervisor)
		muster__descriptors_free(&(*supervisor)->opts.plan.inherited);
	free(*supervisor);
	*supervisor = NULL;
}

size_t muster__supervisor_count(const struct muster__supervisor *s)
{
	return s ? s->opts.workers : 0;
}

void muster__supervisor_status(const struct muster__supervisor *s, size_t slot, struct muster__worker_status *out)
{
	const struct slot *from = &s->slots[slot];

	out->pid = from->pid;
	out->age_seconds = from->pid ? (double)(uv_now(s->loop) - from->started_ms) / 1000 : 0;
	out->restarts = from->restarts;
}
