/* SPDX-License-Identifier: Apache-2.0 */
/* Buckets of exponential histograms: every boundary from both sides, at every schema. */
#include "support.h"

#include <float.h>

#include "shm/exponential.h"

static int32_t index_at(double x, int schema)
{
	return muster__exponential_lower(muster__exponential_index(x), (unsigned)(MUSTER__SCHEMA_MAX - schema));
}

/* The last double of a bucket is in it, the next is not. Subnormal buckets may be narrower than a double. */
static void each_boundary_is_in_the_bucket_below_it(void **state)
{
	(void)state;
	for (int schema = MUSTER__SCHEMA_MIN; schema <= MUSTER__SCHEMA_MAX; schema++) {
		const int32_t last = index_at(DBL_MAX, schema);
		for (int32_t i = index_at(0x1p-1074, schema); i < last; i++) {
			double bound = muster__exponential_bound(i, schema);
			int32_t in = index_at(bound, schema);
			if (!(bound >= DBL_MIN ? in == i : in <= i) || index_at(nextafter(bound, INFINITY), schema) <= i)
				fail_msg("schema %d bucket %d: its bound %a is in %d", schema, i, bound, in);
			if (bound >= DBL_MIN && index_at(nextafter(bound, INFINITY), schema) != i + 1)
				fail_msg("schema %d bucket %d: what follows its bound %a is not in the next", schema, i, bound);
		}
	}
}

/* The long double of 64 bits decides: it errs by less than the 2048th part of a double's last place. */
static void boundaries_are_the_doubles_not_above_the_real_numbers(void **state)
{
	(void)state;
#if LDBL_MANT_DIG >= 64
	for (int j = 0; j < 256; j++) {
		long double real = exp2l((long double)j / 256);
		double bound = muster__exponential_bound(j, 8);
		assert_true((long double)bound <= real);
		assert_true((long double)nextafter(bound, 2) > real);
	}
#endif
}

static void powers_of_two_end_a_bucket_of_every_schema(void **state)
{
	(void)state;
	for (int schema = MUSTER__SCHEMA_MIN; schema <= MUSTER__SCHEMA_MAX; schema++)
		for (int e = -1074; e < 1024; e++) {
			int32_t ceiling = schema >= 0 ? e * (1 << schema) : (int32_t)ceil(ldexp(e, schema));
			assert_int_equal(index_at(ldexp(1, e), schema), ceiling);
		}
}

static void known_numbers_have_the_indexes_of_the_specification(void **state)
{
	(void)state;
	assert_int_equal(index_at(1, 0), 0);
	assert_int_equal(index_at(1.5, 0), 1);
	assert_int_equal(index_at(2, 0), 1);
	assert_int_equal(index_at(0.5, 3), -8);
	assert_int_equal(index_at(0.001, 3), -79);
	assert_int_equal(index_at(M_SQRT2, 1), 2); /* the double is above the root */
	assert_int_equal(index_at(nextafter(M_SQRT2, 0), 1), 1);
	assert_int_equal(index_at(65536, -4), 1);
	assert_int_equal(index_at(65537, -4), 2);
}

static void the_ends_of_the_numbers_have_buckets(void **state)
{
	(void)state;
	assert_int_equal(muster__exponential_index(0x1p-1074), MUSTER__EXPONENTIAL_INDEX_MIN);
	assert_int_equal(muster__exponential_index(DBL_MAX), MUSTER__EXPONENTIAL_INDEX_MAX);
	for (int schema = MUSTER__SCHEMA_MIN; schema <= MUSTER__SCHEMA_MAX; schema++) {
		int32_t last = index_at(DBL_MAX, schema);
		assert_int_equal(index_at(INFINITY, schema), last + 1);
		assert_true(muster__exponential_bound(last, schema) == DBL_MAX);
		assert_true(isinf(muster__exponential_bound(last + 1, schema)));
		assert_true(muster__exponential_bound(index_at(0x1p-1074, schema) - 1, schema) == 0);
	}
}

static void lowering_by_steps_is_lowering_at_once(void **state)
{
	(void)state;
	for (int32_t i = MUSTER__EXPONENTIAL_INDEX_MIN; i <= MUSTER__EXPONENTIAL_INDEX_MAX + 1; i++) {
		int32_t by_one = i;
		for (unsigned steps = 1; steps <= MUSTER__SCHEMA_STEPS; steps++) {
			by_one = muster__exponential_lower(by_one, 1);
			if (by_one != muster__exponential_lower(i, steps))
				fail_msg("index %d, %u steps", i, steps);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_boundary_is_in_the_bucket_below_it),
		cmocka_unit_test(boundaries_are_the_doubles_not_above_the_real_numbers),
		cmocka_unit_test(powers_of_two_end_a_bucket_of_every_schema),
		cmocka_unit_test(known_numbers_have_the_indexes_of_the_specification),
		cmocka_unit_test(the_ends_of_the_numbers_have_buckets),
		cmocka_unit_test(lowering_by_steps_is_lowering_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
