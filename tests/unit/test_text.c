/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text 0.0.4 and OpenMetrics: the exact bytes of a page, from views made by hand.
 *
 * The encoder is compiled into this program with an allocator that can be told to fail.
 */
#include <limits.h>
#include <stdlib.h>

static long allocations_left = LONG_MAX; /* until one fails */

static void *failing_realloc(void *block, size_t bytes)
{
	return allocations_left-- > 0 ? realloc(block, bytes) : NULL;
}

static void *failing_calloc(size_t count, size_t bytes)
{
	return allocations_left-- > 0 ? calloc(count, bytes) : NULL;
}

#define realloc failing_realloc
#define calloc failing_calloc
#include "shm/text.c"
#include "shm/text_exemplar.c"
#include "shm/text_render.c"
#include "shm/text_rests.c"
#include "shm/text_self.c"
#undef realloc
#undef calloc

#include "view_by_hand.h"

/* What is left of a test that ran out of memory is freed with all the rest. */
static int text_teardown(void **state)
{
	allocations_left = LONG_MAX;
	return page_teardown(state);
}

/* ---- pages -------------------------------------------------------------------------------- */

#define SELF_FAILURES                                                                                                  \
	"# HELP muster_attach_failures_total Processes that could not make a slab and run uninstrumented.\n"               \
	"# TYPE muster_attach_failures_total counter\n"                                                                    \
	"muster_attach_failures_total{reason=\"no_space\"} 0\n"                                                            \
	"muster_attach_failures_total{reason=\"no_memory\"} 0\n"                                                           \
	"muster_attach_failures_total{reason=\"no_descriptor\"} 0\n"                                                       \
	"muster_attach_failures_total{reason=\"file_size\"} 0\n"                                                           \
	"muster_attach_failures_total{reason=\"refused\"} 0\n"
#define SELF_EXEMPLARS                                                                                                 \
	"# HELP muster_dropped_exemplars_total Exemplars that were not kept; their updates were.\n"                        \
	"# TYPE muster_dropped_exemplars_total counter\n"                                                                  \
	"muster_dropped_exemplars_total{reason=\"invalid\"} 0\n"                                                           \
	"muster_dropped_exemplars_total{reason=\"too_long\"} 0\n"                                                          \
	"muster_dropped_exemplars_total{reason=\"no_place\"} 0\n"                                                          \
	"muster_dropped_exemplars_total{reason=\"busy\"} 0\n"
#define SELF_FAMILIES                                                                                                  \
	"# HELP muster_dropped_families_total Families that could not be declared or merged.\n"                            \
	"# TYPE muster_dropped_families_total counter\n"                                                                   \
	"muster_dropped_families_total{reason=\"invalid\"} 0\n"                                                            \
	"muster_dropped_families_total{reason=\"conflict\"} 0\n"                                                           \
	"muster_dropped_families_total{reason=\"slab_full\"} 0\n"
#define SELF_SERIES                                                                                                    \
	"# HELP muster_dropped_series_total Lookups that got no series and recorded nothing.\n"                            \
	"# TYPE muster_dropped_series_total counter\n"
#define SELF_MEETING                                                                                                   \
	"# HELP muster_escaped_names_meeting Names written by the scheme values since this page's makes them others.\n"    \
	"# TYPE muster_escaped_names_meeting gauge\n"                                                                      \
	"muster_escaped_names_meeting 0\n"
#define SELF_LEFT_OUT                                                                                                  \
	"# HELP muster_left_out_series_total Series of workers left out of the page because the region is at its limit.\n" \
	"# TYPE muster_left_out_series_total counter\n"                                                                    \
	"muster_left_out_series_total{reason=\"region_limit\"} 0\n"
#define SELF_UPDATES                                                                                                   \
	"# HELP muster_refused_updates_total Updates refused because the value made no sense.\n"                           \
	"# TYPE muster_refused_updates_total counter\n"                                                                    \
	"muster_refused_updates_total{reason=\"negative\"} 0\n"                                                            \
	"muster_refused_updates_total{reason=\"not_finite\"} 0\n"                                                          \
	"muster_refused_updates_total{reason=\"mostrecent_add\"} 0\n"                                                      \
	"muster_refused_updates_total{reason=\"quantiles_no_space\"} 0\n"
