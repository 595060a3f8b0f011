/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text.c - a view as Prometheus text 0.0.4.
 *
 * What does not change is rendered once: per family the HELP and TYPE lines, per series every line up to
 * its value. A scrape copies those and formats numbers. One capacity check per series covers its lines.
 * Sees a view, never a slab. Runs in readers.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "layout.h"
#include "view.h"

#define NUMBER_BYTES_MAX 26 /* with the newline */

struct muster__text {
	char *bytes;
	size_t count, capacity;
};

/* The lines of a series up to their values, one after another. */
struct rendered {
	uint32_t line_count;
	uint32_t bytes;     /* of all lines */
	uint32_t ends[];    /* of each line, from the start of the text that follows the array */
};

int muster__text_create(struct muster__text **out)
{
	struct muster__text *text = calloc(1, sizeof *text);

	if (text == NULL)
		return -ENOMEM;
	*out = text;
	return 0;
}

void muster__text_destroy(struct muster__text **text)
{
	if (*text)
		free((*text)->bytes);
	free(*text);
	*text = NULL;
}

/* ---- the buffer --------------------------------------------------------------------------- */

/* Room for `more` bytes at the end. Returns where they go, or NULL. */
static char *room(struct muster__text *text, size_t more)
{
	if (text->capacity - text->count < more) {
		size_t capacity = (text->count + more) * 2;
		char *bytes = realloc(text->bytes, capacity);
		if (bytes == NULL)
			return NULL;
		text->bytes = bytes;
		text->capacity = capacity;
	}
	return text->bytes + text->count;
}

static int put(struct muster__text *text, const char *bytes, size_t count)
{
	char *at = room(text, count);

	if (at == NULL)
		return -ENOMEM;
	memcpy(at, bytes, count);
	text->count += count;
	return 0;
}

static int put_string(struct muster__text *text, const char *s)
{
	return put(text, s, strlen(s));
}

/* A HELP text, or with `quote` a label value, with its escapes. */
static int put_escaped(struct muster__text *text, const char *s, size_t count, bool quote)
{
	char *at = room(text, count * 2), *begin = at;

	if (at == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		char c = s[i];
		if (c == '\\' || c == '\n' || (quote && c == '"'))
			*at++ = '\\';
		*at++ = c == '\n' ? 'n' : c;
	}
	text->count += (size_t)(at - begin);
	return 0;
}

/* ---- rendering what stays ----------------------------------------------------------------- */

static const char *type_name(enum muster_type type)
{
	switch (type) {
	case MUSTER_COUNTER:
	case MUSTER_REAL_COUNTER:
		return "counter";
	case MUSTER_HISTOGRAM:
		return "histogram";
	case MUSTER_SUMMARY:
		return "summary";
	case MUSTER_GAUGE:
	case MUSTER_IN_FLIGHT:
		break;
	}
	return "gauge";
}

static int put_head(struct muster__text *text, const char *name, const char *help, const char *type)
{
	int rc = put_string(text, "# HELP ");

	rc = rc ? rc : put_string(text, name);
	rc = rc ? rc : put_string(text, " ");
	rc = rc ? rc : put_escaped(text, help, strlen(help), false);
	rc = rc ? rc : put_string(text, "\n# TYPE ");
	rc = rc ? rc : put_string(text, name);
	rc = rc ? rc : put_string(text, " ");
	rc = rc ? rc : put_string(text, type);
	return rc ? rc : put_string(text, "\n");
}

static bool per_pid(const struct muster__view_family *f)
{
	return f->type == MUSTER_GAUGE && (f->mode == MUSTER_ALL || f->mode == MUSTER_LIVEALL);
}

/* One line up to its value: name + suffix, the labels, and `le` if it is not NULL. A per-pid gauge's line
 * stops inside the quotes of its pid label. */
static int put_line(struct muster__text *text, const struct muster__view_series *s, const char *suffix, const char *le)
{
	const struct muster__view_family *f = s->family;
	const char *comma = "{", *last = le ? "le" : per_pid(f) ? "pid" : NULL;
	int rc = put_string(text, f->name);

	rc = rc ? rc : put_string(text, suffix);
	for (uint32_t i = 0; rc == 0 && i < f->label_count; i++, comma = ",") {
		rc = put_string(text, comma);
		rc = rc ? rc : put_string(text, f->labels[i]);
		rc = rc ? rc : put_string(text, "=\"");
		rc = rc ? rc : put_escaped(text, s->labels[i].bytes, s->labels[i].count, true);
		rc = rc ? rc : put_string(text, "\"");
	}
	if (rc == 0 && last) {
		rc = put_string(text, comma);
		rc = rc ? rc : put_string(text, last);
		rc = rc ? rc : put_string(text, "=\"");
		rc = rc ? rc : put_string(text, le ? le : "");
		if (!le)
			return rc;
		rc = rc ? rc : put_string(text, "\"");
	}
	if (rc == 0 && (last || f->label_count))
		rc = put_string(text, "}");
	return rc ? rc : put_string(text, " ");
}

