/* SPDX-License-Identifier: Apache-2.0 */
/*
 * harness.c - the cases of README.md with muster: recorded into a real region, scraped from it.
 *
 *   muster update | scrape SERIES | workers COUNT COUNTERS
 */
#include <dirent.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <muster/muster.h>
#include <muster/region.h>

#include "bench/peers/common/peer.h"

static const char *const labels[] = {"path", "method", NULL};
static struct muster_family *requests, *seconds;
static struct muster_region *region;
static char region_path[64];
static muster_counter inc_handle;
static muster_histogram observe_handle;

static void fail(const char *what)
{
	(void)fprintf(stderr, "%s: %s\n", what, muster_error_message());
	exit(1);
}

static struct muster_family *family(enum muster_type type, const char *name, const char *const *label_names)
{
	struct muster_family *f = NULL;
	struct muster_opts o = {.name = name, .help = "Benchmark.", .labels = label_names, .series_max = 1000000};

	if (muster_declare(type, &o, &f) != 0)
		fail(name);
	return f;
}

/* ---- updates ------------------------------------------------------------------------------ */

static void inc(uint64_t n)
{
	muster_counter c = inc_handle;

	for (uint64_t i = 0; i < n; i++)
		muster_counter_inc(c);
}

static void observe(uint64_t n)
{
	muster_histogram h = observe_handle;

	for (uint64_t i = 0; i < n; i++)
		muster_histogram_observe(h, peer_values[i % PEER_VALUES]);
}

static void lookup(uint64_t n)
{
	for (uint64_t i = 0; i < n; i++) {
		uint32_t s = peer_order[i % PEER_ORDER];
		muster_counter_inc(muster_counter_with(requests, peer_paths[s / 4], peer_methods[s % 4]));
	}
}

static void update_setup(void)
{
	inc_handle = muster_counter_with(family(MUSTER_COUNTER, "bench_inc_total", NULL));
	observe_handle = muster_histogram_with(family(MUSTER_HISTOGRAM, "bench_observe_seconds", NULL));
	requests = family(MUSTER_COUNTER, "bench_requests_total", labels);
	for (uint32_t s = 0; s < PEER_SERIES; s++)
		(void)muster_counter_with(requests, peer_paths[s / 4], peer_methods[s % 4]);
}

/* ---- scrapes ------------------------------------------------------------------------------ */

static void record(unsigned counters, unsigned histograms)
{
	char path[32];

	requests = family(MUSTER_COUNTER, "bench_requests_total", labels);
	seconds = family(MUSTER_HISTOGRAM, "bench_seconds", labels);
	for (unsigned i = 0; i < counters; i++) {
		(void)snprintf(path, sizeof path, "/api/v1/resource/%u", i);
		muster_counter_add(muster_counter_with(requests, path, i & 1 ? "GET" : "POST"), (uint64_t)i * PEER_STEP);
	}
	for (unsigned i = 0; i < histograms; i++) {
		(void)snprintf(path, sizeof path, "/api/v1/resource/%u", i);
		muster_histogram h = muster_histogram_with(seconds, path, "GET");
		for (uint32_t k = 0; k <= PEER_BOUNDS; k++)
			muster_histogram_observe(h, peer_value(k));
	}
}

static void worker_start(unsigned counters)
{
	int ready[2];
	char byte = 0;

	if (pipe(ready) != 0)
		fail("pipe");
	if (fork() == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		record(counters, counters / 10);
		(void)!write(ready[1], &byte, 1);
		for (;;)
			pause();
	}
	(void)!read(ready[0], &byte, 1);
	close(ready[0]);
	close(ready[1]);
}

/* n more workers that record and exit at once, one after the other. */
static void die(uint64_t n)
{
	for (uint64_t i = 0; i < n; i++) {
		pid_t pid = fork();
		if (pid == 0) {
			record(10, 1);
			_exit(0);
		}
		(void)waitpid(pid, NULL, 0);
	}
}

static const char *text(size_t *bytes)
{
	const char *out;

	if (muster_region_refresh(region) != 0 || muster_region_text(region, &out, bytes) != 0)
		fail("scrape");
	return out;
}

static void scrape(uint64_t n)
{
	size_t bytes;

	for (uint64_t i = 0; i < n; i++)
		(void)text(&bytes);
}

static void page(FILE *out)
{
	size_t bytes;
	const char *bytes_at = text(&bytes);

	(void)fwrite(bytes_at, 1, bytes, out);
}

/* ---- region ------------------------------------------------------------------------------- */

static void region_make(void)
{
	strcpy(region_path, "/dev/shm/muster-peer-XXXXXX");
	if (mkdtemp(region_path) == NULL || setenv("MUSTER_REGION", region_path, 1) != 0)
		fail("region");
}

static void region_remove(void)
{
	DIR *dir = opendir(region_path);

	for (struct dirent *e; dir && (e = readdir(dir));)
		(void)unlinkat(dirfd(dir), e->d_name, 0);
	if (dir)
		closedir(dir);
	(void)rmdir(region_path);
}

int main(int argc, char **argv)
{
	static const struct peer_case cases[] = {
		{"inc", inc}, {"observe", observe}, {"lookup", lookup}, {"scrape", scrape}, {"die", die}};
	const char *mode = argc > 1 ? argv[1] : "update";
	unsigned first = argc > 2 ? (unsigned)atoi(argv[2]) : 0, second = argc > 3 ? (unsigned)atoi(argv[3]) : 0;

	peer_agree();
	region_make();
	if (strcmp(mode, "update") == 0)
		update_setup();
	else if (strcmp(mode, "scrape") == 0)
		record(first, 0);
	for (unsigned i = 0; second != 0 && i < first; i++)
		worker_start(second);
	if (muster_region_open(region_path, &region) != 0)
		fail("open");
	(void)printf("region %s\n", region_path);
	int status = peer_serve(cases, sizeof cases / sizeof *cases, page);
	muster_region_destroy(&region);
	region_remove();
	return status;
}
