/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scrape.c - what a scrape costs in the master, and what a worker costs in memory.
 *
 * W forked workers hold S counters and S/10 histograms of 11 buckets each, every value set; the time is
 * refresh + text in another process. The limit beside it: sum the same cells, copy prefixes of the same
 * length, format the same number of integers.
 */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <muster/region.h>

#include "bench/bench.h"
#include "bench/common/limit.h"

#define SERIES_MAX 2000000 /* of the region; a million is the default */

static char region_path[64];

static void fail(const char *what)
{
	(void)fprintf(stderr, "scrape: %s: %s\n", what, muster_error_message());
	exit(1);
}

/* ---- workers ------------------------------------------------------------------------------ */

static void declare(unsigned counters, unsigned histograms, struct muster_family **c, struct muster_family **h)
{
	static const char *const labels[] = {"path", "method", NULL};
	struct muster_opts co = {
		.name = "bench_requests_total", .help = "Requests.", .labels = labels, .series_max = counters};
	struct muster_opts ho = {
		.name = "bench_seconds", .help = "Seconds.", .labels = labels, .series_max = histograms + 1};

	if (muster_declare(MUSTER_COUNTER, &co, c) != 0 || muster_declare(MUSTER_HISTOGRAM, &ho, h) != 0)
		fail("declare");
}

static void record(unsigned counters, unsigned histograms)
{
	struct muster_family *c, *h;
	char path[64];

	declare(counters, histograms, &c, &h);
	for (unsigned i = 0; i < counters; i++) {
		(void)snprintf(path, sizeof path, "/api/v1/resource/%u", i);
		muster_counter_add(muster_counter_with(c, path, i & 1 ? "GET" : "POST"), i * 7919);
	}
	for (unsigned i = 0; i < histograms; i++) {
		(void)snprintf(path, sizeof path, "/api/v1/resource/%u", i);
		muster_histogram hist = muster_histogram_with(h, path, "GET");
		for (unsigned v = 0; v < 12; v++)
			muster_histogram_observe(hist, muster_bounds_default[v % 11] * (1 + v / 11) - 1e-4);
	}
}

static pid_t worker(unsigned counters, unsigned histograms)
{
	int ready[2];
	char byte = 0;

	if (pipe(ready) != 0)
		fail("pipe");
	pid_t pid = fork();
	if (pid == 0) {
		record(counters, histograms);
		(void)!write(ready[1], &byte, 1);
		for (;;)
			pause();
	}
	(void)!read(ready[0], &byte, 1);
	close(ready[0]);
	close(ready[1]);
	return pid;
}

/* ---- the limit ---------------------------------------------------------------------------- */

static struct bench_result limit_measure(size_t workers, size_t cells, size_t lines, size_t bytes)
{
	struct limit l;

	limit_make(&l, workers, cells, lines, bytes / lines - 8);
	struct bench_result r = bench_ms_per_call(limit_scrape, &l);
	limit_free(&l);
	return r;
}

/* ---- the scrape --------------------------------------------------------------------------- */

static size_t scrape_bytes, scrape_lines, scrape_lines_least;

static void scrape(void *arg)
{
	const char *text;
	size_t bytes;

	if (muster_region_refresh(arg) != 0 || muster_region_text(arg, &text, &bytes) != 0)
		fail("scrape");
	if (scrape_lines == 0)
		for (size_t i = 0; i < bytes; i++)
			scrape_lines += text[i] == '\n';
	if (scrape_lines < scrape_lines_least)
		fail("series are missing on the page");
	scrape_bytes = bytes;
}

static void region_begin(void)
{
	strcpy(region_path, "/dev/shm/muster-bench-XXXXXX");
	if (mkdtemp(region_path) == NULL || setenv("MUSTER_REGION", region_path, 1) != 0)
		fail("region");
}

static size_t region_end(void)
{
	DIR *dir = opendir(region_path);
	char path[400];
	struct stat st;
	size_t bytes = 0;

	for (struct dirent *e; dir && (e = readdir(dir));) {
		(void)snprintf(path, sizeof path, "%s/%s", region_path, e->d_name);
		if (strncmp(e->d_name, "slab.", 5) == 0 && stat(path, &st) == 0)
			bytes += (size_t)st.st_blocks * 512;
		(void)unlink(path);
	}
	if (dir)
		closedir(dir);
	(void)rmdir(region_path);
	return bytes;
}

/* What this process has in memory of its own, in bytes. */
static double own_bytes(void)
{
	FILE *status = fopen("/proc/self/status", "r");
	char line[128];
	double kib = 0;

	while (status && fgets(line, sizeof line, status))
		if (sscanf(line, "RssAnon: %lf", &kib) == 1)
			break;
	if (status)
		(void)fclose(status);
	return kib * 1024;
}

static void measure(unsigned workers, unsigned counters, unsigned histograms)
{
	struct muster_region *region;
	char params[64];
	pid_t *pids = calloc(workers, sizeof *pids);

	region_begin();
	for (unsigned i = 0; i < workers; i++)
		pids[i] = worker(counters, histograms);
	if (muster_region_open(region_path, &region) != 0)
		fail("open");
	muster_region_series_max(region, SERIES_MAX);
	double start = bench_now_ns(), before = own_bytes();
	scrape_lines = 0;
	scrape_lines_least = counters + histograms * (12 + 2);
	scrape(region);
	double first = (bench_now_ns() - start) / 1e6;
	struct bench_result r = bench_ms_per_call(scrape, region);
	double bytes = (own_bytes() - before) / (counters + histograms);
	struct bench_result l = limit_measure(workers, counters + histograms * 13, scrape_lines, scrape_bytes);
	(void)snprintf(params, sizeof params, "%u workers x (%u counters + %u histograms)", workers, counters, histograms);
	bench_print("scrape", "muster", params, "ms", r, "sum + copy + format", l);
	bench_print("memory of a reader", "muster", params, "B/series", (struct bench_result){bytes, bytes, bytes}, NULL,
	            l);
	bench_print("first scrape", "muster", params, "ms", (struct bench_result){first, first, first}, NULL, l);
	muster_region_destroy(&region);
	for (unsigned i = 0; i < workers; i++) {
		(void)kill(pids[i], SIGKILL);
		(void)waitpid(pids[i], NULL, 0);
	}
	double kib = (double)region_end() / 1024 / workers;
	bench_print("slab of a worker", "muster", params, "KiB", (struct bench_result){kib, kib, kib}, NULL, l);
	free(pids);
}

/* A worker of 1,000 counters and nothing else, in KiB of tmpfs. */
static void memory(void)
{
	region_begin();
	pid_t pid = worker(1000, 0);
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	double kib = (double)region_end() / 1024;
	struct bench_result r = {kib, kib, kib};
	bench_print("slab of a worker", "muster", "1000 counters, 2 labels", "KiB", r, "bar of 256 KiB",
	            (struct bench_result){256, 256, 256});
}

/* How the cost grows with the series, and with the workers. */
static void grow(unsigned series_most, unsigned workers_most)
{
	for (unsigned counters = 10; counters <= series_most; counters *= 10)
		measure(4, counters, counters / 10);
	for (unsigned workers = 1; workers <= workers_most; workers *= 2)
		measure(workers, 1000, 100);
}

/* With "full": up to 256 workers. */
int main(int argc, char **argv)
{
	(void)setenv("MUSTER_SERIES_MAX", "1000000", 1);
	memory();
	measure(16, 10000, 1000);
	measure(8, 1000000, 0);
	grow(100000, argc > 1 && strcmp(argv[1], "full") == 0 ? 256 : 64);
	return 0;
}
