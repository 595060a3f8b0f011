/* SPDX-License-Identifier: Apache-2.0 */
/*
 * region_share.c - a region whose workers run as another user than its master, which is root.
 *
 * Root's directory, writable for the workers' group, and sticky: there a worker makes and removes files of its own,
 * and can neither remove nor replace the master's. Which user may own slabs stands in the file `workers`, so that
 * every reader agrees; it is believed if it is the directory's owner's. Under a name of the master's that it has not
 * made yet a worker may have put anything: that is moved out of the way, never opened through. Runs in readers, which
 * only read, and masters.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"
#include "fold.h"
#include "grow.h"
#include "roll.h"

#define WORKERS_NAME "workers"
#define WORKERS_NEW ".workers.new"

void muster__region_name_clear(int dir, const char *name)
{
	char aside[64];
	uint64_t salt = 0;

	if (unlinkat(dir, name, 0) == 0 || errno == ENOENT || unlinkat(dir, name, AT_REMOVEDIR) == 0)
		return;
	/* A directory that is not empty. */
	(void)!getrandom(&salt, sizeof salt, GRND_NONBLOCK);
	(void)snprintf(aside, sizeof aside, ".foreign.%llx", (unsigned long long)salt);
	(void)renameat(dir, name, dir, aside);
}

static int dir_share(const char *path, int dir, gid_t group)
{
	if (fchown(dir, (uid_t)-1, group) == 0 && fchmod(dir, 01770) == 0)
		return 0;
	return muster__error(-errno, "region %s: cannot be given to group %u: %s; run as root", path, (unsigned)group,
	                     muster_strerror(-errno));
}

int muster__region_share_dir(const char *path, gid_t group)
{
	uid_t owner;
	int dir, rc = muster__region_dir_open(path, &dir, &owner);

	if (rc == 0) {
		rc = dir_share(path, dir, group);
		close(dir);
	}
	return rc;
}

static int worker_write(int dir, uid_t worker)
{
	char text[24];
	int n = snprintf(text, sizeof text, "%u\n", (unsigned)worker);

	muster__region_name_clear(dir, WORKERS_NEW);
	int fd = openat(dir, WORKERS_NEW, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	int rc = write(fd, text, (size_t)n) == n ? 0 : -ENOSPC;
	close(fd);
	if (rc == 0 && renameat(dir, WORKERS_NEW, dir, WORKERS_NAME) != 0) {
		muster__region_name_clear(dir, WORKERS_NAME);
		rc = renameat(dir, WORKERS_NEW, dir, WORKERS_NAME) == 0 ? 0 : -errno;
	}
	return rc;
}

int muster__region_share(struct muster_region *region, uid_t worker, gid_t group)
{
	int rc = dir_share(region->path, region->dir, group);

	if (rc != 0)
		return rc;
	rc = worker_write(region->dir, worker);
	if (rc != 0)
		return muster__error(rc, "region %s: cannot write " WORKERS_NAME ": %s", region->path, muster_strerror(rc));
	muster__region_sharing_read(region->dir, &region->sharing);
	(void)muster__failures_create(region); /* theirs to count in */
	return 0;
}

void muster__region_sharing_read(int dir, struct muster__sharing *out)
{
	struct stat st, of_dir;
	char text[24];
	unsigned worker;

	if (fstat(dir, &of_dir) != 0)
		return;
	*out = (struct muster__sharing){.worker = of_dir.st_uid, .group = of_dir.st_gid};
	int fd = openat(dir, WORKERS_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return;
	bool ours = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == of_dir.st_uid && st.st_uid == 0;
	ssize_t n = ours ? pread(fd, text, sizeof text - 1, 0) : 0;
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	if (sscanf(text, "%u", &worker) == 1) {
		out->worker = worker;
		out->shared = true;
	}
}
