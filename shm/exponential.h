/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exponential.h - the buckets of exponential (Prometheus: native) histograms: which one a number is in, where it ends.
 *
 * At schema s bucket i holds the x with 2^((i-1) / 2^s) < x <= 2^(i / 2^s). Two buckets of a schema are one of the
 * next lower, so an index is found at the finest schema and lowered. Boundaries are decided as the real numbers they
 * are: the table has the greatest double not above each, so x <= table says x <= boundary. (The tables in Prometheus and
 * client_golang are up to 3 units in the last place below that.) Runs in workers and readers; plain functions of
 * their arguments, usable anywhere.
 *
 * Source: Prometheus, "Native Histograms" specification, schema and bucket boundaries.
 */
#ifndef MUSTER__EXPONENTIAL_H
#define MUSTER__EXPONENTIAL_H

#include <stdint.h>
#include <string.h>

#define MUSTER__SCHEMA_MIN (-4)
#define MUSTER__SCHEMA_MAX 8
#define MUSTER__SCHEMA_STEPS (MUSTER__SCHEMA_MAX - MUSTER__SCHEMA_MIN)

/* Of finite numbers, at the finest schema: from 2^-1074 to 2^1024. Infinity has the next, a bucket of its own at every
 * schema. */
#define MUSTER__EXPONENTIAL_INDEX_MIN (-1074 * 256)
#define MUSTER__EXPONENTIAL_INDEX_MAX (1024 * 256)

extern const uint64_t muster__exponential_bounds[257];
extern const uint16_t muster__exponential_first[512];

/* The index of x at MUSTER__SCHEMA_MAX.
 *   x   > 0; not NaN */
static inline int32_t muster__exponential_index(double x)
{
	const uint64_t fraction_mask = (UINT64_C(1) << 52) - 1;
	uint64_t bits;
	int32_t exponent_add = -1023;

	memcpy(&bits, &x, sizeof bits);
	if (__builtin_expect((bits >> 52) - 1 >= 2046, 0)) {
		if (bits >> 52) /* infinite */
			return MUSTER__EXPONENTIAL_INDEX_MAX + 1;
		x *= 0x1p52; /* subnormal; exact */
		memcpy(&bits, &x, sizeof bits);
		exponent_add -= 52;
	}
	uint64_t fraction = bits & fraction_mask;
	int32_t sub = muster__exponential_first[fraction >> 43]; /* no cell of 512 has two boundaries in it */
	sub += fraction > muster__exponential_bounds[sub];
	return ((int32_t)(bits >> 52) + exponent_add) * 256 + sub;
}

/* The index after lowering the schema by `steps`: ceil(index / 2^steps). */
static inline int32_t muster__exponential_lower(int32_t index, unsigned steps)
{
	return ((index - 1) >> steps) + 1;
}

/* The upper boundary of a bucket: the greatest double in it.
 *   index    at that schema, at most that of infinity
 *   schema   MUSTER__SCHEMA_MIN .. MUSTER__SCHEMA_MAX
 * Returns DBL_MAX for the last bucket of finite numbers, INFINITY above; 0 below the least subnormal. */
double muster__exponential_bound(int32_t index, int schema);

#endif
