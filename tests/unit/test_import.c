/* SPDX-License-Identifier: Apache-2.0 */
/* Files of prometheus_client: of its later format, of its earliest, and of nobody's. */
#include "importing.h"

static void golden_files_are_read(void **state)
{
	char golden[PATH_MAX];

	(void)state;
	assert_non_null(realpath("tests/golden/client_python", golden));
	struct muster_region *region = importing(golden);
	assert_int_equal(told.count, 0);
	assert_true(value(region, "c_total{a=\"\xc3\xbc\\n\\\"\xf0\x9f\x98\x80\",b=\"x\"}") == 2.5);
	assert_true(value(region, "g") == 7);
	assert_true(value(region, "h_bucket{le=\"0.1\"}") == 0);
	assert_true(value(region, "h_bucket{le=\"1.0\"}") == 1);
	assert_true(value(region, "h_bucket{le=\"5e+06\"}") == 1);
	assert_true(value(region, "h_bucket{le=\"+Inf\"}") == 1);
	assert_true(value(region, "h_sum") == 0.5);
	assert_true(value(region, "h_count") == 1);
	assert_true(value(region, "s_count") == 1);
	assert_true(value(region, "s_sum") == 3);
	muster_region_destroy(&region);
}

static void keys_without_help_are_the_earliest_format(void **state)
{
	(void)state;
	file_begin();
	entry("[\"c\", \"c_total\", {}]", 3);
	entry("[\"d\", \"d_total\", {\"l\": \"v\"}, \"\"]", 4);
	file_write("counter_1.db", 4096);
	struct muster_region *region = importing(files);
	assert_true(value(region, "c_total") == 3);
	assert_true(value(region, "d_total{l=\"v\"}") == 4);
	muster_region_destroy(&region);
}

static void names_of_utf_8_are_names(void **state)
{
	const char *page;
	size_t count;

	(void)state;
	file_begin();
	entry("[\"a.b\", \"a.b_total\", {\"caf\\u00e9\": \"v\"}, \"h\"]", 3);
	file_write("counter_1.db", 4096);
	struct muster_region *region = importing(files);
	assert_int_equal(muster_region_write(region, MUSTER_FORMAT_JSON, MUSTER_ESCAPING_DOTS, NULL, &page, &count), 0);
	char *copy = strndup(page, count);
	assert_non_null(strstr(copy, "\"name\":\"a.b_total\""));
	assert_non_null(strstr(copy, "{\"labels\":{\"caf\xc3\xa9\":\"v\"},\"value\":3,"));
	free(copy);
	muster_region_destroy(&region);
}

static void what_no_family_could_be_is_left_out_and_counted(void **state)
{
	static const char *const keys[] = {
		"[\"a\", \"a\xc3_total\", {}, \"h\"]",
		"[\"b\", \"b_total\", {\"__x\": \"v\"}, \"h\"]",
		"[\"c\", \"c_total\", {\"l\": \"\\ud800\"}, \"h\"]",
		"[\"d\", \"d_total\", {\"le\": \"1\"}, \"h\"]",
		"[\"e\", \"e_total\", {\"l\": 1}, \"h\"]",
		"[\"f\", \"f_total\", [\"l\"], [\"v\"]]",
	};

	(void)state;
	file_begin();
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		entry(keys[i], 1);
	entry("[\"good\", \"good_total\", {}, \"h\"]", 5);
	file_write("counter_1.db", 4096);
	struct muster_region *region = importing(files);
	assert_int_equal(told.count, 0);
	assert_true(value(region, "good_total") == 5);
	assert_true(value(region, "muster_dropped_families_total{reason=\"invalid\"}") == sizeof keys / sizeof *keys);
	assert_true(value(region, "muster_dropped_families_total{reason=\"conflict\"}") == 0);
	muster_region_destroy(&region);
}

static void a_histogram_is_shown_when_it_is_complete(void **state)
{
	(void)state;
	file_begin();
	entry("[\"h\", \"h_sum\", {}, \"h\"]", 1.5);
	entry("[\"h\", \"h_bucket\", {\"le\": \"1.0\"}, \"h\"]", 1);
	file_write("histogram_1.db", 4096);
	struct muster_region *region = importing(files);
	assert_true(isnan(value(region, "h_count")));
	entry("[\"h\", \"h_bucket\", {\"le\": \"+Inf\"}, \"h\"]", 2);
	memcpy(bytes, &used, sizeof used);
	char path[PATH_MAX + 64];
	(void)snprintf(path, sizeof path, "%s/histogram_1.db", files);
	int fd = open(path, O_WRONLY);
	assert_int_equal(pwrite(fd, bytes, 4096, 0), 4096);
	assert_int_equal(muster_region_refresh(region), 0);
	assert_true(value(region, "h_count") == 3);
	assert_true(value(region, "h_bucket{le=\"1.0\"}") == 1);
	close(fd);
	muster_region_destroy(&region);
}

