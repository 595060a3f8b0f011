/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text_rests.h - doubles as they were last spelled. Sums, gauges and real counters that rest are copied, not spelled
 * again: 2 ns, not 38.
 */
#ifndef MUSTER__TEXT_RESTS_H
#define MUSTER__TEXT_RESTS_H

#include "view.h"

struct muster__text_real {
	uint64_t bits;
	char bytes[27]; /* with a newline */
	uint8_t count;
};

/* By their places in a view; right for any view. */
struct muster__text_rests {
	struct muster__text_real *reals, *gauges;
	size_t reals_count, gauges_count;
};

/* Make room for a view's. Returns 0 or -ENOMEM. */
int muster__text_rests_reserve(struct muster__text_rests *rests, const struct muster__view *view);
void muster__text_rests_clear(struct muster__text_rests *rests);

#endif