#define SELF SELF_FAILURES SELF_EXEMPLARS SELF_FAMILIES SELF_SERIES SELF_MEETING SELF_LEFT_OUT SELF_UPDATES

/* One page as a string; free() it. */
static char *page(void)
{
	const char *bytes = NULL;
	size_t count = 0;

	assert_int_equal(written(muster__text_write, &bytes, &count), 0);
	assert_null(memchr(bytes, '\0', count));
	return strndup(bytes, count);
}

/* The page is these bytes, with the store's own families after them. */
static void page_is(const char *expected)
{
	char *got = page(), *all = malloc(strlen(expected) + sizeof SELF);

	assert_non_null(all);
	strcat(strcpy(all, expected), SELF);
	assert_string_equal(got, all);
	free(all);
	free(got);
}

static void empty_view_shows_the_stores_own_counters(void **state)
{
	(void)state;
	page_is("");
}

static void counters_are_whole_up_to_2_64(void **state)
{
	char *labels[] = {"path", "code", NULL};
	struct muster_str a[] = {muster_str("/a"), muster_str("200")}, b[] = {muster_str("/b"), muster_str("")};
	struct muster__view_family *f = family(MUSTER_COUNTER, "calls_total", "Calls.", labels);

	(void)state;
	series_of(f, a, 0);
	series_of(f, b, 1);
	ints[0] = UINT64_MAX;
	page_is("# HELP calls_total Calls.\n"
	        "# TYPE calls_total counter\n"
	        "calls_total{path=\"/a\",code=\"200\"} 18446744073709551615\n"
	        "calls_total{path=\"/b\",code=\"\"} 0\n");
}

static void real_counters_are_shortest(void **state)
{
	(void)state;
	series_of(family(MUSTER_REAL_COUNTER, "busy_seconds_total", "Work.", NULL), NULL, 0);
	reals[0] = 0.1 + 0.2;
	page_is("# HELP busy_seconds_total Work.\n"
	        "# TYPE busy_seconds_total counter\n"
	        "busy_seconds_total 0.30000000000000004\n");
}

static void in_flight_is_a_gauge_that_may_be_negative(void **state)
{
	(void)state;
	series_of(family(MUSTER_IN_FLIGHT, "in_flight", "Now.", NULL), NULL, 0);
	ints[0] = -UINT64_C(3);
	page_is("# HELP in_flight Now.\n"
	        "# TYPE in_flight gauge\n"
	        "in_flight -3\n");
}

static void gauges_take_any_double(void **state)
{
	static const double values[] = {NAN, INFINITY, -INFINITY, -0.0, -2.5e-9, 1e21};
	char *labels[] = {"n", NULL};
	struct muster_str n[6];
	struct muster__view_family *f = family(MUSTER_GAUGE, "g", "Any.", labels);

	(void)state;
	f->mode = MUSTER_MAX;
	for (uint32_t i = 0; i < 6; i++) {
		n[i] = (struct muster_str){&"012345"[i], 1};
		series_of(f, &n[i], i);
		gauge_is(i, values[i]);
	}
	page_is("# HELP g Any.\n"
	        "# TYPE g gauge\n"
	        "g{n=\"0\"} NaN\n"
	        "g{n=\"1\"} +Inf\n"
	        "g{n=\"2\"} -Inf\n"
	        "g{n=\"3\"} -0\n"
	        "g{n=\"4\"} -2.5e-09\n"
	        "g{n=\"5\"} 1e+21\n");
}

