/* SPDX-License-Identifier: Apache-2.0 */
/*
 * native.h - the words of a native histogram: as a bank has them, and as sums of several banks have them.
 *
 * A bank has a control word, counts of what is no matter of schemas, then two buffers of buckets; control says which buffer counts, at which schema, and
 * which index its first bucket has. Buckets of a buffer have one meaning as long as it counts: growing the window or
 * lowering the schema fills the other buffer, and one store of control makes that the one that counts.
 *
 * A sum has the same first words, but one buffer, and begins at its lowest bucket in use. What is added to it lowers its
 * schema as far as need be, and nothing raises it, so a sum depends on what is added and not on the order.
 * Buckets of negative values follow those of positive ones, and have the same indexes.
 *
 * Functions on private memory, but muster__native_copy(). Run in workers and readers.
 */
#ifndef MUSTER__NATIVE_H
#define MUSTER__NATIVE_H

#include <stdbool.h>
#include <stddef.h>

#include "exponential.h"

/* Words. */
enum {
	MUSTER__NATIVE_CONTROL = 0,
	MUSTER__NATIVE_ZERO = 1, /* observations within the zero threshold */
	MUSTER__NATIVE_NAN = 2,
	MUSTER__NATIVE_INFINITE = 3, /* and -Inf: buckets that must not stretch the window; the second also if unsigned */
	MUSTER__NATIVE_BUCKETS = 5,
};

/* Parameters, where a classic histogram's record has bounds. */
enum {
	MUSTER__NATIVE_THRESHOLD = 0,
	MUSTER__NATIVE_BUCKETS_MAX = 1,
	MUSTER__NATIVE_SIGNED = 2,
	MUSTER__NATIVE_PARAMETERS = 3,
};

#define MUSTER__NATIVE_BUCKETS_LEAST 160u
#define MUSTER__NATIVE_BUCKETS_MOST 1024u
#define MUSTER__NATIVE_SUM_WORDS_MAX (MUSTER__NATIVE_BUCKETS + 2 * MUSTER__NATIVE_BUCKETS_MOST)

_Static_assert((MUSTER__EXPONENTIAL_INDEX_MAX - MUSTER__EXPONENTIAL_INDEX_MIN) / (1 << MUSTER__SCHEMA_STEPS) + 3 <=
                   (int)MUSTER__NATIVE_BUCKETS_LEAST,
               "all numbers fit at the lowest schema");

/* How many buckets: of each sign, at most; in use are one or two signs. */
struct muster__native_shape {
	uint32_t per_sign, signs;
};

static inline struct muster__native_shape muster__native_shape(const double *parameters)
{
	return (struct muster__native_shape){(uint32_t)parameters[MUSTER__NATIVE_BUCKETS_MAX],
	                                     parameters[MUSTER__NATIVE_SIGNED] != 0 ? 2 : 1};
}

static inline uint32_t muster__native_buffer_words(struct muster__native_shape shape)
{
	return shape.per_sign * shape.signs;
}

static inline uint32_t muster__native_sum_words(struct muster__native_shape shape)
{
	return MUSTER__NATIVE_BUCKETS + muster__native_buffer_words(shape);
}

static inline uint32_t muster__native_bank_words(struct muster__native_shape shape)
{
	return MUSTER__NATIVE_BUCKETS + 2 * muster__native_buffer_words(shape);
}

/* ---- control ------------------------------------------------------------------------------ */

/* Bits 0..3: steps below MUSTER__SCHEMA_MAX; 4: the buffer; 5..31: of a bank, how often it changed, of a sum, how many
 * buckets from the first to the last in use; 32..63: index of the first bucket, plus a bias. 0: nothing yet. The
 * start of that lies below all windows, so the recorder needs no test for it. */
#define MUSTER__NATIVE_BIAS (1 << 20)

static inline uint32_t muster__native_steps(uint64_t control)
{
	return control & 15;
}

static inline uint32_t muster__native_buffer(uint64_t control)
{
	return control >> 4 & 1;
}

static inline uint32_t muster__native_count_field(uint64_t control)
{
	return (uint32_t)control >> 5;
}

static inline int32_t muster__native_start(uint64_t control)
{
	return (int32_t)((uint32_t)(control >> 32) - MUSTER__NATIVE_BIAS); /* of a hostile word: wraps */
}

static inline uint64_t muster__native_control(uint32_t steps, uint32_t buffer, uint32_t count_field, int32_t start)
{
	return (uint64_t)(uint32_t)(start + MUSTER__NATIVE_BIAS) << 32 | (uint32_t)(count_field << 5) | buffer << 4 | steps;
}

/* ---- windows ------------------------------------------------------------------------------ */

/* Buckets in use, by their indexes. */
struct muster__native_range {
	int32_t low, high; /* low > high: none */
};

/* Those of a buffer whose first bucket has index `start`. */
struct muster__native_range muster__native_range(const uint64_t *buckets, struct muster__native_shape shape,
                                                 int32_t start);

/* How many steps more until the range is of no more than `per_sign` buckets. */
uint32_t muster__native_steps_needed(struct muster__native_range range, uint32_t per_sign);

static inline struct muster__native_range muster__native_range_lower(struct muster__native_range range, uint32_t steps)
{
	return (struct muster__native_range){muster__exponential_lower(range.low, steps),
	                                     muster__exponential_lower(range.high, steps)};
}

/* ---- sums --------------------------------------------------------------------------------- */

/* What a bank has, as a sum. Loads from the bank only; each of its owner's changes of control makes it look again, and no
 * owner changes it as often as that is borne.
 *   out   muster__native_sum_words()
 * Returns false if no recorder could have left the words so, or they never rest. */
bool muster__native_copy(uint64_t *out, const uint64_t *bank, struct muster__native_shape shape);

/* Is it a sum? For one from a foreign record. */
bool muster__native_valid(const uint64_t *sum, struct muster__native_shape shape);

/* Add to a sum, or take away, modulo 2^64; of a valid sum of the same shape. */
void muster__native_add(uint64_t *sum, const uint64_t *other, struct muster__native_shape shape);
void muster__native_take(uint64_t *sum, const uint64_t *other, struct muster__native_shape shape);

/* No more of anything than another sum has; `other` may be lowered for it. */
void muster__native_limit(uint64_t *sum, uint64_t *other, struct muster__native_shape shape);

/* Lower the schema of a sum to that of another, if that is lower. */
void muster__native_lower_to(uint64_t *sum, const uint64_t *other, struct muster__native_shape shape);

#endif
