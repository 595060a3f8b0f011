/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Quantiles of summaries when workers die, fork, run threads, have no room, or are not what they should be, and when
 * series are removed.
 */
#include <pthread.h>
#include <signal.h>

#include "quantiles.h"
#include "shm/store.h"

/* ---- folding ------------------------------------------------------------------------------ */

static void folded_observations_leave_with_their_window(void **state)
{
	double one = 1, two = 2;

	(void)state;
	worker_live_and_die(observe_one, &one);
	struct muster_region *region = master();
	assert_int_equal(fold(region), 1);
	shared->now_s += SLOT_S;
	worker_live_and_die(observe_one, &two);
	assert_int_equal(muster_region_refresh(region), 0);
	assert_int_equal(fold(region), 1);
	assert_int_equal(muster_region_refresh(region), 0);
	assert_int_equal(in_window(region, "s", ""), 2);
	shared->now_s += 3 * SLOT_S;
	assert_int_equal(muster_region_refresh(region), 0);
	assert_int_equal(in_window(region, "s", ""), 1);
	assert_true(fabs(quantile_of(region, "s", "", 0) - 2) <= 2 * ERROR_MAX);
	shared->now_s += SLOT_S;
	assert_int_equal(muster_region_refresh(region), 0);
	assert_int_equal(in_window(region, "s", ""), 0);
	assert_int_equal(int_of(region, "s", ""), 2);
	muster_region_destroy(&region);
}

static void a_ledger_takes_only_pages_that_hold_something(void **state)
{
	double one = 1;
	struct stat st;
	char path[200];

	(void)state;
	worker_live_and_die(observe_one, &one);
	struct muster_region *region = master();
	assert_int_equal(fold(region), 1);
	(void)snprintf(path, sizeof path, "%s/ledger", support_region);
	assert_int_equal(stat(path, &st), 0);
	assert_true(st.st_size > (off_t)MUSTER__SKETCH_BYTES);
	assert_true(st.st_blocks * 512 < 40 << 10);
	muster_region_destroy(&region);
}

/* ---- forgetting --------------------------------------------------------------------------- */

static void observe_labelled(void *arg)
{
	muster_summary_observe(muster_summary_with(family_over("l", "k", WINDOW_S), "a"), *(const double *)arg);
}

static struct {
	_Atomic int step;
} * steps;

/* Observes, and again when told. */
static void observe_twice(void *arg)
{
	(void)arg;
	muster_summary s = muster_summary_with(family_over("l", "k", WINDOW_S), "a");
	muster_summary_observe(s, 5);
	worker_tell();
	while (steps->step == 0)
		usleep(1000);
	muster_summary_observe(s, 7);
	steps->step = 2;
	for (;;)
		pause();
}

static void observe_and_remove(void *arg)
{
	observe_labelled(arg);
	if (muster_remove_with(family_over("l", "k", WINDOW_S), "a") != 0)
		_exit(95);
}

