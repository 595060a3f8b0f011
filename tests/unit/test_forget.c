/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Series are removed in every process of a region, exactly once, and come back from 0.
 */
#include "killed.h"

#include <time.h>

#include "native_oracle.h"
#include "reading.h"
#include "slab_forge.h"

/* ---- workers that do as they are told ----------------------------------------------------- */

struct puppet {
	pid_t pid;
	int tell, told;
};

static struct muster_family *family_declare(enum muster_type type, enum muster_mode mode, const char *name,
                                            uint32_t expiry_s)
{
	static const char *const labels[] = {"kind", NULL};
	const struct muster_opts o = {.name = name, .help = "Help.", .mode = mode, .labels = labels, .expiry_s = expiry_s};
	struct muster_family *family = NULL;

	if (muster_declare(type, &o, &family) != 0)
		_exit(96);
	return family;
}

static const struct {
	enum muster_mode mode;
	const char *name;
} gauges[] = {
	{MUSTER_ALL, "g_all"},         {MUSTER_LIVEALL, "g_liveall"},
	{MUSTER_MIN, "g_min"},         {MUSTER_LIVEMAX, "g_livemax"},
	{MUSTER_SUM, "g_added"},       {MUSTER_LIVESUM, "g_liveadded"},
	{MUSTER_MOSTRECENT, "g_last"}, {MUSTER_LIVEMOSTRECENT, "g_livelast"},
};

#define GAUGES (sizeof gauges / sizeof *gauges)

static struct {
	struct muster_family *calls, *busy, *wait, *spread, *size, *flying, *gauges[GAUGES], *fading;
} f;

static void families_declare(void)
{
	f.calls = family_declare(MUSTER_COUNTER, 0, "calls_total", 0);
	f.busy = family_declare(MUSTER_REAL_COUNTER, 0, "busy_total", 0);
	f.wait = family_declare(MUSTER_HISTOGRAM, 0, "wait", 0);
	f.spread = family_declare(MUSTER_NATIVE_HISTOGRAM, 0, "spread", 0);
	f.size = family_declare(MUSTER_SUMMARY, 0, "size", 0);
	f.flying = family_declare(MUSTER_IN_FLIGHT, 0, "flying", 0);
	f.fading = family_declare(MUSTER_COUNTER, 0, "fading_total", 1);
	for (size_t i = 0; i < GAUGES; i++)
		f.gauges[i] = family_declare(MUSTER_GAUGE, gauges[i].mode, gauges[i].name, 0);
}

/* n of everything; 0.1 n does not add up in binary. */
static void record(const char *kind, int n)
{
	muster_counter_add(muster_counter_with(f.calls, kind), (uint64_t)n);
	muster_real_counter_add(muster_real_counter_with(f.busy, kind), 0.1 * n);
	for (int i = 0; i < n; i++) {
		muster_histogram_observe(muster_histogram_with(f.wait, kind), 0.3);
		muster_native_histogram_observe(muster_native_histogram_with(f.spread, kind), 0.3 + i);
		muster_summary_observe(muster_summary_with(f.size, kind), 2);
	}
	muster_in_flight_begin(muster_in_flight_with(f.flying, kind));
	muster_in_flight_end(muster_in_flight_with(f.flying, kind));
	for (size_t i = 0; i < GAUGES; i++)
		muster_gauge_set(muster_gauge_with(f.gauges[i], kind), n);
}

static void remove_everything(const char *kind)
{
	int rc = muster_remove_with(f.calls, kind) | muster_remove_with(f.busy, kind) | muster_remove_with(f.wait, kind) |
	         muster_remove_with(f.spread, kind) | muster_remove_with(f.size, kind) | muster_remove_with(f.flying, kind);

	for (size_t i = 0; i < GAUGES; i++)
		rc |= muster_remove_with(f.gauges[i], kind);
	if (rc != 0)
		_exit(95);
}

static void puppet_obey(char verb, const char *kind, int n);

static void puppet_child(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		record("a", 5);
		_exit(0);
	}
	(void)waitpid(pid, NULL, 0);
}

static void puppet_obey(char verb, const char *kind, int n)
{
	switch (verb) {
	case 'a':
		record(kind, n);
		break;
	case 'r':
		remove_everything(kind);
		break;
	case 'c':
		if (muster_clear(f.calls) != 0)
			_exit(94);
		break;
	case 'f':
		puppet_child();
		break;
	case 'w':
		muster_native_histogram_observe(muster_native_histogram_with(f.spread, kind), pow(10, n));
		break;
	case 'e':
		muster_counter_add(muster_counter_with(f.fading, kind), (uint64_t)n);
		break;
	default:
		_exit(93);
	}
}

