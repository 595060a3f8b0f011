/* SPDX-License-Identifier: Apache-2.0 */
/*
 * workers.h - real workers for tests of the read side: forked, running until they are told to die.
 */
#ifndef TESTS_WORKERS_H
#define TESTS_WORKERS_H

#include <signal.h>
#include <sys/prctl.h>

#include "support.h"

static int worker_ready = -1;

/* In a worker: what it has done so far is there for the test to see. */
static inline void worker_tell(void)
{
	if (write(worker_ready, "", 1) != 1)
		_exit(97);
}

/* Fork a process that runs fn(arg) and then waits to be killed. Returns once fn has returned, or has
 * told. A worker's own children say the same by worker_tell(). */
static inline pid_t worker_start(void (*fn)(void *arg), void *arg)
{
	int fds[2];
	char byte;

	assert_int_equal(pipe(fds), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(fds[0]);
		worker_ready = fds[1];
		fn(arg);
		worker_tell();
		for (;;)
			pause();
	}
	close(fds[1]);
	assert_int_equal(read(fds[0], &byte, 1), 1);
	close(fds[0]);
	return pid;
}

static inline void worker_kill(pid_t pid)
{
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* Run fn(arg) in a process that is dead when this returns. */
static inline void worker_live_and_die(void (*fn)(void *arg), void *arg)
{
	worker_kill(worker_start(fn, arg));
}

static inline struct muster_family *declare(enum muster_type type, enum muster_mode mode, const char *name,
                                            const char *label)
{
	const char *const labels[] = {label, NULL};
	struct muster_family *family = NULL;
	struct muster_opts o = {.name = name, .help = "Help.", .mode = mode, .labels = labels};

	if (muster_declare(type, &o, &family) != 0) {
		fprintf(stderr, "%s\n", muster_error_message());
		_exit(96);
	}
	return family;
}

#endif
