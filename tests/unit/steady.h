/* SPDX-License-Identifier: Apache-2.0 */
/*
 * steady.h - a region with one honest worker that lives, for tests of what stands beside it.
 */
#ifndef TESTS_STEADY_H
#define TESTS_STEADY_H

#include "reading.h"
#include "workers.h"

static pid_t steady_worker;

static inline void steady(void *arg)
{
	(void)arg;
	muster_counter_add(muster_counter_with(declare(MUSTER_COUNTER, 0, "steady_total", NULL)), 5);
	muster_gauge_set(muster_gauge_with(declare(MUSTER_GAUGE, MUSTER_MAX, "steady", NULL)), 2.5);
	const double bounds[] = {1, 2};
	struct muster_opts o = {.name = "steady_seconds", .help = "Help.", .bounds = bounds, .bounds_count = 2};
	struct muster_family *family;
	if (muster_declare(MUSTER_HISTOGRAM, &o, &family) != 0)
		_exit(96);
	muster_histogram_observe(muster_histogram_with(family), 1.5);
}

static inline int steady_setup(void **state)
{
	(void)state;
	region_make();
	steady_worker = worker_start(steady, NULL);
	return 0;
}

static inline int steady_teardown(void **state)
{
	(void)state;
	worker_kill(steady_worker);
	region_remove();
	return 0;
}

static inline void steady_is_exact(const struct muster_region *region, const char *name)
{
	const struct muster__view_series *seconds = series_of(region, "steady_seconds", "");

	if (int_of(region, "steady_total", "") != 5 || gauge_of(region, "steady", "") != 2.5 || seconds == NULL ||
	    region->merge.view.ints[seconds->int_at + 1] != 1 || real_of(region, "steady_seconds", "") != 1.5)
		fail_msg("%s: the worker beside it does not count exactly", name);
}

#endif
