/* SPDX-License-Identifier: Apache-2.0 */
/*
 * death.h - how a process ended, in words: a sentence for the log, a label for metrics and hooks.
 */
#ifndef MUSTER__DEATH_H
#define MUSTER__DEATH_H

#include <stdbool.h>

#define MUSTER__DEATH_BYTES 96

/* "exited with status 3", "was killed by signal 9 (SIGKILL)"; with `oom`, "... by the kernel, out of memory". */
void muster__death_describe(int wait_status, bool oom, char out[MUSTER__DEATH_BYTES]);

/* "exit_0", "exit_nonzero", "SIGKILL"; with `oom`, "oom". */
void muster__death_reason(int wait_status, bool oom, char out[MUSTER__DEATH_BYTES]);

#endif
