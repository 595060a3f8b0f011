/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sketches.h - sketches as a reader has them: private pages, in which the words of many slabs are added up, and quantiles out
 * of these.
 */
#ifndef MUSTER__SKETCHES_H
#define MUSTER__SKETCHES_H

#include "catalogue.h"
#include "sketch.h"

#define MUSTER__SKETCHES_MAX 8192u /* in a view: what is beyond is left out as are series beyond the region's limit */

struct muster__values;
struct muster__source;

/* Pages as in a slab, each of MUSTER__SKETCH_PAGE_WORDS or NULL. All words are of epochs that count, or 0. */
struct muster__sketch {
	uint64_t *pages[MUSTER__SKETCH_PAGES];
};

/* Room for this many, and the time as of which they count. Returns 0 or -ENOMEM. */
int muster__sketches_reserve(struct muster__values *values, size_t count);
/* All empty; their time is now. */
void muster__sketches_clear(struct muster__values *values);
void muster__sketches_destroy(struct muster__values *values);

/* Private pages for all that a slab, whose catalogue is mapped, has. Looks at private memory only. Returns 0 or -ENOMEM. */
int muster__sketches_prepare(struct muster__values *values, const struct muster__source *source);

/* Add the words of one sketch of a slab, or, with sign -1, take them away; counts are kept modulo 2^40. Loads, adds and
 * stores only: it may run guarded. */
void muster__sketch_merge(struct muster__values *values, const struct muster__source *source,
                          const struct muster__sketch_cell *cell, int sign);
/* As if there had been no observation. */
void muster__sketch_empty(struct muster__values *values, const struct muster__view_series *series);

/* The quantiles of a series as its family has them: family->quantile_count doubles to `out`. */
void muster__sketch_quantiles(const struct muster__values *values, const struct muster__view_series *series,
                              double *out);

/* What a bucket is shown as. */
double muster__sketch_value(uint32_t bucket);

#endif
