/* SPDX-License-Identifier: Apache-2.0 */
/*
 * error.h - the thread's last error as a sentence.
 */
#ifndef MUSTER__ERROR_H
#define MUSTER__ERROR_H

/* Keep a sentence for muster_error_message(): what was refused, its value, the limit, the remedy.
 * Returns code, so that `return muster__error(...)` reads well.
 * Context: any thread, signal handlers too (no allocation; %s, %d, %u, %zu, %x and precisions only). */
int muster__error(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
