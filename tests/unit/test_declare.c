/* SPDX-License-Identifier: Apache-2.0 */
/* Declaring families: what is refused, with which code, and what the message names. */
#include "support.h"

static const char *const two_labels[] = {"method", "code", NULL};

static int declare(enum muster_type type, struct muster_opts opts)
{
	struct muster_family *family = NULL;
	int rc = muster_declare(type, &opts, &family);

	assert_true((rc == 0) == (family != NULL));
	return rc;
}

#define OPTS(...) ((struct muster_opts){__VA_ARGS__, .help = "Help."})

static void names_are_checked(void **state)
{
	static const char *const bad[] = {"",        "a:b_total", "\xc3_total", "\xed\xa0\x80_total", "\xc0\x80_total",
	                                  ".:_total"};
	static const char *const good[] = {"a-b_total",      "0a_total",      "a b_total",
	                                   "\xc3\xa9_total", "{\"\n\\_total", "\1_total"};
	char longest[MUSTER_NAME_BYTES_MAX + 2];

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(declare(MUSTER_COUNTER, OPTS(.name = bad[i])), MUSTER_ENAME);
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		assert_int_equal(declare(MUSTER_COUNTER, OPTS(.name = good[i])), 0);
	assert_int_equal(declare(MUSTER_COUNTER, OPTS(.name = NULL)), MUSTER_ENAME);
	memset(longest, 'x', sizeof longest);
	strcpy(longest + MUSTER_NAME_BYTES_MAX + 1 - 6, "_total");
	assert_int_equal(declare(MUSTER_COUNTER, OPTS(.name = longest)), MUSTER_ENAME);
	assert_int_equal(declare(MUSTER_COUNTER, OPTS(.name = longest + 1)), 0);
}

static void suffixes_are_checked_as_promlint_would(void **state)
{
	(void)state;
	assert_int_equal(declare(MUSTER_COUNTER, OPTS(.name = "requests")), MUSTER_ESUFFIX);
	assert_int_equal(declare(MUSTER_GAUGE, OPTS(.name = "a_total", .mode = MUSTER_MAX)), MUSTER_ESUFFIX);
	assert_int_equal(declare(MUSTER_GAUGE, OPTS(.name = "a_bucket", .mode = MUSTER_MAX)), MUSTER_ESUFFIX);
	assert_int_equal(declare(MUSTER_GAUGE, OPTS(.name = "a_count", .mode = MUSTER_MAX)), MUSTER_ESUFFIX);
	assert_int_equal(declare(MUSTER_HISTOGRAM, OPTS(.name = "a_sum")), MUSTER_ESUFFIX);
	assert_int_equal(declare(MUSTER_SUMMARY, OPTS(.name = "a_created")), MUSTER_ESUFFIX);
	assert_int_equal(declare(MUSTER_GAUGE, OPTS(.name = "a_info", .mode = MUSTER_MAX)), 0);
	assert_non_null(strstr(muster_error_message(), "_created"));
}

static void help_is_required(void **state)
{
	(void)state;
	assert_int_equal(declare(MUSTER_COUNTER, (struct muster_opts){.name = "h_total"}), MUSTER_EHELP);
	assert_int_equal(declare(MUSTER_COUNTER, (struct muster_opts){.name = "h_total", .help = ""}), MUSTER_EHELP);
	assert_int_equal(declare(MUSTER_COUNTER, (struct muster_opts){.name = "h_total", .help = "\xff"}), MUSTER_EHELP);
}

static void unit_must_end_the_name(void **state)
{
	(void)state;
	assert_int_equal(declare(MUSTER_HISTOGRAM, OPTS(.name = "u_seconds", .unit = "bytes")), MUSTER_EUNIT);
	assert_int_equal(declare(MUSTER_HISTOGRAM, OPTS(.name = "useconds", .unit = "seconds")), MUSTER_EUNIT);
	assert_int_equal(declare(MUSTER_HISTOGRAM, OPTS(.name = "u_s.p", .unit = "s.p")), MUSTER_EUNIT);
	assert_int_equal(declare(MUSTER_HISTOGRAM, OPTS(.name = "u_seconds", .unit = "seconds")), 0);
	assert_int_equal(declare(MUSTER_REAL_COUNTER, OPTS(.name = "u_seconds_total", .unit = "seconds")), 0);
}

