/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench.h - timing for the benchmarks: several repeats, the limit measured in the same run, one JSON
 * object per line. Nothing here asserts.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stddef.h>
#include <stdint.h>

#define BENCH_REPEATS 7

struct bench_result {
	double min, median, max; /* in the unit given */
};

/* Monotonic time in ns. */
double bench_now_ns(void);

/* Of BENCH_REPEATS values, which it sorts. */
struct bench_result bench_summarise(double *values);

/* Run `fn(arg, n)` BENCH_REPEATS times after a warm-up; ns per operation. */
struct bench_result bench_ns_per_op(void (*fn)(void *arg, uint64_t n), void *arg, uint64_t n);

/* Run `fn(arg)` BENCH_REPEATS times after a warm-up; ms per call. */
struct bench_result bench_ms_per_call(void (*fn)(void *arg), void *arg);

/* {"bench":..., "impl":"muster", "params":"...", "unit":..., "repeats":..., "min":..., "median":..., "max":...,
 * "limit":"...", "limit_median":..., "ratio_to_limit":...}; limit may be NULL. */
void bench_print(const char *bench, const char *impl, const char *params, const char *unit, struct bench_result r,
                 const char *limit, struct bench_result limit_result);

#endif
