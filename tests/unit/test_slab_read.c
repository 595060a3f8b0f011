/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slabs no worker could have written: each is refused with its reason, and an honest one beside it counts
 * exactly. The rows are the attacks A01 to A18 of the threat list.
 */
#include <math.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "reading.h"
#include "slab_forge.h"
#include "workers.h"

#define ALL FORGE_BYTES

static int setup(void **state)
{
	(void)state;
	region_make();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	region_remove();
	return 0;
}

/* A counter of 7, a labelled counter, a histogram, a gauge. */
static void honest(struct forge *f)
{
	forge_begin(f);
	forge_family(f, MUSTER_COUNTER, 0, "good_total", NULL);
	*forge_int(f, 0, forge_series(f, NULL)->int_cell) = 7;
	forge_family(f, MUSTER_HISTOGRAM, 0, "sizes", NULL);
	forge_series(f, NULL);
	forge_family(f, MUSTER_GAUGE, MUSTER_MAX, "level", "room");
	forge_series(f, "a");
	forge_family(f, MUSTER_COUNTER, 0, "calls_total", "path");
	forge_series(f, "/");
}

static struct muster__series_shm *again(struct forge *f)
{
	return forge_series(f, "/again");
}

/* ---- rows --------------------------------------------------------------------------------- */

#define HEADER(name, change)                                                                       \
	static void name(struct forge *f)                                                              \
	{                                                                                              \
		struct muster__header_shm *h = forge_header(f);                                            \
		change;                                                                                    \
	}
HEADER(a01_magic_bit, h->magic ^= 1)
HEADER(a02_version_0, h->major = 0)
HEADER(a02_version_ffff, h->major = 0xffff)
HEADER(a02_byte_order, h->byte_order = 0x04030201)
HEADER(a02_magic_swapped, h->magic = __builtin_bswap64(h->magic))
HEADER(a02_word_size, h->word_bytes = 4)
HEADER(a02_kind, h->kind = MUSTER__KIND_LEDGER)
HEADER(a03_zeros, memset(h, 0, sizeof *h))
HEADER(a03_ones, memset(h, 0xff, sizeof *h))
HEADER(a05_banks_0, h->geometry.bank_count = 0)
HEADER(a05_banks_max, h->geometry.bank_count = UINT32_MAX)
HEADER(a05_banks_one_more, h->geometry.bank_count = 5)
HEADER(a05_int_cells_max, h->geometry.int_cells = UINT32_MAX)
HEADER(a05_int_cells_one_more, h->geometry.int_cells = 505)
HEADER(a05_real_cells_one_more, h->geometry.real_cells = 513)
HEADER(a05_gauge_cells_one_more, h->geometry.gauge_cells = 513)
HEADER(a05_used_banks_0, h->banks_used = 0)
HEADER(a05_used_banks_5, h->banks_used = 5)
HEADER(a05_used_max, h->catalogue_used = UINT64_MAX - 7)
HEADER(a05_used_odd, h->catalogue_used += 4)
HEADER(a05_used_behind_records, h->catalogue_used += 8)
HEADER(a06_catalogue_0, h->geometry.catalogue_off = 0)
HEADER(a06_catalogue_wraps, h->geometry.catalogue_off = UINT64_MAX - 7)
HEADER(a06_catalogue_bytes_wrap, h->geometry.catalogue_bytes = UINT64_MAX - 4095)
HEADER(a06_gauges_high, h->geometry.gauge_off = UINT64_C(1) << 63)
HEADER(a06_bank_wraps, h->geometry.bank_off = UINT64_MAX - 7)
HEADER(a06_stride_wraps, h->geometry.bank_stride = UINT64_C(1) << 62)
HEADER(a06_stride_0, h->geometry.bank_stride = 0)
HEADER(a06_real_off_wraps, h->geometry.real_off = UINT64_MAX - 7)
HEADER(a06_file_2_32, h->geometry.file_bytes = UINT64_C(1) << 32)
HEADER(a07_misaligned_1, h->geometry.bank_off -= 1)
HEADER(a07_misaligned_4, h->geometry.real_off += 4)
HEADER(a08_over_header, h->geometry.gauge_off = h->geometry.catalogue_off = 4088)
#undef HEADER

#define RECORD(name, type, append, change)                                                         \
	static void name(struct forge *f)                                                              \
	{                                                                                              \
		type *r = append;                                                                          \
		change;                                                                                    \
	}
#define FAMILY(name, change)                                                                       \
	RECORD(name, struct muster__family_shm, forge_family(f, MUSTER_GAUGE, MUSTER_SUM, "extra", NULL), change)