static void labels_are_checked(void **state)
{
	const char *const reserved[] = {"le", NULL}, *const quantile[] = {"quantile", NULL},
					  *const dunder[] = {"__x", NULL}, *const broken[] = {"\xff", NULL}, *const empty[] = {"", NULL},
					  *const new[] = {"http.code", "a:b", "1", "\xe8\x8a\xb1", "\"", NULL};
	const char *const twice[] = {"a", "b", "a", NULL}, *const pid[] = {"pid", NULL};
	const char *many[MUSTER_LABELS_MAX + 2] = {NULL};
	char names[MUSTER_LABELS_MAX + 1][8];

	(void)state;
	assert_int_equal(declare(MUSTER_COUNTER, OPTS(.name = "l_total", .labels = reserved)), MUSTER_ELABEL);
	assert_int_equal(declare(MUSTER_COUNTER, OPTS(.name = "l_total", .labels = quantile)), MUSTER_ELABEL);
	assert_int_equal(declare(MUSTER_COUNTER, OPTS(.name = "l_total", .labels = dunder)), MUSTER_ELABEL);
	assert_int_equal(declare(MUSTER_COUNTER, OPTS(.name = "l_total", .labels = broken)), MUSTER_ELABEL);
	assert_int_equal(declare(MUSTER_COUNTER, OPTS(.name = "l_total", .labels = empty)), MUSTER_ELABEL);
	assert_int_equal(declare(MUSTER_COUNTER, OPTS(.name = "l.new_total", .labels = new)), 0);
	assert_int_equal(declare(MUSTER_COUNTER, OPTS(.name = "l_total", .labels = twice)), MUSTER_ELABEL);
	assert_int_equal(declare(MUSTER_GAUGE, OPTS(.name = "l_g", .labels = pid, .mode = MUSTER_ALL)), MUSTER_ELABEL);
	assert_int_equal(declare(MUSTER_GAUGE, OPTS(.name = "l_g", .labels = pid, .mode = MUSTER_MAX)), 0);
	for (size_t i = 0; i <= MUSTER_LABELS_MAX; i++) {
		(void)snprintf(names[i], sizeof names[i], "l%zu", i);
		many[i] = names[i];
	}
	assert_int_equal(declare(MUSTER_COUNTER, OPTS(.name = "l_total", .labels = many)), MUSTER_ELABEL);
	assert_int_equal(declare(MUSTER_COUNTER, OPTS(.name = "l_total", .labels = many + 1)), 0);
}

static void bounds_are_checked(void **state)
{
	const double falling[] = {1, 2, 2}, infinite[] = {1, INFINITY}, nan_bound[] = {NAN}, good[] = {-1, 0, 1};
	double out[MUSTER_BOUNDS_MAX];

	(void)state;
	assert_int_equal(declare(MUSTER_HISTOGRAM, OPTS(.name = "b", .bounds = falling, .bounds_count = 3)),
	                 MUSTER_EBOUNDS);
	assert_int_equal(declare(MUSTER_HISTOGRAM, OPTS(.name = "b", .bounds = infinite, .bounds_count = 2)),
	                 MUSTER_EBOUNDS);
	assert_int_equal(declare(MUSTER_HISTOGRAM, OPTS(.name = "b", .bounds = nan_bound, .bounds_count = 1)),
	                 MUSTER_EBOUNDS);
	assert_int_equal(declare(MUSTER_HISTOGRAM, OPTS(.name = "b", .bounds = good, .bounds_count = 0)), MUSTER_EBOUNDS);
	assert_int_equal(declare(MUSTER_SUMMARY, OPTS(.name = "b", .bounds = good, .bounds_count = 3)), MUSTER_EBOUNDS);
	assert_int_equal(declare(MUSTER_HISTOGRAM, OPTS(.name = "b", .bounds = good, .bounds_count = 3)), 0);
	assert_int_equal(muster_bounds_linear(1, 0, 3, out), MUSTER_EBOUNDS);
	assert_int_equal(muster_bounds_linear(1, 2, MUSTER_BOUNDS_MAX + 1, out), MUSTER_EBOUNDS);
	assert_int_equal(muster_bounds_linear(1, 2, 3, out), 0);
	assert_true(out[0] == 1 && out[1] == 3 && out[2] == 5);
	assert_int_equal(muster_bounds_exponential(1, 1, 3, out), MUSTER_EBOUNDS);
	assert_int_equal(muster_bounds_exponential(1, 1e300, 3, out), MUSTER_EBOUNDS);
	assert_int_equal(muster_bounds_exponential(0.5, 2, 3, out), 0);
	assert_true(out[0] == 0.5 && out[1] == 1 && out[2] == 2);
}

