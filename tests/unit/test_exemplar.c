/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exemplars: what is refused, what the page shows, whose stands, and that an update counts in any case.
 */
#include "exemplars.h"
#include "shm/text_render.h"

#define TRACE "4bf92f3577b34da6a3ce929d0e0e4736"
#define SPAN "00f067aa0ba902b7"

/* ---- the page ----------------------------------------------------------------------------- */

static void each_counter_and_bucket_shows_its_latest_exemplar(void **state)
{
	(void)state;
	struct muster_exemplar e = {0};
	muster_real_counter r = muster_real_counter_with(declare_some(MUSTER_REAL_COUNTER, "r_total", true, false));

	count("a", 3);
	count("b", 4);
	assert_int_equal(muster_exemplar_trace(&e, TRACE, SPAN), 0);
	muster_real_counter_add_with_exemplar(r, 0.25, &e);
	observe("low", 1);
	observe("middle", 1.5);
	observe("high", 7);
	char *page = scrape_as(MUSTER_FORMAT_OPENMETRICS);
	assert_string_equal(exemplar_in(page, "c_total"), " # {trace_id=\"b\"} 4");
	assert_string_equal(exemplar_in(page, "r_total"), " # {trace_id=\"" TRACE "\",span_id=\"" SPAN "\"} 0.25");
	assert_string_equal(exemplar_in(page, "h_bucket{le=\"1.0\"}"), " # {trace_id=\"low\"} 1");
	assert_string_equal(exemplar_in(page, "h_bucket{le=\"2.0\"}"), " # {trace_id=\"middle\"} 1.5");
	assert_string_equal(exemplar_in(page, "h_bucket{le=\"+Inf\"}"), " # {trace_id=\"high\"} 7");
	assert_string_equal(exemplar_in(page, "h_count"), "");
	assert_true(value_in(page, "c_total") == 7 && value_in(page, "h_count") == 3);
	free(page);
}

static void text_0_0_4_has_none_and_json_has_all(void **state)
{
	(void)state;
	count("a", 3);
	observe("middle", 1.5);
	char *page = scrape_as(MUSTER_FORMAT_TEXT);
	assert_null(strstr(page, "trace_id"));
	free(page);
	page = scrape_as(MUSTER_FORMAT_JSON);
	assert_non_null(strstr(page, "\"value\":3,\"exemplar\":{\"labels\":{\"trace_id\":\"a\"},\"value\":3,\"time\":"));
	assert_non_null(
		strstr(page, "\"exemplars\":{\"2.0\":{\"labels\":{\"trace_id\":\"middle\"},\"value\":1.5,\"time\":"));
	free(page);
}

static void the_time_is_that_of_the_update(void **state)
{
	(void)state;
	uint64_t before = muster__unix_ns() / 1000000;
	count("a", 1);
	uint64_t after = muster__unix_ns() / 1000000;
	char *page = scrape_as(MUSTER_FORMAT_OPENMETRICS);
	double ms = strtod(strstr(page, "\"} 1 ") + 5, NULL) * 1e3;

	assert_true(ms >= (double)before - 0.5 && ms <= (double)after + 0.5);
	free(page);
}

static void values_are_escaped(void **state)
{
	struct muster_exemplar e = {0};

	(void)state;
	assert_int_equal(muster_exemplar_label(&e, "path", muster_str("C:\\\"x\"\ny")), 0);
	muster_counter_add_with_exemplar(muster_counter_with(declare_some(MUSTER_COUNTER, "c_total", true, false)), 1, &e);
	assert_exemplar("c_total", " # {path=\"C:\\\\\\\"x\\\"\\ny\"} 1");
}

