/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which workers are busy, and for how long: overlapping, in threads, across fork and death. Times are compared with
 * brackets taken around the calls, so that a slow machine changes the numbers and not the result.
 */
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>

#include <muster/request.h>

#include "reading.h"
#include "shm/activity.h"
#include "shm/atomic.h"
#include "shm/requests.h"
#include "shm/store.h"
#include "workers.h"

#define UNIT 0.001 /* more than what rounding to units of 2^16 ns can make */
#define THREADS 4
#define ROUNDS 20000

/* Between worker and test: when things happened, and what to do. */
static struct {
	double before_begin, begun, before_end, ended;
	_Atomic int step;
} * shared;

static int setup_shared(void **state)
{
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return shared == MAP_FAILED ? -1 : setup(state);
}

static int teardown_shared(void **state)
{
	munmap(shared, sizeof *shared);
	return teardown(state);
}

/* By the clock that requests are timed with: on a loaded machine it may lag behind others by any time. */
static double now(void)
{
	return (double)muster__coarse_ns() * 1e-9;
}

static void pass(double seconds)
{
	for (double end = now() + seconds; now() < end;)
		sched_yield();
}

static void wait_step(int step)
{
	for (double end = now() + 60; shared->step < step; sched_yield())
		if (now() > end)
			abort();
}

static double busy_of(const struct muster_region *region)
{
	return real_of(region, MUSTER__REQUESTS_BUSY, "");
}

static double longest_of(const struct muster_region *region)
{
	return gauge_of(region, MUSTER__REQUESTS_LONGEST, "");
}

static void assert_workers(const struct muster_region *region, double busy, double idle)
{
	assert_float_equal(gauge_of(region, MUSTER__REQUESTS_WORKERS, "busy"), busy, 0);
	assert_float_equal(gauge_of(region, MUSTER__REQUESTS_WORKERS, "idle"), idle, 0);
}

/* ---- one worker --------------------------------------------------------------------------- */

static void request_by_steps(void *arg)
{
	(void)arg;
	if (muster_requests_declare() != 0)
		_exit(96);
	worker_tell();
	wait_step(1);
	shared->before_begin = now();
	struct muster_request outer = muster_request_begin();
	shared->begun = now();
	pass(0.05);
	muster_request_end(muster_request_begin()); /* nested: the worker is busy all the while */
	shared->step = 2;
	wait_step(3);
	shared->before_end = now();
	muster_request_end(outer);
	shared->ended = now();
	shared->step = 4;
}

static void count_two(void *arg)
{
	(void)arg;
	muster_counter_add(muster_counter_with(declare(MUSTER_COUNTER, 0, "runs_total", NULL)), 2);
}

static void a_worker_is_idle_then_busy_then_idle(void **state)
{
	(void)state;
	pid_t pid = worker_start(request_by_steps, NULL);
	struct muster_region *region = reader();

	assert_workers(region, 0, 1);
	assert_float_equal(busy_of(region), 0, 0);
	shared->step = 1;
	wait_step(2);
	double from = now();
	assert_int_equal(muster_region_refresh(region), 0);
	assert_workers(region, 1, 0);
	assert_int_equal(int_of(region, MUSTER__REQUESTS_IN_FLIGHT, ""), 1);
	assert_true(longest_of(region) >= from - shared->begun - UNIT &&
	            longest_of(region) <= now() - shared->before_begin + UNIT);
	assert_true(busy_of(region) >= from - shared->begun - UNIT &&
	            busy_of(region) <= now() - shared->before_begin + UNIT);
	shared->step = 3;
	wait_step(4);
	assert_int_equal(muster_region_refresh(region), 0);
	assert_workers(region, 0, 1);
	assert_float_equal(longest_of(region), 0, 0);
	assert_int_equal(int_of(region, MUSTER__REQUESTS_ENDED, ""), 2);
	assert_int_equal(int_of(region, MUSTER__REQUESTS_IN_FLIGHT, ""), 0);
	double least = shared->before_end - shared->begun, most = shared->ended - shared->before_begin;
	assert_true(busy_of(region) >= least - UNIT && busy_of(region) <= most + UNIT);
	worker_kill(pid);
	muster_region_destroy(&region);
}

static void begin_many(void *arg)
{
	(void)arg;
	struct muster_request requests[MUSTER_REQUESTS_AGED_MAX + 44];

	for (size_t i = 0; i < sizeof requests / sizeof *requests; i++)
		requests[i] = muster_request_begin();
	worker_tell();
	wait_step(1);
	for (size_t i = 0; i < sizeof requests / sizeof *requests; i++)
		muster_request_end(requests[i]);
	muster_request_end((struct muster_request){0, 0}); /* none */
	shared->step = 2;
}

