/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json.c - a view as JSON for scripts: the shape of prom2json, and numbers as numbers where JSON has them.
 *
 *     [{"name":"...","help":"...","type":"COUNTER","unit":"...","metrics":[
 *       {"labels":{"code":"200"},"value":3,"created":1763700000.123},
 *       {"labels":{},"buckets":{"0.005":1,...,"+Inf":7},"count":7,"sum":1.5,"created":...},
 *       {"labels":{},"quantiles":{"0.5":1.01,...},"count":7,"sum":1.5,"created":...}]},...]
 *
 * A native histogram's buckets are those of Prometheus' API: [which bounds belong to it, lower, upper, count], not cumulative.
 *
 * NaN and the infinities, which JSON has no numbers for, are the strings "NaN", "+Inf" and "-Inf". Runs in readers.
 * Source: RFC 8259.
 */
#include <float.h>
#include <math.h>

#include "encode.h"
#include "exemplar.h"
#include "exponential.h"

static const char *const types[] = {
	[MUSTER_COUNTER] = "COUNTER", [MUSTER_REAL_COUNTER] = "COUNTER", [MUSTER_GAUGE] = "GAUGE",
	[MUSTER_IN_FLIGHT] = "GAUGE", [MUSTER_HISTOGRAM] = "HISTOGRAM",  [MUSTER_SUMMARY] = "SUMMARY",
	[MUSTER_INFO] = "INFO",       [MUSTER_STATESET] = "STATESET",    [MUSTER_NATIVE_HISTOGRAM] = "HISTOGRAM",
};

/* ---- pieces ------------------------------------------------------------------------------- */

static void put_escaped(struct muster__text_buffer *b, unsigned char c)
{
	static const char hex[] = "0123456789abcdef";
	char text[] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};

	if (c == '"' || c == '\\')
		muster__text_put_bytes(b, (char[]){'\\', (char)c}, 2);
	else if (c < 0x20)
		muster__text_put_bytes(b, text, sizeof text);
	else
		muster__text_put_bytes(b, (char *)&c, 1);
}

static void put_string(struct muster__text_buffer *b, const char *s, size_t count)
{
	muster__text_put(b, "\"");
	for (size_t i = 0; i < count; i++)
		put_escaped(b, (unsigned char)s[i]);
	muster__text_put(b, "\"");
}

static void put_member(struct muster__text_buffer *b, const char *name, const char *value)
{
	put_string(b, name, strlen(name));
	muster__text_put(b, ":");
	put_string(b, value, strlen(value));
}

static void put_uint(struct muster__text_buffer *b, uint64_t n)
{
	char *at = muster__text_room(b, 24);

	if (at)
		b->count += muster__number_uint(at, n);
}

static void put_int(struct muster__text_buffer *b, int64_t n)
{
	char *at = muster__text_room(b, 24);

	if (at)
		b->count += muster__number_int(at, n);
}

static void put_real(struct muster__text_buffer *b, double x)
{
	char number[32];
	size_t count = muster__number_real(number, x, false);

	if (isfinite(x))
		muster__text_put_bytes(b, number, count);
	else
		put_string(b, number, count);
}

static void put_labels(struct muster__text_buffer *b, const struct muster__view_series *s, uint32_t pid)
{
	const struct muster__view_family *f = s->family;
	const char *at = s->values;
	char number[24];

	muster__text_put(b, "{\"labels\":{");
	for (uint32_t i = 0; i < f->label_count; i++) {
		muster__text_put(b, i ? "," : "");
		put_string(b, f->labels[i], strlen(f->labels[i]));
		muster__text_put(b, ":");
		struct muster_str value = muster__value_next(&at);
		put_string(b, value.bytes, value.count);
	}
	if (pid) {
		muster__text_put(b, f->label_count ? ",\"pid\":" : "\"pid\":");
		put_string(b, number, muster__number_uint(number, pid));
	}
	muster__text_put(b, "}");
}

/* In seconds, to the millisecond. */
static void put_time(struct muster__text_buffer *b, const char *member, uint64_t unix_ns)
{
	uint64_t unix_ms = unix_ns / 1000000;

	muster__text_put(b, member);
	put_real(b, (double)unix_ms / 1e3);
}

static void put_exemplar(struct muster__text_buffer *b, const struct muster__view_exemplar *e)
{
	struct muster_str name, value;

	muster__text_put(b, "{\"labels\":{");
	for (uint32_t at = 0, first = 1; muster__exemplar_next(e, &at, &name, &value); first = 0) {
		muster__text_put(b, first ? "" : ",");
		put_string(b, name.bytes, name.count);
		muster__text_put(b, ":");
		put_string(b, value.bytes, value.count);
	}
	muster__text_put(b, "},\"value\":");
	put_real(b, e->value);
	put_time(b, ",\"time\":", e->time_ns);
	muster__text_put(b, "}");
}

/* ---- metrics ------------------------------------------------------------------------------ */

