/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log.c - one line per event on stderr, whole or not at all: a line is built in memory and written once,
 * so that lines of the master and of its children never mix. Runs in the master and in children that
 * have not yet become a worker.
 */
#include "log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LINE_BYTES 1024

static const char *const level_names[] = {"info", "warning", "error"};
static const char *name = "muster";

void muster__log_name(const char *n)
{
	name = n;
}

static void make_printable(char *text, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			text[i] = '?';
}

static void log_line(enum muster__log_level level, const char *format, va_list args)
{
	char line[LINE_BYTES];
	size_t room = sizeof line - 1;

	(void)snprintf(line, room, "%s: %s: ", name, level_names[level]);
	size_t head = strlen(line);
	(void)vsnprintf(line + head, room - head, format, args);
	size_t count = strlen(line);
	make_printable(line, count);
	line[count++] = '\n';
	(void)!write(STDERR_FILENO, line, count);
}

void muster__log(enum muster__log_level level, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_line(level, format, args);
	va_end(args);
}

int muster__refuse(int status, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_line(MUSTER__LOG_ERROR, format, args);
	va_end(args);
	return status;
}