static void unset_gauge_has_no_sample_but_its_family_is_shown(void **state)
{
	char *labels[] = {"n", NULL};
	struct muster_str n = muster_str("1");
	struct muster__view_family *f = family(MUSTER_GAUGE, "g", "Unset.", labels);

	(void)state;
	f->mode = MUSTER_SUM;
	series_of(f, &n, 0);
	(void)family(MUSTER_SUMMARY, "s", "No series.", labels);
	page_is("# HELP g Unset.\n"
	        "# TYPE g gauge\n"
	        "# HELP s No series.\n"
	        "# TYPE s summary\n");
}

static void gauges_of_each_worker_have_its_pid_last(void **state)
{
	char *labels[] = {"disk", NULL};
	struct muster_str sda = muster_str("sda");
	struct muster__view_family *a = family(MUSTER_GAUGE, "all", "All.", labels);
	struct muster__view_family *b = family(MUSTER_GAUGE, "between", "One.", NULL);
	struct muster__view_family *c = family(MUSTER_GAUGE, "live", "Live.", NULL);

	(void)state;
	a->mode = MUSTER_ALL;
	b->mode = MUSTER_MIN;
	c->mode = MUSTER_LIVEALL;
	pid_samples[0] = (struct muster__view_pid_sample){series_of(a, &sda, 0), 7, 0.5};
	pid_samples[1] = (struct muster__view_pid_sample){pid_samples[0].series, 4194304, -1.7976931348623157e308};
	series_of(b, NULL, 0);
	gauge_is(0, 1);
	pid_samples[2] = (struct muster__view_pid_sample){series_of(c, NULL, 0), UINT32_MAX, 3};
	view.pid_sample_count = 3;
	page_is("# HELP all All.\n"
	        "# TYPE all gauge\n"
	        "all{disk=\"sda\",pid=\"7\"} 0.5\n"
	        "all{disk=\"sda\",pid=\"4194304\"} -1.7976931348623157e+308\n"
	        "# HELP between One.\n"
	        "# TYPE between gauge\n"
	        "between 1\n"
	        "# HELP live Live.\n"
	        "# TYPE live gauge\n"
	        "live{pid=\"4294967295\"} 3\n");
}

static void histogram_is_cumulative_and_counts_from_its_buckets(void **state)
{
	static double bounds[] = {-2, 0.005, 1, 1e6};
	char *labels[] = {"path", NULL};
	struct muster_str path = muster_str("/");
	struct muster__view_family *f = family(MUSTER_HISTOGRAM, "wait_seconds", "Wait.", labels);

	(void)state;
	f->bounds = bounds;
	f->bounds_count = 4;
	series_of(f, &path, 1);
	memcpy(ints + 1, (uint64_t[]){1, 0, 20, 300, 4000}, 5 * sizeof *ints);
	reals[1] = 12.75;
	page_is("# HELP wait_seconds Wait.\n"
	        "# TYPE wait_seconds histogram\n"
	        "wait_seconds_bucket{path=\"/\",le=\"-2.0\"} 1\n"
	        "wait_seconds_bucket{path=\"/\",le=\"0.005\"} 1\n"
	        "wait_seconds_bucket{path=\"/\",le=\"1.0\"} 21\n"
	        "wait_seconds_bucket{path=\"/\",le=\"1e+06\"} 321\n"
	        "wait_seconds_bucket{path=\"/\",le=\"+Inf\"} 4321\n"
	        "wait_seconds_sum{path=\"/\"} 12.75\n"
	        "wait_seconds_count{path=\"/\"} 4321\n");
}

static void summary_is_a_sum_and_a_count(void **state)
{
	(void)state;
	series_of(family(MUSTER_SUMMARY, "size_bytes", "Size.", NULL), NULL, 2);
	ints[2] = 5;
	reals[2] = NAN;
	page_is("# HELP size_bytes Size.\n"
	        "# TYPE size_bytes summary\n"
	        "size_bytes_sum NaN\n"
	        "size_bytes_count 5\n");
}

