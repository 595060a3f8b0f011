/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A reader that gets no memory, and no mapping, at any one point: it says so and has lost nothing; the next
 * refresh is exact.
 *
 * The program is linked with --wrap for what can fail (see the Makefile).
 */
#include <errno.h>
#include <sys/mman.h>

#include "reading.h"
#include "slab_honest.h"
#include "workers.h"

static long calls, failing; /* the call with this number fails; 0: none */

static bool fails(void)
{
	bool now = ++calls == failing;

	if (now)
		errno = ENOMEM;
	return now;
}

#define WRAP(result, none, name, parameters, arguments)                                                                \
	result __real_##name parameters;                                                                                   \
	result __wrap_##name parameters;                                                                                   \
	result __wrap_##name parameters                                                                                    \
	{                                                                                                                  \
		return fails() ? none : __real_##name arguments;                                                               \
	}
WRAP(void *, NULL, malloc, (size_t bytes), (bytes))
WRAP(void *, NULL, calloc, (size_t count, size_t bytes), (count, bytes))
WRAP(void *, NULL, realloc, (void *block, size_t bytes), (block, bytes))
WRAP(char *, NULL, strdup, (const char *string), (string))
WRAP(void *, MAP_FAILED, mmap, (void *at, size_t bytes, int prot, int flags, int fd, off_t off),
     (at, bytes, prot, flags, fd, off))
WRAP(void *, MAP_FAILED, mremap, (void *at, size_t was, size_t bytes, int flags), (at, was, bytes, flags))

static int memory_teardown(void **state)
{
	(void)state;
	failing = 0;
	region_remove();
	return 0;
}

/* ---- a region with something of everything ------------------------------------------------ */

static struct forge forged, live;

static void all_kinds(struct forge *f)
{
	static const enum muster_mode modes[] = {MUSTER_ALL, MUSTER_SUM, MUSTER_MOSTRECENT};

	honest(f);
	for (unsigned i = 0; i < 3; i++) {
		char name[] = {'g', (char)('a' + i), '\0'};
		forge_family(f, MUSTER_GAUGE, modes[i], name, NULL);
		struct muster__series_shm *r = forge_series(f, NULL);
		if (modes[i] != MUSTER_MOSTRECENT)
			*forge_gauge(f, r->int_cell) = 0x3ff0000000000000 ^ MUSTER__GAUGE_KEY;
	}
	forge_family(f, MUSTER_SUMMARY, 0, "sums", "l");
	forge_series(f, "a");
	forge_family(f, MUSTER_REAL_COUNTER, 0, "reals_total", NULL);
	forge_series(f, NULL);
	forge_family(f, MUSTER_IN_FLIGHT, 0, "flying", NULL);
	forge_series(f, NULL);
}

static void folded_record(struct forge *f)
{
	struct muster__folded_shm r = {.identity = {.pid = 5}};

	forge_record(f, MUSTER__RECORD_FOLDED, &r, sizeof r, NULL, 0);
}

/* A worker's own slab: forged ones have no sketches. */
static void observe_quantiles(void *arg)
{
	static const double middle[] = {0.5};
	struct muster_opts o = {.name = "spread", .help = "Help.", .quantiles = middle, .quantiles_count = 1};
	struct muster_family *family = NULL;

	(void)arg;
	if (muster_declare(MUSTER_SUMMARY, &o, &family) != 0)
		_exit(96);
	for (double x = 1; x < 1e6; x *= 10)
		muster_summary_observe(muster_summary_with(family), x);
}

/* The ledger, a slab, and one that shares its history up to some point. The last made is the first that is read:
 * what comes then makes it split. */
static void region_fill(void)
{
	all_kinds(&forged);
	forge_header(&forged)->kind = MUSTER__KIND_LEDGER;
	folded_record(&forged);
	forge_write(&forged, "ledger", true, FORGE_BYTES);
	honest(&forged);
	*forge_int(&forged, 0, again(&forged)->int_cell) = 1;
	forge_write(&forged, "slab.2", true, FORGE_BYTES);
	all_kinds(&forged);
	forge_write(&forged, "slab.1", true, FORGE_BYTES);
	worker_live_and_die(observe_quantiles, NULL);
}

/* It lives by the lock, and uses another bank while it is followed. */
static void live_begin(int *fd)
{
	struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	char path[200];

	honest(&live);
	forge_header(&live)->identity.pidns_ino = 1;
	memset(forge_header(&live)->identity.boot_id, 0, 16);
	forge_write(&live, "slab.3", true, FORGE_BYTES);
	(void)snprintf(path, sizeof path, "%s/slab.3", support_region);
	*fd = open(path, O_RDWR | O_CLOEXEC);
	assert_true(*fd >= 0);
	assert_int_equal(fcntl(*fd, F_OFD_SETLK, &whole), 0);
}

static void live_grow(int fd)
{
	uint64_t seven = 7;

	forge_header(&live)->banks_used = 2;
	*forge_int(&live, 1, again(&live)->int_cell) = 1;
	assert_int_equal(pwrite(fd, live.bytes, FORGE_BYTES, 0), FORGE_BYTES);
	assert_int_equal(pwrite(fd, &seven, 8, 4096 + FORGE_CATALOGUE + 4096 + 8192 + 8 * (8 + 4)), 8);
}

