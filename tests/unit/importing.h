/* SPDX-License-Identifier: Apache-2.0 */
/* importing.h - a directory of files as client libraries write them, made by hand, and a reader of it. */
#ifndef TEST_IMPORTING_H
#define TEST_IMPORTING_H

#include <fcntl.h>
#include <limits.h>

#include "reading.h"
#include "shm/import.h"

static char files[PATH_MAX];

static inline int files_setup(void **state)
{
	(void)setup(state);
	(void)snprintf(files, sizeof files, "%s/files", support_region);
	return mkdir(files, 0700);
}

static inline int files_teardown(void **state)
{
	char command[PATH_MAX + 16];

	(void)snprintf(command, sizeof command, "rm -rf %s", files);
	assert_int_equal(system(command), 0);
	return teardown(state);
}

static inline struct muster_region *importing(const char *path)
{
	struct muster_region *region = reader_open();

	assert_int_equal(muster_region_import(region, path, 0), 0);
	assert_int_equal(muster_region_refresh(region), 0);
	return region;
}

static inline double value(struct muster_region *region, const char *sample)
{
	double x = NAN;

	(void)muster_region_value(region, sample, &x);
	return x;
}

/* ---- by hand ------------------------------------------------------------------------------ */

static unsigned char bytes[3 << 20];
static uint32_t used;

static inline void entry(const char *key, double x)
{
	uint32_t n = (uint32_t)strlen(key), pad = 8 - (n + 4) % 8;

	memcpy(bytes + used, &n, sizeof n);
	memcpy(bytes + used + 4, key, n);
	memset(bytes + used + 4 + n, ' ', pad);
	memcpy(bytes + used + 4 + n + pad, &x, sizeof x);
	used += 4 + n + pad + 8;
}

static inline void bytes_write(const char *name, int flags, uint32_t count)
{
	char path[PATH_MAX + 64];

	memcpy(bytes, &used, sizeof used);
	(void)snprintf(path, sizeof path, "%s/%s", files, name);
	int fd = open(path, O_WRONLY | O_CREAT | flags, 0600);
	assert_int_equal(write(fd, bytes, count), count);
	close(fd);
}

static inline void file_write(const char *name, uint32_t count)
{
	bytes_write(name, O_TRUNC, count);
}

static inline void file_rewrite(const char *name, uint32_t count)
{
	bytes_write(name, 0, count);
}

/* The kernel's clock for the times of files is coarse. What is written next is to be younger than what was before. */
static inline void tick(void)
{
	struct timespec before, now;

	clock_gettime(CLOCK_REALTIME_COARSE, &before);
	do
		clock_gettime(CLOCK_REALTIME_COARSE, &now);
	while (now.tv_sec == before.tv_sec && now.tv_nsec == before.tv_nsec);
}

static inline int file_begin(void)
{
	memset(bytes, 0, sizeof bytes);
	used = 8;
	return 0;
}

#endif
