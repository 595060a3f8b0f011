/* SPDX-License-Identifier: Apache-2.0 */
/* Families of other libraries: names that muster's own may not have, other bounds, one sample per process, many series. */
#include "folding.h"
#include "importing.h"

static struct muster_region *folding_master(void)
{
	struct muster_region *region = reader_open();

	assert_int_equal(muster__region_lock(region), 0);
	assert_int_equal(muster_region_import(region, files, 1), 0);
	assert_int_equal(muster_region_refresh(region), 0);
	return region;
}

static void refresh(struct muster_region *region)
{
	assert_int_equal(muster_region_refresh(region), 0);
}

/* ---- names -------------------------------------------------------------------------------- */

static void names_of_other_types_samples_are_kept(void **state)
{
	static const char *const names[] = {"a_count", "a_sum", "a_bucket", "a_created", "a_total", "ns:a", ":"};

	(void)state;
	file_begin();
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		char key[64];
		(void)snprintf(key, sizeof key, "[\"%s\", \"%s\", {}, \"h\"]", names[i], names[i]);
		entry(key, (double)i);
	}
	file_write("gauge_max_1.db", 4096);
	struct muster_region *region = folding_master();
	assert_int_equal(fold(region), 1);
	refresh(region);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		assert_true(value(region, names[i]) == (double)i);
	assert_true(value(region, "muster_dropped_families_total{reason=\"invalid\"}") == 0);
	muster_region_destroy(&region);
}

static void histogram_write(const char *name, const char *bound, double x)
{
	char le[64];

	tick();
	file_begin();
	(void)snprintf(le, sizeof le, "[\"x\", \"x_bucket\", {\"le\": \"%s\"}, \"h\"]", bound);
	entry("[\"x\", \"x_sum\", {}, \"h\"]", x);
	entry(le, x);
	entry("[\"x\", \"x_bucket\", {\"le\": \"+Inf\"}, \"h\"]", x);
	file_write(name, 4096);
}

static void gauge_write(const char *file, const char *name)
{
	char key[64];

	file_begin();
	(void)snprintf(key, sizeof key, "[\"%s\", \"%s\", {}, \"h\"]", name, name);
	entry(key, 7);
	file_write(file, 4096);
}

/* A page on which one sample stands twice is refused as a whole. Who came first has the name. */
static void of_two_that_share_a_sample_the_first_is_shown(void **state)
{
	static const char *const names[] = {"x_count", "x_sum", "x_bucket", "x_created"};

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		for (int first = 0; first < 2; first++) {
			const char *files_of[] = {first ? "gauge_max_1.db" : "histogram_1.db",
			                          first ? "histogram_1.db" : "gauge_max_1.db"};
			first ? gauge_write(files_of[0], names[i]) : histogram_write(files_of[0], "1.0", 2);
			struct muster_region *region = importing(files);
			first ? histogram_write(files_of[1], "1.0", 2) : gauge_write(files_of[1], names[i]);
			refresh(region);
			assert_int_equal(isnan(value(region, "x_count")), first && i != 0);
			if (i == 0)
				assert_true(value(region, "x_count") == (first ? 7 : 4));
			assert_true(value(region, "muster_dropped_families_total{reason=\"conflict\"}") == 1);
			muster_region_destroy(&region);
			assert_int_equal(files_teardown(state), 0);
			assert_int_equal(files_setup(state), 0);
		}
	}
}

/* ---- bounds ------------------------------------------------------------------------------- */

static void the_youngest_bounds_are_shown_and_never_mixed(void **state)
{
	(void)state;
	histogram_write("histogram_1.db", "1.0", 1);
	struct muster_region *region = importing(files);
	assert_true(value(region, "x_bucket{le=\"1.0\"}") == 1);
	histogram_write("histogram_2.db", "2.0", 3);
	refresh(region);
	assert_true(isnan(value(region, "x_bucket{le=\"1.0\"}")));
	assert_true(value(region, "x_bucket{le=\"2.0\"}") == 3);
	assert_true(value(region, "x_count") == 6);
	assert_true(value(region, "muster_dropped_families_total{reason=\"conflict\"}") == 1);
	histogram_write("histogram_3.db", "1.0", 5); /* the reload is taken back */
	refresh(region);
	assert_true(value(region, "x_bucket{le=\"1.0\"}") == 6);
	assert_true(value(region, "x_count") == 12);
	muster_region_destroy(&region);
}

