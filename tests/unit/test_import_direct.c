/* SPDX-License-Identifier: Apache-2.0 */
/* Files of client_ruby's DirectFileStore, and the schema that says what they do not. */
#include "folding.h"
#include "importing.h"

static struct muster_region *reading(const char *schema, const char *path, int compact)
{
	struct muster_region *region = reader_open();
	char name[PATH_MAX + 64];

	if (schema) {
		(void)snprintf(name, sizeof name, "%s/schema", support_region);
		FILE *file = fopen(name, "we");
		assert_non_null(file);
		(void)fputs(schema, file);
		assert_int_equal(fclose(file), 0);
		assert_int_equal(muster_region_import_schema(region, name), 0);
	}
	if (compact)
		assert_int_equal(muster__region_lock(region), 0);
	assert_int_equal(muster_region_import(region, path, compact), 0);
	assert_int_equal(muster_region_refresh(region), 0);
	return region;
}

static double dropped(struct muster_region *region, const char *reason)
{
	char sample[80];

	(void)snprintf(sample, sizeof sample, "muster_dropped_families_total{reason=\"%s\"}", reason);
	return value(region, sample);
}

static void golden_files_are_read(void **state)
{
	char golden[PATH_MAX];

	(void)state;
	assert_non_null(realpath("tests/golden/client_ruby", golden));
	struct muster_region *region = reading("# TYPE m gauge\n# AGGREGATION m most_recent\n# HELP h \\\\Help\\nof h.\n"
	                                       "# TYPE h histogram\nh_bucket{k=\"}\\\",le=\\\"9\",le=\"1.0\"} 3\n"
	                                       "h_bucket{le=\"0.5\"} 3\nh_bucket{le=\"+Inf\"} 3\n",
	                                       golden, 0);
	assert_int_equal(told.count, 0);
	assert_true(value(region, "c_total{a=\"\xc3\xbc&=\\n\",b=\"x y\"}") == 2.5);
	assert_true(value(region, "g{k=\"v\",pid=\"42\"}") == 7);
	assert_true(value(region, "m") == 4);
	assert_true(value(region, "h_bucket{k=\"v\",le=\"0.5\"}") == 0);
	assert_true(value(region, "h_bucket{k=\"v\",le=\"1.0\"}") == 1);
	assert_true(value(region, "h_count{k=\"v\"}") == 3);
	assert_true(value(region, "h_sum{k=\"v\"}") == 0.5);
	assert_true(value(region, "s_count") == 1);
	assert_true(value(region, "s_sum") == 3);
	const char *text;
	size_t count;
	assert_int_equal(muster_region_text(region, &text, &count), 0);
	assert_non_null(memmem(text, count, "# HELP h \\\\Help\\nof h.\n", 21));
	muster_region_destroy(&region);
}

/* Without a schema: what can be told, with the library's own bounds; the rest is left out and counted. */
static void what_can_be_told_is_shown_without_a_schema(void **state)
{
	char golden[PATH_MAX];

	(void)state;
	assert_non_null(realpath("tests/golden/client_ruby", golden));
	struct muster_region *region = reading(NULL, golden, 0);
	assert_true(value(region, "c_total{a=\"\xc3\xbc&=\\n\",b=\"x y\"}") == 2.5);
	assert_true(value(region, "g{k=\"v\",pid=\"42\"}") == 7);
	assert_true(isnan(value(region, "m")));
	assert_true(value(region, "h_bucket{k=\"v\",le=\"0.005\"}") == 0);
	assert_true(value(region, "h_bucket{k=\"v\",le=\"1.0\"}") == 1);
	assert_true(value(region, "s_sum") == 3);
	assert_true(dropped(region, "invalid") == 1);
	muster_region_destroy(&region);
}

/* ---- by hand ------------------------------------------------------------------------------ */

static void query_time(const char *query, double x, double time)
{
	uint32_t n = (uint32_t)strlen(query), whole = n + 8 - (n + 4) % 8;

	memcpy(bytes + used, &whole, sizeof whole);
	memcpy(bytes + used + 4, query, n);
	memset(bytes + used + 4 + n, ' ', whole - n);
	memcpy(bytes + used + 4 + whole, &x, sizeof x);
	memcpy(bytes + used + 12 + whole, &time, sizeof time);
	used += 4 + whole + 16;
}

static void query(const char *text, double x)
{
	query_time(text, x, 1);
}

