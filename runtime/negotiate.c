/* SPDX-License-Identifier: Apache-2.0 */
/*
 * negotiate.c - reads Accept and Accept-Encoding. What cannot be read is passed over: a scrape is always answered.
 */
#include "negotiate.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

#include <muster/region.h>

/* One behind an enum muster_escaping that was asked for; 0: none was. */
enum { ESCAPINGS = MUSTER_ESCAPING_COUNT + 1 };

#define ROWS(X)                                                                                                        \
	X(TEXT, "text/plain", "0.0.4", "text/plain; version=0.0.4; charset=utf-8", NAMES)                                  \
	X(TEXT, "text/plain", "1.0.0", "text/plain; version=1.0.0; charset=utf-8", NAMES)                                  \
	X(OPENMETRICS, "application/openmetrics-text", "1.0.0",                                                            \
	  "application/openmetrics-text; version=1.0.0; charset=utf-8", NAMES)                                             \
	X(OPENMETRICS, "application/openmetrics-text", "0.0.1",                                                            \
	  "application/openmetrics-text; version=0.0.1; charset=utf-8", NAMES)                                             \
	X(PROTOBUF, "application/vnd.google.protobuf", "",                                                                 \
	  "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited", NAMES)           \
	X(JSON, "application/json", "", "application/json; charset=utf-8", AS_THEY_ARE)

/* What tells the escaping, if one was asked for. */
#define NAMES(name) "; escaping=" name
#define AS_THEY_ARE(name) ""

static const struct row {
	int format;
	const char *type, *version;
	const char *content_types[ESCAPINGS];
} rows[] = {
#define ROW(format, type, version, content, told)                                                                      \
	{MUSTER_FORMAT_##format,                                                                                           \
	 type,                                                                                                             \
	 version,                                                                                                          \
	 {content, content told("underscores"), content told("dots"), content told("values"),                              \
	  content told("allow-utf-8")}},
	ROWS(ROW)
#undef ROW
};
#define ROW_COUNT (sizeof rows / sizeof *rows)
_Static_assert(ROW_COUNT *ESCAPINGS <= MUSTER__NEGOTIATED_MAX, "a key has room");

/* ---- words of a header -------------------------------------------------------------------- */

struct slice {
	const char *at;
	size_t count;
};

static bool is_space(char c)
{
	return c == ' ' || c == '\t';
}

static struct slice trimmed(struct slice s)
{
	while (s.count && is_space(*s.at))
		s.at++, s.count--;
	while (s.count && is_space(s.at[s.count - 1]))
		s.count--;
	return s;
}

/* Take what stands before the next separator that is not quoted. Returns false at the end. */
static bool take(struct slice *from, char separator, struct slice *out)
{
	bool quoted = false;
	size_t n = 0;

	if (from->at == NULL)
		return false;
	for (; n < from->count && (quoted || from->at[n] != separator); n++) {
		if (from->at[n] == '\\' && quoted && n + 1 < from->count)
			n++;
		else if (from->at[n] == '"')
			quoted = !quoted;
	}
	*out = trimmed((struct slice){from->at, n});
	from->at = n < from->count ? from->at + n + 1 : NULL;
	from->count -= n < from->count ? n + 1 : n;
	return true;
}

static bool is_word(struct slice s, const char *word)
{
	return s.count == strlen(word) && strncasecmp(s.at, word, s.count) == 0;
}

static struct slice unquoted(struct slice s)
{
	if (s.count >= 2 && s.at[0] == '"' && s.at[s.count - 1] == '"')
		return (struct slice){s.at + 1, s.count - 2};
	return s;
}

/* A q-value in thousandths; 0 if it is none. */
static unsigned q_of(struct slice s)
{
	unsigned q = 0, digits = 0;

	if (s.count == 0 || s.count > 5 || (s.at[0] != '0' && s.at[0] != '1') || (s.count > 1 && s.at[1] != '.'))
		return 0;
	for (size_t i = 2; i < s.count; i++, digits++) {
		if (s.at[i] < '0' || s.at[i] > '9')
			return 0;
		q = q * 10 + (unsigned)(s.at[i] - '0');
	}
	for (; digits < 3; digits++)
		q *= 10;
	q += s.at[0] == '1' ? 1000 : 0;
	return q <= 1000 ? q : 0;
}

