/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Quantiles of summaries against exact ones on distributions that are hard, over processes living and dead, and as
 * time passes.
 */
#include "quantiles.h"

/* ---- distributions ------------------------------------------------------------------------ */

#define VALUES 20000

static uint64_t random_state;

static double uniform(void)
{
	random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return ((double)(random_state >> 11) + 0.5) * 0x1p-53;
}

static double normal(void)
{
	return sqrt(-2 * log(uniform())) * cos(2 * M_PI * uniform());
}

static double lognormal(int i)
{
	(void)i;
	return exp(2 * normal() - 5);
}

static double pareto(int i)
{
	(void)i;
	return 0.001 / pow(uniform(), 1 / 0.7); /* not even a mean */
}

static double bimodal(int i)
{
	return i % 10 == 0 ? 30 + uniform() : 2e-4 * (1 + uniform());
}

static double constant(int i)
{
	(void)i;
	return 0.1;
}

static double zeros(int i)
{
	(void)i;
	return 0;
}

static double wide(int i)
{
	(void)i;
	return pow(10, -9 + 18 * uniform());
}

static double wide_signed(int i)
{
	return i % 3 == 0 ? -wide(i) : i % 3 == 1 ? wide(i) : 0;
}

static double ascending(int i)
{
	return 1e-3 * (i + 1);
}

static double descending(int i)
{
	return 1e-3 * (VALUES - i);
}

/* Each number is at the end of a bucket or next to it. */
static double boundaries(int i)
{
	double end = exp2((i % 512 - 256) / 32.0);

	return i % 3 == 0 ? end : i % 3 == 1 ? nextafter(end, 0) : nextafter(end, INFINITY);
}

static const struct distribution {
	const char *name;
	double (*value)(int i);
	int count;
} distributions[] = {
	{"lognormal", lognormal, VALUES},
	{"pareto", pareto, VALUES},
	{"bimodal with a gap", bimodal, VALUES},
	{"constant", constant, VALUES},
	{"all zero", zeros, VALUES},
	{"log-uniform from 1e-9 to 1e9", wide, VALUES},
	{"log-uniform of both signs", wide_signed, VALUES},
	{"ascending", ascending, VALUES},
	{"descending", descending, VALUES},
	{"at the ends of buckets", boundaries, VALUES},
	{"one", lognormal, 1},
	{"two", lognormal, 2},
	{"three", pareto, 3},
	{"ten", pareto, 10},
};

static double *values_of(const struct distribution *d)
{
	double *values = malloc((size_t)d->count * sizeof *values);

	random_state = 42;
	for (int i = 0; i < d->count; i++)
		values[i] = d->value(i);
	return values;
}

static int ascend(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double exact(const double *sorted, int count, double q)
{
	int rank = (int)ceil(q * count);

	return sorted[rank < 1 ? 0 : rank - 1];
}

/* The region's quantiles are those of all values. */
static void expect_quantiles(const struct distribution *d)
{
	double *values = values_of(d);
	struct muster_region *region = reader();

	qsort(values, (size_t)d->count, sizeof *values, ascend);
	for (size_t i = 0; i < USUAL; i++) {
		double is = exact(values, d->count, usual[i]), shown = quantile_of(region, "s", "", usual[i]);
		if (!(fabs(shown - is) <= ERROR_MAX * fabs(is)))
			fail_msg("%s: quantile %g is %.17g, shown as %.17g", d->name, usual[i], is, shown);
	}
	assert_int_equal(int_of(region, "s", ""), d->count);
	muster_region_destroy(&region);
	free(values);
}

struct share {
	const struct distribution *d;
	int of, each;
};

/* A worker's part of the values: each so many, or, if the distribution is sorted, a piece of its own. */
static void observe_share(void *arg)
{
	const struct share *s = arg;
	double *values = values_of(s->d);
	muster_summary handle = summary();

	for (int i = s->of; i < s->d->count; i += s->each)
		muster_summary_observe(handle, values[i]);
	free(values);
}

static void quantiles_of_one_process_are_within_the_error(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof distributions / sizeof *distributions; i++) {
		region_remove();
		region_make();
		worker_live_and_die(observe_share, &(struct share){distributions + i, 0, 1});
		expect_quantiles(distributions + i);
	}
}