static void puppet_run(int in, int out)
{
	char order[3], kind[2] = "";

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	families_declare();
	while (write(out, "", 1) == 1 && read(in, order, sizeof order) == sizeof order) {
		kind[0] = order[1];
		puppet_obey(order[0], kind, order[2] - '0');
	}
	_exit(0);
}

static struct puppet puppet_start(void)
{
	int orders[2], answers[2];
	char byte;

	assert_int_equal(pipe(orders), 0);
	assert_int_equal(pipe(answers), 0);
	pid_t pid = fork();
	if (pid == 0)
		puppet_run(orders[0], answers[1]);
	close(orders[0]);
	close(answers[1]);
	assert_int_equal(read(answers[0], &byte, 1), 1);
	return (struct puppet){pid, orders[1], answers[0]};
}

/* "aX3": record 3 of everything of kind X; "wX3": observe 10^3; "rX0": remove it; "c--": clear the calls; "f--": a child records. */
static void order(const struct puppet *p, const char *what)
{
	char byte;

	assert_int_equal(write(p->tell, what, 3), 3);
	assert_int_equal(read(p->told, &byte, 1), 1);
}

static void puppet_kill(struct puppet *p)
{
	worker_kill(p->pid);
	close(p->tell);
	close(p->told);
}

/* ---- looking ------------------------------------------------------------------------------ */

static void fold(struct muster_region *region)
{
	assert_int_equal(muster_region_refresh(region), 0);
	assert_int_equal(muster__region_fold(region, NULL), 0);
	assert_int_equal(muster_region_refresh(region), 0);
}

/* A master, and any reader beside it, says so. */
static void expect(struct muster_region *region, const char *sample, double value)
{
	const char *text;
	size_t bytes;
	char *page = scrape();

	assert_int_equal(muster_region_refresh(region), 0);
	assert_int_equal(muster_region_text(region, &text, &bytes), 0);
	char *copy = strndup(text, bytes);
	double master_says = value_in(copy, sample), reader_says = value_in(page, sample);
	free(copy);
	free(page);
	if (isnan(value) ? isnan(master_says) && isnan(reader_says)
	                 : fabs(master_says - value) < 1e-12 && fabs(reader_says - value) < 1e-12)
		return;
	print_error("%s: expected %g, the master says %g, a reader %g\n", sample, value, master_says, reader_says);
	fail();
}

/* n of everything of kind a: as record() left it in one worker, or nowhere (0). */
static void expect_all(struct muster_region *region, int n, pid_t pid)
{
	char sample[80];

	expect(region, "calls_total{kind=\"a\"}", n ? (double)n : NAN);
	expect(region, "busy_total{kind=\"a\"}", n ? 0.1 * n : NAN);
	expect(region, "wait_count{kind=\"a\"}", n ? (double)n : NAN);
	expect(region, "wait_bucket{kind=\"a\",le=\"0.25\"}", n ? 0 : NAN);
	expect(region, "wait_bucket{kind=\"a\",le=\"0.5\"}", n ? (double)n : NAN);
	expect(region, "wait_sum{kind=\"a\"}", n ? 0.3 * n : NAN);
	expect(region, "spread_count{kind=\"a\"}", n ? (double)n : NAN);
	expect(region, "spread_sum{kind=\"a\"}", n ? 0.3 * n + n * (n - 1) / 2.0 : NAN);
	expect(region, "size_count{kind=\"a\"}", n ? (double)n : NAN);
	expect(region, "size_sum{kind=\"a\"}", n ? 2.0 * n : NAN);
	expect(region, "flying{kind=\"a\"}", NAN);
	for (size_t i = 0; i < GAUGES; i++) {
		bool per_pid = gauges[i].mode <= MUSTER_LIVEALL;
		(void)snprintf(sample, sizeof sample, per_pid ? "%s{kind=\"a\",pid=\"%d\"}" : "%s{kind=\"a\"}", gauges[i].name,
		               (int)pid);
		expect(region, sample, n ? (double)n : NAN);
	}
}

/* ---- tests -------------------------------------------------------------------------------- */

