/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading the buckets of a native histogram that move meanwhile: the reader is stopped after each so many of its instructions,
 * and goes on when the writer has moved them twice. And words that no writer leaves.
 */
#include <sys/mman.h>
#include <sys/ptrace.h>

#include "native_oracle.h"
#include "shm/family.h"
#include "workers.h"

static const double values[] = {1, 1.2, 40, 41, 5000, 0.01};

#define BEFORE 2
#define ALL (sizeof values / sizeof *values)

static const struct muster__native_shape shape = {MUSTER_BUCKETS_DEFAULT, 1};

struct read {
	uint64_t words[MUSTER__NATIVE_SUM_WORDS_MAX];
	bool good, done;
} * result; /* shared with the reader */

static void observe(muster_native_histogram h, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		muster_native_histogram_observe(h, values[i]);
}

static const uint64_t *words_of(muster_native_histogram h)
{
	return *muster__bank_ref + h.desc->int_word;
}

static pid_t reader_start(const uint64_t *words)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		(void)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		(void)raise(SIGSTOP);
		result->good = muster__native_copy(result->words, words, shape);
		result->done = true;
		(void)raise(SIGSTOP);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSTOPPED(status));
	return pid;
}

static void step(pid_t pid)
{
	assert_int_equal(ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* What was read are the first `count` values, and nothing else. */
static void expect_first(const uint64_t *sum, size_t count)
{
	uint64_t control = sum[MUSTER__NATIVE_CONTROL];
	int32_t start = muster__native_start(control);
	uint64_t wanted[MUSTER_BUCKETS_DEFAULT] = {0};

	for (size_t i = 0; i < count; i++)
		wanted[muster__exponential_lower(muster__exponential_index(values[i]), muster__native_steps(control)) -
		       start]++;
	assert_memory_equal(sum + MUSTER__NATIVE_BUCKETS, wanted, sizeof wanted);
}

static size_t count_of(const uint64_t *sum)
{
	uint64_t n = 0;

	for (uint32_t i = MUSTER__NATIVE_BUCKETS; i < muster__native_sum_words(shape); i++)
		n += sum[i];
	return n;
}

/* Returns whether the reader was done before it was to stop. */
static bool read_while_moved(struct muster_family *family, long instructions)
{
	char name[24];

	(void)snprintf(name, sizeof name, "%ld", instructions);
	muster_native_histogram h = muster_native_histogram_with(family, name);
	observe(h, 0, BEFORE);
	result->done = false;
	pid_t pid = reader_start(words_of(h));
	for (long n = 0; n < instructions && !result->done; n++)
		step(pid);
	bool done = result->done;
	observe(h, BEFORE, ALL);
	if (!done) {
		assert_int_equal(ptrace(PTRACE_CONT, pid, NULL, NULL), 0);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
	}
	worker_kill(pid);
	assert_true(result->done && result->good);
	size_t count = count_of(result->words);
	assert_true(count == BEFORE || count == ALL);
	expect_first(result->words, count);
	return done;
}

static void buckets_that_move_under_a_reader_are_read_whole(void **state)
{
	const char *const labels[] = {"n", NULL};
	struct muster_opts o = {.name = "n", .help = "Help.", .labels = labels};
	struct muster_family *family = NULL;
	long n = 0;

	(void)state;
	result = mmap(NULL, sizeof *result, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_int_equal(muster_declare(MUSTER_NATIVE_HISTOGRAM, &o, &family), 0);
	while (!read_while_moved(family, n))
		n += n < 30 ? 1 : 61;
	assert_true(n > 160);
	(void)munmap(result, sizeof *result);
}

/* ---- words that no writer leaves ---------------------------------------------------------- */

static uint64_t bank[MUSTER__NATIVE_BUCKETS + 2 * MUSTER_BUCKETS_DEFAULT];

static bool copied(uint64_t control, uint32_t bucket)
{
	uint64_t out[MUSTER__NATIVE_SUM_WORDS_MAX];

	memset(bank, 0, sizeof bank);
	bank[MUSTER__NATIVE_CONTROL] = control;
	bank[MUSTER__NATIVE_BUCKETS + bucket] = 1;
	bool good = muster__native_copy(out, bank, shape);
	if (good)
		assert_true(muster__native_valid(out, shape));
	return good;
}

static void buckets_beyond_all_numbers_are_refused(void **state)
{
	(void)state;
	for (uint32_t steps = 0; steps <= MUSTER__SCHEMA_STEPS; steps++) {
		int32_t low = muster__exponential_lower(MUSTER__EXPONENTIAL_INDEX_MIN, steps);
		int32_t high = muster__exponential_lower(MUSTER__EXPONENTIAL_INDEX_MAX, steps);
		assert_true(copied(muster__native_control(steps, 0, 1, low), 0));
		assert_false(copied(muster__native_control(steps, 0, 1, low - 1), 0));
		assert_true(copied(muster__native_control(steps, 0, 1, low - 1), 1));
		assert_true(copied(muster__native_control(steps, 0, 1, high - 159), 159));
		assert_false(copied(muster__native_control(steps, 0, 1, high - 158), 159));
		assert_true(copied(muster__native_control(steps, 1, 1, high + 1), 0)); /* the other buffer says nothing */
	}
	for (uint32_t steps = MUSTER__SCHEMA_STEPS + 1; steps < 16; steps++)
		assert_false(copied(muster__native_control(steps, 0, 1, 0), 0));
	assert_false(copied(UINT64_MAX, 0));
	assert_false(copied(UINT64_C(1) << 63, 0));
	assert_false(copied(1, 0));
	assert_true(copied(0, 0)); /* nothing yet, whatever the buckets say */
}

static void sums_that_are_none_are_refused(void **state)
{
	uint64_t sum[MUSTER__NATIVE_SUM_WORDS_MAX] = {0};

	(void)state;
	assert_true(muster__native_valid(sum, shape));
	sum[MUSTER__NATIVE_BUCKETS + 1] = 1;
	assert_false(muster__native_valid(sum, shape)); /* a bucket beyond those in use */
	sum[MUSTER__NATIVE_CONTROL] = muster__native_control(3, 0, 2, -7);
	assert_true(muster__native_valid(sum, shape));
	sum[MUSTER__NATIVE_CONTROL] = muster__native_control(3, 0, 161, -7);
	assert_false(muster__native_valid(sum, shape));
	sum[MUSTER__NATIVE_CONTROL] = muster__native_control(3, 1, 2, -7);
	assert_false(muster__native_valid(sum, shape));
	sum[MUSTER__NATIVE_CONTROL] = muster__native_control(13, 0, 2, -7);
	assert_false(muster__native_valid(sum, shape));
	sum[MUSTER__NATIVE_CONTROL] = muster__native_control(3, 0, 2, 1024 << 5);
	assert_false(muster__native_valid(sum, shape));
	sum[MUSTER__NATIVE_CONTROL] = muster__native_control(3, 0, 2, (1024 << 5) - 1);
	assert_true(muster__native_valid(sum, shape));
}

/* ---- adding and taking away ---------------------------------------------------------------- */

static const struct muster__native_shape two_signs = {170, 2};

/* A bank of a few counts anywhere, as a sum. */
static void random_sum(uint64_t *sum)
{
	uint64_t words[MUSTER__NATIVE_BUCKETS + 4 * 170] = {0};
	uint32_t steps = (uint32_t)rand() % 13;

	words[MUSTER__NATIVE_CONTROL] = muster__native_control(steps, (uint32_t)rand() % 2, 5,
	                                                       -60 + rand() % (steps < 5 ? 3000 : 50) - 100 * (steps < 5));
	for (int i = 0; i < 30; i++)
		words[1 + (size_t)rand() % (sizeof words / sizeof *words - 1)] += (uint64_t)rand();
	if (!muster__native_copy(sum, words, two_signs))
		memset(sum, 0, muster__native_sum_words(two_signs) * sizeof *sum);
}

static void sums_do_not_depend_on_the_order(void **state)
{
	static uint64_t parts[6][MUSTER__NATIVE_SUM_WORDS_MAX], up[MUSTER__NATIVE_SUM_WORDS_MAX],
		down[MUSTER__NATIVE_SUM_WORDS_MAX];

	(void)state;
	srand(7);
	for (int round = 0; round < 2000; round++) {
		memset(up, 0, sizeof up);
		memset(down, 0, sizeof down);
		for (int i = 0; i < 6; i++)
			random_sum(parts[i]);
		for (int i = 0; i < 6; i++) {
			muster__native_add(up, parts[i], two_signs);
			muster__native_add(down, parts[5 - i], two_signs);
			assert_true(muster__native_valid(up, two_signs));
		}
		assert_memory_equal(up, down, muster__native_sum_words(two_signs) * sizeof *up);
		for (int i = 0; i < 6; i++)
			muster__native_take(up, parts[i], two_signs);
		for (uint32_t i = MUSTER__NATIVE_ZERO; i < muster__native_sum_words(two_signs); i++)
			assert_true(up[i] == 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(buckets_that_move_under_a_reader_are_read_whole, setup, teardown),
		cmocka_unit_test(buckets_beyond_all_numbers_are_refused),
		cmocka_unit_test(sums_that_are_none_are_refused),
		cmocka_unit_test(sums_do_not_depend_on_the_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
