/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replace.c - ending living workers: told with TERM, killed after the grace period; for others in their place, one
 * after the other; because they are over a limit; or by order: more, fewer, reload, pause. Runs in the master, on
 * its loop.
 *
 * A reload is a generation. A worker of an older one is replaced when all slots have a worker, nobody leaves
 * for the reload, and the new ones have lived for a moment, or longer where one died young: so at most one
 * worker more than configured runs, and a new program that cannot live stops the reload at the first slot
 * instead of taking down one after the other.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "supervisor_parts.h"

#define SETTLE_MS 500
#define SETTLE_AFTER_DEATH_MS 3000
#define ABORT_MS 1000 /* from ABRT to KILL */
#define TURNS_RETRY_MS 10000
#define TOLD_MS 10000 /* how long workers may be silent about their requests before that is noted */

const char *muster__leave_word(enum muster__leave why)
{
	static const char *const words[] = {
#define ROW(id, word) word,
		MUSTER__LEAVES(ROW)
#undef ROW
	};

	return words[why];
}

/* ---- from TERM to KILL -------------------------------------------------------------------- */

static void kill_timer_set(struct muster__supervisor *s)
{
	uint64_t first = UINT64_MAX, now = uv_now(s->loop);

	for (const struct muster__process *p = s->processes; p; p = p->next)
		first = p->kill_ms < first ? p->kill_ms : first;
	if (first == UINT64_MAX)
		uv_timer_stop(&s->kill);
	else
		uv_timer_start(&s->kill, muster__kill_fired, first > now ? first - now : 0, 0);
}

void muster__kill_fired(uv_timer_t *timer)
{
	struct muster__supervisor *s = timer->data;
	unsigned late = 0;

	for (struct muster__process *p = s->processes; p; p = p->next)
		late += p->kill_ms <= uv_now(s->loop);
	if (late)
		muster__log(MUSTER__LOG_WARNING, "%u workers did not end in time: killing them", late);
	muster__self_killed(s->self, late);
	for (struct muster__process *p = s->processes; p; p = p->next)
		if (p->kill_ms <= uv_now(s->loop)) {
			(void)kill(p->pid, SIGKILL);
			p->killed = true;
			p->kill_ms = UINT64_MAX;
		}
	kill_timer_set(s);
}

/* Kill those that leave at the given time, or earlier if that was agreed before. */
void muster__process_kill_by(struct muster__supervisor *s, uint64_t when_ms)
{
	for (struct muster__process *p = s->processes; p; p = p->next)
		if (p->leave != MUSTER__LEAVE_STAY && when_ms < p->kill_ms)
			p->kill_ms = when_ms;
	kill_timer_set(s);
}

void muster__process_leave(struct muster__process *p, enum muster__leave why)
{
	struct muster__supervisor *s = p->slot->supervisor;
	uint64_t by = uv_now(s->loop) + (uint64_t)(s->opts.grace_seconds * 1000);

	if (why != MUSTER__LEAVE_STOP)
		muster__self_worker_recycled(s->self, muster__leave_word(why));
	if (p->leave == MUSTER__LEAVE_STAY)
		p->kill_ms = by;
	p->leave = why;
	(void)kill(p->pid, SIGTERM);
	(void)kill(p->pid, SIGCONT); /* a stopped worker could not heed it */
	kill_timer_set(s);
}

/* ---- one in place of another -------------------------------------------------------------- */

static bool someone_leaves(const struct muster__supervisor *s, enum muster__leave why)
{
	for (const struct muster__process *p = s->processes; p; p = p->next)
		if (p->leave == why)
			return true;
	return false;
}

static bool slots_are_full(const struct muster__supervisor *s)
{
	for (unsigned i = 0; i < s->opts.workers; i++)
		if (s->slots[i]->process == NULL)
			return false;
	return true;
}

