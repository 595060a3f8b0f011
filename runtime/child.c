/* SPDX-License-Identifier: Apache-2.0 */
/*
 * child.c - fork, then undo in the child what the master is: signal dispositions, signal mask, its
 * descriptors. Then run the callback, or place the listeners from descriptor 3 on and exec.
 *
 * A wrapped server gets the mask and the dispositions that the master was started with, as if exec'ed by whoever
 * started that. It gets a process group of its own, and the terminal's attention if we have it: servers that
 * signal their group must not hit the master, and a Ctrl-C must reach them once, not from the terminal and then
 * from the master.
 *
 * The list of descriptors to close is taken in the master right before the fork: all numbers on it are
 * still taken while fork's own handlers run in the child, so nothing those handlers open (libuv makes
 * itself a new lock pipe) can be on it.
 */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#define LISTEN_FDS_START 3

static void signals_default(void)
{
	struct sigaction sa = {.sa_handler = SIG_DFL};
	sigset_t none;

	for (int signo = 1; signo < NSIG; signo++)
		(void)sigaction(signo, &sa, NULL); /* fails for KILL, STOP and libc's own: as it should */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void signals_as_found(const struct muster__signals *signals)
{
	sigaction(SIGPIPE, &signals->pipe_before, NULL);
	sigprocmask(SIG_SETMASK, &signals->mask_before, NULL); /* exec undoes the handlers */
}

/* All signals are still blocked: from the background, tcsetpgrp() would stop us. */
static void group_own(void)
{
	bool foreground = tcgetpgrp(STDIN_FILENO) == getpgrp();

	(void)setpgid(0, 0);
	if (foreground)
		(void)tcsetpgrp(STDIN_FILENO, getpgrp());
}

/* The slot-th of the processors this process may use, counted round. A refusal costs locality, no more. */
static void pin(unsigned slot)
{
	cpu_set_t allowed, one;

	CPU_ZERO(&one);
	if (sched_getaffinity(0, sizeof allowed, &allowed) != 0)
		return;
	int skip = (int)(slot % (unsigned)CPU_COUNT(&allowed));
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &allowed) && skip-- == 0)
			CPU_SET(cpu, &one);
	(void)sched_setaffinity(0, sizeof one, &one);
}

static int set_number(const char *name, long number)
{
	char text[24];

	(void)snprintf(text, sizeof text, "%ld", number);
	return setenv(name, text, 1);
}

/* Move the listeners to 3, 4, ... through numbers above the target range, so that none is overwritten
 * before it moved. dup2 also clears close-on-exec. */
static int place_listeners(const struct muster__child_plan *plan, int *error_fd)
{
	int first_free = LISTEN_FDS_START + (int)plan->listen_count, moved[MUSTER__LISTENERS_MAX];

	*error_fd = fcntl(*error_fd, F_DUPFD_CLOEXEC, first_free);
	for (size_t i = 0; i < plan->listen_count; i++)
		if ((moved[i] = fcntl(plan->listen_fds[i], F_DUPFD_CLOEXEC, first_free)) < 0)
			return -errno;
	for (size_t i = 0; i < plan->listen_count; i++)
		if (dup2(moved[i], LISTEN_FDS_START + (int)i) < 0)
			return -errno;
	return 0;
}

static int set_environment(const struct muster__child_plan *plan)
{
	(void)unsetenv("LISTEN_FDNAMES");
	(void)unsetenv("LISTEN_FDS");
	(void)unsetenv("LISTEN_PID");
	if (plan->listen_count == 0)
		return 0;
	if (plan->listen_names && setenv("LISTEN_FDNAMES", plan->listen_names, 1) != 0)
		return -ENOMEM;
	return set_number("LISTEN_FDS", (long)plan->listen_count) == 0 && set_number("LISTEN_PID", getpid()) == 0 ? 0
	                                                                                                          : -ENOMEM;
}

static _Noreturn void child_exec(const struct muster__child_plan *plan, int error_fd)
{
	int rc = place_listeners(plan, &error_fd);

	if (rc == 0)
		rc = set_environment(plan);
	if (rc == 0 && plan->user)
		rc = muster__user_become(plan->user);
	if (rc == 0 && plan->in_child)
		plan->in_child(plan->in_child_ctx);
	if (rc == 0) {
		if (plan->path) /* a shell would take a broken file for a script */
			execv(plan->path, plan->argv);
		else
			execvp(plan->argv[0], plan->argv);
		rc = -errno;
	}
	(void)!write(error_fd, &rc, sizeof rc);
	_exit(127);
}

