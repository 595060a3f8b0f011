/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prometheus, "Writing client libraries" (docs/instrumenting/writing_clientlibs.md): each MUST, MUST NOT and SHOULD, in
 * its order, L1 to L49. Where a line is shown elsewhere, its row says where; where it is not met, why.
 *
 *  L1  callbacks inside          a scrape collects: shm/collect.c; test_collect.c
 *  L2  collector, registry       family -> region -> encoder: the registry of a process is its slab
 *  L3  several registries        not met: a process has one slab; who wants several regions runs several processes
 *  L4  thread safe               test_threads*.c, and process safe: test_crash.c, tests/twin
 *  L5  names of the document     names_are_the_documents
 *  L6  no other semantics        the same
 *  L10 default registry          a_family_is_registered_by_its_declaration
 *  L11 not the default one       without_a_region_nothing_is_exported
 *  L12 collectors likewise       test_collect.c: a collector records into families
 *  L31 collectors' label names   they record into families, so L30 holds for them
 *  L40 no dynamic names          a name is a C string of the program, checked once; docs/metrics.md
 *  L43 text format               test_text.c, tests/e2e/prometheus_counts.sh
 *  L44 order                     test_text.c: families by name, series by labels
 *  L45 process metrics           the master's: docs/metrics.md, tests/e2e/master_http.sh
 *  L46 no bogus ones             runtime/process_stats.c leaves out what it cannot read
 *  L48 no blocking at a scrape   a reader takes no lock that a worker knows of: tests/models, bench/worker.c
 *  L49 benchmarks, scrape limit  bench/; runtime/http.c bounds the answers held
 */
#include <muster/static.h>

#include "workers.h"

MUSTER_STATIC_COUNTER(file_static, "file_static_total", "Counted by a handle at file scope.");
MUSTER_STATIC_GAUGE(file_gauge, "file_static_level", "Set by a handle at file scope.", MUSTER_MAX);
MUSTER_STATIC_NATIVE_HISTOGRAM(file_native, "file_static_bytes", "Observed by a handle at file scope.");
MUSTER_STATIC_HISTOGRAM(file_histogram, "file_static_seconds", "Observed by a handle at file scope.");

static double value(const char *sample)
{
	struct muster_region *region;
	double x = NAN;

	assert_int_equal(muster_region_open(support_region, &region), 0);
	assert_int_equal(muster_region_refresh(region), 0);
	int rc = muster_region_value(region, sample, &x);
	assert_true(rc == 0 || rc == -2 /* ENOENT */);
	muster_region_destroy(&region);
	return x;
}

static int refused(enum muster_type type, struct muster_opts o)
{
	struct muster_family *family = NULL;

	o.help = o.help ? o.help : "Help.";
	return muster_declare(type, &o, &family);
}

#define IN_A_WORKER(body)                                                                                              \
	pid_t worker = worker_start(body, NULL);                                                                           \
	(void)state

static void all_kinds(void *arg)
{
	(void)arg;
	(void)declare(MUSTER_COUNTER, 0, "c_total", NULL);
	(void)declare(MUSTER_REAL_COUNTER, 0, "r_seconds_total", NULL);
	(void)declare(MUSTER_GAUGE, MUSTER_SUM, "g", NULL);
	(void)declare(MUSTER_HISTOGRAM, 0, "h_seconds", NULL);
	(void)declare(MUSTER_SUMMARY, 0, "s_seconds", NULL);
}

/* L7, L8, L10, L15, L17, L21, L28, L38 */
static void a_family_is_registered_by_its_declaration(void **state)
{
	static const char *const at_zero[] = {
		"c_total",
		"r_seconds_total",
		"g",
		"h_seconds_bucket{le=\"0.005\"}",
		"h_seconds_bucket{le=\"+Inf\"}",
		"h_seconds_count",
		"h_seconds_sum",
		"s_seconds_count",
		"s_seconds_sum",
	};

	IN_A_WORKER(all_kinds);
	for (size_t i = 0; i < sizeof at_zero / sizeof *at_zero; i++)
		assert_true(value(at_zero[i]) == 0);
	worker_kill(worker);
}

