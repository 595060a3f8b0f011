/* SPDX-License-Identifier: Apache-2.0 */
/*
 * failures.c - the region's file `failures`: made by the master, added to by processes that could not make
 * a slab (attach_failure.c), read into the view's events. Runs in readers and masters.
 *
 * Every process of the region may write to it, so nothing but counts is taken from it, and what was seen
 * once is never taken back.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "roll.h"

static bool failures_load(int dir, struct muster__failures_shm *copy)
{
	int fd = openat(dir, MUSTER__FAILURES_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;

	if (fd < 0)
		return false;
	bool whole = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && pread(fd, copy, sizeof *copy, 0) == sizeof *copy;
	close(fd);
	return whole && copy->magic == MUSTER__FAILURES_MAGIC;
}

/* Written, not a hole: whoever counts later must not need space. */
static int failures_write(int dir)
{
	static const char new[] = ".failures.new";
	static const struct muster__failures_shm empty = {.magic = MUSTER__FAILURES_MAGIC};

	(void)unlinkat(dir, new, 0); /* of a master that was killed */
	int fd = openat(dir, new, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	int rc = pwrite(fd, &empty, sizeof empty, 0) == sizeof empty ? 0 : -ENOSPC;
	if (rc == 0 && renameat(dir, new, dir, MUSTER__FAILURES_NAME) != 0)
		rc = -errno;
	close(fd);
	if (rc != 0)
		(void)unlinkat(dir, new, 0);
	return rc;
}

int muster__failures_create(const struct muster_region *region)
{
	struct muster__failures_shm copy;

	return failures_load(region->dir, &copy) ? 0 : failures_write(region->dir);
}

void muster__failures_read(struct muster_region *region)
{
	struct muster__failures_shm copy;

	if (!failures_load(region->dir, &copy))
		return;
	for (int i = MUSTER__EVENT_ATTACH_NO_SPACE; i <= MUSTER__EVENT_ATTACH_REFUSED; i++)
		if (copy.events[i] > region->failures[i])
			region->failures[i] = copy.events[i];
}
