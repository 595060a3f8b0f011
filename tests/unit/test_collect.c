/* SPDX-License-Identifier: Apache-2.0 */
/* Collectors and function gauges: when they run, in whom, and what is refused. */
#include <muster/collector.h>

#include "workers.h"

static double temperature;
static int runs;

static double measure(void *ctx)
{
	return *(const double *)ctx;
}

static void count_runs(void *ctx)
{
	(void)ctx;
	runs++;
	muster_collect(); /* of itself: nothing happens */
}

static void a_function_gauge_has_the_value_of_its_last_collection(void **state)
{
	struct muster_family *family = declare(MUSTER_GAUGE, MUSTER_MAX, "warmth_celsius", NULL);

	(void)state;
	assert_int_equal(muster_gauge_function(family, NULL, 0, measure, &temperature), 0);
	assert_int_equal(muster_collector_add(count_runs, NULL), 0);
	temperature = 21.5;
	assert_true(value_of("warmth_celsius") == 0);
	muster_collect();
	assert_true(value_of("warmth_celsius") == 21.5);
	assert_int_equal(runs, 1);
	temperature = NAN;
	muster_collect();
	assert_true(value_of("warmth_celsius") == 21.5);
	assert_int_equal(runs, 2);
}

static void fork_and_collect(void *ctx)
{
	if (*(bool *)ctx)
		return;
	*(bool *)ctx = true;
	int status = -1;
	pid_t pid = fork();
	if (pid == 0) {
		int before = runs;
		muster_collect();
		_exit(runs == before + 1 ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void a_child_forked_by_a_collector_can_collect(void **state)
{
	bool done = false;

	(void)state;
	assert_int_equal(muster_collector_add(fork_and_collect, &done), 0);
	muster_collect();
	assert_true(done);
	done = true; /* from now on it does nothing */
}

static void other_families_are_refused(void **state)
{
	struct muster_family *calls = declare(MUSTER_COUNTER, 0, "asked_total", NULL);
	struct muster_family *depth = declare(MUSTER_GAUGE, MUSTER_MAX, "depth", "queue");

	(void)state;
	assert_int_equal(muster_gauge_function(NULL, NULL, 0, measure, &temperature), MUSTER_ETYPE);
	assert_int_equal(muster_gauge_function(calls, NULL, 0, measure, &temperature), MUSTER_ETYPE);
	assert_int_equal(muster_gauge_function(depth, NULL, 0, measure, &temperature), MUSTER_ELABEL_VALUES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_function_gauge_has_the_value_of_its_last_collection),
		cmocka_unit_test(a_child_forked_by_a_collector_can_collect),
		cmocka_unit_test(other_families_are_refused),
	};

	/* The process has one slab, in one region. */
	return cmocka_run_group_tests_name("collect", tests, setup, teardown);
}
