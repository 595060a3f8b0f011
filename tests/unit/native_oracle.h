/* SPDX-License-Identifier: Apache-2.0 */
/*
 * native_oracle.h - what a native histogram has to say of the values observed, worked out from the list of them.
 */
#ifndef TESTS_NATIVE_ORACLE_H
#define TESTS_NATIVE_ORACLE_H

#include <float.h>

#include "reading.h"
#include "shm/encode.h"

#define ORACLE_VALUES_MAX 20000

struct oracle {
	size_t count;
	double values[ORACLE_VALUES_MAX];
};

static inline void oracle_add(struct oracle *o, const double *values, size_t count)
{
	assert_true(o->count + count <= ORACLE_VALUES_MAX);
	memcpy(o->values + o->count, values, count * sizeof *values);
	o->count += count;
}

static inline bool oracle_in_bucket(double x, double threshold)
{
	return isfinite(x) && fabs(x) > threshold;
}

static inline int32_t oracle_index(double x, int schema)
{
	return muster__exponential_lower(muster__exponential_index(fabs(x)), (unsigned)(MUSTER__SCHEMA_MAX - schema));
}

/* The finest schema, from `first` down, at which all values fit the buckets. */
static inline int oracle_schema(const struct oracle *o, int first, uint32_t per_sign, double threshold)
{
	int32_t low = INT32_MAX, high = INT32_MIN;

	for (size_t i = 0; i < o->count; i++)
		if (oracle_in_bucket(o->values[i], threshold)) {
			int32_t index = muster__exponential_index(fabs(o->values[i]));
			low = index < low ? index : low;
			high = index > high ? index : high;
		}
	for (; low <= high; first--) {
		unsigned steps = (unsigned)(MUSTER__SCHEMA_MAX - first);
		if (muster__exponential_lower(high, steps) - muster__exponential_lower(low, steps) < (int32_t)per_sign)
			break;
	}
	return first;
}

static inline uint64_t oracle_bucket(const struct oracle *o, int32_t index, int schema, bool negative, double threshold)
{
	uint64_t n = 0;

	for (size_t i = 0; i < o->count; i++)
		n += oracle_in_bucket(o->values[i], threshold) && (o->values[i] < 0) == negative &&
		     oracle_index(o->values[i], schema) == index;
	return n;
}

static inline void oracle_counts(const struct oracle *o, double threshold, uint64_t *zero, uint64_t infinite[2])
{
	*zero = infinite[0] = infinite[1] = 0;
	for (size_t i = 0; i < o->count; i++) {
		*zero += fabs(o->values[i]) <= threshold;
		if (isinf(o->values[i]))
			infinite[o->values[i] < 0]++;
	}
}

static inline struct muster__native_values native_of(const struct muster_region *region, const char *name,
                                                     const char *label)
{
	struct muster__native_values n = {0};
	const struct muster__view_series *series = series_of(region, name, label);

	assert_non_null(series);
	muster__native_values(&region->merge.view, series, &n);
	return n;
}

/* The view says exactly what the oracle does, at `schema`. */
static inline void expect_native(const struct muster_region *region, const char *name, const char *label,
                                 const struct oracle *o, int schema)
{
	struct muster__native_values n = native_of(region, name, label);
	uint64_t zero, infinite[2], in_buckets = 0;

	oracle_counts(o, n.zero_threshold, &zero, infinite);
	assert_int_equal(n.count, o->count);
	assert_int_equal(n.zero, zero);
	assert_int_equal(n.infinite[0], infinite[0]);
	assert_int_equal(n.infinite[1], infinite[1]);
	assert_int_equal(n.schema, schema);
	for (int negative = 0; negative < 2; negative++)
		for (uint32_t i = 0; n.buckets[negative] && i < n.used; i++) {
			assert_int_equal(n.buckets[negative][i],
			                 oracle_bucket(o, n.start + (int32_t)i, schema, negative, n.zero_threshold));
			in_buckets += n.buckets[negative][i];
		}
	size_t wanted = 0;
	for (size_t i = 0; i < o->count; i++)
		wanted += oracle_in_bucket(o->values[i], n.zero_threshold);
	assert_int_equal(in_buckets, wanted);
}

/* Numbers spread evenly over their exponents, from `low` to at most `high`; the same for the same seed. */
static inline void spread(double *out, size_t count, double low, double high, unsigned seed)
{
	uint64_t state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;

	for (size_t i = 0; i < count; i++) {
		state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		out[i] = low * pow(high / low, (double)(state >> 11) * 0x1p-53);
	}
}

#endif