static void a_removed_series_comes_back_without_its_window(void **state)
{
	double one = 1, two = 2;

	(void)state;
	steps = mmap(NULL, sizeof *steps, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	worker_live_and_die(observe_labelled, &one);
	pid_t pid = worker_start(observe_twice, NULL);
	pid_t asks = worker_start(observe_and_remove, &two);
	struct muster_region *region = master();
	(void)fold(region);
	assert_int_equal(muster_region_refresh(region), 0);
	assert_true(series_of(region, "l", "a")->hidden);
	steps->step = 1;
	while (steps->step < 2)
		usleep(1000);
	assert_int_equal(muster_region_refresh(region), 0);
	assert_int_equal(int_of(region, "l", "a"), 1);
	assert_true(fabs(quantile_of(region, "l", "a", 0) - 7) <= 7 * ERROR_MAX);
	assert_true(fabs(quantile_of(region, "l", "a", 1) - 7) <= 7 * ERROR_MAX);
	worker_kill(pid);
	assert_int_equal(muster_region_refresh(region), 0);
	(void)fold(region);
	assert_int_equal(muster_region_refresh(region), 0);
	assert_true(fabs(quantile_of(region, "l", "a", 0) - 7) <= 7 * ERROR_MAX);
	muster_region_destroy(&region);
	worker_kill(asks);
	munmap(steps, sizeof *steps);
}

/* ---- processes and threads ---------------------------------------------------------------- */

static void fork_and_observe(void *arg)
{
	(void)arg;
	muster_summary s = summary();
	muster_summary_observe(s, 1);
	pid_t pid = fork();
	if (pid == 0) {
		muster_summary_observe(s, 2);
		_exit(0);
	}
	(void)waitpid(pid, NULL, 0);
	muster_summary_observe(s, 3);
}

static void a_forked_child_starts_empty(void **state)
{
	(void)state;
	pid_t pid = worker_start(fork_and_observe, NULL);
	expect_window(3);
	struct muster_region *region = reader();
	assert_int_equal(int_of(region, "s", ""), 3);
	muster_region_destroy(&region);
	worker_kill(pid);
}

#define THREADS 8
#define OBSERVATIONS 200000 /* so long that threads meet */

static muster_summary nested;
static _Atomic uint64_t from_signals;
static pthread_barrier_t together;

static void on_signal(int sig)
{
	(void)sig;
	muster_summary_observe(nested, 0.5);
	from_signals++;
}

static void *observe_many(void *arg)
{
	(void)pthread_barrier_wait(&together);
	for (int i = 0; i < OBSERVATIONS; i++)
		muster_summary_observe(nested, 0.5 + (i & 1));
	return arg;
}

static void observe_in_threads(void *arg)
{
	pthread_t threads[THREADS];
	uint64_t *observed = arg;

	nested = summary();
	(void)signal(SIGUSR1, on_signal);
	(void)pthread_barrier_init(&together, NULL, THREADS);
	for (int i = 0; i < THREADS; i++)
		(void)pthread_create(&threads[i], NULL, observe_many, NULL);
	for (int i = 0; i < 2000; i++)
		(void)pthread_kill(threads[i % THREADS], SIGUSR1);
	for (int i = 0; i < THREADS; i++)
		(void)pthread_join(threads[i], NULL);
	*observed = THREADS * OBSERVATIONS + from_signals;
}

static void threads_and_signal_handlers_lose_no_observation(void **state)
{
	uint64_t *observed = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	(void)state;
	pid_t pid = worker_start(observe_in_threads, observed);
	assert_true(*observed > THREADS * OBSERVATIONS);
	expect_window(*observed);
	worker_kill(pid);
	expect_window(*observed);
	munmap(observed, 4096);
}

static void observe_alone(void)
{
	double x = 4;

	unsetenv("MUSTER_REGION");
	observe(x);
	if (muster__region_join(support_region) != 0)
		_exit(1);
	observe(x);
}

static void what_was_observed_before_joining_a_region_comes_along(void **state)
{
	(void)state;
	assert_int_equal(in_child(observe_alone), 0);
	expect_window(2);
}

/* ---- room --------------------------------------------------------------------------------- */

static void observe_without_room(void *arg)
{
	(void)arg;
	(void)setenv("MUSTER_SLAB_BYTES_MAX", "57344", 1);
	muster_summary s = summary();
	for (int i = 0; i < 64; i++)
		muster_summary_observe(s, exp2(i));
}

static void without_space_the_count_is_right_and_it_is_counted(void **state)
{
	(void)state;
	worker_live_and_die(observe_without_room, NULL);
	struct muster_region *region = reader();
	uint64_t left_out = region->merge.view.events[MUSTER__EVENT_REFUSED_SKETCH];
	assert_int_equal(int_of(region, "s", ""), 64);
	assert_true(left_out > 0 && left_out < 64);
	assert_int_equal(in_window(region, "s", ""), 64 - left_out);
	muster_region_destroy(&region);
}

static void make_many_series(void *arg)
{
	struct muster_family *f = family_over("l", "k", WINDOW_S);
	char value[16];

	(void)arg;
	for (int i = 0; i < MUSTER_SKETCHES_MAX + 3; i++) {
		(void)snprintf(value, sizeof value, "%d", i);
		muster_summary_observe(muster_summary_with(f, value), 1);
	}
}

static void series_beyond_the_sketches_are_dropped_and_counted(void **state)
{
	(void)state;
	worker_live_and_die(make_many_series, NULL);
	struct muster_region *region = reader();
	const struct muster__view_family *f = muster__view_family_find(&region->merge, muster_str("l"));
	assert_int_equal(f->series_count, MUSTER_SKETCHES_MAX);
	assert_int_equal(f->drops[MUSTER__DROP_SLAB_FULL], 3);
	assert_true(quantile_of(region, "l", "1023", 0.5) > 0.9);
	muster_region_destroy(&region);
}

/* ---- hostile words ------------------------------------------------------------------------ */

/* Store a word into the only slab of the region, at `off` of its sketches. */
static void slab_store(uint64_t off, uint64_t word)
{
	struct muster__header_shm header;
	char path[400];
	DIR *dir = opendir(support_region);

	for (struct dirent *e; (e = readdir(dir));) {
		if (strncmp(e->d_name, "slab.", 5) != 0)
			continue;
		(void)snprintf(path, sizeof path, "%s/%s", support_region, e->d_name);
		int fd = open(path, O_RDWR);
		assert_int_equal(pread(fd, &header, sizeof header, 0), sizeof header);
		assert_int_equal(pwrite(fd, &word, 8, (off_t)(header.sketches.off + off)), 8);
		close(fd);
	}
	closedir(dir);
}

/* Of a word of the page that 1 is in, as its first bucket. */
static uint64_t word_off(uint32_t word)
{
	return muster__sketch_directory_bytes(MUSTER_SKETCHES_MAX) +
	       muster__sketch_bucket(1) / MUSTER__SKETCH_BUCKETS * MUSTER__PAGE + word * UINT64_C(8);
}

static void words_of_other_times_and_of_any_bits_are_only_summands(void **state)
{
	double one = 1;
	uint64_t now = muster__sketch_epoch((uint64_t)shared->now_s, WINDOW_S);

	(void)state;
	pid_t pid = worker_start(observe_one, &one);
	slab_store(word_off(4), UINT64_MAX);
	slab_store(word_off(5), muster__sketch_word_of(now + 2, 5));
	slab_store(word_off(6), muster__sketch_word_of(now - 4, 5));
	slab_store(word_off(7), muster__sketch_word_of(now + 1, 5)); /* a clock may be that much ahead */
	expect_window(6);
	worker_kill(pid);
	slab_store(0, UINT64_MAX); /* the directory lists pages that are holes */
	expect_window(6);
}

static void a_page_of_another_boot_does_not_count(void **state)
{
	double one = 1;

	(void)state;
	worker_live_and_die(observe_one, &one);
	struct muster_region *region = master();
	memset(region->observer.self.boot_id, 7, 16);
	assert_int_equal(muster_region_refresh(region), 0);
	assert_int_equal(in_window(region, "s", ""), 0);
	assert_int_equal(int_of(region, "s", ""), 1);
	muster_region_destroy(&region);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(folded_observations_leave_with_their_window),
		TEST(a_ledger_takes_only_pages_that_hold_something),
		TEST(a_removed_series_comes_back_without_its_window),
		TEST(a_forked_child_starts_empty),
		TEST(threads_and_signal_handlers_lose_no_observation),
		TEST(what_was_observed_before_joining_a_region_comes_along),
		TEST(without_space_the_count_is_right_and_it_is_counted),
		TEST(series_beyond_the_sketches_are_dropped_and_counted),
		TEST(words_of_other_times_and_of_any_bits_are_only_summands),
		TEST(a_page_of_another_boot_does_not_count),
	};

	return cmocka_run_group_tests_name("t_quantiles_region", tests, NULL, NULL);
}