/* A sanitizer sees one byte more. */
static void the_longest_exemplar_fits_its_room(void **state)
{
	struct muster__view_exemplar e = {.value = -2.2250738585072014e-308, .time_ns = UINT64_MAX};
	char *room = malloc(MUSTER__TEXT_EXEMPLAR_MAX);

	(void)state;
	for (; e.bytes + 4 <= MUSTER_EXEMPLAR_BYTES_MAX; e.bytes += 4)
		memcpy(e.labels + e.bytes, "\1a\1\"", 4);
	const char *end = muster__text_exemplar(room, &e);
	assert_true(end <= room + MUSTER__TEXT_EXEMPLAR_MAX);
	const char last[] = ",a=\"\\\"\"} -2.2250738585072014e-308 18446744073.709\n";
	assert_memory_equal(end - (sizeof last - 1), last, sizeof last - 1);
	free(room);
}

/* Where OpenMetrics may not call it a counter, it may not have an exemplar either. */
static void a_counter_of_unknown_type_has_none(void **state)
{
	(void)state;
	count("a", 1);
	(void)muster_gauge_with(declare(MUSTER_GAUGE, MUSTER_MAX, "c", NULL));
	assert_exemplar("c_total", "");
}

/* ---- what is refused ---------------------------------------------------------------------- */

static void only_counters_and_histograms_can_have_them(void **state)
{
	struct muster_family *family = NULL;
	struct muster_opts o = {.name = "g", .help = "Help.", .mode = MUSTER_MAX, .exemplars = true};

	(void)state;
	assert_int_equal(muster_declare(MUSTER_GAUGE, &o, &family), MUSTER_EEXEMPLAR);
	o.mode = 0;
	assert_int_equal(muster_declare(MUSTER_SUMMARY, &o, &family), MUSTER_EEXEMPLAR);
	assert_int_equal(muster_declare(MUSTER_IN_FLIGHT, &o, &family), MUSTER_EEXEMPLAR);
	assert_null(family);
}

static void labels_are_checked(void **state)
{
	static const char *const names[] = {"", "1a", "a-b", "a.b", "__a", "a:b", "\xc3\xa4", "trace_id"};

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct muster_exemplar e = traced("a");
		assert_int_equal(muster_exemplar_label(&e, names[i], muster_str("v")), MUSTER_EEXEMPLAR);
	}
	struct muster_exemplar e = {0};
	assert_int_equal(muster_exemplar_label(&e, NULL, muster_str("v")), MUSTER_EEXEMPLAR);
	assert_int_equal(muster_exemplar_label(&e, "a", muster_str("\xff")), MUSTER_EEXEMPLAR);
	assert_int_equal(muster_exemplar_label(&e, "a", (struct muster_str){"a\0b", 3}), MUSTER_EEXEMPLAR);
}

/* `code_points` characters of `bytes` bytes each. */
static struct muster_str text_of(size_t code_points, size_t bytes)
{
	static char text[1024];
	static const char *const chars[] = {"", "x", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x90\xa7"};

	for (size_t i = 0; i < code_points; i++)
		memcpy(text + i * bytes, chars[bytes], bytes);
	return (struct muster_str){text, code_points * bytes};
}

static void labels_are_bounded_in_code_points_and_bytes(void **state)
{
	static const struct {
		size_t code_points, bytes;
		int rc;
	} rows[] = {{126, 1, 0}, {127, 1, MUSTER_EEXEMPLAR}, {78, 2, 0}, {79, 2, MUSTER_EEXEMPLAR},
	            {39, 4, 0},  {40, 4, MUSTER_EEXEMPLAR}};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct muster_exemplar e = {0};
		assert_int_equal(muster_exemplar_label(&e, "ab", text_of(rows[i].code_points, rows[i].bytes)), rows[i].rc);
	}
	struct muster_exemplar e = {0};
	assert_int_equal(muster_exemplar_label(&e, "a", text_of(100, 1)), 0);
	assert_int_equal(muster_exemplar_label(&e, "b", text_of(26, 1)), 0);
	assert_int_equal(muster_exemplar_label(&e, "c", text_of(0, 1)), MUSTER_EEXEMPLAR);
	assert_non_null(strstr(muster_error_message(), "129 code points"));
}

