/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Folding: the dead enter the ledger exactly once, whenever the master dies, and nobody sees a total fall.
 */
#include "folding.h"
#include "killed.h"
#include "slab_forge.h"

static void some_of_all(void *arg)
{
	const double *x = arg;

	muster_counter_add(muster_counter_with(declare(MUSTER_COUNTER, 0, "runs_total", NULL)), 2);
	muster_counter_add(muster_counter_with(declare(MUSTER_COUNTER, 0, "calls_total", "path"), *x < 2 ? "/a" : "/b"), 3);
	muster_real_counter_add(muster_real_counter_with(declare(MUSTER_REAL_COUNTER, 0, "busy_total", NULL)), *x);
	muster_histogram h = muster_histogram_with(declare(MUSTER_HISTOGRAM, 0, "wait", NULL));
	muster_histogram_observe(h, *x);
	muster_histogram_observe(h, 0.3);
	muster_native_histogram_observe(muster_native_histogram_with(declare(MUSTER_NATIVE_HISTOGRAM, 0, "spread", NULL)),
	                                *x);
	muster_summary_observe(muster_summary_with(declare(MUSTER_SUMMARY, 0, "size", "k"), "v"), *x);
	muster_in_flight_begin(muster_in_flight_with(declare(MUSTER_IN_FLIGHT, 0, "flying", NULL)));
	for (int mode = MUSTER_ALL; mode <= MUSTER_LIVEMOSTRECENT; mode++) {
		char name[16];
		(void)snprintf(name, sizeof name, "gauge_%d", mode);
		muster_gauge_set(muster_gauge_with(declare(MUSTER_GAUGE, (enum muster_mode)mode, name, NULL)), *x);
	}
}

/* Everything the view says, in a form to compare. */
struct said {
	uint64_t ints[256];
	double reals[16];
	struct muster__view_gauge gauges[16];
	double samples[16];
	size_t families, series, sample_count;
};

static struct said say(const struct muster_region *region)
{
	const struct muster__view *view = &region->merge.view;
	struct said said;
	size_t ints = 0, reals = 0, gauges = 0;

	memset(&said, 0, sizeof said);
	for (size_t i = 0; i < view->family_count; i++)
		for (size_t j = 0; j < view->families[i]->series_count; j++) {
			const struct muster__view_series *s = muster__view_at(view, view->families[i]->series[j]);
			struct muster__cells cells =
				muster__cells_of(s->family->type, s->family->mode, s->family->bounds, s->family->bounds_count);
			said.series++;
			if (s->family->type == MUSTER_GAUGE) {
				if (!muster__mode_per_pid(s->family->mode))
					said.gauges[gauges++] = view->gauges[s->gauge_at];
				continue;
			}
			memcpy(said.ints + ints, view->ints + s->int_at, cells.sums * 8);
			memcpy(said.reals + reals, view->reals + s->real_at, cells.reals * 8);
			ints += cells.sums;
			reals += cells.reals;
		}
	said.families = view->family_count;
	said.sample_count = view->pid_sample_count;
	for (size_t i = 0; i < view->pid_sample_count; i++)
		said.samples[i] = view->pid_samples[i].value;
	return said;
}

static void expect_same(const struct said *a, const struct said *b)
{
	assert_memory_equal(a->ints, b->ints, sizeof a->ints);
	assert_memory_equal(a->reals, b->reals, sizeof a->reals);
	assert_int_equal(a->families, b->families);
	assert_int_equal(a->series, b->series);
	assert_int_equal(a->sample_count, b->sample_count);
	assert_memory_equal(a->samples, b->samples, sizeof a->samples);
	for (int i = 0; i < 16; i++) {
		assert_true(a->gauges[i].value == b->gauges[i].value);
		assert_int_equal(a->gauges[i].set, b->gauges[i].set);
		assert_int_equal(a->gauges[i].time_ns, b->gauges[i].time_ns);
	}
}

