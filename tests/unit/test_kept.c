/* SPDX-License-Identifier: Apache-2.0 */
/* The records of a catalogue are read as they were added, from the beginning and from each series on. */
#include "support.h"

#include "shm/grow.h"
#include "shm/kept.h"

#define RECORDS 400u
#define BYTES_MAX 4096u

static struct muster__kept kept;
static union {
	struct muster__record_shm record;
	struct muster__series_shm series;
	unsigned char bytes[BYTES_MAX];
} records[RECORDS];

static uint32_t records_count;

static void add_all(void)
{
	struct muster__kept_cursor end;

	kept = (struct muster__kept){0};
	muster__kept_end(&end, &kept);
	for (uint32_t i = 0; i < records_count; i++) {
		if (i % 8 == 0)
			muster__kept_end(&end, &kept); /* as in a later look at the slab */
		assert_int_equal(muster__kept_reserve(&kept, records[i].record.bytes), 0);
		muster__kept_add(&kept, &end, &records[i].record);
	}
}

static void assert_record(const void *read, uint32_t i)
{
	assert_non_null(read);
	assert_memory_equal(read, records + i, records[i].record.bytes);
}

static void assert_kept(void)
{
	struct muster__kept_cursor at;
	uint32_t series = 0;

	muster__kept_begin(&at, &kept, 0);
	for (uint32_t i = 0; i < records_count; i++)
		assert_record(muster__kept_next(&at), i);
	assert_null(muster__kept_next(&at));
	for (uint32_t i = 0; i < records_count; i++)
		if (records[i].record.kind == MUSTER__RECORD_SERIES)
			assert_record(muster__kept_series(&at, &kept, series++), i);
	assert_int_equal(series, kept.series);
	assert_null(muster__kept_series_next(&at));
}

static void series_make(const void *tail, uint32_t tail_bytes)
{
	uint32_t i = records_count++;

	memset(records + i, 0, sizeof records[i]);
	records[i].series = (struct muster__series_shm){.record = {.kind = MUSTER__RECORD_SERIES},
	                                                .int_cell = i,
	                                                .real_cell = MUSTER__NO_CELL,
	                                                .created_unix_ns = 1000u + i};
	records[i].record.bytes = muster__align8((uint32_t)sizeof(struct muster__series_shm) + tail_bytes);
	memcpy(records[i].bytes + sizeof(struct muster__series_shm), tail, tail_bytes);
}

static void family_make(void)
{
	struct muster__family_shm *family = (void *)(records + records_count++);

	memset(family, 0xee, sizeof *family + 64);
	family->record =
		(struct muster__record_shm){.bytes = sizeof *family + 64, .kind = MUSTER__RECORD_FAMILY, .flags = 0};
}

static void test_alike_in_few_bytes(void **state)
{
	char tail[64];

	(void)state;
	records_count = 0;
	for (uint32_t i = 0; i < RECORDS; i++) {
		int bytes = snprintf(tail, sizeof tail, "%c%c/api/v1/resource/%06u%c%cGET", 23, 0, i, 3, 0);
		series_make(tail, (uint32_t)bytes);
	}
	add_all();
	assert_kept();
	assert_true(kept.packed_count < RECORDS * 16);
	assert_int_equal(kept.raw_count, 0);
	muster__kept_free(&kept);
}

