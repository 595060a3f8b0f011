/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many workers, one view: sums, gauge modes, conflicts, shared history.
 */
#include "reading.h"
#include "workers.h"

/* ---- sums --------------------------------------------------------------------------------- */

static void some_of_all(void *arg)
{
	const unsigned *n = arg;
	struct muster_family *by_path = declare(MUSTER_COUNTER, 0, "calls_total", "path");

	muster_counter_add(muster_counter_with(declare(MUSTER_COUNTER, 0, "runs_total", NULL)), *n);
	muster_real_counter_add(muster_real_counter_with(declare(MUSTER_REAL_COUNTER, 0, "busy_seconds_total", NULL)), 0.1);
	muster_histogram h = muster_histogram_with(declare(MUSTER_HISTOGRAM, 0, "wait_seconds", NULL));
	muster_histogram_observe(h, 0.005);
	muster_histogram_observe(h, 99);
	muster_summary_observe(muster_summary_with(declare(MUSTER_SUMMARY, 0, "size_bytes", NULL)), 1.5);
	muster_in_flight_begin(muster_in_flight_with(declare(MUSTER_IN_FLIGHT, 0, "flying", NULL)));
	muster_counter_inc(muster_counter_with(by_path, "/b"));
	muster_counter_add(muster_counter_with(by_path, *n % 2 ? "/odd" : "/even"), 5);
}

static void check_sums(const struct muster_region *region, int64_t flying)
{
	const struct muster__view *view = &region->merge.view;
	const struct muster__view_series *h = series_of(region, "wait_seconds", "");

	assert_int_equal(int_of(region, "runs_total", ""), 6);
	assert_true(real_of(region, "busy_seconds_total", "") == 0.1 + 0.1 + 0.1 || /* rounded once, not twice */
	            real_of(region, "busy_seconds_total", "") == 0.3);
	assert_int_equal(view->ints[h->int_at], 3);
	assert_int_equal(view->ints[h->int_at + 11], 3);
	assert_true(real_of(region, "wait_seconds", "") == 3 * 99.005);
	assert_int_equal(int_of(region, "size_bytes", ""), 3);
	assert_true(real_of(region, "size_bytes", "") == 4.5);
	assert_int_equal(int_of(region, "calls_total", "/b"), 3);
	assert_int_equal(int_of(region, "calls_total", "/odd"), 10);
	assert_int_equal(int_of(region, "calls_total", "/even"), 5);
	assert_int_equal(int_of(region, "flying", ""), flying);
}

static void adds_the_living_and_the_dead(void **state)
{
	(void)state;
	unsigned one = 1, two = 2, three = 3;

	pid_t a = worker_start(some_of_all, &one), b = worker_start(some_of_all, &two);
	worker_live_and_die(some_of_all, &three);
	struct muster_region *region = reader();
	check_sums(region, 2);
	assert_int_equal(stats_of(region).live, 2);
	assert_int_equal(stats_of(region).dead, 1);
	worker_kill(a);
	assert_int_equal(muster_region_refresh(region), 0);
	check_sums(region, 1);
	worker_kill(b);
	assert_int_equal(muster_region_refresh(region), 0);
	check_sums(region, 0);
	muster_region_destroy(&region);
}

static void late_add(void *arg)
{
	some_of_all(arg);
	worker_tell();
	struct muster_family *f = declare(MUSTER_COUNTER, 0, "late_total", "n");
	char n[16];
	for (int i = 0; i < 3000; i++) {
		(void)snprintf(n, sizeof n, "%d", i);
		muster_counter_inc(muster_counter_with(f, n));
	}
	muster_counter_add(muster_counter_with(declare(MUSTER_COUNTER, 0, "done_total", NULL)), 1);
}

