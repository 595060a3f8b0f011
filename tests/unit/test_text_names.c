/* SPDX-License-Identifier: Apache-2.0 */
/* Text 0.0.4 and OpenMetrics: names by every escaping scheme. */
#include "view_by_hand.h"

/* Without the store's own. */
static char *page_by(enum muster_escaping scheme, void (*encoder)(const struct muster__making *m))
{
	const char *bytes = NULL;
	size_t count = 0;

	escaping = scheme;
	assert_int_equal(written(encoder, &bytes, &count), 0);
	const char *end = memmem(bytes, count, encoder == muster__text_write ? "\n# HELP muster_" : "\n# TYPE muster_", 15);
	assert_non_null(end);
	return strndup(bytes, (size_t)(end + 1 - bytes));
}

static void by_every_scheme(void (*encoder)(const struct muster__making *m), const char *const *pages)
{
	for (int scheme = 0; scheme < MUSTER_ESCAPING_COUNT; scheme++) {
		char *got = page_by(scheme, encoder);
		assert_string_equal(got, pages[scheme]);
		free(got);
	}
}

static void text_has_names_by_every_scheme(void **state)
{
	static double bounds[] = {1};
	static char *labels[] = {"l.x", "ok", NULL};
	static struct muster_str values[] = {{"1", 1}, {"a\"", 2}};
	struct muster__view_family *h = family(MUSTER_HISTOGRAM, "my.wait", "H.", labels);

	(void)state;
	h->bounds = bounds;
	h->bounds_count = 1;
	series_of(h, values, 0);
	series_of(family(MUSTER_COUNTER, "old_total", "O.", NULL), NULL, 0);
	series_of(family(MUSTER_GAUGE, "\"\\\n\xc3\xbc", "G.", NULL), NULL, 0);
	gauge_is(0, 1);
	by_every_scheme(muster__text_write,
	                (const char *const[]){
						[MUSTER_ESCAPING_UNDERSCORES] = "# HELP my_wait H.\n# TYPE my_wait histogram\n"
														"my_wait_bucket{l_x=\"1\",ok=\"a\\\"\",le=\"1.0\"} 0\n"
														"my_wait_bucket{l_x=\"1\",ok=\"a\\\"\",le=\"+Inf\"} 0\n"
														"my_wait_sum{l_x=\"1\",ok=\"a\\\"\"} 0\n"
														"my_wait_count{l_x=\"1\",ok=\"a\\\"\"} 0\n"
														"# HELP old_total O.\n# TYPE old_total counter\nold_total 0\n"
														"# HELP ____ G.\n# TYPE ____ gauge\n____ 1\n",
						[MUSTER_ESCAPING_DOTS] = "# HELP my_dot_wait H.\n# TYPE my_dot_wait histogram\n"
												 "my_dot_wait_bucket{l_dot_x=\"1\",ok=\"a\\\"\",le=\"1.0\"} 0\n"
												 "my_dot_wait_bucket{l_dot_x=\"1\",ok=\"a\\\"\",le=\"+Inf\"} 0\n"
												 "my_dot_wait_sum{l_dot_x=\"1\",ok=\"a\\\"\"} 0\n"
												 "my_dot_wait_count{l_dot_x=\"1\",ok=\"a\\\"\"} 0\n"
												 "# HELP old__total O.\n# TYPE old__total counter\nold__total 0\n"
												 "# HELP ________ G.\n# TYPE ________ gauge\n________ 1\n",
						[MUSTER_ESCAPING_VALUES] =
							"# HELP U__my_2e_wait H.\n# TYPE U__my_2e_wait histogram\n"
							"U__my_2e_wait_bucket{U__l_2e_x=\"1\",ok=\"a\\\"\",le=\"1.0\"} 0\n"
							"U__my_2e_wait_bucket{U__l_2e_x=\"1\",ok=\"a\\\"\",le=\"+Inf\"} 0\n"
							"U__my_2e_wait_sum{U__l_2e_x=\"1\",ok=\"a\\\"\"} 0\n"
							"U__my_2e_wait_count{U__l_2e_x=\"1\",ok=\"a\\\"\"} 0\n"
							"# HELP old_total O.\n# TYPE old_total counter\nold_total 0\n"
							"# HELP U___22__5c__a__fc_ G.\n# TYPE U___22__5c__a__fc_ gauge\nU___22__5c__a__fc_ 1\n",
						[MUSTER_ESCAPING_ALLOW_UTF_8] =
							"# HELP \"my.wait\" H.\n# TYPE \"my.wait\" histogram\n"
							"{\"my.wait_bucket\",\"l.x\"=\"1\",ok=\"a\\\"\",le=\"1.0\"} 0\n"
							"{\"my.wait_bucket\",\"l.x\"=\"1\",ok=\"a\\\"\",le=\"+Inf\"} 0\n"
							"{\"my.wait_sum\",\"l.x\"=\"1\",ok=\"a\\\"\"} 0\n"
							"{\"my.wait_count\",\"l.x\"=\"1\",ok=\"a\\\"\"} 0\n"
							"# HELP old_total O.\n# TYPE old_total counter\nold_total 0\n"
							"# HELP \"\\\"\\\\\\n\xc3\xbc\" G.\n# TYPE \"\\\"\\\\\\n\xc3\xbc\" gauge\n"
							"{\"\\\"\\\\\\n\xc3\xbc\"} 1\n"});
}

static void openmetrics_has_names_by_every_scheme(void **state)
{
	static char *labels[] = {"l", NULL};
	static struct muster_str x = {"x", 1};
	struct muster__view_family *c = family(MUSTER_COUNTER, "c.seconds_total", "C.", labels);

	(void)state;
	c->unit = "seconds";
	series_of(c, &x, 0);
	by_every_scheme(
		muster__openmetrics_write,
		(const char *const[]){
			[MUSTER_ESCAPING_UNDERSCORES] = "# TYPE c_seconds counter\n# UNIT c_seconds seconds\n# HELP c_seconds C.\n"
											"c_seconds_total{l=\"x\"} 0\nc_seconds_created{l=\"x\"} 0.000\n",
			[MUSTER_ESCAPING_DOTS] = "# TYPE c_dot_seconds_ counter\n# HELP c_dot_seconds_ C.\n"
									 "c_dot_seconds__total{l=\"x\"} 0\nc_dot_seconds__created{l=\"x\"} 0.000\n",
			[MUSTER_ESCAPING_VALUES] = "# TYPE U__c_2e_seconds_ counter\n# HELP U__c_2e_seconds_ C.\n"
									   "U__c_2e_seconds__total{l=\"x\"} 0\nU__c_2e_seconds__created{l=\"x\"} 0.000\n",
			[MUSTER_ESCAPING_ALLOW_UTF_8] =
				"# TYPE \"c.seconds\" counter\n# HELP \"c.seconds\" C.\n"
				"{\"c.seconds_total\",l=\"x\"} 0\n{\"c.seconds_created\",l=\"x\"} 0.000\n"});
}

#define ONE(test) cmocka_unit_test_setup_teardown(test, page_setup, page_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ONE(text_has_names_by_every_scheme),
		ONE(openmetrics_has_names_by_every_scheme),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
