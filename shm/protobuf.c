/* SPDX-License-Identifier: Apache-2.0 */
/*
 * protobuf.c - a view as io.prometheus.client.MetricFamily messages, each behind its length.
 *
 * Written by hand: a tree of message objects per sample, as a generated encoder wants it, costs more than all the rest
 * of a scrape. A message within a message comes behind its length, which is not known before: it is written behind room
 * for one of LENGTH_BYTES, padded (a varint may end in zero groups); only what is short is moved up. Runs in readers.
 *
 * Source: github.com/prometheus/client_model, io/prometheus/client/metrics.proto; protobuf.dev, encoding.
 */
#include <math.h>

#include "encode.h"
#include "exemplar.h"

#define LENGTH_BYTES 4 /* up to 2^28 - 1, checked at the end */
#define LENGTH_MAX ((UINT64_C(1) << 28) - 1)

enum { WIRE_VARINT, WIRE_FIXED64, WIRE_BYTES };
enum { TYPE_COUNTER, TYPE_GAUGE, TYPE_SUMMARY, TYPE_UNTYPED, TYPE_HISTOGRAM };

/* Fields, by message. */
enum { FAMILY_NAME = 1, FAMILY_HELP, FAMILY_TYPE, FAMILY_METRIC, FAMILY_UNIT };
enum { METRIC_LABEL = 1, METRIC_GAUGE, METRIC_COUNTER, METRIC_SUMMARY, METRIC_HISTOGRAM = 7 };
enum { LABEL_NAME = 1, LABEL_VALUE };
enum { VALUE = 1, COUNTER_EXEMPLAR, COUNTER_CREATED }; /* of Gauge and Counter */
enum { SUMMARY_COUNT = 1, SUMMARY_SUM, SUMMARY_QUANTILE, SUMMARY_CREATED };
enum { QUANTILE_QUANTILE = 1, QUANTILE_VALUE };
enum { HISTOGRAM_COUNT = 1, HISTOGRAM_SUM, HISTOGRAM_BUCKET, HISTOGRAM_CREATED = 15 };
enum { NATIVE_SCHEMA = 5, NATIVE_THRESHOLD, NATIVE_ZERO };
enum { NATIVE_NEGATIVE_SPAN = 9, NATIVE_NEGATIVE_DELTA, NATIVE_POSITIVE_SPAN = 12, NATIVE_POSITIVE_DELTA };
enum { SPAN_OFFSET = 1, SPAN_LENGTH };
enum { BUCKET_COUNT = 1, BUCKET_BOUND, BUCKET_EXEMPLAR };
enum { EXEMPLAR_LABEL = 1, EXEMPLAR_VALUE, EXEMPLAR_TIME };
enum { TIMESTAMP_SECONDS = 1, TIMESTAMP_NANOS };

/* ---- the wire ----------------------------------------------------------------------------- */

static void put_varint(struct muster__text_buffer *b, uint64_t n)
{
	char *at = muster__text_room(b, 10), *begin = at;

	if (at == NULL)
		return;
	for (; n >= 0x80; n >>= 7)
		*at++ = (char)(n | 0x80);
	*at++ = (char)n;
	b->count += (size_t)(at - begin);
}

static void put_tag(struct muster__text_buffer *b, unsigned field, unsigned wire)
{
	put_varint(b, field << 3 | wire);
}

static void put_uint(struct muster__text_buffer *b, unsigned field, uint64_t n)
{
	put_tag(b, field, WIRE_VARINT);
	put_varint(b, n);
}

/* sint32 and sint64: small numbers of either sign are short. */
static uint64_t zigzag(int64_t n)
{
	return (uint64_t)n << 1 ^ (n < 0 ? UINT64_MAX : 0);
}

static void put_double(struct muster__text_buffer *b, unsigned field, double x)
{
	uint64_t bits = muster__bits(x);
	char bytes[8];

	put_tag(b, field, WIRE_FIXED64);
	for (int i = 0; i < 8; i++)
		bytes[i] = (char)(bits >> 8 * i);
	muster__text_put_bytes(b, bytes, sizeof bytes);
}

static void put_text(struct muster__text_buffer *b, unsigned field, const char *text, size_t count)
{
	put_tag(b, field, WIRE_BYTES);
	put_varint(b, count);
	muster__text_put_bytes(b, text, count);
}

static void put_string(struct muster__text_buffer *b, unsigned field, const char *s)
{
	put_text(b, field, s, strlen(s));
}

/* Begin a message; the end fills in its length. */
static size_t message_begin(struct muster__text_buffer *b)
{
	muster__text_put_bytes(b, "\0\0\0\0", LENGTH_BYTES);
	return b->count;
}

static size_t field_begin(struct muster__text_buffer *b, unsigned field)
{
	put_tag(b, field, WIRE_BYTES);
	return message_begin(b);
}