static void summary_has_its_quantiles_before_sum_and_count(void **state)
{
	static double quantiles[] = {0, 0.5, 0.99, 1, 600}, values[][MUSTER_QUANTILES_MAX] = {{NAN, 0.25, 1e-9, INFINITY}};
	char *labels[] = {"path", NULL};
	struct muster_str path[] = {muster_str("/a")};

	(void)state;
	struct muster__view_family *f = family(MUSTER_SUMMARY, "wait_seconds", "Wait.", labels);
	f->quantiles = quantiles;
	f->quantile_count = 4;
	series_of(f, path, 0)->sketch_at = 0;
	view.quantiles = values;
	ints[0] = 7;
	reals[0] = 1.5;
	page_is("# HELP wait_seconds Wait.\n"
	        "# TYPE wait_seconds summary\n"
	        "wait_seconds{path=\"/a\",quantile=\"0.0\"} NaN\n"
	        "wait_seconds{path=\"/a\",quantile=\"0.5\"} 0.25\n"
	        "wait_seconds{path=\"/a\",quantile=\"0.99\"} 1e-09\n"
	        "wait_seconds{path=\"/a\",quantile=\"1.0\"} +Inf\n"
	        "wait_seconds_sum{path=\"/a\"} 1.5\n"
	        "wait_seconds_count{path=\"/a\"} 7\n");
}

/* ---- escapes ------------------------------------------------------------------------------ */

static void help_keeps_to_its_line(void **state)
{
	(void)state;
	(void)family(MUSTER_COUNTER, "a_total", "C:\\n \"quoted\"\n# EOF\nb_total 7\r\xe2\x80\xa8", NULL);
	page_is("# HELP a_total C:\\\\n \"quoted\"\\n# EOF\\nb_total 7\r\xe2\x80\xa8\n"
	        "# TYPE a_total counter\n");
}

static void label_value_keeps_to_its_quotes(void **state)
{
	char *labels[] = {"v", NULL};
	struct muster_str values[] = {muster_str("\"} 1\nfake_metric 42\n#"), muster_str("\\\"\n\r\t\x7f\xe2\x80\xa8\\"),
	                              muster_str("\\n"), muster_str("{le=\"1\"},")};
	struct muster__view_family *f = family(MUSTER_COUNTER, "a_total", "A.", labels);

	(void)state;
	for (uint32_t i = 0; i < 4; i++)
		series_of(f, &values[i], i);
	page_is("# HELP a_total A.\n"
	        "# TYPE a_total counter\n"
	        "a_total{v=\"\\\"} 1\\nfake_metric 42\\n#\"} 0\n"
	        "a_total{v=\"\\\\\\\"\\n\r\t\x7f\xe2\x80\xa8\\\\\"} 0\n"
	        "a_total{v=\"\\\\n\"} 0\n"
	        "a_total{v=\"{le=\\\"1\\\"},\"} 0\n");
}

static void label_value_ends_where_its_count_says(void **state)
{
	char *labels[] = {"v", NULL};
	struct muster_str value = {"abcdef", 3};

	(void)state;
	series_of(family(MUSTER_COUNTER, "a_total", "A.", labels), &value, 0);
	page_is("# HELP a_total A.\n"
	        "# TYPE a_total counter\n"
	        "a_total{v=\"abc\"} 0\n");
}

/* ---- the store's own counters ------------------------------------------------------------- */

static void drops_and_refusals_are_shown(void **state)
{
	struct muster__view_family *a = family(MUSTER_COUNTER, "a_total", "A.", NULL);
	struct muster__view_family *b = family(MUSTER_COUNTER, "b_total", "B.", NULL);

	(void)state;
	a->drops[MUSTER__DROP_FAMILY_LIMIT] = 3;
	b->drops[MUSTER__DROP_FAMILY_LIMIT] = 9;
	b->drops[MUSTER__DROP_LABEL_VALUES] = 1;
	view.events[MUSTER__EVENT_REFUSED_MODE] = 5;
	view.events[MUSTER__EVENT_FAMILY_CONFLICT] = 6;
	char *got = page();
	assert_non_null(strstr(got,
	                       SELF_SERIES "muster_dropped_series_total{family=\"a_total\",reason=\"family_limit\"} 3\n"
	                                   "muster_dropped_series_total{family=\"b_total\",reason=\"family_limit\"} 9\n"
	                                   "muster_dropped_series_total{family=\"b_total\",reason=\"label_values\"} 1\n"
	                                   "# HELP muster_escaped_names_meeting "));
	assert_non_null(strstr(got, "\nmuster_refused_updates_total{reason=\"mostrecent_add\"} 5\n"));
	assert_non_null(strstr(got, "\nmuster_dropped_families_total{reason=\"conflict\"} 6\n"));
	free(got);
}

