/* SPDX-License-Identifier: Apache-2.0 */
/*
 * forgotten.h - requests to forget series: which are open, and what the ledger says of those that are met.
 */
#ifndef MUSTER__FORGOTTEN_H
#define MUSTER__FORGOTTEN_H

#include "slab.h"

/* Take over what a ledger (or none) says of a slab. For want of memory its forgotten gauges show again. */
void muster__forgotten_learn(struct muster__slab *slab, const struct muster__slab *ledger);

/* The slab's requests that are not met, newest first: begin with a zeroed `at`.
 *   at   the part of the catalogue the request is in, and how many are left there
 * Returns NULL after the last. */
struct muster__forget_at {
	struct muster__catalogue *node;
	size_t left;
};
const struct muster__forget_shm *muster__forgets_next(const struct muster__slab *slab, struct muster__forget_at *at);

#endif
