/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The slots of exemplars: who may write one, threads and signal handlers that want the same, and slots that lie.
 */
#include <pthread.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>

#include "exemplars.h"
#include "slab_forge.h"

/* ---- slots -------------------------------------------------------------------------------- */

static _Atomic uint64_t *claim_of(uint32_t slot)
{
	return (_Atomic uint64_t *)(void *)(muster__process()->exemplars + (size_t)slot * MUSTER__EXEMPLAR_WORDS);
}

static void *end_at_once(void *arg)
{
	*(uint32_t *)arg = (uint32_t)syscall(SYS_gettid);
	return NULL;
}

static void *wait_for_end(void *arg)
{
	*(_Atomic uint32_t *)arg = (uint32_t)syscall(SYS_gettid);
	for (;;)
		pause();
	return NULL;
}

static void a_slot_that_is_being_written_is_passed_over(void **state)
{
	_Atomic uint32_t tid = 0;
	pthread_t thread;

	(void)state;
	count("a", 1);
	assert_int_equal(pthread_create(&thread, NULL, wait_for_end, (void *)&tid), 0);
	while (tid == 0)
		usleep(100);
	*claim_of(0) = UINT64_C(7) << 32 | tid;
	assert_exemplar("c_total", "");
	count("b", 1);
	assert_dropped("busy", 1);
	assert_int_equal(pthread_cancel(thread), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	while (syscall(SYS_tgkill, getpid(), tid, 0) == 0)
		usleep(100);
	count("c", 1);
	assert_exemplar("c_total", " # {trace_id=\"c\"} 1");
	assert_dropped("busy", 1);
	assert_true(value_of("c_total") == 3);
}

static void a_slot_whose_writer_is_gone_is_taken_over(void **state)
{
	uint32_t tid = 0;
	pthread_t thread;

	(void)state;
	count("a", 1);
	assert_int_equal(pthread_create(&thread, NULL, end_at_once, &tid), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	while (syscall(SYS_tgkill, getpid(), tid, 0) == 0)
		usleep(100);
	*claim_of(0) = UINT64_C(7) << 32 | tid;
	count("b", 1);
	assert_exemplar("c_total", " # {trace_id=\"b\"} 1");
	*claim_of(0) = UINT64_C(8) << 32 | (uint32_t)syscall(SYS_gettid); /* of a thread that had our tid before us */
	count("c", 1);
	assert_exemplar("c_total", " # {trace_id=\"c\"} 1");
	assert_dropped("busy", 0);
}

static void a_slab_without_room_for_them_counts_all_the_same(void **state)
{
	(void)state;
	pid_t pid = fork();
	if (pid == 0) {
		muster__store.bytes_max = 0; /* set with the attach */
		setenv("MUSTER_SLAB_BYTES_MAX", "60000", 1);
		struct muster_family *family = declare_some(MUSTER_HISTOGRAM, "h", true, true);
		struct muster_exemplar e = traced("a");
		for (int i = 0; i < 100; i++) {
			char value[16];
			(void)snprintf(value, sizeof value, "%d", i);
			muster_histogram_observe_with_exemplar(muster_histogram_with(family, value), 0.5, &e);
		}
		_exit(0);
	}
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	char *page = scrape_as(MUSTER_FORMAT_OPENMETRICS);
	double lost = value_in(page, "muster_dropped_exemplars_total{reason=\"no_place\"}");
	assert_string_equal(exemplar_in(page, "h_bucket{kind=\"0\",le=\"1.0\"}"), " # {trace_id=\"a\"} 0.5");
	assert_true(lost > 0 && lost < 100);
	assert_true(value_in(page, "h_count{kind=\"99\"}") == 1);
	free(page);
}

/* ---- threads and signals ------------------------------------------------------------------ */

#define THREADS 4
#define ROUNDS 20000

static muster_counter shared_counter;
static muster_histogram shared_histogram;

#define SAID 11 /* times; all words of the labels, in three cache lines */

/* Its labels say the number it comes with, so that a mixture of two shows. */
static struct muster_exemplar saying(unsigned n)
{
	struct muster_exemplar e = {0};
	char text[SAID * 11 + 1];

	for (int i = 0; i < SAID; i++)
		(void)snprintf(text + 11 * i, 12, "%010u-", n);
	(void)muster_exemplar_label(&e, "n", muster_str(text));
	return e;
}

static void record_number(unsigned n)
{
	struct muster_exemplar e = saying(n);

	muster_counter_add_with_exemplar(shared_counter, n, &e);
	muster_histogram_observe_with_exemplar(shared_histogram, n, &e);
}

static void shared_declare(void)
{
	shared_counter = muster_counter_with(declare_some(MUSTER_COUNTER, "c_total", true, false));
	shared_histogram = muster_histogram_with(declare_some(MUSTER_HISTOGRAM, "h", true, false));
}

static void assert_whole(const char *page, const char *sample)
{
	const char *exemplar = exemplar_in(page, sample), *at = strchr(exemplar, '"'), *value = strchr(exemplar, '}');

	if (*exemplar == '\0') /* all slots at hand were being written */
		return;
	for (int i = 0; i < SAID; i++)
		if (strtod(at + 1 + 11 * i, NULL) != strtod(value + 1, NULL))
			fail_msg("a mixture: %s", exemplar);
}

static void *record_numbers(void *arg)
{
	for (unsigned i = 0; i < ROUNDS; i++)
		record_number(3 + (unsigned)(uintptr_t)arg * ROUNDS + i);
	return NULL;
}

static void threads_never_mix_their_exemplars(void **state)
{
	pthread_t threads[THREADS];
	struct muster_region *region;

	(void)state;
	shared_declare();
	record_number(3);
	region = reader();
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(threads + i, NULL, record_numbers, (void *)i), 0);
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(muster_region_refresh(region), 0);
		char *page = page_of(region, MUSTER_FORMAT_OPENMETRICS);
		assert_whole(page, "c_total");
		assert_whole(page, "h_bucket{le=\"+Inf\"}");
		free(page);
	}
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	muster_region_destroy(&region);
	assert_true(value_of("h_count") == THREADS * ROUNDS + 1);
	assert_true(strlen(exemplar_in(scrape_as(MUSTER_FORMAT_OPENMETRICS), "c_total")) > 0);
}