#define SERIES(name, change) RECORD(name, struct muster__series_shm, again(f), change)
SERIES(a05_family_unknown, r->family = 99)
SERIES(a05_cell_none, r->int_cell = MUSTER__NO_CELL)
SERIES(a06_cell_behind_area, r->int_cell = 256)
SERIES(a06_cell_wraps, r->int_cell = UINT32_MAX - 1)
SERIES(a08_cell_of_another, r->int_cell -= 1)
SERIES(a08_cell_of_drops, r->int_cell = 0)
SERIES(a08_real_cell_unasked, r->real_cell = 3)
SERIES(a09_length_0, r->record.bytes = 0)
SERIES(a09_length_4, r->record.bytes = 4)
SERIES(a09_length_36, r->record.bytes = 36)
SERIES(a10_length_negative, r->record.bytes = (uint32_t)-8)
SERIES(a10_length_huge, r->record.bytes = MUSTER__RECORD_BYTES_MAX + 8)
SERIES(a12_label_runs_over, memset(r + 1, 0xff, 2))
SERIES(a12_label_short, memset(r + 1, 0, 2))
SERIES(a12_padding, r->record.bytes += 8; forge_header(f)->catalogue_used += 8)
SERIES(a12_label_nul, ((char *)(r + 1))[3] = 0)
SERIES(a12_label_not_utf8, ((char *)(r + 1))[3] = (char)0xff)
SERIES(a13_kind_unknown, r->record.kind = 77)
SERIES(a13_kind_of_ledgers, r->record.kind = MUSTER__RECORD_FOLDED)
SERIES(a13_pid, r->pid = 5)
FAMILY(a05_family_out_of_turn, r->family = 2)
FAMILY(a05_labels_many, r->label_count = 1000)
FAMILY(a06_drop_cell_behind, r->drop_cell = 253)
FAMILY(a08_drop_cell_of_another, r->drop_cell = 4)
FAMILY(a10_name_runs_over, r->name_bytes = 0xffff)
FAMILY(a12_name_empty, r->name_bytes = 0; r->help_bytes += 5)
FAMILY(a12_name_bad, ((char *)(r + 1))[0] = '{')
FAMILY(a12_help_not_utf8, ((char *)(r + 1))[6] = (char)0xc0)
FAMILY(a13_type_0, r->type = 0)
FAMILY(a13_type_7, r->type = 7)
FAMILY(a13_mode_0, r->mode = 0)
FAMILY(a13_mode_11, r->mode = 11)
FAMILY(a13_counter_with_mode, r->type = MUSTER_COUNTER)
#undef FAMILY
#undef SERIES
#undef RECORD

static void with_bounds(struct forge *f, const double *bounds, uint32_t count)
{
	forge_family_full(f, MUSTER_HISTOGRAM, 0, "spread", "Help.", NULL, bounds, count);
}

static void a14_bounds_unsorted(struct forge *f)
{
	with_bounds(f, (const double[]){2, 1}, 2);
}

static void a14_bounds_twice(struct forge *f)
{
	with_bounds(f, (const double[]){1, 1}, 2);
}

static void a14_bounds_nan(struct forge *f)
{
	with_bounds(f, (const double[]){1, NAN}, 2);
}

static void a14_bounds_inf(struct forge *f)
{
	with_bounds(f, (const double[]){1, INFINITY}, 2);
}

static void a14_bounds_none(struct forge *f)
{
	with_bounds(f, NULL, 0);
}

static void a14_bounds_of_counter(struct forge *f)
{
	forge_family_full(f, MUSTER_COUNTER, 0, "spread_total", "Help.", NULL, (const double[]){1}, 1);
}

static void a16_series_twice(struct forge *f)
{
	forge_series(f, "/");
}

static void a16_family_twice(struct forge *f)
{
	forge_family(f, MUSTER_COUNTER, 0, "good_total", NULL);
}

static void a18_suffix_bucket(struct forge *f)
{
	forge_family(f, MUSTER_GAUGE, MUSTER_SUM, "sizes_bucket", NULL);
}

static void a18_suffix_count(struct forge *f)
{
	forge_family(f, MUSTER_COUNTER, 0, "sizes_count", NULL);
}

static void a18_label_le(struct forge *f)
{
	forge_family(f, MUSTER_COUNTER, 0, "other_total", "le");
}

static void a18_label_name(struct forge *f)
{
	forge_family(f, MUSTER_COUNTER, 0, "other_total", "__name__");
}

static void a18_label_pid(struct forge *f)
{
	forge_family(f, MUSTER_GAUGE, MUSTER_ALL, "other", "pid");
}

static void removed_unknown(struct forge *f)
{
	struct muster__remove_shm r = {.series = 99};

	forge_record(f, MUSTER__RECORD_REMOVE, &r, sizeof r, NULL, 0);
}

