/* SPDX-License-Identifier: Apache-2.0 */
/*
 * region_dir.c - the directory of a region: its name, whether it is safe, and who may fold in it.
 *
 * Whoever may write into the directory may replace the ledger. So it belongs to this user or root, and no
 * one else may write to it, unless it is root's and sticky, where only owners may rename or remove. Runs
 * in readers and masters.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"
#include "fold.h"
#include "grow.h"
#include "roll.h"

#define LOCK_TRIES 8

int muster__region_default_path(const char *name, char *out)
{
	int n = snprintf(out, MUSTER_REGION_PATH_BYTES_MAX + 1, "/dev/shm/muster-%u-%s", (unsigned)geteuid(), name);

	if (n > MUSTER_REGION_PATH_BYTES_MAX)
		return muster__error(-ENAMETOOLONG,
		                     "region name of %zu bytes: the path would have %d bytes, the limit is %d; "
		                     "choose a shorter name",
		                     strlen(name), n, MUSTER_REGION_PATH_BYTES_MAX);
	return 0;
}

static int path_check(const char *path)
{
	size_t bytes = strlen(path);

	if (bytes > MUSTER_REGION_PATH_BYTES_MAX)
		return muster__error(-ENAMETOOLONG,
		                     "region %.60s...: the path has %zu bytes, the limit is %d; choose a "
		                     "shorter one",
		                     path, bytes, MUSTER_REGION_PATH_BYTES_MAX);
	return 0;
}

static int stat_check(const char *path, const struct stat *st)
{
	bool shared = st->st_mode & (S_IWGRP | S_IWOTH);
	bool sticky = st->st_uid == 0 && (st->st_mode & S_ISVTX);

	if (st->st_uid != geteuid() && st->st_uid != 0)
		return muster__error(MUSTER_EREGION,
		                     "region %s: owned by uid %u, must be uid %u or root; chown it or choose "
		                     "another directory",
		                     path, (unsigned)st->st_uid, (unsigned)geteuid());
	if (shared && !sticky)
		return muster__error(MUSTER_EREGION,
		                     "region %s: mode %04o lets others write, at most 0755 is safe; chmod go-w "
		                     "it or choose another directory",
		                     path, (unsigned)st->st_mode & 07777);
	return 0;
}

static const char *remedy(int error)
{
	switch (error) {
	case ENOENT:
		return "create it or start its master";
	case ENOTDIR:
		return "name a directory, not a file or a symbolic link";
	case EACCES:
		return "it takes the owner's or root's rights";
	default:
		return "see the limits of the system";
	}
}

int muster__region_dir_open(const char *path, int *dir, uid_t *owner)
{
	struct stat st = {0};
	int rc = path_check(path);

	if (rc != 0)
		return rc;
	/* Not through a link: in a directory such as /dev/shm anyone may plant one under our name. */
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) != 0)
		rc = muster__error(-errno, "region %s: %s; %s", path, muster_strerror(-errno), remedy(errno));
	else
		rc = stat_check(path, &st);
	if (rc != 0) {
		if (fd >= 0)
			close(fd);
		return rc;
	}
	*dir = fd;
	*owner = st.st_uid;
	return 0;
}

int muster__region_create(const char *path)
{
	int dir, rc = path_check(path);
	uid_t owner;

	if (rc != 0)
		return rc;
	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		return muster__error(-errno, "region %s: cannot be created: %s; choose a directory that can", path,
		                     muster_strerror(-errno));
	rc = muster__region_dir_open(path, &dir, &owner);
	if (rc == 0)
		close(dir);
	return rc;
}

/* ---- the lock ----------------------------------------------------------------------------- */

static int busy(const char *path, int fd)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	if (fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK && lock.l_pid > 0)
		return muster__error(MUSTER_EBUSY,
		                     "region %s: served by the master with pid %d; stop it or choose another "
		                     "region",
		                     path, (int)lock.l_pid);
	return muster__error(MUSTER_EBUSY, "region %s: served by another master; stop it or choose another region", path);
}

static bool is_masters(const struct muster_region *region, int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	       (st.st_uid == region->owner || st.st_uid == geteuid() || st.st_uid == 0);
}

/* One that a worker has made is none: it could take it away from us. Returns a descriptor or -errno. */
static int lock_open(const struct muster_region *region)
{
	const int flags = O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;

	for (int tries = 0; tries < LOCK_TRIES; tries++) {
		int fd = openat(region->dir, MUSTER__LOCK_NAME, flags);
		if (fd >= 0 && is_masters(region, fd))
			return fd;
		bool foreign = fd >= 0 || errno == ELOOP || errno == EISDIR || errno == ENXIO;
		if (fd >= 0)
			close(fd);
		else if (!foreign && errno != ENOENT)
			return -errno;
		if (foreign)
			muster__region_name_clear(region->dir, MUSTER__LOCK_NAME);
		fd = openat(region->dir, MUSTER__LOCK_NAME, flags | O_CREAT | O_EXCL, 0600);
		if (fd >= 0 || errno != EEXIST)
			return fd >= 0 ? fd : -errno;
	}
	return -EEXIST;
}

/* A record lock: unlike flock() it is not inherited by the workers, so it ends with the master. */
int muster__region_lock(struct muster_region *region)
{
	struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int rc = 0;

	if (region->lock >= 0)
		return 0;
	int fd = lock_open(region);
	if (fd < 0)
		return muster__error(fd, "region %s: cannot open its lock: %s; a master needs to write there", region->path,
		                     muster_strerror(fd));
	if (fcntl(fd, F_SETLK, &whole) != 0)
		rc = errno == EAGAIN || errno == EACCES ? busy(region->path, fd) : -errno;
	if (rc != 0) {
		close(fd);
		return rc;
	}
	region->lock = fd;
	region->ledger_settled = false;
	/* Whom we struck as a reader may still have a name, and is to be listed on. */
	region->scanned = (struct timespec){0};
	muster__region_name_clear(region->dir, MUSTER__LEDGER_NEW); /* of a master that was killed */
	(void)muster__failures_create(region);                      /* on a full file system its metric stays 0 */
	return 0;
}

bool muster__region_locked(const struct muster_region *region)
{
	return region->lock >= 0;
}
