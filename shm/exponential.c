/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exponential.c - where the buckets of exponential histograms end. Runs in readers; the way from a number to its bucket is
 * in the header, for workers.
 */
#include "exponential.h"

#include <float.h>
#include <math.h>

double muster__exponential_bound(int32_t index, int schema)
{
	int64_t fine = (int64_t)index * (1 << (MUSTER__SCHEMA_MAX - schema));

	if (fine >= MUSTER__EXPONENTIAL_INDEX_MAX)
		return fine == MUSTER__EXPONENTIAL_INDEX_MAX ? DBL_MAX : INFINITY;
	int64_t exponent = fine >> 8;
	uint64_t fraction = muster__exponential_bounds[fine & 255];
	uint64_t significand = UINT64_C(1) << 52 | fraction;
	uint64_t bits;
	double x;
	if (exponent >= -1022)
		bits = (uint64_t)(exponent + 1023) << 52 | fraction;
	else /* subnormal: what is left of the significand, rounded down */
		bits = exponent >= -1074 ? significand >> (-1022 - exponent) : 0;
	memcpy(&x, &bits, sizeof x);
	return x;
}
