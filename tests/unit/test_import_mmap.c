/* SPDX-License-Identifier: Apache-2.0 */
/* Files of prometheus-client-mmap: entries in any order, cumulative buckets of which some are missing. */
#include "importing.h"

static void golden_files_are_read(void **state)
{
	char golden[PATH_MAX];

	(void)state;
	assert_non_null(realpath("tests/golden/prometheus_client_mmap", golden));
	struct muster_region *region = importing(golden);
	assert_int_equal(told.count, 0);
	assert_true(value(region, "c_total{a=\"\xc3\xbc\\n\\\"q\",b=\"x\"}") == 2.5);
	assert_true(isnan(value(region, "g"))); /* livesum, and nobody lives */
	assert_false(isnan(value(region, "g2{pid=\"puma_1\"}")));
	assert_true(value(region, "h_bucket{le=\"+Inf\"}") == value(region, "h_count"));
	assert_true(value(region, "h_bucket{le=\"0.1\"}") <= value(region, "h_bucket{le=\"1.0\"}"));
	assert_false(isnan(value(region, "h_bucket{le=\"10.0\"}")));
	assert_true(value(region, "s_count") == 1);
	muster_region_destroy(&region);
}

static void bucket(const char *labels, const char *values, const char *le, double x)
{
	char key[128];
	const char *comma = *labels ? "," : "";

	(void)snprintf(key, sizeof key, "[\"h\",\"h_bucket\",[%s%s\"le\"],[%s%s\"%s\"]]", labels, comma, values, comma, le);
	entry(key, x);
}

static void labels_are_on_the_page_as_text(void **state)
{
	(void)state;
	file_begin();
	entry("[\"c\",\"c\",[\"a\",\"b\",\"c\",\"d\"],[null,5,true,-1.5e3]]", 3);
	entry("[\"d\",\"d\",[\"a\"],[\"200\"]]", 1);
	entry("[\"d\",\"d\",[\"a\"],[200]]", 2);
	entry("[\"e\",\"e\",[\"a\"],[]]", 1);
	entry("[\"e\",\"e\",[\"a\"],[[]]]", 1);
	entry("[\"e\",\"e\",[\"a\"],[ ]]", 1);
	file_write("counter_worker-1-0.db", 4096);
	struct muster_region *region = importing(files);
	assert_int_equal(told.count, 0);
	assert_true(value(region, "c{a=\"\",b=\"5\",c=\"true\",d=\"-1.5e3\"}") == 3);
	assert_true(value(region, "d{a=\"200\"}") == 3); /* the library shows it twice, which no page may */
	assert_true(value(region, "muster_dropped_families_total{reason=\"invalid\"}") == 3);
	muster_region_destroy(&region);
}

static void buckets_in_any_order_are_cumulative_already(void **state)
{
	(void)state;
	file_begin();
	bucket("", "", "+Inf", 9);
	bucket("", "", "2.5", 7);
	entry("[\"h\",\"h_count\",[],[]]", 9);
	bucket("", "", "1", 4);
	entry("[\"h\",\"h_sum\",[],[]]", 12.5);
	file_write("histogram_1-0.db", 4096);
	struct muster_region *region = importing(files);
	assert_true(value(region, "h_bucket{le=\"1.0\"}") == 4);
	assert_true(value(region, "h_bucket{le=\"2.5\"}") == 7);
	assert_true(value(region, "h_count") == 9);
	assert_true(value(region, "h_sum") == 12.5);
	muster_region_destroy(&region);
}

/* One process has seen only values above all bounds, another lower ones, a third all of them. */
static void missing_buckets_are_nothing_observed(void **state)
{
	(void)state;
	file_begin();
	bucket("", "", "+Inf", 1);
	file_write("histogram_1-0.db", 4096);
	struct muster_region *region = importing(files);
	assert_true(value(region, "h_bucket{le=\"+Inf\"}") == 1);
	file_begin();
	bucket("", "", "+Inf", 10);
	bucket("", "", "2", 6);
	file_write("histogram_2-0.db", 4096);
	assert_int_equal(muster_region_refresh(region), 0);
	assert_true(value(region, "h_bucket{le=\"2.0\"}") == 6);
	assert_true(value(region, "h_count") == 11);
	bucket("", "", "1", 5); /* then one more is reached */
	file_rewrite("histogram_2-0.db", 4096);
	assert_int_equal(muster_region_refresh(region), 0);
	assert_true(value(region, "h_bucket{le=\"1.0\"}") == 5);
	assert_true(value(region, "h_bucket{le=\"2.0\"}") == 6);
	assert_true(value(region, "h_count") == 11);
	assert_true(value(region, "muster_dropped_families_total{reason=\"conflict\"}") == 0);
	muster_region_destroy(&region);
}

