/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Workers with threads that become more processes, other programs or other users while they record.
 * Everything is counted once, in whatever slab.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <sched.h>
#include <spawn.h>
#include <sys/syscall.h>

#include "reading.h"
#include "workers.h"

extern char **environ;
static const char *program;

/* ---- recording ------------------------------------------------------------------------------ */

static muster_counter counter;
static muster_histogram histogram;
static muster_native_histogram native;
static struct muster_family *labelled;

static void declare_all(void)
{
	counter = muster_counter_with(declare(MUSTER_COUNTER, 0, "runs_total", NULL));
	histogram = muster_histogram_with(declare(MUSTER_HISTOGRAM, 0, "run_seconds", NULL));
	native = muster_native_histogram_with(declare(MUSTER_NATIVE_HISTOGRAM, 0, "spread", NULL));
	labelled = declare(MUSTER_COUNTER, 0, "kinds_total", "kind");
}

static void record_one(void)
{
	muster_counter_inc(counter);
	muster_histogram_observe(histogram, 1);
	muster_native_histogram_observe(native, 1);
}

#define THREADS 4
#define PROCESSES 60
#define MANY 20000
#define OF_A_CHILD 3 /* records in each child that records */

static pthread_t threads[THREADS];
static unsigned long recorded; /* by the threads */
static int started, stop;

/* Goes on making series too: a fork falls into all of it. */
static void *record_until_stopped(void *arg)
{
	unsigned long n = 0;
	char kind[16];

	while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
		(void)snprintf(kind, sizeof kind, "%lu", n % 500);
		record_one();
		muster_counter_inc(muster_counter_with(labelled, kind));
		if (n++ == 0)
			__atomic_fetch_add(&started, 1, __ATOMIC_RELEASE);
	}
	__atomic_fetch_add(&recorded, n, __ATOMIC_RELAXED);
	return arg;
}

static void threads_start(void)
{
	declare_all();
	for (int i = 0; i < THREADS; i++)
		if (pthread_create(threads + i, NULL, record_until_stopped, NULL) != 0)
			_exit(94);
	while (__atomic_load_n(&started, __ATOMIC_ACQUIRE) < THREADS)
		sched_yield();
}

/* The threads' records and so many others are on the page. */
static void threads_end(unsigned long others)
{
	__atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
	for (int i = 0; i < THREADS; i++)
		(void)pthread_join(threads[i], NULL);
	double sum = (double)(recorded + others);
	char *page = scrape();
	if (value_in(page, "runs_total") != sum || value_in(page, "run_seconds_count") != sum ||
	    value_in(page, "run_seconds_sum") != sum || value_in(page, "spread_count") != sum ||
	    value_in(page, "spread_sum") != sum) {
		(void)fprintf(stderr, "%.0f recorded\n%.300s", sum, page);
		_exit(92);
	}
	free(page);
}

static void wait_child(pid_t pid)
{
	int status;

	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
		_exit(96);
}

static void record_as_child(void)
{
	for (int i = 0; i < OF_A_CHILD; i++)
		record_one();
}

/* ---- fork ----------------------------------------------------------------------------------- */

static void fork_while_recording(void)
{
	threads_start();
	for (int i = 0; i < PROCESSES; i++) {
		pid_t pid = fork();
		if (pid == 0) {
			record_as_child();
			muster_counter_inc(muster_counter_with(labelled, i % 2 ? "odd" : "even"));
			_exit(0);
		}
		wait_child(pid);
	}
	threads_end(PROCESSES * OF_A_CHILD);
}

static void fork_while_other_threads_record(void **state)
{
	(void)state;
	assert_int_equal(in_child(fork_while_recording), 0);
	assert_true(value_of("kinds_total{kind=\"odd\"}") == PROCESSES / 2);
}

/* ---- children on the parent's memory -------------------------------------------------------- */