static uint32_t lines_of(const struct muster__view_family *f)
{
	return f->type == MUSTER_HISTOGRAM ? f->bounds_count + 3 : f->type == MUSTER_SUMMARY ? 2 : 1;
}

/* Line i of a series into the scratch text. */
static int put_line_number(struct muster__text *scratch, const struct muster__view_series *s, uint32_t i)
{
	const struct muster__view_family *f = s->family;
	uint32_t buckets = f->type == MUSTER_HISTOGRAM ? f->bounds_count + 1 : 0;
	char le[32] = "+Inf";

	if (i < buckets) {
		if (i < f->bounds_count)
			le[muster__number_real(le, f->bounds[i], true)] = '\0';
		return put_line(scratch, s, "_bucket", le);
	}
	if (f->type == MUSTER_HISTOGRAM || f->type == MUSTER_SUMMARY)
		return put_line(scratch, s, i == buckets ? "_sum" : "_count", NULL);
	return put_line(scratch, s, "", NULL);
}

static int series_render(struct muster__view_series *s)
{
	struct muster__text scratch = {0};
	uint32_t lines = lines_of(s->family), ends[MUSTER_BOUNDS_MAX + 3];
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && i < lines; i++) {
		rc = put_line_number(&scratch, s, i);
		ends[i] = (uint32_t)scratch.count;
	}
	struct rendered *r = rc ? NULL : malloc(sizeof *r + lines * sizeof *r->ends + scratch.count);
	if (r) {
		r->line_count = lines;
		r->bytes = (uint32_t)scratch.count;
		memcpy(r->ends, ends, lines * sizeof *ends);
		memcpy(r->ends + lines, scratch.bytes, scratch.count);
	}
	free(scratch.bytes);
	s->rendered = r;
	return r ? 0 : -ENOMEM;
}

static int family_render(struct muster__view_family *f)
{
	struct muster__text head = {0};
	int rc = put_head(&head, f->name, f->help, type_name(f->type));

	rc = rc ? rc : put(&head, "", 1);
	if (rc != 0)
		free(head.bytes);
	else
		f->rendered = head.bytes;
	return rc;
}

/* ---- one series --------------------------------------------------------------------------- */

/* Where the next line of a series begins, and the text it is copied from. */
struct cursor {
	char *at;
	const struct rendered *rendered;
	uint32_t line;
};

static char *line_begin(struct cursor *c)
{
	const struct rendered *r = c->rendered;
	uint32_t begin = c->line ? r->ends[c->line - 1] : 0, bytes = r->ends[c->line] - begin;

	memcpy(c->at, (const char *)(r->ends + r->line_count) + begin, bytes);
	c->line++;
	return c->at += bytes;
}

static void line_uint(struct cursor *c, uint64_t n)
{
	char *at = line_begin(c);

	at += muster__number_uint(at, n);
	*at++ = '\n';
	c->at = at;
}

static void line_real(struct cursor *c, double x)
{
	char *at = line_begin(c);

	at += muster__number_real(at, x, false);
	*at++ = '\n';
	c->at = at;
}

static void lines_distribution(struct cursor *c, const struct muster__view *v, const struct muster__view_series *s)
{
	const struct muster__view_family *f = s->family;
	const uint64_t *bucket = v->ints + s->int_at;
	uint64_t count = 0;

	if (f->type == MUSTER_SUMMARY)
		count = *bucket;
	for (uint32_t i = 0; f->type == MUSTER_HISTOGRAM && i <= f->bounds_count; i++)
		line_uint(c, count += bucket[i]);
	line_real(c, v->reals[s->real_at]);
	line_uint(c, count);
}

static void line_in_flight(struct cursor *c, int64_t n)
{
	char *at = line_begin(c);

	at += muster__number_int(at, n);
	*at++ = '\n';
	c->at = at;
}

static void lines_put(struct cursor *c, const struct muster__view *v, const struct muster__view_series *s)
{
	switch (s->family->type) {
	case MUSTER_COUNTER:
		line_uint(c, v->ints[s->int_at]);
		break;
	case MUSTER_IN_FLIGHT:
		line_in_flight(c, (int64_t)v->ints[s->int_at]);
		break;
	case MUSTER_REAL_COUNTER:
		line_real(c, v->reals[s->real_at]);
		break;
	case MUSTER_GAUGE: {
		const struct muster__view_gauge *g = &v->gauges[s->gauge_at];
		if (g->set || s->family->label_count == 0)
			line_real(c, g->set ? g->value : 0);
		break;
	}
	case MUSTER_HISTOGRAM:
	case MUSTER_SUMMARY:
		lines_distribution(c, v, s);
		break;
	}
}

