/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pidfile.c - a pidfile nobody sees half-written, and of which only the lock is believed: the number in it may
 * by now be that of a stranger. Runs in the master.
 *
 * The file is written under a temporary name, locked, and then linked to its own. An old file is replaced
 * only by who holds its lock and finds it still under that name, so that of two masters started at once one
 * is refused.
 */
#include "pidfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "log.h"

#define TRIES 100
#define AGAIN (-1) /* somebody else moved the file meanwhile */

static int refused(const char *path, int error)
{
	return muster__refuse(EX_CANTCREAT, "--pidfile %s: cannot make it: %s; give a path in a directory of yours", path,
	                      strerror(error));
}

static bool is_at(int fd, const char *path)
{
	struct stat ours, there;

	return fstat(fd, &ours) == 0 && lstat(path, &there) == 0 && ours.st_dev == there.st_dev &&
	       ours.st_ino == there.st_ino;
}

/* Write and lock a file with our pid beside `path`. Returns its descriptor or -errno. */
static int make_temporary(const char *path, char temporary[PATH_MAX])
{
	char text[24];
	size_t count = (size_t)snprintf(text, sizeof text, "%d\n", (int)getpid());

	if (snprintf(temporary, PATH_MAX, "%s.XXXXXX", path) >= PATH_MAX)
		return -ENAMETOOLONG;
	int fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fchmod(fd, 0644) == 0 && flock(fd, LOCK_EX | LOCK_NB) == 0 && write(fd, text, count) == (ssize_t)count)
		return fd;
	int error = errno;
	(void)unlink(temporary);
	close(fd);
	return -error;
}

/* The number in a pidfile; 0 for an empty one; -1 if it holds anything else. */
static long number_in(int fd)
{
	char text[24] = "", *end;
	ssize_t count = pread(fd, text, sizeof text - 1, 0);
	long pid = strtol(text, &end, 10);

	end += strspn(end, "\n");
	return count < 0 || *end || pid < 0 ? -1 : pid;
}

/* Take the lock of the file that is there. Returns 0 with *old set, AGAIN, or a refusal. */
static int lock_old(const char *path, int *old)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0)
		return errno == ENOENT ? AGAIN : refused(path, errno);
	long pid = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? number_in(fd) : -1;
	bool held = flock(fd, LOCK_EX | LOCK_NB) != 0;
	if (held || pid < 0 || !is_at(fd, path)) {
		close(fd);
		if (held)
			return muster__refuse(EX_TEMPFAIL, "--pidfile %s: held by process %ld; stop it, or take another path", path,
			                      pid);
		return pid >= 0
		           ? AGAIN
		           : muster__refuse(EX_NOINPUT, "--pidfile %s: is there and is no pidfile; take another path", path);
	}
	*old = fd;
	return 0;
}

static int replace_old(const char *path, const char *temporary)
{
	int old = -1, status = lock_old(path, &old);

	if (status != 0)
		return status;
	if (rename(temporary, path) != 0)
		status = refused(path, errno);
	close(old);
	return status;
}

static int put_in_place(const char *path, const char *temporary)
{
	int status = AGAIN;

	for (int i = 0; status == AGAIN && i < TRIES; i++) {
		if (link(temporary, path) == 0) {
			(void)unlink(temporary);
			return 0;
		}
		status = errno == EEXIST ? replace_old(path, temporary) : refused(path, errno);
	}
	return status == AGAIN ? refused(path, EBUSY) : status;
}

int muster__pidfile_create(const char *path, struct muster__pidfile *out)
{
	char temporary[PATH_MAX];
	int fd = make_temporary(path, temporary);

	if (fd < 0)
		return refused(path, -fd);
	int status = put_in_place(path, temporary);
	if (status != 0) {
		(void)unlink(temporary);
		close(fd);
		return status;
	}
	*out = (struct muster__pidfile){.path = path, .fd = fd};
	return 0;
}

/* ---- two masters, old and new ------------------------------------------------------------- */

static char *aside_of(const char *path)
{
	char *aside;

	return asprintf(&aside, "%s.oldbin", path) < 0 ? NULL : aside;
}

/* Is there a pidfile that nobody holds? Then its lock is ours, and returned as a descriptor; else -errno. */
static int unheld(const char *path)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && number_in(fd) >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0 &&
	    is_at(fd, path))
		return fd;
	close(fd);
	return -EBUSY;
}

/* Rename, over a pidfile of the dead if there is one. Returns 0 or -errno. */
static int move(const char *from, const char *to)
{
	int held = unheld(to);

	if (held < 0 && held != -ENOENT)
		return held;
	int rc = rename(from, to) == 0 ? 0 : -errno;
	if (held >= 0)
		close(held);
	return rc;
}

int muster__pidfile_step_aside(struct muster__pidfile *p)
{
	if (p->path == NULL || !is_at(p->fd, p->path))
		return 0;
	char *aside = aside_of(p->path);
	int rc = aside ? move(p->path, aside) : -ENOMEM;
	if (rc == 0)
		p->aside = aside;
	else
		free(aside);
	return rc;
}

void muster__pidfile_step_back(struct muster__pidfile *p)
{
	if (p->aside == NULL)
		return;
	int rc = is_at(p->fd, p->aside) ? move(p->aside, p->path) : -ENOENT;
	if (rc != 0) {
		muster__log(MUSTER__LOG_WARNING, "--pidfile %s: cannot be put back from %s: %s", p->path, p->aside,
		            strerror(-rc));
		return;
	}
	free(p->aside);
	p->aside = NULL;
}

bool muster__pidfile_clean(const struct muster__pidfile *p)
{
	char *aside = p->path ? aside_of(p->path) : NULL;
	int held = aside ? unheld(aside) : -ENOMEM;

	if (held >= 0) {
		(void)unlink(aside);
		close(held);
	}
	free(aside);
	return held != -EBUSY;
}

void muster__pidfile_remove(struct muster__pidfile *pidfile)
{
	if (pidfile->path == NULL)
		return;
	const char *now = pidfile->aside ? pidfile->aside : pidfile->path;
	if (is_at(pidfile->fd, now))
		(void)unlink(now);
	close(pidfile->fd);
	free(pidfile->aside);
	pidfile->aside = NULL;
	pidfile->path = NULL;
}