static _Noreturn void child_call(const struct muster__child_plan *plan, unsigned slot)
{
	struct muster_worker worker = {.slot = slot, .listen_fds = plan->listen_fds, .listen_count = plan->listen_count};
	if (plan->user && muster__user_become(plan->user) != 0)
		_exit(EX_NOPERM);
	int status = plan->worker(&worker, plan->ctx);

	(void)fflush(NULL);
	_exit(status); /* atexit handlers are the master's */
}

static _Noreturn void child_main(const struct muster__child_plan *plan, unsigned slot,
                                 const struct muster__descriptors *own, const int error_pipe[2])
{
	for (size_t i = 0; i < own->count; i++)
		(void)close(own->fds[i]);
	if (plan->cpu_affinity)
		pin(slot);
	if (plan->own_group)
		group_own();
	if (plan->signals)
		signals_as_found(plan->signals);
	else
		signals_default();
	if (plan->worker)
		child_call(plan, slot);
	(void)close(error_pipe[0]);
	child_exec(plan, error_pipe[1]);
}

/* All signals are blocked over the fork: one that arrived in the child before its handlers are gone would
 * run the master's handler there, and be written to the master's signal pipe. */
static pid_t fork_blocked(const struct muster__child_plan *plan, unsigned slot, const struct muster__descriptors *own,
                          const int error_pipe[2])
{
	sigset_t all, saved;

	(void)fflush(NULL); /* or the child would write the master's buffered output again */
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &saved);
	pid_t pid = fork();
	int error = errno;
	if (pid == 0)
		child_main(plan, slot, own, error_pipe);
	sigprocmask(SIG_SETMASK, &saved, NULL);
	errno = error;
	return pid;
}

/* The exec closes the pipe; a failed exec first writes why. */
static int exec_result(int fd)
{
	int rc = 0;
	ssize_t got;

	do
		got = read(fd, &rc, sizeof rc);
	while (got < 0 && errno == EINTR);
	return got == sizeof rc ? rc : 0;
}

static int fork_and_exec(const struct muster__child_plan *plan, unsigned slot, const struct muster__descriptors *own,
                         pid_t *out)
{
	int error_pipe[2];

	if (pipe2(error_pipe, O_CLOEXEC) != 0)
		return -errno;
	pid_t pid = fork_blocked(plan, slot, own, error_pipe);
	int rc = pid < 0 ? -errno : 0;
	close(error_pipe[1]);
	if (rc == 0)
		rc = exec_result(error_pipe[0]);
	close(error_pipe[0]);
	if (pid > 0 && rc != 0)
		(void)waitpid(pid, NULL, 0);
	if (rc == 0)
		*out = pid;
	return rc;
}

static int fork_only(const struct muster__child_plan *plan, unsigned slot, const struct muster__descriptors *own,
                     pid_t *out)
{
	pid_t pid = fork_blocked(plan, slot, own, NULL);

	if (pid < 0)
		return -errno;
	*out = pid;
	return 0;
}

static int fork_by(const struct muster__child_plan *plan, unsigned slot, pid_t *out)
{
	struct muster__descriptors own = {0};
	int rc = muster__descriptors_read(&own);

	if (rc == 0) {
		muster__descriptors_without(&own, plan->inherited.fds, plan->inherited.count);
		muster__descriptors_without(&own, plan->listen_fds, plan->listen_count);
		rc = plan->worker ? fork_only(plan, slot, &own, out) : fork_and_exec(plan, slot, &own, out);
	}
	muster__descriptors_free(&own);
	return rc;
}

int muster__child_fork(const struct muster__child_plan *plan, unsigned slot, pid_t *out)
{
	struct muster__child_plan of_slot = *plan;
	int rc = plan->shards ? muster__shard_get(plan->shards, slot, &of_slot.listen_fds) : 0;

	return rc == 0 ? fork_by(&of_slot, slot, out) : rc;
}