static int series_put(struct muster__text *text, const struct muster__view *v, struct muster__view_series *s)
{
	if (s->rendered == NULL && series_render(s) != 0)
		return -ENOMEM;
	const struct rendered *r = s->rendered;
	char *at = room(text, r->bytes + r->line_count * NUMBER_BYTES_MAX);
	if (at == NULL)
		return -ENOMEM;
	struct cursor c = {at, r, 0};
	lines_put(&c, v, s);
	text->count = (size_t)(c.at - text->bytes);
	return 0;
}

static int pid_sample_put(struct muster__text *text, const struct muster__view_pid_sample *p)
{
	if (p->series->rendered == NULL && series_render(p->series) != 0)
		return -ENOMEM;
	const struct rendered *r = p->series->rendered;
	char *at = room(text, r->bytes + 2 * NUMBER_BYTES_MAX);
	if (at == NULL)
		return -ENOMEM;
	struct cursor c = {at, r, 0};
	at = line_begin(&c);
	at += muster__number_uint(at, p->pid);
	at = stpcpy(at, "\"} ");
	at += muster__number_real(at, p->value, false);
	*at++ = '\n';
	text->count = (size_t)(at - text->bytes);
	return 0;
}

/* ---- families ----------------------------------------------------------------------------- */

/* `samples` points at the first pid sample not written yet; they come in the order of the families. */
static int family_put(struct muster__text *text, const struct muster__view *v, struct muster__view_family *f,
                      size_t *samples)
{
	int rc = f->rendered ? 0 : family_render(f);

	rc = rc ? rc : put_string(text, f->rendered);
	if (per_pid(f)) {
		for (; rc == 0 && *samples < v->pid_sample_count && v->pid_samples[*samples].series->family == f; ++*samples)
			rc = pid_sample_put(text, &v->pid_samples[*samples]);
		return rc;
	}
	for (size_t i = 0; rc == 0 && i < f->series_count; i++)
		rc = series_put(text, v, f->series[i]);
	return rc;
}

/* ---- what the store counts about itself ---------------------------------------------------- */

static int sample_put(struct muster__text *text, const char *labels, const char *reason, uint64_t n)
{
	char number[NUMBER_BYTES_MAX];
	int rc = put_string(text, labels);

	rc = rc ? rc : put_string(text, "reason=\"");
	rc = rc ? rc : put_string(text, reason);
	rc = rc ? rc : put_string(text, "\"} ");
	size_t count = muster__number_uint(number, n);
	number[count++] = '\n';
	return rc ? rc : put(text, number, count);
}

static int drops_put(struct muster__text *text, const struct muster__view *v)
{
	static const char *const reasons[] = {
#define MUSTER__ROW(id, text) text,
		MUSTER__DROPS(MUSTER__ROW)
#undef MUSTER__ROW
	};
	char labels[MUSTER_NAME_BYTES_MAX + 64];
	int rc = put_head(text, "muster_dropped_series_total", "Lookups that got no series, and recorded nothing.", "counter");

	for (size_t i = 0; i < v->family_count; i++)
		for (int d = 0; rc == 0 && d < MUSTER__DROP_COUNT; d++) {
			const struct muster__view_family *f = v->families[i];
			if (f->drops[d] == 0)
				continue;
			(void)stpcpy(stpcpy(stpcpy(labels, "muster_dropped_series_total{family=\""), f->name), "\",");
			rc = sample_put(text, labels, reasons[d], f->drops[d]);
		}
	return rc;
}

static int events_put(struct muster__text *text, const struct muster__view *v)
{
	static const struct {
		const char *metric, *reason;
	} rows[] = {
#define MUSTER__ROW(id, metric, reason) {metric, reason},
		MUSTER__EVENTS(MUSTER__ROW)
#undef MUSTER__ROW
	};
	char labels[64];
	int rc = 0;

	for (int i = 0; rc == 0 && i < MUSTER__EVENT_COUNT; i++) {
		if (i == 0 || strcmp(rows[i].metric, rows[i - 1].metric) != 0)
			rc = put_head(text, rows[i].metric,
			              strstr(rows[i].metric, "families") ? "Families that could not be declared or merged."
			                                                 : "Updates refused because the value made no sense.",
			              "counter");
		(void)stpcpy(stpcpy(labels, rows[i].metric), "{");
		rc = rc ? rc : sample_put(text, labels, rows[i].reason, v->events[i]);
	}
	return rc;
}

int muster__text_write(struct muster__text *text, const struct muster__view *view, const char **bytes, size_t *count)
{
	size_t samples = 0;
	int rc = 0;

	text->count = 0;
	for (size_t i = 0; rc == 0 && i < view->family_count; i++)
		rc = family_put(text, view, view->families[i], &samples);
	rc = rc ? rc : drops_put(text, view);
	rc = rc ? rc : events_put(text, view);
	if (rc != 0)
		return rc;
	*bytes = text->bytes;
	*count = text->count;
	return 0;
}