static struct muster__slot *oldest_generation(const struct muster__supervisor *s)
{
	for (unsigned i = 0; i < s->opts.workers; i++)
		if (s->slots[i]->process->generation != s->generation)
			return s->slots[i];
	return NULL;
}

/* How long until all workers of the new generation have settled. */
static uint64_t settle_ms(const struct muster__supervisor *s)
{
	uint64_t longest = 0;

	for (unsigned i = 0; i < s->opts.workers; i++) {
		const struct muster__process *p = s->slots[i]->process;
		uint64_t age = uv_now(s->loop) - p->started_ms;
		uint64_t need = s->slots[i]->young_deaths ? SETTLE_AFTER_DEATH_MS : SETTLE_MS;
		if (p->generation == s->generation && age < need && need - age > longest)
			longest = need - age;
	}
	return longest;
}

void muster__settle_fired(uv_timer_t *timer)
{
	muster__reload_step(timer->data);
}

static void reload_ended(struct muster__supervisor *s)
{
	s->reloading = false;
	s->opts.reloaded(s->opts.ctx);
}

void muster__reload_step(struct muster__supervisor *s)
{
	if (!s->reloading || s->stopping || s->paused || someone_leaves(s, MUSTER__LEAVE_RELOAD) || !slots_are_full(s) ||
	    muster__slots_prepare(s))
		return;
	uint64_t wait_ms = settle_ms(s);
	if (wait_ms) {
		uv_timer_start(&s->settle, muster__settle_fired, wait_ms, 0);
		return;
	}
	struct muster__slot *slot = oldest_generation(s);
	if (slot == NULL) {
		muster__log(MUSTER__LOG_INFO, "reloaded: all %u workers are new", s->opts.workers);
		reload_ended(s);
		return;
	}
	int rc = muster__slot_start(slot, muster__leave_word(MUSTER__LEAVE_RELOAD), MUSTER__LEAVE_RELOAD);
	if (rc != 0)
		muster__replace_failed(slot, MUSTER__LEAVE_RELOAD, strerror(-rc));
}

void muster__replace_failed(struct muster__slot *slot, enum muster__leave why, const char *error)
{
	struct muster__supervisor *s = slot->supervisor;

	if (why == MUSTER__LEAVE_RELOAD) {
		muster__log(MUSTER__LOG_ERROR,
		            "reload given up at worker %u: %s; the old workers stay; send HUP again when it is mended",
		            slot->idx, error);
		reload_ended(s);
		return;
	}
	s->turns_after_ms = uv_now(s->loop) + TURNS_RETRY_MS;
	muster__log(MUSTER__LOG_ERROR, "worker %u is over its %s and cannot be replaced: %s; next try in %d s", slot->idx,
	            why == MUSTER__LEAVE_LIFETIME ? "lifetime" : "number of requests", error, TURNS_RETRY_MS / 1000);
}

/* ---- limits ------------------------------------------------------------------------------- */

/* Has it ended as many requests as it may? */
static bool requests_over(struct muster__supervisor *s, const struct muster__process *p)
{
	uint64_t ended = 0;

	if (p->requests_max == UINT64_MAX || !s->opts.requests(s->opts.ctx, p->pid, &ended))
		return false;
	s->requests_told = true;
	return ended >= p->requests_max;
}

static enum muster__leave due(struct muster__supervisor *s, const struct muster__process *p)
{
	if (p->leave != MUSTER__LEAVE_STAY)
		return MUSTER__LEAVE_STAY;
	if (uv_now(s->loop) >= p->expires_ms)
		return MUSTER__LEAVE_LIFETIME;
	return requests_over(s, p) ? MUSTER__LEAVE_REQUESTS : MUSTER__LEAVE_STAY;
}

