/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One worker that floods labels meets the end of its budgets: of a family, of the process, of the region, of the ledger.
 * What was there before stays exact, and each drop is counted.
 */
#include "workers.h"

#include <pthread.h>

#include "reading.h"

static int limits_teardown(void **state)
{
	(void)state;
	(void)unsetenv("MUSTER_SERIES_MAX");
	region_remove();
	return 0;
}

static muster_counter numbered(struct muster_family *family, int i)
{
	char label[16];

	(void)snprintf(label, sizeof label, "%d", i);
	return muster_counter_with(family, label);
}

/* ---- the process -------------------------------------------------------------------------- */

static void flood_families(void *arg)
{
	struct muster_family *one = declare(MUSTER_COUNTER, 0, "one_total", "n"),
						 *two = declare(MUSTER_COUNTER, 0, "two_total", "n"),
						 *plain = declare(MUSTER_COUNTER, 0, "plain_total", NULL);

	(void)arg;
	for (int i = 0; i < 70; i++)
		muster_counter_inc(numbered(one, i));
	for (int i = 0; i < 70; i++)
		muster_counter_inc(numbered(two, i));
	for (int i = 0; i < 70; i++)
		muster_counter_inc(numbered(one, i)); /* those there are stay */
	muster_counter_inc(muster_counter_with(plain));
	if (strstr(muster_error_message(), "two_total: this process has its limit of 100 series") == NULL)
		_exit(90);
}

static void a_process_has_its_limit_over_all_families(void **state)
{
	(void)state;
	assert_int_equal(setenv("MUSTER_SERIES_MAX", "100", 1), 0);
	pid_t pid = worker_start(flood_families, NULL);
	char *page = scrape();
	assert_float_equal(value_in(page, "one_total{n=\"69\"}"), 2, 0);
	assert_float_equal(value_in(page, "two_total{n=\"29\"}"), 1, 0);
	assert_true(isnan(value_in(page, "two_total{n=\"30\"}")));
	assert_float_equal(value_in(page, "muster_dropped_series_total{family=\"two_total\",reason=\"process_limit\"}"), 40,
	                   0);
	assert_float_equal(value_in(page, "plain_total"), 1, 0);
	free(page);
	worker_kill(pid);
}

/* ---- threads at the limit ----------------------------------------------------------------- */

#define THREADS 4
#define SERIES 200

static struct muster_family *shared_family;

static void *all_series(void *arg)
{
	for (int i = 0; i < SERIES; i++)
		muster_counter_inc(numbered(shared_family, i));
	return arg;
}

static void flood_by_threads(void *arg)
{
	pthread_t threads[THREADS];

	(void)arg;
	shared_family = declare(MUSTER_COUNTER, 0, "shared_total", "n");
	for (int i = 0; i < THREADS; i++)
		(void)pthread_create(threads + i, NULL, all_series, NULL);
	for (int i = 0; i < THREADS; i++)
		(void)pthread_join(threads[i], NULL);
}

/* All threads want the same series, exactly as many as the process may have: none is refused to any of them,
 * though the limit is reached while another still looks. */
static void the_last_series_is_refused_to_no_thread(void **state)
{
	(void)state;
	char limit[16];

	(void)snprintf(limit, sizeof limit, "%d", SERIES);
	assert_int_equal(setenv("MUSTER_SERIES_MAX", limit, 1), 0);
	for (int round = 0; round < 20; round++) {
		pid_t pid = worker_start(flood_by_threads, NULL);
		struct muster_region *region = reader();
		char label[16];
		for (int i = 0; i < SERIES; i++) {
			(void)snprintf(label, sizeof label, "%d", i);
			assert_int_equal(int_of(region, "shared_total", label), THREADS);
		}
		assert_int_equal(series_of(region, "shared_total", "0")->family->drops[MUSTER__DROP_PROCESS_LIMIT], 0);
		muster_region_destroy(&region);
		worker_kill(pid);
		region_remove();
		region_make();
	}
}

/* ---- the region --------------------------------------------------------------------------- */

static void fifty_from(void *arg)
{
	struct muster_family *calls = declare(MUSTER_COUNTER, 0, "calls_total", "n");
	int from = *(int *)arg;

	for (int i = from; i < from + 50; i++)
		muster_counter_inc(numbered(calls, i));
}

static double left_out(struct muster_region *region)
{
	return (double)region->merge.view.events[MUSTER__EVENT_REGION_LIMIT];
}