static void more_requests_than_places_are_counted(void **state)
{
	(void)state;
	pid_t pid = worker_start(begin_many, NULL);
	struct muster_region *region = reader();

	assert_int_equal(int_of(region, MUSTER__REQUESTS_IN_FLIGHT, ""), MUSTER_REQUESTS_AGED_MAX + 44);
	assert_workers(region, 1, 0);
	shared->step = 1;
	wait_step(2);
	assert_int_equal(muster_region_refresh(region), 0);
	assert_int_equal(int_of(region, MUSTER__REQUESTS_IN_FLIGHT, ""), 0);
	assert_int_equal(int_of(region, MUSTER__REQUESTS_ENDED, ""), MUSTER_REQUESTS_AGED_MAX + 44);
	assert_workers(region, 0, 1);
	worker_kill(pid);
	muster_region_destroy(&region);
}

/* ---- death -------------------------------------------------------------------------------- */

static void two_requests_begun_apart(void *arg)
{
	(void)arg;
	shared->before_begin = now();
	(void)muster_request_begin();
	shared->begun = now();
	pass(0.1);
	shared->before_end = now();
	(void)muster_request_begin();
	shared->ended = now();
}

static void what_a_killed_worker_was_busy_stays(void **state)
{
	(void)state;
	pid_t pid = worker_start(two_requests_begun_apart, NULL);
	struct muster_region *region = master();
	double shown = busy_of(region);

	assert_true(shown >= shared->before_end - shared->begun - UNIT);
	worker_kill(pid);
	assert_int_equal(muster_region_refresh(region), 0);
	assert_float_equal(busy_of(region), shown, 1e-9);
	assert_int_equal(int_of(region, MUSTER__REQUESTS_IN_FLIGHT, ""), 0);
	assert_float_equal(longest_of(region), 0, 0);
	assert_int_equal(muster__region_fold(region, NULL), 0);
	assert_int_equal(muster_region_refresh(region), 0);
	assert_float_equal(busy_of(region), shown, 1e-9);
	muster_region_destroy(&region);
}

static void a_death_nobody_saw_counts_to_the_last_sign_of_life(void **state)
{
	(void)state;
	worker_live_and_die(two_requests_begun_apart, NULL);
	pass(0.3);
	struct muster_region *region = reader();
	assert_true(busy_of(region) >= shared->before_end - shared->begun - UNIT);
	assert_true(busy_of(region) <= shared->ended - shared->before_begin + UNIT);
	muster_region_destroy(&region);
}

/* ---- fork --------------------------------------------------------------------------------- */

static void end_the_parents_request(void *arg)
{
	(void)arg;
	struct muster_request mine = muster_request_begin();
	pid_t child = fork();

	if (child == 0) {
		muster_request_end(mine); /* before the child has a slab, and after */
		struct muster_request own = muster_request_begin();
		muster_request_end(mine);
		(void)own;
		shared->step = 1;
		for (;;)
			pause();
	}
	wait_step(1);
	shared->before_begin = child;
}

static void a_child_cannot_end_its_parents_request(void **state)
{
	(void)state;
	pid_t pid = worker_start(end_the_parents_request, NULL);
	struct muster_region *region = reader();

	assert_workers(region, 2, 0);
	assert_int_equal(int_of(region, MUSTER__REQUESTS_IN_FLIGHT, ""), 2);
	assert_int_equal(int_of(region, MUSTER__REQUESTS_ENDED, ""), 0);
	kill((pid_t)shared->before_begin, SIGKILL);
	worker_kill(pid);
	muster_region_destroy(&region);
}

/* ---- threads ------------------------------------------------------------------------------ */

static void *hammer(void *arg)
{
	(void)arg;
	for (int i = 0; i < ROUNDS; i++) {
		struct muster_request outer = muster_request_begin();
		muster_request_end(muster_request_begin());
		muster_request_end(outer);
	}
	return NULL;
}

static void hammer_in_threads(void *arg)
{
	pthread_t threads[THREADS];

	(void)arg;
	(void)muster_requests_declare();
	worker_tell();
	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, hammer, NULL) != 0)
			_exit(95);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	shared->step = 1;
}

