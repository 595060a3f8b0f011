/* SPDX-License-Identifier: Apache-2.0 */
/*
 * witness.c - ends of processes that are not our children. Runs in the master, on its loop.
 *
 * A pidfd tells that a process has ended. How, the kernel tells whoever opened one before, from Linux 6.15 on, once the
 * parent has waited (PIDFD_GET_INFO). Before, it stands in /proc/PID/stat as long as the process is a zombie, which may
 * be too short for us to see. Else it is unknown.
 *
 * Each end is told once: here when the parent has waited, or by whoever calls muster__witness_reaped() when we have, because
 * the parent had ended before. So a zombie is kept until one of the two is known. A process that lives for less than the
 * time between two looks may never be seen.
 */
#include "witness.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "process_files.h"
#include "shm/grow.h"
#include "tree.h"

#define LOOK_MS 1000
#define LOOK_SHARE 50 /* looking takes at most one part in so many of the time */
#define WATCHED_MAX 4096
#define STAT_BYTES 1024

/* linux/pidfd.h of 6.15. */
struct pidfd_info {
	uint64_t mask, cgroupid;
	uint32_t pid, tgid, ppid, ids[8];
	int32_t exit_code;
};
_Static_assert(sizeof(struct pidfd_info) == 64, "the size is part of the request's number");
#define PIDFD_GET_INFO _IOWR(0xff, 11, struct pidfd_info)
#define PIDFD_INFO_EXIT (UINT64_C(1) << 3)

struct watched {
	pid_t pid;
	unsigned long long start;
	int fd; /* -1: there was none to have */
	int status;
	bool listed, told;
};

struct muster__witness {
	uv_poll_t ends;
	uv_timer_t look;
	int epoll_fd;
	muster__witness_fn *ended;
	void *ctx;
	struct watched *list; /* by pid */
	size_t count, capacity;
};

/* ---- one process -------------------------------------------------------------------------- */

/* Not one of the last half of our descriptors. */
static int pidfd_open_some(pid_t pid)
{
	struct rlimit limit;
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	if (fd >= 0 && getrlimit(RLIMIT_NOFILE, &limit) == 0 && (rlim_t)fd >= limit.rlim_cur / 2) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static bool is_there(const struct watched *p)
{
	struct muster__process_files files;
	struct muster__process_reading now;

	if (p->fd >= 0)
		return syscall(SYS_pidfd_send_signal, p->fd, 0, NULL, 0) == 0 || errno != ESRCH;
	muster__process_files_open(p->pid, false, &files);
	int rc = muster__process_files_read(&files, &now);
	return rc == 0 ? now.start_ticks == p->start : rc != -ESRCH;
}

/* The last number of a zombie's stat. To whom the kernel does not tell it, it says 0. */
static void zombie_read(struct watched *p)
{
	char path[32], text[STAT_BYTES];
	struct stat owner;

	(void)snprintf(path, sizeof path, "/proc/%d/stat", (int)p->pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	ssize_t count = read(fd, text, sizeof text - 1);
	bool ours = geteuid() == 0 || (fstat(fd, &owner) == 0 && owner.st_uid == geteuid());
	close(fd);
	text[count > 0 ? count : 0] = '\0';
	const char *behind = strrchr(text, ')'), *last = strrchr(text, ' ');
	if (behind == NULL || behind[1] != ' ' || behind[2] != 'Z' || !is_there(p))
		return; /* reaped meanwhile, and perhaps another's by now */
	int status = atoi(last);
	if (ours || status != 0)
		p->status = status;
}

static bool info_read(struct watched *p)
{
	struct pidfd_info info = {.mask = PIDFD_INFO_EXIT};

	if (p->fd < 0 || ioctl(p->fd, PIDFD_GET_INFO, &info) != 0 || !(info.mask & PIDFD_INFO_EXIT))
		return false;
	p->status = info.exit_code;
	return true;
}

/* Has it ended, and has its parent waited for it? If it is a zombie, that is remembered of it which it will not tell later. */
static bool is_over(struct watched *p)
{
	if (info_read(p))
		return true;
	zombie_read(p);
	if (is_there(p))
		return false;
	(void)info_read(p); /* meanwhile */
	return true;
}

/* ---- the list ----------------------------------------------------------------------------- */

static int by_pid(const void *a, const void *b)
{
	pid_t x = ((const struct watched *)a)->pid, y = ((const struct watched *)b)->pid;

	return (x > y) - (x < y);
}

static struct watched *find(const struct watched *list, size_t count, pid_t pid)
{
	struct watched key = {.pid = pid};

	return count ? bsearch(&key, list, count, sizeof key, by_pid) : NULL;
}

static void told_remove(struct muster__witness *w)
{
	size_t kept = 0;

	for (size_t i = 0; i < w->count; i++) {
		if (!w->list[i].told)
			w->list[kept++] = w->list[i];
		else if (w->list[i].fd >= 0)
			close(w->list[i].fd);
	}
	w->count = kept;
}

static void tell_if_over(struct muster__witness *w, struct watched *p)
{
	if (p->told || !is_over(p))
		return;
	p->told = true;
	w->ended(w->ctx, p->status);
}

void muster__witness_reaped(struct muster__witness *w, pid_t pid)
{
	struct watched *p = w ? find(w->list, w->count, pid) : NULL;

	if (p) {
		p->told = true;
		told_remove(w);
	}
}

/* ---- looking ------------------------------------------------------------------------------ */

/* Watch it. The edge of its end comes by EPOLLIN, that of its parent's wait by EPOLLHUP, from Linux 6.9 on. */
static void join(struct muster__witness *w, const struct muster__tree_process *process)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.u64 = (uint64_t)process->pid};
	struct watched p = {
		.pid = process->pid, .start = process->start, .status = MUSTER__WITNESS_UNKNOWN, .listed = true};
	struct muster__process_files files;
	struct muster__process_reading now;

	if (w->count == WATCHED_MAX || muster__grow(&w->list, &w->capacity, w->count + 1, sizeof *w->list) != 0)
		return;
	p.fd = pidfd_open_some(p.pid);
	/* The one that was listed, and not another that has its pid by now? */
	muster__process_files_open(p.pid, false, &files);
	if (muster__process_files_read(&files, &now) != 0 || now.start_ticks != p.start) {
		if (p.fd >= 0)
			close(p.fd);
		return;
	}
	if (p.fd >= 0)
		(void)epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, p.fd, &event); /* else the next look finds out */
	w->list[w->count++] = p;
}