/* L11 */
static void without_a_region_nothing_is_exported(void **state)
{
	(void)state;
	assert_int_equal(unsetenv("MUSTER_REGION"), 0);
	worker_live_and_die(all_kinds, NULL);
	assert_true(isnan(value("c_total")));
}

static void the_documents_calls(void *arg)
{
	(void)arg;
	muster_counter c = muster_counter_with(declare(MUSTER_COUNTER, 0, "c_total", NULL));
	muster_counter_inc(c);
	muster_counter_add(c, 2);
	muster_real_counter r = muster_real_counter_with(declare(MUSTER_REAL_COUNTER, 0, "r_seconds_total", NULL));
	muster_real_counter_add(r, 0.5);
	muster_real_counter_add(r, -1); /* refused */
	muster_gauge g = muster_gauge_with(declare(MUSTER_GAUGE, MUSTER_SUM, "g", NULL));
	muster_gauge_set(g, 10);
	muster_gauge_inc(g);
	muster_gauge_add(g, 5);
	muster_gauge_dec(g);
	muster_gauge_sub(g, 2);
	muster_gauge_set_to_current_time(muster_gauge_with(declare(MUSTER_GAUGE, MUSTER_MAX, "t_seconds", NULL)));
	muster_histogram h = muster_histogram_with(declare(MUSTER_HISTOGRAM, 0, "h_seconds", NULL));
	muster_histogram_observe(h, 1);
	muster_histogram_observe(h, 100);
	muster_summary s = muster_summary_with(declare(MUSTER_SUMMARY, 0, "s_seconds", NULL));
	muster_summary_observe(s, 2);
	struct muster_timer timer = muster_timer_start();
	muster_histogram_observe_timer(h, timer);
	muster_summary_observe_timer(s, timer);
}

/* L5, L13, L14, L16, L18, L20, L22, L24, L29 */
static void names_are_the_documents(void **state)
{
	IN_A_WORKER(the_documents_calls);
	assert_true(value("c_total") == 3);
	assert_true(value("r_seconds_total") == 0.5);
	assert_true(value("muster_refused_updates_total{reason=\"negative\"}") == 1);
	assert_true(value("g") == 13);
	assert_true(value("t_seconds") > 1.7e9 && value("t_seconds") < 1e11);
	assert_true(value("h_seconds_bucket{le=\"1.0\"}") == 2);
	assert_true(value("h_seconds_bucket{le=\"+Inf\"}") == 3);
	assert_true(value("h_seconds_count") == 3);
	assert_true(value("s_seconds_count") == 2);
	assert_true(isnan(value("s_seconds{quantile=\"0.5\"}")));
	worker_kill(worker);
}

static void at_file_scope(void *arg)
{
	(void)arg;
	muster_counter_inc(file_static);
	muster_gauge_set(file_gauge, 7);
	muster_histogram_observe(file_histogram, 0.1);
	muster_native_histogram_observe(file_native, 0.1);
}

/* L9 */
static void metrics_can_be_file_static(void **state)
{
	IN_A_WORKER(at_file_scope);
	assert_true(value("file_static_total") == 1);
	assert_true(value("file_static_level") == 7);
	assert_true(value("file_static_seconds_bucket{le=\"0.1\"}") == 1);
	assert_true(value("file_static_bytes_bucket{le=\"+Inf\"}") == 1);
	worker_kill(worker);
}