/* ---- page after page ---------------------------------------------------------------------- */

static void next_page_shows_new_values_and_newcomers(void **state)
{
	char *labels[] = {"n", NULL};
	struct muster_str one = muster_str("1"), two = muster_str("2");
	struct muster__view_family *f = family(MUSTER_REAL_COUNTER, "a_total", "A.", labels);

	(void)state;
	series_of(f, &two, 0);
	page_is("# HELP a_total A.\n# TYPE a_total counter\na_total{n=\"2\"} 0\n");
	reals[0] = 1.5;
	page_is("# HELP a_total A.\n# TYPE a_total counter\na_total{n=\"2\"} 1.5\n");
	page_is("# HELP a_total A.\n# TYPE a_total counter\na_total{n=\"2\"} 1.5\n");
	series_of(f, &one, 1);
	uint32_t first = f->series[0];
	f->series[0] = f->series[1];
	f->series[1] = first;
	reals[0] = 2.25;
	reals[1] = -0.0;
	page_is("# HELP a_total A.\n# TYPE a_total counter\na_total{n=\"1\"} -0\na_total{n=\"2\"} 2.25\n");
	reals[0] = reals[1] = 0;
	page_is("# HELP a_total A.\n# TYPE a_total counter\na_total{n=\"1\"} 0\na_total{n=\"2\"} 0\n");
}

/* Write the one series again where there is just the room it asks for, so that a sanitizer sees one byte more. */
static void rewrite_into_exact_room(void)
{
	struct muster__text_family *f = families[0].rendered[0];
	const struct muster__making making = {&buffer, &view, escaping, NULL, &rests};

	series[0]->created_unix_ns = UINT64_MAX;
	for (int head = MUSTER__HEAD_TEXT; head <= MUSTER__HEAD_OPENMETRICS; head++) {
		buffer_free();
		buffer.capacity = f->heads[head].count + series_bytes_max(f, &families[0]);
		buffer.bytes = malloc(buffer.capacity);
		assert_non_null(buffer.bytes);
		allocations_left = 0;
		families_write(&making, head == MUSTER__HEAD_OPENMETRICS);
		assert_false(buffer.failed);
	}
	allocations_left = LONG_MAX;
}

static void shortest_lines_fit_their_room(void **state)
{
	(void)state;
	series_of(family(MUSTER_SUMMARY, "s", "S.", NULL), NULL, 0);
	ints[0] = UINT64_MAX;
	reals[0] = -1.7976931348623157e308;
	page_is("# HELP s S.\n# TYPE s summary\ns_sum -1.7976931348623157e+308\ns_count 18446744073709551615\n");
	rewrite_into_exact_room();
}

