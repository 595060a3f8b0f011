/* SPDX-License-Identifier: Apache-2.0 */
/*
 * procfs.c - how to read stat and status of many processes: opened each time, kept open, or in one io_uring batch. The
 * master reads them once per scrape (runtime/process_stats.c), the way that wins here.
 *
 * The ring's reads of /proc cannot be done without blocking, so the kernel hands each to a worker thread of its own.
 */
#include <fcntl.h>
#include <liburing.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/bench.h"

#define PROCESSES_MAX 64
#define MEMORY_BYTES (64u << 20) /* of each process, touched: what smaps_rollup walks */
#define TEXT_BYTES 2048

static const char *const names[] = {"stat", "status"};
#define FILES (sizeof names / sizeof *names)

static pid_t pids[PROCESSES_MAX];
static size_t count; /* of them in use */
static int fds[PROCESSES_MAX * FILES];
static char paths[PROCESSES_MAX * FILES][40], texts[PROCESSES_MAX * FILES][TEXT_BYTES];
static struct io_uring ring;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void child(void)
{
	char *memory = malloc(MEMORY_BYTES);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (size_t i = 0; memory && i < MEMORY_BYTES; i += 4096)
		((volatile char *)memory)[i] = 1;
	for (;;)
		pause();
}

static void start(void)
{
	for (size_t i = 0; i < PROCESSES_MAX; i++) {
		pids[i] = fork();
		if (pids[i] < 0)
			die("fork");
		if (pids[i] == 0)
			child();
		for (size_t f = 0; f < FILES; f++) {
			char *path = paths[i * FILES + f];
			(void)snprintf(path, sizeof paths[0], "/proc/%d/%s", (int)pids[i], names[f]);
			fds[i * FILES + f] = open(path, O_RDONLY | O_CLOEXEC);
			if (fds[i * FILES + f] < 0)
				die(path);
		}
	}
}

/* ---- the ways ----------------------------------------------------------------------------- */

static void opened(void *arg)
{
	(void)arg;
	for (size_t i = 0; i < count * FILES; i++) {
		int fd = open(paths[i], O_RDONLY | O_CLOEXEC);
		if (read(fd, texts[i], TEXT_BYTES) <= 0)
			die("read");
		close(fd);
	}
}

static void kept(void *arg)
{
	(void)arg;
	for (size_t i = 0; i < count * FILES; i++)
		if (pread(fds[i], texts[i], TEXT_BYTES, 0) <= 0)
			die("pread");
}

static void reap(size_t n)
{
	struct io_uring_cqe *cqe;

	if (io_uring_submit_and_wait(&ring, (unsigned)n) < 0)
		die("io_uring_submit_and_wait");
	for (size_t i = 0; i < n; i++) {
		if (io_uring_wait_cqe(&ring, &cqe) != 0 || cqe->res < 0)
			die("io_uring");
		io_uring_cqe_seen(&ring, cqe);
	}
}

static void ring_kept(void *arg)
{
	(void)arg;
	for (size_t i = 0; i < count * FILES; i++)
		io_uring_prep_read(io_uring_get_sqe(&ring), fds[i], texts[i], TEXT_BYTES, 0);
	reap(count * FILES);
}

static void ring_opened(void *arg)
{
	(void)arg;
	for (size_t i = 0; i < count * FILES; i++) {
		struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
		io_uring_prep_openat_direct(sqe, AT_FDCWD, paths[i], O_RDONLY, 0, (unsigned)i);
		sqe->flags |= IOSQE_IO_LINK;
		sqe = io_uring_get_sqe(&ring);
		io_uring_prep_read(sqe, (int)i, texts[i], TEXT_BYTES, 0);
		sqe->flags |= IOSQE_IO_HARDLINK | IOSQE_FIXED_FILE; /* a read that ends early breaks the other link */
		io_uring_prep_close_direct(io_uring_get_sqe(&ring), (unsigned)i);
	}
	reap(3 * count * FILES);
}

/* ---- beside them -------------------------------------------------------------------------- */

static void pss(void *arg)
{
	char path[40];

	(void)arg;
	for (size_t i = 0; i < count; i++) {
		(void)snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)pids[i]);
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		if (read(fd, texts[i], TEXT_BYTES) <= 0)
			die("smaps_rollup");
		close(fd);
	}
}

static void descriptors(void *arg)
{
	char path[40];
	struct stat st;

	(void)arg;
	for (size_t i = 0; i < count; i++) {
		(void)snprintf(path, sizeof path, "/proc/%d/fd", (int)pids[i]);
		if (stat(path, &st) != 0)
			die("stat");
	}
}

static void show(const char *impl, const char *params, struct bench_result r, struct bench_result limit)
{
	bench_print("read stat and status", impl, params, "ms", r, "opened each time", limit);
}

static void measure(size_t processes)
{
	char params[32];

	count = processes;
	(void)snprintf(params, sizeof params, "%zu processes", processes);
	struct bench_result plain = bench_ms_per_call(opened, NULL);
	show("opened each time", params, plain, plain);
	show("kept open", params, bench_ms_per_call(kept, NULL), plain);
	show("io_uring, kept open", params, bench_ms_per_call(ring_kept, NULL), plain);
	show("io_uring, opened each time", params, bench_ms_per_call(ring_opened, NULL), plain);
	bench_print("read smaps_rollup", "64 MiB each", params, "ms", bench_ms_per_call(pss, NULL), "stat and status",
	            plain);
	bench_print("count descriptors", "stat(2) of fd", params, "ms", bench_ms_per_call(descriptors, NULL),
	            "stat and status", plain);
}

int main(void)
{
	/* Before the ring, so that they do not have it. */
	start();
	if (io_uring_queue_init(1024, &ring, 0) != 0 || io_uring_register_files_sparse(&ring, PROCESSES_MAX * FILES) != 0)
		die("io_uring");
	measure(4);
	measure(16);
	measure(PROCESSES_MAX);
	for (size_t i = 0; i < PROCESSES_MAX; i++) {
		(void)kill(pids[i], SIGKILL);
		(void)waitpid(pids[i], NULL, 0);
	}
	return 0;
}