/* L19, L23, L30, L33, L34, L39, L41 */
static void names_labels_and_help_are_checked(void **state)
{
	const char *const le[] = {"le", NULL}, *const quantile[] = {"quantile", NULL}, *const bad[] = {"a\xff", NULL};
	const char *const one[] = {"a", NULL}, *const other[] = {"b", NULL};

	(void)state;
	assert_int_equal(refused(MUSTER_SUMMARY, (struct muster_opts){.name = "x", .labels = quantile}), MUSTER_ELABEL);
	assert_int_equal(refused(MUSTER_HISTOGRAM, (struct muster_opts){.name = "x", .labels = le}), MUSTER_ELABEL);
	assert_int_equal(refused(MUSTER_SUMMARY, (struct muster_opts){.name = "x", .labels = bad}), MUSTER_ELABEL);
	assert_int_equal(refused(MUSTER_SUMMARY, (struct muster_opts){.name = "x:y"}), MUSTER_ENAME);
	for (int type = MUSTER_COUNTER; type <= MUSTER_SUMMARY; type++)
		assert_int_equal(
			refused((enum muster_type)type, (struct muster_opts){.name = type <= MUSTER_REAL_COUNTER ? "x_total" : "x",
		                                                         .help = "",
		                                                         .mode = type == MUSTER_GAUGE ? MUSTER_MAX : 0}),
			MUSTER_EHELP);
	assert_int_equal(refused(MUSTER_SUMMARY, (struct muster_opts){.name = "y", .labels = one}), 0);
	assert_int_equal(refused(MUSTER_SUMMARY, (struct muster_opts){.name = "y", .labels = other}), MUSTER_ECONFLICT);
}

/* L25, L26, L27 */
static void buckets_are_as_elsewhere_and_stay(void **state)
{
	static const double gos[] = {.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10};
	double linear[3], exponential[3];

	(void)state;
	assert_memory_equal(muster_bounds_default, gos, sizeof gos);
	assert_int_equal(muster_bounds_linear(1, 2, 3, linear), 0);
	assert_true(linear[0] == 1 && linear[1] == 3 && linear[2] == 5);
	assert_int_equal(muster_bounds_exponential(1, 2, 3, exponential), 0);
	assert_true(exponential[0] == 1 && exponential[1] == 2 && exponential[2] == 4);
	struct muster_opts o = {.name = "z", .bounds = linear, .bounds_count = 3};
	assert_int_equal(refused(MUSTER_HISTOGRAM, o), 0);
	o.bounds = exponential;
	assert_int_equal(refused(MUSTER_HISTOGRAM, o), MUSTER_ECONFLICT);
}

static void children(void *arg)
{
	struct muster_family *calls = declare(MUSTER_COUNTER, 0, "calls_total", "code");

	(void)arg;
	(void)muster_counter_with(calls, "404");                 /* L37: there at 0 */
	muster_counter kept = muster_counter_with(calls, "200"); /* L35: kept by the user */
	muster_counter_inc(kept);
	muster_counter_inc(kept);
	muster_counter_inc(muster_counter_with(calls, "500"));
	(void)muster_remove_with(calls, "500"); /* L36 */
}

/* L32, L35, L36, L37, L47 */
static void children_are_kept_initialised_and_removed(void **state)
{
	IN_A_WORKER(children);
	assert_true(value("calls_total{code=\"200\"}") == 2);
	assert_true(value("calls_total{code=\"404\"}") == 0);
	worker_kill(worker);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_family_is_registered_by_its_declaration, setup, teardown),
		cmocka_unit_test_setup_teardown(names_are_the_documents, setup, teardown),
		cmocka_unit_test_setup_teardown(metrics_can_be_file_static, setup, teardown),
		cmocka_unit_test_setup_teardown(children_are_kept_initialised_and_removed, setup, teardown),
		cmocka_unit_test_setup_teardown(without_a_region_nothing_is_exported, setup, teardown),
		cmocka_unit_test_setup_teardown(names_labels_and_help_are_checked, setup, teardown),
		cmocka_unit_test_setup_teardown(buckets_are_as_elsewhere_and_stay, setup, teardown),
	};

	return cmocka_run_group_tests_name("client library", tests, NULL, NULL);
}