static void removed_twice(struct forge *f)
{
	struct muster__remove_shm r = {.series = 0};

	forge_record(f, MUSTER__RECORD_REMOVE, &r, sizeof r, NULL, 0);
	forge_record(f, MUSTER__RECORD_REMOVE, &r, sizeof r, NULL, 0);
}

static void intent_of_nobody(struct forge *f)
{
	forge_bank(f, 0)[MUSTER__WORD_INTENT] = MUSTER__INTENT_OPEN | UINT64_C(200) << 32 | 512;
}

static void checksum_kept(struct forge *f)
{
	forge_header(f)->checksum = muster__header_checksum(forge_header(f));
	forge_header(f)->created_unix_ns++;
}

static void nothing(struct forge *f)
{
	(void)f;
}

#define ROW(name, id) {#name, name, MUSTER_QUARANTINE_##id, ALL, true}
static const struct row {
	const char *name;
	void (*change)(struct forge *f);
	enum muster_quarantine reason;
	size_t bytes;
	bool seal;
} rows[] = {
	ROW(a01_magic_bit, MAGIC),
	ROW(a02_version_0, VERSION),
	ROW(a02_version_ffff, VERSION),
	ROW(a02_byte_order, MACHINE),
	ROW(a02_magic_swapped, MACHINE),
	ROW(a02_word_size, MACHINE),
	ROW(a02_kind, HEADER),
	ROW(a03_zeros, MAGIC),
	ROW(a03_ones, MAGIC),
	{"a04_0_bytes", nothing, MUSTER_QUARANTINE_SHORT, 0, true},
	{"a04_1_byte", nothing, MUSTER_QUARANTINE_SHORT, 1, true},
	{"a04_header_less_1", nothing, MUSTER_QUARANTINE_SHORT, 4095, true},
	{"a04_header_alone", nothing, MUSTER_QUARANTINE_SHORT, 4096, true},
	{"a04_one_byte_less", nothing, MUSTER_QUARANTINE_SHORT, ALL - 1, true},
	{"a03_checksum", checksum_kept, MUSTER_QUARANTINE_HEADER, ALL, false},
	ROW(a05_banks_0, HEADER),
	ROW(a05_banks_max, HEADER),
	ROW(a05_banks_one_more, HEADER),
	ROW(a05_int_cells_max, HEADER),
	ROW(a05_int_cells_one_more, HEADER),
	ROW(a05_real_cells_one_more, HEADER),
	ROW(a05_gauge_cells_one_more, HEADER),
	ROW(a05_used_banks_0, HEADER),
	ROW(a05_used_banks_5, HEADER),
	ROW(a05_used_max, CATALOGUE),
	ROW(a05_used_odd, CATALOGUE),
	ROW(a05_used_behind_records, CATALOGUE),
	ROW(a05_family_unknown, SERIES),
	ROW(a05_cell_none, SERIES),
	ROW(a05_family_out_of_turn, FAMILY),
	ROW(a05_labels_many, CATALOGUE),
	ROW(a06_catalogue_0, HEADER),
	ROW(a06_catalogue_wraps, HEADER),
	ROW(a06_catalogue_bytes_wrap, HEADER),
	ROW(a06_gauges_high, HEADER),
	ROW(a06_bank_wraps, HEADER),
	ROW(a06_stride_wraps, HEADER),
	ROW(a06_stride_0, HEADER),
	ROW(a06_real_off_wraps, HEADER),
	ROW(a06_file_2_32, SHORT),
	ROW(a06_cell_behind_area, SERIES),
	ROW(a06_cell_wraps, SERIES),
	ROW(a06_drop_cell_behind, FAMILY),
	ROW(a07_misaligned_1, HEADER),
	ROW(a07_misaligned_4, HEADER),
	ROW(a08_over_header, HEADER),
	ROW(a08_cell_of_another, SERIES),
	ROW(a08_cell_of_drops, SERIES),
	ROW(a08_real_cell_unasked, SERIES),
	ROW(a08_drop_cell_of_another, FAMILY),
	ROW(a09_length_0, CATALOGUE),
	ROW(a09_length_4, CATALOGUE),
	ROW(a09_length_36, CATALOGUE),
	ROW(a10_length_negative, CATALOGUE),
	ROW(a10_length_huge, CATALOGUE),
	ROW(a10_name_runs_over, CATALOGUE),
	ROW(a12_label_runs_over, CATALOGUE),
	ROW(a12_label_short, CATALOGUE),
	ROW(a12_padding, CATALOGUE),
	ROW(a12_label_nul, SERIES),
	ROW(a12_label_not_utf8, SERIES),
	ROW(a12_name_empty, FAMILY),
	ROW(a12_name_bad, FAMILY),
	ROW(a12_help_not_utf8, FAMILY),
	ROW(a13_kind_unknown, CATALOGUE),
	ROW(a13_kind_of_ledgers, CATALOGUE),
	ROW(a13_pid, SERIES),
	ROW(a13_type_0, FAMILY),
	ROW(a13_type_7, FAMILY),
	ROW(a13_mode_0, FAMILY),
	ROW(a13_mode_11, FAMILY),
	ROW(a13_counter_with_mode, FAMILY),
	ROW(a14_bounds_unsorted, FAMILY),
	ROW(a14_bounds_twice, FAMILY),
	ROW(a14_bounds_nan, FAMILY),
	ROW(a14_bounds_inf, FAMILY),
	ROW(a14_bounds_none, FAMILY),
	ROW(a14_bounds_of_counter, FAMILY),
	ROW(a16_series_twice, SERIES),
	ROW(a16_family_twice, FAMILY),
	ROW(a18_suffix_bucket, FAMILY),
	ROW(a18_suffix_count, FAMILY),
	ROW(a18_label_le, FAMILY),
	ROW(a18_label_name, FAMILY),
	ROW(a18_label_pid, FAMILY),
	ROW(removed_unknown, SERIES),
	ROW(removed_twice, SERIES),
	ROW(intent_of_nobody, SERIES),
};

