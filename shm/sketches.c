/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sketches.c - adding up the sketches of many slabs, and the quantiles of the sum. Runs in readers.
 *
 * A sum is kept in the form of a slab's own words, so that a ledger can take it over: counts of one epoch add up, and of two
 * epochs in one place the later stands, the other being out of the window. What a slab claims about other times than
 * the window's is not taken in at all. The directory is a private copy; no word of a page is more than a summand.
 */
#include "sketches.h"

#include <math.h>

#include "atomic.h"
#include "grow.h"
#include "merge.h"
#include "requests.h"

/* ---- room --------------------------------------------------------------------------------- */

static void clock_look(struct muster__values *v)
{
	v->now_s = muster__coarse_s();
}

int muster__sketches_reserve(struct muster__values *v, size_t count)
{
	if (v->now_s == 0)
		clock_look(v);
	v->sketches_count = count;
	return muster__grow(&v->sketches, &v->sketches_capacity, count, sizeof *v->sketches);
}

static void sketch_clear(struct muster__sketch *sketch)
{
	for (uint32_t i = 0; i < MUSTER__SKETCH_PAGES; i++)
		if (sketch->pages[i])
			memset(sketch->pages[i], 0, MUSTER__PAGE);
}

void muster__sketches_clear(struct muster__values *v)
{
	clock_look(v);
	for (size_t i = 0; i < v->sketches_capacity; i++)
		sketch_clear(v->sketches + i);
}

void muster__sketch_empty(struct muster__values *v, const struct muster__view_series *series)
{
	sketch_clear(v->sketches + series->sketch_at);
}

void muster__sketches_destroy(struct muster__values *v)
{
	for (size_t i = 0; i < v->sketches_capacity; i++)
		for (uint32_t page = 0; page < MUSTER__SKETCH_PAGES; page++)
			free(v->sketches[i].pages[page]);
	free(v->sketches);
}

static uint64_t directory_of(const struct muster__source *s, uint32_t sketch)
{
	return s->sketch_directory && sketch < s->sketch_count ? s->sketch_directory[sketch] : 0;
}

static int sketch_prepare(struct muster__sketch *sketch, uint64_t directory)
{
	for (; directory; directory &= directory - 1) {
		uint64_t **page = sketch->pages + __builtin_ctzll(directory);
		if (*page == NULL && (*page = calloc(MUSTER__SKETCH_PAGE_WORDS, sizeof **page)) == NULL)
			return -ENOMEM;
	}
	return 0;
}

int muster__sketches_prepare(struct muster__values *v, const struct muster__source *s)
{
	int rc = 0;

	for (const struct muster__catalogue *node = s->catalogue; node; node = node->base)
		for (size_t i = 0; rc == 0 && i < node->mapping.sketches_count; i++) {
			const struct muster__sketch_cell *cell = node->mapping.sketches + i;
			rc = sketch_prepare(v->sketches + cell->series->sketch_at, directory_of(s, cell->sketch));
		}
	return rc;
}

/* ---- adding up ---------------------------------------------------------------------------- */

static uint64_t word_merge(uint64_t sum, uint64_t word, uint64_t now, int sign)
{
	uint64_t epoch = muster__sketch_word_epoch(word), had = muster__sketch_word_epoch(sum);
	uint64_t count = sign < 0 ? -word : word;

	if (!muster__sketch_epoch_counts(epoch, now) || (sum != 0 && muster__sketch_epoch_later(had, epoch)))
		return sum;
	return muster__sketch_word_of(epoch, sum != 0 && had == epoch ? sum + count : count);
}

static void page_merge(uint64_t *to, const uint64_t *from, uint64_t now, int sign)
{
	for (uint32_t i = 0; i < MUSTER__SKETCH_PAGE_WORDS; i++) {
		uint64_t word = muster__load_relaxed(from + i);
		if (word != 0)
			to[i] = word_merge(to[i], word, now, sign);
	}
}