static void aggregations_are_those_of_the_schema(void **state)
{
	static const char *const modes[] = {"sum", "max", "min", "most_recent"};
	static const double wanted[] = {6, 3, 1, 1};
	char schema[400] = "", name[64];

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		(void)snprintf(schema + strlen(schema), sizeof schema - strlen(schema),
		               "# TYPE g_%s gauge\n# AGGREGATION g_%s %s\n", modes[i], modes[i], modes[i]);
		for (int pid = 1; pid <= 3; pid++) {
			file_begin();
			query_time("", pid, 9 - pid);
			(void)snprintf(name, sizeof name, "metric_g_%s___%d.bin", modes[i], pid);
			file_write(name, 4096);
		}
	}
	struct muster_region *region = reading(schema, files, 1);
	for (int round = 0; round < 2; round++) { /* and from the ledger */
		for (size_t i = 0; i < 4; i++) {
			(void)snprintf(name, sizeof name, "g_%s", modes[i]);
			assert_true(value(region, name) == wanted[i]);
		}
		assert_int_equal(fold(region), round == 0 ? 12 : 0);
		assert_int_equal(muster_region_refresh(region), 0);
	}
	muster_region_destroy(&region);
}

static void the_earlier_format_has_no_time(void **state)
{
	(void)state;
	file_begin();
	entry("a=1", 5); /* its length is without the spaces: rewritten */
	uint32_t whole = 4;
	memcpy(bytes + 8, &whole, sizeof whole);
	file_write("metric_c_total___1.bin", 4096);
	struct muster_region *region = reading(NULL, files, 0);
	assert_true(value(region, "c_total{a=\"1\"}") == 5);
	muster_region_destroy(&region);
}

static void buckets_that_the_schema_does_not_have_are_a_conflict(void **state)
{
	(void)state;
	file_begin();
	query("k=a&le=0.2", 1);
	query("k=b&le=1", 1);
	query("k=b&le=sum", 7);
	file_write("metric_h___1.bin", 4096);
	struct muster_region *region = reading("# TYPE h histogram\n", files, 0);
	assert_true(isnan(value(region, "h_count{k=\"a\"}")));
	assert_true(value(region, "h_count{k=\"b\"}") == 1);
	assert_true(dropped(region, "conflict") == 1);
	query("k=b&le=0.005", 2); /* a bucket more */
	file_rewrite("metric_h___1.bin", 4096);
	assert_int_equal(muster_region_refresh(region), 0);
	assert_true(value(region, "h_bucket{k=\"b\",le=\"0.005\"}") == 2);
	assert_true(value(region, "h_count{k=\"b\"}") == 3);
	assert_true(dropped(region, "conflict") == 1);
	muster_region_destroy(&region);
}

static void a_metric_may_have_underscores_and_colons(void **state)
{
	(void)state;
	file_begin();
	query("", 3);
	file_write("metric_ns:a____b_total___1.bin", 4096);
	struct muster_region *region = reading(NULL, files, 0);
	assert_true(value(region, "ns:a____b_total") == 3);
	muster_region_destroy(&region);
}

static void keys_that_are_no_queries_are_counted(void **state)
{
	static const char *const keys[] = {"a", "=1&", "a=%0", "a=%00", "a=1&", "__a=1", "le=1", "a=\"%ff"};

	(void)state;
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		file_begin();
		query(keys[i], 1);
		file_write("metric_c_total___1.bin", 4096);
		struct muster_region *region = reading("# TYPE c_total counter\n", files, 0);
		assert_int_equal(told.count, 0);
		assert_true(dropped(region, "invalid") + dropped(region, "conflict") == 1);
		muster_region_destroy(&region);
	}
}

static void a_schema_that_is_none_is_refused_with_its_line(void **state)
{
	static const struct {
		const char *text, *sentence;
	} rows[] = {
		{"\n# TYPE x banana\n", "line 2: x: \"banana\" is no type"},
		{"# TYPE 1x gauge\n", "line 1: # TYPE: \"1x\" is no name of a metric"},
		{"# AGGREGATION x average\n", "line 1: x: \"average\" is no aggregation"},
		{"# TYPE x counter\n# AGGREGATION x max\n", "x: only a gauge"},
	};
	char name[PATH_MAX + 64];

	(void)state;
	struct muster_region *region = reader_open();
	(void)snprintf(name, sizeof name, "%s/schema", files);
	assert_int_equal(muster_region_import_schema(region, name), -ENOENT);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		FILE *file = fopen(name, "we");
		(void)fputs(rows[i].text, file);
		assert_int_equal(fclose(file), 0);
		assert_int_equal(muster_region_import_schema(region, name), MUSTER_EOPTION);
		assert_non_null(strstr(muster_error_message(), rows[i].sentence));
	}
	muster_region_destroy(&region);
}

int main(void)
{
#define ONE(test) cmocka_unit_test_setup_teardown(test, files_setup, files_teardown)
	const struct CMUnitTest tests[] = {
		ONE(golden_files_are_read),
		ONE(what_can_be_told_is_shown_without_a_schema),
		ONE(aggregations_are_those_of_the_schema),
		ONE(the_earlier_format_has_no_time),
		ONE(buckets_that_the_schema_does_not_have_are_a_conflict),
		ONE(a_metric_may_have_underscores_and_colons),
		ONE(keys_that_are_no_queries_are_counted),
		ONE(a_schema_that_is_none_is_refused_with_its_line),
	};

	return cmocka_run_group_tests_name("import_direct", tests, NULL, NULL);
}
