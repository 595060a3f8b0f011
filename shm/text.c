/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text.c - a view as Prometheus text 0.0.4: one page, families by name, series by label values, the store's
 * own counters last.
 *
 * What does not change is rendered once (text_render.c); a scrape copies that and formats numbers, after one
 * look at the capacity per series. A family is shown by its HELP and TYPE lines even while it has no sample,
 * as prometheus_client does. Sees a view, never a slab. Runs in readers.
 */
#include <errno.h>

#include "text_render.h"
#include "text_self.h"

struct muster__text {
	struct muster__text_buffer page; /* kept between scrapes */
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
		free((*text)->page.bytes);
	free(*text);
	*text = NULL;
}

/* ---- lines: `at` is where they go, and has room for them and a chunk ---------------------------- */

/* memcpy by whole chunks: no call and next to no branch for what is nearly always one to three of them. */
static inline char *put_chunks(char *at, const char *from, size_t count)
{
	for (size_t i = 0; i < count; i += MUSTER__TEXT_CHUNK)
		memcpy(at + i, from + i, MUSTER__TEXT_CHUNK);
	return at + count;
}

static inline char *put_uint(char *at, uint64_t n)
{
	at += muster__number_uint(at, n);
	*at = '\n';
	return at + 1;
}

static inline char *put_int(char *at, int64_t n)
{
	at += muster__number_int(at, n);
	*at = '\n';
	return at + 1;
}

static inline char *put_real(char *at, double x)
{
	at += muster__number_real(at, x, false);
	*at = '\n';
	return at + 1;
}

/* A double that was perhaps the same on the last page. */
static inline char *put_resting_real(char *at, struct muster__text_real *real, double x)
{
	if (real->bits != muster__bits(x)) {
		real->count = (uint8_t)(put_real(real->bytes, x) - real->bytes);
		real->bits = muster__bits(x);
	}
	memcpy(at, real->bytes, sizeof real->bytes);
	return at + real->count;
}

static inline char *put_sum_and_count(char *at, struct muster__text_series *r, const char *prefix,
                                      const uint32_t *prefix_bytes, double sum, uint64_t count)
{
	at = put_resting_real(put_chunks(at, prefix, prefix_bytes[0]), r->real, sum);
	return put_uint(put_chunks(at, prefix + prefix_bytes[0], prefix_bytes[1]), count);
}

/* The buckets, cumulative, then the sum and the count that follows from the buckets. */
static char *put_histogram(char *at, const struct muster__view_series *s, const uint64_t *buckets, double sum)
{
	const struct muster__text_le *les = ((const struct muster__text_family *)s->family->rendered)->les;
	struct muster__text_series *r = s->rendered;
	const char *prefix = muster__text_prefixes(r);
	uint64_t count = 0;

	for (uint32_t i = 0; i <= s->family->bounds_count; i++) {
		at = put_chunks(at, prefix, r->prefix_bytes[0]);
		memcpy(at, les[i].bytes, sizeof les[i].bytes);
		at = put_uint(at + les[i].count, count += buckets[i]);
	}
	return put_sum_and_count(at, r, prefix + r->prefix_bytes[0], r->prefix_bytes + 1, sum, count);
}

/* ---- series and families ------------------------------------------------------------------ */

static char *put_series(char *at, const struct muster__view *v, const struct muster__view_series *s)
{
	struct muster__text_series *r = s->rendered;
	const char *prefix = muster__text_prefixes(r);

	switch (s->family->type) {
	case MUSTER_COUNTER:
		return put_uint(put_chunks(at, prefix, r->prefix_bytes[0]), v->ints[s->int_at]);
	case MUSTER_REAL_COUNTER:
		return put_resting_real(put_chunks(at, prefix, r->prefix_bytes[0]), r->real, v->reals[s->real_at]);
	case MUSTER_GAUGE:
	case MUSTER_INFO:
	case MUSTER_STATESET:
		if (!v->gauges[s->gauge_at].set)
			return at;
		return put_resting_real(put_chunks(at, prefix, r->prefix_bytes[0]), r->real, v->gauges[s->gauge_at].value);
	case MUSTER_IN_FLIGHT:
		return put_int(put_chunks(at, prefix, r->prefix_bytes[0]), (int64_t)v->ints[s->int_at]);
	case MUSTER_HISTOGRAM:
		return put_histogram(at, s, v->ints + s->int_at, v->reals[s->real_at]);
	case MUSTER_SUMMARY:
		return put_sum_and_count(at, r, prefix, r->prefix_bytes, v->reals[s->real_at], v->ints[s->int_at]);
	}
	return at;
}

/* Where the lines of a series go, which is rendered then. NULL for want of memory. */
static char *series_room(struct muster__text_buffer *page, struct muster__view_series *s)
{
	const struct muster__text_series *r = s->rendered ? s->rendered : muster__text_render_series(s);

	page->failed |= r == NULL;
	return r ? muster__text_room(page, r->bytes_max) : NULL;
}

static void series_write(struct muster__text_buffer *page, const struct muster__view *v, struct muster__view_series *s)
{
	char *at = series_room(page, s);

	if (at)
		page->count = (size_t)(put_series(at, v, s) - page->bytes);
}

static void pid_sample_write(struct muster__text_buffer *page, const struct muster__view_pid_sample *sample)
{
	char *at = series_room(page, sample->series);

	if (at == NULL)
		return;
	struct muster__text_series *r = sample->series->rendered;
	at = put_chunks(at, muster__text_prefixes(r), r->prefix_bytes[0]);
	at += muster__number_uint(at, sample->pid);
	memcpy(at, "\"} ", 3);
	page->count = (size_t)(put_real(at + 3, sample->value) - page->bytes);
}

/* `sample` counts the pid samples written; they come in the order of the families.
 * Returns how many are then. */
static size_t samples_write(struct muster__text_buffer *page, const struct muster__view *v,
                            const struct muster__view_family *f, size_t sample)
{
	while (sample < v->pid_sample_count && v->pid_samples[sample].series->family == f && !page->failed)
		pid_sample_write(page, &v->pid_samples[sample++]);
	return sample;
}

static void head_write(struct muster__text_buffer *page, struct muster__view_family *f)
{
	const struct muster__text_family *r = f->rendered ? f->rendered : muster__text_render_family(f);

	page->failed |= r == NULL;
	if (r)
		muster__text_put_bytes(page, r->head, r->head_bytes);
}

static void families_write(struct muster__text_buffer *page, const struct muster__view *v)
{
	size_t sample = 0;

	for (size_t i = 0; i < v->family_count && !page->failed; i++) {
		struct muster__view_family *f = v->families[i];
		head_write(page, f);
		if (muster__text_per_pid(f))
			sample = samples_write(page, v, f, sample);
		else
			for (size_t k = 0; k < f->series_count && !page->failed; k++)
				if (!f->series[k]->hidden)
					series_write(page, v, f->series[k]);
	}
}

int muster__text_write(struct muster__text *text, const struct muster__view *view, const char **bytes, size_t *count)
{
	struct muster__text_buffer *page = &text->page;

	page->count = 0;
	page->failed = false;
	families_write(page, view);
	muster__text_put_self(page, view);
	if (page->failed)
		return -ENOMEM;
	*bytes = page->bytes;
	*count = page->count;
	return 0;
}
