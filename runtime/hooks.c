/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hooks.c - spawn, bound in number and time, and tell what went wrong. Runs in the master, on its loop; a hook
 * is a child of the master with default signal dispositions and no descriptor of its.
 */
#include "hooks.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "death.h"
#include "log.h"

#define VARIABLES 3

static const char *const names[MUSTER__HOOK_COUNT] = {"--on-before-worker-start", "--on-worker-start",
                                                      "--on-worker-exit"};
static const char *const labels[MUSTER__HOOK_COUNT] = {"before_worker_start", "worker_start", "worker_exit"};

static bool is_ours(const char *variable)
{
	return strncmp(variable, "MUSTER_WORKER_", strlen("MUSTER_WORKER_")) == 0;
}

/* Our environment with VARIABLES more; the array is the caller's to free, the strings are not. */
static char **environment_with(char *const *variables)
{
	size_t count = 0, kept = 0;

	while (environ[count])
		count++;
	char **all = calloc(count + VARIABLES + 1, sizeof *all);
	if (all == NULL)
		return NULL;
	for (size_t i = 0; i < count; i++)
		if (!is_ours(environ[i]))
			all[kept++] = environ[i];
	memcpy(all + kept, variables, VARIABLES * sizeof *variables);
	return all;
}

static int spawn(const char *path, char *const *variables, pid_t *pid)
{
	char *argv[] = {(char *)path, NULL}, **env = environment_with(variables);
	posix_spawnattr_t attr;
	sigset_t all, none;

	if (env == NULL)
		return ENOMEM;
	sigfillset(&all);
	sigemptyset(&none);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
	int error = posix_spawn(pid, path, NULL, &attr, argv, env);
	posix_spawnattr_destroy(&attr);
	free(env);
	return error;
}

static struct muster__hook_run *run_of(struct muster__hooks *hooks, pid_t pid)
{
	for (size_t i = 0; i < MUSTER__HOOKS_RUNNING_MAX; i++)
		if (hooks->running[i].pid == pid)
			return &hooks->running[i];
	return NULL;
}

void muster__hook_failed(const struct muster__hooks *hooks, enum muster__hook hook, const char *why)
{
	muster__log(MUSTER__LOG_WARNING, "%s %s: %s", names[hook], hooks->paths[hook], why);
	muster__self_hook_failed(hooks->self, labels[hook]);
}

int muster__hook_start(const struct muster__hooks *hooks, enum muster__hook hook, pid_t worker, unsigned slot,
                       const char *reason, pid_t *out)
{
	char pid_text[48], slot_text[48], reason_text[80], *variables[VARIABLES] = {slot_text, reason_text, NULL};

	(void)snprintf(slot_text, sizeof slot_text, "MUSTER_WORKER_SLOT=%u", slot);
	(void)snprintf(reason_text, sizeof reason_text, "MUSTER_WORKER_REASON=%s", reason);
	(void)snprintf(pid_text, sizeof pid_text, "MUSTER_WORKER_PID=%d", (int)worker);
	if (worker)
		variables[2] = pid_text;
	return -spawn(hooks->paths[hook], variables, out);
}

void muster__hook_run(struct muster__hooks *hooks, enum muster__hook hook, uint64_t now_ms, pid_t worker, unsigned slot,
                      const char *reason)
{
	struct muster__hook_run *run = run_of(hooks, 0);
	pid_t pid;

	if (hooks->paths[hook] == NULL)
		return;
	if (run == NULL) {
		muster__hook_failed(hooks, hook, "too many hooks run already; this one is left out");
		return;
	}
	int rc = muster__hook_start(hooks, hook, worker, slot, reason, &pid);
	if (rc != 0)
		muster__hook_failed(hooks, hook, strerror(-rc));
	else
		*run = (struct muster__hook_run){pid, hook, now_ms + MUSTER__HOOK_SECONDS_MAX * 1000};
}

bool muster__hook_reaped(struct muster__hooks *hooks, pid_t pid, int wait_status)
{
	struct muster__hook_run *run = run_of(hooks, pid);
	char how[MUSTER__DEATH_BYTES];

	if (run == NULL)
		return false;
	run->pid = 0;
	if (wait_status != 0) {
		muster__death_describe(wait_status, false, how);
		muster__hook_failed(hooks, run->hook, how);
	}
	return true;
}

unsigned muster__hooks_check(struct muster__hooks *hooks, uint64_t now_ms)
{
	unsigned running = 0;

	for (size_t i = 0; i < MUSTER__HOOKS_RUNNING_MAX; i++) {
		const struct muster__hook_run *run = &hooks->running[i];
		running += run->pid != 0;
		if (run->pid && now_ms >= run->kill_ms)
			(void)kill(run->pid, SIGKILL);
	}
	return running;
}
