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
#include "text_rests.h"
#include "text_self.h"

/* ---- lines: `at` is where they go, and has room for them and a chunk ---------------------------- */

/* memcpy by whole chunks: no call and next to no branch for what is nearly always one to three of them. */
static inline char *put_chunks(char *at, const char *from, size_t count)
{
	size_t i = 0;

	do
		memcpy(at + i, from + i, MUSTER__TEXT_CHUNK);
	while ((i += MUSTER__TEXT_CHUNK) < count);
	return at + count;
}

/* The same of what stands on the page already; the last chunk may reach into where it goes. */
static inline char *put_again(char *at, const char *from, size_t count)
{
	struct {
		char bytes[MUSTER__TEXT_CHUNK];
	} chunk;
	size_t i = 0;

	do {
		memcpy(&chunk, from + i, sizeof chunk);
		memcpy(at + i, &chunk, sizeof chunk);
	} while ((i += sizeof chunk) < count);
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

/* ---- lines up to their values --------------------------------------------------------------- */

static inline char *put_piece(char *at, const struct muster__text_family *r, const struct muster__text_piece *piece)
{
	return put_chunks(at, r->text + piece->at, piece->count);
}

static __attribute__((noinline)) char *put_line_escaped(char *at, const struct muster__text_family *r,
                                                        enum muster__text_line line,
                                                        const struct muster__view_series *s)
{
	const char *values = s->values;

	at = put_piece(at, r, r->lines[line]);
	for (uint32_t i = 1; i <= s->family->label_count; i++) {
		struct muster_str value = muster__value_next(&values);
		at = muster__text_escape(at, value.bytes, value.count, true);
		at = put_piece(at, r, r->lines[line] + i);
	}
	return at;
}

static inline char *put_line(char *at, const struct muster__text_family *r, enum muster__text_line line,
                             const struct muster__view_series *s)
{
	const struct muster__text_piece *piece = r->lines[line], *last = piece + s->family->label_count;
	const char *values = s->values;

	if (__builtin_expect(s->escaped, 0))
		return put_line_escaped(at, r, line, s);
	at = put_piece(at, r, piece);
	while (piece < last) {
		struct muster_str value = muster__value_next(&values);
		at = put_piece(put_chunks(at, value.bytes, value.count), r, ++piece);
	}
	return at;
}

static inline char *put_end(char *at, const struct muster__text_le *le)
{
	memcpy(at, le->bytes, sizeof le->bytes);
	return at + le->count;
}

/* ---- series ------------------------------------------------------------------------------- */

static inline char *put_sum_and_count(char *at, const struct muster__making *m, const struct muster__text_family *r,
                                      const struct muster__view_series *s, uint64_t count)
{
	at = put_line(at, r, MUSTER__LINE_SUM, s);
	at = put_resting_real(at, m->rests->reals + s->real_at, m->view->reals[s->real_at]);
	return put_uint(put_line(at, r, MUSTER__LINE_COUNT, s), count);
}

/* An exemplar at the end of the line before. */
static inline char *put_exemplar(char *at, const struct muster__view_exemplar *e)
{
	return e->bytes ? muster__text_exemplar(at - 1, e) : at;
}

/* The buckets, cumulative, then the sum and the count that follows from the buckets. */
static char *put_histogram(char *at, const struct muster__making *m, const struct muster__text_family *r,
                           const struct muster__view_series *s, const struct muster__view_exemplar *exemplars)
{
	const uint64_t *buckets = m->view->ints + s->int_at;
	const char *begin = at;
	uint64_t count = 0;

	at = put_line(at, r, MUSTER__LINE_ENDS, s);
	size_t line_bytes = (size_t)(at - begin);
	for (uint32_t i = 0; i <= s->family->bounds_count; i++) {
		at = i == 0 ? at : put_again(at, begin, line_bytes);
		at = put_uint(put_end(at, r->les + i), count += buckets[i]);
		if (exemplars)
			at = put_exemplar(at, exemplars + i);
	}
	return put_sum_and_count(at, m, r, s, count);
}

/* What these formats have of a native histogram: the one bucket of all, the sum and the count. */
static char *put_native(char *at, const struct muster__making *m, const struct muster__text_family *r,
                        const struct muster__view_series *s)
{
	struct muster__native_values n;

	muster__native_values(m->view, s, &n);
	at = put_uint(put_end(put_line(at, r, MUSTER__LINE_ENDS, s), r->les), n.count);
	return put_sum_and_count(at, m, r, s, n.count);
}

/* Quantiles change with every observation: they are spelled each time. */
static char *put_summary(char *at, const struct muster__making *m, const struct muster__text_family *r,
                         const struct muster__view_series *s)
{
	for (uint32_t i = 0; i < s->family->quantile_count; i++) {
		at = put_end(put_line(at, r, MUSTER__LINE_ENDS, s), r->les + i);
		at = put_real(at, m->view->quantiles[s->sketch_at][i]);
	}
	return put_sum_and_count(at, m, r, s, m->view->ints[s->int_at]);
}

static char *put_gauge(char *at, const struct muster__making *m, const struct muster__text_family *r,
                       const struct muster__view_series *s)
{
	const struct muster__view_gauge *gauge = m->view->gauges + s->gauge_at;

	if (!gauge->set)
		return at;
	at = put_line(at, r, MUSTER__LINE_VALUE, s);
	return put_resting_real(at, m->rests->gauges + s->gauge_at, gauge->value);
}

/* exemplars: of the series, or NULL */
static char *put_counter(char *at, const struct muster__making *m, const struct muster__text_family *r,
                         const struct muster__view_series *s, const struct muster__view_exemplar *exemplars)
{
	at = put_line(at, r, MUSTER__LINE_VALUE, s);
	if (s->family->type == MUSTER_COUNTER)
		at = put_uint(at, m->view->ints[s->int_at]);
	else
		at = put_resting_real(at, m->rests->reals + s->real_at, m->view->reals[s->real_at]);
	return exemplars ? put_exemplar(at, exemplars) : at;
}

static char *put_series(char *at, const struct muster__making *m, const struct muster__text_family *r,
                        const struct muster__view_series *s, const struct muster__view_exemplar *exemplars)
{
	switch (s->family->type) {
	case MUSTER_COUNTER:
	case MUSTER_REAL_COUNTER:
		return put_counter(at, m, r, s, exemplars);
	case MUSTER_GAUGE:
	case MUSTER_INFO:
	case MUSTER_STATESET:
		return put_gauge(at, m, r, s);
	case MUSTER_IN_FLIGHT:
		return put_int(put_line(at, r, MUSTER__LINE_VALUE, s), (int64_t)m->view->ints[s->int_at]);
	case MUSTER_HISTOGRAM:
		return put_histogram(at, m, r, s, exemplars);
	case MUSTER_NATIVE_HISTOGRAM:
		return put_native(at, m, r, s);
	case MUSTER_SUMMARY:
		return put_summary(at, m, r, s);
	}
	return at;
}

/* Only what adds up has a beginning that matters. */
static bool has_created(const struct muster__view_family *f)
{
	return !muster__is_gauge(f->type) && f->type != MUSTER_IN_FLIGHT;
}

/* ---- the page ----------------------------------------------------------------------------- */

/* All lines of a series, and a chunk; every byte of a label value may have to be escaped. */
static size_t series_bytes_max(const struct muster__text_family *r, const struct muster__view_family *f)
{
	return r->bytes_max + r->values_max * f->values_bytes_max * 2;
}

/* What counts or adds up tells when that began, and has exemplars, where the page says of what type it is. */
static void series_write(const struct muster__making *m, const struct muster__text_family *r,
                         const struct muster__view_series *s, bool created)
{
	uint32_t exemplars = created ? muster__exemplar_at(s) : 0;
	size_t more = exemplars ? MUSTER__TEXT_EXEMPLAR_MAX * (s->family->bounds_count + 1) : 0;
	char *at = muster__text_room(m->page, series_bytes_max(r, s->family) + more);

	if (at == NULL)
		return;
	at = put_series(at, m, r, s, exemplars ? m->view->exemplars + exemplars : NULL);
	if (created)
		at = muster__text_milliseconds(put_line(at, r, MUSTER__LINE_CREATED, s), s->created_unix_ns);
	m->page->count = (size_t)(at - m->page->bytes);
}

static void pid_sample_write(struct muster__text_buffer *page, const struct muster__text_family *r,
                             const struct muster__view_pid_sample *sample)
{
	const struct muster__view_series *s = sample->series;
	char *at = muster__text_room(page, series_bytes_max(r, s->family));

	if (at == NULL)
		return;
	at = put_line(at, r, MUSTER__LINE_VALUE, s);
	at += muster__number_uint(at, sample->pid);
	memcpy(at, "\"} ", 3);
	page->count = (size_t)(put_real(at + 3, sample->value) - page->bytes);
}

/* A counter without the suffix that OpenMetrics wants, or that must keep it, is of a type the format does not know. */
static enum muster__text_head head_of(const struct muster__view_family *f, const struct muster__spelling *names)
{
	bool counter = f->type == MUSTER_COUNTER || f->type == MUSTER_REAL_COUNTER;
	bool unknown = names->base_taken || (counter && !muster__text_has_suffix(f->name, f->type));

	return unknown ? MUSTER__HEAD_UNKNOWN : MUSTER__HEAD_OPENMETRICS;
}

static void all_series_write(const struct muster__making *m, const struct muster__text_family *r,
                             const struct muster__view_family *f, bool created)
{
	for (size_t k = 0; k < f->series_count && !m->page->failed; k++) {
		const struct muster__view_series *s = muster__view_at(m->view, f->series[k]);
		if (!s->hidden)
			series_write(m, r, s, created);
	}
}

/* NULL for want of memory. */
static const struct muster__text_family *rendered(const struct muster__making *m, struct muster__view_family *f)
{
	void **own = &f->rendered[m->escaping];

	if (*own == NULL)
		*own = muster__text_render_family(f, f->spelled[m->escaping]);
	return *own;
}

static void family_write(const struct muster__making *m, struct muster__view_family *f, bool openmetrics,
                         const struct muster__view_pid_sample *samples, size_t samples_count)
{
	const struct muster__text_family *r = rendered(m, f);

	m->page->failed |= r == NULL;
	if (r == NULL)
		return;
	enum muster__text_head head = openmetrics ? head_of(f, f->spelled[m->escaping]) : MUSTER__HEAD_TEXT;
	muster__text_put_bytes(m->page, r->text + r->heads[head].at, r->heads[head].count);
	if (!muster__family_per_pid(f))
		all_series_write(m, r, f, head == MUSTER__HEAD_OPENMETRICS && has_created(f));
	for (size_t i = 0; i < samples_count && !m->page->failed; i++)
		pid_sample_write(m->page, r, &samples[i]);
}

static void families_write(const struct muster__making *m, bool openmetrics)
{
	const struct muster__view *v = m->view;

	m->page->failed |= muster__text_rests_reserve(m->rests, v) != 0;
	for (size_t i = 0, sample = 0; i < v->family_count && !m->page->failed; i++) {
		size_t begin = sample, count = muster__pid_samples_of(v, v->families[i], &sample);
		if (muster__family_wanted(m, v->families[i]))
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
