/* SPDX-License-Identifier: Apache-2.0 */
/* What is drawn for each worker, so that workers of one age are not replaced at the same time. */
#include "runtime/draw.h"
#include "support.h"

static void all_of_a_few_are_drawn_and_nothing_else(void **state)
{
	unsigned seen[4] = {0};

	(void)state;
	for (int i = 0; i < 4000; i++) {
		uint64_t n = muster__draw(3);
		assert_true(n <= 3);
		seen[n]++;
	}
	for (int i = 0; i < 4; i++)
		assert_in_range(seen[i], 500, 1500); /* 1000 each; 18 times the deviation away */
}

static void nothing_more_is_nothing(void **state)
{
	(void)state;
	for (int i = 0; i < 100; i++)
		assert_int_equal(muster__draw(0), 0);
}

static void the_whole_range_is_drawn(void **state)
{
	uint64_t low = UINT64_MAX, high = 0;

	(void)state;
	for (int i = 0; i < 200; i++) {
		uint64_t n = muster__draw(UINT64_MAX);
		low = n < low ? n : low;
		high = n > high ? n : high;
	}
	assert_true(low < UINT64_MAX / 4 && high > UINT64_MAX / 4 * 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_of_a_few_are_drawn_and_nothing_else),
		cmocka_unit_test(nothing_more_is_nothing),
		cmocka_unit_test(the_whole_range_is_drawn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