void muster__sketch_merge(struct muster__values *v, const struct muster__source *s,
                          const struct muster__sketch_cell *cell, int sign)
{
	struct muster__sketch *to = v->sketches + cell->series->sketch_at;
	uint64_t now = muster__sketch_epoch(v->now_s, cell->series->family->window_s);
	uint64_t left = directory_of(s, cell->sketch);

	for (uint64_t n = 0; left; left &= left - 1, n++) {
		uint32_t page = (uint32_t)__builtin_ctzll(left);
		uint64_t at =
			s->sketch_first ? s->sketch_first[cell->sketch] + n : (uint64_t)cell->sketch * MUSTER__SKETCH_PAGES + page;
		page_merge(to->pages[page], s->sketch_pages + at * MUSTER__SKETCH_PAGE_WORDS, now, sign);
	}
}

/* ---- quantiles ---------------------------------------------------------------------------- */

double muster__sketch_value(uint32_t bucket)
{
	int32_t place = (int32_t)(bucket % MUSTER__SKETCH_SIGN_BUCKETS), index = place - MUSTER__SKETCH_PLACE_ONE;
	double sign = bucket < MUSTER__SKETCH_SIGN_BUCKETS ? 1 : -1;

	if (place == 0)
		return 0;
	if (place == MUSTER__SKETCH_SIGN_BUCKETS - 1)
		return sign * INFINITY;
	/* As far from both ends, in relation to each of them. */
	double low = muster__exponential_bound(index - 1, MUSTER__SKETCH_SCHEMA),
		   high = muster__exponential_bound(index, MUSTER__SKETCH_SCHEMA);
	return sign * 2 * low * high / (low + high);
}

/* Buckets from the least number to the greatest. */
static uint32_t bucket_at(uint32_t order)
{
	return order < MUSTER__SKETCH_SIGN_BUCKETS ? MUSTER__SKETCH_BUCKETS_ALL - 1 - order
	                                           : order - MUSTER__SKETCH_SIGN_BUCKETS;
}

static uint64_t bucket_count(const struct muster__sketch *s, uint32_t bucket)
{
	const uint64_t *words = s->pages[bucket / MUSTER__SKETCH_BUCKETS] + muster__sketch_word(bucket);
	uint64_t sum = 0;

	for (uint32_t i = 0; i < MUSTER__SKETCH_SLOTS; i++) {
		uint64_t count = words[i] & MUSTER__SKETCH_COUNT_MASK;
		/* A slab that is not believed any more may have left less than nothing. */
		sum += count > MUSTER__SKETCH_COUNT_MASK / 2 ? 0 : count;
	}
	return sum;
}

/* The bucket of the rank-th smallest observation. Goes on where the last call, for a rank not above, ended. */
struct walk {
	const struct muster__sketch *sketch;
	uint32_t order;
	uint64_t below; /* observations in buckets before it */
};

static uint64_t walk_count(const struct walk *w)
{
	return bucket_count(w->sketch, bucket_at(w->order));
}

static void walk_on(struct walk *w, uint64_t rank)
{
	while (w->order < MUSTER__SKETCH_BUCKETS_ALL) {
		if (w->sketch->pages[bucket_at(w->order) / MUSTER__SKETCH_BUCKETS] == NULL) {
			w->order += MUSTER__SKETCH_BUCKETS;
			continue;
		}
		uint64_t count = walk_count(w);
		if (w->below + count >= rank)
			return;
		w->below += count;
		w->order++;
	}
}

/* ceil(q n), from 1 to n. */
static uint64_t rank_of(double q, uint64_t n)
{
	double rank = q * (double)n;
	uint64_t whole = (uint64_t)rank;

	whole += (double)whole < rank;
	return whole < 1 ? 1 : whole > n ? n : whole;
}

void muster__sketch_quantiles(const struct muster__values *v, const struct muster__view_series *series, double *out)
{
	const struct muster__view_family *f = series->family;
	struct walk all = {.sketch = v->sketches + series->sketch_at}, walk = all;

	walk_on(&all, UINT64_MAX);
	for (uint32_t i = 0; i < f->quantile_count; i++) {
		if (all.below > 0)
			walk_on(&walk, rank_of(f->quantiles[i], all.below));
		out[i] = all.below > 0 ? muster__sketch_value(bucket_at(walk.order)) : NAN;
	}
}