static void spawn_while_recording(void)
{
	char *const argv[] = {"true", NULL};

	threads_start();
	for (int i = 0; i < PROCESSES; i++) {
		pid_t pid;
		record_one();
		if (posix_spawn(&pid, "/bin/true", NULL, NULL, argv, environ) != 0)
			_exit(95);
		record_one();
		wait_child(pid);
	}
	threads_end(PROCESSES * 2);
}

static void posix_spawn_while_recording(void **state)
{
	(void)state;
	assert_int_equal(in_child(spawn_while_recording), 0);
}

static int clone_child(void *arg)
{
	(void)arg;
	record_as_child();
	return 0;
}

/* What vfork() is. The child records, which POSIX forbids and programs do: its parent's thread has no bank
 * yet, and the banks of all the others must not look like those of dead threads to it. */
static void clone_while_recording(void)
{
	static _Alignas(16) unsigned char stack[1 << 18];

	threads_start();
	for (int i = 0; i < PROCESSES; i++) {
		wait_child(clone(clone_child, stack + sizeof stack, CLONE_VM | CLONE_VFORK | SIGCHLD, NULL));
		for (int n = 0; i >= PROCESSES / 2 && n < MANY; n++)
			record_one();
	}
	threads_end(PROCESSES * OF_A_CHILD + PROCESSES / 2 * MANY);
}

static void a_vfork_child_that_records_harms_nobody(void **state)
{
	(void)state;
	assert_int_equal(in_child(clone_while_recording), 0);
}

static void vfork_while_recording(void)
{
	threads_start();
	for (int i = 0; i < PROCESSES; i++) {
		record_one();
		pid_t pid = vfork();
		if (pid == 0) {
			execl("/bin/true", "true", NULL);
			_exit(93);
		}
		record_one();
		wait_child(pid);
	}
	threads_end(PROCESSES * 2);
}

static void vfork_and_exec_while_recording(void **state)
{
	(void)state;
	assert_int_equal(in_child(vfork_while_recording), 0);
}

/* ---- daemons -------------------------------------------------------------------------------- */

static void daemonize(void *arg)
{
	declare_all();
	record_one();
	if (fork() != 0)
		return; /* the test kills this one */
	(void)setsid();
	record_one();
	if (fork() != 0)
		_exit(0);
	record_one();
	record_one();
	(void)arg;
	for (;;)
		pause();
}

static void a_daemon_counts_on_in_a_slab_of_its_own(void **state)
{
	(void)state;
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	pid_t pid = worker_start(daemonize, NULL);
	struct muster_region *region = reader();

	worker_kill(pid);
	for (int i = 0; i < 5000 && (int_of(region, "runs_total", "") < 4 || stats_of(region).dead < 2); i++) {
		usleep(1000);
		assert_int_equal(muster_region_refresh(region), 0);
	}
	assert_int_equal(int_of(region, "runs_total", ""), 4);
	assert_int_equal(stats_of(region).live, 1); /* the daemon */
	assert_int_equal(stats_of(region).dead, 2);
	for (size_t i = 0; i < region->slabs_count; i++)
		if (region->slabs[i]->state == MUSTER__SLAB_LIVE)
			assert_int_equal(kill((pid_t)region->slabs[i]->identity.pid, SIGKILL), 0);
	while (wait(NULL) > 0)
		;
	assert_int_equal(muster_region_refresh(region), 0);
	assert_int_equal(stats_of(region).dead, 3);
	assert_int_equal(int_of(region, "runs_total", ""), 4);
	muster_region_destroy(&region);
	(void)prctl(PR_SET_CHILD_SUBREAPER, 0);
}

/* ---- exec ----------------------------------------------------------------------------------- */

/* This program again; main() goes to second_program(). */
static void record_and_exec(void *arg)
{
	char fd[16];

	declare_all();
	record_as_child();
	(void)snprintf(fd, sizeof fd, "%d", worker_ready);
	execl(program, program, fd, NULL);
	_exit(93);
	(void)arg;
}

static _Noreturn void second_program(const char *fd)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	worker_ready = (int)strtol(fd, NULL, 10);
	declare_all();
	record_one();
	worker_tell();
	for (;;)
		pause();
}