static void quantiles_over_eight_processes_are_those_of_all_observations(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof distributions / sizeof *distributions; i++) {
		pid_t live[4];
		region_remove();
		region_make();
		for (int w = 0; w < 8; w++) {
			struct share share = {distributions + i, w, 8};
			if (w % 2)
				live[w / 2] = worker_start(observe_share, &share);
			else
				worker_live_and_die(observe_share, &share);
		}
		expect_quantiles(distributions + i);
		struct muster_region *region = master();
		assert_int_equal(fold(region), 4);
		muster_region_destroy(&region);
		expect_quantiles(distributions + i);
		for (int w = 0; w < 4; w++)
			worker_kill(live[w]);
		expect_quantiles(distributions + i);
	}
}

/* ---- what numbers may be ------------------------------------------------------------------ */

static void observe_odd(void *arg)
{
	muster_summary s = summary();

	(void)arg;
	muster_summary_observe(s, NAN);
	muster_summary_observe(s, -INFINITY);
	muster_summary_observe(s, -1e300);
	muster_summary_observe(s, -2);
	muster_summary_observe(s, -0.0);
	muster_summary_observe(s, 5e-324);
	muster_summary_observe(s, -1e-30);
	muster_summary_observe(s, 3);
	muster_summary_observe(s, 1e300);
	muster_summary_observe(s, INFINITY);
}

static void numbers_beyond_the_buckets_are_zero_or_infinite_and_nan_is_not_there(void **state)
{
	(void)state;
	worker_live_and_die(observe_odd, NULL);
	struct muster_region *region = reader();
	assert_int_equal(int_of(region, "s", ""), 10);
	assert_int_equal(in_window(region, "s", ""), 9);
	assert_true(quantile_of(region, "s", "", 0) == -INFINITY);
	assert_true(fabs(quantile_of(region, "s", "", 0.25) + 2) <= 2 * ERROR_MAX);
	assert_true(quantile_of(region, "s", "", 0.5) == 0);
	assert_true(fabs(quantile_of(region, "s", "", 0.75) - 3) <= 3 * ERROR_MAX);
	assert_true(quantile_of(region, "s", "", 1) == INFINITY);
	muster_region_destroy(&region);
}

static void buckets_meet_without_gap_and_their_values_are_inside(void **state)
{
	(void)state;
	for (uint32_t b = 1; b < MUSTER__SKETCH_SIGN_BUCKETS - 1; b++) {
		double value = muster__sketch_value(b);
		double high = muster__exponential_bound((int32_t)b - MUSTER__SKETCH_PLACE_ONE, MUSTER__SKETCH_SCHEMA);
		assert_int_equal(muster__sketch_bucket(value), b);
		assert_int_equal(muster__sketch_bucket(-value), b + MUSTER__SKETCH_SIGN_BUCKETS);
		assert_int_equal(muster__sketch_bucket(high), b);
		assert_int_equal(muster__sketch_bucket(nextafter(high, INFINITY)), b + 1);
		assert_true(fabs(value - high) <= ERROR_MAX * high);
	}
}

/* ---- time --------------------------------------------------------------------------------- */

static void observations_leave_with_the_window_and_not_before(void **state)
{
	double one = 1, two = 2;

	(void)state;
	shared->now_s = 100 * SLOT_S + SLOT_S - 1;
	pid_t pid = worker_start(observe_one, &one);
	shared->now_s += WINDOW_S;
	expect_window(1);
	struct muster_region *region = reader();
	assert_true(fabs(quantile_of(region, "s", "", 0.5) - 1) <= ERROR_MAX);
	shared->now_s += 1; /* the fourth slot ends, and the observation is 601 s old */
	assert_int_equal(muster_region_refresh(region), 0);
	assert_true(isnan(quantile_of(region, "s", "", 0.5)));
	assert_true(isnan(quantile_of(region, "s", "", 1)));
	assert_int_equal(int_of(region, "s", ""), 1); /* the count is for good */
	worker_live_and_die(observe_one, &two);
	assert_int_equal(muster_region_refresh(region), 0);
	assert_true(fabs(quantile_of(region, "s", "", 0) - 2) <= 2 * ERROR_MAX);
	muster_region_destroy(&region);
	worker_kill(pid);
}