/* The name of a bucket's member. */
static void put_bound(struct muster__text_buffer *b, const struct muster__view_family *f, uint32_t i)
{
	char bound[32];

	put_string(b, bound, muster__number_real(bound, i < f->bounds_count ? f->bounds[i] : INFINITY, true));
	muster__text_put(b, ":");
}

static void put_buckets(struct muster__text_buffer *b, const struct muster__view_family *f, const uint64_t *buckets)
{
	uint64_t count = 0;

	muster__text_put(b, ",\"buckets\":{");
	for (uint32_t i = 0; i <= f->bounds_count; i++) {
		muster__text_put(b, i ? "," : "");
		put_bound(b, f, i);
		put_uint(b, count += buckets[i]);
	}
	muster__text_put(b, "},\"count\":");
	put_uint(b, count);
}

/* Which of its bounds belong to a bucket, as Prometheus' API numbers it. */
enum { UPPER_BELONGS = 0, LOWER_BELONGS = 1, BOTH_BELONG = 3 };

static void put_native_bucket(struct muster__text_buffer *b, unsigned rule, double low, double high, uint64_t count)
{
	muster__text_put(b, b->bytes[b->count - 1] == '[' ? "[" : ",[");
	put_uint(b, rule);
	muster__text_put(b, ",");
	put_real(b, low);
	muster__text_put(b, ",");
	put_real(b, high);
	muster__text_put(b, ",");
	put_uint(b, count);
	muster__text_put(b, "]");
}

static void put_native_buckets(struct muster__text_buffer *b, const struct muster__native_values *n)
{
	const uint64_t *positive = n->buckets[0], *negative = n->buckets[1];

	if (n->infinite[1])
		put_native_bucket(b, LOWER_BELONGS, -INFINITY, -DBL_MAX, n->infinite[1]);
	for (uint32_t i = negative ? n->used : 0; i-- > 0;)
		if (negative[i])
			put_native_bucket(b, LOWER_BELONGS, -muster__exponential_bound(n->start + (int32_t)i, n->schema),
			                  -muster__exponential_bound(n->start + (int32_t)i - 1, n->schema), negative[i]);
	if (n->zero)
		put_native_bucket(b, BOTH_BELONG, 0 - n->zero_threshold, n->zero_threshold, n->zero);
	for (uint32_t i = 0; i < n->used; i++)
		if (positive[i])
			put_native_bucket(b, UPPER_BELONGS, muster__exponential_bound(n->start + (int32_t)i - 1, n->schema),
			                  muster__exponential_bound(n->start + (int32_t)i, n->schema), positive[i]);
	if (n->infinite[0])
		put_native_bucket(b, UPPER_BELONGS, DBL_MAX, INFINITY, n->infinite[0]);
}

static void put_native(struct muster__text_buffer *b, const struct muster__view *v, const struct muster__view_series *s)
{
	struct muster__native_values n;

	muster__native_values(v, s, &n);
	muster__text_put(b, ",\"schema\":");
	put_int(b, n.schema);
	muster__text_put(b, ",\"zero_threshold\":");
	put_real(b, n.zero_threshold);
	muster__text_put(b, ",\"zero_count\":");
	put_uint(b, n.zero);
	muster__text_put(b, ",\"buckets\":[");
	if (!b->failed)
		put_native_buckets(b, &n);
	muster__text_put(b, "],\"count\":");
	put_uint(b, n.count);
}

static void put_quantiles(struct muster__text_buffer *b, const struct muster__view *v,
                          const struct muster__view_series *s)
{
	char quantile[32];

	if (s->family->quantile_count == 0)
		return;
	muster__text_put(b, ",\"quantiles\":{");
	for (uint32_t i = 0; i < s->family->quantile_count; i++) {
		size_t n = muster__number_real(quantile, s->family->quantiles[i], true);
		muster__text_put(b, i ? "," : "");
		put_string(b, quantile, n);
		muster__text_put(b, ":");
		put_real(b, v->quantiles[s->sketch_at][i]);
	}
	muster__text_put(b, "}");
}

static void put_distribution(struct muster__text_buffer *b, const struct muster__view *v,
                             const struct muster__view_series *s)
{
	if (s->family->type == MUSTER_HISTOGRAM) {
		put_buckets(b, s->family, v->ints + s->int_at);
	} else if (s->family->type == MUSTER_NATIVE_HISTOGRAM) {
		put_native(b, v, s);
	} else {
		put_quantiles(b, v, s);
		muster__text_put(b, ",\"count\":");
		put_uint(b, v->ints[s->int_at]);
	}
	muster__text_put(b, ",\"sum\":");
	put_real(b, v->reals[s->real_at]);
}