static void series_of_a_file_may_lack_others_buckets(void **state)
{
	(void)state;
	file_begin();
	bucket("\"a\"", "\"x\"", "+Inf", 3);
	bucket("\"a\"", "\"y\"", "+Inf", 4);
	bucket("\"a\"", "\"y\"", "1", 2);
	bucket("\"a\"", "\"z\"", "+Inf", 4);
	bucket("\"a\"", "\"z\"", "0.5", 2); /* no end of {1} */
	file_write("histogram_1-0.db", 4096);
	struct muster_region *region = importing(files);
	assert_true(value(region, "h_bucket{a=\"x\",le=\"1.0\"}") == 0);
	assert_true(value(region, "h_bucket{a=\"y\",le=\"1.0\"}") == 2);
	assert_true(isnan(value(region, "h_count{a=\"z\"}")));
	assert_true(value(region, "muster_dropped_families_total{reason=\"conflict\"}") == 1);
	muster_region_destroy(&region);
}

/* Killed, or seen, between two buckets: it is in +Inf and in the lowest. */
static void half_an_observation_is_one(void **state)
{
	(void)state;
	file_begin();
	bucket("", "", "+Inf", 5);
	bucket("", "", "1", 5);
	bucket("", "", "2", 4);
	bucket("", "", "3", 9); /* and one that lies */
	file_write("histogram_1-0.db", 4096);
	struct muster_region *region = importing(files);
	assert_true(value(region, "h_bucket{le=\"1.0\"}") == 5);
	assert_true(value(region, "h_bucket{le=\"2.0\"}") == 5);
	assert_true(value(region, "h_bucket{le=\"3.0\"}") == 5);
	assert_true(value(region, "h_count") == 5);
	muster_region_destroy(&region);
}

static void the_same_key_again_and_again_takes_no_time(void **state)
{
	(void)state;
	file_begin();
	while (used < sizeof bytes - 64)
		entry("[\"h\",\"h_sum\",[],[]]", 1);
	file_write("histogram_1-0.db", sizeof bytes);
	struct muster_region *region = importing(files);
	assert_true(value(region, "h_sum") > 0);
	assert_true(value(region, "h_sum") < 10);
	muster_region_destroy(&region);
}

static void identifiers_are_as_the_library_has_them(void **state)
{
	static const struct {
		const char *file, *sample;
	} rows[] = {
		{"gauge_all_worker_id_0-1-0.db", "g{pid=\"worker_id_0-1\"}"},
		{"gauge_all_worker_id_0-1-3.db", "g{pid=\"worker_id_0-1\"}"}, /* the younger */
		{"gauge_all_puma_1-0.db", "g{pid=\"puma_1\"}"},
		{"gauge_all_host-7_x-1-0.db", "g{pid=\"host_x-1\"}"},
		{"gauge_all_77-0.db", "g{pid=\"77\"}"},
		{"gauge_liveall_-0.db", "l{pid=\"\"}"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		file_begin();
		entry(i < 5 ? "[\"g\",\"g\",[],[]]" : "[\"l\",\"l\",[\"pid\"],[\"7\"]]", (double)i);
		tick();
		file_write(rows[i].file, 4096);
	}
	struct muster_region *region = importing(files);
	for (size_t i = 1; i < sizeof rows / sizeof *rows; i++)
		if (i != 5)
			assert_true(value(region, rows[i].sample) == (double)i);
	assert_true(isnan(value(region, rows[5].sample))); /* nobody has it open: it is dead */
	muster_region_destroy(&region);
}

int main(void)
{
#define ONE(test) cmocka_unit_test_setup_teardown(test, files_setup, files_teardown)
	const struct CMUnitTest tests[] = {
		ONE(golden_files_are_read),
		ONE(labels_are_on_the_page_as_text),
		ONE(buckets_in_any_order_are_cumulative_already),
		ONE(missing_buckets_are_nothing_observed),
		ONE(series_of_a_file_may_lack_others_buckets),
		ONE(half_an_observation_is_one),
		ONE(the_same_key_again_and_again_takes_no_time),
		ONE(identifiers_are_as_the_library_has_them),
	};

	return cmocka_run_group_tests_name("import_mmap", tests, NULL, NULL);
}