static void threads_lose_nothing_and_nothing_falls(void **state)
{
	(void)state;
	double from = now(), last = 0;
	pid_t pid = worker_start(hammer_in_threads, NULL);
	struct muster_region *region = reader();
	do {
		assert_int_equal(muster_region_refresh(region), 0);
		assert_true(busy_of(region) >= last);
		last = busy_of(region);
		assert_true(int_of(region, MUSTER__REQUESTS_IN_FLIGHT, "") <= 2 * THREADS);
	} while (shared->step == 0);
	assert_int_equal(muster_region_refresh(region), 0);
	assert_int_equal(int_of(region, MUSTER__REQUESTS_ENDED, ""), 2 * THREADS * ROUNDS);
	assert_int_equal(int_of(region, MUSTER__REQUESTS_IN_FLIGHT, ""), 0);
	assert_workers(region, 0, 1);
	assert_true(busy_of(region) <= now() - from + UNIT);
	worker_kill(pid);
	muster_region_destroy(&region);
}

static void what_was_shown_does_not_fall(void **state)
{
	static struct muster__requests_shm words = {.declared = 1, .in_flight = 1};
	const uint64_t second = UINT64_C(1) << 30, units = second >> 16 << 20;
	struct muster__activity_known known = {0};
	struct muster__activity shown;

	(void)state;
	words.busy = 2 - 2 * units; /* a thread has begun a period before another has ended the last one */
	muster__activity_read(&words, 3 * second, &known, &shown);
	assert_float_equal(shown.busy_seconds, 4.294967F, 1e-5);
	words.busy += units - 1; /* and now it has: at 1 s */
	muster__activity_read(&words, 3 * second, &known, &shown);
	assert_float_equal(shown.busy_seconds, 4.294967F, 1e-5);
	muster__activity_read(&words, 8 * second, &known, &shown);
	assert_float_equal(shown.busy_seconds, 7.516193F, 1e-5);
}

/* ---- hostile words ------------------------------------------------------------------------ */

static void tell_nonsense(void *arg)
{
	struct muster__requests_shm *r = muster__attached()->requests;

	(void)arg;
	(void)muster_requests_declare();
	for (uint64_t *word = (uint64_t *)r; word < (uint64_t *)(r + 1); word++)
		muster__store_relaxed(word, UINT64_MAX);
}

static void nonsense_is_bounded(void **state)
{
	(void)state;
	pid_t pid = worker_start(tell_nonsense, NULL);
	struct muster_region *region = reader();

	assert_int_equal(told.count, 0);
	assert_int_equal(int_of(region, MUSTER__REQUESTS_IN_FLIGHT, ""), 0);
	assert_float_equal(longest_of(region), 0, 0);
	assert_true(isfinite(busy_of(region)) && busy_of(region) >= 0);
	worker_kill(pid);
	assert_int_equal(muster_region_refresh(region), 0);
	assert_true(isfinite(busy_of(region)) && busy_of(region) >= 0);
	muster_region_destroy(&region);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_shared, teardown_shared)

/* ---- how many one worker has ended -------------------------------------------------------- */

static void *end_five(void *arg)
{
	for (int i = 0; i < 5; i++)
		muster_request_end(muster_request_begin());
	return arg;
}

static void two_threads_end_ten(void *arg)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, end_five, arg) != 0 || pthread_join(thread, NULL) != 0)
		_exit(96);
	(void)end_five(arg);
	(void)muster_request_begin(); /* not ended */
}

static void one_workers_requests_are_told_apart(void **state)
{
	(void)state;
	pid_t pid = worker_start(two_threads_end_ten, NULL), other = worker_start(two_threads_end_ten, NULL),
		  silent = worker_start(count_two, NULL);
	struct muster_region *region = reader();
	uint64_t ended = 77;

	assert_true(muster__region_requests_ended(region, pid, &ended));
	assert_int_equal(ended, 10);
	ended = 77;
	assert_false(muster__region_requests_ended(region, silent, &ended));
	assert_false(muster__region_requests_ended(region, getpid(), &ended));
	assert_int_equal(ended, 77);
	worker_kill(pid);
	assert_int_equal(muster_region_refresh(region), 0);
	assert_false(muster__region_requests_ended(region, pid, &ended));
	worker_kill(other);
	worker_kill(silent);
	muster_region_destroy(&region);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_worker_is_idle_then_busy_then_idle),   TEST(more_requests_than_places_are_counted),
		TEST(what_a_killed_worker_was_busy_stays),    TEST(a_death_nobody_saw_counts_to_the_last_sign_of_life),
		TEST(a_child_cannot_end_its_parents_request), TEST(threads_lose_nothing_and_nothing_falls),
		TEST(what_was_shown_does_not_fall),           TEST(nonsense_is_bounded),
		TEST(one_workers_requests_are_told_apart),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