static void follows_what_a_worker_publishes_later(void **state)
{
	(void)state;
	unsigned one = 1;

	pid_t pid = worker_start(late_add, &one);
	struct muster_region *region = reader_open();
	int64_t done = 0;
	while (done < 1) {
		assert_int_equal(muster_region_refresh(region), 0);
		done = int_of(region, "done_total", "");
	}
	assert_int_equal(int_of(region, "late_total", "0"), 1);
	assert_int_equal(int_of(region, "late_total", "2999"), 1);
	assert_int_equal(stats_of(region).series, 7 + 3001);
	assert_int_equal(told.count, 0);
	muster_region_destroy(&region);
	worker_kill(pid);
}

static void view_is_in_byte_order(void **state)
{
	(void)state;
	unsigned one = 1, two = 2;

	worker_live_and_die(some_of_all, &two);
	worker_live_and_die(some_of_all, &one);
	struct muster_region *region = reader();
	const struct muster__view *view = &region->merge.view;
	for (size_t i = 1; i < view->family_count; i++)
		assert_true(strcmp(view->families[i - 1]->name, view->families[i]->name) < 0);
	const struct muster__view_family *calls = series_of(region, "calls_total", "/b")->family;
	static const char *const values[] = {"/b", "/even", "/odd"};
	for (size_t i = 0; i < 3; i++) {
		const char *at = muster__view_at(view, calls->series[i])->values;
		struct muster_str value = muster__value_next(&at);
		assert_int_equal(value.count, strlen(values[i]));
		assert_memory_equal(value.bytes, values[i], value.count);
	}
	muster_region_destroy(&region);
}

/* ---- gauges ------------------------------------------------------------------------------- */

static const char *const mode_names[] = {NULL,      "all", "liveall", "min",        "livemin",       "max",
                                         "livemax", "sum", "livesum", "mostrecent", "livemostrecent"};

static void set_all_modes(void *arg)
{
	const double *value = arg;

	for (int mode = MUSTER_ALL; mode <= MUSTER_LIVEMOSTRECENT; mode++) {
		struct muster_family *f = declare(MUSTER_GAUGE, (enum muster_mode)mode, mode_names[mode], NULL);
		if (*value != 0)
			muster_gauge_set(muster_gauge_with(f), *value);
	}
}

/* Dead 1, dead 50, live 7, live 30, and a live one that set none. */
static void gauges_follow_their_modes(void **state)
{
	(void)state;
	static const double expected[] = {0, 0, 0, 1, 7, 50, 30, 88, 37, 7, 7};
	double one = 1, fifty = 50, thirty = 30, seven = 7, none = 0;

	worker_live_and_die(set_all_modes, &one);
	worker_live_and_die(set_all_modes, &fifty);
	pid_t b = worker_start(set_all_modes, &thirty), a = worker_start(set_all_modes, &seven);
	pid_t c = worker_start(set_all_modes, &none);
	struct muster_region *region = reader();
	for (int mode = MUSTER_MIN; mode <= MUSTER_LIVEMOSTRECENT; mode++)
		assert_true(gauge_of(region, mode_names[mode], "") == expected[mode]);
	const struct muster__view *view = &region->merge.view;
	assert_int_equal(view->pid_sample_count, 4 + 2);
	for (int i = 0; i < 6; i++) {
		const struct muster__view_pid_sample *s = view->pid_samples + i;
		assert_string_equal(s->series->family->name, i < 4 ? "all" : "liveall");
		if (i != 0 && i != 4)
			assert_true(s[-1].pid < s->pid);
		if (s->pid == (uint32_t)a)
			assert_true(s->value == 7);
		if (s->pid == (uint32_t)b)
			assert_true(s->value == 30);
	}
	muster_region_destroy(&region);
	worker_kill(a);
	worker_kill(b);
	worker_kill(c);
}

static void unset_gauges(void *arg)
{
	(void)arg;
	(void)muster_gauge_with(declare(MUSTER_GAUGE, MUSTER_LIVEMAX, "plain", NULL));
	(void)muster_gauge_with(declare(MUSTER_GAUGE, MUSTER_LIVEMAX, "labelled", "x"), "y");
}

