/* SPDX-License-Identifier: Apache-2.0 */
/*
 * liveness.c - kernel truth about the owner of a slab.
 *
 * In the reader's own pid namespace: a pidfd, taken before the start time is compared, so that both speak
 * of the same process. Elsewhere, without /proc, or without a start time: the record lock, which the
 * kernel drops when the owner dies. The identity comes from the slab and is used for these questions only.
 * Runs in readers.
 */
#include "liveness.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "store.h"

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

static bool same_namespace(const struct muster__observer *observer, const struct muster__identity *who)
{
	return observer->proc && observer->self.pidns_ino != 0 && observer->self.pidns_ino == who->pidns_ino &&
	       who->start_ticks != 0 && who->pid != 0 && who->pid <= INT32_MAX;
}

static bool is_self(const struct muster__observer *observer, const struct muster__identity *who)
{
	return same_namespace(observer, who) && who->pid == observer->self.pid &&
	       who->start_ticks == observer->self.start_ticks;
}

/* ---- what the kernel knows ---------------------------------------------------------------- */

/* Field 22 of /proc/PID/stat; 0 if it cannot be read. */
static uint64_t start_ticks(uint32_t pid)
{
	char path[32], text[1024];

	(void)snprintf(path, sizeof path, "/proc/%u/stat", pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	ssize_t n = read(fd, text, sizeof text - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	char *at = strrchr(text, ')');
	for (int field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	return at ? strtoull(at + 1, NULL, 10) : 0;
}

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
	if (known_and_different(observer->self.boot_id, who->boot_id))
		return false;
	if (fd < 0 || is_self(observer, who)) {
		/* Ours, but not the one we write: of another copy of the library, or from before an exec. */
		life->own = fd < 0 || mapped(who->pid, ino);
		return life->own;
	}
	if (!same_namespace(observer, who))
		return locked(fd);
	life->pidfd = (int)syscall(SYS_pidfd_open, who->pid, 0);
	if (life->pidfd < 0 && (errno == ESRCH || errno == EINVAL))
		return false;
	uint64_t ticks = start_ticks(who->pid);
	bool alive = ticks == 0 ? locked(fd) : ticks == who->start_ticks;
	if (alive && life->pidfd >= 0)
		alive = !readable(life->pidfd);
	if (!alive)
		muster__life_end(life);
	return alive;
}

/* It lives, but does it still run the program that wrote the slab? A worker that closes all descriptors
 * loses the lock too, and keeps the mapping. */
static bool still_the_owner(struct muster__life *life, const struct muster__identity *who, int fd, uint64_t ino)
{
	if (locked(fd))
		return true;
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
		return locked(fd);
	return !pidfd_readable && still_the_owner(life, who, fd, ino);
}

void muster__life_end(struct muster__life *life)
{
	if (life->pidfd >= 0)
		close(life->pidfd);
	life->pidfd = -1;
}
