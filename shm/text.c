/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text.c - a view as Prometheus text 0.0.4 or OpenMetrics 1.0: one page, families by name, series by label values,
 * the store's own counters last.
 *
 * Both share the lines of samples; OpenMetrics describes families otherwise, tells when series were created, and says
 * where the page ends. What does not change is rendered once (text_render.c); a scrape copies that and formats numbers, after one
 * look at the capacity per series. A family is shown by its HELP and TYPE lines even while it has no sample,
 * as prometheus_client does. Sees a view, never a slab. Runs in readers.
 */
#include "names.h"
#include "text_render.h"
#include "text_self.h"

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

/* An exemplar at the end of the line before. */
static inline char *put_exemplar(char *at, const struct muster__view_exemplar *e)
{
	return e->bytes ? muster__text_exemplar(at - 1, e) : at;
}

/* The buckets, cumulative, then the sum and the count that follows from the buckets. */
static char *put_histogram(char *at, const struct muster__view_series *s, const uint64_t *buckets, double sum,
                           const struct muster__view_exemplar *exemplars)
{
	const struct muster__text_le *les = ((const struct muster__text_family *)s->family->rendered)->les;
	struct muster__text_series *r = s->rendered;
	const char *prefix = muster__text_prefixes(r);
	uint64_t count = 0;

	for (uint32_t i = 0; i <= s->family->bounds_count; i++) {
		at = put_chunks(at, prefix, r->prefix_bytes[0]);
		memcpy(at, les[i].bytes, sizeof les[i].bytes);
		at = put_uint(at + les[i].count, count += buckets[i]);
		if (exemplars)
			at = put_exemplar(at, exemplars + i);
	}
	return put_sum_and_count(at, r, prefix + r->prefix_bytes[0], r->prefix_bytes + 1, sum, count);
}

/* What these formats have of a native histogram: the one bucket of all, the sum and the count. */
static char *put_native(char *at, const struct muster__view *v, const struct muster__view_series *s)
{
	const struct muster__text_le *le = ((const struct muster__text_family *)s->family->rendered)->les;
	struct muster__text_series *r = s->rendered;
	const char *prefix = muster__text_prefixes(r);
	struct muster__native_values n;

	muster__native_values(v, s, &n);
	at = put_chunks(at, prefix, r->prefix_bytes[0]);
	memcpy(at, le->bytes, sizeof le->bytes);
	at = put_uint(at + le->count, n.count);
	return put_sum_and_count(at, r, prefix + r->prefix_bytes[0], r->prefix_bytes + 1, v->reals[s->real_at], n.count);
}

/* Quantiles change with every observation: they are spelled each time. */
static char *put_summary(char *at, const struct muster__view *v, const struct muster__view_series *s)
{
	const struct muster__text_le *les = ((const struct muster__text_family *)s->family->rendered)->les;
	struct muster__text_series *r = s->rendered;
	const char *prefix = muster__text_prefixes(r);
	const uint32_t *bytes = r->prefix_bytes;

	for (uint32_t i = 0; i < s->family->quantile_count; i++) {
		at = put_chunks(at, prefix, bytes[0]);
		memcpy(at, les[i].bytes, sizeof les[i].bytes);
		at = put_real(at + les[i].count, v->quantiles[s->quantile_at + i]);
	}
	if (s->family->quantile_count)
		prefix += *bytes++;
	return put_sum_and_count(at, r, prefix, bytes, v->reals[s->real_at], v->ints[s->int_at]);
}

/* ---- series and families ------------------------------------------------------------------ */

/* exemplars: of the series, or NULL */
static char *put_series(char *at, const struct muster__view *v, const struct muster__view_series *s,
                        const struct muster__view_exemplar *exemplars)
{
	struct muster__text_series *r = s->rendered;
	const char *prefix = muster__text_prefixes(r);

	switch (s->family->type) {
	case MUSTER_COUNTER:
		at = put_uint(put_chunks(at, prefix, r->prefix_bytes[0]), v->ints[s->int_at]);
		return exemplars ? put_exemplar(at, exemplars) : at;
	case MUSTER_REAL_COUNTER:
		at = put_resting_real(put_chunks(at, prefix, r->prefix_bytes[0]), r->real, v->reals[s->real_at]);
		return exemplars ? put_exemplar(at, exemplars) : at;
	case MUSTER_GAUGE:
	case MUSTER_INFO:
	case MUSTER_STATESET:
		if (!v->gauges[s->gauge_at].set)
			return at;
		return put_resting_real(put_chunks(at, prefix, r->prefix_bytes[0]), r->real, v->gauges[s->gauge_at].value);
	case MUSTER_IN_FLIGHT:
		return put_int(put_chunks(at, prefix, r->prefix_bytes[0]), (int64_t)v->ints[s->int_at]);
	case MUSTER_HISTOGRAM:
		return put_histogram(at, s, v->ints + s->int_at, v->reals[s->real_at], exemplars);
	case MUSTER_NATIVE_HISTOGRAM:
		return put_native(at, v, s);
	case MUSTER_SUMMARY:
		return put_summary(at, v, s);
	}
	return at;
}

/* ---- when a series was created -------------------------------------------------------------- */

