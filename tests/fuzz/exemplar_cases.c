/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exemplar_cases.c - slabs whose exemplars are wrong: a record or an area that breaks the format refuses the slab, a slot
 * that holds no exemplar is passed over.
 */
#include "slab_cases.h"

#include "tests/unit/slab_honest.h"

#define ALL FORGE_BYTES

/* Series of honest(). */
enum { GOOD_TOTAL, SIZES, LEVEL, CALLS };

static struct muster__exemplars_shm *record(struct forge *f, uint32_t series, uint32_t slot)
{
	(void)forge_exemplars(f, series, slot);
	return forge_last(f);
}

static void exemplars_of_all(struct forge *f)
{
	(void)record(f, GOOD_TOTAL, 0);
	(void)record(f, SIZES, 3); /* a gap, and 3 buckets */
	(void)record(f, CALLS, 6);
}

static void exemplars_up_to_the_last(struct forge *f)
{
	(void)record(f, SIZES, FORGE_EXEMPLARS - 3);
}

static void exemplar_slots_of_ones(struct forge *f)
{
	exemplars_of_all(f);
	memset(f->bytes + forge_header(f)->exemplars.off, 0xff, 7 * sizeof(struct muster__exemplar_shm));
}

static void exemplar_claimed(struct forge *f)
{
	forge_exemplars(f, GOOD_TOTAL, 0)[MUSTER__EXEMPLAR_CLAIM] |= 1;
}

static void exemplar_bytes_many(struct forge *f)
{
	forge_exemplars(f, GOOD_TOTAL, 0)[MUSTER__EXEMPLAR_BYTES] = MUSTER_EXEMPLAR_BYTES_MAX + 1;
}

static void exemplar_of_tomorrow(struct forge *f)
{
	forge_exemplars(f, GOOD_TOTAL, 0)[MUSTER__EXEMPLAR_TIME] = UINT64_MAX;
}

static void exemplar_that_hides(struct forge *f)
{
	forge_exemplars(f, GOOD_TOTAL, 0)[MUSTER__EXEMPLAR_BYTES] = 0;
}

static void exemplar_labels_run_over(struct forge *f)
{
	memcpy(forge_exemplars(f, GOOD_TOTAL, 0) + MUSTER__EXEMPLAR_LABELS, "\1a\377b", 4);
}

static void exemplars_of_no_series(struct forge *f)
{
	(void)record(f, 4, 0);
}

static void exemplars_of_series_max(struct forge *f)
{
	(void)record(f, UINT32_MAX, 0);
}

static void exemplars_of_a_gauge(struct forge *f)
{
	(void)record(f, LEVEL, 0);
}

static void exemplars_twice(struct forge *f)
{
	(void)record(f, GOOD_TOTAL, 0);
	(void)record(f, GOOD_TOTAL, 1);
}

static void exemplars_descending(struct forge *f)
{
	(void)record(f, SIZES, 0);
	(void)record(f, GOOD_TOTAL, 3);
}

static void exemplar_slots_of_another(struct forge *f)
{
	(void)record(f, SIZES, 0);
	(void)record(f, CALLS, 2);
}

static void exemplar_slots_behind_area(struct forge *f)
{
	record(f, SIZES, 0)->slot = FORGE_EXEMPLARS - 2;
}

static void exemplar_slots_wrap(struct forge *f)
{
	record(f, SIZES, 0)->slot = UINT32_MAX - 1;
}

static void exemplars_record_long(struct forge *f)
{
	(void)record(f, GOOD_TOTAL, 0);
	((struct muster__record_shm *)forge_last(f))->bytes += 8;
	forge_header(f)->catalogue_used += 8;
}

static void exemplars_in_minor_3(struct forge *f)
{
	(void)record(f, GOOD_TOTAL, 0);
	forge_header(f)->minor = 3;
}

static void exemplars_without_area(struct forge *f)
{
	(void)record(f, GOOD_TOTAL, 0);
	forge_header(f)->exemplars = (struct muster__exemplar_area){0};
}

static void exemplar_area_of_minor_3(struct forge *f)
{
	forge_header(f)->exemplars = (struct muster__exemplar_area){.off = 1, .slots = UINT32_MAX};
	forge_header(f)->minor = 3;
}

static void exemplar_area_empty_and_nowhere(struct forge *f)
{
	forge_header(f)->exemplars = (struct muster__exemplar_area){.off = UINT64_MAX - 7};
}

#define AREA(name, change)                                                                                             \
	static void name(struct forge *f)                                                                                  \
	{                                                                                                                  \
		struct muster__exemplar_area *area = &forge_header(f)->exemplars;                                              \
		exemplars_of_all(f);                                                                                           \
		change;                                                                                                        \
	}
AREA(exemplar_area_over_gauges, area->off -= 8)
AREA(exemplar_area_over_header, area->off = 0)
AREA(exemplar_area_over_banks, area->slots = 19)
AREA(exemplar_area_huge, area->slots = UINT32_MAX)
AREA(exemplar_area_wraps, area->off = UINT64_MAX - 7)
AREA(exemplar_area_misaligned, area->off += 4)

#define ROW(name, id)                                                                                                  \
	{                                                                                                                  \
#name, name, MUSTER_QUARANTINE_##id, ALL, true, NULL, 0                                                        \
	}
#define GOOD(name)                                                                                                     \
	{                                                                                                                  \
#name, name, SLAB_CASE_GOOD, ALL, true, NULL, 0                                                                \
	}
const struct slab_case exemplar_cases[] = {
	GOOD(exemplars_of_all),
	GOOD(exemplars_up_to_the_last),
	GOOD(exemplar_slots_of_ones),
	GOOD(exemplar_claimed),
	GOOD(exemplar_bytes_many),
	GOOD(exemplar_of_tomorrow),
	GOOD(exemplar_that_hides),
	GOOD(exemplar_labels_run_over),
	GOOD(exemplar_area_of_minor_3),
	ROW(exemplars_of_no_series, SERIES),
	ROW(exemplars_of_series_max, SERIES),
	ROW(exemplars_of_a_gauge, SERIES),
	ROW(exemplars_twice, SERIES),
	ROW(exemplars_descending, SERIES),
	ROW(exemplar_slots_of_another, SERIES),
	ROW(exemplar_slots_behind_area, SERIES),
	ROW(exemplar_slots_wrap, SERIES),
	ROW(exemplars_record_long, CATALOGUE),
	ROW(exemplars_in_minor_3, CATALOGUE),
	ROW(exemplars_without_area, SERIES),
	ROW(exemplar_area_over_gauges, HEADER),
	ROW(exemplar_area_over_header, HEADER),
	ROW(exemplar_area_over_banks, HEADER),
	ROW(exemplar_area_huge, HEADER),
	ROW(exemplar_area_wraps, HEADER),
	ROW(exemplar_area_misaligned, HEADER),
	GOOD(exemplar_area_empty_and_nowhere),
};
const size_t exemplar_cases_count = sizeof exemplar_cases / sizeof *exemplar_cases;