static struct forge forged;

static void check_row(const struct row *row)
{
	honest(&forged);
	forge_write(&forged, "slab.honest", true, ALL);
	honest(&forged);
	row->change(&forged);
	forge_write(&forged, "slab.forged", row->seal, row->bytes);
	struct muster_region *region = reader();
	if (told.count != 1 || told.reason != row->reason || int_of(region, "good_total", "") != 7)
		fail_msg("%s: %d told, reason %s, want %s; good_total %lld", row->name, told.count,
		         told.count ? muster_quarantine_reason(told.reason) : "none", muster_quarantine_reason(row->reason),
		         (long long)int_of(region, "good_total", ""));
	assert_string_equal(told.file, "slab.forged");
	assert_int_equal(muster_region_refresh(region), 0);
	assert_int_equal(told.count, 1);
	assert_int_equal(stats_of(region).quarantined, 1);
	muster_region_destroy(&region);
}

static void refuses_what_no_worker_writes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		check_row(rows + i);
}

/* ---- others ------------------------------------------------------------------------------- */

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

/* The first slab is in the view when another that shares its history takes a series back. */
static void removed_series_do_not_count(void **state)
{
	(void)state;
	struct muster__remove_shm r = {.series = 0};

	honest(&forged);
	forge_write(&forged, "slab.1", true, ALL);
	struct muster_region *region = reader();
	honest(&forged);
	forge_record(&forged, MUSTER__RECORD_REMOVE, &r, sizeof r, NULL, 0);
	*forge_int(&forged, 0, again(&forged)->int_cell) = 3;
	forge_write(&forged, "slab.2", true, ALL);
	assert_int_equal(muster_region_refresh(region), 0);
	assert_int_equal(told.count, 0);
	assert_int_equal(int_of(region, "good_total", ""), 7);
	assert_int_equal(int_of(region, "calls_total", "/again"), 3);
	muster_region_destroy(&region);
}

/* What is good for one slab lies outside the areas of another with the same catalogue. */
static void shared_history_is_judged_by_each_geometry(void **state)
{
	(void)state;
	honest(&forged);
	forge_write(&forged, "slab.1", true, ALL);
	struct muster_region *region = reader();
	honest(&forged);
	forge_header(&forged)->geometry.int_cells = 10;
	forge_write(&forged, "slab.2", true, ALL);
	assert_int_equal(muster_region_refresh(region), 0);
	assert_int_equal(told.count, 1);
	assert_int_equal(told.reason, MUSTER_QUARANTINE_SERIES);
	assert_int_equal(int_of(region, "good_total", ""), 7);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(reads_an_honest_slab, setup, teardown),
		cmocka_unit_test_setup_teardown(refuses_what_no_worker_writes, setup, teardown),
		cmocka_unit_test_setup_teardown(a02_reads_what_it_knows_of_a_newer_minor, setup, teardown),
		cmocka_unit_test_setup_teardown(a15_takes_any_value, setup, teardown),
		cmocka_unit_test_setup_teardown(removed_series_do_not_count, setup, teardown),
		cmocka_unit_test_setup_teardown(shared_history_is_judged_by_each_geometry, setup, teardown),
		cmocka_unit_test_setup_teardown(a19_changing_slab_harms_nobody, setup, teardown),
		cmocka_unit_test_setup_teardown(slab_is_read_once_there_are_descriptors, setup, teardown),
		cmocka_unit_test_setup_teardown(a24_link_fifo_and_directory_are_not_opened, setup, teardown),
		cmocka_unit_test_setup_teardown(quarantine_ends_with_the_file, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
