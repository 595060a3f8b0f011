/* SPDX-License-Identifier: Apache-2.0 */
/*
 * escape.c - one row per scheme: what becomes of the characters that do not fit, and of the underscores.
 */
#include "escape.h"

#include <stdint.h>
#include <string.h>

#include "names.h"

static char *put(char *at, const char *text)
{
	size_t n = strlen(text);

	memcpy(at, text, n);
	return at + n;
}

/* The code point of a well-formed sequence. */
static uint32_t code_of(const char *s, size_t n)
{
	uint32_t code = (unsigned char)s[0] & (n == 1 ? 0xff : 0x7f >> n);

	for (size_t i = 1; i < n; i++)
		code = code << 6 | ((unsigned char)s[i] & 0x3f);
	return code;
}

static char *put_underscore(char *at, uint32_t code)
{
	(void)code;
	return put(at, "_");
}

static char *put_dot(char *at, uint32_t code)
{
	return put(at, code == '.' ? "_dot_" : "__");
}

static char *put_value(char *at, uint32_t code)
{
	int digits = 1;

	while (code >> 4 * digits)
		digits++;
	*at++ = '_';
	while (digits-- > 0)
		*at++ = "0123456789abcdef"[code >> 4 * digits & 15];
	*at++ = '_';
	return at;
}

struct scheme {
	const char *before, *underscore;
	char *(*put)(char *at, uint32_t code); /* a character that does not fit */
	bool all;                              /* names of the old alphabet, too */
};

static const struct scheme schemes[] = {
	[MUSTER_ESCAPING_UNDERSCORES] = {"", "_", put_underscore, false},
	[MUSTER_ESCAPING_DOTS] = {"", "__", put_dot, true},
	[MUSTER_ESCAPING_VALUES] = {"U__", "__", put_value, false},
};

static char *escape(char *at, const char *name, size_t bytes, const struct scheme *scheme, bool colons)
{
	at = put(at, scheme->before);
	for (size_t i = 0, n; i < bytes; i += n) {
		n = muster__utf8_sequence(name + i, bytes - i);
		n = n ? n : 1;
		if (name[i] == '_')
			at = put(at, scheme->underscore);
		else if (muster__legacy_char(name[i], i == 0, colons))
			*at++ = name[i];
		else
			at = scheme->put(at, code_of(name + i, n));
	}
	return at;
}

char *muster__escape_name(char *at, const char *name, size_t bytes, enum muster_escaping escaping, bool colons)
{
	if (escaping != MUSTER_ESCAPING_ALLOW_UTF_8 && (schemes[escaping].all || !muster__legacy_name(name, bytes, colons)))
		return bytes ? escape(at, name, bytes, &schemes[escaping], colons) : at;
	memcpy(at, name, bytes);
	return at + bytes;
}

char *muster__escape_values(char *at, const char *name, size_t bytes, bool colons)
{
	return escape(at, name, bytes, &schemes[MUSTER_ESCAPING_VALUES], colons);
}
