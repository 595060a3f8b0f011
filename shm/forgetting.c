/* SPDX-License-Identifier: Apache-2.0 */
/*
 * forgetting.c - series are forgotten, in every process at once, by one line in the ledger.
 *
 * Nobody writes a worker's slab, so what it holds of a forgotten series stays there. The next ledger takes it
 * away: its total is less by what all living workers have in the series now (the worker that asked: had when it
 * asked), so that ledger and slabs add up to what came since. Such a series is flagged, and not shown while
 * that is nothing. Gauges do not add up: the ledger lists their words, each hidden until it changes; one that
 * carries its time counts again from a later one.
 *
 * As the requests met are listed in the same ledger, a request is met exactly once, wherever the master is
 * killed. Runs in the master, between the totals of a fold and the writing of the ledger.
 */
#include "applying.h"
#include "atomic.h"
#include "forgotten.h"
#include "grow.h"
#include "guard.h"
#include "store.h"

/* ---- the ledger's part -------------------------------------------------------------------- */

static struct muster__cells cells_of(const struct muster__view_series *s)
{
	return muster__cells_of(s->family->type, s->family->mode, s->family->bounds, s->family->stored_count);
}

static bool is_gauge(const struct muster__view_series *s)
{
	return muster__is_gauge(s->family->type);
}

/* What living slabs have of them stays there: the ledger says until when they are not to be shown. */
static void exemplars_clear(struct muster__applying *a, const struct muster__view_series *s)
{
	uint32_t at = muster__exemplar_at(s);
	struct muster__view_exemplar *e = at ? a->totals->exemplars + at : NULL;
	uint64_t until_ns = a->out->after_ns[s->index];

	for (uint32_t i = 0; e && i <= s->family->bounds_count; i++)
		if (e[i].time_ns <= until_ns)
			e[i] = (struct muster__view_exemplar){.time_ns = until_ns};
}

static void total_clear(struct muster__applying *a, const struct muster__view_series *s)
{
	struct muster__values *t = a->totals;
	struct muster__cells cells = cells_of(s);

	a->series[s->index] = false;
	exemplars_clear(a, s);
	if (is_gauge(s)) {
		if (!muster__mode_per_pid(s->family->mode))
			t->gauges[s->gauge_at] = (struct muster__view_gauge){.time_ns = a->out->after_ns[s->index]};
		return;
	}
	for (uint32_t i = 0; i < cells.sums; i++)
		t->ints[s->int_at + i] = 0;
	if (cells.reals)
		t->high[s->real_at] = t->low[s->real_at] = 0;
	if (cells.sketches)
		muster__sketch_empty(t, s);
}

static void pids_drop(struct muster__applying *a)
{
	struct muster__values *t = a->totals;
	size_t kept = 0;

	for (size_t i = 0; i < t->pids_count; i++)
		if (!a->out->wanted[t->pids[i].sample.series->index])
			t->pids[kept++] = t->pids[i];
	t->pids_count = kept;
}

/* What was forgotten before stays flagged if a living slab still has it, see live_take(). */
static void totals_clear(struct muster__applying *a)
{
	const struct muster__merge *merge = &a->region->merge;

	for (size_t i = 0; i < merge->series_count; i++)
		if (a->out->wanted[i])
			total_clear(a, muster__series_at(merge, i));
	pids_drop(a);
}

/* ---- the slabs' part ---------------------------------------------------------------------- */

static uint64_t word_at(const struct muster__source *s, uint32_t bank, size_t off)
{
	return muster__load_relaxed(s->banks + bank * s->bank_stride + off);
}

static uint64_t int_sum(const struct muster__source *s, uint32_t cell)
{
	uint64_t sum = 0;

	for (uint32_t bank = 0; bank < s->bank_count; bank++)
		sum += word_at(s, bank, (MUSTER__WORD_CELLS + (size_t)cell) * 8);
	return sum;
}

static double real_word(const struct muster__applying *a, const struct muster__series_shm *r, uint32_t bank)
{
	return muster__double(word_at(&a->source, bank, a->source.real_off + (size_t)r->real_cell * 8));
}

