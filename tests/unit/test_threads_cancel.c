/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads that are cancelled while they attach, claim a bank or make a series: nobody waits for them ever
 * after. The slow paths open, read and close files, which are cancellation points.
 */
#include <pthread.h>
#include <signal.h>

#include "workers.h"

static struct muster_family *family;

static void *record_cancelled(void *arg)
{
	(void)arg;
	(void)pthread_cancel(pthread_self()); /* pending: acts at the first cancellation point */
	muster_counter_inc(muster_counter_with(family, "first"));
	pthread_testcancel();
	_exit(95);
}

static void *record_new_series(void *arg)
{
	char name[32];

	(void)pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
	for (unsigned long i = 0;; i++) {
		(void)snprintf(name, sizeof name, "%p %lu", arg, i);
		muster_counter_inc(muster_counter_with(family, name));
	}
	return NULL;
}

/* As in_child(), but a deadlock, in which signals are blocked, is killed after a while. */
static int in_child_bounded(void (*fn)(void))
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		fn();
		_exit(0);
	}
	for (int i = 0; i < 20000 && waitpid(pid, &status, WNOHANG) == 0; i++)
		usleep(1000);
	if (kill(pid, SIGKILL) == 0)
		(void)waitpid(pid, &status, 0);
	return status;
}

static void begin(void)
{
	const char *const labels[] = {"n", NULL};
	struct muster_opts o = {.name = "runs_total", .help = "Help.", .labels = labels, .series_max = 10000000};

	if (muster_declare(MUSTER_COUNTER, &o, &family) != 0)
		_exit(96);
}

static void cancelled_while_attaching(void)
{
	pthread_t thread;

	begin();
	pid_t pid = fork(); /* has the family, but no slab yet */
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (pthread_create(&thread, NULL, record_cancelled, NULL) != 0 || pthread_join(thread, NULL) != 0)
			_exit(94);
		muster_counter_inc(muster_counter_with(family, "second"));
		_exit(0);
	}
	int status;
	_exit(waitpid(pid, &status, 0) == pid && status == 0 ? 0 : 93);
}

static void a_thread_cancelled_while_it_attaches_holds_up_nobody(void **state)
{
	(void)state;
	assert_int_equal(in_child_bounded(cancelled_while_attaching), 0);
	assert_true(value_of("runs_total{n=\"first\"}") == 1);
	assert_true(value_of("runs_total{n=\"second\"}") == 1);
}

static void cancelled_while_creating(void)
{
	begin();
	for (uintptr_t i = 0; i < 60; i++) {
		pthread_t thread;
		if (pthread_create(&thread, NULL, record_new_series, (void *)i) != 0)
			_exit(94);
		usleep(500);
		(void)pthread_cancel(thread);
		(void)pthread_join(thread, NULL);
		muster_counter_inc(muster_counter_with(family, "mine"));
	}
}

static void a_thread_cancelled_while_it_makes_series_holds_up_nobody(void **state)
{
	(void)state;
#if defined(__SANITIZE_ADDRESS__)
	skip(); /* the sanitizer's own end of a thread cannot stand asynchronous cancellation */
#endif
	assert_int_equal(in_child_bounded(cancelled_while_creating), 0);
	assert_true(value_of("runs_total{n=\"mine\"}") == 60);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_thread_cancelled_while_it_attaches_holds_up_nobody, setup, teardown),
		cmocka_unit_test_setup_teardown(a_thread_cancelled_while_it_makes_series_holds_up_nobody, setup, teardown),
	};

	return cmocka_run_group_tests_name("cancelled threads", tests, NULL, NULL);
}