static void view_is_the_same_after_a_fold(void **state)
{
	(void)state;
	double xs[] = {0.1, 0.2, 0.3, 7};

	pid_t live = worker_start(some_of_all, xs + 3);
	struct muster_region *region = master(), *other;
	for (int i = 0; i < 3; i++) {
		worker_live_and_die(some_of_all, xs + i);
		assert_int_equal(muster_region_refresh(region), 0);
		struct said before = say(region), after;
		assert_int_equal(fold(region), 1);
		after = say(region);
		expect_same(&before, &after);
		assert_int_equal(muster_region_refresh(region), 0);
		after = say(region);
		expect_same(&before, &after);
		other = reader();
		after = say(other);
		expect_same(&before, &after);
		muster_region_destroy(&other);
	}
	assert_int_equal(files_named("slab."), 1);
	assert_int_equal(files_named("ledger"), 1);
	assert_int_equal(int_of(region, "runs_total", ""), 8);
	assert_int_equal(int_of(region, "calls_total", "/a"), 9);
	assert_int_equal(int_of(region, "flying", ""), 1);
	assert_int_equal(region->merge.view.pid_sample_count, 4 + 1);
	worker_kill(live);
	assert_int_equal(muster_region_refresh(region), 0);
	assert_int_equal(fold(region), 1);
	assert_int_equal(files_named("slab."), 0);
	muster_region_destroy(&region);
	region = reader();
	assert_int_equal(int_of(region, "runs_total", ""), 8);
	assert_int_equal(region->merge.view.pid_sample_count, 4);
	assert_int_equal(told.count, 0);
	muster_region_destroy(&region);
}

/* ---- sums of reals ------------------------------------------------------------------------ */

static void sums_of_reals_do_not_depend_on_who_died_first(void **state)
{
	(void)state;
	static const double xs[] = {1e16, 1, 0.1, 3, 1e-9, 1e16, 0.7, 12345.678};
	double busy = -1;

	struct muster_region *region = master();
	pid_t pids[8];
	for (int i = 0; i < 8; i++)
		pids[i] = worker_start(some_of_all, (void *)(uintptr_t)(xs + i));
	for (int i = 0; i < 8; i++) {
		assert_int_equal(muster_region_refresh(region), 0);
		double now = real_of(region, "busy_total", "");
		assert_true(busy == -1 || now == busy);
		busy = now;
		worker_kill(pids[(i * 5 + 2) % 8]);
		assert_int_equal(muster_region_refresh(region), 0);
		assert_true(real_of(region, "busy_total", "") == busy);
		assert_int_equal(fold(region), 1);
	}
	assert_int_equal(muster_region_refresh(region), 0);
	assert_true(real_of(region, "busy_total", "") == busy);
	muster_region_destroy(&region);
}

/* ---- exactly once ------------------------------------------------------------------------- */

static bool a_master_folds(void)
{
	struct muster_region *region;

	return muster_region_open(support_region, &region) == 0 && muster__region_lock(region) == 0 &&
	       muster_region_refresh(region) == 0 && muster__region_fold(region, NULL) == 0;
}

/* The promise: the next master loses nothing and counts nothing twice. */
static void master_killed_at_every_step_of_a_fold(void **state)
{
	(void)state;
	bool ended = false;
	int64_t workers = 0;

	for (int n = 0; !ended; n++) {
		worker_live_and_die(count_two, NULL);
		worker_live_and_die(count_two, NULL);
		workers += 2;
		ended = killed_at(a_master_folds, n);
		struct muster_region *region = reader();
		expect_runs(region, workers);
		assert_int_equal(told.count, 0);
		muster_region_destroy(&region);
		if (n % 3 == 0) {
			region = master();
			expect_runs(region, workers);
			(void)fold(region);
			assert_int_equal(muster_region_refresh(region), 0);
			expect_runs(region, workers);
			assert_int_equal(files_named("slab."), 0);
			assert_int_equal(files_named("."), 2);
			muster_region_destroy(&region);
		}
		assert_true(n < 2000);
	}
	assert_true(workers > 40);
}

static void keep_slabs(const char *suffix_from, const char *suffix_to)
{
	char from[400], to[500];
	DIR *dir = opendir(support_region);

	for (struct dirent *e; (e = readdir(dir));) {
		if (strncmp(e->d_name, suffix_from, strlen(suffix_from)) != 0)
			continue;
		(void)snprintf(from, sizeof from, "%s/%s", support_region, e->d_name);
		(void)snprintf(to, sizeof to, "%s/%s%s", support_region, suffix_to, e->d_name + strlen(suffix_from));
		if (link(from, to) != 0)
			fail();
	}
	closedir(dir);
}

