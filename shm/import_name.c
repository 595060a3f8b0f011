/* SPDX-License-Identifier: Apache-2.0 */
/*
 * import_name.c - what the name of a library's file says. Pure functions, any process.
 */
#include "import.h"

#include <string.h>

#include "names.h"

static const struct {
	const char *prefix;
	enum muster_type type;
	enum muster_mode mode;
} kinds[] = {
	{"counter_", MUSTER_COUNTER, 0},
	{"histogram_", MUSTER_HISTOGRAM, 0},
	{"summary_", MUSTER_SUMMARY, 0},
	{"gauge_all_", MUSTER_GAUGE, MUSTER_ALL},
	{"gauge_liveall_", MUSTER_GAUGE, MUSTER_LIVEALL},
	{"gauge_min_", MUSTER_GAUGE, MUSTER_MIN},
	{"gauge_livemin_", MUSTER_GAUGE, MUSTER_LIVEMIN},
	{"gauge_max_", MUSTER_GAUGE, MUSTER_MAX},
	{"gauge_livemax_", MUSTER_GAUGE, MUSTER_LIVEMAX},
	{"gauge_sum_", MUSTER_GAUGE, MUSTER_SUM},
	{"gauge_livesum_", MUSTER_GAUGE, MUSTER_LIVESUM},
	{"gauge_mostrecent_", MUSTER_GAUGE, MUSTER_MOSTRECENT},
	{"gauge_livemostrecent_", MUSTER_GAUGE, MUSTER_LIVEMOSTRECENT},
};

/* IDENTIFIER.db: any text; of most processes, the pid. */
static bool id_take(struct muster__import_name *name, const char *text)
{
	size_t n = strlen(text), end = sizeof ".db" - 1;

	if (n <= end || strcmp(text + n - end, ".db") != 0 || n - end > MUSTER_LABEL_VALUE_BYTES_MAX ||
	    !muster__utf8_valid(text, n - end))
		return false;
	name->id = text;
	name->id_bytes = n - end;
	return true;
}

/* METRIC___IDENTIFIER.bin. A metric may have underscores, too: the last ones count. */
static bool metric_take(struct muster__import_name *name, const char *text)
{
	static const char between[] = "___", end[] = ".bin";
	size_t n = strlen(text), m = sizeof end - 1;
	const char *id = NULL;

	for (const char *at = text; (at = strstr(at, between)) != NULL; at++)
		id = at + sizeof between - 1;
	if (id == NULL || n <= m || strcmp(text + n - m, end) != 0 || text + n - m <= id ||
	    !muster__utf8_valid(id, strlen(id)))
		return false;
	name->id = id;
	name->id_bytes = (size_t)(text + n - m - id);
	name->metric = text;
	name->metric_bytes = (size_t)(id - text) - (sizeof between - 1);
	return name->metric_bytes > 0;
}

bool muster__import_name_read(const char *file, struct muster__import_name *out)
{
	size_t hidden = sizeof MUSTER__IMPORT_HIDDEN - 1;

	if (strncmp(file, MUSTER__IMPORT_HIDDEN, hidden) == 0) {
		file = strchr(file + hidden, '.');
		if (file == NULL)
			return false;
		file++;
	}
	if (strncmp(file, "metric_", sizeof "metric_" - 1) == 0) {
		*out = (struct muster__import_name){0};
		return metric_take(out, file + sizeof "metric_" - 1);
	}
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		size_t n = strlen(kinds[i].prefix);
		if (strncmp(file, kinds[i].prefix, n) != 0)
			continue;
		*out = (struct muster__import_name){.type = kinds[i].type, .mode = kinds[i].mode};
		return id_take(out, file + n);
	}
	return false;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* prometheus-client-mmap's reader takes -NUMBER from the end of each part between underscores. */
size_t muster__import_id_trim(char *id, size_t bytes)
{
	char *to = id;

	for (size_t at = 0, end; at < bytes; at = end + 1) {
		for (end = at; end < bytes && id[end] != '_'; end++)
			;
		size_t digits = end;
		while (digits > at && is_digit(id[digits - 1]))
			digits--;
		size_t keep = digits > at && digits < end && id[digits - 1] == '-' ? digits - 1 : end;
		memmove(to, id + at, keep - at);
		to += keep - at;
		if (end < bytes)
			*to++ = '_';
	}
	return (size_t)(to - id);
}