/* ---- reading it --------------------------------------------------------------------------- */

/* Until it succeeds, which it does the second time at the latest. */
static void refresh(struct muster_region *region)
{
	const char *text;
	size_t bytes;
	int rc = muster_region_refresh(region);

	assert_true(rc == 0 || rc == -ENOMEM);
	if (failing && calls >= failing) /* a slab that could not be mapped is looked at again */
		rc = muster_region_refresh(region);
	if (rc != 0)
		rc = muster_region_refresh(region);
	assert_int_equal(rc, 0);
	rc = muster_region_text(region, &text, &bytes);
	assert_true(rc == 0 || rc == -ENOMEM);
	if (rc != 0)
		assert_int_equal(muster_region_text(region, &text, &bytes), 0);
}

static void exact(const struct muster_region *region, int64_t good, int64_t more)
{
	assert_int_equal(int_of(region, "good_total", ""), good);
	assert_int_equal(int_of(region, "calls_total", "/again"), more);
	assert_int_equal(stats_of(region).quarantined, 0);
	assert_true(fabs(region->merge.view.quantiles[series_of(region, "spread", "")->sketch_at][0] / 100 - 1) < 0.011);
}

static struct muster_region *region_open(void)
{
	struct muster_region *region;
	int rc = muster_region_open(support_region, &region);

	assert_true(rc == 0 || rc == -ENOMEM);
	if (rc != 0)
		assert_int_equal(muster_region_open(support_region, &region), 0);
	return region;
}

/* Everything a reader does. Returns whether the call that was to fail came. */
static bool read_all(long at)
{
	int fd;

	live_begin(&fd);
	region_fill();
	calls = 0;
	failing = at;
	struct muster_region *region = region_open();
	refresh(region);
	exact(region, 4 * 7, 1);
	live_grow(fd);
	refresh(region);
	exact(region, 5 * 7, 2);
	close(fd);
	refresh(region);
	exact(region, 5 * 7, 2);
	muster_region_destroy(&region);
	bool came = calls >= failing;
	failing = 0;
	region_remove();
	region_make();
	return came;
}

static void each_allocation_may_fail(void **state)
{
	(void)state;
	long at = 1;

	assert_int_equal(muster_guard_install(), 0);
	while (read_all(at))
		at++;
	assert_true(at > 100);
	print_message("%ld points\n", at - 1);
}

/* ---- prometheus_client's files ------------------------------------------------------------ */

#define FILE_ENTRY 96 /* of each entry here: 4, the key and spaces, and two doubles */

static void file_entry(FILE *file, const char *key)
{
	int32_t count = (int32_t)strlen(key);
	double tail[2] = {1, 0};

	assert_in_range(count, 4, FILE_ENTRY - 4 - 16 - 8);
	/* Its padding is 1 to 8 bytes, so the key is filled up with spaces before its end. */
	int32_t whole = FILE_ENTRY - 4 - 16 - 4;
	fwrite(&whole, sizeof whole, 1, file);
	fprintf(file, "%.*s%*s]    ", count - 1, key, (int)(whole - count), "");
	fwrite(tail, sizeof tail, 1, file);
}

/* Of counters, so many that arrays grow among them. */
static void counters_write(void)
{
	char path[200], key[64];
	uint32_t head[2] = {8 + 40 * FILE_ENTRY, 0};

	(void)snprintf(path, sizeof path, "%s/counter_1.db", support_region);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fwrite(head, sizeof head, 1, file);
	for (int i = 0; i < 40; i++) {
		(void)snprintf(key, sizeof key, "[\"c%d\", \"c%d_total\", {\"l\": \"%d\"}, \"h\"]", i / 20, i / 20, i);
		file_entry(file, key);
	}
	assert_int_equal(fclose(file), 0);
}

static bool import_all(long at)
{
	double first = 0, last = 0;

	counters_write();
	calls = 0;
	failing = at;
	struct muster_region *region = region_open();
	assert_int_equal(muster_region_import(region, support_region, 0), 0);
	refresh(region);
	bool came = calls >= at;
	failing = 0;
	assert_int_equal(muster_region_value(region, "c0_total{l=\"0\"}", &first), 0);
	assert_int_equal(muster_region_value(region, "c1_total{l=\"39\"}", &last), 0);
	assert_true(first == 1 && last == 1);
	assert_int_equal(stats_of(region).quarantined, 0);
	muster_region_destroy(&region);
	region_remove();
	region_make();
	return came;
}

static void each_allocation_for_a_file_may_fail(void **state)
{
	(void)state;
	long at = 1;

	while (import_all(at))
		at++;
	assert_true(at > 50);
	print_message("%ld points\n", at - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_allocation_may_fail, setup, memory_teardown),
		cmocka_unit_test_setup_teardown(each_allocation_for_a_file_may_fail, setup, memory_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
