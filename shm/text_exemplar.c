/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text_exemplar.c - an exemplar at the end of a line of OpenMetrics. Runs in readers.
 */
#include "exemplar.h"
#include "text_render.h"

static char *put(char *at, const char *bytes, size_t count)
{
	memcpy(at, bytes, count);
	return at + count;
}

char *muster__text_milliseconds(char *at, uint64_t unix_ns)
{
	unsigned ms = (unsigned)(unix_ns / 1000000 % 1000);

	at += muster__number_uint(at, unix_ns / UINT64_C(1000000000));
	*at++ = '.';
	*at++ = (char)('0' + ms / 100);
	*at++ = (char)('0' + ms / 10 % 10);
	*at++ = (char)('0' + ms % 10);
	*at++ = '\n';
	return at;
}

char *muster__text_exemplar(char *at, const struct muster__view_exemplar *e)
{
	struct muster_str name, value;

	at = put(at, " # {", 4);
	for (uint32_t label = 0; muster__exemplar_next(e, &label, &name, &value);) {
		at = put(at, name.bytes, name.count);
		at = put(at, "=\"", 2);
		at = muster__text_escape(at, value.bytes, value.count, true);
		at = put(at, "\",", 2);
	}
	at = put(at - 1, "} ", 2); /* over the last comma */
	at += muster__number_real(at, e->value, false);
	*at++ = ' ';
	return muster__text_milliseconds(at, e->time_ns);
}