/* Our own children we wait for ourselves. */
static void tree_see(struct muster__witness *w, const struct muster__tree *tree)
{
	size_t before = w->count;

	for (size_t i = 0; i < before; i++)
		w->list[i].listed = false;
	for (size_t i = 0; i < tree->count; i++) {
		struct watched *p = find(w->list, before, tree->processes[i].pid);
		if (p && p->start == tree->processes[i].start)
			p->listed = true;
		else if (p == NULL && tree->processes[i].parent != getpid())
			join(w, &tree->processes[i]);
	}
	for (size_t i = 0; i < before; i++)
		if (!w->list[i].listed)
			tell_if_over(w, &w->list[i]);
	told_remove(w);
	if (w->count > 1)
		qsort(w->list, w->count, sizeof *w->list, by_pid);
}

static void look_fired(uv_timer_t *timer)
{
	struct muster__witness *w = timer->data;
	struct muster__tree tree = {0};
	uint64_t begin_ns = uv_hrtime();

	if (muster__tree_read(&tree) == 0)
		tree_see(w, &tree);
	muster__tree_free(&tree);
	uint64_t took_ms = (uv_hrtime() - begin_ns) / 1000000, rest_ms = took_ms * LOOK_SHARE;
	uv_timer_start(timer, look_fired, rest_ms > LOOK_MS ? rest_ms : LOOK_MS, 0);
}

static void ends_readable(uv_poll_t *poll, int status, int events)
{
	struct muster__witness *w = poll->data;
	struct epoll_event seen[64];
	int count = epoll_wait(w->epoll_fd, seen, sizeof seen / sizeof *seen, 0);

	(void)status, (void)events;
	for (int i = 0; i < count; i++) {
		struct watched *p = find(w->list, w->count, (pid_t)seen[i].data.u64);
		if (p)
			tell_if_over(w, p);
	}
	told_remove(w);
}

void muster__witness_finish(struct muster__witness *w)
{
	for (size_t i = 0; w && i < w->count; i++)
		tell_if_over(w, &w->list[i]);
	if (w)
		told_remove(w);
}

/* ---- life --------------------------------------------------------------------------------- */

int muster__witness_create(uv_loop_t *loop, muster__witness_fn *ended, void *ctx, struct muster__witness **out)
{
	struct muster__witness *w = calloc(1, sizeof *w);

	if (w == NULL)
		return -ENOMEM;
	*w = (struct muster__witness){.ended = ended, .ctx = ctx, .epoll_fd = epoll_create1(EPOLL_CLOEXEC)};
	int rc = w->epoll_fd < 0 ? -errno : uv_poll_init(loop, &w->ends, w->epoll_fd);
	if (rc != 0) {
		if (w->epoll_fd >= 0)
			close(w->epoll_fd);
		free(w);
		return rc;
	}
	uv_timer_init(loop, &w->look);
	w->ends.data = w->look.data = w;
	uv_poll_start(&w->ends, UV_READABLE, ends_readable);
	uv_timer_start(&w->look, look_fired, LOOK_MS, 0);
	*out = w;
	return 0;
}

void muster__witness_close(struct muster__witness *w)
{
	if (w == NULL)
		return;
	uv_close((uv_handle_t *)&w->ends, NULL);
	uv_close((uv_handle_t *)&w->look, NULL);
}

void muster__witness_destroy(struct muster__witness **at)
{
	struct muster__witness *w = *at;

	*at = NULL;
	if (w == NULL)
		return;
	for (size_t i = 0; i < w->count; i++)
		if (w->list[i].fd >= 0)
			close(w->list[i].fd);
	close(w->epoll_fd);
	free(w->list);
	free(w);
}