static void test_all_kinds_and_lengths(void **state)
{
	unsigned char tail[BYTES_MAX];
	unsigned seed = 7;

	(void)state;
	records_count = 0;
	for (uint32_t i = 0; i < RECORDS; i++) {
		if (rand_r(&seed) % 5 == 0) {
			family_make();
			continue;
		}
		uint32_t count = (uint32_t)rand_r(&seed) % (i % 7 ? 40 : BYTES_MAX - 64);
		for (uint32_t k = 0; k < count; k++)
			tail[k] = (unsigned char)(rand_r(&seed) % 3);
		series_make(tail, count);
		struct muster__series_shm *series = &records[i].series;
		series->family = (uint32_t)rand_r(&seed) % 4;
		series->pid = rand_r(&seed) % 4 ? 0 : UINT32_MAX - i;
		series->int_cell = rand_r(&seed) % 4 ? i : MUSTER__NO_CELL;
		series->record.flags = rand_r(&seed) % 2 ? MUSTER__SERIES_FORGOTTEN : 0;
	}
	add_all();
	assert_kept();
	assert_true(kept.raw_count > 0);
	muster__kept_trim(&kept);
	assert_kept();
	muster__kept_free(&kept);
}

/* The records, as another slab has them that was made at other times. */
static size_t others_put(unsigned char *to, const uint64_t *created)
{
	size_t at = 0;
	uint32_t series = 0;

	for (uint32_t i = 0; i < records_count; at += records[i++].record.bytes) {
		struct muster__series_shm *record = (void *)(to + at);
		memcpy(record, records + i, records[i].record.bytes);
		if (records[i].record.kind == MUSTER__RECORD_SERIES)
			record->created_unix_ns = created[series++];
	}
	return at;
}

static void test_earlier_creation_stands(void **state)
{
	static const char tail[BYTES_MAX - 64] = "x";
	static unsigned char other[100 * BYTES_MAX];
	static const uint64_t times[] = {0, 1, 999, 1 << 20, UINT64_MAX / 2, UINT64_MAX};
	uint64_t created[100];
	bool anew = false;

	(void)state;
	records_count = 0;
	while (records_count < 100)
		if (records_count % 7 == 6)
			family_make();
		else
			series_make(tail, records_count % 3 ? 8 : sizeof tail);
	for (uint32_t i = 0; i < 100; i++)
		created[i] = 2000;
	add_all();
	others_put(other, created);
	assert_int_equal(muster__kept_created_take(&kept, other, &anew), 0);
	assert_false(anew);
	assert_kept();
	for (uint32_t i = 0; i < 100; i++)
		created[i] = times[i % 6];
	others_put(other, created);
	assert_int_equal(muster__kept_created_take(&kept, other, &anew), 0);
	assert_true(anew);
	for (uint32_t i = 0, series = 0; i < 100; i++)
		if (records[i].record.kind == MUSTER__RECORD_SERIES) {
			uint64_t *own = &records[i].series.created_unix_ns, at = created[series++];
			*own = at && at < *own ? at : *own;
		}
	assert_kept();
	muster__kept_free(&kept);
}

/* Unknown is later than all. */
static void test_any_time_of_creation(void **state)
{
	static const uint64_t times[] = {UINT64_MAX, 0, 1, 0, UINT64_MAX, UINT64_C(1) << 63, 5};
	static unsigned char other[100 * 64];
	uint64_t created[100];
	bool anew = false;

	(void)state;
	records_count = 0;
	for (uint32_t i = 0; i < 100; i++) {
		series_make("x", 1);
		records[i].series.created_unix_ns = times[i % 7];
		created[i] = 7;
	}
	add_all();
	assert_kept();
	others_put(other, created);
	assert_int_equal(muster__kept_created_take(&kept, other, &anew), 0);
	for (uint32_t i = 0; i < 100; i++)
		if (times[i % 7] == 0 || times[i % 7] > 7)
			records[i].series.created_unix_ns = 7;
	assert_kept();
	muster__kept_free(&kept);
}

static void test_none(void **state)
{
	(void)state;
	records_count = 0;
	add_all();
	assert_kept();
	muster__kept_trim(&kept);
	muster__kept_free(&kept);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_alike_in_few_bytes),
		cmocka_unit_test(test_all_kinds_and_lengths),
		cmocka_unit_test(test_earlier_creation_stands),
		cmocka_unit_test(test_any_time_of_creation),
		cmocka_unit_test(test_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