static void message_end(struct muster__text_buffer *b, size_t begin)
{
	if (b->failed)
		return;
	uint64_t length = b->count - begin;
	char *at = b->bytes + begin - LENGTH_BYTES;
	if (length < 0x80) {
		*at = (char)length;
		memmove(at + 1, at + LENGTH_BYTES, length);
		b->count -= LENGTH_BYTES - 1;
		return;
	}
	b->failed |= length > LENGTH_MAX; /* 256 MiB of one family: nobody would take it */
	for (int i = 0; i < LENGTH_BYTES; i++)
		at[i] = (char)((length >> 7 * i & 0x7f) | (i < LENGTH_BYTES - 1 ? 0x80 : 0));
}

/* ---- metrics ------------------------------------------------------------------------------ */

static void put_pair(struct muster__text_buffer *b, unsigned field, struct muster_str name, struct muster_str value)
{
	size_t begin = field_begin(b, field);

	put_text(b, LABEL_NAME, name.bytes, name.count);
	put_text(b, LABEL_VALUE, value.bytes, value.count);
	message_end(b, begin);
}

static void put_label(struct muster__text_buffer *b, const char *name, struct muster_str value)
{
	put_pair(b, METRIC_LABEL, muster_str(name), value);
}

/* names: of the labels, as spelled */
static void put_labels(struct muster__text_buffer *b, const struct muster__view_series *s, char *const *names)
{
	const char *at = s->values;

	for (uint32_t i = 0; i < s->family->label_count; i++)
		put_label(b, names[i], muster__value_next(&at));
}

static void put_timestamp(struct muster__text_buffer *b, unsigned field, uint64_t unix_ns)
{
	size_t begin = field_begin(b, field);

	put_uint(b, TIMESTAMP_SECONDS, unix_ns / UINT64_C(1000000000));
	put_uint(b, TIMESTAMP_NANOS, unix_ns % UINT64_C(1000000000));
	message_end(b, begin);
}

/* Of place `at` of the view, if there is one; 0: there is none. */
static void put_exemplar(struct muster__text_buffer *b, unsigned field, const struct muster__view *v, uint32_t at)
{
	const struct muster__view_exemplar *e = at ? v->exemplars + at : NULL;
	struct muster_str name, value;

	if (e == NULL || e->bytes == 0)
		return;
	size_t begin = field_begin(b, field);
	for (uint32_t label = 0; muster__exemplar_next(e, &label, &name, &value);)
		put_pair(b, EXEMPLAR_LABEL, name, value);
	put_double(b, EXEMPLAR_VALUE, e->value);
	put_timestamp(b, EXEMPLAR_TIME, e->time_ns);
	message_end(b, begin);
}

static void put_gauge(struct muster__text_buffer *b, double x)
{
	size_t begin = field_begin(b, METRIC_GAUGE);

	put_double(b, VALUE, x);
	message_end(b, begin);
}

/* s: NULL for a counter of the store's own */
static void put_counter(struct muster__text_buffer *b, double x, const struct muster__view *v,
                        const struct muster__view_series *s)
{
	size_t begin = field_begin(b, METRIC_COUNTER);

	put_double(b, VALUE, x);
	if (s)
		put_exemplar(b, COUNTER_EXEMPLAR, v, s->exemplar_at);
	if (s && s->created_unix_ns)
		put_timestamp(b, COUNTER_CREATED, s->created_unix_ns);
	message_end(b, begin);
}

static void put_quantile(struct muster__text_buffer *b, double quantile, double value)
{
	size_t begin = field_begin(b, SUMMARY_QUANTILE);

	put_double(b, QUANTILE_QUANTILE, quantile);
	put_double(b, QUANTILE_VALUE, value);
	message_end(b, begin);
}

static void put_summary(struct muster__text_buffer *b, const struct muster__view *v,
                        const struct muster__view_series *s)
{
	size_t begin = field_begin(b, METRIC_SUMMARY);

	put_uint(b, SUMMARY_COUNT, v->ints[s->int_at]);
	put_double(b, SUMMARY_SUM, v->reals[s->real_at]);
	for (uint32_t i = 0; i < s->family->quantile_count; i++)
		put_quantile(b, s->family->quantiles[i], v->quantiles[s->sketch_at][i]);
	put_timestamp(b, SUMMARY_CREATED, s->created_unix_ns);
	message_end(b, begin);
}

/* Bucket i, which ends a cumulative count. */
static void put_bucket(struct muster__text_buffer *b, const struct muster__view *v, const struct muster__view_series *s,
                       uint32_t i, uint64_t count)
{
	const struct muster__view_family *f = s->family;
	size_t begin = field_begin(b, HISTOGRAM_BUCKET);

	put_uint(b, BUCKET_COUNT, count);
	put_double(b, BUCKET_BOUND, i < f->bounds_count ? f->bounds[i] : INFINITY);
	put_exemplar(b, BUCKET_EXEMPLAR, v, s->exemplar_at ? s->exemplar_at + i : 0);
	message_end(b, begin);
}

