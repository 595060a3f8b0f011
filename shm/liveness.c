/* SPDX-License-Identifier: Apache-2.0 */
/*
 * liveness.c - kernel truth about the owner of a slab.
 *
 * In the reader's own pid namespace: a pidfd, taken before the start time is compared, so that both speak
 * of the same process. Elsewhere, without /proc, or where the start time reads differently (another time
 * namespace): the file itself. The kernel drops the owner's record lock when it dies, but also when it
 * closes all descriptors; then the slab is a dead one's only if nobody has it open or mapped for writing,
 * which a read lease asks. When in doubt the owner lives: a slab that is followed loses nothing, one that
 * is folded too early does. The identity comes from the slab and is used for these questions only.
 * Runs in readers.
 */
#include "liveness.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "identity.h"

#define MAPS_EVERY_NS UINT64_C(1000000000)

/* ---- the reader --------------------------------------------------------------------------- */

void muster__observer_init(struct muster__observer *observer)
{
	char text[32];
	ssize_t n = readlink("/proc/self", text, sizeof text - 1);

	muster__identity_read(&observer->self);
	text[n > 0 ? n : 0] = '\0';
	observer->proc = n > 0 && strtoul(text, NULL, 10) == observer->self.pid && observer->self.start_ticks != 0;
}

static bool known_and_different(const uint8_t *a, const uint8_t *b)
{
	static const uint8_t unknown[16];

	return memcmp(a, unknown, 16) != 0 && memcmp(b, unknown, 16) != 0 && memcmp(a, b, 16) != 0;
}

/* Does a pid mean the same to both? A container may be told a boot id of its own. */
static bool same_namespace(const struct muster__observer *observer, const struct muster__identity *who)
{
	return observer->proc && !known_and_different(observer->self.boot_id, who->boot_id) &&
	       observer->self.pidns_ino != 0 && observer->self.pidns_ino == who->pidns_ino && who->start_ticks != 0 &&
	       who->pid != 0 && who->pid <= INT32_MAX;
}

static bool is_self(const struct muster__observer *observer, const struct muster__identity *who)
{
	return same_namespace(observer, who) && who->pid == observer->self.pid &&
	       who->start_ticks == observer->self.start_ticks;
}

/* ---- what the kernel knows ---------------------------------------------------------------- */

static bool readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, 0) == 1;
}

/* Does any other process hold a record lock on the file? When the kernel cannot say, yes. */
static bool locked(int fd)
{
	struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET};

	return fcntl(fd, F_GETLK, &lock) != 0 || lock.l_type != F_UNLCK;
}

enum written { WRITTEN_NO, WRITTEN_YES, WRITTEN_UNKNOWN };

/* It is for the file's owner and CAP_LEASE. Root in a container has no CAP_LEASE, but may be the owner for a moment: to
 * the file system only, and in this thread. */
static int lease_take(int fd)
{
	struct stat st;
	int rc = fcntl(fd, F_SETLEASE, F_RDLCK);

	if (rc == 0 || errno != EACCES || fstat(fd, &st) != 0)
		return rc;
	int before = setfsuid(st.st_uid);
	rc = fcntl(fd, F_SETLEASE, F_RDLCK);
	int error = errno;
	(void)setfsuid((uid_t)before);
	errno = error;
	return rc;
}

/* Has anyone the file open for writing, or mapped from such a descriptor, closed or not? Only if nobody has
 * does the kernel grant a read lease, where the file system has leases; else nothing is known. Breaking the lease, which lasts a moment, must not kill us by SIGIO. */
static enum written written(int fd)
{
	if (fcntl(fd, F_SETSIG, SIGURG) != 0)
		return WRITTEN_UNKNOWN;
	if (lease_take(fd) != 0)
		return errno == EAGAIN ? WRITTEN_YES : WRITTEN_UNKNOWN;
	(void)fcntl(fd, F_SETLEASE, F_UNLCK);
	return WRITTEN_NO;
}

/* A child that inherited the mapping and has not recorded yet counts as the owner too. */
static bool lives_by_file(int fd)
{
	return locked(fd) || written(fd) == WRITTEN_YES;
}

/* Is the file mapped there? When that cannot be read, yes. */
static bool mapped(uint32_t pid, uint64_t ino)
{
	char path[32], *line = NULL;
	size_t capacity = 0;
	unsigned long long inode;
	bool found = false, any = false;

	(void)snprintf(path, sizeof path, "/proc/%u/maps", pid);
	FILE *maps = fopen(path, "re");
	if (maps == NULL)
		return true;
	while (!found && getline(&line, &capacity, maps) > 0) {
		any = true;
		found = sscanf(line, "%*s %*s %*s %*s %llu", &inode) == 1 && inode == ino;
	}
	free(line);
	fclose(maps);
	return found || !any;
}

static uint64_t monotonic_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * UINT64_C(1000000000) + (uint64_t)ts.tv_nsec;
}

/* ---- one owner ---------------------------------------------------------------------------- */

bool muster__life_begin(struct muster__life *life, const struct muster__observer *observer,
                        const struct muster__identity *who, int fd, uint64_t ino)
{
	*life = (struct muster__life){.pidfd = -1};
	if (fd < 0 || is_self(observer, who)) {
		/* Ours, but not the one we write: of another copy of the library, or from before an exec. */
		life->own = fd < 0 || mapped(who->pid, ino);
		return life->own;
	}
	if (!same_namespace(observer, who))
		return lives_by_file(fd);
	life->pidfd = (int)syscall(SYS_pidfd_open, who->pid, 0);
	if (life->pidfd < 0 && (errno == ESRCH || errno == EINVAL))
		return false;
	/* The lock says that the owner lives, and so has its pid, whatever its start time looks like. */
	bool owner = muster__start_ticks(who->pid) == who->start_ticks || locked(fd);
	if (owner && (life->pidfd < 0 || !readable(life->pidfd)))
		return true;
	muster__life_end(life);
	return !owner && lives_by_file(fd);
}

/* It lives, but does it still run the program that wrote the slab? A worker that closes all descriptors
 * loses the lock too, and keeps the mapping. */
static bool still_the_owner(struct muster__life *life, const struct muster__identity *who, int fd, uint64_t ino)
{
	if (locked(fd))
		return true;
	if (written(fd) == WRITTEN_NO)
		return false;
	uint64_t now = monotonic_ns();
	if (life->maps_read_ns != 0 && now - life->maps_read_ns < MAPS_EVERY_NS)
		return true;
	life->maps_read_ns = now;
	return mapped(who->pid, ino);
}

bool muster__life_goes_on(struct muster__life *life, const struct muster__identity *who, int fd, uint64_t ino,
                          bool pidfd_readable)
{
	if (life->own)
		return true;
	if (life->pidfd < 0)
		return lives_by_file(fd);
	return !pidfd_readable && still_the_owner(life, who, fd, ino);
}

void muster__life_end(struct muster__life *life)
{
	if (life->pidfd >= 0)
		close(life->pidfd);
	life->pidfd = -1;
}

bool muster__life_file_left(int fd)
{
	return !locked(fd) && written(fd) == WRITTEN_NO;
}