static void other_bounds_in_one_file_are_left_out(void **state)
{
	(void)state;
	file_begin();
	for (int i = 1; i <= 2; i++) {
		char key[64];
		(void)snprintf(key, sizeof key, "[\"h\", \"h_sum\", {\"l\": \"%d\"}, \"h\"]", i);
		entry(key, 1);
		(void)snprintf(key, sizeof key, "[\"h\", \"h_bucket\", {\"l\": \"%d\", \"le\": \"%d.0\"}, \"h\"]", i, i);
		entry(key, 1);
		(void)snprintf(key, sizeof key, "[\"h\", \"h_bucket\", {\"l\": \"%d\", \"le\": \"+Inf\"}, \"h\"]", i);
		entry(key, 1);
	}
	file_write("histogram_1.db", 4096);
	struct muster_region *region = importing(files);
	assert_true(value(region, "h_count{l=\"1\"}") == 2);
	assert_true(isnan(value(region, "h_count{l=\"2\"}")));
	assert_true(value(region, "muster_dropped_families_total{reason=\"conflict\"}") == 1);
	muster_region_destroy(&region);
}

static void files_that_lie_are_quarantined(void **state)
{
	(void)state;
	file_begin();
	entry("[\"c\", \"c_total\", {}, \"h\"]", 3);
	uint32_t good = used;
	file_write("counter_1.db", 4096);
	file_write("counter_2.db", good - 8); /* cut off */
	used += 24;
	file_write("counter_3.db", 4096); /* something behind the last entry */
	used = 0x7ffffff8;
	file_write("counter_4.db", 4096);
	used = good;
	bytes[8] = 0xff; /* a key longer than the file */
	file_write("counter_5.db", 4096);
	struct muster_region *region = importing(files);
	assert_int_equal(told.count, 4);
	assert_true(value(region, "c_total") == 3);
	muster_region_destroy(&region);
}

static void a_file_that_shrinks_takes_nobody_with_it(void **state)
{
	char path[PATH_MAX + 64];

	(void)state;
	assert_int_equal(muster_guard_install(), 0);
	file_begin();
	entry("[\"c\", \"c_total\", {}, \"h\"]", 3);
	file_write("counter_1.db", 8192);
	file_write("counter_2.db", 8192);
	struct muster_region *region = importing(files);
	assert_true(value(region, "c_total") == 6);
	(void)snprintf(path, sizeof path, "%s/counter_2.db", files);
	assert_int_equal(truncate(path, 0), 0);
	assert_int_equal(muster_region_refresh(region), 0);
	assert_int_equal(told.reason, MUSTER_QUARANTINE_SHRUNK);
	assert_true(value(region, "c_total") == 3);
	muster_region_destroy(&region);
}

static void a_long_file_is_read_piece_by_piece(void **state)
{
	char key[200];
	int count = 0;

	(void)state;
	for (file_begin(); used < (5 << 19); count++) {
		(void)snprintf(key, sizeof key, "[\"c\", \"c_total\", {\"l\": \"%0*d\"}, \"h\"]", 10 + count % 100, count);
		entry(key, count);
	}
	file_write("counter_1.db", sizeof bytes);
	uint32_t good = used;
	file_write("counter_2.db", sizeof bytes);
	used = good + 24; /* and something behind the last entry, two pieces on */
	file_write("counter_3.db", sizeof bytes);
	struct muster_region *region = importing(files);
	assert_int_equal(told.count, 1);
	for (int i = 0; i < count; i += 997) {
		(void)snprintf(key, sizeof key, "c_total{l=\"%0*d\"}", 10 + i % 100, i);
		assert_true(value(region, key) == 2 * i);
	}
	muster_region_destroy(&region);
}

/* Who begins more than any process does at once, gets no time and no memory for it. */
static void what_never_becomes_complete_is_quarantined(void **state)
{
	char key[100];

	(void)state;
	file_begin();
	for (int i = 0; i < 20000; i++) {
		(void)snprintf(key, sizeof key, "[\"h\", \"h_sum\", {\"l\": \"%d\"}, \"h\"]", i);
		entry(key, 1);
	}
	file_write("histogram_1.db", sizeof bytes);
	struct muster_region *region = importing(files);
	assert_int_equal(told.count, 1);
	assert_int_equal(told.reason, MUSTER_QUARANTINE_BUDGET);
	muster_region_destroy(&region);
}

/* ---- between two looks of the reader ------------------------------------------------------ */

/* What another process does after the reader has asked how long the file is; or NULL. */
static void (*behind_fstat)(void);

int __real_fstat(int fd, struct stat *out);
int __wrap_fstat(int fd, struct stat *out);
int __wrap_fstat(int fd, struct stat *out)
{
	int rc = __real_fstat(fd, out);

	if (behind_fstat && S_ISREG(out->st_mode) && out->st_size == 4096) {
		behind_fstat();
		behind_fstat = NULL;
	}
	return rc;
}

/* As the library does: the file gets twice as long, then its entries, then the word that says so. */
static void counter_1_doubles(void)
{
	file_begin();
	for (int i = 0; i < 100; i++) {
		char key[64];
		(void)snprintf(key, sizeof key, "[\"c\", \"c_total\", {\"l\": \"%d\"}, \"a longer help\"]", i);
		entry(key, i);
	}
	assert_in_range(used, 4096, 8192);
	file_rewrite("counter_1.db", 8192);
}