static struct muster_exemplar seven, nine;

static void on_signal(int sig)
{
	(void)sig;
	muster_counter_add_with_exemplar(shared_counter, 9, &nine);
}

/* Records 7, and 9 in the middle of it: the signal comes after so many instructions. Returns whether it came. */
static bool interrupted_at(long instructions)
{
	int status, sig = 0;
	pid_t pid = fork();

	if (pid == 0) {
		struct sigaction action = {.sa_handler = on_signal};
		shared_declare();
		record_number(5);
		seven = saying(7);
		nine = saying(9);
		(void)sigaction(SIGUSR1, &action, NULL);
		(void)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		(void)raise(SIGSTOP);
		muster_counter_add_with_exemplar(shared_counter, 7, &seven);
		(void)raise(SIGSTOP);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	for (; instructions >= 0; instructions--) {
		sig = instructions == 0 ? SIGUSR1 : 0;
		assert_int_equal(ptrace(sig ? PTRACE_CONT : PTRACE_SINGLESTEP, pid, NULL, sig), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (WSTOPSIG(status) == SIGSTOP)
			break;
	}
	worker_kill(pid);
	return sig != 0;
}

#define STRIDE 3

static void a_signal_handler_never_mixes_with_what_it_interrupts(void **state)
{
	long n = 0;

	(void)state;
	for (; interrupted_at(n); n += STRIDE) {
		char *page = scrape_as(MUSTER_FORMAT_OPENMETRICS);
		assert_whole(page, "c_total");
		if (value_in(page, "c_total") != 21 || *exemplar_in(page, "c_total") == '\0')
			fail_msg("interrupted after %ld instructions:\n%s", n, page);
		free(page);
		region_remove();
		region_make();
	}
	assert_true(n > 200);
}

/* ---- hostile slots ------------------------------------------------------------------------ */

static struct forge forged;

/* A good slab of a dead worker with one exemplar, {a="b"} 1. Returns its slot. */
static uint64_t *forge_exemplar(void)
{
	forge_begin(&forged);
	(void)forge_family(&forged, MUSTER_COUNTER, 0, "c_total", NULL);
	(void)forge_series(&forged, NULL);
	*forge_int(&forged, 0, MUSTER__DROP_CELLS) = 1;
	return forge_exemplars(&forged, 0, 0);
}

static const char *shown(void)
{
	forge_write(&forged, "slab.forged", true, sizeof forged.bytes);
	char *page = scrape_as(MUSTER_FORMAT_OPENMETRICS);
	assert_true(value_in(page, "c_total") == 1);
	const char *exemplar = exemplar_in(page, "c_total");
	free(page);
	return exemplar;
}

static void labels_set(uint64_t *slot, const char *bytes, size_t n)
{
	memset(slot + MUSTER__EXEMPLAR_LABELS, 0, MUSTER_EXEMPLAR_BYTES_MAX);
	memcpy(slot + MUSTER__EXEMPLAR_LABELS, bytes, n);
	slot[MUSTER__EXEMPLAR_BYTES] = n;
}

static void what_is_no_exemplar_is_passed_over(void **state)
{
	static const struct {
		const char *labels;
		size_t bytes;
	} rows[] = {
		{"\1a\2b", 4},       /* goes beyond its end */
		{"\1a", 2},          /* no value */
		{"\1", 1},           /* no name */
		{"\0\1b", 3},        /* an empty name */
		{"\1-\1b", 4},       /* no label name */
		{"\3__a\1b", 6},     /* a reserved one */
		{"\1a\1b\1a\1c", 8}, /* twice */
		{"\1a\1\xff", 4},    /* no UTF-8 */
		{"\1a\1\0", 4},      /* NUL */
		{"\xff", 1},         /* longer than anything */
		{"\1a\1b\0", 5},     /* something behind it */
		{"", 0},             /* none, but in a ledger */
	};
	uint64_t *slot = forge_exemplar();

	(void)state;
	assert_string_equal(shown(), " # {a=\"b\"} 1");
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		labels_set(slot, rows[i].labels, rows[i].bytes);
		if (*shown())
			fail_msg("row %zu is shown", i);
	}
	labels_set(slot, "\1a\1b", 4);
	assert_string_equal(shown(), " # {a=\"b\"} 1");
}

static void words_of_a_slot_that_make_no_sense_are_passed_over(void **state)
{
	const uint64_t ahead = muster__unix_ns() + UINT64_C(3600000000000);
	const struct {
		int word;
		uint64_t value;
	} rows[] = {
		{MUSTER__EXEMPLAR_CLAIM, 0},
		{MUSTER__EXEMPLAR_CLAIM, UINT64_C(1) << 32 | 77},
		{MUSTER__EXEMPLAR_CLAIM, UINT64_MAX},
		{MUSTER__EXEMPLAR_VALUE, muster__bits(NAN)},
		{MUSTER__EXEMPLAR_VALUE, muster__bits(-INFINITY)},
		{MUSTER__EXEMPLAR_TIME, 0},
		{MUSTER__EXEMPLAR_TIME, ahead},
		{MUSTER__EXEMPLAR_TIME, UINT64_MAX},
		{MUSTER__EXEMPLAR_BYTES, 161},
		{MUSTER__EXEMPLAR_BYTES, UINT64_MAX},
		{MUSTER__EXEMPLAR_BYTES, UINT64_C(1) << 32 | 4},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		forge_exemplar()[rows[i].word] = rows[i].value;
		if (*shown())
			fail_msg("row %zu is shown", i);
	}
}

static void a_value_outside_its_bucket_is_passed_over(void **state)
{
	static const double values[][2] = {{0.5, 1}, {1, 1}, {1.5, 0}, {2, 0}, {2.5, 0}};

	(void)state;
	for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
		forge_begin(&forged);
		(void)forge_family(&forged, MUSTER_HISTOGRAM, 0, "h", NULL);
		(void)forge_series(&forged, NULL);
		forge_exemplars(&forged, 0, 0)[MUSTER__EXEMPLAR_VALUE] = muster__bits(values[i][0]);
		forge_write(&forged, "slab.forged", true, sizeof forged.bytes);
		char *page = scrape_as(MUSTER_FORMAT_OPENMETRICS);
		assert_true((*exemplar_in(page, "h_bucket{le=\"1.0\"}") != '\0') == (values[i][1] != 0));
		free(page);
	}
}

