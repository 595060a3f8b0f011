/* SPDX-License-Identifier: Apache-2.0 */
/*
 * catalogue.h - validated catalogues, shared by slabs whose processes share a history.
 *
 * A forked worker begins with a copy of its parent's catalogue, and workers that run the same program create the same
 * series in the same order. So catalogues form a tree: each node holds a run of records that is the same in all slabs
 * below it, but for the time at which a series was created, of which it has the earliest; its base holds what stands
 * before them, and a slab's catalogue is one node with all its bases. What was validated once is then only compared,
 * and added up by the same runs.
 *
 * Invariant: cells ascend in the order of records. A writer hands them out that way, so a cell before the
 * last one taken overlaps another series.
 */
#ifndef MUSTER__CATALOGUE_H
#define MUSTER__CATALOGUE_H

#include "catalogue_records.h"
#include "index.h"
#include "kept.h"
#include "view.h"

/* What one catalogue may ask of a reader. */
#define MUSTER__CATALOGUE_BYTES_MAX (UINT64_C(256) << 20)
#define MUSTER__CATALOGUE_SERIES_MAX (1u << 21)

/* How much stands before some point of a catalogue. */
struct muster__cursor {
	uint64_t bytes;
	uint32_t families, series;
	uint32_t ints, reals, gauges; /* the first cell of each area that is not taken */
	uint32_t sketches;
	uint32_t exemplars;       /* the first slot likewise */
	uint32_t exemplar_series; /* the first series that may still be given slots */
};

struct muster__family_copy {
	uint32_t off;                     /* of its record, among those kept as they are */
	struct muster__view_family *view; /* NULL: another description of the name came first */
};

/* A record of kind FORGET, in a ledger FORGOTTEN. */
struct muster__forget_copy {
	uint32_t off;   /* among those kept as they are */
	uint32_t bytes; /* of the node that stand before it */
};

/* Where the exemplars of a series are. */
struct muster__exemplars_copy {
	uint32_t series; /* ordinal */
	uint32_t slot;
};

/* Cells that go to the view by one operation, side by side. */
struct muster__run {
	uint32_t op; /* row of the table in values.c */
	uint32_t cell, real_cell;
	uint32_t at;
	uint32_t count;
	struct muster__native_shape shape; /* of native histograms */
};

struct muster__pid_cell {
	struct muster__view_series *series;
	uint32_t cell;
	uint32_t pid; /* 0: the slab's owner */
	bool live;    /* counts only while its owner lives */
};

/* The sketch of a series, by its number in the slab. */
struct muster__sketch_cell {
	struct muster__view_series *series;
	uint32_t sketch;
};

/* Slots of exemplars, one per bucket, and their places in the view. */
struct muster__exemplar_run {
	const struct muster__view_series *series;
	uint32_t slot;
	uint32_t first, count; /* buckets of the view; those that the slab does not have are before them */
};

/* A series of the ledger that is shown only while something is left of it. */
struct muster__forgotten_series {
	struct muster__view_series *series;
	uint32_t int_cell, real_cell;
};

/* Where the cells of a node go in the region's view; see mapping.c. */
struct muster__mapping_runs {
	uint32_t families, series; /* how many of the node's are mapped */
	size_t exemplars;
	struct muster__run *runs;
	struct muster__pid_cell *pids;
	struct muster__forgotten_series *forgotten; /* of a ledger */
	struct muster__exemplar_run *exemplar_runs;
	size_t exemplar_runs_count, exemplar_runs_capacity;
	struct muster__sketch_cell *sketches;
	size_t runs_count, runs_capacity, pids_count, pids_capacity, forgotten_count, forgotten_capacity, sketches_count,
		sketches_capacity;
	uint32_t sketches_passed; /* of the node's, also those left out */
	uint64_t conflicts;       /* families left out */
	uint64_t outdated;        /* of a ledger: histograms left out, because there are younger bounds */
	uint64_t left_out;        /* series beyond the region's limit */
};

struct muster__catalogue {
	struct muster__catalogue *base;
	struct muster__catalogue *children, *next; /* tree; next: a sibling */
	uint32_t refs;                             /* slabs and children that hold this node */
	bool unshared;                             /* is of one slab alone: a ledger */
	struct muster__cursor begin, end;
	struct muster__kept kept; /* its records */
	struct muster__family_copy *families;
	uint32_t *views;   /* by series: its number in the view, plus 1; 0: not mapped, or its family is left out */
	bool created_anew; /* earlier times are known of mapped series, and the view is not told yet */
	struct muster__identity *folded;
	struct muster__exemplars_copy *exemplars;
	size_t exemplars_count, exemplars_capacity;
	struct muster__forget_copy *forgets;
	size_t families_capacity, views_capacity, folded_count, folded_capacity, forgets_count, forgets_capacity;
	struct muster__index index; /* own families and series, to find one that comes twice */
	struct muster__mapping_runs mapping;
};

/* The root of a tree: a catalogue without records. Returns 0 or -ENOMEM. */
int muster__catalogue_create(struct muster__catalogue **out);

/* Hold a node, or let go of one; nodes nobody holds vanish. release accepts NULL and nulls the pointer. */
struct muster__catalogue *muster__catalogue_hold(struct muster__catalogue *node);
void muster__catalogue_release(struct muster__catalogue **node);

/* What a slab may hold. */
struct muster__catalogue_rules {
	const struct muster__geometry *geometry;
	uint32_t sketches;  /* there is room for */
	uint32_t exemplars; /* slots */
	uint16_t minor;
	bool ledger;   /* folded records, and a pid in series, are allowed */
	bool unshared; /* nobody else will hold its nodes */
	bool imported; /* it is what a reader makes of another library's file */
};

/* What a slab begins with: follow the tree as far as it agrees with `bytes`.
 *   at    the root; becomes the node reached
 *   used  how many of the bytes are covered
 * Returns 0; -ENOMEM. The caller checks the node's end against its geometry. */
int muster__catalogue_adopt(struct muster__catalogue **at, const unsigned char *bytes, size_t count, size_t *used);

/* Validate records and append them, in place if nobody else holds the node, else in a new one.
 *   at       the slab's node; on any return but 0 it holds what was valid
 *   more     further bytes follow, so the last record may be cut off
 *   used     bytes taken: all, unless more is set
 * Returns 0; MUSTER__BAD(...) if a record breaks a rule; -ENOMEM. */
int muster__catalogue_append(struct muster__catalogue **at, const struct muster__catalogue_rules *rules,
                             const unsigned char *bytes, size_t count, bool more, size_t *used);

/* Do all its cells and slots lie inside the areas of this slab? */
bool muster__cursor_fits(const struct muster__cursor *end, const struct muster__catalogue_rules *rules);

/* The node that has the series of this number in the slab; its number in that node. The number is valid. */
struct muster__catalogue *muster__catalogue_series(struct muster__catalogue *node, uint32_t *ordinal);

/* Family by its number in the slab; the number is valid. */
struct muster__family_copy *muster__catalogue_family(struct muster__catalogue *node, uint32_t ordinal,
                                                     const struct muster__family_shm **record);

/* Make room for `more` families and series to be found and mapped. Returns 0 or -ENOMEM. */
int muster__catalogue_expect(struct muster__catalogue *node, size_t more);

/* Judge a record, and enter it in the node; catalogue_check.c. The caller has room for it, and keeps it then.
 * Returns 0, with node->end.families and so on moved; MUSTER__BAD(...); -ENOMEM. */
int muster__catalogue_enter(struct muster__catalogue *node, const struct muster__catalogue_rules *rules,
                            const struct muster__record_shm *record);

#endif
