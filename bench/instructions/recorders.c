/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recorders.c - each inline recorder as a function of its own, so that its instructions can be looked at and counted.
 *
 *   recorders NAME N    call one N times, after a first call that takes the slow path
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <muster/muster.h>

/* No copy of it for constant arguments either: it would have another name and be another function. */
#define RECORDER static __attribute__((noinline, noclone))

static muster_counter counter;
static muster_real_counter real_counter;
static muster_gauge gauge;
static muster_in_flight in_flight;
static muster_histogram histogram;
static muster_summary summary;
static muster_native_histogram native;
static struct muster_family *looked_up;

RECORDER void recorder_counter_inc(muster_counter c)
{
	muster_counter_inc(c);
}

RECORDER void recorder_counter_add(muster_counter c, uint64_t n)
{
	muster_counter_add(c, n);
}

RECORDER void recorder_real_counter_add(muster_real_counter c, double x)
{
	muster_real_counter_add(c, x);
}

RECORDER void recorder_gauge_set(muster_gauge g, double x)
{
	muster_gauge_set(g, x);
}

RECORDER void recorder_in_flight_begin(muster_in_flight f)
{
	muster_in_flight_begin(f);
}

RECORDER void recorder_histogram_observe(muster_histogram h, double x)
{
	muster_histogram_observe(h, x);
}

RECORDER void recorder_summary_observe(muster_summary s, double x)
{
	muster_summary_observe(s, x);
}

RECORDER void recorder_native_histogram_observe(muster_native_histogram h, double x)
{
	muster_native_histogram_observe(h, x);
}

RECORDER void recorder_lookup_2_labels(struct muster_family *f, const char *path, const char *method)
{
	muster_counter_inc(muster_counter_with(f, path, method));
}

static void call(const char *name, unsigned long i)
{
	double x = (double)(i % 12);

	if (strcmp(name, "counter_inc") == 0)
		recorder_counter_inc(counter);
	else if (strcmp(name, "counter_add") == 0)
		recorder_counter_add(counter, i);
	else if (strcmp(name, "real_counter_add") == 0)
		recorder_real_counter_add(real_counter, x);
	else if (strcmp(name, "gauge_set") == 0)
		recorder_gauge_set(gauge, x);
	else if (strcmp(name, "in_flight_begin") == 0)
		recorder_in_flight_begin(in_flight);
	else if (strcmp(name, "histogram_observe") == 0)
		recorder_histogram_observe(histogram, x);
	else if (strcmp(name, "summary_observe") == 0)
		recorder_summary_observe(summary, x);
	else if (strcmp(name, "native_histogram_observe") == 0)
		recorder_native_histogram_observe(native, x);
	else if (strcmp(name, "lookup_2_labels") == 0)
		recorder_lookup_2_labels(looked_up, "/api/v1/resource/1", "GET");
}

static struct muster_family *family(enum muster_type type, const char *name, const char *const *labels)
{
	struct muster_family *f = NULL;
	struct muster_opts o = {
		.name = name, .help = "Benchmark.", .labels = labels, .mode = type == MUSTER_GAUGE ? MUSTER_SUM : 0};

	(void)muster_declare(type, &o, &f);
	return f;
}

int main(int argc, char **argv)
{
	static const char *const labels[] = {"path", "method", NULL};

	if (argc != 3)
		return 2;
	counter = muster_counter_with(family(MUSTER_COUNTER, "bench_total", NULL));
	real_counter = muster_real_counter_with(family(MUSTER_REAL_COUNTER, "bench_real_total", NULL));
	gauge = muster_gauge_with(family(MUSTER_GAUGE, "bench_gauge", NULL));
	in_flight = muster_in_flight_with(family(MUSTER_IN_FLIGHT, "bench_in_flight", NULL));
	histogram = muster_histogram_with(family(MUSTER_HISTOGRAM, "bench_seconds", NULL));
	summary = muster_summary_with(family(MUSTER_SUMMARY, "bench_bytes", NULL));
	native = muster_native_histogram_with(family(MUSTER_NATIVE_HISTOGRAM, "bench_native", NULL));
	looked_up = family(MUSTER_COUNTER, "bench_looked_up_total", labels);
	for (unsigned long i = 0, n = strtoul(argv[2], NULL, 10); i <= n; i++)
		call(argv[1], i);
	return 0;
}
