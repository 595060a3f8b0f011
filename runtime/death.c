/* SPDX-License-Identifier: Apache-2.0 */
/*
 * death.c - wait statuses in words. Runs in the master.
 */
#include "death.h"

#include <stdio.h>
#include <sys/wait.h>

#include "signals.h"

void muster__death_describe(int status, bool oom, char out[MUSTER__DEATH_BYTES])
{
	if (WIFSIGNALED(status))
		(void)snprintf(out, MUSTER__DEATH_BYTES, "was killed by signal %d (%s)%s%s", WTERMSIG(status),
		               muster__signal_name(WTERMSIG(status)), oom ? " by the kernel, out of memory" : "",
		               WCOREDUMP(status) ? ", core dumped" : "");
	else
		(void)snprintf(out, MUSTER__DEATH_BYTES, "exited with status %d", WEXITSTATUS(status));
}

void muster__death_reason(int status, bool oom, char out[MUSTER__DEATH_BYTES])
{
	if (oom)
		(void)snprintf(out, MUSTER__DEATH_BYTES, "oom");
	else if (WIFSIGNALED(status))
		(void)snprintf(out, MUSTER__DEATH_BYTES, "%s", muster__signal_name(WTERMSIG(status)));
	else
		(void)snprintf(out, MUSTER__DEATH_BYTES, "%s", WEXITSTATUS(status) ? "exit_nonzero" : "exit_0");
}
