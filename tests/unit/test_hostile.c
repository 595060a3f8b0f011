/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files no worker could have written, as slabs and as ledgers: each of tests/corpus is refused for the reason
 * that EXPECTED says, or believed, and the honest worker beside it counts exactly throughout: before, while the
 * file changes, when its owner is dead, after the fold, and for the next master.
 */
#include <sys/statvfs.h>
#include <time.h>

#include "reading.h"
#include "slab_forge.h"
#include "tests/fuzz/packed.h"
#include "steady.h"

#define CORPUS "tests/corpus/"
#define CASE_SECONDS_MAX 30 /* on a machine that is busy with something else */

/* ---- files -------------------------------------------------------------------------------- */

static const char *path_of(const char *name)
{
	static char path[200];

	(void)snprintf(path, sizeof path, "%s/%s", support_region, name);
	return path;
}

static size_t corpus_read(const char *kind, const char *name, uint8_t *bytes, size_t room)
{
	char path[200];

	(void)snprintf(path, sizeof path, CORPUS "%s/%s", kind, name);
	FILE *file = fopen(path, "rb");
	if (file == NULL)
		fail_msg("%s is missing; run the tests from the top folder", path);
	size_t count = fread(bytes, 1, room, file);
	fclose(file);
	return count;
}

/* Returns the descriptor by which its owner lives, -1 if nothing happens to it any more. The lock is that of the
 * open file, which the reader sees as another process. */
