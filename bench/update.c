/* SPDX-License-Identifier: Apache-2.0 */
/*
 * update.c - what an update costs, in ns, beside the bare limit on the same machine in the same run.
 *
 * Limits: a plain load/add/store on one word, on 64 words in turn and on 4,000 in random order, a locked add, a compare-and-swap of a
 * double. Lookup means: find the series by its label values, then add.
 */
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <muster/exemplar.h>
#include <muster/muster.h>
#include <muster/request.h>

#include "bench/bench.h"
#include "bench/common/limit.h"

static uint64_t words[64] __attribute__((aligned(64)));

/* ---- limits ------------------------------------------------------------------------------- */

static void bare_64(void *arg, uint64_t n)
{
	volatile uint64_t *word = arg;

	for (uint64_t i = 0; i < n; i++)
		word[i & 63] = word[i & 63] + 1;
}

/* ---- muster ------------------------------------------------------------------------------- */

static const char *const no_labels[] = {NULL};
static const char *const two_labels[] = {"method", "code", NULL};
static const char *const six_labels[] = {"a", "b", "c", "d", "e", "f", NULL};

static struct muster_family *family(enum muster_type type, const char *name, enum muster_mode mode,
                                    const char *const *labels, const double *bounds, size_t bounds_count)
{
	struct muster_family *f;
	struct muster_opts o = {.name = name,
	                        .help = "Benchmark.",
	                        .mode = mode,
	                        .labels = labels,
	                        .bounds = bounds,
	                        .bounds_count = bounds_count};

	if (muster_declare(type, &o, &f) != 0) {
		(void)fprintf(stderr, "update: %s\n", muster_error_message());
		exit(1);
	}
	return f;
}

static void counter_one(void *arg, uint64_t n)
{
	muster_counter c = *(muster_counter *)arg;

	for (uint64_t i = 0; i < n; i++)
		muster_counter_inc(c);
}

/* What it cannot do without: the time. */
static void bare_clock(void *arg, uint64_t n)
{
	struct timespec ts;

	(void)arg;
	for (uint64_t i = 0; i < n; i++)
		(void)clock_gettime(CLOCK_REALTIME, &ts);
}

static void counter_exemplar(void *arg, uint64_t n)
{
	struct muster_exemplar e = {0};

	(void)muster_exemplar_trace(&e, "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
	for (uint64_t i = 0; i < n; i++)
		muster_counter_inc_with_exemplar(*(muster_counter *)arg, &e);
}

static void counter_64(void *arg, uint64_t n)
{
	const muster_counter *c = arg;

	for (uint64_t i = 0; i < n; i++)
		muster_counter_inc(c[i & 63]);
}

#define CELLS 4000

static uint64_t cells[CELLS];
static uint16_t order[1 << 14]; /* random, and the same for both */

static void bare_random(void *arg, uint64_t n)
{
	volatile uint64_t *word = arg;

	for (uint64_t i = 0; i < n; i++)
		word[order[i & 0x3fff]] = word[order[i & 0x3fff]] + 1;
}

static void counter_random(void *arg, uint64_t n)
{
	const muster_counter *c = arg;

	for (uint64_t i = 0; i < n; i++)
		muster_counter_inc(c[order[i & 0x3fff]]);
}

static void real_counter(void *arg, uint64_t n)
{
	muster_real_counter c = *(muster_real_counter *)arg;

	for (uint64_t i = 0; i < n; i++)
		muster_real_counter_add(c, 0.5);
}

static void gauge_set(void *arg, uint64_t n)
{
	muster_gauge g = *(muster_gauge *)arg;

	for (uint64_t i = 0; i < n; i++)
		muster_gauge_set(g, (double)i);
}

static void gauge_add(void *arg, uint64_t n)
{
	muster_gauge g = *(muster_gauge *)arg;

	for (uint64_t i = 0; i < n; i++)
		muster_gauge_add(g, 1);
}

#define VALUES 4096
static double values[VALUES]; /* spread over the buckets in no order a branch predictor could learn */

static void histogram(void *arg, uint64_t n)
{
	muster_histogram h = *(muster_histogram *)arg;

	for (uint64_t i = 0; i < n; i++)
		muster_histogram_observe(h, values[i % VALUES]);
}

static void native_histogram(void *arg, uint64_t n)
{
	muster_native_histogram h = *(muster_native_histogram *)arg;

	for (uint64_t i = 0; i < n; i++)
		muster_native_histogram_observe(h, values[i % VALUES]);
}

static void summary(void *arg, uint64_t n)
{
	muster_summary s = *(muster_summary *)arg;

	for (uint64_t i = 0; i < n; i++)
		muster_summary_observe(s, values[i % VALUES]);
}

static const char *const methods[4] = {"GET", "POST", "PUT", "DELETE"};
static const char *const codes[4] = {"200", "404", "500", "301"};

static void lookup_0(void *arg, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++)
		muster_counter_inc(muster_counter_with((struct muster_family *)arg));
}