static void unset_gauge_is_0_without_labels_and_absent_with(void **state)
{
	(void)state;
	worker_live_and_die(unset_gauges, NULL);
	struct muster_region *region = reader();
	assert_true(gauge_of(region, "plain", "") == 0);
	assert_true(isnan(gauge_of(region, "labelled", "y")));
	muster_region_destroy(&region);
}

/* ---- conflicts ---------------------------------------------------------------------------- */

static void first_description(void *arg)
{
	static const double bounds[] = {1, 2};
	struct muster_opts h = {.name = "wait", .help = "One help.", .bounds = bounds, .bounds_count = 2};
	struct muster_family *f;

	(void)arg;
	assert_int_equal(muster_declare(MUSTER_HISTOGRAM, &h, &f), 0);
	muster_histogram_observe(muster_histogram_with(f), 1);
	muster_counter_inc(muster_counter_with(declare(MUSTER_COUNTER, 0, "runs_total", NULL)));
}

static void a17_second_description(void *arg)
{
	static const double bounds[] = {1, 3};
	struct muster_opts h = {.name = "wait", .help = "One help.", .bounds = bounds, .bounds_count = 2};
	struct muster_opts c = {.name = "runs_total", .help = "Another help."};
	struct muster_family *f;

	(void)arg;
	assert_int_equal(muster_declare(MUSTER_HISTOGRAM, &h, &f), 0);
	muster_histogram_observe(muster_histogram_with(f), 1);
	assert_int_equal(muster_declare(MUSTER_COUNTER, &c, &f), 0);
	muster_counter_inc(muster_counter_with(f));
}

static void a17_first_description_stands_and_the_other_is_counted(void **state)
{
	(void)state;
	pid_t a = worker_start(first_description, NULL);
	struct muster_region *region = reader();
	pid_t b = worker_start(a17_second_description, NULL);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(muster_region_refresh(region), 0);
		assert_int_equal(int_of(region, "wait", ""), 1);
		assert_int_equal(int_of(region, "runs_total", ""), 2);
		assert_string_equal(series_of(region, "runs_total", "")->family->help, "Help.");
		assert_int_equal(region->merge.view.events[MUSTER__EVENT_FAMILY_CONFLICT], 1);
	}
	muster_region_destroy(&region);
	worker_kill(a);
	worker_kill(b);
}

static void reserved_names(void *arg)
{
	(void)arg;
	muster_counter_inc(muster_counter_with(declare(MUSTER_COUNTER, 0, "muster_dropped_series_total", NULL)));
	muster_counter_inc(muster_counter_with(declare(MUSTER_COUNTER, 0, "runs_total", NULL)));
}

static void a18_names_of_the_encoder_are_left_out(void **state)
{
	(void)state;
	worker_live_and_die(reserved_names, NULL);
	struct muster_region *region = reader();
	assert_null(series_of(region, "muster_dropped_series_total", ""));
	assert_int_equal(int_of(region, "runs_total", ""), 1);
	assert_int_equal(region->merge.view.events[MUSTER__EVENT_FAMILY_CONFLICT], 1);
	muster_region_destroy(&region);
}

static void drops(void *arg)
{
	(void)arg;
	const char *const labels[] = {"n", NULL};
	struct muster_opts o = {.name = "few_total", .help = "Help.", .labels = labels, .series_max = 1};
	struct muster_family *f;
	assert_int_equal(muster_declare(MUSTER_COUNTER, &o, &f), 0);
	(void)muster_counter_with(f, "1");
	(void)muster_counter_with(f, "2");
	(void)muster_counter_with(f, "3");
	muster_real_counter_add(muster_real_counter_with(declare(MUSTER_REAL_COUNTER, 0, "r_total", NULL)), -1);
}

