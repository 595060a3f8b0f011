/* SPDX-License-Identifier: Apache-2.0 */
/*
 * master_callback.c - a caller of muster_prefork() for master_callback.sh. It has a file open and a family
 * declared and used before the call; its worker tells what it was given, uses libuv with a signal of its
 * own (whose process-wide pipe must have survived), records, and lives until TERM.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <uv.h>

#include <muster/collector.h>
#include <muster/prefork.h>

static struct muster_family *calls;
static int before_fd;

static void report_descriptors(const struct muster_worker *worker)
{
	for (int fd = 3; fd < 1024; fd++) {
		char path[32], target[256];
		(void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
		ssize_t count = readlink(path, target, sizeof target - 1);
		if (count < 0)
			continue;
		target[count] = '\0';
		printf("fd %s %s\n", fd == before_fd ? "before" : fd == worker->listen_fds[0] ? "listener" : "other", target);
	}
}

static void report_signals(void)
{
	sigset_t mask;
	struct sigaction sa;
	int blocked = 0, handled = 0;

	sigprocmask(SIG_BLOCK, NULL, &mask);
	for (int signo = 1; signo < 32; signo++) {
		blocked += sigismember(&mask, signo) == 1;
		handled += sigaction(signo, NULL, &sa) == 0 && sa.sa_handler != SIG_DFL;
	}
	printf("blocked %d handled %d\n", blocked, handled);
}

static void told_to_end(uv_signal_t *handle, int signo)
{
	(void)signo;
	uv_stop(handle->loop);
}

static int work(const struct muster_worker *worker, void *ctx)
{
	uv_signal_t term;

	report_descriptors(worker);
	report_signals();
	muster_counter_inc(muster_counter_with(calls));
	uv_signal_init(uv_default_loop(), &term);
	uv_signal_start(&term, told_to_end, SIGTERM);
	printf("slot %u ctx %s region %s\n", worker->slot, (const char *)ctx, getenv("MUSTER_REGION"));
	(void)fflush(stdout);
	uv_run(uv_default_loop(), UV_RUN_DEFAULT);
	return 7;
}

/* Computed at each scrape, in the master. */
static double scrapes(void *ctx)
{
	return ++*(double *)ctx;
}

static int scrapes_declare(void)
{
	static double count;
	const struct muster_opts opts = {.name = "callback_scrapes", .help = "Asked so often.", .mode = MUSTER_MAX};
	struct muster_family *family = NULL;
	int rc = muster_declare(MUSTER_GAUGE, &opts, &family);

	return rc ? rc : muster_gauge_function(family, NULL, 0, scrapes, &count);
}

int main(int argc, char **argv)
{
	const char *const listen[] = {"127.0.0.1:0", NULL};
	const struct muster_opts opts = {.name = "callback_calls_total", .help = "Calls of the worker."};
	struct muster_prefork_opts prefork = {.name = "callback",
	                                      .workers = 2,
	                                      .listen = listen,
	                                      .metrics = "127.0.0.1:0",
	                                      .worker = work,
	                                      .ctx = "hello",
	                                      .region = argc > 1 ? argv[1] : NULL,
	                                      .no_upgrade = argc > 2};

	before_fd = open("/dev/null", O_RDONLY);
	if (muster_declare(MUSTER_COUNTER, &opts, &calls) != 0 || scrapes_declare() != 0)
		return 1;
	muster_counter_add(muster_counter_with(calls), 100); /* before there was a region: comes along */
	printf("written once\n");
	int status = muster_prefork(&prefork);
	printf("status %d\n", status);
	return status;
}