static void the_ledgers_bounds_give_way_to_younger_ones(void **state)
{
	(void)state;
	histogram_write("histogram_1.db", "1.0", 1);
	struct muster_region *region = folding_master();
	assert_int_equal(fold(region), 1);
	histogram_write("histogram_2.db", "2.0", 3);
	refresh(region);
	assert_true(value(region, "x_count") == 6);
	assert_int_equal(fold(region), 1);
	refresh(region);
	assert_true(value(region, "x_bucket{le=\"2.0\"}") == 3);
	assert_true(value(region, "x_count") == 6);
	assert_true(value(region, "muster_dropped_families_total{reason=\"conflict\"}") == 1);
	muster_region_destroy(&region);
	region = folding_master();
	assert_true(value(region, "x_count") == 6);
	assert_true(value(region, "muster_dropped_families_total{reason=\"conflict\"}") == 1);
	muster_region_destroy(&region);
}

static void open_bounds_grow_in_the_ledger_too(void **state)
{
	static const char *const les[] = {"+Inf", "3", "2", "1"};

	(void)state;
	struct muster_region *region = folding_master();
	for (uint32_t i = 0; i < 4; i++) {
		file_begin();
		for (uint32_t k = 0; k <= i; k++) {
			char key[64];
			(void)snprintf(key, sizeof key, "[\"x\",\"x_bucket\",[\"le\"],[\"%s\"]]", les[k]);
			entry(key, 10 - k);
		}
		file_write("histogram_1-0.db", 4096);
		refresh(region);
		assert_int_equal(fold(region), 1);
	}
	refresh(region);
	assert_true(value(region, "x_bucket{le=\"1.0\"}") == 7);
	assert_true(value(region, "x_bucket{le=\"2.0\"}") == 16);
	assert_true(value(region, "x_bucket{le=\"3.0\"}") == 27);
	assert_true(value(region, "x_count") == 40);
	assert_true(value(region, "muster_dropped_families_total{reason=\"conflict\"}") == 0);
	muster_region_destroy(&region);
}

/* ---- one sample per process --------------------------------------------------------------- */

static void samples_of_single_processes_stay_and_are_not_too_many(void **state)
{
	char name[64], sample[64];

	(void)state;
	struct muster_region *region = folding_master();
	for (int i = 0; i < 1100; i++) {
		(void)snprintf(name, sizeof name, "gauge_all_worker-%d.db", i);
		gauge_write(name, "g");
		if (i % 100 == 0)
			tick();
		if (i % 100 == 99) {
			refresh(region);
			assert_int_equal(fold(region), 100);
		}
	}
	refresh(region);
	for (int i = 0; i < 1100; i++) {
		(void)snprintf(sample, sizeof sample, "g{pid=\"worker-%d\"}", i);
		if (i % 500 == 0 || i == 99 || i == 1099)
			assert_int_equal(isnan(value(region, sample)), i < 100);
	}
	muster_region_destroy(&region);
}

/* ---- many --------------------------------------------------------------------------------- */

/* As threads write them that create histograms at once: each in order, all mixed. */
static void a_thousand_histograms_begun_at_once_are_read(void **state)
{
	char key[100];

	(void)state;
	file_begin();
	for (int part = 0; part < 4; part++)
		for (int i = 0; i < 1500; i++) {
			if (part == 0)
				(void)snprintf(key, sizeof key, "[\"x\", \"x_sum\", {\"l\": \"%d\"}, \"h\"]", i);
			else
				(void)snprintf(key, sizeof key, "[\"x\", \"x_bucket\", {\"l\": \"%d\", \"le\": \"%s\"}, \"h\"]", i,
				               part == 3   ? "+Inf"
				               : part == 1 ? "1.0"
				                           : "2.0");
			entry(key, i + part);
		}
	file_write("histogram_1.db", sizeof bytes);
	struct muster_region *region = importing(files);
	assert_int_equal(told.count, 0);
	for (int i = 0; i < 1500; i += 7) {
		(void)snprintf(key, sizeof key, "x_count{l=\"%d\"}", i);
		assert_true(value(region, key) == 3 * i + 6);
	}
	muster_region_destroy(&region);
}

int main(void)
{
#define ONE(test) cmocka_unit_test_setup_teardown(test, files_setup, files_teardown)
	const struct CMUnitTest tests[] = {
		ONE(names_of_other_types_samples_are_kept),
		ONE(of_two_that_share_a_sample_the_first_is_shown),
		ONE(the_youngest_bounds_are_shown_and_never_mixed),
		ONE(the_ledgers_bounds_give_way_to_younger_ones),
		ONE(open_bounds_grow_in_the_ledger_too),
		ONE(samples_of_single_processes_stay_and_are_not_too_many),
		ONE(a_thousand_histograms_begun_at_once_are_read),
	};

	return cmocka_run_group_tests_name("import_families", tests, NULL, NULL);
}