/* ---- one range of an Accept header -------------------------------------------------------- */

struct range {
	struct slice type, version, proto, encoding;
	unsigned q, escaping;
};

static unsigned escaping_of(struct slice s)
{
	static const char *const names[] = {
#define MUSTER__ROW(id, name) name,
		MUSTER_ESCAPINGS(MUSTER__ROW)
#undef MUSTER__ROW
	};

	for (unsigned i = 0; i < MUSTER_ESCAPING_COUNT; i++)
		if (is_word(s, names[i]))
			return i + 1;
	return MUSTER_ESCAPING_UNDERSCORES + 1;
}

static void parameter_read(struct range *range, struct slice parameter)
{
	struct slice rest = parameter, name, value;

	if (!take(&rest, '=', &name) || rest.at == NULL)
		return;
	value = unquoted(trimmed(rest));
	if (is_word(name, "q"))
		range->q = q_of(value);
	else if (is_word(name, "version"))
		range->version = value;
	else if (is_word(name, "proto"))
		range->proto = value;
	else if (is_word(name, "encoding"))
		range->encoding = value;
	else if (is_word(name, "escaping"))
		range->escaping = escaping_of(value);
}

static struct range range_read(struct slice text)
{
	struct range range = {.q = 1000};
	struct slice parameter;

	(void)take(&text, ';', &range.type);
	while (take(&text, ';', &parameter))
		parameter_read(&range, parameter);
	return range;
}

static bool version_fits(const struct range *range, const struct row *row)
{
	if (range->version.at)
		return *row->version == '\0' || is_word(range->version, row->version);
	/* Without a version text is 0.0.4, and OpenMetrics, as client_golang has it, 0.0.1. */
	return *row->version == '\0' || strncmp(row->version, "0.0.", 4) == 0;
}

static bool proto_fits(const struct range *range)
{
	return is_word(range->proto, "io.prometheus.client.MetricFamily") && is_word(range->encoding, "delimited");
}

/* Which row answers a range; ROW_COUNT if none does. */
static size_t row_for(const struct range *range)
{
	if (is_word(range->type, "*/*") || is_word(range->type, "text/*"))
		return 0;
	for (size_t i = 0; i < ROW_COUNT; i++)
		if (is_word(range->type, rows[i].type) && version_fits(range, &rows[i]) &&
		    (rows[i].format != MUSTER_FORMAT_PROTOBUF || proto_fits(range)))
			return i;
	return ROW_COUNT;
}

/* ---- the choice --------------------------------------------------------------------------- */

struct muster__negotiated muster__negotiate(const char *accept, size_t count)
{
	struct muster__negotiated chosen = {0};
	struct slice rest = {accept, count}, text;
	unsigned best = 0;

	while (take(&rest, ',', &text)) {
		struct range range = range_read(text);
		size_t row = row_for(&range);
		if (row == ROW_COUNT || range.q <= best)
			continue;
		best = range.q;
		chosen = (struct muster__negotiated){(unsigned char)row, (unsigned char)range.escaping};
	}
	return chosen;
}

bool muster__negotiate_gzip(const char *accept_encoding, size_t count)
{
	struct slice rest = {accept_encoding, count}, text;
	unsigned gzip = 0, any = 0;
	bool told = false;

	while (take(&rest, ',', &text)) {
		struct range range = range_read(text);
		if (is_word(range.type, "gzip") || is_word(range.type, "x-gzip")) {
			gzip = range.q;
			told = true;
		} else if (is_word(range.type, "*")) {
			any = range.q;
		}
	}
	return (told ? gzip : any) > 0;
}

unsigned muster__negotiated_key(struct muster__negotiated chosen)
{
	return (unsigned)chosen.row * ESCAPINGS + chosen.escaping;
}

const char *muster__negotiated_type(struct muster__negotiated chosen)
{
	return rows[chosen.row].content_types[chosen.escaping];
}

int muster__negotiated_format(struct muster__negotiated chosen)
{
	return rows[chosen.row].format;
}

enum muster_escaping muster__negotiated_escaping(struct muster__negotiated chosen)
{
	return chosen.escaping ? (enum muster_escaping)(chosen.escaping - 1) : MUSTER_ESCAPING_UNDERSCORES;
}