static void a_removed_series_leaves_every_process_and_comes_back_from_0(void **state)
{
	struct puppet one = puppet_start(), two = puppet_start(), dead = puppet_start();
	struct muster_region *region = master();

	(void)state;
	order(&one, "aa3");
	order(&two, "aa7");
	order(&two, "ab2");
	order(&dead, "aa9");
	puppet_kill(&dead);
	fold(region);
	expect(region, "calls_total{kind=\"a\"}", 19);
	order(&one, "ra0");
	fold(region);
	expect_all(region, 0, one.pid);
	expect(region, "calls_total{kind=\"b\"}", 2);
	expect(region, "g_added{kind=\"b\"}", 2);
	order(&two, "aa4");
	expect_all(region, 4, two.pid);
	puppet_kill(&two);
	fold(region);
	expect(region, "calls_total{kind=\"a\"}", 4);
	expect(region, "busy_total{kind=\"a\"}", 0.4);
	expect(region, "wait_sum{kind=\"a\"}", 1.2);
	expect(region, "g_added{kind=\"a\"}", 4);
	expect(region, "g_liveadded{kind=\"a\"}", NAN);
	puppet_kill(&one);
	fold(region);
	expect(region, "calls_total{kind=\"a\"}", 4);
	expect(region, "wait_count{kind=\"a\"}", 4);
	expect(region, "spread_count{kind=\"a\"}", 4);
	muster_region_destroy(&region);
}

static void what_a_process_records_after_its_call_counts(void **state)
{
	struct puppet one = puppet_start(), two = puppet_start();
	struct muster_region *region = master();

	(void)state;
	order(&one, "aa3");
	order(&two, "aa7");
	order(&one, "ra0");
	order(&one, "aa2");
	order(&two, "aa1");
	fold(region);
	expect(region, "calls_total{kind=\"a\"}", 2);
	expect(region, "busy_total{kind=\"a\"}", 0.2);
	expect(region, "wait_sum{kind=\"a\"}", 0.6);
	expect(region, "g_added{kind=\"a\"}", 2);
	expect(region, "g_last{kind=\"a\"}", 1); /* its time is told by the set itself */
	puppet_kill(&one);
	puppet_kill(&two);
	fold(region);
	expect(region, "calls_total{kind=\"a\"}", 2);
	muster_region_destroy(&region);
}

static void a_dead_workers_request_is_met(void **state)
{
	struct puppet one = puppet_start(), two = puppet_start();
	struct muster_region *region = master();

	(void)state;
	order(&one, "aa3");
	order(&two, "aa7");
	order(&one, "ra0");
	order(&one, "aa2");
	puppet_kill(&one);
	fold(region);
	expect(region, "calls_total{kind=\"a\"}", 2);
	expect(region, "busy_total{kind=\"a\"}", 0.2);
	order(&two, "aa1");
	expect(region, "calls_total{kind=\"a\"}", 3);
	puppet_kill(&two);
	fold(region);
	expect(region, "calls_total{kind=\"a\"}", 3);
	muster_region_destroy(&region);
}

static int schema_of(struct muster_region *region)
{
	return native_of(region, "spread", "a").schema;
}

static void a_native_histogram_is_removed_whatever_its_scales(void **state)
{
	struct puppet one = puppet_start(), two = puppet_start(), dead = puppet_start();
	struct muster_region *region = master();

	(void)state;
	order(&one, "aa3");
	order(&two, "wa9");
	order(&two, "wa0");
	order(&dead, "wa3");
	puppet_kill(&dead);
	fold(region);
	expect(region, "spread_count{kind=\"a\"}", 6);
	order(&one, "ra0");
	order(&one, "wa1");
	order(&two, "wa9");
	fold(region);
	expect(region, "spread_count{kind=\"a\"}", 1);
	expect(region, "spread_sum{kind=\"a\"}", 10);
	order(&two, "wa2");
	expect(region, "spread_sum{kind=\"a\"}", 110);
	static const struct oracle left = {2, {10, 100}};
	expect_native(region, "spread", "a", &left, schema_of(region));
	puppet_kill(&two);
	puppet_kill(&one);
	fold(region);
	expect_native(region, "spread", "a", &left, schema_of(region));
	muster_region_destroy(&region);
}

/* What kept it low is forgotten, and the process that had it dies. */
static void the_schema_of_a_native_histogram_does_not_rise(void **state)
{
	struct puppet one = puppet_start(), two = puppet_start(), three = puppet_start();
	struct muster_region *region = master();

	(void)state;
	order(&one, "wa9");
	order(&three, "ra0");
	fold(region);
	order(&two, "wa0");
	assert_int_equal(muster_region_refresh(region), 0);
	int schema = schema_of(region);
	assert_true(schema < 8);
	puppet_kill(&one);
	fold(region);
	expect(region, "spread_count{kind=\"a\"}", 1);
	assert_int_equal(schema_of(region), schema);
	puppet_kill(&two);
	puppet_kill(&three);
	fold(region);
	assert_int_equal(schema_of(region), schema);
	expect(region, "spread_sum{kind=\"a\"}", 1);
	muster_region_destroy(&region);
}