static void slab_that_the_ledger_lists_is_only_unlinked(void **state)
{
	(void)state;
	worker_live_and_die(count_two, NULL);
	keep_slabs("slab.", "kept.");
	struct muster_region *region = master();
	assert_int_equal(fold(region), 1);
	muster_region_destroy(&region);
	keep_slabs("kept.", "slab."); /* as if the master had been killed before it unlinked */
	region = reader();
	expect_runs(region, 1);
	muster_region_destroy(&region);
	region = master();
	expect_runs(region, 1);
	assert_int_equal(files_named("slab."), 1);
	assert_int_equal(fold(region), 0);
	assert_int_equal(files_named("slab."), 0);
	assert_int_equal(muster_region_refresh(region), 0);
	expect_runs(region, 1);
	muster_region_destroy(&region);
}

/* ---- a reader beside the master ----------------------------------------------------------- */

#define CHURN 150

static void churn(void *arg)
{
	struct muster_region *region;

	(void)arg;
	worker_tell();
	if (muster_region_open(support_region, &region) != 0 || muster__region_lock(region) != 0)
		_exit(87);
	for (int i = 0; i < CHURN; i++) {
		pid_t pid = fork();
		if (pid == 0) {
			count_two(NULL);
			_exit(0);
		}
		if (waitpid(pid, NULL, 0) != pid || muster_region_refresh(region) != 0 ||
		    muster__region_fold(region, NULL) != 0)
			_exit(86);
	}
}

static void reader_beside_the_master_counts_each_worker_once(void **state)
{
	(void)state;
	pid_t pid = worker_start(churn, NULL);
	struct muster_region *kept = reader_open();
	int64_t seen = 0;

	while (seen < 2 * CHURN) {
		struct muster_region *fresh = reader();
		int64_t now = int_of(fresh, "runs_total", "");
		assert_true(now == -1 || (now >= seen && now <= 2 * CHURN));
		assert_false(real_of(fresh, "busy_total", "") < (double)now * 0.25 - 0.5); /* NaN: not there yet */
		if (now > seen)
			seen = now;
		muster_region_destroy(&fresh);
		assert_int_equal(muster_region_refresh(kept), 0);
		now = int_of(kept, "runs_total", "");
		assert_true(now == -1 || (now >= seen && now <= 2 * CHURN));
		if (now > seen)
			seen = now;
	}
	assert_int_equal(told.count, 0);
	muster_region_destroy(&kept);
	worker_kill(pid);
}

/* The ledger lists a slab only until it is unlinked: a reader that slept over two folds must know it by
 * its name being gone. */
static void reader_that_slept_over_two_folds_counts_each_worker_once(void **state)
{
	(void)state;
	worker_live_and_die(count_two, NULL);
	pid_t pid = worker_start(count_two, NULL);
	struct muster_region *sleeper = reader(), *region = master();
	expect_runs(sleeper, 2);
	worker_kill(pid);
	for (int i = 3; i <= 4; i++) {
		assert_int_equal(muster_region_refresh(region), 0);
		assert_true(fold(region) > 0);
		worker_live_and_die(count_two, NULL);
	}
	assert_int_equal(muster_region_refresh(sleeper), 0);
	expect_runs(sleeper, 4);
	muster_region_destroy(&sleeper);
	muster_region_destroy(&region);
}

/* ---- a reader that becomes the master ----------------------------------------------------- */

static void heir_counts_those_once_that_were_folded_before_it(void **state)
{
	(void)state;
	worker_live_and_die(count_two, NULL);
	pid_t pid = worker_start(count_two, NULL);
	struct muster_region *heir = reader(), *region = master();
	expect_runs(heir, 2);
	worker_kill(pid);
	for (int i = 3; i <= 4; i++) {
		assert_int_equal(muster_region_refresh(region), 0);
		assert_true(fold(region) > 0);
		worker_live_and_die(count_two, NULL);
	}
	muster_region_destroy(&region);
	assert_int_equal(muster__region_lock(heir), 0);
	assert_int_equal(muster_region_refresh(heir), 0);
	expect_runs(heir, 4);
	assert_int_equal(fold(heir), 1);
	assert_int_equal(muster_region_refresh(heir), 0);
	expect_runs(heir, 4);
	muster_region_destroy(&heir);
}