static void lookup_2(void *arg, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++)
		muster_counter_inc(muster_counter_with((struct muster_family *)arg, methods[i & 3], codes[i >> 2 & 3]));
}

static void lookup_6(void *arg, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++)
		muster_counter_inc(muster_counter_with((struct muster_family *)arg, methods[i & 3], codes[i >> 2 & 3],
		                                       methods[i & 3], "constant", "label", "values"));
}

static void request(void *arg, uint64_t n)
{
	(void)arg;
	for (uint64_t i = 0; i < n; i++)
		muster_request_end(muster_request_begin());
}

static void nested_request(void *arg, uint64_t n)
{
	struct muster_request outer = muster_request_begin();

	request(arg, n);
	muster_request_end(outer);
}

/* ---- two threads -------------------------------------------------------------------------- */

struct job {
	void (*fn)(void *arg, uint64_t n);
	void *arg;
	uint64_t n;
};

static void *job_run(void *arg)
{
	const struct job *j = arg;

	j->fn(j->arg, j->n);
	return NULL;
}

static void in_two_threads(void *arg, uint64_t n)
{
	struct job j = *(struct job *)arg;
	pthread_t other;

	j.n = n;
	if (pthread_create(&other, NULL, job_run, &j) != 0)
		exit(1);
	j.fn(j.arg, n);
	(void)pthread_join(other, NULL);
}

/* A word of the thread's own. */
static void bare_own(void *arg, uint64_t n)
{
	static __thread uint64_t word __attribute__((aligned(64)));

	(void)arg;
	limit_add(&word, n);
}

static void two_threads(const muster_counter *counter, uint64_t *shared)
{
	struct job bare = {bare_own, NULL, 0}, one = {counter_one, (void *)counter, 0},
			   locked = {limit_locked_add, shared, 0};
	struct bench_result limit = bench_ns_per_op(in_two_threads, &bare, 50000000);

	bench_print("limit", "bare add", "a word each, two threads", "ns", limit, NULL, limit);
	bench_print("limit", "lock xadd", "one word, two threads", "ns", bench_ns_per_op(in_two_threads, &locked, 10000000),
	            NULL, limit);
	bench_print("counter inc", "muster", "one series, two threads", "ns",
	            bench_ns_per_op(in_two_threads, &one, 50000000), "bare add, a word each, two threads", limit);
}

/* ---- the list ----------------------------------------------------------------------------- */

static void histograms(struct bench_result limit)
{
	static const size_t counts[] = {3, 11, 35, 200};
	double bounds[200];

	for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
		char name[32], params[32];
		(void)snprintf(name, sizeof name, "bench_h%zu", counts[i]);
		(void)snprintf(params, sizeof params, "%zu bounds", counts[i]);
		(void)muster_bounds_linear(1, 1, counts[i], bounds);
		for (size_t v = 0; v < VALUES; v++)
			values[v] = (double)(rand() % 10000) * 1e-4 * (double)(counts[i] + 1);
		muster_histogram h = muster_histogram_with(family(MUSTER_HISTOGRAM, name, 0, no_labels, bounds, counts[i]));
		bench_print("histogram observe", "muster", params, "ns", bench_ns_per_op(histogram, &h, 20000000), "bare add",
		            limit);
	}
}

/* Values as of latencies: from a hundredth of their middle to a hundred times it. */
static void native_histograms(struct bench_result limit)
{
	muster_native_histogram h =
		muster_native_histogram_with(family(MUSTER_NATIVE_HISTOGRAM, "bench_n", 0, no_labels, NULL, 0));

	for (size_t v = 0; v < VALUES; v++)
		values[v] = 1e-3 * pow(10, (double)(rand() % 40000) * 1e-4);
	bench_print("native histogram observe", "muster", "values over 4 decades", "ns",
	            bench_ns_per_op(native_histogram, &h, 20000000), "bare add", limit);
}

/* Three decades, as latencies have; the clock and the word of the bucket come on top. */
static void quantiles(struct bench_result summary_alone)
{
	static const double wanted[] = {0.5, 0.9, 0.99};
	struct muster_opts o = {.name = "bench_q", .help = "Benchmark.", .quantiles = wanted, .quantiles_count = 3};
	struct muster_family *f;

	if (muster_declare(MUSTER_SUMMARY, &o, &f) != 0)
		exit(1);
	for (size_t v = 0; v < VALUES; v++)
		values[v] = 1e-3 * (double)(1 + rand() % 1000);
	muster_summary s = muster_summary_with(f);
	struct job two = {summary, &s, 0};
	bench_print("summary observe", "muster", "three quantiles", "ns", bench_ns_per_op(summary, &s, 20000000),
	            "summary observe, no quantiles", summary_alone);
	bench_print("summary observe", "muster", "three quantiles, two threads", "ns",
	            bench_ns_per_op(in_two_threads, &two, 10000000), "summary observe, no quantiles", summary_alone);
}

