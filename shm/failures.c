/* SPDX-License-Identifier: Apache-2.0 */
/*
 * failures.c - the region's file `failures`: made by the master, added to by processes that could not make
 * a slab (attach_failure.c), read into the view's events. Runs in readers and masters.
 *
 * Every process of the region may write to it, so nothing but counts is taken from it, and what was seen
 * once is never taken back. The file is the master's, so that no worker can take it away from the others.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "roll.h"

static bool failures_load(const struct muster_region *region, struct muster__failures_shm *copy)
{
	int dir = region->dir;
	int fd = openat(dir, MUSTER__FAILURES_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;

	if (fd < 0)
		return false;
	bool whole = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	             (st.st_uid == region->owner || st.st_uid == geteuid() || st.st_uid == 0) &&
	             pread(fd, copy, sizeof *copy, 0) == sizeof *copy;
	close(fd);
	return whole && copy->magic == MUSTER__FAILURES_MAGIC;
}

/* Written, not a hole: whoever counts later must not need space. */
static int failures_write(const struct muster_region *region)
{
	int dir = region->dir;
	static const char new[] = ".failures.new";
	static const struct muster__failures_shm empty = {.magic = MUSTER__FAILURES_MAGIC};

	muster__region_name_clear(dir, new); /* of a master that was killed */
	int fd = openat(dir, new, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	int rc = pwrite(fd, &empty, sizeof empty, 0) == sizeof empty ? 0 : -ENOSPC;
	if (rc == 0)
		muster__region_name_clear(dir, MUSTER__FAILURES_NAME);
	if (rc == 0 && renameat(dir, new, dir, MUSTER__FAILURES_NAME) != 0)
		rc = -errno;
	close(fd);
	if (rc != 0)
		(void)unlinkat(dir, new, 0);
	return rc;
}

/* Workers of another user count in it, too. */
static int failures_share(const struct muster_region *region)
{
	int fd = openat(region->dir, MUSTER__FAILURES_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0)
		return -errno;
	int rc = fchown(fd, (uid_t)-1, region->sharing.group) == 0 && fchmod(fd, 0660) == 0 ? 0 : -errno;
	close(fd);
	return rc;
}

int muster__failures_create(const struct muster_region *region)
{
	struct muster__failures_shm copy;

	int rc = failures_load(region, &copy) ? 0 : failures_write(region);
	return rc == 0 && region->sharing.shared ? failures_share(region) : rc;
}

void muster__failures_read(struct muster_region *region)
{
	struct muster__failures_shm copy;

	if (!failures_load(region, &copy))
		return;
	for (int i = MUSTER__EVENT_ATTACH_NO_SPACE; i <= MUSTER__EVENT_ATTACH_REFUSED; i++)
		if (copy.events[i] > region->failures[i])
			region->failures[i] = copy.events[i];
}