static void a_request_is_met_once(void **state)
{
	struct puppet one = puppet_start();
	struct muster_region *region = master();

	(void)state;
	order(&one, "aa3");
	order(&one, "ra0");
	fold(region);
	order(&one, "aa5");
	fold(region);
	expect_all(region, 5, one.pid);
	muster_region_destroy(&region);
	region = master();
	fold(region);
	expect_all(region, 5, one.pid);
	/* and a second one is another */
	order(&one, "ra0");
	fold(region);
	expect_all(region, 0, one.pid);
	puppet_kill(&one);
	fold(region);
	expect_all(region, 0, one.pid);
	muster_region_destroy(&region);
}

static bool a_master_folds(void)
{
	struct muster_region *region;

	return muster_region_open(support_region, &region) == 0 && muster__region_lock(region) == 0 &&
	       muster_region_refresh(region) == 0 && muster__region_fold(region, NULL) == 0;
}

static void a_request_is_met_once_wherever_the_master_is_killed(void **state)
{
	struct puppet one = puppet_start(), two = puppet_start();
	bool ended = false;

	(void)state;
	for (int n = 0; !ended; n++) {
		order(&one, "aa3");
		order(&two, "aa1");
		order(&one, "ra0");
		order(&one, "aa2");
		ended = killed_at(a_master_folds, n);
		struct muster_region *region = master();
		fold(region);
		expect(region, "calls_total{kind=\"a\"}", 2);
		expect(region, "busy_total{kind=\"a\"}", 0.2);
		expect(region, "wait_count{kind=\"a\"}", 2);
		expect(region, "g_added{kind=\"a\"}", 2);
		muster_region_destroy(&region);
		assert_true(n < 2000);
	}
	puppet_kill(&one);
	puppet_kill(&two);
}

static void a_child_inherits_no_request(void **state)
{
	struct puppet one = puppet_start();
	struct muster_region *region = master();

	(void)state;
	order(&one, "aa3");
	order(&one, "ra0");
	order(&one, "f--");
	fold(region);
	/* the child recorded and died between the call and the look: with the others' */
	expect(region, "calls_total{kind=\"a\"}", NAN);
	order(&one, "f--");
	fold(region);
	expect(region, "calls_total{kind=\"a\"}", 5);
	order(&one, "f--");
	fold(region);
	expect(region, "calls_total{kind=\"a\"}", 10);
	puppet_kill(&one);
	muster_region_destroy(&region);
}

static void clearing_takes_what_only_others_have(void **state)
{
	struct puppet one = puppet_start(), two = puppet_start();
	struct muster_region *region = master();

	(void)state;
	order(&one, "aa1");
	order(&two, "ab1");
	order(&one, "c--");
	order(&one, "aa4");
	order(&one, "ac6");
	fold(region);
	expect(region, "calls_total{kind=\"a\"}", 4);
	expect(region, "calls_total{kind=\"b\"}", NAN);
	expect(region, "calls_total{kind=\"c\"}", 6);
	expect(region, "busy_total{kind=\"b\"}", 0.1);
	puppet_kill(&one);
	puppet_kill(&two);
	muster_region_destroy(&region);
}

static void a_gauge_that_changed_stays_whatever_its_value(void **state)
{
	struct puppet one = puppet_start();
	struct muster_region *region = master();

	(void)state;
	order(&one, "aa3");
	order(&one, "ra0");
	fold(region);
	expect(region, "g_added{kind=\"a\"}", NAN);
	order(&one, "aa4");
	expect(region, "g_added{kind=\"a\"}", 4);
	fold(region);
	order(&one, "rb0"); /* so that there is another ledger */
	fold(region);
	order(&one, "aa3");
	expect(region, "g_added{kind=\"a\"}", 3);
	puppet_kill(&one);
	muster_region_destroy(&region);
}

/* A dead slab that asks and says that it had more than it ever did: it may have the series forgotten, as anyone
 * may, but not what others record from now on. */
