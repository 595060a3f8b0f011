/* SPDX-License-Identifier: Apache-2.0 */
/*
 * import_schema.c - a schema for client_ruby's files. It is the operator's own file and read once; what is wrong in it is
 * told with its line. Runs in readers, at start.
 */
#include "import_schema.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>

#include "error.h"
#include "grow.h"
#include "names.h"
#include "view.h"

#define LINE_BYTES_MAX (64u << 10)
#define ROWS_MAX 100000u

struct muster__schema {
	struct muster__schema_row **rows;
	size_t count, capacity;
};

const double muster__schema_bounds[] = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};
const uint32_t muster__schema_bounds_count = sizeof muster__schema_bounds / sizeof *muster__schema_bounds;

static const struct {
	const char *word;
	enum muster_type type;
} types[] = {
	{"counter", MUSTER_COUNTER},
	{"gauge", MUSTER_GAUGE},
	{"histogram", MUSTER_HISTOGRAM},
	{"summary", MUSTER_SUMMARY},
};

static const struct {
	const char *word;
	enum muster_mode mode;
} modes[] = {
	{"sum", MUSTER_SUM},
	{"max", MUSTER_MAX},
	{"min", MUSTER_MIN},
	{"all", MUSTER_ALL},
	{"most_recent", MUSTER_MOSTRECENT},
};

/* ---- rows --------------------------------------------------------------------------------- */

static struct muster__schema_row *row_named(const struct muster__schema *schema, const char *metric, size_t bytes)
{
	for (size_t i = schema->count; i-- > 0;) /* lines of one metric stand together */
		if (strlen(schema->rows[i]->metric) == bytes && memcmp(schema->rows[i]->metric, metric, bytes) == 0)
			return schema->rows[i];
	return NULL;
}

const struct muster__schema_row *muster__schema_find(const struct muster__schema *schema, const char *metric)
{
	return schema ? row_named(schema, metric, strlen(metric)) : NULL;
}

/* The row of a metric, made if need be. NULL without memory. */
static struct muster__schema_row *row_of(struct muster__schema *schema, const char *metric)
{
	struct muster__schema_row *row = row_named(schema, metric, strlen(metric));

	if (row || muster__grow(&schema->rows, &schema->capacity, schema->count + 1, sizeof row) != 0)
		return row;
	row = calloc(1, sizeof *row);
	if (row == NULL || (row->metric = strdup(metric)) == NULL) {
		free(row);
		return NULL;
	}
	schema->rows[schema->count++] = row;
	return row;
}

void muster__schema_destroy(struct muster__schema **at)
{
	struct muster__schema *schema = *at;

	*at = NULL;
	for (size_t i = 0; schema && i < schema->count; i++) {
		free(schema->rows[i]->metric);
		free(schema->rows[i]->help);
		free(schema->rows[i]->bounds);
		free(schema->rows[i]);
	}
	if (schema)
		free(schema->rows);
	free(schema);
}

/* ---- lines -------------------------------------------------------------------------------- */

/* One word of a line, and what comes behind it. */
static char *word(char **rest)
{
	char *begin = *rest + strspn(*rest, " \t"), *end = begin + strcspn(begin, " \t");

	*rest = *end ? end + 1 : end;
	*end = '\0';
	return begin;
}

/* In place: `\\` and `\n`. */
static void help_unescape(char *help)
{
	char *to = help;

	for (const char *at = help; *at; at++) {
		if (*at == '\\' && (at[1] == '\\' || at[1] == 'n'))
			at++;
		*to++ = *at == 'n' && at > help && at[-1] == '\\' ? '\n' : *at;
	}
	*to = '\0';
}

/* Each takes what stands behind the metric's name. Returns 0; -ENOMEM; MUSTER_EOPTION. */
static int type_take(struct muster__schema_row *row, char *rest)
{
	const char *type = word(&rest);

	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		if (strcmp(types[i].word, type) == 0)
			row->type = types[i].type;
	if (row->type == 0 && strcmp(type, "untyped") != 0 && strcmp(type, "unknown") != 0)
		return muster__error(MUSTER_EOPTION, "%s: \"%s\" is no type; give counter, gauge, histogram or summary",
		                     row->metric, type);
	return 0;
}

static int help_take(struct muster__schema_row *row, char *rest)
{
	free(row->help);
	help_unescape(rest);
	row->help = *rest && muster__utf8_valid(rest, strlen(rest)) ? strdup(rest) : NULL;
	return 0;
}

static int aggregation_take(struct muster__schema_row *row, char *rest)
{
	const char *mode = word(&rest);

	for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
		if (strcmp(modes[i].word, mode) == 0) {
			row->mode = modes[i].mode;
			return 0;
		}
	return muster__error(MUSTER_EOPTION, "%s: \"%s\" is no aggregation; give sum, max, min, all or most_recent",
	                     row->metric, mode);
}

