/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading slabs that are odd: of a newer version, changing under the reader's eyes, or no
 * regular files. Those no worker could have written are in test_hostile.c.
 */
#include <math.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "reading.h"
#include "shm/grow.h"
#include "slab_honest.h"
#include "workers.h"

#define ALL FORGE_BYTES

static struct forge forged;

static void reads_an_honest_slab(void **state)
{
	(void)state;
	honest(&forged);
	forge_write(&forged, "slab.1", true, ALL);
	honest(&forged);
	forge_write(&forged, "slab.2", true, ALL);
	struct muster_region *region = reader();
	assert_int_equal(told.count, 0);
	assert_int_equal(int_of(region, "good_total", ""), 14);
	assert_int_equal(stats_of(region).dead, 2);
	assert_int_equal(stats_of(region).families, 4);
	muster_region_destroy(&region);
}

static void a02_reads_what_it_knows_of_a_newer_minor(void **state)
{
	(void)state;
	struct muster__record_shm unknown = {.kind = 77};

	honest(&forged);
	forge_header(&forged)->minor = 9;
	forge_record(&forged, 77, &unknown, sizeof unknown, "news", 4);
	*forge_int(&forged, 0, again(&forged)->int_cell) = 3;
	forge_write(&forged, "slab.new", true, ALL);
	struct muster_region *region = reader();
	assert_int_equal(told.count, 0);
	assert_int_equal(int_of(region, "calls_total", "/again"), 3);
	muster_region_destroy(&region);
}

static void a15_takes_any_value(void **state)
{
	(void)state;
	honest(&forged);
	*forge_int(&forged, 0, 4) = UINT64_MAX;
	memset(forge_real(&forged, 0, 0), 0xff, 8);
	forge_write(&forged, "slab.1", true, ALL);
	honest(&forged);
	forge_write(&forged, "slab.2", true, ALL);
	struct muster_region *region = reader();
	assert_int_equal(told.count, 0);
	assert_int_equal(int_of(region, "good_total", ""), 6);
	assert_true(isnan(real_of(region, "sizes", "")));
	muster_region_destroy(&region);
}

/* ---- a slab that changes under the reader's eyes ------------------------------------------ */

/* Own the forged slab by its lock, and write anything anywhere in it until killed. */
static void mutate(void *arg)
{
	struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	char path[200];
	uint64_t x = 88172645463325252u;

	(void)arg;
	(void)snprintf(path, sizeof path, "%s/slab.forged", support_region);
	int fd = open(path, O_RDWR);
	unsigned char *map = mmap(NULL, ALL, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (fd < 0 || map == MAP_FAILED || fcntl(fd, F_SETLK, &whole) != 0)
		_exit(84);
	worker_tell();
	size_t used = (size_t)forge_header(&forged)->catalogue_used;
	for (;;) {
		x ^= x << 13, x ^= x >> 7, x ^= x << 17;
		size_t at = x % 4 == 0 ? 256 + (x >> 8) % 32 : 4096 + (x >> 8) % used;
		unsigned char was = forged.bytes[at];
		((volatile unsigned char *)map)[at] = (unsigned char)(x >> 32);
		for (volatile int pause = 0; pause < 300; pause++)
			;
		((volatile unsigned char *)map)[at] = was;
	}
}

static void a19_changing_slab_harms_nobody(void **state)
{
	(void)state;
	honest(&forged);
	forge_write(&forged, "slab.honest", true, ALL);
	honest(&forged);
	forge_header(&forged)->identity.pidns_ino = 1; /* lives by its lock */
	memset(forge_header(&forged)->identity.boot_id, 0, 16);
	forge_write(&forged, "slab.forged", true, ALL);
	pid_t pid = worker_start(mutate, NULL);
	int refused = 0;
	for (int i = 0; i < 3000 || (refused == 0 && i < 100000); i++) {
		struct muster_region *region = reader();
		assert_int_equal(muster_region_refresh(region), 0);
		int64_t good = int_of(region, "good_total", "");
		assert_true(good == 7 || (told.count == 0 && good >= 7));
		refused += told.count;
		muster_region_destroy(&region);
	}
	assert_true(refused > 0);
	worker_kill(pid);
}

/* ---- files -------------------------------------------------------------------------------- */

static void slab_is_read_once_there_are_descriptors(void **state)
{
	(void)state;
	struct rlimit was, few;
	int fds[64], n = 0;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
	few = (struct rlimit){64, was.rlim_max};
	struct muster_region *region = reader();
	honest(&forged);
	forge_write(&forged, "slab.1", true, ALL);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	while (n < 64 && (fds[n] = dup(0)) >= 0)
		n++;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(muster_region_refresh(region), 0);
		assert_int_equal(told.count, 1);
		assert_int_equal(stats_of(region).quarantined, 1);
	}
	while (n > 0)
		close(fds[--n]);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
	assert_int_equal(muster_region_refresh(region), 0);
	assert_int_equal(stats_of(region).quarantined, 0);
	assert_int_equal(int_of(region, "good_total", ""), 7);
	muster_region_destroy(&region);
}