static void modes_belong_to_gauges(void **state)
{
	(void)state;
	assert_int_equal(declare(MUSTER_GAUGE, OPTS(.name = "m")), MUSTER_EMODE);
	assert_int_equal(declare(MUSTER_GAUGE, OPTS(.name = "m", .mode = (enum muster_mode)11)), MUSTER_EMODE);
	assert_int_equal(declare(MUSTER_IN_FLIGHT, OPTS(.name = "m", .mode = MUSTER_SUM)), MUSTER_EMODE);
	assert_int_equal(declare((enum muster_type)99, OPTS(.name = "m")), MUSTER_ETYPE);
	assert_int_equal(declare(MUSTER_GAUGE, OPTS(.name = "m", .mode = MUSTER_SUM)), 0);
}

static void a_second_declaration_finds_the_first_or_conflicts(void **state)
{
	struct muster_family *a, *b;
	struct muster_opts o = OPTS(.name = "twice_total", .labels = two_labels);

	(void)state;
	assert_int_equal(muster_declare(MUSTER_COUNTER, &o, &a), 0);
	o.help = "Another help does not matter.";
	assert_int_equal(muster_declare(MUSTER_COUNTER, &o, &b), 0);
	assert_ptr_equal(a, b);
	assert_int_equal(declare(MUSTER_REAL_COUNTER, o), MUSTER_ECONFLICT);
	assert_non_null(strstr(muster_error_message(), "twice_total"));
	o.labels = two_labels + 1;
	assert_int_equal(declare(MUSTER_COUNTER, o), MUSTER_ECONFLICT);
}

static void every_code_has_a_text(void **state)
{
	(void)state;
#define ROW(name, number, text) assert_string_equal(muster_strerror(MUSTER_E##name), text);
	MUSTER_ERRORS(ROW)
#undef ROW
	assert_string_equal(muster_strerror(0), "success");
	assert_string_equal(muster_strerror(-2), "No such file or directory");
	assert_string_equal(muster_strerror(1), "unknown error");
	assert_string_equal(muster_strerror(-9999), "unknown error");
}

static void series_that_cannot_be_are_dropped_safely(void **state)
{
	struct muster_family *f;
	char huge[MUSTER_LABEL_VALUE_BYTES_MAX + 2];

	(void)state;
	assert_int_equal(
		muster_declare(MUSTER_COUNTER, &OPTS(.name = "drop_total", .labels = two_labels, .series_max = 2), &f), 0);
	memset(huge, 'x', sizeof huge - 1);
	huge[sizeof huge - 1] = '\0';
	assert_int_equal(muster_counter_with(f, huge, "a").word, 0);
	assert_int_equal(muster_counter_with(f, "\xff", "a").word, 0);
	assert_int_equal(muster_counter_with(f, "a").word, 0);
	assert_int_equal(muster_counter_with(f, huge + 1, "a").word != 0, 1);
	assert_int_equal(muster_counter_with(f, "", "").word != 0, 1);
	assert_int_equal(muster_counter_with(f, "b", "c").word, 0);
	assert_non_null(strstr(muster_error_message(), "limit of 2 series"));
	assert_null(muster_histogram_with(f, "a", "b").desc);
	assert_int_equal(muster_counter_with(NULL, "a", "b").word, 0);
	muster_counter_inc(muster_counter_with(f, "b", "c"));
	muster_histogram_observe((muster_histogram){NULL}, 1);
	muster_gauge_set((muster_gauge){NULL}, 1);
	muster_gauge_inc((muster_gauge){NULL});
	muster_summary_observe((muster_summary){NULL}, 1);
	muster_counter_inc((muster_counter){0});
	muster_real_counter_add((muster_real_counter){0}, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_checked),      cmocka_unit_test(suffixes_are_checked_as_promlint_would),
		cmocka_unit_test(help_is_required),       cmocka_unit_test(unit_must_end_the_name),
		cmocka_unit_test(labels_are_checked),     cmocka_unit_test(bounds_are_checked),
		cmocka_unit_test(modes_belong_to_gauges), cmocka_unit_test(a_second_declaration_finds_the_first_or_conflicts),
		cmocka_unit_test(every_code_has_a_text),  cmocka_unit_test(series_that_cannot_be_are_dropped_safely),
	};

	return cmocka_run_group_tests_name("declare", tests, NULL, NULL);
}