static void real_add(struct muster__values *t, const struct muster__view_series *series, double x)
{
	muster__real_add_exact(t->high + series->real_at, t->low + series->real_at, x);
}

/* What the slab has in a native histogram. */
static void native_now(struct muster__applying *a, const struct muster__series_shm *r,
                       struct muster__native_shape shape, uint64_t *now)
{
	uint64_t part[MUSTER__NATIVE_SUM_WORDS_MAX];

	memset(now, 0, muster__native_sum_words(shape) * sizeof *now);
	for (uint32_t bank = 0; bank < a->source.bank_count; bank++) {
		const unsigned char *words = a->source.banks + bank * a->source.bank_stride;
		if (muster__native_copy(part, (const uint64_t *)(const void *)words + MUSTER__WORD_CELLS + r->int_cell, shape))
			muster__native_add(now, part, shape);
		else
			a->broken = true;
	}
}

static void native_take(struct muster__applying *a, const struct muster__series_shm *r, const uint64_t *had,
                        const struct muster__view_series *series)
{
	struct muster__native_shape shape = muster__native_shape(series->family->bounds);
	uint64_t now[MUSTER__NATIVE_SUM_WORDS_MAX], limit[MUSTER__NATIVE_SUM_WORDS_MAX];

	native_now(a, r, shape, now);
	if (had && muster__native_valid(had, shape)) {
		memcpy(limit, had, muster__native_sum_words(shape) * sizeof *limit);
		muster__native_limit(now, limit, shape);
	}
	muster__native_take(a->totals->ints + series->int_at, now, shape);
}

static bool is_native(const struct muster__view_series *series)
{
	return series->family->type == MUSTER_NATIVE_HISTOGRAM;
}

static void ints_add(struct muster__applying *a, const struct muster__series_shm *r,
                     const struct muster__view_series *series)
{
	struct muster__native_shape shape;
	uint64_t now[MUSTER__NATIVE_SUM_WORDS_MAX];

	if (is_native(series)) {
		shape = muster__native_shape(series->family->bounds);
		native_now(a, r, shape, now);
		muster__native_add(a->totals->ints + series->int_at, now, shape);
		return;
	}
	for (uint32_t i = 0; i < cells_of(series).ints; i++)
		a->totals->ints[series->int_at + i] += int_sum(&a->source, r->int_cell + i);
}

static void ints_take(struct muster__applying *a, const struct muster__series_shm *r, const uint64_t *had,
                      const struct muster__view_series *series)
{
	if (is_native(series)) {
		native_take(a, r, had, series);
		return;
	}
	for (uint32_t i = 0; i < cells_of(series).ints; i++) {
		uint64_t now = int_sum(&a->source, r->int_cell + i);
		a->totals->ints[series->int_at + i] -= had && had[i] < now ? had[i] : now;
	}
}

/* Add to the total what the slab has. */
static void cells_add(struct muster__applying *a, const struct muster__series_shm *r,
                      const struct muster__view_series *series)
{
	struct muster__cells cells = cells_of(series);

	ints_add(a, r, series);
	for (uint32_t bank = 0; cells.reals && bank < a->source.bank_count; bank++)
		real_add(a->totals, series, real_word(a, r, bank));
}

/* Take the slab's real away from the total: exactly what is there, bank by bank, or what it had if that is less. */
static void real_take(struct muster__applying *a, const struct muster__series_shm *r, const uint64_t *had,
                      const struct muster__view_series *series)
{
	double now = 0;

	for (uint32_t bank = 0; bank < a->source.bank_count; bank++)
		now += real_word(a, r, bank);
	if (had && muster__double(*had) < now) {
		real_add(a->totals, series, -muster__double(*had));
		return;
	}
	for (uint32_t bank = 0; bank < a->source.bank_count; bank++)
		real_add(a->totals, series, -real_word(a, r, bank));
}

/* Take away what the slab has, or, if it asked, what it had then: it is not believed to have had more. */
static void cells_take(struct muster__applying *a, const struct muster__series_shm *r, const uint64_t *had,
                       const struct muster__view_series *series)
{
	struct muster__cells cells = cells_of(series);

	ints_take(a, r, had, series);
	if (cells.reals)
		real_take(a, r, had ? had + cells.sums : NULL, series);
}