static void a_bad_exemplar_is_counted_and_its_update_too(void **state)
{
	muster_counter c = muster_counter_with(declare_some(MUSTER_COUNTER, "c_total", true, false));
	struct muster_exemplar invalid = traced("a"), longest = traced("a"), none = {0};

	(void)state;
	(void)muster_exemplar_label(&invalid, "a-b", muster_str("v"));
	(void)muster_exemplar_label(&longest, "a", text_of(200, 1));
	muster_counter_inc_with_exemplar(c, &invalid);
	muster_counter_inc_with_exemplar(c, &longest);
	muster_counter_inc_with_exemplar(c, &longest);
	muster_counter_inc_with_exemplar(c, &none);
	muster_counter_inc_with_exemplar(c, NULL);
	assert_true(value_of("c_total") == 5);
	assert_dropped("invalid", 1);
	assert_dropped("too_long", 2);
	assert_dropped("no_place", 0);
	assert_exemplar("c_total", "");
}

static void a_family_that_did_not_ask_has_no_place(void **state)
{
	struct muster_exemplar e = traced("a");

	(void)state;
	muster_counter_inc_with_exemplar(muster_counter_with(declare_some(MUSTER_COUNTER, "c_total", false, false)), &e);
	muster_histogram_observe_with_exemplar(muster_histogram_with(declare_some(MUSTER_HISTOGRAM, "h", false, false)), 1,
	                                       &e);
	muster_counter_inc_with_exemplar((muster_counter){0}, &e);
	muster_histogram_observe_with_exemplar((muster_histogram){0}, 1, &e);
	assert_true(value_of("c_total") == 1 && value_of("h_count") == 1);
	assert_dropped("no_place", 4);
}

static void an_update_that_is_refused_leaves_no_exemplar(void **state)
{
	struct muster_exemplar e = traced("a");
	muster_counter c = muster_counter_with(declare_some(MUSTER_COUNTER, "c_total", true, false));
	muster_real_counter r = muster_real_counter_with(declare_some(MUSTER_REAL_COUNTER, "r_total", true, false));
	muster_histogram h = muster_histogram_with(declare_some(MUSTER_HISTOGRAM, "h", true, false));

	(void)state;
	muster_counter_add_with_exemplar(c, UINT64_MAX, &e);
	muster_real_counter_add_with_exemplar(r, -1, &e);
	muster_real_counter_add_with_exemplar(r, INFINITY, &e);
	muster_histogram_observe_with_exemplar(h, NAN, &e);
	muster_histogram_observe_with_exemplar(h, INFINITY, &e);
	char *page = scrape_as(MUSTER_FORMAT_OPENMETRICS);
	assert_null(strstr(page, "trace_id"));
	assert_true(value_in(page, "h_bucket{le=\"+Inf\"}") == 2);
	free(page);
}

/* ---- traceparent -------------------------------------------------------------------------- */