static void a_file_that_grows_while_it_is_read_is_read(void **state)
{
	(void)state;
	file_begin();
	entry("[\"c\", \"c_total\", {\"l\": \"0\"}, \"a longer help\"]", 1);
	file_write("counter_1.db", 4096);
	struct muster_region *region = importing(files);
	behind_fstat = counter_1_doubles;
	assert_int_equal(muster_region_refresh(region), 0);
	assert_null(behind_fstat);
	assert_int_equal(told.count, 0);
	assert_true(value(region, "c_total{l=\"99\"}") == 99);
	muster_region_destroy(&region);
}

static const char *cut_name;

static void file_is_cut(void)
{
	char path[PATH_MAX + 64];

	(void)snprintf(path, sizeof path, "%s/%s", files, cut_name);
	assert_int_equal(truncate(path, 0), 0);
}

/* Cut off behind the question how long it is: when it is first read, when it has grown and is gathered again, and when
 * only its values are read. */
static void a_file_that_is_cut_while_it_is_read_is_quarantined(void **state)
{
	static const char *const names[] = {"counter_1.db", "histogram_1-0.db", "metric_h___1.bin"};

	(void)state;
	assert_int_equal(muster_guard_install(), 0);
	for (int i = 0; i < 9; i++) {
		const char *key = i % 3 ? "[\"h\",\"h_sum\",[],[]]" : "[\"c\", \"c_total\", {}, \"h\"]";
		cut_name = names[i % 3];
		file_begin();
		entry(i % 3 == 2 ? "le=sum" : key, 1);
		if (i % 3 == 2)
			memcpy(bytes + 8, &(uint32_t){12}, 4); /* the key of client_ruby counts its spaces */
		file_write(cut_name, 4096);
		if (i >= 3) {
			struct muster_region *region = importing(files);
			assert_int_equal(told.count, 0);
			if (i < 6 && i % 3 == 1)
				entry("[\"h\",\"h_count\",[],[]]", 1);
			file_rewrite(cut_name, 4096);
			behind_fstat = file_is_cut;
			assert_int_equal(muster_region_refresh(region), 0);
			assert_int_equal(told.reason, MUSTER_QUARANTINE_SHRUNK);
			muster_region_destroy(&region);
		} else {
			behind_fstat = file_is_cut;
			struct muster_region *region = importing(files);
			assert_true(isnan(value(region, i % 3 ? "h_sum" : "c_total")));
			muster_region_destroy(&region);
		}
		assert_null(behind_fstat);
		assert_int_equal(files_teardown(state), 0);
		assert_int_equal(files_setup(state), 0);
	}
}

/* Any bytes, changed here and there: read to the end, or refused. */
static void changed_bytes_are_read_or_refused(void **state)
{
	static const char *const names[] = {"counter_1.db", "histogram_1.db", "summary_1.db", "gauge_all_1.db"};

	(void)state;
	srand(1);
	for (int round = 0; round < 400; round++) {
		file_begin();
		entry("[\"h\", \"h_sum\", {\"a\": \"\\u00fc\\\"\"}, \"help\"]", 1);
		entry("[\"h\", \"h_bucket\", {\"a\": \"\\u00fc\\\"\", \"le\": \"1.0\"}, \"help\"]", 1);
		entry("[\"h\", \"h_bucket\", {\"a\": \"\\u00fc\\\"\", \"le\": \"+Inf\"}, \"help\"]", 1);
		entry("[\"h\", \"h_count\", {\"a\": \"\\u00fc\\\"\"}, \"help\"]", 1);
		for (int i = rand() % 6; i > 0; i--)
			bytes[8 + (uint32_t)rand() % (used - 8)] = (unsigned char)rand();
		if (rand() % 8 == 0)
			used = (uint32_t)rand() % 5000;
		file_write(names[round % 4], 4096);
		struct muster_region *region = importing(files);
		const char *text;
		size_t count;
		assert_int_equal(muster_region_text(region, &text, &count), 0);
		muster_region_destroy(&region);
	}
}

int main(void)
{
#define ONE(test) cmocka_unit_test_setup_teardown(test, files_setup, files_teardown)
	const struct CMUnitTest tests[] = {
		ONE(golden_files_are_read),
		ONE(keys_without_help_are_the_earliest_format),
		ONE(names_of_utf_8_are_names),
		ONE(what_no_family_could_be_is_left_out_and_counted),
		ONE(a_histogram_is_shown_when_it_is_complete),
		ONE(other_bounds_in_one_file_are_left_out),
		ONE(files_that_lie_are_quarantined),
		ONE(a_file_that_shrinks_takes_nobody_with_it),
		ONE(a_long_file_is_read_piece_by_piece),
		ONE(what_never_becomes_complete_is_quarantined),
		ONE(a_file_that_grows_while_it_is_read_is_read),
		ONE(a_file_that_is_cut_while_it_is_read_is_quarantined),
		ONE(changed_bytes_are_read_or_refused),
	};

	return cmocka_run_group_tests_name("import", tests, NULL, NULL);
}
