/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads that end in the middle of recording, and threads whose recording is interrupted by signals.
 *
 * Each thread acknowledges an operation after it has returned, in memory that the test shares with the
 * worker. What is read back is at least that, and at most the one operation in flight per thread more.
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>

#include "workers.h"

static muster_counter counter;
static muster_real_counter real_counter;
static muster_histogram histogram;
static muster_native_histogram native;
static muster_gauge recent;
static struct muster_family *labelled;

static void declare_all(void)
{
	counter = muster_counter_with(declare(MUSTER_COUNTER, 0, "t_total", NULL));
	real_counter = muster_real_counter_with(declare(MUSTER_REAL_COUNTER, 0, "t_bytes_total", NULL));
	histogram = muster_histogram_with(declare(MUSTER_HISTOGRAM, 0, "t_seconds", NULL));
	native = muster_native_histogram_with(declare(MUSTER_NATIVE_HISTOGRAM, 0, "t_spread", NULL));
	recent = muster_gauge_with(declare(MUSTER_GAUGE, MUSTER_MOSTRECENT, "t_recent", NULL));
	labelled = declare(MUSTER_COUNTER, 0, "t_kind_total", "kind");
}

static void record_one(void)
{
	muster_counter_inc(counter);
	muster_real_counter_add(real_counter, 0.5);
	muster_histogram_observe(histogram, 1);
	muster_native_histogram_observe(native, 1);
	muster_gauge_set(recent, 7);
}

/* ---- threads that end ---------------------------------------------------------------------- */

#define THREADS 6
#define ROUNDS 20
#define ENDS_AFTER 500

static struct {
	unsigned long acknowledged[ROUNDS][THREADS];
	unsigned long threads;
} * oracle;

struct ending {
	const char *name;
	int canceltype;
	void (*self)(void);    /* in the thread, after ENDS_AFTER operations */
	void (*process)(void); /* in the main thread, while the others record */
	bool exact;            /* nothing can be in flight */
	int status;            /* of the worker: its signal or exit status */
};

static const struct ending *ending;

static unsigned long acknowledged(int round, int thread)
{
	return __atomic_load_n(&oracle->acknowledged[round][thread], __ATOMIC_RELAXED);
}

static void *record_until_the_end(void *arg)
{
	unsigned long *done = arg;

	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	record_one(); /* claims a bank */
	__atomic_store_n(done, 1, __ATOMIC_RELEASE);
	(void)pthread_setcanceltype(ending->canceltype, NULL);
	(void)pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
	for (unsigned long n = 2;; n++) {
		record_one();
		__atomic_store_n(done, n, __ATOMIC_RELEASE);
		if (ending->self && n == ENDS_AFTER)
			ending->self();
		if (ending->canceltype == PTHREAD_CANCEL_DEFERRED)
			pthread_testcancel();
	}
	return NULL;
}

static void start_round(int round, pthread_t *threads)
{
	for (int i = 0; i < THREADS; i++) {
		if (pthread_create(threads + i, NULL, record_until_the_end, &oracle->acknowledged[round][i]) != 0)
			_exit(94);
		oracle->threads++;
	}
	for (int i = 0; i < THREADS; i++)
		while (acknowledged(round, i) < 50)
			sched_yield();
}

static void end_round(const pthread_t *threads)
{
	if (ending->process)
		ending->process();
	for (int i = 0; i < THREADS; i++) {
		if (!ending->self)
			(void)pthread_cancel(threads[i]);
		(void)pthread_join(threads[i], NULL);
	}
}

static void end_threads(void)
{
	pthread_t threads[THREADS];

	declare_all();
	for (int round = 0; round < ROUNDS; round++) {
		start_round(round, threads);
		end_round(threads);
	}
}

static void threads_that_end(void **state)
{
	unsigned long sum = 0;

	ending = *state;
#if defined(__SANITIZE_ADDRESS__)
	if (ending->canceltype == PTHREAD_CANCEL_ASYNCHRONOUS)
		skip(); /* the sanitizer's own end of a thread cannot stand it */
#endif
	region_make();
	oracle = mmap(NULL, sizeof *oracle, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(oracle, MAP_FAILED);
	int status = in_child(end_threads);
	assert_int_equal(WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), ending->status);
	for (int i = 0; i < ROUNDS * THREADS; i++)
		sum += acknowledged(i / THREADS, i % THREADS);
	double least = (double)sum, most = least + (ending->exact ? 0 : (double)oracle->threads);
	char *page = scrape();
	double count = value_in(page, "t_seconds_count");
	assert_true(least >= 50 * THREADS);
	assert_true(value_in(page, "t_total") >= least && value_in(page, "t_total") <= most);
	assert_true(value_in(page, "t_bytes_total") >= least / 2 && value_in(page, "t_bytes_total") <= most / 2);
	assert_true(count >= least && count <= most);
	assert_true(value_in(page, "t_seconds_sum") == count);
	count = value_in(page, "t_spread_count");
	assert_true(count >= least && count <= most);
	assert_true(value_in(page, "t_spread_sum") == count);
	assert_true(value_in(page, "t_recent") == 7);
	free(page);
	(void)munmap(oracle, sizeof *oracle);
	region_remove();
}

