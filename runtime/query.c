/* SPDX-License-Identifier: Apache-2.0 */
/*
 * query.c - application/x-www-form-urlencoded, as URLs have it. A broken escape stands for itself.
 */
#include "query.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static int hex(char c)
{
	return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

/* Decode up to `end`, behind `at`, with a NUL. Returns where the next text goes. */
static char *decode(char *at, const char *from, const char *end)
{
	for (; from < end; from++) {
		bool escape =
			*from == '%' && end - from > 2 && isxdigit((unsigned char)from[1]) && isxdigit((unsigned char)from[2]);
		char c = *from == '+' ? ' ' : *from;
		if (escape) {
			c = (char)(hex(from[1]) << 4 | hex(from[2]));
			from += 2;
		}
		*at++ = c;
	}
	*at++ = '\0';
	return at;
}

int muster__query_read(const char *query, size_t count, const char *key, struct muster__query *out)
{
	const char *end = query + count;
	char *at = malloc(2 * count + 2); /* a value, and a NUL, for each pair */

	if (at == NULL)
		return -ENOMEM;
	*out = (struct muster__query){.text = at};
	while (query < end && out->count < MUSTER__QUERY_VALUES_MAX) {
		const char *pair_end = memchr(query, '&', (size_t)(end - query));
		pair_end = pair_end ? pair_end : end;
		const char *equals = memchr(query, '=', (size_t)(pair_end - query));
		const char *name_end = equals ? equals : pair_end;
		(void)decode(at, query, name_end);
		if (strcmp(at, key) == 0) {
			out->values[out->count++] = at;
			at = decode(at, equals ? equals + 1 : pair_end, pair_end);
		}
		query = pair_end + 1;
	}
	return 0;
}

void muster__query_free(struct muster__query *query)
{
	free(query->text);
	query->text = NULL;
}
