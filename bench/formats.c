/* SPDX-License-Identifier: Apache-2.0 */
/*
 * formats.c - the time to write one view in each format, its bytes, and what gzip makes of them at each level.
 * One process, 10,000 counters and 1,000 histograms of 11 bounds.
 */
#include <libdeflate.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <muster/region.h>

#include "bench/bench.h"

static void record(int counters, int histograms)
{
	static const char *const labels[] = {"method", "path", NULL};
	struct muster_family *calls = NULL, *waits = NULL;
	struct muster_opts o = {.name = "bench_requests_total", .help = "Requests.", .labels = labels};
	char path[64];

	(void)muster_declare(MUSTER_COUNTER, &o, &calls);
	o.name = "bench_seconds";
	(void)muster_declare(MUSTER_HISTOGRAM, &o, &waits);
	for (int i = 0; i < counters; i++) {
		(void)snprintf(path, sizeof path, "/api/v1/resource/%d", i);
		muster_counter_add(muster_counter_with(calls, "GET", path), (uint64_t)i * 7919);
		if (i < histograms)
			for (int k = 0; k < 12; k++)
				muster_histogram_observe(muster_histogram_with(waits, "GET", path), 0.004 * (1 << k));
	}
}

static struct muster_region *region;
static const char *page;
static size_t page_bytes;

static void format_write(void *arg)
{
	if (muster_region_write(region, *(const enum muster_format *)arg, MUSTER_ESCAPING_UNDERSCORES, NULL, &page,
	                        &page_bytes) != 0)
		exit(1);
}

struct packing {
	struct libdeflate_compressor *compressor;
	char *out;
	size_t bytes;
};

static void pack(void *arg)
{
	struct packing *p = arg;

	p->bytes = libdeflate_gzip_compress(p->compressor, page, page_bytes, p->out, page_bytes);
}

static void print_bytes(const char *bench, const char *params, size_t bytes)
{
	double kib = (double)bytes / 1024;

	bench_print(bench, "muster", params, "KiB", (struct bench_result){kib, kib, kib}, NULL, (struct bench_result){0});
}

static void gzip(const char *name, int level)
{
	struct packing p = {libdeflate_alloc_compressor(level), malloc(page_bytes), 0};
	char params[64];

	(void)snprintf(params, sizeof params, "%s, gzip level %d", name, level);
	bench_print("format", "muster", params, "ms", bench_ms_per_call(pack, &p), NULL, (struct bench_result){0});
	print_bytes("page", params, p.bytes);
	free(p.out);
	libdeflate_free_compressor(p.compressor);
}

static void measure(enum muster_format format, const char *name)
{
	bench_print("format", "muster", name, "ms", bench_ms_per_call(format_write, &format), NULL,
	            (struct bench_result){0});
	print_bytes("page", name, page_bytes);
	for (int level = 1; level <= 9; level += 4)
		gzip(name, level);
}

static void cleanup(const char *path)
{
	char command[64];

	(void)snprintf(command, sizeof command, "rm -rf %s", path);
	if (system(command) != 0)
		(void)fprintf(stderr, "formats: %s stays\n", path);
}

int main(void)
{
	char path[] = "/dev/shm/muster-bench-XXXXXX";

	if (mkdtemp(path) == NULL || setenv("MUSTER_REGION", path, 1) != 0)
		return 1;
	record(10000, 1000);
	if (muster_region_open(path, &region) != 0 || muster_region_refresh(region) != 0)
		return 1;
#define MUSTER__ROW(id, name) measure(MUSTER_FORMAT_##id, name);
	MUSTER_FORMATS(MUSTER__ROW)
#undef MUSTER__ROW
	muster_region_destroy(&region);
	cleanup(path);
	return 0;
}