static int unpack(const char *name, const uint8_t *packed, size_t count)
{
	struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int fd = open(path_of(name), O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(packed_write(fd, packed, count, UINT64_MAX), 0);
	assert_int_equal(fcntl(fd, F_OFD_SETLK, &whole), 0);
	if (packed_has_events(packed, count))
		return fd;
	close(fd);
	return -1;
}

/* ---- one case ----------------------------------------------------------------------------- */

static void look(struct muster_region *region, const char *name)
{
	assert_int_equal(muster_region_refresh(region), 0);
	steady_is_exact(region, name);
}

static void events_happen(struct muster_region *region, const char *name, const uint8_t *packed, size_t count)
{
	struct packed_event event;

	for (size_t at = 0; packed_event_next(packed, count, &at, &event);) {
		assert_int_equal(packed_event_happen(region->dir, "slab.forged", &event, UINT32_MAX), 0);
		look(region, name);
	}
}

static void reason_is(const char *name, const char *file, const char *reason)
{
	const char *is = told.count ? muster_quarantine_reason(told.reason) : "none";

	if (strcmp(is, reason) != 0 || told.count > 1 || (told.count && strcmp(told.file, file) != 0))
		fail_msg("%s: %d times told, %s of %s; want %s", name, told.count, is, told.file, reason);
}

static void slab_case(const char *name, const char *reason)
{
	static uint8_t packed[1 << 16];
	size_t count = corpus_read("slab", name, packed, sizeof packed);
	struct muster_region *region = master();

	steady_is_exact(region, name);
	int fd = unpack("slab.forged", packed, count);
	look(region, name);
	events_happen(region, name, packed, count);
	reason_is(name, "slab.forged", reason);
	assert_int_equal(stats_of(region).quarantined, told.count);
	if (fd >= 0)
		close(fd);
	look(region, name);
	reason_is(name, "slab.forged", reason);
	assert_int_equal(muster__region_fold(region, NULL), 0);
	look(region, name);
	muster_region_destroy(&region);
	region = master();
	steady_is_exact(region, name);
	muster_region_destroy(&region);
	(void)unlink(path_of("slab.forged"));
	(void)unlink(path_of("ledger"));
}

static void count_three(void *arg)
{
	(void)arg;
	muster_counter_add(muster_counter_with(declare(MUSTER_COUNTER, 0, "mortal_total", NULL)), 3);
}

static void ledger_case(const char *name, const char *reason)
{
	static uint8_t packed[1 << 16];
	size_t count = corpus_read("ledger", name, packed, sizeof packed);

	assert_int_equal(unpack("ledger", packed, count), -1);
	worker_live_and_die(count_three, NULL);
	struct muster_region *region = master();
	reason_is(name, "ledger", reason);
	assert_int_equal(int_of(region, "mortal_total", ""), 3);
	assert_int_equal(muster__region_fold(region, NULL), 0);
	for (int i = 0; i < 2; i++) {
		look(region, name);
		assert_int_equal(int_of(region, "mortal_total", ""), 3);
		muster_region_destroy(&region);
		region = master();
		assert_int_equal(told.count, 0);
	}
	muster_region_destroy(&region);
	(void)unlink(path_of("ledger"));
	(void)unlink(path_of("ledger.bad"));
}

static int64_t seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

static unsigned each_case(const char *kind, void (*run)(const char *name, const char *reason))
{
	char name[100], reason[20];
	unsigned n = 0;
	FILE *expected = fopen(strcmp(kind, "slab") ? CORPUS "ledger/EXPECTED" : CORPUS "slab/EXPECTED", "r");

	assert_non_null(expected);
	assert_int_equal(muster_guard_install(), 0); /* after cmocka has installed its own handler */
	for (; fscanf(expected, "%99s %19s", name, reason) == 2; n++) {
		int64_t begin = seconds();
		run(name, reason);
		if (seconds() - begin > CASE_SECONDS_MAX)
			fail_msg("%s takes %lld seconds", name, (long long)(seconds() - begin));
	}
	fclose(expected);
	return n;
}

static void corpus_slabs_are_refused_for_their_reason(void **state)
{
	(void)state;
	assert_true(each_case("slab", slab_case) > 100);
}

static void corpus_ledgers_are_refused_for_their_reason(void **state)
{
	(void)state;
	assert_true(each_case("ledger", ledger_case) > 10);
}

/* ---- bombs -------------------------------------------------------------------------------- */

#define CATALOGUE_BYTES (128u << 20)
#define FAMILIES_MAX (1u << 14)

static struct forge head;

static void write_all(int fd, const void *bytes, size_t count)
{
	assert_int_equal(write(fd, bytes, count), (ssize_t)count);
}

/* Begin a slab with a large catalogue, written record by record. */
static FILE *bomb_open(const char *name, uint32_t int_cells)
{
	struct muster__geometry *g = &forge_header(&head)->geometry;

	forge_begin(&head);
	g->catalogue_bytes = CATALOGUE_BYTES;
	g->gauge_off = g->catalogue_off + g->catalogue_bytes;
	g->bank_off = g->gauge_off + 4096;
	g->int_cells = int_cells;
	g->real_off = 8 * (MUSTER__WORD_CELLS + (uint64_t)int_cells);
	g->bank_stride = g->real_off + 4096;
	g->bank_count = 1;
	g->file_bytes = g->bank_off + g->bank_stride;
	FILE *file = fopen(path_of(name), "w+");
	assert_non_null(file);
	assert_int_equal(fseek(file, 4096, SEEK_SET), 0);
	return file;
}

static void bomb_record(FILE *file, void *record, const char *tail, size_t tail_bytes)
{
	static const char zeros[8];
	struct muster__record_shm *r = record;
	size_t bytes = sizeof(struct muster__family_shm) + tail_bytes;

	r->bytes = muster__align8((uint32_t)bytes);
	fwrite(record, sizeof(struct muster__family_shm), 1, file);
	fwrite(tail, 1, tail_bytes, file);
	fwrite(zeros, 1, r->bytes - bytes, file);
	forge_header(&head)->catalogue_used += r->bytes;
}

static void bomb_family(FILE *file, char letter, uint32_t number, bool label)
{
	char tail[64];
	struct muster__family_shm r = {.record.kind = MUSTER__RECORD_FAMILY,
	                               .family = number,
	                               .type = MUSTER_COUNTER,
	                               .label_count = label,
	                               .drop_cell = number * MUSTER__DROP_CELLS,
	                               .help_bytes = 1};

	r.name_bytes = (uint16_t)snprintf(tail, sizeof tail, "%c%u_total", letter, number);
	size_t n = forge_put(tail, r.name_bytes, "h", 1);
	bomb_record(file, &r, tail, label ? forge_put_counted(tail, n, "l") : n);
}

static void bomb_series(FILE *file, uint32_t number)
{
	char value[16], tail[32];
	struct muster__series_shm r = {
		.record.kind = MUSTER__RECORD_SERIES, .int_cell = MUSTER__DROP_CELLS + number, .real_cell = MUSTER__NO_CELL};

	(void)snprintf(value, sizeof value, "%x", number);
	bomb_record(file, &r, tail, forge_put_counted(tail, 0, value));
}

static void bomb_close(FILE *file)
{
	struct muster__header_shm *h = forge_header(&head);

	h->checksum = muster__header_checksum(h);
	assert_int_equal(fflush(file), 0);
	assert_int_equal(lseek(fileno(file), 0, SEEK_SET), 0);
	write_all(fileno(file), h, sizeof *h);
	assert_int_equal(ftruncate(fileno(file), (off_t)h->geometry.file_bytes), 0);
	fclose(file);
}

static void a38_a_slab_has_a_budget_of_families(void **state)
{
	(void)state;
	for (uint32_t more = 0; more < 2; more++) {
		FILE *file = bomb_open("slab.bomb", 4 * FAMILIES_MAX + 4);
		for (uint32_t i = 0; i < FAMILIES_MAX + more; i++)
			bomb_family(file, 'f', i, false);
		bomb_close(file);
		struct muster_region *region = reader();
		steady_is_exact(region, "families");
		reason_is("families", "slab.bomb", more ? "budget" : "none");
		muster_region_destroy(&region);
	}
}

/* Each within its budget, not so the two. */
static void a38_two_bombs_do_not_stop_the_fold(void **state)
{
	(void)state;
	for (int n = 0; n < 2; n++) {
		FILE *file = bomb_open(n ? "slab.b" : "slab.a", 4 * FAMILIES_MAX);
		for (uint32_t i = 0; i < FAMILIES_MAX; i++)
			bomb_family(file, (char)('a' + n), i, false);
		bomb_close(file);
	}
	worker_live_and_die(count_three, NULL);
	struct muster_region *region = master();
	assert_int_equal(int_of(region, "mortal_total", ""), 3);
	assert_int_equal(muster__region_fold(region, NULL), 0);
	look(region, "bombs");
	assert_int_equal(int_of(region, "mortal_total", ""), 3);
	muster_region_destroy(&region);
}

/* A million label sets are borne; of more than two millions none is. */
static void label_sets(uint32_t count, const char *reason)
{
	const char *text;
	size_t bytes;
	int64_t begin = seconds();
	struct muster_region *region = reader(); /* whoever is on the page stays there */
	FILE *file = bomb_open("slab.bomb", count + 8);

	bomb_family(file, 'f', 0, true);
	for (uint32_t i = 0; i < count; i++)
		bomb_series(file, i);
	bomb_close(file);
	look(region, "label sets");
	reason_is("label sets", "slab.bomb", reason);
	assert_int_equal(muster_region_text(region, &text, &bytes), 0);
	assert_true(seconds() - begin < CASE_SECONDS_MAX);
	muster_region_destroy(&region);
	assert_int_equal(unlink(path_of("slab.bomb")), 0);
}

static void a38_a_slab_has_a_budget_of_series(void **state)
{
	(void)state;
	struct statvfs disk;

	assert_int_equal(statvfs(support_region, &disk), 0);
	if (disk.f_bavail * disk.f_frsize < UINT64_C(512) << 20)
		skip(); /* the files have 40 and 84 MiB */
	label_sets(1000000, "none");
	label_sets((1u << 21) + 1, "budget");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(corpus_slabs_are_refused_for_their_reason, steady_setup, steady_teardown),
		cmocka_unit_test_setup_teardown(corpus_ledgers_are_refused_for_their_reason, steady_setup, steady_teardown),
		cmocka_unit_test_setup_teardown(a38_a_slab_has_a_budget_of_families, steady_setup, steady_teardown),
		cmocka_unit_test_setup_teardown(a38_two_bombs_do_not_stop_the_fold, steady_setup, steady_teardown),
		cmocka_unit_test_setup_teardown(a38_a_slab_has_a_budget_of_series, steady_setup, steady_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
