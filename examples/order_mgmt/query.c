/* SPDX-License-Identifier: Apache-2.0 */
/* query.c - a fixed set of names, no escapes: nothing this service accepts needs one. */
#include "query.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define VALUE_BYTES_MAX 15

static bool flag_read(const char *text, bool *out)
{
	bool yes = strcmp(text, "true") == 0 || strcmp(text, "1") == 0;

	if (!yes && strcmp(text, "false") != 0 && strcmp(text, "0") != 0)
		return false;
	*out = yes;
	return true;
}

/* Digits with at most one point: not what else strtod reads, such as "nan", "1e9" or "0x1". */
static bool seconds_read(const char *text, double max, double *out)
{
	size_t whole = strspn(text, "0123456789");
	size_t point = text[whole] == '.';
	size_t part = strspn(text + whole + point, "0123456789");

	if (whole + part == 0 || text[whole + point + part] != '\0')
		return false;
	double seconds = strtod(text, NULL);
	if (seconds > max)
		return false;
	*out = seconds;
	return true;
}

static bool value_read(const struct query_param *param, const char *value, size_t count, double seconds_max)
{
	char text[VALUE_BYTES_MAX + 1];

	if (count > VALUE_BYTES_MAX || memchr(value, '\0', count))
		return false;
	memcpy(text, value, count);
	text[count] = '\0';
	return param->flag ? flag_read(text, param->flag) : seconds_read(text, seconds_max, param->seconds);
}

static const struct query_param *param_find(const struct query_param *params, size_t count, const char *name,
                                            size_t name_count)
{
	for (size_t i = 0; i < count; i++)
		if (strlen(params[i].name) == name_count && memcmp(params[i].name, name, name_count) == 0)
			return &params[i];
	return NULL;
}

bool query_read(const char *query, size_t count, const struct query_param *params, size_t param_count,
                double seconds_max)
{
	const char *end = query + count;
	uint64_t seen = 0;

	while (query < end) {
		const char *pair_end = memchr(query, '&', (size_t)(end - query));
		if (!pair_end)
			pair_end = end;
		const char *equals = memchr(query, '=', (size_t)(pair_end - query));
		if (!equals)
			return false;
		const struct query_param *param = param_find(params, param_count, query, (size_t)(equals - query));
		if (!param || (seen & UINT64_C(1) << (param - params)) ||
		    !value_read(param, equals + 1, (size_t)(pair_end - equals - 1), seconds_max))
			return false;
		seen |= UINT64_C(1) << (param - params);
		query = pair_end < end ? pair_end + 1 : end;
	}
	return true;
}
