/* SPDX-License-Identifier: Apache-2.0 */
/*
 * applying.h - the state of forgetting.c and forgetting_wanted.c while a ledger without the forgotten is made.
 */
#ifndef MUSTER__APPLYING_H
#define MUSTER__APPLYING_H

#include "forgetting.h"

struct muster__applying {
	struct muster_region *region;
	struct muster__values *totals;
	bool *families, *series;
	struct muster__forgetting *out;
	bool *was; /* by index: flagged in the ledger before */
	bool any_was;
	uint64_t now_ns;      /* Unix time: no request was made later */
	const uint64_t **had; /* by index of the view's series: what the slab at hand had when it asked, or NULL */
	/* the slab at hand */
	const struct muster__slab *slab;
	struct muster__source source;
	struct muster__forgotten_slab *record;
	bool broken; /* it has words that no worker could have left */
};

static inline bool muster__forgetting_counts(const struct muster__slab *slab)
{
	return slab->state == MUSTER__SLAB_LIVE || slab->state == MUSTER__SLAB_DEAD;
}

static inline bool muster__view_series_timestamped(const struct muster__view_series *series)
{
	return muster__mode_timestamped(series->family->mode);
}

/* ---- forgetting_wanted.c ------------------------------------------------------------------ */

/* Mark the series that requests name or that have expired. */
void muster__forgetting_want(struct muster__applying *a);

/* What a slab had of the series it asks for: a->had, which is NULL everywhere before. */
void muster__forgetting_had(struct muster__applying *a, const struct muster__slab *slab);

#endif