static void an_instrumented_program_after_exec_has_a_new_slab(void **state)
{
	(void)state;
	size_t folded = 0;
	pid_t pid = worker_start(record_and_exec, NULL);
	struct muster_region *region = master();

	assert_int_equal(stats_of(region).live, 1);
	assert_int_equal(stats_of(region).dead, 1);
	assert_int_equal(int_of(region, "runs_total", ""), OF_A_CHILD + 1);
	assert_int_equal(muster__region_fold(region, &folded), 0);
	assert_int_equal(folded, 1);
	worker_kill(pid);
	assert_int_equal(muster_region_refresh(region), 0);
	assert_int_equal(int_of(region, "runs_total", ""), OF_A_CHILD + 1);
	assert_int_equal(muster__region_fold(region, &folded), 0);
	assert_int_equal(folded, 1);
	muster_region_destroy(&region);
	assert_true(value_of("runs_total") == OF_A_CHILD + 1);
}

/* ---- another user --------------------------------------------------------------------------- */

#define NOBODY 65534

static int user_pipe[2];

static void *record_in_thread(void *arg)
{
	record_one();
	return arg;
}

/* The child may not write into the region any more: it records nowhere and does not notice. */
static void drop_privileges(void *arg)
{
	pthread_t thread;
	char byte;

	declare_all();
	record_one();
	if (setgroups(0, NULL) != 0 || setgid(NOBODY) != 0 || setuid(NOBODY) != 0)
		_exit(91);
	record_one();
	for (int i = 0; i < 2000; i++) {
		char kind[16];
		(void)snprintf(kind, sizeof kind, "%d", i);
		muster_counter_inc(muster_counter_with(labelled, kind));
	}
	if (pthread_create(&thread, NULL, record_in_thread, NULL) != 0 || pthread_join(thread, NULL) != 0)
		_exit(90);
	pid_t pid = fork();
	if (pid == 0) {
		record_one();
		muster_counter_inc(muster_counter_with(labelled, "child"));
		_exit(0);
	}
	wait_child(pid);
	worker_tell();
	(void)!read(user_pipe[0], &byte, 1);
	record_one();
	(void)arg;
	for (;;)
		pause();
}

static void a_worker_that_changed_its_user_goes_on(void **state)
{
	(void)state;

	if (geteuid() != 0)
		skip();
	assert_int_equal(pipe(user_pipe), 0);
	pid_t pid = worker_start(drop_privileges, NULL);
	struct muster_region *region = master();
	assert_int_equal(stats_of(region).live, 1);
	assert_int_equal(stats_of(region).quarantined, 0);
	assert_int_equal(int_of(region, "runs_total", ""), 3);
	assert_int_equal(int_of(region, "kinds_total", "1999"), 1);
	assert_int_equal(write(user_pipe[1], "", 1), 1);
	for (int i = 0; i < 5000 && int_of(region, "runs_total", "") < 4; i++) {
		usleep(1000);
		assert_int_equal(muster_region_refresh(region), 0);
	}
	assert_int_equal(stats_of(region).live, 1);
	worker_kill(pid);
	assert_int_equal(muster_region_refresh(region), 0);
	assert_int_equal(stats_of(region).dead, 1);
	assert_int_equal(int_of(region, "runs_total", ""), 4);
	muster_region_destroy(&region);
	close(user_pipe[0]);
	close(user_pipe[1]);
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		test(fork_while_other_threads_record),         test(posix_spawn_while_recording),
		test(a_vfork_child_that_records_harms_nobody), test(vfork_and_exec_while_recording),
		test(a_daemon_counts_on_in_a_slab_of_its_own), test(an_instrumented_program_after_exec_has_a_new_slab),
		test(a_worker_that_changed_its_user_goes_on),
	};

	program = argv[0];
	if (argc == 2)
		second_program(argv[1]);
	return cmocka_run_group_tests_name("threads and processes", tests, NULL, NULL);
}
