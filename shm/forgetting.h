/* SPDX-License-Identifier: Apache-2.0 */
/*
 * forgetting.h - what the next ledger must say so that requested and expired series are forgotten.
 */
#ifndef MUSTER__FORGETTING_H
#define MUSTER__FORGETTING_H

#include "roll.h"

/* One FORGOTTEN record. */
struct muster__forgotten_slab {
	struct muster__identity identity;
	uint64_t asked_bytes;
	struct muster__hidden *hidden;
	size_t hidden_count;
};

struct muster__forgetting {
	bool *wanted;       /* by index of the view's series: to be forgotten now */
	uint64_t *after_ns; /* by the same: for gauges that carry their time, and exemplars */
	bool *flagged;      /* by the same: FORGOTTEN in the next ledger */
	bool any, dropped;  /* is one wanted, is one in no ledger and no slab any more? */
	struct muster__forgotten_slab *slabs;
	size_t slabs_count, slabs_capacity;
};

/* Change the totals of a fold, which are complete and in the shape of the region's view, to totals without
 * what is to be forgotten.
 *   families, series   by index: in the next ledger
 *   out                zeroed; free with muster__forgetting_free() whatever is returned
 * Returns 0; -ENOMEM; -EAGAIN if a slab was cut short meanwhile: refresh and begin again. */
int muster__forgetting_apply(struct muster_region *region, struct muster__values *totals, bool *families, bool *series,
                             struct muster__forgetting *out);
void muster__forgetting_free(struct muster__forgetting *f);

/* Does any slab ask, or has any series expired? */
bool muster__forgetting_due(const struct muster_region *region);

#endif