/* One at a time, as a reload does it. */
static void check_turns(struct muster__supervisor *s)
{
	if (s->paused || s->stopping || someone_leaves(s, MUSTER__LEAVE_LIFETIME) ||
	    someone_leaves(s, MUSTER__LEAVE_REQUESTS) || muster__slots_prepare(s) || uv_now(s->loop) < s->turns_after_ms)
		return;
	for (unsigned i = 0; i < s->opts.workers; i++) {
		const struct muster__process *p = s->slots[i]->process;
		enum muster__leave why = p ? due(s, p) : MUSTER__LEAVE_STAY;
		if (why == MUSTER__LEAVE_STAY)
			continue;
		int rc = muster__slot_start(s->slots[i], muster__leave_word(why), why);
		if (rc != 0)
			muster__replace_failed(s->slots[i], why, strerror(-rc));
		return;
	}
}

/* Once: a limit that is never reached, because nobody counts. */
static void check_told(struct muster__supervisor *s)
{
	uint64_t oldest_ms = 0;

	if (s->requests_told || s->opts.requests_max == 0)
		return;
	for (const struct muster__process *p = s->processes; p; p = p->next)
		if (uv_now(s->loop) - p->started_ms > oldest_ms)
			oldest_ms = uv_now(s->loop) - p->started_ms;
	if (oldest_ms < TOLD_MS)
		return;
	s->requests_told = true;
	muster__log(
		MUSTER__LOG_WARNING,
		"no worker has told of a request yet (muster/request.h), so none is replaced for their number; it must call "
		"muster_request_begin() and muster_request_end()");
}

/* A file of /proc/PID; "" if the process is gone. */
static void proc_read(pid_t pid, const char *name, char *text, size_t room)
{
	char path[32];

	(void)snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t count = fd < 0 ? -1 : read(fd, text, room - 1);
	if (fd >= 0)
		close(fd);
	text[count > 0 ? count : 0] = '\0';
}

/* 0 if it is gone. */
static unsigned long long resident_bytes(pid_t pid)
{
	char text[128];
	unsigned long long pages = 0;

	proc_read(pid, "statm", text, sizeof text);
	return sscanf(text, "%*u %llu", &pages) == 1 ? pages * (unsigned long long)sysconf(_SC_PAGESIZE) : 0;
}

/* Its place is not filled before it is gone: memory is what there is too little of. */
static void check_memory(struct muster__supervisor *s)
{
	for (unsigned i = 0; i < s->opts.workers && s->opts.memory_max && !s->stopping; i++) {
		struct muster__process *p = s->slots[i]->process;
		if (p == NULL || p->leave != MUSTER__LEAVE_STAY)
			continue;
		unsigned long long bytes = resident_bytes(p->pid);
		if (bytes <= s->opts.memory_max)
			continue;
		muster__log(MUSTER__LOG_WARNING, "worker %u (pid %d) has %llu bytes in memory, more than %llu: replacing it", i,
		            (int)p->pid, bytes, s->opts.memory_max);
		muster__process_leave(p, MUSTER__LEAVE_MEMORY);
		muster__slots_show(s);
	}
}

/* Stopped, or being looked at by a debugger: it cannot beat, and is not to be blamed. */
static bool is_stopped(pid_t pid)
{
	char text[512];

	proc_read(pid, "stat", text, sizeof text);
	const char *state = strrchr(text, ')');
	return state && (state[2] == 'T' || state[2] == 't');
}

/* ABRT first, for a core that shows where it hangs. */
static void process_abort(struct muster__process *p)
{
	struct muster__supervisor *s = p->slot->supervisor;

	muster__log(MUSTER__LOG_WARNING, "worker %u (pid %d) has had no heartbeat for %g s: aborting it", p->slot->idx,
	            (int)p->pid, s->opts.heartbeat_seconds_max);
	muster__self_worker_recycled(s->self, muster__leave_word(MUSTER__LEAVE_HEARTBEAT));
	p->leave = MUSTER__LEAVE_HEARTBEAT;
	p->kill_ms = uv_now(s->loop) + ABORT_MS;
	(void)kill(p->pid, SIGABRT);
	kill_timer_set(s);
}