static void largest_histogram_fits_its_room(void **state)
{
	static double bounds[MUSTER_BOUNDS_MAX];
	char *labels[MUSTER_LABELS_MAX + 1] = {0}, *value = malloc(MUSTER_LABEL_VALUE_BYTES_MAX);
	struct muster_str values[MUSTER_LABELS_MAX];
	size_t lines = 0;

	(void)state;
	assert_non_null(value);
	memset(value, '"', MUSTER_LABEL_VALUE_BYTES_MAX);
	for (int i = 0; i < MUSTER_LABELS_MAX; i++) {
		labels[i] = "label";
		values[i] = (struct muster_str){value, MUSTER_LABEL_VALUE_BYTES_MAX};
	}
	for (int i = 0; i < MUSTER_BOUNDS_MAX; i++)
		bounds[i] = muster__double(muster__bits(-1.7976931348623157e308) - (uint64_t)i);
	struct muster__view_family *f = family(MUSTER_HISTOGRAM, "h", "Large.", labels);
	f->bounds = bounds;
	f->bounds_count = MUSTER_BOUNDS_MAX;
	series_of(f, values, 0);
	ints[0] = UINT64_MAX;
	reals[0] = -1.7976931348623157e308;
	char *got = page();
	for (const char *at = got; (at = strchr(at, '\n')) != NULL; at++)
		lines++;
	assert_int_equal(lines, 2 + MUSTER_BOUNDS_MAX + 3 + 32); /* 32: the store's own */
	assert_non_null(strstr(got, ",le=\"-1.7976931348623157e+308\"} 18446744073709551615\n"));
	assert_non_null(strstr(got, "h_sum{label=\"\\\"\\\"\\\""));
	free(got);
	rewrite_into_exact_room();
	free(value);
}

/* A page of every kind of line, for want of memory at every place. */
static void want_of_memory_is_told_and_leaves_no_trace(void **state)
{
	static double bounds[] = {1};
	struct muster__view_family *a = family(MUSTER_GAUGE, "a", "A.", NULL);
	struct muster__view_family *h = family(MUSTER_HISTOGRAM, "h", "H.", NULL);
	const char *bytes = NULL;
	size_t count = 0;
	long n = 0;

	(void)state;
	a->mode = MUSTER_ALL;
	pid_samples[0] = (struct muster__view_pid_sample){series_of(a, NULL, 0), 7, 1};
	view.pid_sample_count = 1;
	h->bounds = bounds;
	h->bounds_count = 1;
	series_of(h, NULL, 0);
	for (;; n++) {
		allocations_left = n;
		int rc = written(muster__text_write, &bytes, &count);
		if (rc == 0)
			break;
		assert_int_equal(rc, -ENOMEM);
		assert_null(bytes);
		assert_int_equal(count, 0);
		rendered_forget();
		buffer_free();
		allocations_left = LONG_MAX;
	}
	assert_true(n >= 10);
	allocations_left = LONG_MAX;
	page_is("# HELP a A.\n# TYPE a gauge\na{pid=\"7\"} 1\n"
	        "# HELP h H.\n# TYPE h histogram\n"
	        "h_bucket{le=\"1.0\"} 0\nh_bucket{le=\"+Inf\"} 0\nh_sum 0\nh_count 0\n");
}

static void page_after_want_of_memory_is_whole(void **state)
{
	struct muster__view_family *f = family(MUSTER_SUMMARY, "s", "S.", NULL);
	const char *bytes;
	size_t count;

	(void)state;
	series_of(f, NULL, 0);
	for (long n = 0; n < 12; n++) {
		allocations_left = n;
		if (written(muster__text_write, &bytes, &count) == 0)
			break;
	}
	allocations_left = 0; /* all is there already */
	page_is("# HELP s S.\n# TYPE s summary\ns_sum 0\ns_count 0\n");
}

/* ---- OpenMetrics -------------------------------------------------------------------------- */

/* The page begins with these bytes, and ends as an OpenMetrics page does. */
static void openmetrics_is(const char *expected)
{
	const char *bytes = NULL, *end = "muster_refused_updates_total{reason=\"quantiles_no_space\"} 0\n# EOF\n";
	size_t count = 0;

	assert_int_equal(written(muster__openmetrics_write, &bytes, &count), 0);
	char *got = strndup(bytes, count);
	assert_string_equal(got + count - strlen(end), end);
	assert_non_null(strstr(got, "# TYPE muster_dropped_series counter\n"
	                            "# HELP muster_dropped_series Lookups that got no series and recorded nothing.\n"));
	got[strlen(expected)] = '\0';
	assert_string_equal(got, expected);
	free(got);
}

