/* SPDX-License-Identifier: Apache-2.0 */
/*
 * killed.h - run a function in a child that is killed at its nth stop at a system call.
 */
#ifndef TESTS_KILLED_H
#define TESTS_KILLED_H

#include <sys/ptrace.h>

#include "workers.h"

/* fn returns whether all went well. Returns whether the child ended before its nth stop (two a system call). */
static inline bool killed_at(bool (*fn)(void), int n)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		_exit(fn() ? 0 : 88);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	for (int i = 0; i < n; i++) {
		assert_int_equal(ptrace(PTRACE_SYSCALL, pid, NULL, NULL), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (WIFEXITED(status)) {
			assert_int_equal(WEXITSTATUS(status), 0);
			return true;
		}
	}
	worker_kill(pid);
	return false;
}

#endif