static void check_heartbeats(struct muster__supervisor *s)
{
	uint64_t now = uv_now(s->loop), most_ms = (uint64_t)(s->opts.heartbeat_seconds_max * 1000);

	for (unsigned i = 0; i < s->opts.workers && most_ms && !s->stopping; i++) {
		struct muster__process *p = s->slots[i]->process;
		if (p == NULL || p->leave != MUSTER__LEAVE_STAY)
			continue;
		uint64_t beat = s->opts.heartbeat(s->opts.ctx, p->pid);
		if (beat == 0 || beat != p->beat || is_stopped(p->pid)) {
			p->beat = beat;
			p->beat_ms = now;
		} else if (now - p->beat_ms > most_ms) {
			process_abort(p);
		}
	}
}

void muster__round_fired(uv_timer_t *timer)
{
	struct muster__supervisor *s = timer->data;

	check_heartbeats(s);
	check_turns(s);
	check_told(s);
	check_memory(s);
	muster__prepares_check(s);
	(void)muster__hooks_check(&s->hooks, uv_now(s->loop));
}

/* ---- what the operator orders ------------------------------------------------------------- */

static void resume(struct muster__supervisor *s)
{
	muster__log(MUSTER__LOG_INFO, "bringing back %u workers", s->opts.workers);
	s->paused = false;
	muster__slots_fill(s, "resume");
}

void muster__supervisor_more(struct muster__supervisor *s)
{
	if (s->stopping)
		return;
	if (s->paused) {
		resume(s);
		return;
	}
	if (s->opts.workers == MUSTER_WORKERS_MAX) {
		muster__log(MUSTER__LOG_WARNING, "%u workers are the most there can be", s->opts.workers);
		return;
	}
	s->opts.workers++;
	if (muster__slots_make(s) != 0) {
		s->opts.workers--;
		muster__log(MUSTER__LOG_ERROR, "no memory for one more worker");
		return;
	}
	muster__log(MUSTER__LOG_INFO, "one worker more: %u", s->opts.workers);
	muster__slots_fill(s, "scale");
}

void muster__supervisor_less(struct muster__supervisor *s)
{
	if (s->stopping || s->opts.workers == 1) {
		muster__log(MUSTER__LOG_INFO, "%u workers stay", s->opts.workers);
		return;
	}
	struct muster__slot *slot = s->slots[--s->opts.workers];
	struct muster__process *p = slot->process;

	muster__log(MUSTER__LOG_INFO, "one worker less: %u", s->opts.workers);
	uv_timer_stop(&slot->restart);
	slot->process = NULL;
	if (p)
		muster__process_leave(p, MUSTER__LEAVE_SCALE);
	if (s->opts.plan.shards)
		muster__shard_drop(s->opts.plan.shards, slot->idx);
	muster__reload_step(s);
	muster__slots_show(s);
}

void muster__supervisor_pause(struct muster__supervisor *s)
{
	if (s->stopping || s->paused)
		return;
	muster__log(MUSTER__LOG_INFO, "ending all workers; HUP or TTIN brings them back");
	s->paused = true;
	for (unsigned i = 0; i < s->opts.workers; i++) {
		struct muster__process *p = s->slots[i]->process;
		uv_timer_stop(&s->slots[i]->restart);
		s->slots[i]->process = NULL;
		if (p)
			muster__process_leave(p, MUSTER__LEAVE_PAUSE);
	}
	muster__slots_show(s);
}

void muster__supervisor_reload(struct muster__supervisor *s)
{
	if (s->stopping)
		return;
	s->generation++;
	if (s->paused)
		resume(s);
	s->reloading = true;
	muster__reload_step(s);
}

void muster__supervisor_signal(const struct muster__supervisor *s, int signo)
{
	for (const struct muster__process *p = s->processes; p; p = p->next)
		(void)kill(p->pid, signo);
}
