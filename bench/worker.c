/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker.c - what a worker feels: the time to attach, the first record after a fork, the tail of an update's
 * latency, and updates with work between them or during a continuous scrape.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <muster/muster.h>
#include <muster/region.h>

#include "bench/bench.h"
#include "bench/common/limit.h"
#include "bench/common/master.h"

#define BATCH 64
#define BATCHES 200000
#define WORK_TURNS 300 /* about a microsecond */

static struct master region; /* its directory only; no master runs */
static struct bench_result none;
static muster_counter counter;
static muster_histogram histogram;

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void declare(void)
{
	static const char *const labels[] = {"path", NULL};
	struct muster_opts c = {.name = "bench_total", .help = "Benchmark."},
					   h = {.name = "bench_seconds", .help = "Benchmark."},
					   m = {.name = "bench_many_total", .help = "Benchmark.", .labels = labels};
	struct muster_family *f = NULL;
	char path[16];

	(void)muster_declare(MUSTER_COUNTER, &c, &f);
	counter = muster_counter_with(f);
	(void)muster_declare(MUSTER_HISTOGRAM, &h, &f);
	histogram = muster_histogram_with(f);
	(void)muster_declare(MUSTER_COUNTER, &m, &f);
	for (int i = 0; i < 1000; i++) {
		(void)snprintf(path, sizeof path, "/%d", i);
		(void)muster_counter_with(f, path);
	}
}

/* ---- once per process --------------------------------------------------------------------- */

static void attach(void)
{
	struct muster_opts c = {.name = "bench_total", .help = "Benchmark."};
	struct muster_family *f = NULL;

	(void)muster_declare(MUSTER_COUNTER, &c, &f);
	muster_counter_inc(muster_counter_with(f));
}

static void first_record(void)
{
	muster_counter_inc(counter);
}

/* The median of what `fn` takes in children, in us. */
static struct bench_result in_children(void (*fn)(void))
{
	double *us = mmap(NULL, BENCH_REPEATS * sizeof *us, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	for (int i = 0; i < BENCH_REPEATS; i++) {
		pid_t pid = fork();
		if (pid == 0) {
			double start = bench_now_ns();
			fn();
			us[i] = (bench_now_ns() - start) / 1e3;
			_exit(0);
		}
		(void)waitpid(pid, NULL, 0);
	}
	qsort(us, BENCH_REPEATS, sizeof *us, ascending);
	struct bench_result r = {us[0], us[BENCH_REPEATS / 2], us[BENCH_REPEATS - 1]};
	(void)munmap(us, BENCH_REPEATS * sizeof *us);
	return r;
}

/* ---- tail --------------------------------------------------------------------------------- */

static void tail_of(const char *name, double *ns)
{
	static const struct {
		const char *text;
		double part;
	} marks[] = {{"p50", .5}, {"p99", .99}, {"p99.9", .999}, {"worst of 200000", 1}};
	char params[64];

	qsort(ns, BATCHES, sizeof *ns, ascending);
	for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
		double at = ns[(size_t)((BATCHES - 1) * marks[i].part)];
		(void)snprintf(params, sizeof params, "%s, %s", name, marks[i].text);
		bench_print("latency of 64 updates", "muster", params, "ns", (struct bench_result){at, at, at}, NULL, none);
	}
}

static void tails(void)
{
	double *ns = calloc(BATCHES, sizeof *ns);

	if (ns == NULL)
		return;
	for (size_t i = 0; i < BATCHES; i++) {
		double start = bench_now_ns();
		for (int j = 0; j < BATCH; j++)
			muster_counter_inc(counter);
		ns[i] = bench_now_ns() - start;
	}
	tail_of("counter inc", ns);
	for (size_t i = 0; i < BATCHES; i++) {
		double start = bench_now_ns();
		for (int j = 0; j < BATCH; j++)
			muster_histogram_observe(histogram, 0.3);
		ns[i] = bench_now_ns() - start;
	}
	tail_of("histogram observe", ns);
	free(ns);
}

/* ---- company ------------------------------------------------------------------------------ */

static void work(void)
{
	for (int i = 0; i < WORK_TURNS; i++)
		__asm__ volatile("imul $3, %%eax, %%eax" : : : "eax", "cc");
}

static void only_work(void *arg, uint64_t n)
{
	(void)arg;
	for (uint64_t i = 0; i < n; i++)
		work();
}

static void observe_between_work(void *arg, uint64_t n)
{
	(void)arg;
	for (uint64_t i = 0; i < n; i++) {
		work();
		muster_histogram_observe(histogram, 0.3);
	}
}

static void inc(void *arg, uint64_t n)
{
	muster_counter c = counter;

	(void)arg;
	for (uint64_t i = 0; i < n; i++)
		muster_counter_inc(c);
}

static void observe(void *arg, uint64_t n)
{
	muster_histogram h = histogram;

	(void)arg;
	for (uint64_t i = 0; i < n; i++)
		muster_histogram_observe(h, 0.3);
}

/* A process that scrapes without a pause. */
static pid_t scraper_start(void)
{
	struct muster_region *r;
	const char *text;
	size_t bytes;
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	if (muster_region_open(region.region, &r) != 0)
		_exit(1);
	while (muster_region_refresh(r) == 0 && muster_region_text(r, &text, &bytes) == 0 && getppid() != 1)
		continue;
	_exit(1);
}

static void company(void)
{
	struct bench_result inc_alone = bench_ns_per_op(inc, NULL, 50000000),
						observe_alone = bench_ns_per_op(observe, NULL, 10000000);
	struct bench_result bare = bench_ns_per_op(only_work, NULL, 200000);

	bench_print("histogram observe", "muster", "after each 300 multiplications", "ns",
	            bench_ns_per_op(observe_between_work, NULL, 200000), "the multiplications alone", bare);
	pid_t scraper = scraper_start();
	bench_print("counter inc", "muster", "during a continuous scrape", "ns", bench_ns_per_op(inc, NULL, 50000000),
	            "without the scrape", inc_alone);
	bench_print("histogram observe", "muster", "during a continuous scrape", "ns",
	            bench_ns_per_op(observe, NULL, 10000000), "without the scrape", observe_alone);
	(void)kill(scraper, SIGKILL);
	(void)waitpid(scraper, NULL, 0);
}

int main(void)
{
	master_region_make(&region, NULL);
	bench_print("attach", "muster", "declare a counter, make it, record", "us", in_children(attach), NULL, none);
	declare();
	bench_print("first record after fork", "muster", "1,000 series known before", "us", in_children(first_record), NULL,
	            none);
	tails();
	company();
	master_region_remove(&region);
	return 0;
}
