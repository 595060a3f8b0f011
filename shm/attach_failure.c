/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attach_failure.c - counting in the region's file `failures`, which the master has reserved: it works on a
 * full file system, when no slab can be made. Who cannot reach it, after a chroot, has the slab of the process it
 * was forked from, if any. Runs in workers, under the store's lock.
 *
 * Invariant: a failure is counted once, at most one is waiting, and a process without a region has none.
 */
#include "attach_failure.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "atomic.h"
#include "layout.h"
#include "region_named.h"

static int waiting; /* the error to be counted, 0: none */

static enum muster__event event_of(int rc)
{
	static const struct {
		int rc;
		enum muster__event event;
	} rows[] = {
		{-ENOSPC, MUSTER__EVENT_ATTACH_NO_SPACE},      {-EDQUOT, MUSTER__EVENT_ATTACH_NO_SPACE},
		{-ENOMEM, MUSTER__EVENT_ATTACH_NO_MEMORY},     {-EAGAIN, MUSTER__EVENT_ATTACH_NO_MEMORY},
		{-EMFILE, MUSTER__EVENT_ATTACH_NO_DESCRIPTOR}, {-ENFILE, MUSTER__EVENT_ATTACH_NO_DESCRIPTOR},
		{-EFBIG, MUSTER__EVENT_ATTACH_FILE_SIZE},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (rows[i].rc == rc)
			return rows[i].event;
	return MUSTER__EVENT_ATTACH_REFUSED;
}

/* The file is the master's: ours or root's, and as long as it must be. */
static bool is_failures(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size >= (off_t)sizeof(struct muster__failures_shm) &&
	       (st.st_uid == geteuid() || st.st_uid == 0);
}

static int count_in(int fd, enum muster__event event)
{
	struct muster__failures_shm *file;

	if (!is_failures(fd))
		return -EINVAL;
	file = mmap(NULL, sizeof *file, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (file == MAP_FAILED)
		return -errno;
	if (file->magic == MUSTER__FAILURES_MAGIC)
		muster__add_relaxed((uint64_t *)&file->events[event], 1);
	munmap(file, sizeof *file);
	return 0;
}

static int count(const char *region, int rc)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof path, "%s/" MUSTER__FAILURES_NAME, region) >= (int)sizeof path)
		return -ENAMETOOLONG;
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	int status = count_in(fd, event_of(rc));
	close(fd);
	return status;
}

static bool may_work_later(int rc)
{
	return rc == -EMFILE || rc == -ENFILE || rc == -ENOMEM || rc == -EAGAIN;
}

void muster__attach_failure(int rc, struct muster__header_shm *parent)
{
	int status = count(muster__region_named(), rc);

	waiting = may_work_later(status) ? rc : 0;
	if (status != 0 && waiting == 0 && parent)
		muster__add_relaxed((uint64_t *)&parent->events[event_of(rc)], 1);
}

void muster__attach_failure_retry(void)
{
	const char *region = waiting ? muster__region_named() : "";

	if (*region && may_work_later(count(region, waiting)))
		return;
	waiting = 0;
}
