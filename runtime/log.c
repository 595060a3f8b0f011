/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log.c - one line per event on stderr, whole or not at all: a line is built in memory and written once,
 * so that lines of the master and of its children never mix. Runs in the master and in children that
 * have not yet become a worker.
 *
 * A JSON line is ASCII whatever the message holds: a byte that is not becomes '?', so that no reader has to
 * agree with us about an encoding.
 */
#include "log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TEXT_BYTES 1024
#define LINE_BYTES (2 * TEXT_BYTES + 256) /* every byte of the text escaped, and the other members */

static const char *const level_names[] = {"info", "warning", "error"};
static const char *name = "muster";
static bool json;

void muster__log_name(const char *n)
{
	name = n;
}

void muster__log_json(bool on)
{
	json = on;
}

static void make_printable(char *text, unsigned char last)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f || (unsigned char)*text > last)
			*text = '?';
}

static void escape(const char *text, char *out)
{
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			*out++ = '\\';
		*out++ = *text;
	}
	*out = '\0';
}

static void text_line(enum muster__log_level level, char *text, char *line, size_t room)
{
	make_printable(text, 0xff);
	(void)snprintf(line, room, "%s: %s: %s\n", name, level_names[level], text);
}

/* Names are of an alphabet that needs no escapes, or a refusal is about to say so. */
static void json_line(enum muster__log_level level, char *text, char *line, size_t room)
{
	char escaped[2 * TEXT_BYTES], when[32];
	struct timespec now;
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &now);
	(void)gmtime_r(&now.tv_sec, &tm);
	(void)strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", &tm);
	make_printable(text, 0x7e);
	escape(text, escaped);
	(void)snprintf(line, room, "{\"time\":\"%s.%03ldZ\",\"level\":\"%s\",\"name\":\"%.100s\",\"message\":\"%s\"}\n",
	               when, now.tv_nsec / 1000000, level_names[level], name, escaped);
}

static void log_line(enum muster__log_level level, const char *format, va_list args)
{
	char text[TEXT_BYTES], line[LINE_BYTES];

	(void)vsnprintf(text, sizeof text, format, args);
	(json ? json_line : text_line)(level, text, line, sizeof line);
	(void)!write(STDERR_FILENO, line, strlen(line));
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
