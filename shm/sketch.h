/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sketch.h - what writers and readers of sketches agree on beside the layout: which bucket a number is in, what a bucket is
 * worth, which epoch it is now, and what a word says.
 *
 * Buckets are the exponential ones of schema 5, so that (2^(1/32) - 1) / (2^(1/32) + 1), 1.09 %, is the farthest a number
 * is from the value its bucket is shown as. They are fixed, not chosen by what comes: the same number has the same
 * word in every process, a sum over processes is exact, and no word ever moves. What range costs is room in a sparse file.
 *
 * An epoch is a third of the window; its words lie at its remainder by MUSTER__SKETCH_SLOTS. The current epoch and the
 * three before are the window, so a whole one is always there, and at most a third more.
 * Pure functions, any process. Source: Masson, Rim, Lee, "DDSketch", VLDB 2019, sections 2.1 and 2.2.
 */
#ifndef MUSTER__SKETCH_H
#define MUSTER__SKETCH_H

#include <stdbool.h>

#include "exponential.h"
#include "layout.h"

#define MUSTER__SKETCH_SCHEMA 5
#define MUSTER__SKETCH_SIGN_BUCKETS (MUSTER__SKETCH_PAGES / 2 * MUSTER__SKETCH_BUCKETS) /* of one sign */
#define MUSTER__SKETCH_BUCKETS_ALL (MUSTER__SKETCH_PAGES * MUSTER__SKETCH_BUCKETS)

/* Magnitude place n holds up to 2^((n - ZERO) / 32); place 0 all that is shown as 0, the last all that is infinite. */
#define MUSTER__SKETCH_PLACE_ONE (MUSTER__SKETCH_SIGN_BUCKETS / 2)

/* The bucket of x, which is not NaN: 0 to MUSTER__SKETCH_BUCKETS_ALL - 1; the upper half is below 0. */
static inline uint32_t muster__sketch_bucket(double x)
{
	double magnitude = __builtin_fabs(x);

	if (magnitude <= 0x1p-64)
		return 0;
	int32_t index =
		muster__exponential_lower(muster__exponential_index(magnitude), MUSTER__SCHEMA_MAX - MUSTER__SKETCH_SCHEMA);
	int32_t place = index + MUSTER__SKETCH_PLACE_ONE;
	if (place >= MUSTER__SKETCH_SIGN_BUCKETS)
		place = MUSTER__SKETCH_SIGN_BUCKETS - 1;
	return (uint32_t)place + (x < 0 ? MUSTER__SKETCH_SIGN_BUCKETS : 0);
}

/* Where the words of a bucket begin, counted from its page. */
static inline uint32_t muster__sketch_word(uint32_t bucket)
{
	return bucket % MUSTER__SKETCH_BUCKETS * MUSTER__SKETCH_SLOTS;
}

/* ---- words -------------------------------------------------------------------------------- */

#define MUSTER__SKETCH_EPOCH_MASK ((UINT64_C(1) << MUSTER__SKETCH_EPOCH_BITS) - 1)
#define MUSTER__SKETCH_COUNT_MASK ((UINT64_C(1) << MUSTER__SKETCH_COUNT_BITS) - 1)

static inline uint64_t muster__sketch_epoch(uint64_t monotonic_s, uint32_t window_s)
{
	return (uint32_t)monotonic_s / ((window_s + MUSTER__SKETCH_SLOTS - 2) / (MUSTER__SKETCH_SLOTS - 1)) &
	       MUSTER__SKETCH_EPOCH_MASK;
}

static inline uint64_t muster__sketch_word_epoch(uint64_t word)
{
	return word >> MUSTER__SKETCH_COUNT_BITS;
}

static inline uint64_t muster__sketch_word_of(uint64_t epoch, uint64_t count)
{
	return epoch << MUSTER__SKETCH_COUNT_BITS | (count & MUSTER__SKETCH_COUNT_MASK);
}

/* Is an epoch in the window whose current one is `now`? A writer may have looked at the clock after the reader. */
static inline bool muster__sketch_epoch_counts(uint64_t epoch, uint64_t now)
{
	return ((now + 1 - epoch) & MUSTER__SKETCH_EPOCH_MASK) <= MUSTER__SKETCH_SLOTS;
}

/* Epochs wrap around, after two years with the shortest window: what is more than this later is rather earlier. */
#define MUSTER__SKETCH_EPOCHS_LATER UINT64_C(4096)

static inline bool muster__sketch_epoch_later(uint64_t a, uint64_t b)
{
	return ((a - b - 1) & MUSTER__SKETCH_EPOCH_MASK) < MUSTER__SKETCH_EPOCHS_LATER;
}

#endif
