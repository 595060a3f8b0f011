/* SPDX-License-Identifier: Apache-2.0 */
/*
 * numbers.c - our formatter of doubles beside those of other libraries, round by round.
 *
 * Before anything is timed, every spelling of every value has to read back as the same bits, and none to have fewer digits
 * than ours.
 */
#include "numbers.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"
#include "shm/view.h"

#define VALUES 4096
#define PASSES 100

static size_t number_own(char *out, double x)
{
	return muster__number_real(out, x, false);
}

static size_t number_printf(char *out, double x)
{
	return (size_t)snprintf(out, 32, "%.17g", x);
}

static const struct {
	const char *name;
	number_fn *format;
} impls[] = {
	{"muster", number_own},
	{"std::to_chars", number_to_chars},
#ifdef WITH_FMT
	{"libfmt", number_fmt},
#endif
	{"printf %.17g", number_printf},
};
enum { IMPLS = sizeof impls / sizeof *impls };

/* ---- values ------------------------------------------------------------------------------- */

static uint64_t state = 88172645463325252u;

static uint64_t random_bits(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	return state ^= state << 17;
}

static double uniform(void)
{
	return (double)(random_bits() >> 11) / 9007199254740992.0;
}

static double count_small(void)
{
	return (double)(random_bits() % 100000);
}

static double count_large(void)
{
	return (double)(random_bits() >> (11 + random_bits() % 30));
}

/* Sums of seconds: as many digits as a double has. */
static double sum_of_seconds(void)
{
	double sum = 0;

	for (int i = 0; i < 100; i++)
		sum += uniform() * uniform();
	return sum;
}

static double three_decimals(void)
{
	return (double)(random_bits() % 10000000) / 1000;
}

static double any_bits(void)
{
	double x;

	do {
		uint64_t bits = random_bits();
		memcpy(&x, &bits, sizeof x);
	} while (x - x != 0);
	return x;
}

static const struct {
	const char *name;
	double (*next)(void);
} kinds[] = {
	{"counts below 100,000", count_small},
	{"counts up to 2^53", count_large},
	{"three decimals", three_decimals},
	{"sums of 100 random seconds", sum_of_seconds},
	{"random bits", any_bits},
};

/* ---- the same result ---------------------------------------------------------------------- */

static int digits(const char *text)
{
	int n = 0, zeros = 0;

	for (; *text && *text != 'e'; text++) {
		if (!isdigit((unsigned char)*text) || (*text == '0' && n == 0))
			continue;
		n++;
		zeros = *text == '0' ? zeros + 1 : 0;
	}
	return n - zeros;
}

static void compare(double x)
{
	int own = 0;

	for (int i = 0; i < IMPLS; i++) {
		char text[40];
		text[impls[i].format(text, x)] = '\0';
		int n = digits(text);
		own = i == 0 ? n : own;
		if (strtod(text, NULL) != x || n < own) {
			(void)fprintf(stderr, "numbers: %s spells %.17g as %s\n", impls[i].name, x, text);
			exit(1);
		}
	}
}

/* ---- timing ------------------------------------------------------------------------------- */

static double time_of(number_fn *format, const double *values)
{
	char out[40];
	double start = bench_now_ns();

	for (int pass = 0; pass < PASSES; pass++)
		for (int i = 0; i < VALUES; i++) {
			(void)format(out, values[i]);
			__asm__ volatile("" : : "r"(out) : "memory");
		}
	return (bench_now_ns() - start) / PASSES / VALUES;
}

static void measure(const char *kind, const double *values)
{
	double times[IMPLS][BENCH_REPEATS];
	struct bench_result own = {0};

	for (int i = 0; i < IMPLS; i++)
		(void)time_of(impls[i].format, values);
	for (int round = 0; round < BENCH_REPEATS; round++)
		for (int i = 0; i < IMPLS; i++)
			times[i][round] = time_of(impls[i].format, values);
	for (int i = 0; i < IMPLS; i++) {
		struct bench_result r = bench_summarise(times[i]);
		own = i == 0 ? r : own;
		bench_print("number", impls[i].name, kind, "ns", r, i ? "muster" : NULL, own);
	}
}

int main(void)
{
	static double values[VALUES];

	for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
		for (int i = 0; i < VALUES; i++) {
			values[i] = kinds[k].next();
			compare(values[i]);
		}
		measure(kinds[k].name, values);
	}
	return 0;
}
