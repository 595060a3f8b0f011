/* SPDX-License-Identifier: Apache-2.0 */
/*
 * merge.h - from the cells of many slabs to the values of one view.
 *
 * Three parts, one file each: who is in the view (view.c), where the cells of a catalogue go (mapping.c),
 * and adding them up (values.c).
 */
#ifndef MUSTER__MERGE_H
#define MUSTER__MERGE_H

#include "bounds.h"
#include "catalogue.h"
#include "index.h"
#include "sketches.h"
#include "view.h"

/* Sums in the shape of a view. */
struct muster__values {
	uint64_t *ints;
	/* Reals as an exact sum and what its rounding left over (Knuth's TwoSum): a total must not depend on
	 * the order of the workers, or it would decrease by a last digit when one of them is folded. */
	double *high, *low;
	struct muster__view_gauge *gauges;
	struct muster__view_exemplar *exemplars;
	uint64_t *drops; /* MUSTER__DROP_CELLS per family, by its index */
	struct muster__pid_value *pids;
	size_t ints_capacity, high_capacity, low_capacity, gauges_capacity, drops_capacity, pids_capacity,
		exemplars_capacity;
	size_t pids_count;
	uint64_t events[MUSTER__EVENT_WORDS];
	bool broken;                     /* a slab had words that no worker could have left: the sums are not complete */
	struct muster__sketch *sketches; /* sketches.h */
	size_t sketches_capacity, sketches_count;
	uint64_t now_s; /* CLOCK_MONOTONIC_COARSE: what their windows end with */
};

struct muster__pid_value {
	struct muster__view_pid_sample sample;
	uint64_t order; /* of reading: the later sample of a pid stands */
};

/* How the cells of a run join the view; rows of the table in values.c. Those of live modes are left out
 * once the worker is dead. */
enum muster__operation {
	MUSTER__OP_ADD_INT,
	MUSTER__OP_ADD_INT_LIVE,
	MUSTER__OP_ADD_REAL,
	MUSTER__OP_ADD_NATIVE,
	MUSTER__OP_MIN,
	MUSTER__OP_LIVEMIN,
	MUSTER__OP_MAX,
	MUSTER__OP_LIVEMAX,
	MUSTER__OP_SUM,
	MUSTER__OP_LIVESUM,
	MUSTER__OP_MOSTRECENT,
	MUSTER__OP_LIVEMOSTRECENT,
};

struct muster__merge {
	struct muster__view view;              /* ints and gauges are those of values */
	struct muster__view_family **families; /* by index */
	uint32_t *series;                      /* where they are in the view's pool, by index */
	size_t families_count, families_capacity, series_count, series_capacity;
	struct muster__index family_index, series_index;
	struct muster__values values;
	size_t series_max;                                           /* further ones are left out */
	size_t reals_capacity, samples_capacity, quantiles_capacity; /* of the view */
	struct muster__view_series **hidden;                         /* those marked so */
	size_t hidden_count, hidden_capacity;
	struct muster__bounds *bounds; /* of imported histograms; or NULL */
};

/* ---- view.c: who is in the view ----------------------------------------------------------- */

/* The family of that name, NULL if there is none. */
struct muster__view_family *muster__view_family_find(const struct muster__merge *merge, struct muster_str name);

/* A new family, described by a validated record. Returns 0 or -ENOMEM. */
int muster__view_family_join(struct muster__merge *merge, const struct muster__family_parts *parts,
                             struct muster__view_family **out);

/* The series with these label values, NULL if it is not in the view. */
struct muster__view_series *muster__view_series_find(const struct muster__merge *merge,
                                                     const struct muster__view_family *family,
                                                     const struct muster_str *labels);

/* The same, with places for its values; made if need be. Returns 0; -ENOSPC at merge->series_max; -ENOMEM. */
int muster__view_series_join(struct muster__merge *merge, struct muster__view_family *family,
                             const struct muster_str *labels, struct muster__view_series **out);

/* A series without places, in no view.
 *   at   where it is in the pool
 * NULL for want of memory. */
struct muster__view_series *muster__view_series_make(struct muster__pool *pool, struct muster__view_family *family,
                                                     const struct muster_str *labels, uint32_t *at);

/* By its index. */
static inline struct muster__view_series *muster__series_at(const struct muster__merge *merge, size_t index)
{
	return muster__view_at(&merge->view, merge->series[index]);
}