static void random_cells(void)
{
	static muster_counter counters[CELLS];
	struct muster_family *f = family(MUSTER_COUNTER, "bench_cells_total", 0, two_labels, NULL, 0);
	char name[8];

	for (int i = 0; i < CELLS; i++) {
		(void)snprintf(name, sizeof name, "%d", i);
		counters[i] = muster_counter_with(f, "GET", name);
	}
	for (size_t i = 0; i < sizeof order / sizeof *order; i++)
		order[i] = (uint16_t)(rand() % CELLS);
	bench_print("counter inc", "muster", "4000 series in random order", "ns",
	            bench_ns_per_op(counter_random, counters, 50000000), "bare add, 4000 words in that order",
	            bench_ns_per_op(bare_random, cells, 50000000));
}

static void exemplars(void)
{
	struct muster_opts o = {.name = "bench_traced_total", .help = "Benchmark.", .exemplars = true};
	struct muster_family *f = NULL;

	if (muster_declare(MUSTER_COUNTER, &o, &f) != 0)
		exit(1);
	muster_counter c = muster_counter_with(f);
	bench_print("counter inc with exemplar", "muster", "one series", "ns",
	            bench_ns_per_op(counter_exemplar, &c, 5000000), "clock_gettime",
	            bench_ns_per_op(bare_clock, NULL, 5000000));
}

int main(void)
{
	muster_counter counters[64];
	struct muster_family *many = family(MUSTER_COUNTER, "bench_many_total", 0, two_labels, NULL, 0);

	for (int i = 0; i < 64; i++) {
		char name[8];
		(void)snprintf(name, sizeof name, "%d", i);
		counters[i] = muster_counter_with(many, "GET", name);
	}
	muster_real_counter real = muster_real_counter_with(family(MUSTER_REAL_COUNTER, "bench_r_total", 0, NULL, NULL, 0));
	muster_gauge gauge = muster_gauge_with(family(MUSTER_GAUGE, "bench_g", MUSTER_SUM, NULL, NULL, 0));
	muster_summary s = muster_summary_with(family(MUSTER_SUMMARY, "bench_s", 0, NULL, NULL, 0));

	struct bench_result bare = bench_ns_per_op(limit_add, words, 100000000);
	struct bench_result bare64 = bench_ns_per_op(bare_64, words, 100000000);
	struct bench_result lock = bench_ns_per_op(limit_locked_add, words, 20000000);
	struct bench_result cas = bench_ns_per_op(limit_cas_double, words, 20000000);
	bench_print("limit", "bare add", "one word", "ns", bare, NULL, bare);
	bench_print("limit", "bare add", "64 words", "ns", bare64, NULL, bare);
	bench_print("limit", "lock xadd", "one word", "ns", lock, NULL, bare);
	bench_print("limit", "CAS double", "one word", "ns", cas, NULL, bare);
	bench_print("counter inc", "muster", "one series", "ns", bench_ns_per_op(counter_one, counters, 100000000),
	            "bare add, one word", bare);
	bench_print("counter inc", "muster", "64 series", "ns", bench_ns_per_op(counter_64, counters, 100000000),
	            "bare add, 64 words", bare64);
	random_cells();
	two_threads(counters, words);
	exemplars();
	bench_print("real counter add", "muster", "one series", "ns", bench_ns_per_op(real_counter, &real, 50000000),
	            "CAS double", cas);
	bench_print("gauge set", "muster", "one series", "ns", bench_ns_per_op(gauge_set, &gauge, 100000000),
	            "bare add, one word", bare);
	bench_print("gauge add", "muster", "one series", "ns", bench_ns_per_op(gauge_add, &gauge, 20000000), "CAS double",
	            cas);
	histograms(bare);
	native_histograms(bare);
	struct bench_result plain = bench_ns_per_op(summary, &s, 20000000);
	bench_print("summary observe", "muster", "one series", "ns", plain, "bare add, one word", bare);
	quantiles(plain);
	bench_print("lookup + inc", "muster", "0 labels", "ns",
	            bench_ns_per_op(lookup_0, family(MUSTER_COUNTER, "bench_l0_total", 0, NULL, NULL, 0), 20000000),
	            "lock xadd", lock);
	bench_print("lookup + inc", "muster", "2 labels", "ns", bench_ns_per_op(lookup_2, many, 20000000), "lock xadd",
	            lock);
	bench_print("lookup + inc", "muster", "6 labels", "ns",
	            bench_ns_per_op(lookup_6, family(MUSTER_COUNTER, "bench_l6_total", 0, six_labels, NULL, 0), 10000000),
	            "lock xadd", lock);
	bench_print("request begin and end", "muster", "worker idle before", "ns", bench_ns_per_op(request, NULL, 10000000),
	            "lock xadd", lock);
	bench_print("request begin and end", "muster", "worker busy before", "ns",
	            bench_ns_per_op(nested_request, NULL, 10000000), "lock xadd", lock);
	return 0;
}
