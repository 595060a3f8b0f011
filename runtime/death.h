/* SPDX-License-Identifier: Apache-2.0 */
/*
 * death.h - how a process ended, in words: a sentence for the log, a label for metrics and hooks.
 */
#ifndef MUSTER__DEATH_H
#define MUSTER__DEATH_H

#define MUSTER__DEATH_BYTES 80

/* "exited with status 3", "was killed by signal 9 (SIGKILL)". */
void muster__death_describe(int wait_status, char out[MUSTER__DEATH_BYTES]);

/* "exit_0", "exit_nonzero", "SIGKILL". */
void muster__death_reason(int wait_status, char out[MUSTER__DEATH_BYTES]);

#endif