static void a_false_request_takes_no_more_than_is_there(void **state)
{
	static struct forge forged;
	struct {
		struct muster__forget_shm fixed;
		uint64_t had;
	} request = {.fixed = {.value_count = 1, .asked_unix_ns = UINT64_MAX}, .had = UINT64_MAX};
	struct puppet one = puppet_start();

	(void)state;
	order(&one, "aa3");
	forge_begin(&forged);
	forge_family(&forged, MUSTER_COUNTER, 0, "calls_total", "kind");
	*forge_int(&forged, 0, forge_series(&forged, "a")->int_cell) = 2;
	request.fixed.instance = forge_header(&forged)->identity.instance;
	forge_record(&forged, MUSTER__RECORD_FORGET, &request, sizeof request, "\1\0a", 3);
	forge_write(&forged, "slab.forged", true, FORGE_BYTES);
	struct muster_region *region = master();
	expect(region, "calls_total{kind=\"a\"}", 5);
	fold(region);
	expect(region, "calls_total{kind=\"a\"}", NAN);
	order(&one, "aa4");
	expect(region, "calls_total{kind=\"a\"}", 4);
	puppet_kill(&one);
	fold(region);
	expect(region, "calls_total{kind=\"a\"}", 4);
	muster_region_destroy(&region);
}

/* Time passes for real; nothing here is tight. */
static void a_series_nobody_changes_expires(void **state)
{
	const struct timespec pause = {0, 50000000};
	struct puppet one = puppet_start(), two = puppet_start();
	struct muster_region *region = master();
	int looks = 0;

	(void)state;
	order(&one, "ea3");
	order(&two, "ea3");
	order(&two, "aa3");
	for (bool due = false; !due && looks < 200; looks++) {
		order(&one, "eb1");
		(void)nanosleep(&pause, NULL);
		assert_int_equal(muster_region_refresh(region), 0);
		assert_int_equal(muster__region_expire(region), 0);
		due = muster__region_fold_due(region);
	}
	assert_true(looks < 200);
	fold(region);
	expect(region, "fading_total{kind=\"a\"}", NAN);
	expect(region, "fading_total{kind=\"b\"}", looks);
	expect(region, "calls_total{kind=\"a\"}", 3);
	order(&two, "ea2");
	expect(region, "fading_total{kind=\"a\"}", 2);
	puppet_kill(&one);
	puppet_kill(&two);
	fold(region);
	expect(region, "fading_total{kind=\"a\"}", 2);
	muster_region_destroy(&region);
}

static void what_cannot_be_removed_is_refused(void **state)
{
	struct muster_family *plain = NULL;
	const struct muster_opts o = {.name = "plain_total", .help = "Help."};
	const struct muster_opts fading = {.name = "fading", .help = "Help.", .expiry_s = 60};
	const struct muster_opts slow = {.name = "slow_total", .help = "Help.", .expiry_s = 65536};

	(void)state;
	(void)unsetenv("MUSTER_REGION");
	assert_int_equal(muster_declare(MUSTER_COUNTER, &o, &plain), 0);
	assert_int_equal(muster_remove_with(plain), MUSTER_ELABEL_VALUES);
	assert_non_null(strstr(muster_error_message(), "plain_total: has no labels"));
	assert_int_equal(muster_clear(plain), MUSTER_ELABEL_VALUES);
	assert_int_equal(muster_clear(NULL), MUSTER_ELABEL_VALUES);
	families_declare();
	assert_int_equal(muster_remove_with(f.calls, "a", "b"), MUSTER_ELABEL_VALUES);
	assert_int_equal(muster_remove_with(f.calls, "\xff"), MUSTER_ELABEL_VALUES);
	assert_int_equal(muster_remove_with(f.calls, "never"), 0);
	assert_int_equal(muster_declare(MUSTER_IN_FLIGHT, &fading, &plain), MUSTER_EEXPIRY);
	assert_int_equal(muster_declare(MUSTER_COUNTER, &slow, &plain), MUSTER_EEXPIRY);
	assert_non_null(strstr(muster_error_message(), "slow_total: expiry of 65536 s; at most 65535 s"));
}

#define ONE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ONE(a_removed_series_leaves_every_process_and_comes_back_from_0),
		ONE(what_a_process_records_after_its_call_counts),
		ONE(a_dead_workers_request_is_met),
		ONE(a_native_histogram_is_removed_whatever_its_scales),
		ONE(the_schema_of_a_native_histogram_does_not_rise),
		ONE(a_request_is_met_once),
		ONE(a_request_is_met_once_wherever_the_master_is_killed),
		ONE(a_child_inherits_no_request),
		ONE(clearing_takes_what_only_others_have),
		ONE(a_gauge_that_changed_stays_whatever_its_value),
		ONE(a_false_request_takes_no_more_than_is_there),
		ONE(a_series_nobody_changes_expires),
		ONE(what_cannot_be_removed_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