/* There will be so many series, if there is room for them. Returns 0 or -ENOMEM. */
int muster__view_series_expect(struct muster__merge *merge, size_t count);

/* Give a series of the view places for exemplars, unless it has them. Returns 0 or -ENOMEM. */
int muster__view_exemplars_join(struct muster__merge *merge, struct muster__view_series *series);

/* Byte order of names and label values; series of one family, or families. */
int muster__view_family_compare(const struct muster__view_family *a, const struct muster__view_family *b);
int muster__view_series_compare(const struct muster__view_series *a, const struct muster__view_series *b);

static inline struct muster__counts muster__view_counts(const struct muster__view_series *s)
{
	return muster__counts_of(s->family->type, s->family->bounds, s->family->bounds_count);
}

/* Room in the values, and in the view that shows them, for all places. Returns 0 or -ENOMEM. */
int muster__merge_reserve(struct muster__merge *merge, size_t pids);

/* Sort what has joined since. */
void muster__view_sort(struct muster__view *view);

/* Forget all families, series and values. */
void muster__merge_clear(struct muster__merge *merge);

/* ---- mapping.c: where cells go ------------------------------------------------------------ */

/* Let a catalogue and its bases join the view, as far as they have not.
 * Returns 0; -ENOMEM, and a later call goes on where this one ended. */
int muster__catalogue_map(struct muster__merge *merge, struct muster__catalogue *catalogue);

/* Forget where cells go, in a catalogue and its bases, because the view is made anew. */
void muster__catalogue_unmap(struct muster__catalogue *catalogue);

/* The view's series of a node's, NULL if it is not mapped. */
static inline struct muster__view_series *muster__catalogue_view(const struct muster__merge *merge,
                                                                 const struct muster__catalogue *node, uint32_t series)
{
	return node->views[series] ? muster__series_at(merge, node->views[series] - 1) : NULL;
}

/* ---- values.c: adding up ------------------------------------------------------------------ */

/* A gauge that is forgotten until its word changes. */
struct muster__hidden {
	uint64_t word;
	uint32_t cell;
	bool woken; /* it has changed */
};

/* Where the words of one slab lie: live in its file, or dead in private memory. */
struct muster__source {
	const struct muster__catalogue *catalogue;
	const unsigned char *banks;
	size_t bank_count, bank_stride, real_off; /* bytes */
	const uint64_t *gauges;
	const uint64_t *events;
	const uint64_t *exemplars; /* slots */
	uint64_t now_ns;           /* Unix time, if it has exemplars */
	uint32_t pid;
	bool live, ledger;
	struct muster__hidden *hidden; /* of this slab, cells ascending */
	size_t hidden_count;
	const uint64_t *sketch_directory; /* private; NULL: there are none that count */
	size_t sketch_count;
	const uint32_t *sketch_first; /* NULL: a sketch has room for all pages, backed or not */
	const uint64_t *sketch_pages;
};

/* Make room for the places of the merge's view, and `pids` samples. Returns 0 or -ENOMEM. */
int muster__values_reserve(struct muster__values *values, const struct muster__merge *merge, size_t pids);
/* All zero, as far as the view reaches. */
void muster__values_clear(struct muster__values *values, const struct muster__merge *merge);
/* Add a slab whose catalogue is mapped. Loads, adds and stores only, no allocation: it may run guarded. */
void muster__values_add(struct muster__values *values, const struct muster__source *source);
/* Its part for exemplars: the newest stand; exemplar_read.c. */
void muster__exemplars_add(struct muster__values *values, const struct muster__source *source,
                           const struct muster__mapping_runs *m);
/* Order the samples by series and pid, and keep the last read of each. */
void muster__values_settle_pids(struct muster__values *values);
/* high + low plus x, without rounding. */
void muster__real_add_exact(double *high, double *low, double x);
/* Is x, what is left of a flagged series of the ledger, more than nothing? Doubles taken away from themselves in
 * another order may leave the 2^-70th part. */
bool muster__real_is_left(double x, const struct muster__source *ledger, const struct muster__forgotten_series *f);
/* A real's value. */
double muster__values_real(const struct muster__values *values, size_t at);
void muster__values_destroy(struct muster__values *values);

/* Make the merge's own values those of its view.
 *   ledger   whose forgotten series are hidden while nothing is left of them; NULL: there is none
 * Returns 0 or -ENOMEM. */
int muster__merge_publish(struct muster__merge *merge, const struct muster__source *ledger);

#endif