static const struct {
	const char *word;
	int (*take)(struct muster__schema_row *row, char *rest);
} comments[] = {{"TYPE", type_take}, {"HELP", help_take}, {"AGGREGATION", aggregation_take}};

static int comment_take(struct muster__schema *schema, char *line)
{
	const char *kind = word(&line);

	for (size_t i = 0; i < sizeof comments / sizeof *comments; i++) {
		if (strcmp(comments[i].word, kind) != 0)
			continue;
		const char *metric = word(&line);
		if (!muster__legacy_name(metric, strlen(metric), true))
			return muster__error(MUSTER_EOPTION, "# %s: \"%s\" is no name of a metric", kind, metric);
		struct muster__schema_row *row = schema->count < ROWS_MAX ? row_of(schema, metric) : NULL;
		return row ? comments[i].take(row, line) : -ENOMEM;
	}
	return 0;
}

/* ---- bounds ------------------------------------------------------------------------------- */

static int bound_add(struct muster__schema_row *row, double bound)
{
	uint32_t at = 0;

	while (at < row->bounds_count && row->bounds[at] < bound)
		at++;
	if (!isfinite(bound) || (at < row->bounds_count && row->bounds[at] == bound))
		return 0;
	if (row->bounds_count == MUSTER_BOUNDS_MAX)
		return muster__error(MUSTER_EOPTION, "%s: has more than %d buckets", row->metric, MUSTER_BOUNDS_MAX);
	double *grown = realloc(row->bounds, (row->bounds_count + 1u) * sizeof *grown);
	if (grown == NULL)
		return -ENOMEM;
	memmove(grown + at + 1, grown + at, (row->bounds_count - at) * sizeof *grown);
	grown[at] = bound;
	row->bounds = grown;
	row->bounds_count++;
	return 0;
}

/* The label le of `name="value",...}`; NULL if there is none. */
static const char *le_of(const char *labels)
{
	while (*labels && *labels != '}') {
		const char *name = labels, *value = strchr(labels, '"');
		if (value == NULL)
			return NULL;
		if (strncmp(name, "le=", 3) == 0)
			return value + 1;
		for (labels = value + 1; *labels && *labels != '"'; labels++)
			if (*labels == '\\' && labels[1])
				labels++;
		labels += *labels == '"';
		labels += strspn(labels, ", ");
	}
	return NULL;
}

static int sample_take(const struct muster__schema *schema, const char *line)
{
	static const char end[] = "_bucket";
	size_t n = strcspn(line, "{ "), m = sizeof end - 1;
	const char *le = line[n] == '{' ? le_of(line + n + 1) : NULL;

	if (le == NULL || n <= m || memcmp(line + n - m, end, m) != 0)
		return 0;
	struct muster__schema_row *row = row_named(schema, line, n - m);
	return row && row->type == MUSTER_HISTOGRAM ? bound_add(row, muster__number_read(le)) : 0;
}

/* ---- the file ----------------------------------------------------------------------------- */

static int line_take(struct muster__schema *schema, char *line)
{
	line[strcspn(line, "\r\n")] = '\0';
	return *line == '#' ? comment_take(schema, line + 1) : sample_take(schema, line);
}

/* What no exporter of the library's could say. */
static int rows_check(const struct muster__schema *schema)
{
	for (size_t i = 0; i < schema->count; i++) {
		const struct muster__schema_row *row = schema->rows[i];
		if (row->mode && row->type != MUSTER_GAUGE && row->mode != MUSTER_SUM && row->mode != MUSTER_ALL)
			return muster__error(MUSTER_EOPTION, "%s: only a gauge can be aggregated otherwise than by sum or all",
			                     row->metric);
	}
	return 0;
}

static int lines_take(struct muster__schema *schema, FILE *file, const char *path)
{
	char *line = malloc(LINE_BYTES_MAX);
	int rc = line ? 0 : -ENOMEM;

	for (size_t number = 1; rc == 0 && fgets(line, LINE_BYTES_MAX, file); number++) {
		rc = line_take(schema, line);
		if (rc == MUSTER_EOPTION) {
			char *sentence = strdup(muster_error_message());
			rc = muster__error(rc, "%s: line %zu: %s", path, number, sentence ? sentence : "");
			free(sentence);
		}
	}
	free(line);
	return rc == 0 && ferror(file) ? -EIO : rc;
}

int muster__schema_read(const char *path, struct muster__schema **out)
{
	struct muster__schema *schema = calloc(1, sizeof *schema);
	FILE *file = schema ? fopen(path, "re") : NULL;
	int rc = file ? 0 : schema ? -errno : -ENOMEM;

	if (rc == 0)
		rc = lines_take(schema, file, path);
	if (rc == 0)
		rc = rows_check(schema);
	if (file)
		fclose(file);
	if (rc == 0)
		*out = schema;
	else
		muster__schema_destroy(&schema);
	return rc;
}