static void gauge_hide(struct muster__applying *a, const struct muster__series_shm *r, const uint64_t *had)
{
	uint64_t word = had ? had[0] : muster__load_relaxed(a->source.gauges + r->int_cell);

	if (word != 0)
		a->record->hidden[a->record->hidden_count++] = (struct muster__hidden){.word = word, .cell = r->int_cell};
}

/* Does a flag in the ledger mean anything for it? */
static bool takes_flag(const struct muster__applying *a, const struct muster__view_series *series)
{
	if (!is_gauge(series))
		return true;
	return muster__view_series_timestamped(series) && !a->totals->gauges[series->gauge_at].set;
}

static void flag(struct muster__applying *a, const struct muster__view_series *series)
{
	if (!takes_flag(a, series))
		return;
	a->out->flagged[series->index] = true;
	a->series[series->index] = true;
	a->families[series->family->index] = true;
}

/* What is in flight is so still: it is only not shown at 0. */
static bool adds_up(const struct muster__view_series *series)
{
	return !is_gauge(series) && series->family->type != MUSTER_IN_FLIGHT;
}

static void wanted_take(struct muster__applying *a, const struct muster__series_shm *r,
                        const struct muster__view_series *series)
{
	const uint64_t *had = a->had[series->index];

	if (a->slab->state == MUSTER__SLAB_DEAD) {
		/* Nobody is left who could record: what came after its own request stays. */
		if (had && adds_up(series)) {
			cells_add(a, r, series);
			cells_take(a, r, had, series);
			a->series[series->index] = true;
		}
		return;
	}
	if (is_gauge(series) && !muster__view_series_timestamped(series))
		gauge_hide(a, r, had);
	else if (adds_up(series))
		cells_take(a, r, had, series);
	flag(a, series);
}

/* The window is that of now, for the slab that asked, too. */
static void sketches_take(struct muster__applying *a, const struct muster__mapping_runs *m)
{
	for (size_t i = 0; i < m->sketches_count; i++)
		if (a->out->wanted[m->sketches[i].series->index])
			muster__sketch_merge(a->totals, &a->source, m->sketches + i, -1);
}

/* Loads from the slab only, as it may run guarded. */
static void slab_take(void *ctx)
{
	struct muster__applying *a = ctx;
	struct muster__kept_cursor at;

	for (const struct muster__catalogue *node = a->slab->catalogue; node && a->slab->state == MUSTER__SLAB_LIVE;
	     node = node->base)
		sketches_take(a, &node->mapping);
	for (const struct muster__catalogue *node = a->slab->catalogue; node; node = node->base)
		for (uint32_t i = 0; i < node->mapping.series; i++) {
			const struct muster__view_series *series = muster__catalogue_view(&a->region->merge, node, i);
			if (series == NULL)
				continue;
			if (a->out->wanted[series->index])
				wanted_take(a, muster__kept_series(&at, &node->kept, i), series);
			else if (a->was[series->index] && a->slab->state == MUSTER__SLAB_LIVE)
				flag(a, series);
		}
}

/* How many gauges of the slab may have to be hidden. */
static size_t gauges_wanted(const struct muster__applying *a, const struct muster__slab *slab)
{
	size_t n = 0;

	for (const struct muster__catalogue *node = slab->catalogue; node; node = node->base)
		for (uint32_t i = 0; i < node->mapping.series; i++) {
			const struct muster__view_series *series = muster__catalogue_view(&a->region->merge, node, i);
			n += series && a->out->wanted[series->index] && is_gauge(series);
		}
	return n;
}

static int by_cell(const void *a, const void *b)
{
	const struct muster__hidden *x = a, *y = b;

	return x->cell < y->cell ? -1 : x->cell > y->cell;
}

/* What is hidden now, and what was before and did not change; the newer word stands.
 * `hidden` has room for both. */