/* Not even by the ledger's way of saying "none until then". */
static void a_slab_cannot_hide_the_exemplars_of_others(void **state)
{
	(void)state;
	count("honest", 1);
	uint64_t *slot = forge_exemplar();
	slot[MUSTER__EXEMPLAR_TIME] = muster__unix_ns() + UINT64_C(5000000000);
	slot[MUSTER__EXEMPLAR_BYTES] = 0;
	forge_write(&forged, "slab.forged", true, sizeof forged.bytes);
	assert_exemplar("c_total", " # {trace_id=\"honest\"} 1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ISOLATED(a_slot_that_is_being_written_is_passed_over),
		ISOLATED(a_slot_whose_writer_is_gone_is_taken_over),
		ISOLATED(a_slab_without_room_for_them_counts_all_the_same),
		ISOLATED(threads_never_mix_their_exemplars),
		ISOLATED(a_signal_handler_never_mixes_with_what_it_interrupts),
		ISOLATED(what_is_no_exemplar_is_passed_over),
		ISOLATED(words_of_a_slot_that_make_no_sense_are_passed_over),
		ISOLATED(a_value_outside_its_bucket_is_passed_over),
		ISOLATED(a_slab_cannot_hide_the_exemplars_of_others),
	};

	return cmocka_run_group_tests_name("exemplar_slots", tests, NULL, NULL);
}
