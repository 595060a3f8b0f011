/* SPDX-License-Identifier: Apache-2.0 */
/*
 * import_query.c - the key of an entry of client_ruby's: its labels as a query, `name=value&...`, of which each is
 * escaped as in a URL. Runs in readers, on private memory.
 */
#include "import.h"

#include <string.h>

static int hex(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
	                              : -1;
}

/* Decode up to the end of a name or value. Returns false for what is no escape, or a NUL. */
static bool text(const char **at, const char *end, char stop, char **out)
{
	while (*at < end && **at != stop && **at != '&') {
		char c = *(*at)++;
		if (c == '%') {
			if (end - *at < 2 || hex((*at)[0]) < 0 || hex((*at)[1]) < 0)
				return false;
			c = (char)(hex((*at)[0]) << 4 | hex((*at)[1]));
			*at += 2;
		} else if (c == '+') {
			c = ' ';
		}
		if (c == '\0')
			return false;
		*(*out)++ = c;
	}
	*(*out)++ = '\0';
	return true;
}

/* Which part of a summary it is, is no label, as a bucket's bound is none. */
static bool label_add(struct muster__import_key *key, const char *name, const char *value)
{
	if (strcmp(name, "quantile") == 0) {
		key->le = value;
		key->quantile = true;
		return true;
	}
	return muster__import_label_add(key, name, value);
}

bool muster__import_query_read(const char *query, size_t count, char *out_text, struct muster__import_key *out)
{
	const char *at = query, *end = query + count;

	*out = (struct muster__import_key){.dialect = MUSTER__IMPORT_RUBY};
	while (at < end) {
		const char *name = out_text;
		if (!text(&at, end, '=', &out_text) || at == end || *at++ != '=')
			return false;
		const char *value = out_text;
		if (!text(&at, end, '&', &out_text) || !label_add(out, name, value))
			return false;
		if (at < end && (*at++ != '&' || at == end))
			return false;
	}
	return true;
}