static void put_histogram(struct muster__text_buffer *b, const struct muster__view *v,
                          const struct muster__view_series *s)
{
	const struct muster__view_family *f = s->family;
	size_t begin = field_begin(b, METRIC_HISTOGRAM);
	uint64_t count = 0;

	for (uint32_t i = 0; i <= f->bounds_count; i++)
		put_bucket(b, v, s, i, count += v->ints[s->int_at + i]);
	put_uint(b, HISTOGRAM_COUNT, count);
	put_double(b, HISTOGRAM_SUM, v->reals[s->real_at]);
	put_timestamp(b, HISTOGRAM_CREATED, s->created_unix_ns);
	message_end(b, begin);
}

/* Empty buckets up to so many cost less within a span than another span does; client_golang does so, too. */
#define GAP_MAX 2

static void put_span(struct muster__text_buffer *b, unsigned field, int64_t offset, uint32_t length)
{
	size_t begin = field_begin(b, field);

	put_uint(b, SPAN_OFFSET, zigzag(offset));
	put_uint(b, SPAN_LENGTH, length);
	message_end(b, begin);
}

/* The next buckets from `*at` on that go in one span: from the first in use to the last before a gap.
 * Returns false if there are none. */
static bool span_next(const uint64_t *buckets, uint32_t used, uint32_t *at, uint32_t *first)
{
	while (*at < used && buckets[*at] == 0)
		++*at;
	if (*at == used)
		return false;
	*first = *at;
	for (uint32_t i = *at; i < used && i <= *at + GAP_MAX; i++)
		if (buckets[i] != 0)
			*at = i + 1;
	return true;
}

static void put_deltas(struct muster__text_buffer *b, unsigned field, const uint64_t *buckets, uint32_t used,
                       uint64_t infinite)
{
	size_t begin = field_begin(b, field);
	uint64_t before = 0;

	for (uint32_t at = 0, first; span_next(buckets, used, &at, &first);)
		for (; first < at; first++) {
			put_varint(b, zigzag((int64_t)(buckets[first] - before)));
			before = buckets[first];
		}
	if (infinite)
		put_varint(b, zigzag((int64_t)(infinite - before)));
	message_end(b, begin);
}

/* Buckets of one sign. Returns whether there are any. */
static bool put_spans(struct muster__text_buffer *b, unsigned span_field, unsigned delta_field,
                      const struct muster__native_values *n, int sign)
{
	const uint64_t *buckets = n->buckets[sign];
	int64_t behind = 0; /* the last span, at first the index 0 */
	uint32_t at = 0, first;
	bool any = n->infinite[sign] != 0;

	for (; buckets && span_next(buckets, n->used, &at, &first); any = true) {
		put_span(b, span_field, (int64_t)n->start + first - behind, at - first);
		behind = (int64_t)n->start + at;
	}
	if (n->infinite[sign])
		put_span(b, span_field, n->infinite_index - behind, 1);
	if (any)
		put_deltas(b, delta_field, buckets, buckets ? n->used : 0, n->infinite[sign]);
	return any;
}

static void put_native(struct muster__text_buffer *b, const struct muster__view *v, const struct muster__view_series *s)
{
	struct muster__native_values n;
	size_t begin = field_begin(b, METRIC_HISTOGRAM);

	muster__native_values(v, s, &n);
	put_uint(b, HISTOGRAM_COUNT, n.count);
	put_double(b, HISTOGRAM_SUM, v->reals[s->real_at]);
	put_uint(b, NATIVE_SCHEMA, zigzag(n.schema));
	put_double(b, NATIVE_THRESHOLD, n.zero_threshold);
	put_uint(b, NATIVE_ZERO, n.zero);
	bool any = put_spans(b, NATIVE_NEGATIVE_SPAN, NATIVE_NEGATIVE_DELTA, &n, 1);
	any |= put_spans(b, NATIVE_POSITIVE_SPAN, NATIVE_POSITIVE_DELTA, &n, 0);
	if (!any && n.zero == 0 && n.zero_threshold == 0) /* or nothing tells that it is a native one */
		put_span(b, NATIVE_POSITIVE_SPAN, 0, 0);
	put_timestamp(b, HISTOGRAM_CREATED, s->created_unix_ns);
	message_end(b, begin);
}

