/* SPDX-License-Identifier: Apache-2.0 */
/*
 * names.c - what a name, a label and a text may be. Pure functions, any process.
 */
#include "names.h"

#include <stdint.h>
#include <string.h>

bool muster__legacy_name(const char *name, size_t bytes, bool colons)
{
	for (size_t i = 0; i < bytes; i++)
		if (!muster__legacy_char(name[i], i == 0, colons))
			return false;
	return bytes > 0;
}

bool muster__unit_valid(const char *unit, size_t bytes)
{
	return bytes <= MUSTER_NAME_BYTES_MAX && muster__legacy_name(unit, bytes, false);
}

static bool text_valid(const char *s, size_t bytes)
{
	return bytes > 0 && bytes <= MUSTER_NAME_BYTES_MAX && muster__utf8_valid(s, bytes);
}

static bool equals(const char *s, size_t bytes, const char *word)
{
	return bytes == strlen(word) && memcmp(s, word, bytes) == 0;
}

static bool ends_with(const char *s, size_t bytes, const char *suffix)
{
	size_t n = strlen(suffix);

	return bytes >= n && memcmp(s + bytes - n, suffix, n) == 0;
}

bool muster__name_valid(const char *name, size_t bytes)
{
	return text_valid(name, bytes) && memchr(name, ':', bytes) == NULL;
}

bool muster__imported_name_valid(const char *name, size_t bytes)
{
	return text_valid(name, bytes);
}

bool muster__label_name_valid(const char *name, size_t bytes, enum muster_type type, enum muster_mode mode)
{
	return text_valid(name, bytes) && !muster__label_name_reserved(name, bytes, type, mode);
}

bool muster__label_name_reserved(const char *name, size_t bytes, enum muster_type type, enum muster_mode mode)
{
	bool per_pid = muster__is_gauge(type) && (mode == MUSTER_ALL || mode == MUSTER_LIVEALL);

	return (bytes >= 2 && name[0] == '_' && name[1] == '_') || equals(name, bytes, "le") ||
	       equals(name, bytes, "quantile") || (per_pid && equals(name, bytes, "pid"));
}

/* RFC 3629, table of section 4. */
size_t muster__utf8_sequence(const char *text, size_t bytes)
{
	const unsigned char *s = (const unsigned char *)text;
	unsigned char lead = s[0];
	size_t n = lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;

	if (n == 0 || n > bytes || lead == 0)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	bool bad = (lead == 0xe0 && s[1] < 0xa0) || (lead == 0xed && s[1] > 0x9f) || (lead == 0xf0 && s[1] < 0x90) ||
	           (lead == 0xf4 && s[1] > 0x8f);
	return bad ? 0 : n;
}

bool muster__utf8_valid(const char *text, size_t bytes)
{
	for (size_t i = 0; i < bytes;) {
		size_t n = muster__utf8_sequence(text + i, bytes - i);
		if (n == 0)
			return false;
		i += n;
	}
	return true;
}

#define HISTOGRAMS (1u << MUSTER_HISTOGRAM | 1u << MUSTER_NATIVE_HISTOGRAM)
#define DISTRIBUTIONS (HISTOGRAMS | 1u << MUSTER_SUMMARY)

const struct muster__sample_suffix muster__sample_suffixes[MUSTER__SAMPLE_SUFFIXES] = {
	{"_bucket", HISTOGRAMS},
	{"_count", DISTRIBUTIONS},
	{"_sum", DISTRIBUTIONS},
	{"_created", DISTRIBUTIONS},
};

const char *muster__suffix_wrong(const char *name, size_t bytes, enum muster_type type)
{
	/* What encoders append themselves; promlint and OpenMetrics 1.0 keep them for that. */
	static const char *const reserved[] = {"_bucket", "_count", "_sum", "_created"};

	for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
		if (ends_with(name, bytes, reserved[i]))
			return reserved[i];
	bool counter = type == MUSTER_COUNTER || type == MUSTER_REAL_COUNTER;
	if (counter != ends_with(name, bytes, "_total"))
		return "_total";
	return type == MUSTER_INFO && !ends_with(name, bytes, "_info") ? "_info" : NULL;
}
