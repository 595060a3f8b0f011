/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker that wants a lot, to be run where there is little: host_worker SERIES. Three threads, each with all
 * series; every call returns, and it exits 0 whatever could not be had.
 */
#include <muster/muster.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define THREADS 3

static struct muster_family *calls, *waits, *level;
static int series;

static struct muster_family *declare(enum muster_type type, enum muster_mode mode, const char *name)
{
	static const char *const labels[] = {"n", NULL};
	const struct muster_opts opts = {
		.name = name, .help = "Wanted.", .labels = labels, .mode = mode, .series_max = 100000};
	struct muster_family *family = NULL;

	(void)muster_declare(type, &opts, &family);
	return family;
}

static void *record(void *arg)
{
	char n[16];

	for (int i = 0; i < series; i++) {
		(void)snprintf(n, sizeof n, "%d", i);
		muster_counter_inc(muster_counter_with(calls, n));
		if (i % 8 == 0)
			muster_histogram_observe(muster_histogram_with(waits, n), 0.25);
		if (i % 16 == 0)
			muster_gauge_set(muster_gauge_with(level, n), i);
	}
	return arg;
}

int main(int argc, char **argv)
{
	pthread_t threads[THREADS];

	series = argc > 1 ? atoi(argv[1]) : 1000;
	calls = declare(MUSTER_COUNTER, 0, "calls_total");
	waits = declare(MUSTER_HISTOGRAM, 0, "waits");
	level = declare(MUSTER_GAUGE, MUSTER_MAX, "level");
	for (int i = 0; i < THREADS; i++)
		if (pthread_create(threads + i, NULL, record, NULL) != 0)
			return 1;
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	return 0;
}
