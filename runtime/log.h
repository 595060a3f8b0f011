/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log.h - the master's events, one line each on stderr: `NAME: LEVEL: text`, or a JSON object with the members
 * time (RFC 3339, UTC), level, name and message.
 */
#ifndef MUSTER__LOG_H
#define MUSTER__LOG_H

#include <stdbool.h>

enum muster__log_level { MUSTER__LOG_INFO, MUSTER__LOG_WARNING, MUSTER__LOG_ERROR };

/* What the lines begin with; "muster" until told. The string is kept, not copied. */
void muster__log_name(const char *name);

/* JSON lines from now on, or text again. */
void muster__log_json(bool on);

/* Write one line with one write(2). Bytes that could fake a line or drive a terminal become '?'.
 * Context: any process, also a forked child; not a signal handler. */
void muster__log(enum muster__log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same at level error; returns status, so that `return muster__refuse(EX_USAGE, ...)` reads well. */
int muster__refuse(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
