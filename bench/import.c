/* SPDX-License-Identifier: Apache-2.0 */
/*
 * import.c DIR [compact] - a scrape of prometheus_client's files in DIR: the first, with "compact" with folding the dead,
 * and those after it. bench/multiproc/run makes the files and times the library's own collector beside it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <muster/region.h>

#include "bench/bench.h"
#include "shm/fold.h"

static struct muster_region *region;

static void scrape(void *arg)
{
	const char *text;

	if (muster_region_refresh(region) != 0 || muster_region_text(region, &text, arg) != 0)
		exit(1);
}

static void cleanup(const char *path)
{
	char command[64];

	(void)snprintf(command, sizeof command, "rm -rf %s", path);
	if (system(command) != 0)
		(void)fprintf(stderr, "import: %s stays\n", path);
}

int main(int argc, char **argv)
{
	char path[] = "/dev/shm/muster-bench-XXXXXX";
	size_t bytes = 0;

	if (argc < 2)
		return 0; /* make bench runs it by bench/multiproc/run */
	if (mkdtemp(path) == NULL || muster_region_open(path, &region) != 0 ||
	    muster_region_import(region, argv[1], argc > 2) != 0 || muster__region_lock(region) != 0)
		return 1;
	double start = bench_now_ns();
	scrape(&bytes);
	if (argc > 2 && muster__region_fold(region, NULL) != 0)
		return 1;
	printf("first_ms %.4g\n", (bench_now_ns() - start) / 1e6);
	struct bench_result r = bench_ms_per_call(scrape, &bytes);
	printf("min %.4g median %.4g max %.4g bytes %zu\n", r.min, r.median, r.max, bytes);
	muster_region_destroy(&region);
	cleanup(path);
	return 0;
}