static void drops_and_refusals_are_added_up(void **state)
{
	(void)state;
	worker_live_and_die(drops, NULL);
	pid_t pid = worker_start(drops, NULL);
	struct muster_region *region = reader();
	assert_int_equal(series_of(region, "few_total", "1")->family->drops[MUSTER__DROP_FAMILY_LIMIT], 4);
	assert_int_equal(region->merge.view.events[MUSTER__EVENT_REFUSED_NEGATIVE], 2);
	muster_region_destroy(&region);
	worker_kill(pid);
}

/* ---- shared history ----------------------------------------------------------------------- */

static void child_of(muster_counter shared, const char *own)
{
	if (fork() != 0)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	muster_counter_inc(shared);
	if (own)
		muster_counter_inc(muster_counter_with(declare(MUSTER_COUNTER, 0, own, NULL)));
	worker_tell();
	for (;;)
		pause();
}

/* A parent with a family, two children; then one more family, and a child. Killing it kills them. */
static void parent_of_three(void *arg)
{
	int fds[2], ready = worker_ready;
	char bytes[3];

	(void)arg;
	if (pipe(fds) != 0)
		_exit(95);
	worker_ready = fds[1];
	muster_counter shared = muster_counter_with(declare(MUSTER_COUNTER, 0, "shared_total", NULL));
	child_of(shared, NULL);
	child_of(shared, "own_total");
	muster_counter later = muster_counter_with(declare(MUSTER_COUNTER, 0, "later_total", NULL));
	child_of(shared, NULL);
	for (int n = 0; n < 3; n++)
		if (read(fds[0], bytes, 1) != 1)
			_exit(94);
	muster_counter_inc(later);
	worker_ready = ready;
}

static size_t nodes_count(const struct muster__catalogue *node)
{
	size_t n = 0;

	for (const struct muster__catalogue *child = node->children; child; child = child->next)
		n += 1 + nodes_count(child);
	return n;
}

static void what_siblings_share_is_validated_once(void **state)
{
	(void)state;
	pid_t pid = worker_start(parent_of_three, NULL);
	struct muster_region *region = reader();
	assert_int_equal(stats_of(region).live, 4);
	assert_int_equal(int_of(region, "shared_total", ""), 3);
	assert_int_equal(int_of(region, "own_total", ""), 1);
	assert_int_equal(int_of(region, "later_total", ""), 1);
	/* what all have; what the parent and the third child have; what the second child has */
	assert_int_equal(nodes_count(region->root), 3);
	for (int i = 0; i < 3; i++)
		assert_int_equal(muster_region_refresh(region), 0);
	assert_int_equal(int_of(region, "shared_total", ""), 3);
	muster_region_destroy(&region);
	worker_kill(pid);
}

/* More than a mebibyte of catalogue. */
static void ten_thousand(void *arg)
{
	struct muster_family *f = declare(MUSTER_COUNTER, 0, "many_total", "n");
	char n[128];

	(void)arg;
	for (int i = 0; i < 10000; i++) {
		(void)snprintf(n, sizeof n, "%0100d", i);
		muster_counter_inc(muster_counter_with(f, n));
	}
}

/* The only slab there is: under another name, or back. */
static void slab_hide(char *name, bool hide)
{
	char path[400], hidden[400];
	DIR *dir = opendir(support_region);

	for (struct dirent *e; hide && (e = readdir(dir));)
		if (strncmp(e->d_name, "slab.", 5) == 0)
			(void)snprintf(name, 256, "%s", e->d_name);
	closedir(dir);
	(void)snprintf(path, sizeof path, "%s/%s", support_region, name);
	(void)snprintf(hidden, sizeof hidden, "%s/hidden", support_region);
	assert_int_equal(hide ? rename(path, hidden) : rename(hidden, path), 0);
}

static uint64_t created_of(const struct muster_region *region, int i)
{
	char n[128];

	(void)snprintf(n, sizeof n, "%0100d", i);
	assert_int_equal(int_of(region, "many_total", n), 2);
	return series_of(region, "many_total", n)->created_unix_ns;
}