static void at_most_a_third_more_than_the_window_is_shown(void **state)
{
	double one = 1;

	(void)state;
	shared->now_s = 100 * SLOT_S;
	worker_live_and_die(observe_one, &one);
	shared->now_s += WINDOW_S + SLOT_S - 1;
	expect_window(1);
	shared->now_s += 1;
	expect_window(0);
}

/* The same words, again and again. */
static void observe_for_long(void *arg)
{
	(void)arg;
	for (int slot = 0; slot < 50; slot++) {
		for (int i = 0; i < 10; i++)
			observe(1);
		shared->now_s += SLOT_S;
	}
}

static void a_word_is_taken_over_by_the_next_epoch(void **state)
{
	(void)state;
	pid_t pid = worker_start(observe_for_long, NULL);
	expect_window(30); /* the slot under way is empty yet */
	struct muster_region *region = reader();
	assert_int_equal(int_of(region, "s", ""), 500);
	muster_region_destroy(&region);
	worker_kill(pid);
}

/* As one that was stopped between its look at the clock and its store. */
static void observe_late(void *arg)
{
	(void)arg;
	observe(1);
	shared->now_s -= 4 * SLOT_S;
	observe(1);
	shared->now_s += 4 * SLOT_S;
}

static void who_was_stopped_for_longer_than_the_window_takes_nothing_away(void **state)
{
	(void)state;
	worker_live_and_die(observe_late, NULL);
	expect_window(1);
}

static void observe_after_years(void *arg)
{
	(void)arg;
	observe(1);
	shared->now_s += (MUSTER__SKETCH_EPOCH_MASK / 2 + 10) * SLOT_S;
	observe(1);
	observe(3);
}

static void old_words_are_free_however_old(void **state)
{
	(void)state;
	worker_live_and_die(observe_after_years, NULL);
	expect_window(2);
}

static void observe_in_two_windows(void *arg)
{
	(void)arg;
	muster_summary_observe(muster_summary_with(family_over("short", NULL, 10)), 1);
	muster_summary_observe(muster_summary_with(family_over("long", NULL, 3600)), 1);
}

static void each_family_has_its_own_window(void **state)
{
	(void)state;
	shared->now_s = 1000;
	worker_live_and_die(observe_in_two_windows, NULL);
	shared->now_s += 20;
	struct muster_region *region = reader();
	assert_true(isnan(quantile_of(region, "short", "", 0.5)));
	assert_false(isnan(quantile_of(region, "long", "", 0.5)));
	muster_region_destroy(&region);
}

/* ---- descriptions ------------------------------------------------------------------------- */

static int declared(enum muster_type type, const double *quantiles, size_t count, uint32_t window_s)
{
	struct muster_family *f = NULL;
	struct muster_opts o = {
		.name = "d", .help = "Help.", .quantiles = quantiles, .quantiles_count = count, .window_s = window_s};

	return muster_declare(type, &o, &f);
}

static void quantiles_that_make_no_sense_are_refused(void **state)
{
	(void)state;
	const double good[] = {0, 0.5, 1}, falling[] = {0.5, 0.25}, twice[] = {0.5, 0.5}, beyond[] = {0.5, 1.5},
				 below[] = {-0.5, 0.5}, nan_one[] = {NAN}, many[MUSTER_QUANTILES_MAX + 1] = {0};

	assert_int_equal(declared(MUSTER_SUMMARY, falling, 2, 0), MUSTER_EQUANTILES);
	assert_int_equal(declared(MUSTER_SUMMARY, twice, 2, 0), MUSTER_EQUANTILES);
	assert_int_equal(declared(MUSTER_SUMMARY, beyond, 2, 0), MUSTER_EQUANTILES);
	assert_int_equal(declared(MUSTER_SUMMARY, below, 2, 0), MUSTER_EQUANTILES);
	assert_int_equal(declared(MUSTER_SUMMARY, nan_one, 1, 0), MUSTER_EQUANTILES);
	assert_int_equal(declared(MUSTER_SUMMARY, many, MUSTER_QUANTILES_MAX + 1, 0), MUSTER_EQUANTILES);
	assert_int_equal(declared(MUSTER_SUMMARY, good, 0, 0), MUSTER_EQUANTILES);
	assert_int_equal(declared(MUSTER_SUMMARY, NULL, 2, 0), MUSTER_EQUANTILES);
	assert_int_equal(declared(MUSTER_SUMMARY, NULL, 0, 60), MUSTER_EQUANTILES);
	assert_int_equal(declared(MUSTER_SUMMARY, good, 3, 9), MUSTER_EQUANTILES);
	assert_int_equal(declared(MUSTER_SUMMARY, good, 3, 3601), MUSTER_EQUANTILES);
	assert_int_equal(declared(MUSTER_COUNTER, good, 3, 0), MUSTER_ESUFFIX);
	assert_int_equal(declared(MUSTER_HISTOGRAM, good, 3, 0), MUSTER_EQUANTILES);
	assert_int_equal(declared(MUSTER_SUMMARY, good, 3, 60), 0);
	assert_int_equal(declared(MUSTER_SUMMARY, good, 3, 60), 0);
	assert_int_equal(declared(MUSTER_SUMMARY, good, 3, 61), MUSTER_ECONFLICT);
	assert_int_equal(declared(MUSTER_SUMMARY, good, 2, 60), MUSTER_ECONFLICT);
	assert_int_equal(declared(MUSTER_SUMMARY, NULL, 0, 0), MUSTER_ECONFLICT);
}