static size_t hidden_merge(struct muster__hidden *hidden, size_t count, const struct muster__slab *slab)
{
	size_t all = count;

	qsort(hidden, count, sizeof *hidden, by_cell);
	for (size_t i = 0, now = 0; i < slab->hidden_count; i++) {
		while (now < count && hidden[now].cell < slab->hidden[i].cell)
			now++;
		if (!slab->hidden[i].woken && (now == count || hidden[now].cell != slab->hidden[i].cell))
			hidden[all++] = slab->hidden[i];
	}
	qsort(hidden, all, sizeof *hidden, by_cell);
	const size_t most =
		(MUSTER__RECORD_BYTES_MAX - sizeof(struct muster__forgotten_shm)) / sizeof(struct muster__hidden_shm);
	return all < most ? all : most; /* those beyond show again */
}

static int slab_apply(struct muster__applying *a, const struct muster__slab *slab)
{
	struct muster__forgotten_slab *record = a->out->slabs + a->out->slabs_count;
	struct muster__forget_at at = {0};
	bool asks = muster__forgets_next(slab, &at) != NULL;
	int rc = 0;

	*record = (struct muster__forgotten_slab){.identity = slab->identity};
	record->asked_bytes = asks ? slab->catalogue->end.bytes : slab->asked_bytes;
	record->hidden = calloc(gauges_wanted(a, slab) + slab->hidden_count + 1, sizeof *record->hidden);
	if (record->hidden == NULL)
		return -ENOMEM;
	a->slab = slab;
	a->record = record;
	muster__roll_source(a->region, slab, &a->source);
	if (asks)
		muster__forgetting_had(a, slab);
	if (slab->state == MUSTER__SLAB_LIVE)
		rc = muster__sketches_prepare(a->totals, &a->source);
	if (rc != 0 || (!a->out->any && !a->any_was))
		;
	else if (slab->state == MUSTER__SLAB_LIVE)
		rc = muster__guard_run(slab->map, slab->map_bytes, slab_take, a) == 0 ? 0 : -EAGAIN;
	else
		slab_take(a);
	if (a->broken)
		rc = -EAGAIN; /* the next look finds it, too */
	if (asks)
		memset(a->had, 0, a->region->merge.series_count * sizeof *a->had);
	record->hidden_count = hidden_merge(record->hidden, record->hidden_count, slab);
	if (slab->state == MUSTER__SLAB_LIVE && (record->asked_bytes || record->hidden_count))
		a->out->slabs_count++;
	else
		free(record->hidden);
	return rc;
}

/* A slab that could not be opened for want of descriptors may come back: what the ledger says of any slab that
 * is not at hand stands as long as there is such a one. */
static bool is_at_hand(const struct muster_region *region, const struct muster__identity *who)
{
	for (size_t i = 0; i < region->slabs_count; i++)
		if (region->slabs[i]->state != MUSTER__SLAB_QUARANTINED &&
		    memcmp(&region->slabs[i]->identity, who, sizeof *who) == 0)
			return true;
	return false;
}

static int absent_keep(struct muster__applying *a, const struct muster__forgotten_shm *record)
{
	struct muster__slab as_learnt = {.identity = record->identity};

	if (is_at_hand(a->region, &record->identity))
		return 0;
	muster__forgotten_learn(&as_learnt, a->region->ledger);
	if (muster__grow(&a->out->slabs, &a->out->slabs_capacity, a->out->slabs_count + 1, sizeof *a->out->slabs) != 0) {
		free(as_learnt.hidden);
		return -ENOMEM;
	}
	a->out->slabs[a->out->slabs_count++] = (struct muster__forgotten_slab){as_learnt.identity, as_learnt.asked_bytes,
	                                                                       as_learnt.hidden, as_learnt.hidden_count};
	return 0;
}

static bool any_passing(const struct muster_region *region)
{
	for (size_t i = 0; i < region->slabs_count; i++)
		if (region->slabs[i]->passing)
			return true;
	return false;
}

static int absent_keep_all(struct muster__applying *a)
{
	const struct muster__slab *ledger = a->region->ledger;
	int rc = 0;

	if (ledger == NULL || !any_passing(a->region))
		return 0;
	for (const struct muster__catalogue *node = ledger->catalogue; node; node = node->base)
		for (size_t i = 0; rc == 0 && i < node->forgets_count; i++)
			rc = absent_keep(a, (const void *)(node->kept.raw + node->forgets[i].off));
	return rc;
}

