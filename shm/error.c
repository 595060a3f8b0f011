/* SPDX-License-Identifier: Apache-2.0 */
/*
 * error.c - names of error codes and the thread's last message.
 *
 * Runs in workers and masters. The message lives in a small thread-local buffer in the static TLS block,
 * so that a signal handler's first error allocates nothing.
 */
#include "error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <muster/muster.h>

#define MESSAGE_BYTES 320

static __thread char message[MESSAGE_BYTES] __attribute__((tls_model("initial-exec")));

int muster__error(int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(message, sizeof message, format, args);
	va_end(args);
	return code;
}

const char *muster_error_message(void)
{
	return message;
}

const char *muster_strerror(int code)
{
	switch (code) {
	case 0:
		return "success";
#define MUSTER__ROW(name, number, text)                                                                                \
	case MUSTER_E##name:                                                                                               \
		return text;
		MUSTER_ERRORS(MUSTER__ROW)
#undef MUSTER__ROW
	default: {
		const char *text = code < 0 && code > -4096 ? strerrordesc_np(-code) : NULL;
		return text ? text : "unknown error";
	}
	}
}
