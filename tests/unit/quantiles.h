/* SPDX-License-Identifier: Apache-2.0 */
/*
 * quantiles.h - summaries with quantiles under a clock that the test sets, for it and its workers alike. Programs that
 * include it are linked with --wrap=clock_gettime.
 */
#ifndef TESTS_QUANTILES_H
#define TESTS_QUANTILES_H

#include <sys/mman.h>
#include <time.h>

#include "folding.h"
#include "shm/sketches.h"

#define ERROR_MAX 0.01092 /* (2^(1/32) - 1) / (2^(1/32) + 1), and a last digit */
#define WINDOW_S 600
#define SLOT_S 200

/* ---- the clock ---------------------------------------------------------------------------- */

int __real_clock_gettime(clockid_t clock, struct timespec *out);
int __wrap_clock_gettime(clockid_t clock, struct timespec *out);

static struct {
	_Atomic long now_s;
} * shared;

int __wrap_clock_gettime(clockid_t clock, struct timespec *out)
{
	int rc = __real_clock_gettime(clock, out);

	if (clock == CLOCK_MONOTONIC_COARSE && shared)
		*out = (struct timespec){.tv_sec = shared->now_s};
	return rc;
}

static inline int setup_clock(void **state)
{
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	shared->now_s = 100 * SLOT_S;
	return shared == MAP_FAILED ? -1 : setup(state);
}

static inline int teardown_clock(void **state)
{
	munmap(shared, sizeof *shared);
	shared = NULL;
	return teardown(state);
}

/* ---- families ----------------------------------------------------------------------------- */

static const double usual[] = {0, 0.01, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999, 1};
#define USUAL (sizeof usual / sizeof *usual)

static inline struct muster_family *family_over(const char *name, const char *label, uint32_t window_s)
{
	const char *const labels[] = {label, NULL};
	struct muster_family *f = NULL;
	struct muster_opts o = {.name = name,
	                        .help = "Help.",
	                        .labels = labels,
	                        .quantiles = usual,
	                        .quantiles_count = USUAL,
	                        .window_s = window_s};

	if (muster_declare(MUSTER_SUMMARY, &o, &f) != 0) {
		(void)fprintf(stderr, "%s\n", muster_error_message());
		_exit(96);
	}
	return f;
}

static inline muster_summary summary(void)
{
	return muster_summary_with(family_over("s", NULL, WINDOW_S));
}

static inline void observe(double x)
{
	muster_summary_observe(summary(), x);
}

static inline double quantile_of(const struct muster_region *region, const char *name, const char *label, double q)
{
	const struct muster__view_series *s = series_of(region, name, label);

	for (uint32_t i = 0; s && i < s->family->quantile_count; i++)
		if (s->family->quantiles[i] == q)
			return region->merge.view.quantiles[s->sketch_at][i];
	return -12345;
}

/* How many observations the window has, by its words. */
static inline uint64_t in_window(const struct muster_region *region, const char *name, const char *label)
{
	const struct muster__view_series *s = series_of(region, name, label);
	uint64_t sum = 0;

	for (uint32_t page = 0; page < MUSTER__SKETCH_PAGES; page++) {
		const uint64_t *words = region->merge.values.sketches[s->sketch_at].pages[page];
		for (uint32_t i = 0; words && i < MUSTER__SKETCH_PAGE_WORDS; i++)
			sum += words[i] & MUSTER__SKETCH_COUNT_MASK;
	}
	return sum;
}

static inline void expect_window(uint64_t count)
{
	struct muster_region *region = reader();

	assert_int_equal(in_window(region, "s", ""), count);
	muster_region_destroy(&region);
}

static inline void observe_one(void *arg)
{
	observe(*(const double *)arg);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_clock, teardown_clock)

#endif