static void a_region_has_its_limit_over_all_workers(void **state)
{
	int first = 0, second = 30, third = 500;
	struct muster_region *region = reader_open();

	(void)state;
	assert_int_equal(muster__region_lock(region), 0);
	muster_region_series_max(region, 60);
	pid_t one = worker_start(fifty_from, &first);
	assert_int_equal(muster_region_refresh(region), 0);
	pid_t two = worker_start(fifty_from, &second);
	assert_int_equal(muster_region_refresh(region), 0);
	assert_int_equal(region->merge.series_count, 60);
	assert_int_equal(int_of(region, "calls_total", "49"), 2);
	assert_int_equal(int_of(region, "calls_total", "59"), 1);
	assert_int_equal(int_of(region, "calls_total", "60"), -1);
	assert_float_equal(left_out(region), 20, 0);
	worker_kill(one);
	worker_kill(two);
	for (int round = 0; round < 3; round++) {
		worker_live_and_die(fifty_from, &third);
		assert_int_equal(muster_region_refresh(region), 0);
		assert_int_equal(muster__region_fold(region, NULL), 0);
		assert_int_equal(muster_region_refresh(region), 0);
		assert_int_equal(int_of(region, "calls_total", "49"), 2);
		assert_int_equal(int_of(region, "calls_total", "500"), -1);
		assert_true(left_out(region) == 20 + 50 * (round + 1));
	}
	muster_region_destroy(&region);
}

static void hundred_from(void *arg)
{
	struct muster_family *calls = declare(MUSTER_COUNTER, 0, "calls_total", "n");
	int from = *(int *)arg;

	for (int i = from; i < from + 100; i++)
		muster_counter_inc(numbered(calls, i));
}

/* Whoever comes first to a new master: a flood gets what the others leave. */
static void a_flood_that_died_leaves_room_for_the_living(void **state)
{
	int first = 1000, second = 2000, few = 0;
	char label[16];

	(void)state;
	worker_live_and_die(hundred_from, &first);
	worker_live_and_die(hundred_from, &second);
	pid_t pid = worker_start(fifty_from, &few);
	struct muster_region *region = reader_open();
	muster_region_series_max(region, 220);
	assert_int_equal(muster_region_refresh(region), 0);
	assert_int_equal(region->merge.series_count, 220);
	for (int i = 0; i < 50; i++) {
		(void)snprintf(label, sizeof label, "%d", i);
		assert_int_equal(int_of(region, "calls_total", label), 1);
	}
	muster_region_destroy(&region);
	worker_kill(pid);
}

/* ---- the ledger --------------------------------------------------------------------------- */

/* Who is in it stays; of who dies then, what finds no room is counted, and all slabs go. */
static void a_full_ledger_counts_what_it_leaves_out(void **state)
{
	static const struct muster__ledger_size limits[] = {
		{.bytes = 60 * 48, .words = 1000, .series = 1000},
		{.bytes = 1 << 20, .words = MUSTER__DROP_CELLS + 60, .series = 1000},
		{.bytes = 1 << 20, .words = 1000, .series = 60},
	};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		int first = 40, second = 10;
		struct muster_region *region = reader_open();
		assert_int_equal(muster__region_lock(region), 0);
		region->ledger_max = limits[i];
		for (int round = 0; round < 3; round++) {
			worker_live_and_die(fifty_from, round ? &second : &first);
			assert_int_equal(muster_region_refresh(region), 0);
			assert_int_equal(muster__region_fold(region, NULL), 0);
			assert_int_equal(muster_region_refresh(region), 0);
			assert_int_equal(region->slabs_count, 0);
			assert_int_equal(int_of(region, "calls_total", "89"), 1);
			assert_int_equal(int_of(region, "calls_total", "59"), round + 1);
		}
		assert_in_range(region->merge.series_count, 51, 79);
		assert_true(left_out(region) == 2 * (80 - (double)region->merge.series_count));
		muster_region_destroy(&region);
		region_remove();
		region_make();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_process_has_its_limit_over_all_families, setup, limits_teardown),
		cmocka_unit_test_setup_teardown(the_last_series_is_refused_to_no_thread, setup, limits_teardown),
		cmocka_unit_test_setup_teardown(a_region_has_its_limit_over_all_workers, setup, limits_teardown),
		cmocka_unit_test_setup_teardown(a_flood_that_died_leaves_room_for_the_living, setup, limits_teardown),
		cmocka_unit_test_setup_teardown(a_full_ledger_counts_what_it_leaves_out, setup, limits_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