static void put_value(struct muster__text_buffer *b, const struct muster__view *v, const struct muster__view_series *s)
{
	switch (s->family->type) {
	case MUSTER_COUNTER:
		put_counter(b, (double)v->ints[s->int_at], v, s);
		break;
	case MUSTER_REAL_COUNTER:
		put_counter(b, v->reals[s->real_at], v, s);
		break;
	case MUSTER_IN_FLIGHT:
		put_gauge(b, (double)(int64_t)v->ints[s->int_at]);
		break;
	case MUSTER_GAUGE:
	case MUSTER_INFO:
	case MUSTER_STATESET:
		put_gauge(b, v->gauges[s->gauge_at].value);
		break;
	case MUSTER_HISTOGRAM:
		put_histogram(b, v, s);
		break;
	case MUSTER_NATIVE_HISTOGRAM:
		put_native(b, v, s);
		break;
	case MUSTER_SUMMARY:
		put_summary(b, v, s);
		break;
	}
}

static void put_series(struct muster__text_buffer *b, const struct muster__view *v, const struct muster__view_series *s,
                       char *const *label_names)
{
	if (s->hidden || !muster__series_shown(v, s))
		return;
	size_t begin = field_begin(b, FAMILY_METRIC);
	put_labels(b, s, label_names);
	put_value(b, v, s);
	message_end(b, begin);
}

static void put_pid_sample(struct muster__text_buffer *b, const struct muster__view_pid_sample *sample,
                           char *const *label_names)
{
	size_t begin = field_begin(b, FAMILY_METRIC);
	char number[24];

	put_labels(b, sample->series, label_names);
	put_label(b, "pid", (struct muster_str){number, muster__number_uint(number, sample->pid)});
	put_gauge(b, sample->value);
	message_end(b, begin);
}

/* ---- families ----------------------------------------------------------------------------- */

static size_t family_begin(struct muster__text_buffer *b, const char *name, const char *help, const char *unit,
                           enum muster_type type)
{
	static const unsigned char types[] = {
		[MUSTER_COUNTER] = TYPE_COUNTER,
		[MUSTER_REAL_COUNTER] = TYPE_COUNTER,
		[MUSTER_GAUGE] = TYPE_GAUGE,
		[MUSTER_IN_FLIGHT] = TYPE_GAUGE,
		[MUSTER_HISTOGRAM] = TYPE_HISTOGRAM,
		[MUSTER_SUMMARY] = TYPE_SUMMARY,
		[MUSTER_INFO] = TYPE_GAUGE,
		[MUSTER_STATESET] = TYPE_GAUGE,
		[MUSTER_NATIVE_HISTOGRAM] = TYPE_HISTOGRAM,
	};
	size_t begin = message_begin(b);

	put_string(b, FAMILY_NAME, name);
	put_string(b, FAMILY_HELP, help);
	put_uint(b, FAMILY_TYPE, types[type]);
	if (*unit)
		put_string(b, FAMILY_UNIT, unit);
	return begin;
}

static void put_store_sample(void *ctx, const struct muster__store_counter *counter, const char *family,
                             const char *reason, uint64_t value)
{
	struct muster__text_buffer *b = ctx;
	size_t begin = field_begin(b, FAMILY_METRIC);

	if (family)
		put_label(b, "family", muster_str(family));
	if (reason)
		put_label(b, "reason", muster_str(reason));
	if (counter->type == MUSTER_GAUGE)
		put_gauge(b, (double)value);
	else
		put_counter(b, (double)value, NULL, NULL);
	message_end(b, begin);
}

static void put_store_counters(const struct muster__making *m)
{
	char name[MUSTER__STORE_NAME_BYTES_MAX];

	for (size_t i = 0; i < MUSTER__STORE_COUNTERS; i++) {
		const struct muster__store_counter *counter = &muster__store_counters[i];
		if (!muster__name_wanted(m, counter->name))
			continue;
		muster__store_name(counter, m->escaping, name);
		size_t begin = family_begin(m->page, name, counter->help, "", counter->type);
		muster__store_counter_walk(m, counter, put_store_sample, m->page);
		message_end(m->page, begin);
	}
}

void muster__protobuf_write(const struct muster__making *m)
{
	const struct muster__view *v = m->view;

	for (size_t i = 0, sample = 0; i < v->family_count && !m->page->failed; i++) {
		const struct muster__view_family *f = v->families[i];
		size_t first = sample, count = muster__pid_samples_of(v, f, &sample);
		if (!muster__family_wanted(m, f))
			continue;
		const struct muster__spelling *spelled = f->spelled[m->escaping];
		size_t begin = family_begin(m->page, spelled->name, f->help, f->unit, f->type);
		for (size_t k = 0; k < f->series_count && !muster__family_per_pid(f); k++)
			put_series(m->page, v, muster__view_at(v, f->series[k]), spelled->labels);
		for (size_t k = 0; k < count; k++)
			put_pid_sample(m->page, &v->pid_samples[first + k], spelled->labels);
		message_end(m->page, begin);
	}
	put_store_counters(m);
}