/* Only what adds up has a beginning that matters. */
static bool has_created(const struct muster__view_family *f)
{
	return !muster__is_gauge(f->type) && f->type != MUSTER_IN_FLIGHT;
}

/* The name without its suffix, and the labels of the last prefix, `name_count{...} ` or `name_total{...} `. */
static char *put_created(char *at, const struct muster__view_series *s)
{
	const struct muster__view_family *f = s->family;
	const struct muster__text_family *head = f->rendered;
	struct muster__text_series *r = s->rendered;
	const char *prefix = muster__text_prefixes(r);
	uint32_t last = 0;

	while (last + 1 < MUSTER__TEXT_PREFIXES_MAX && r->prefix_bytes[last + 1])
		prefix += r->prefix_bytes[last++];
	size_t name_bytes = head->base_bytes + (last ? sizeof "_count" - 1 : sizeof "_total" - 1);
	memcpy(at, f->name, head->base_bytes);
	memcpy(at + head->base_bytes, "_created", 8);
	at = put_chunks(at + head->base_bytes + 8, prefix + name_bytes, r->prefix_bytes[last] - name_bytes);
	return muster__text_milliseconds(at, s->created_unix_ns);
}

/* ---- the page ----------------------------------------------------------------------------- */

/* Where the lines of a series go, which is rendered then, and `more` bytes. NULL for want of memory. */
static char *series_room(struct muster__text_buffer *page, struct muster__view_series *s, size_t more)
{
	const struct muster__text_series *r = s->rendered ? s->rendered : muster__text_render_series(s);

	page->failed |= r == NULL;
	return r ? muster__text_room(page, r->bytes_max + more) : NULL;
}

/* What counts or adds up tells when that began, and has exemplars, where the page says of what type it is. */
static void series_write(const struct muster__making *m, struct muster__view_series *s, bool created)
{
	bool exemplars = created && s->exemplar_at;
	char *at = series_room(m->page, s, exemplars ? MUSTER__TEXT_EXEMPLAR_MAX * (s->family->bounds_count + 1) : 0);

	if (at == NULL)
		return;
	at = put_series(at, m->view, s, exemplars ? m->view->exemplars + s->exemplar_at : NULL);
	if (created)
		at = put_created(at, s);
	m->page->count = (size_t)(at - m->page->bytes);
}

static void pid_sample_write(struct muster__text_buffer *page, const struct muster__view_pid_sample *sample)
{
	char *at = series_room(page, sample->series, 0);

	if (at == NULL)
		return;
	struct muster__text_series *r = sample->series->rendered;
	at = put_chunks(at, muster__text_prefixes(r), r->prefix_bytes[0]);
	at += muster__number_uint(at, sample->pid);
	memcpy(at, "\"} ", 3);
	page->count = (size_t)(put_real(at + 3, sample->value) - page->bytes);
}

static enum muster__text_head head_of(const struct muster__view *view, const struct muster__view_family *f,
                                      const struct muster__text_family *r)
{
	bool counter = f->type == MUSTER_COUNTER || f->type == MUSTER_REAL_COUNTER, suffix = f->name[r->base_bytes];
	bool taken = suffix && muster__view_family_named(view, f->name, r->base_bytes);

	return taken || (counter && !suffix) ? MUSTER__HEAD_UNKNOWN : MUSTER__HEAD_OPENMETRICS;
}

static void all_series_write(const struct muster__making *m, const struct muster__view_family *f, bool created)
{
	for (size_t k = 0; k < f->series_count && !m->page->failed; k++)
		if (!f->series[k]->hidden)
			series_write(m, f->series[k], created);
}

static void family_write(const struct muster__making *m, struct muster__view_family *f, bool openmetrics,
                         const struct muster__view_pid_sample *samples, size_t samples_count)
{
	const struct muster__text_family *r = f->rendered ? f->rendered : muster__text_render_family(f);

	m->page->failed |= r == NULL;
	if (r == NULL)
		return;
	enum muster__text_head head = openmetrics ? head_of(m->view, f, r) : MUSTER__HEAD_TEXT;
	muster__text_put_bytes(m->page, r->heads[head], r->head_bytes[head]);
	if (!muster__family_per_pid(f))
		all_series_write(m, f, head == MUSTER__HEAD_OPENMETRICS && has_created(f));
	for (size_t i = 0; i < samples_count && !m->page->failed; i++)
		pid_sample_write(m->page, &samples[i]);
}

static void families_write(const struct muster__making *m, bool openmetrics)
{
	const struct muster__view *v = m->view;

	for (size_t i = 0, sample = 0; i < v->family_count && !m->page->failed; i++) {
		size_t begin = sample, count = muster__pid_samples_of(v, v->families[i], &sample);
		if (muster__family_wanted(m, v->families[i]->name))
			family_write(m, v->families[i], openmetrics, count ? v->pid_samples + begin : NULL, count);
	}
}

void muster__text_write(const struct muster__making *m)
{
	families_write(m, false);
	muster__text_put_self(m, MUSTER__HEAD_TEXT);
}

void muster__openmetrics_write(const struct muster__making *m)
{
	families_write(m, true);
	muster__text_put_self(m, MUSTER__HEAD_OPENMETRICS);
	muster__text_put(m->page, "# EOF\n");
}