static void observe_over_60(void *arg)
{
	(void)arg;
	muster_summary_observe(muster_summary_with(family_over("s", NULL, 60)), 1);
}

static void another_window_in_another_process_is_a_conflict_and_counted(void **state)
{
	double one = 1;

	(void)state;
	pid_t pid = worker_start(observe_one, &one);
	struct muster_region *region = reader();
	worker_live_and_die(observe_over_60, NULL);
	assert_int_equal(muster_region_refresh(region), 0);
	assert_int_equal(in_window(region, "s", ""), 1);
	assert_int_equal(region->merge.view.events[MUSTER__EVENT_FAMILY_CONFLICT], 1);
	muster_region_destroy(&region);
	worker_kill(pid);
}

/* A family left out has its sketches all the same: those behind it are not taken for them. */
static void observe_behind_a_conflict(void *arg)
{
	(void)arg;
	observe_over_60(NULL);
	muster_summary_observe(muster_summary_with(family_over("t", NULL, WINDOW_S)), 8);
}

static void sketches_behind_a_family_left_out_keep_their_numbers(void **state)
{
	double one = 1;

	(void)state;
	pid_t pid = worker_start(observe_one, &one);
	struct muster_region *region = reader();
	worker_live_and_die(observe_behind_a_conflict, NULL);
	assert_int_equal(muster_region_refresh(region), 0);
	assert_true(fabs(quantile_of(region, "t", "", 0.5) - 8) <= 8 * ERROR_MAX);
	muster_region_destroy(&region);
	worker_kill(pid);
}

static void a_quantile_is_a_sample_by_its_name(void **state)
{
	double two = 2, value = 0;

	(void)state;
	worker_live_and_die(observe_one, &two);
	struct muster_region *region = reader();
	assert_int_equal(muster_region_value(region, "s{quantile=\"0.99\"}", &value), 0);
	assert_true(fabs(value - 2) <= 2 * ERROR_MAX);
	assert_int_equal(muster_region_value(region, "s_count", &value), 0);
	assert_true(value == 1);
	muster_region_destroy(&region);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(quantiles_of_one_process_are_within_the_error),
		TEST(quantiles_over_eight_processes_are_those_of_all_observations),
		TEST(numbers_beyond_the_buckets_are_zero_or_infinite_and_nan_is_not_there),
		TEST(buckets_meet_without_gap_and_their_values_are_inside),
		TEST(observations_leave_with_the_window_and_not_before),
		TEST(at_most_a_third_more_than_the_window_is_shown),
		TEST(a_word_is_taken_over_by_the_next_epoch),
		TEST(who_was_stopped_for_longer_than_the_window_takes_nothing_away),
		TEST(old_words_are_free_however_old),
		TEST(each_family_has_its_own_window),
		TEST(another_window_in_another_process_is_a_conflict_and_counted),
		TEST(sketches_behind_a_family_left_out_keep_their_numbers),
		TEST(a_quantile_is_a_sample_by_its_name),
		TEST(quantiles_that_make_no_sense_are_refused), /* last: what it declares, later children would inherit */
	};

	return cmocka_run_group_tests_name("t_quantiles", tests, NULL, NULL);
}