static void heir_lists_on_whose_name_is_still_there(void **state)
{
	(void)state;
	worker_live_and_die(count_two, NULL);
	keep_slabs("slab.", "kept.");
	struct muster_region *region = master();
	assert_int_equal(fold(region), 1);
	muster_region_destroy(&region);
	keep_slabs("kept.", "slab."); /* as if that master had been killed before it unlinked */
	usleep(150000);               /* so that the next look need not scan; the one after the lock must */
	struct muster_region *heir = reader();
	assert_int_equal(muster_region_refresh(heir), 0);
	expect_runs(heir, 1);
	assert_int_equal(muster__region_lock(heir), 0);
	assert_int_equal(muster_region_refresh(heir), 0);
	assert_int_equal(fold(heir), 0);
	assert_int_equal(files_named("slab."), 0);
	worker_live_and_die(count_two, NULL);
	assert_int_equal(muster_region_refresh(heir), 0);
	assert_int_equal(fold(heir), 1);
	expect_runs(heir, 2);
	muster_region_destroy(&heir);
	region = reader();
	expect_runs(region, 2);
	muster_region_destroy(&region);
}

/* ---- who may not ------------------------------------------------------------------------- */

static void reader_may_not_fold(void **state)
{
	(void)state;
	worker_live_and_die(count_two, NULL);
	struct muster_region *region = reader();
	assert_int_equal(muster__region_fold(region, NULL), -EPERM);
	assert_int_equal(files_named("slab."), 1);
	muster_region_destroy(&region);
}

/* ---- samples per pid ---------------------------------------------------------------------- */

static struct forge forged;

static void forge_samples(uint32_t pid)
{
	char name[32];

	forge_begin(&forged);
	forge_header(&forged)->identity.pid = pid;
	forge_header(&forged)->identity.instance = pid;
	forge_family(&forged, MUSTER_GAUGE, MUSTER_ALL, "temperature", "room");
	*forge_gauge(&forged, forge_series(&forged, "a")->int_cell) = muster__bits(pid) ^ MUSTER__GAUGE_KEY;
	*forge_gauge(&forged, forge_series(&forged, "b")->int_cell) = muster__bits(pid) ^ MUSTER__GAUGE_KEY;
	(void)snprintf(name, sizeof name, "slab.%u", pid);
	forge_write(&forged, name, true, FORGE_BYTES);
}

static void the_newest_samples_of_the_dead_are_kept(void **state)
{
	(void)state;
	struct muster_region *region = master();
	for (uint32_t pid = 1; pid <= 600; pid++) {
		forge_samples(pid == 600 ? 5 : 10000 - pid); /* newest have low pids; pid 5 is the last */
		if (pid % 100 == 0 || pid == 1) {
			assert_int_equal(muster_region_refresh(region), 0);
			(void)fold(region);
		}
	}
	assert_int_equal(muster_region_refresh(region), 0);
	const struct muster__view *view = &region->merge.view;
	assert_int_equal(view->pid_sample_count, 1000);
	assert_int_equal(view->pid_samples[0].pid, 5);
	bool oldest = false;
	for (size_t i = 0; i < view->pid_sample_count; i++)
		oldest = oldest || view->pid_samples[i].pid == 9999;
	assert_false(oldest);
	muster_region_destroy(&region);
}

static void pid_that_is_used_again_is_on_the_page_once(void **state)
{
	(void)state;
	struct muster_region *region = master();
	forge_samples(77);
	assert_int_equal(muster_region_refresh(region), 0);
	assert_int_equal(fold(region), 1);
	forge_samples(77);
	assert_int_equal(muster_region_refresh(region), 0);
	assert_int_equal(region->merge.view.pid_sample_count, 2);
	muster_region_destroy(&region);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(view_is_the_same_after_a_fold, setup, teardown),
		cmocka_unit_test_setup_teardown(sums_of_reals_do_not_depend_on_who_died_first, setup, teardown),
		cmocka_unit_test_setup_teardown(master_killed_at_every_step_of_a_fold, setup, teardown),
		cmocka_unit_test_setup_teardown(slab_that_the_ledger_lists_is_only_unlinked, setup, teardown),
		cmocka_unit_test_setup_teardown(reader_beside_the_master_counts_each_worker_once, setup, teardown),
		cmocka_unit_test_setup_teardown(reader_that_slept_over_two_folds_counts_each_worker_once, setup, teardown),
		cmocka_unit_test_setup_teardown(heir_counts_those_once_that_were_folded_before_it, setup, teardown),
		cmocka_unit_test_setup_teardown(heir_lists_on_whose_name_is_still_there, setup, teardown),
		cmocka_unit_test_setup_teardown(reader_may_not_fold, setup, teardown),
		cmocka_unit_test_setup_teardown(the_newest_samples_of_the_dead_are_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(pid_that_is_used_again_is_on_the_page_once, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
