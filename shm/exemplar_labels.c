/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exemplar_labels.c - putting labels into an exemplar, and judging what a slab says are some. Pure functions, any
 * process; the rules are those of OpenMetrics 1.0.
 */
#include <muster/exemplar.h>

#include "error.h"
#include "exemplar.h"
#include "layout.h"
#include "names.h"

#define LABEL_BYTES 2 /* of a label, beside its name and value */

_Static_assert(sizeof(((struct muster_exemplar *)0)->labels) == MUSTER_EXEMPLAR_BYTES_MAX, "whole words");
_Static_assert(MUSTER_EXEMPLAR_BYTES_MAX <= UINT8_MAX, "lengths are single bytes");

/* ---- rules -------------------------------------------------------------------------------- */

bool muster__exemplar_name_valid(const char *name, size_t bytes)
{
	return bytes <= MUSTER_NAME_BYTES_MAX && muster__legacy_name(name, bytes, false) &&
	       !(bytes >= 2 && name[0] == '_' && name[1] == '_');
}

uint32_t muster__code_points(const char *text, size_t bytes)
{
	uint32_t n = 0;

	for (size_t i = 0; i < bytes; i++)
		n += ((unsigned char)text[i] & 0xc0) != 0x80;
	return n;
}

/* Is there a label of that name among the first `end` bytes, which are labels? */
static bool has(const char *labels, size_t end, struct muster_str name)
{
	for (size_t at = 0; at < end;) {
		size_t bytes = (unsigned char)labels[at];
		if (bytes == name.count && memcmp(labels + at + 1, name.bytes, bytes) == 0)
			return true;
		at += 1 + bytes;
		at += 1 + (size_t)(unsigned char)labels[at];
	}
	return false;
}

static bool take(const char *labels, size_t bytes, size_t *at, struct muster_str *out)
{
	if (*at >= bytes || (unsigned char)labels[*at] > bytes - *at - 1)
		return false;
	*out = (struct muster_str){labels + *at + 1, (unsigned char)labels[*at]};
	*at += 1 + out->count;
	return true;
}

bool muster__exemplar_plausible(const char *labels, size_t bytes)
{
	struct muster_str name, value;
	uint32_t code_points = 0;

	for (size_t at = 0; at < bytes;) {
		size_t begin = at;
		if (!take(labels, bytes, &at, &name) || !take(labels, bytes, &at, &value) ||
		    !muster__exemplar_name_valid(name.bytes, name.count) || !muster__utf8_valid(value.bytes, value.count) ||
		    has(labels, begin, name))
			return false;
		code_points += (uint32_t)name.count + muster__code_points(value.bytes, value.count);
	}
	return code_points <= MUSTER_EXEMPLAR_CODE_POINTS_MAX;
}

/* ---- making one --------------------------------------------------------------------------- */

static int refuse(struct muster_exemplar *e, enum muster__event reason)
{
	e->refused = (uint32_t)reason + 1;
	return MUSTER_EEXEMPLAR;
}

static int refuse_invalid(struct muster_exemplar *e, const char *name)
{
	(void)muster__error(
		MUSTER_EEXEMPLAR,
		"exemplar label \"%.80s\": names are [a-zA-Z_][a-zA-Z0-9_]*, do not begin with __ and come once; "
		"values are UTF-8 without NUL",
		name);
	return refuse(e, MUSTER__EVENT_EXEMPLAR_INVALID);
}

static char *put_counted(char *at, const char *bytes, size_t count)
{
	*at = (char)count;
	if (count)
		memcpy(at + 1, bytes, count);
	return at + 1 + count;
}

int muster_exemplar_label(struct muster_exemplar *e, const char *name, struct muster_str value)
{
	size_t name_bytes = name ? strlen(name) : 0;
	char *labels = (char *)e->labels;

	if (e->bytes > MUSTER_EXEMPLAR_BYTES_MAX || !muster__exemplar_name_valid(name, name_bytes) ||
	    !muster__utf8_valid(value.bytes, value.count) || has(labels, e->bytes, (struct muster_str){name, name_bytes}))
		return refuse_invalid(e, name ? name : "");
	size_t bytes = e->bytes + LABEL_BYTES + name_bytes + value.count;
	size_t code_points = e->code_points + name_bytes + muster__code_points(value.bytes, value.count);
	if (bytes > MUSTER_EXEMPLAR_BYTES_MAX || code_points > MUSTER_EXEMPLAR_CODE_POINTS_MAX) {
		(void)muster__error(MUSTER_EEXEMPLAR,
		                    "exemplar label \"%.80s\": all labels would have %zu code points and %zu bytes; the limits "
		                    "are %d and %d, two bytes for each label included",
		                    name, code_points, bytes, MUSTER_EXEMPLAR_CODE_POINTS_MAX, MUSTER_EXEMPLAR_BYTES_MAX);
		return refuse(e, MUSTER__EVENT_EXEMPLAR_TOO_LONG);
	}
	(void)put_counted(put_counted(labels + e->bytes, name, name_bytes), value.bytes, value.count);
	e->bytes = (uint16_t)bytes;
	e->code_points = (uint16_t)code_points;
	return 0;
}

int muster_exemplar_trace(struct muster_exemplar *e, const char *trace_id, const char *span_id)
{
	int rc = muster_exemplar_label(e, "trace_id", muster_str(trace_id));

	return rc == 0 && span_id ? muster_exemplar_label(e, "span_id", muster_str(span_id)) : rc;
}

/* ---- traceparent -------------------------------------------------------------------------- */

enum { AT_TRACE = 3, TRACE = 32, AT_SPAN = 36, SPAN = 16, AT_FLAGS = 53, FLAGS = 2, WHOLE = 55 };

static int hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool is_hex(const char *s, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (hex(s[i]) < 0)
			return false;
	return true;
}

static bool is_id(const char *s, size_t count)
{
	size_t zeros = 0;

	while (zeros < count && s[zeros] == '0')
		zeros++;
	return zeros < count && is_hex(s, count);
}

/* Version 00 is of exactly this length, ff is none; later ones may go on behind another dash. */
static bool is_traceparent(struct muster_str h)
{
	if (h.count < WHOLE || !is_hex(h.bytes, 2) || memcmp(h.bytes, "ff", 2) == 0)
		return false;
	if (h.count > WHOLE && (memcmp(h.bytes, "00", 2) == 0 || h.bytes[WHOLE] != '-'))
		return false;
	return h.bytes[AT_TRACE - 1] == '-' && is_id(h.bytes + AT_TRACE, TRACE) && h.bytes[AT_SPAN - 1] == '-' &&
	       is_id(h.bytes + AT_SPAN, SPAN) && h.bytes[AT_FLAGS - 1] == '-' && is_hex(h.bytes + AT_FLAGS, FLAGS);
}

int muster_exemplar_traceparent(struct muster_exemplar *e, struct muster_str header)
{
	if (header.count == 0)
		return 0;
	if (!is_traceparent(header)) {
		(void)muster__error(MUSTER_EEXEMPLAR, "traceparent \"%.*s\": is not version-traceid-parentid-flags in hex",
		                    header.count < 80 ? (int)header.count : 80, header.bytes);
		return refuse(e, MUSTER__EVENT_EXEMPLAR_INVALID);
	}
	if (!(hex(header.bytes[AT_FLAGS + 1]) & 1))
		return 0;
	int rc = muster_exemplar_label(e, "trace_id", (struct muster_str){header.bytes + AT_TRACE, TRACE});
	return rc ? rc : muster_exemplar_label(e, "span_id", (struct muster_str){header.bytes + AT_SPAN, SPAN});
}