static void expect_open_refused(void)
{
	struct muster_region *region = reader();

	assert_int_equal(told.count, 1);
	assert_int_equal(told.reason, MUSTER_QUARANTINE_OPEN);
	assert_int_equal(muster_region_refresh(region), 0);
	assert_int_equal(told.count, 1);
	muster_region_destroy(&region);
}

static void a24_link_fifo_and_directory_are_not_opened(void **state)
{
	(void)state;
	char path[200];

	(void)snprintf(path, sizeof path, "%s/slab.bad", support_region);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	expect_open_refused();
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	expect_open_refused();
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	expect_open_refused();
	assert_int_equal(rmdir(path), 0);
}

static void quarantine_ends_with_the_file(void **state)
{
	(void)state;
	char path[200];

	honest(&forged);
	forge_write(&forged, "slab.bad", true, 10);
	struct muster_region *region = reader();
	assert_int_equal(stats_of(region).quarantined, 1);
	(void)snprintf(path, sizeof path, "%s/slab.bad", support_region);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(muster_region_refresh(region), 0);
	assert_int_equal(stats_of(region).quarantined, 0);
	muster_region_destroy(&region);
}

static void bytes_that_are_no_series_ask_for_no_room(void **state)
{
	static unsigned char bytes[1 << 20];
	const struct muster__geometry geometry = {.catalogue_bytes = sizeof bytes};
	const struct muster__catalogue_rules rules = {.geometry = &geometry};
	struct muster__record_shm record = {.bytes = sizeof record, .kind = MUSTER__RECORD_SERIES};
	struct muster__catalogue *catalogue;
	size_t used;

	(void)state;
	for (size_t at = 0; at < sizeof bytes; at += sizeof record)
		memcpy(bytes + at, &record, sizeof record);
	assert_int_equal(muster__catalogue_create(&catalogue), 0);
	assert_int_equal(muster__catalogue_append(&catalogue, &rules, bytes, sizeof bytes, false, &used),
	                 MUSTER__BAD(CATALOGUE));
	assert_true(catalogue->index.slot_count < 100);
	assert_true(catalogue->views_capacity < 100);
	muster__catalogue_release(&catalogue);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(reads_an_honest_slab, setup, teardown),
		cmocka_unit_test_setup_teardown(a02_reads_what_it_knows_of_a_newer_minor, setup, teardown),
		cmocka_unit_test_setup_teardown(a15_takes_any_value, setup, teardown),
		cmocka_unit_test_setup_teardown(a19_changing_slab_harms_nobody, setup, teardown),
		cmocka_unit_test_setup_teardown(slab_is_read_once_there_are_descriptors, setup, teardown),
		cmocka_unit_test_setup_teardown(a24_link_fifo_and_directory_are_not_opened, setup, teardown),
		cmocka_unit_test_setup_teardown(quarantine_ends_with_the_file, setup, teardown),
		cmocka_unit_test(bytes_that_are_no_series_ask_for_no_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
