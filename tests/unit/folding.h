/* SPDX-License-Identifier: Apache-2.0 */
/*
 * folding.h - workers that are counted exactly, and what is in the region before and after a fold.
 */
#ifndef TESTS_FOLDING_H
#define TESTS_FOLDING_H

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "reading.h"
#include "workers.h"

static inline size_t files_named(const char *prefix)
{
	size_t n = 0;
	DIR *dir = opendir(support_region);

	for (struct dirent *e; (e = readdir(dir));)
		n += strncmp(e->d_name, prefix, strlen(prefix)) == 0;
	closedir(dir);
	return n;
}

static inline size_t fold(struct muster_region *region)
{
	size_t folded = 999;

	assert_int_equal(muster__region_fold(region, &folded), 0);
	return folded;
}

static inline void count_two(void *arg)
{
	(void)arg;
	muster_counter_add(muster_counter_with(declare(MUSTER_COUNTER, 0, "runs_total", NULL)), 2);
	muster_real_counter_add(muster_real_counter_with(declare(MUSTER_REAL_COUNTER, 0, "busy_total", NULL)), 0.5);
}

static inline void expect_runs(const struct muster_region *region, int64_t workers)
{
	assert_int_equal(int_of(region, "runs_total", ""), workers * 2);
	assert_true(real_of(region, "busy_total", "") == (double)workers * 0.5);
}

static inline int open_in_region(const char *name, int flags)
{
	char path[200];

	(void)snprintf(path, sizeof path, "%s/%s", support_region, name);
	int fd = open(path, flags | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	return fd;
}

#endif
