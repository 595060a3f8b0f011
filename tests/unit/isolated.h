/* SPDX-License-Identifier: Apache-2.0 */
/*
 * isolated.h - tests that record themselves, each in a process and a region of its own.
 */
#ifndef TESTS_ISOLATED_H
#define TESTS_ISOLATED_H

#include "support.h"

__attribute__((unused)) static void isolated(void **state)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		/* What fails says so on stderr. */
		_exit(freopen("/dev/null", "w", stdout) == NULL ||
		      _cmocka_run_group_tests("alone", *state, 1, NULL, NULL) != 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

#define ISOLATED(f)                                                                                                    \
	{                                                                                                                  \
#f, isolated, NULL, NULL, &(struct CMUnitTest)                                                                 \
		{                                                                                                              \
#f, f, setup, teardown, NULL                                                                               \
		}                                                                                                              \
	}

#endif