/* A counter's, or those of buckets that have one. */
static void put_exemplars(struct muster__text_buffer *b, const struct muster__view *v,
                          const struct muster__view_series *s)
{
	uint32_t at = muster__exemplar_at(s);
	const struct muster__view_exemplar *e = at ? v->exemplars + at : NULL;
	bool any = false;

	for (uint32_t i = 0; e && i <= s->family->bounds_count; i++) {
		if (e[i].bytes == 0)
			continue;
		if (s->family->type != MUSTER_HISTOGRAM) {
			muster__text_put(b, ",\"exemplar\":");
			put_exemplar(b, e);
			return;
		}
		muster__text_put(b, any ? "," : ",\"exemplars\":{");
		put_bound(b, s->family, i);
		put_exemplar(b, e + i);
		any = true;
	}
	if (any)
		muster__text_put(b, "}");
}

static void put_values(struct muster__text_buffer *b, const struct muster__view *v, const struct muster__view_series *s)
{
	switch (s->family->type) {
	case MUSTER_COUNTER:
		muster__text_put(b, ",\"value\":");
		put_uint(b, v->ints[s->int_at]);
		break;
	case MUSTER_IN_FLIGHT:
		muster__text_put(b, ",\"value\":");
		put_int(b, (int64_t)v->ints[s->int_at]);
		return;
	case MUSTER_GAUGE:
	case MUSTER_INFO:
	case MUSTER_STATESET:
		muster__text_put(b, ",\"value\":");
		put_real(b, v->gauges[s->gauge_at].value);
		return;
	case MUSTER_REAL_COUNTER:
		muster__text_put(b, ",\"value\":");
		put_real(b, v->reals[s->real_at]);
		break;
	case MUSTER_HISTOGRAM:
	case MUSTER_NATIVE_HISTOGRAM:
	case MUSTER_SUMMARY:
		put_distribution(b, v, s);
		break;
	}
	put_exemplars(b, v, s);
	put_time(b, ",\"created\":", s->created_unix_ns);
}

/* A comma before all metrics of a family but the first. */
static void put_separator(struct muster__text_buffer *b)
{
	if (b->count && b->bytes[b->count - 1] != '[')
		muster__text_put(b, ",");
}

static void put_series(struct muster__text_buffer *b, const struct muster__view *v, const struct muster__view_series *s)
{
	if (s->hidden || !muster__series_shown(v, s))
		return;
	put_separator(b);
	put_labels(b, s, 0);
	put_values(b, v, s);
	muster__text_put(b, "}");
}

static void put_pid_sample(struct muster__text_buffer *b, const struct muster__view_pid_sample *sample)
{
	put_separator(b);
	put_labels(b, sample->series, sample->pid);
	muster__text_put(b, ",\"value\":");
	put_real(b, sample->value);
	muster__text_put(b, "}");
}

/* ---- families ----------------------------------------------------------------------------- */

static void put_head(struct muster__text_buffer *b, const char *name, const char *help, const char *unit,
                     const char *type)
{
	put_separator(b);
	muster__text_put(b, "{");
	put_member(b, "name", name);
	muster__text_put(b, ",");
	put_member(b, "help", help);
	muster__text_put(b, ",");
	put_member(b, "type", type);
	if (*unit) {
		muster__text_put(b, ",");
		put_member(b, "unit", unit);
	}
	muster__text_put(b, ",\"metrics\":[");
}

static void put_store_sample(void *ctx, const struct muster__store_counter *counter, const char *family,
                             const char *reason, uint64_t value)
{
	struct muster__text_buffer *b = ctx;

	(void)counter;
	put_separator(b);
	muster__text_put(b, "{\"labels\":{");
	if (family) {
		put_member(b, "family", family);
		muster__text_put(b, ",");
	}
	if (reason)
		put_member(b, "reason", reason);
	muster__text_put(b, "},\"value\":");
	put_uint(b, value);
	muster__text_put(b, "}");
}

static void put_store_counters(const struct muster__making *m)
{
	for (size_t i = 0; i < MUSTER__STORE_COUNTERS; i++) {
		const struct muster__store_counter *counter = &muster__store_counters[i];
		if (!muster__name_wanted(m, counter->name))
			continue;
		put_head(m->page, counter->name, counter->help, "", types[counter->type]);
		muster__store_counter_walk(m, counter, put_store_sample, m->page);
		muster__text_put(m->page, "]}");
	}
}

void muster__json_write(const struct muster__making *m)
{
	const struct muster__view *v = m->view;

	muster__text_put(m->page, "[");
	for (size_t i = 0, sample = 0; i < v->family_count && !m->page->failed; i++) {
		const struct muster__view_family *f = v->families[i];
		size_t begin = sample, count = muster__pid_samples_of(v, f, &sample);
		if (!muster__family_wanted(m, f))
			continue;
		put_head(m->page, f->name, f->help, f->unit, types[f->type]);
		for (size_t k = 0; k < f->series_count && !muster__family_per_pid(f); k++)
			put_series(m->page, v, muster__view_at(v, f->series[k]));
		for (size_t k = 0; k < count; k++)
			put_pid_sample(m->page, &v->pid_samples[begin + k]);
		muster__text_put(m->page, "]}");
	}
	put_store_counters(m);
	muster__text_put(m->page, "]\n");
}