/* ---- the whole ---------------------------------------------------------------------------- */

/* Is anything left in the total of a series that was flagged? */
static bool is_left(const struct muster__applying *a, const struct muster__source *ledger,
                    const struct muster__forgotten_series *f)
{
	const struct muster__view_series *s = f->series;
	struct muster__cells cells = cells_of(s);
	struct muster__counts counts = muster__view_counts(s);
	uint64_t sum = 0;

	if (is_gauge(s))
		return a->totals->gauges[s->gauge_at].set;
	for (uint32_t i = 0; i < counts.count && cells.ints > 0; i++)
		sum += a->totals->ints[s->int_at + counts.first + i];
	if (cells.ints > 0)
		return (int64_t)sum > 0;
	return muster__real_is_left(muster__values_real(a->totals, s->real_at), ledger, f);
}

/* A flagged series that no living slab has is what is left of it, or nothing. */
static void flag_end(struct muster__applying *a, const struct muster__source *ledger,
                     const struct muster__forgotten_series *f)
{
	if (a->out->flagged[f->series->index] || is_left(a, ledger, f))
		return;
	a->out->dropped = true;
	a->series[f->series->index] = false;
}

static void was_set(struct muster__applying *a)
{
	const struct muster__slab *ledger = a->region->ledger;

	for (const struct muster__catalogue *node = ledger ? ledger->catalogue : NULL; node; node = node->base)
		for (size_t i = 0; i < node->mapping.forgotten_count; i++)
			a->was[node->mapping.forgotten[i].series->index] = a->any_was = true;
}

static void was_end(struct muster__applying *a)
{
	const struct muster__slab *ledger = a->region->ledger;
	struct muster__source source;

	if (ledger == NULL)
		return;
	muster__slab_source(ledger, true, &source);
	for (const struct muster__catalogue *node = ledger->catalogue; node; node = node->base)
		for (size_t i = 0; i < node->mapping.forgotten_count; i++)
			flag_end(a, &source, node->mapping.forgotten + i);
}

static int applying_alloc(struct muster__applying *a)
{
	size_t series = a->region->merge.series_count + 1;

	a->was = calloc(series, sizeof *a->was);
	a->had = calloc(series, sizeof *a->had);
	a->out->wanted = calloc(series, sizeof *a->out->wanted);
	a->out->after_ns = calloc(series, sizeof *a->out->after_ns);
	a->out->flagged = calloc(series, sizeof *a->out->flagged);
	if (a->was == NULL || a->had == NULL || a->out->wanted == NULL || a->out->after_ns == NULL ||
	    a->out->flagged == NULL)
		return -ENOMEM;
	return muster__grow(&a->out->slabs, &a->out->slabs_capacity, a->region->slabs_count + 1, sizeof *a->out->slabs);
}

static int apply(struct muster__applying *a)
{
	struct muster_region *region = a->region;
	int rc = applying_alloc(a);

	if (rc != 0)
		return rc;
	muster__forgetting_want(a);
	was_set(a);
	totals_clear(a);
	for (size_t i = 0; rc == 0 && i < region->slabs_count; i++)
		if (muster__forgetting_counts(region->slabs[i]))
			rc = slab_apply(a, region->slabs[i]);
	was_end(a);
	return rc ? rc : absent_keep_all(a);
}

int muster__forgetting_apply(struct muster_region *region, struct muster__values *totals, bool *families, bool *series,
                             struct muster__forgetting *out)
{
	struct muster__applying a = {.region = region,
	                             .totals = totals,
	                             .families = families,
	                             .series = series,
	                             .out = out,
	                             .now_ns = muster__unix_ns()};
	int rc = apply(&a);

	free(a.was);
	free(a.had);
	return rc;
}

void muster__forgetting_free(struct muster__forgetting *f)
{
	for (size_t i = 0; i < f->slabs_count; i++)
		free(f->slabs[i].hidden);
	free(f->slabs);
	free(f->wanted);
	free(f->after_ns);
	free(f->flagged);
}
