/* SPDX-License-Identifier: Apache-2.0 */
/* bench.c - repeats, medians and JSON lines for every benchmark. */
#include "bench/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

double bench_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

struct bench_result bench_summarise(double *values)
{
	qsort(values, BENCH_REPEATS, sizeof *values, ascending);
	return (struct bench_result){values[0], values[BENCH_REPEATS / 2], values[BENCH_REPEATS - 1]};
}

struct bench_result bench_ns_per_op(void (*fn)(void *arg, uint64_t n), void *arg, uint64_t n)
{
	double values[BENCH_REPEATS];

	fn(arg, n / 10 + 1);
	for (int i = 0; i < BENCH_REPEATS; i++) {
		double start = bench_now_ns();
		fn(arg, n);
		values[i] = (bench_now_ns() - start) / (double)n;
	}
	return bench_summarise(values);
}

struct bench_result bench_ms_per_call(void (*fn)(void *arg), void *arg)
{
	double values[BENCH_REPEATS];

	fn(arg);
	for (int i = 0; i < BENCH_REPEATS; i++) {
		double start = bench_now_ns();
		fn(arg);
		values[i] = (bench_now_ns() - start) / 1e6;
	}
	return bench_summarise(values);
}

void bench_print(const char *bench, const char *impl, const char *params, const char *unit, struct bench_result r,
                 const char *limit, struct bench_result limit_result)
{
	printf("{\"bench\":\"%s\",\"impl\":\"%s\",\"params\":\"%s\",\"unit\":\"%s\",\"repeats\":%d,\"min\":%.4g,"
	       "\"median\":%.4g,\"max\":%.4g",
	       bench, impl, params, unit, r.min == r.max ? 1 : BENCH_REPEATS, r.min, r.median, r.max);
	if (limit)
		printf(",\"limit\":\"%s\",\"limit_median\":%.4g,\"ratio_to_limit\":%.3g", limit, limit_result.median,
		       r.median / limit_result.median);
	printf("}\n");
	(void)fflush(stdout);
}