static void openmetrics_names_families_without_suffix_and_tells_when_series_were_created(void **state)
{
	static double bounds[] = {1};
	static char *labels[] = {"l", NULL};
	static struct muster_str x = {"x", 1};
	struct muster__view_family *c = family(MUSTER_COUNTER, "c_seconds_total", "A \"c\".", labels);
	struct muster__view_family *h = family(MUSTER_HISTOGRAM, "h", "H.", NULL);
	struct muster__view_family *i = family(MUSTER_INFO, "i_info", "I.", labels);
	struct muster__view_family *s = family(MUSTER_STATESET, "s", "S.", labels);
	struct muster__view_family *z = family(MUSTER_SUMMARY, "z", "Z.", NULL);

	(void)state;
	c->unit = "seconds";
	h->unit = "bytes"; /* is not in the name: a slab may say so, the page may not */
	h->bounds = bounds;
	h->bounds_count = 1;
	ints[0] = 7;
	series_of(c, &x, 0)->created_unix_ns = UINT64_C(1763700000005000000);
	series_of(h, NULL, 2)->created_unix_ns = UINT64_C(1000000000);
	series_of(i, &x, 4);
	series_of(s, &x, 5);
	series_of(z, NULL, 1)->created_unix_ns = 0;
	gauge_is(4, 1);
	gauge_is(5, 0);
	openmetrics_is("# TYPE c_seconds counter\n# UNIT c_seconds seconds\n# HELP c_seconds A \\\"c\\\".\n"
	               "c_seconds_total{l=\"x\"} 7\nc_seconds_created{l=\"x\"} 1763700000.005\n"
	               "# TYPE h histogram\n# HELP h H.\n"
	               "h_bucket{le=\"1.0\"} 0\nh_bucket{le=\"+Inf\"} 0\nh_sum 0\nh_count 0\nh_created 1.000\n"
	               "# TYPE i info\n# HELP i I.\ni_info{l=\"x\"} 1\n"
	               "# TYPE s stateset\n# HELP s S.\ns{l=\"x\"} 0\n"
	               "# TYPE z summary\n# HELP z Z.\nz_sum 0\nz_count 0\nz_created 0.000\n");
}

static void openmetrics_keeps_the_name_of_a_counter_when_another_family_has_the_shorter(void **state)
{
	struct muster__view_family *a = family(MUSTER_GAUGE, "a", "Gauge.", NULL);
	struct muster__view_family *t = family(MUSTER_COUNTER, "a_total", "Counter.", NULL);

	(void)state;
	series_of(a, NULL, 0);
	series_of(t, NULL, 0);
	gauge_is(0, 2);
	ints[0] = 3;
	openmetrics_is(
		"# TYPE a gauge\n# HELP a Gauge.\na 2\n# TYPE a_total unknown\n# HELP a_total Counter.\na_total 3\n");
}

#define ONE(test) cmocka_unit_test_setup_teardown(test, page_setup, text_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ONE(empty_view_shows_the_stores_own_counters),
		ONE(counters_are_whole_up_to_2_64),
		ONE(real_counters_are_shortest),
		ONE(in_flight_is_a_gauge_that_may_be_negative),
		ONE(gauges_take_any_double),
		ONE(unset_gauge_has_no_sample_but_its_family_is_shown),
		ONE(gauges_of_each_worker_have_its_pid_last),
		ONE(histogram_is_cumulative_and_counts_from_its_buckets),
		ONE(summary_is_a_sum_and_a_count),
		ONE(summary_has_its_quantiles_before_sum_and_count),
		ONE(help_keeps_to_its_line),
		ONE(label_value_keeps_to_its_quotes),
		ONE(label_value_ends_where_its_count_says),
		ONE(drops_and_refusals_are_shown),
		ONE(next_page_shows_new_values_and_newcomers),
		ONE(shortest_lines_fit_their_room),
		ONE(largest_histogram_fits_its_room),
		ONE(want_of_memory_is_told_and_leaves_no_trace),
		ONE(page_after_want_of_memory_is_whole),
		ONE(openmetrics_names_families_without_suffix_and_tells_when_series_were_created),
		ONE(openmetrics_keeps_the_name_of_a_counter_when_another_family_has_the_shorter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
