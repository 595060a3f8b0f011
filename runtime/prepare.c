/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prepare.c - starting a worker in a slot, and the hook that runs before it. Runs in the master, on its loop.
 *
 * The loop does not wait for the hook: a slot whose hook runs has pid and deadline of it, and is started when it is
 * reaped. Only then the worker that is to be replaced is told to leave. What has changed meanwhile is looked at
 * then: the slot may not be wanted any more, or its worker may have died.
 */
#include <signal.h>
#include <string.h>

#include "death.h"
#include "log.h"
#include "supervisor_parts.h"

static int start_now(struct muster__slot *slot, const char *reason, enum muster__leave why)
{
	struct muster__process *old = slot->process;
	int rc = muster__slot_spawn(slot, reason);

	if (rc == 0 && old)
		muster__process_leave(old, why);
	muster__slots_show(slot->supervisor);
	return rc;
}

int muster__slot_start(struct muster__slot *slot, const char *reason, enum muster__leave why)
{
	struct muster__supervisor *s = slot->supervisor;

	if (s->opts.on_before_worker_start == NULL)
		return start_now(slot, reason, why);
	slot->reason = reason;
	slot->why = why;
	slot->hook_by_ms = uv_now(s->loop) + MUSTER__HOOK_SECONDS_MAX * 1000;
	int rc = muster__hook_start(&s->hooks, MUSTER__HOOK_BEFORE, 0, slot->idx, reason, &slot->hook);
	if (rc != 0) {
		slot->hook = 0;
		muster__hook_failed(&s->hooks, MUSTER__HOOK_BEFORE, strerror(-rc));
	}
	return rc;
}

static void start_failed(struct muster__slot *slot, const char *why)
{
	if (slot->process)
		muster__replace_failed(slot, slot->why, why);
	else
		muster__slot_failed(slot, why);
}

static void hook_ended(struct muster__slot *slot, int wait_status)
{
	struct muster__supervisor *s = slot->supervisor;
	char how[MUSTER__DEATH_BYTES];

	if (wait_status != 0 && !s->stopping) {
		muster__death_describe(wait_status, false, how);
		muster__hook_failed(&s->hooks, MUSTER__HOOK_BEFORE, how);
	}
	if (s->stopping || s->paused || slot->idx >= s->opts.workers)
		return;
	if (slot->process && (slot->why == MUSTER__LEAVE_STAY || slot->process->leave != MUSTER__LEAVE_STAY))
		return; /* there is one again, or it has been told otherwise and its successor will be started when it is gone */
	if (wait_status != 0) {
		start_failed(slot, "its hook failed");
		return;
	}
	int rc = start_now(slot, slot->reason, slot->why);
	if (rc != 0)
		start_failed(slot, strerror(-rc));
	muster__reload_step(s);
}

static struct muster__slot *slot_of(const struct muster__supervisor *s, pid_t pid)
{
	for (unsigned i = 0; i < MUSTER_WORKERS_MAX && s->slots[i]; i++)
		if (s->slots[i]->hook == pid)
			return s->slots[i];
	return NULL;
}

bool muster__slot_prepared(struct muster__supervisor *s, pid_t pid, int wait_status)
{
	struct muster__slot *slot = slot_of(s, pid);

	if (slot == NULL)
		return false;
	slot->hook = 0;
	hook_ended(slot, wait_status);
	return true;
}

bool muster__slots_prepare(const struct muster__supervisor *s)
{
	for (unsigned i = 0; i < MUSTER_WORKERS_MAX && s->slots[i]; i++)
		if (s->slots[i]->hook)
			return true;
	return false;
}

static void kill_those_due(const struct muster__supervisor *s, uint64_t now_ms)
{
	for (unsigned i = 0; i < MUSTER_WORKERS_MAX && s->slots[i]; i++)
		if (s->slots[i]->hook && s->slots[i]->hook_by_ms <= now_ms)
			(void)kill(s->slots[i]->hook, SIGKILL);
}

void muster__prepares_check(struct muster__supervisor *s)
{
	kill_those_due(s, uv_now(s->loop));
}

void muster__prepares_end(struct muster__supervisor *s)
{
	kill_those_due(s, UINT64_MAX);
}