static void traceparent_is_read_as_w3c_says(void **state)
{
	static const struct {
		const char *header;
		int rc;
		bool labels;
	} rows[] = {
		{"00-" TRACE "-" SPAN "-01", 0, true},
		{"00-" TRACE "-" SPAN "-ff", 0, true},
		{"00-" TRACE "-" SPAN "-00", 0, false}, /* not sampled */
		{"00-" TRACE "-" SPAN "-02", 0, false},
		{"", 0, false},
		{"cc-" TRACE "-" SPAN "-01", 0, true}, /* a later version */
		{"cc-" TRACE "-" SPAN "-01-what-the-future-will-be-like", 0, true},
		{"cc-" TRACE "-" SPAN "-01.what-the-future-will-not", MUSTER_EEXEMPLAR, false},
		{"00-" TRACE "-" SPAN "-01-", MUSTER_EEXEMPLAR, false},
		{"ff-" TRACE "-" SPAN "-01", MUSTER_EEXEMPLAR, false},
		{"0x-" TRACE "-" SPAN "-01", MUSTER_EEXEMPLAR, false},
		{"00-" TRACE "-" SPAN "-1", MUSTER_EEXEMPLAR, false},
		{"00-" TRACE "-" SPAN "-0g", MUSTER_EEXEMPLAR, false},
		{"00-" TRACE "_" SPAN "-01", MUSTER_EEXEMPLAR, false},
		{"00_" TRACE "-" SPAN "-01", MUSTER_EEXEMPLAR, false},
		{"00-" TRACE "-" SPAN "_01", MUSTER_EEXEMPLAR, false},
		{"00-4BF92F3577B34DA6A3CE929D0E0E4736-" SPAN "-01", MUSTER_EEXEMPLAR, false},
		{"00-00000000000000000000000000000000-" SPAN "-01", MUSTER_EEXEMPLAR, false},
		{"00-" TRACE "-0000000000000000-01", MUSTER_EEXEMPLAR, false},
		{"00-" TRACE, MUSTER_EEXEMPLAR, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct muster_exemplar e = {0}, expected = {0};
		int rc = muster_exemplar_traceparent(&e, muster_str(rows[i].header));
		if (rows[i].labels)
			assert_int_equal(muster_exemplar_trace(&expected, TRACE, SPAN), 0);
		if (rc != rows[i].rc || memcmp(e.labels, expected.labels, sizeof e.labels) != 0 || e.bytes != expected.bytes)
			fail_msg("\"%s\": returned %d", rows[i].header, rc);
	}
}

/* ---- whose stands ------------------------------------------------------------------------- */

static void the_newest_of_all_workers_stands(void **state)
{
	(void)state;
	pid_t first = worker_start(count_a, "first"), second = worker_start(count_a, "second");

	assert_exemplar("c_total", " # {trace_id=\"second\"} 1");
	count("third", 1);
	assert_exemplar("c_total", " # {trace_id=\"third\"} 1");
	worker_kill(first);
	worker_kill(second);
	assert_exemplar("c_total", " # {trace_id=\"third\"} 1");
}

static void observe_two(void *arg)
{
	observe(arg, 0.5);
	observe(arg, 5);
}

static void those_of_the_dead_are_folded(void **state)
{
	struct muster_region *region;

	(void)state;
	worker_live_and_die(count_a, "dead");
	worker_live_and_die(observe_two, "old");
	region = master();
	assert_int_equal(fold(region), 2);
	worker_live_and_die(observe_two, "new");
	assert_int_equal(muster_region_refresh(region), 0);
	assert_int_equal(fold(region), 1);
	assert_int_equal(files_named("slab."), 0);
	char *page = scrape_as(MUSTER_FORMAT_OPENMETRICS);
	assert_string_equal(exemplar_in(page, "c_total"), " # {trace_id=\"dead\"} 1");
	assert_string_equal(exemplar_in(page, "h_bucket{le=\"1.0\"}"), " # {trace_id=\"new\"} 0.5");
	assert_string_equal(exemplar_in(page, "h_bucket{le=\"2.0\"}"), "");
	assert_string_equal(exemplar_in(page, "h_bucket{le=\"+Inf\"}"), " # {trace_id=\"new\"} 5");
	assert_true(value_in(page, "h_count") == 4);
	free(page);
	muster_region_destroy(&region);
}

/* With space behind them: a child that has to ask for it when it writes would die on a full tmpfs. */
static void count_in_reserved_space(void *arg)
{
	count(arg, 1);
	if (muster__store.backed.exemplars < sizeof(struct muster__exemplar_shm))
		_exit(93);
}

static void a_forked_child_has_slots_of_its_own(void **state)
{
	(void)state;
	count("parent", 1);
	pid_t child = worker_start(count_in_reserved_space, "child");
	assert_exemplar("c_total", " # {trace_id=\"child\"} 1");
	worker_kill(child);
	struct muster_region *region = master();
	assert_int_equal(fold(region), 1);
	muster_region_destroy(&region);
	assert_exemplar("c_total", " # {trace_id=\"child\"} 1");
	count("parent", 1);
	assert_exemplar("c_total", " # {trace_id=\"parent\"} 1");
	assert_true(value_of("c_total") == 3);
}

static void joining_a_region_takes_them_along(void **state)
{
	(void)state;
	char path[64];
	strcpy(path, support_region);
	pid_t pid = fork();
	if (pid == 0) {
		unsetenv("MUSTER_REGION");
		count("private", 1);
		if (muster__region_join(path) != 0)
			_exit(94);
		assert_exemplar("c_total", " # {trace_id=\"private\"} 1");
		_exit(0);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* ---- removing ----------------------------------------------------------------------------- */

static struct muster_family *kinds;

static void count_kind(const char *value, const char *id)
{
	struct muster_exemplar e = traced(id);

	kinds = declare_some(MUSTER_COUNTER, "k_total", true, true);
	muster_counter_inc_with_exemplar(muster_counter_with(kinds, value), &e);
}

static void count_kind_x(void *arg)
{
	count_kind("x", arg);
}

static void a_removed_series_has_none_until_the_next(void **state)
{
	(void)state;
	pid_t other = worker_start(count_kind_x, "other");
	worker_live_and_die(count_kind_x, "dead");
	struct muster_region *region = master();
	(void)fold(region);
	count_kind("x", "mine");
	count_kind("y", "y");
	assert_int_equal(muster_remove_with(kinds, "x"), 0);
	assert_int_equal(muster_region_refresh(region), 0);
	(void)fold(region);
	muster_counter_inc(muster_counter_with(kinds, "x"));
	assert_exemplar("k_total{kind=\"x\"}", "");
	assert_exemplar("k_total{kind=\"y\"}", " # {trace_id=\"y\"} 1");
	assert_int_equal(muster_region_refresh(region), 0);
	(void)fold(region); /* from ledger to ledger */
	assert_exemplar("k_total{kind=\"x\"}", "");
	count_kind("x", "back");
	assert_exemplar("k_total{kind=\"x\"}", " # {trace_id=\"back\"} 1");
	assert_true(value_of("k_total{kind=\"x\"}") == 2);
	worker_kill(other);
	assert_int_equal(muster_region_refresh(region), 0);
	(void)fold(region);
	assert_exemplar("k_total{kind=\"x\"}", " # {trace_id=\"back\"} 1");
	muster_region_destroy(&region);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ISOLATED(each_counter_and_bucket_shows_its_latest_exemplar),
		ISOLATED(text_0_0_4_has_none_and_json_has_all),
		ISOLATED(the_time_is_that_of_the_update),
		ISOLATED(values_are_escaped),
		ISOLATED(the_longest_exemplar_fits_its_room),
		ISOLATED(a_counter_of_unknown_type_has_none),
		ISOLATED(only_counters_and_histograms_can_have_them),
		ISOLATED(labels_are_checked),
		ISOLATED(labels_are_bounded_in_code_points_and_bytes),
		ISOLATED(a_bad_exemplar_is_counted_and_its_update_too),
		ISOLATED(a_family_that_did_not_ask_has_no_place),
		ISOLATED(an_update_that_is_refused_leaves_no_exemplar),
		ISOLATED(traceparent_is_read_as_w3c_says),
		ISOLATED(the_newest_of_all_workers_stands),
		ISOLATED(those_of_the_dead_are_folded),
		ISOLATED(a_forked_child_has_slots_of_its_own),
		ISOLATED(joining_a_region_takes_them_along),
		ISOLATED(a_removed_series_has_none_until_the_next),
	};

	return cmocka_run_group_tests_name("exemplar", tests, NULL, NULL);
}
