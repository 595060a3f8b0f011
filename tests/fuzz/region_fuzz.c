/* SPDX-License-Identifier: Apache-2.0 */
/*
 * region_fuzz.c - see region_fuzz.h. One region for the life of the fuzzer, emptied between inputs.
 */
#include "region_fuzz.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include "packed.h"
#include "page.h"
#include "tests/unit/slab_forge.h"

static char path[200];
static int dir = -1;
static uint8_t honest[4096];
static size_t honest_bytes;

int region_fuzz_told;

static void each_unlink(void)
{
	DIR *entries = opendir(path);

	for (const struct dirent *e; entries && (e = readdir(entries));)
		if (strcmp(e->d_name, "lock") != 0)
			(void)unlinkat(dir, e->d_name, 0);
	if (entries)
		closedir(entries);
}

static void region_remove_at_exit(void)
{
	each_unlink();
	(void)unlinkat(dir, "lock", 0);
	(void)rmdir(path);
}

static void honest_make(void)
{
	static struct forge f;

	forge_begin(&f);
	forge_family(&f, MUSTER_COUNTER, 0, "honest_worker_total", NULL);
	*forge_int(&f, 0, forge_series(&f, NULL)->int_cell) = REGION_HONEST;
	forge_header(&f)->identity.instance = UINT64_MAX;
	forge_header(&f)->checksum = muster__header_checksum(forge_header(&f));
	honest_bytes = packed_make(honest, sizeof honest, f.bytes, sizeof f.bytes);
}

int region_fuzz_dir(void)
{
	if (dir >= 0)
		return dir;
	/* Fuzzers end without exit(), so their caller gives a place that it removes. */
	const char *where = getenv("FUZZ_REGIONS");
	(void)snprintf(path, sizeof path, "%s/muster-fuzz-XXXXXX", where ? where : "/dev/shm");
	FUZZ_REQUIRE(mkdtemp(path), "no region %s", path);
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	FUZZ_REQUIRE(dir >= 0, "%s", path);
	FUZZ_REQUIRE(muster_guard_install() == 0, "no guard");
	(void)atexit(region_remove_at_exit);
	honest_make();
	return dir;
}

void region_fuzz_clear(void)
{
	each_unlink();
	int fd = openat(dir, "slab.honest", O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
	FUZZ_REQUIRE(fd >= 0 && packed_write(fd, honest, honest_bytes, UINT64_MAX) == 0, "%s", path);
	close(fd);
}

static void tell(void *ctx, const char *file, enum muster_quarantine reason)
{
	(void)ctx, (void)file, (void)reason;
	region_fuzz_told++;
}

struct muster_region *region_fuzz_open(void)
{
	struct muster_region *region;

	region_fuzz_told = 0;
	FUZZ_REQUIRE(muster_region_open(path, &region) == 0, "%s", muster_error_message());
	muster_region_on_quarantine(region, tell, NULL);
	FUZZ_REQUIRE(muster__region_lock(region) == 0, "%s", muster_error_message());
	return region;
}

static long long honest_find(const char *text, size_t count)
{
	static const char sample[] = "\nhonest_worker_total ";
	const char *at = memmem(text, count, sample, sizeof sample - 1);

	return at ? strtoll(at + sizeof sample - 1, NULL, 10) : -1;
}

long long region_fuzz_look(struct muster_region *region)
{
	const char *text, *where;
	size_t count;
	int rc = muster_region_refresh(region);

	FUZZ_REQUIRE(rc == 0, "refresh: %s", muster_error_message());
	rc = muster_region_write(region, MUSTER_FORMAT_OPENMETRICS, MUSTER_ESCAPING_UNDERSCORES, NULL, &text, &count);
	FUZZ_REQUIRE(rc == 0, "openmetrics: %s", muster_strerror(rc));
	rc = muster_region_text(region, &text, &count);
	FUZZ_REQUIRE(rc == 0, "text: %s", muster_strerror(rc));
	const char *broken = page_check(text, count, &where);
	FUZZ_REQUIRE(broken == NULL, "%s at \"%.80s\"", broken, where);
	return honest_find(text, count);
}