static void workers_of_one_program_share_what_they_create_alike(void **state)
{
	(void)state;
	char name[256];
	pid_t first = worker_start(ten_thousand, NULL);
	slab_hide(name, true);
	struct timespec between;
	clock_gettime(CLOCK_REALTIME, &between);
	pid_t second = worker_start(ten_thousand, NULL);
	struct muster_region *region = reader();
	assert_int_equal(stats_of(region).live, 1);
	slab_hide(name, false);
	assert_int_equal(muster_region_refresh(region), 0);
	assert_int_equal(stats_of(region).live, 2);
	assert_int_equal(nodes_count(region->root), 1);
	uint64_t ns = (uint64_t)between.tv_sec * 1000000000 + (uint64_t)between.tv_nsec;
	for (int i = 0; i < 10000; i += 3333)
		assert_true(created_of(region, i) < ns);
	muster_region_destroy(&region);
	worker_kill(first);
	worker_kill(second);
}

/* ---- cut short ---------------------------------------------------------------------------- */

static void truncate_slabs(off_t bytes)
{
	char path[400];
	DIR *dir = opendir(support_region);

	for (struct dirent *e; (e = readdir(dir));) {
		(void)snprintf(path, sizeof path, "%s/%s", support_region, e->d_name);
		if (strncmp(e->d_name, "slab.", 5) == 0 && truncate(path, bytes) != 0)
			fail();
	}
	closedir(dir);
}

static void a24_truncated_while_read_is_contained(void **state)
{
	(void)state;
	unsigned one = 1;

	assert_int_equal(muster_guard_install(), 0);
	assert_int_equal(muster_guard_install(), 0);
	pid_t bad[3];
	for (int i = 0; i < 3; i++)
		bad[i] = worker_start(some_of_all, &one);
	struct muster_region *region = reader();
	assert_int_equal(int_of(region, "calls_total", "/b"), 3);
	truncate_slabs(4096); /* header there, cells not */
	pid_t good = worker_start(first_description, NULL);
	assert_int_equal(muster_region_refresh(region), 0);
	assert_int_equal(told.count, 3);
	assert_int_equal(told.reason, MUSTER_QUARANTINE_SHRUNK);
	assert_int_equal(int_of(region, "runs_total", ""), 1);
	assert_null(series_of(region, "calls_total", "/b"));
	assert_int_equal(stats_of(region).live, 1);
	truncate_slabs(0);
	assert_int_equal(muster_region_refresh(region), 0);
	assert_int_equal(told.count, 4);
	assert_int_equal(stats_of(region).series, 0);
	muster_region_destroy(&region);
	for (int i = 0; i < 3; i++)
		worker_kill(bad[i]);
	worker_kill(good);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(adds_the_living_and_the_dead, setup, teardown),
		cmocka_unit_test_setup_teardown(follows_what_a_worker_publishes_later, setup, teardown),
		cmocka_unit_test_setup_teardown(view_is_in_byte_order, setup, teardown),
		cmocka_unit_test_setup_teardown(gauges_follow_their_modes, setup, teardown),
		cmocka_unit_test_setup_teardown(unset_gauge_is_0_without_labels_and_absent_with, setup, teardown),
		cmocka_unit_test_setup_teardown(a17_first_description_stands_and_the_other_is_counted, setup, teardown),
		cmocka_unit_test_setup_teardown(a18_names_of_the_encoder_are_left_out, setup, teardown),
		cmocka_unit_test_setup_teardown(drops_and_refusals_are_added_up, setup, teardown),
		cmocka_unit_test_setup_teardown(what_siblings_share_is_validated_once, setup, teardown),
		cmocka_unit_test_setup_teardown(workers_of_one_program_share_what_they_create_alike, setup, teardown),
		cmocka_unit_test_setup_teardown(a24_truncated_while_read_is_contained, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