static void leave_thread(void)
{
	pthread_exit(NULL);
}

static void leave_process(void)
{
	exit(0);
}

static void leave_process_at_once(void)
{
	_exit(0);
}

static void kill_process(void)
{
	(void)kill(getpid(), SIGKILL);
}

static struct ending endings[] = {
	{"cancelled anywhere", PTHREAD_CANCEL_ASYNCHRONOUS, NULL, NULL, false, 0},
	{"cancelled between records", PTHREAD_CANCEL_DEFERRED, NULL, NULL, true, 0},
	{"pthread_exit", PTHREAD_CANCEL_DEFERRED, leave_thread, NULL, true, 0},
	{"exit of the process", PTHREAD_CANCEL_DEFERRED, NULL, leave_process, false, 0},
	{"_exit of the process", PTHREAD_CANCEL_DEFERRED, NULL, leave_process_at_once, false, 0},
	{"SIGKILL", PTHREAD_CANCEL_DEFERRED, NULL, kill_process, false, SIGKILL},
};

/* ---- signals -------------------------------------------------------------------------------- */

#define SIGNALLED 4
#define SIGNALS 2000 /* in each thread */
#define SIGNAL_EVERY_NS 50000

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

static __thread unsigned long handled __attribute__((tls_model("initial-exec")));
static unsigned long recorded, handled_in_all; /* by threads that have ended */

/* New series are made in the handler too, up to a hundred. */
static void on_signal(int sig)
{
	char name[3] = {(char)('0' + handled / 10 % 10), (char)('0' + handled % 10), '\0'};

	(void)sig;
	record_one();
	muster_counter_inc(muster_counter_with(labelled, name));
	__atomic_store_n(&handled, handled + 1, __ATOMIC_RELAXED);
}

/* A timer for this thread alone. */
static timer_t timer_start_here(void)
{
	struct sigevent to_here = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGUSR1};
	struct itimerspec often = {{0, SIGNAL_EVERY_NS}, {0, SIGNAL_EVERY_NS}};
	timer_t timer;

	to_here.sigev_notify_thread_id = (pid_t)syscall(SYS_gettid);
	if (timer_create(CLOCK_MONOTONIC, &to_here, &timer) != 0 || timer_settime(timer, 0, &often, NULL) != 0)
		_exit(93);
	return timer;
}

static void *record_under_fire(void *arg)
{
	timer_t timer = timer_start_here();
	unsigned long n = 0;
	sigset_t all;

	for (; __atomic_load_n(&handled, __ATOMIC_RELAXED) < SIGNALS; n++) {
		record_one();
		muster_counter_inc(muster_counter_with(labelled, "main"));
	}
	sigfillset(&all);
	(void)pthread_sigmask(SIG_BLOCK, &all, NULL);
	(void)timer_delete(timer);
	__atomic_fetch_add(&recorded, n, __ATOMIC_RELAXED);
	__atomic_fetch_add(&handled_in_all, handled, __ATOMIC_RELAXED);
	return arg;
}

static void interrupt_threads(void)
{
	pthread_t threads[SIGNALLED];

	declare_all();
	(void)signal(SIGUSR1, on_signal);
	for (int i = 0; i < SIGNALLED; i++)
		if (pthread_create(threads + i, NULL, record_under_fire, NULL) != 0)
			_exit(94);
	for (int i = 0; i < SIGNALLED; i++)
		(void)pthread_join(threads[i], NULL);
	double sum = (double)(recorded + handled_in_all);
	char *page = scrape();
	if (value_in(page, "t_total") != sum || value_in(page, "t_seconds_count") != sum ||
	    value_in(page, "t_seconds_sum") != sum || value_in(page, "t_spread_count") != sum ||
	    value_in(page, "t_spread_sum") != sum || value_in(page, "t_bytes_total") != sum / 2 ||
	    value_in(page, "t_kind_total{kind=\"main\"}") != (double)recorded)
		_exit(92);
	free(page);
}

static void signals_at_a_high_rate_in_many_threads_lose_nothing(void **state)
{
	(void)state;
	assert_int_equal(in_child(interrupt_threads), 0);
}

int main(void)
{
	struct CMUnitTest tests[sizeof endings / sizeof *endings + 1] = {
		cmocka_unit_test_setup_teardown(signals_at_a_high_rate_in_many_threads_lose_nothing, setup, teardown),
	};

	for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
		tests[i + 1] = (struct CMUnitTest){endings[i].name, threads_that_end, NULL, NULL, endings + i};
	return cmocka_run_group_tests_name("threads", tests, NULL, NULL);
}
