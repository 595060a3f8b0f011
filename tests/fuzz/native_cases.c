/* SPDX-License-Identifier: Apache-2.0 */
/*
 * native_cases.c - native histograms as a worker leaves them, and as none does; and slabs of the format before them.
 */
#include <math.h>

#include "shm/native.h"
#include "slab_cases.h"
#include "tests/unit/slab_honest.h"

#define ALL FORGE_BYTES
#define REAL_OFF 7168u

/* Room for 640 buckets in a bank. */
static void widen(struct forge *f)
{
	struct muster__geometry *g = &forge_header(f)->geometry;

	g->real_off = REAL_OFF;
	g->int_cells = REAL_OFF / 8 - MUSTER__WORD_CELLS;
}

static void family_of(struct forge *f, const double *parameters, uint32_t count)
{
	widen(f);
	forge_family_full(f, MUSTER_NATIVE_HISTOGRAM, 0, "spread", "Help.", "kind", parameters, count);
}

/* The words of a series whose values are around 1, at schema 3, one bucket in use. */
static uint64_t *series_of(struct forge *f, double is_signed)
{
	family_of(f, (const double[]){0x1p-128, 160, is_signed}, MUSTER__NATIVE_PARAMETERS);
	struct muster__series_shm *r = forge_series(f, "a");
	uint64_t *words = forge_int(f, 0, r->int_cell);

	words[MUSTER__NATIVE_CONTROL] = muster__native_control(5, 0, 1, -80);
	words[MUSTER__NATIVE_BUCKETS + 80] = 3;
	*forge_real(f, 0, r->real_cell) = 0x4008000000000000; /* 3 */
	return words;
}

/* ---- as they are -------------------------------------------------------------------------- */

static void native_one_sign(struct forge *f)
{
	(void)series_of(f, 0);
}

static void native_two_signs(struct forge *f)
{
	series_of(f, 1)[MUSTER__NATIVE_BUCKETS + 160 + 70] = 4;
}

static void native_buffer_1(struct forge *f)
{
	uint64_t *words = series_of(f, 0);

	words[MUSTER__NATIVE_CONTROL] = muster__native_control(6, 1, 77, -80);
	words[MUSTER__NATIVE_BUCKETS + 160 + 3] = 9;
}

static void native_scales(struct forge *f)
{
	uint64_t *words = series_of(f, 0);
	ptrdiff_t at = words - forge_int(f, 0, 0);

	forge_header(f)->banks_used = 3;
	for (unsigned bank = 1; bank < 3; bank++) {
		words = forge_int(f, bank, (uint32_t)at);
		words[MUSTER__NATIVE_CONTROL] = muster__native_control(bank * 5, bank & 1, 7, bank == 1 ? 4000 : -60);
		for (uint32_t i = 0; i < 320; i += 20 * bank)
			words[MUSTER__NATIVE_BUCKETS + i] = i;
	}
}

static void native_counts_of_all_ones(struct forge *f)
{
	uint64_t *words = series_of(f, 1);

	memset(words + MUSTER__NATIVE_ZERO, 0xff, (MUSTER__NATIVE_BUCKETS - 1 + 640) * sizeof *words);
}

static void native_nothing_counts(struct forge *f)
{
	series_of(f, 0)[MUSTER__NATIVE_CONTROL] = 0;
}

static void native_ends_of_the_numbers(struct forge *f)
{
	uint64_t *words = series_of(f, 0);

	memset(words + MUSTER__NATIVE_BUCKETS, 0, 320 * sizeof *words);
	words[MUSTER__NATIVE_CONTROL] = muster__native_control(12, 0, 1, -67);
	words[MUSTER__NATIVE_BUCKETS] = words[MUSTER__NATIVE_BUCKETS + 131] = 1;
}

static void forget_native(struct forge *f, const uint64_t *sum)
{
	struct {
		struct muster__forget_shm fixed;
		uint64_t values[MUSTER__NATIVE_BUCKETS + 160 + 1];
	} r = {.fixed = {.family = f->families - 1,
	                 .value_count = MUSTER__NATIVE_BUCKETS + 160 + 1,
	                 .instance = forge_header(f)->identity.instance}};

	memcpy(r.values, sum, 4 * sizeof *sum);
	forge_record(f, MUSTER__RECORD_FORGET, &r, sizeof r, "\1\0a", 3);
}

static void native_forgotten(struct forge *f)
{
	(void)series_of(f, 0);
	forget_native(f, (const uint64_t[]){muster__native_control(5, 0, 0, 0), 1, 2, 3});
}

static void native_forgotten_sum_of_nobody(struct forge *f)
{
	(void)series_of(f, 0);
	forget_native(f, (const uint64_t[]){UINT64_MAX, UINT64_MAX, 2, 3});
}

static void minor_1(struct forge *f)
{
	forge_header(f)->minor = 1;
}

/* ---- as they are not ---------------------------------------------------------------------- */

#define CONTROL(name, value)                                                                                           \
	static void name(struct forge *f)                                                                                  \
	{                                                                                                                  \
		series_of(f, 0)[MUSTER__NATIVE_CONTROL] = value;                                                               \
	}
CONTROL(native_13_steps, muster__native_control(13, 0, 1, -80))
CONTROL(native_control_of_all_ones, UINT64_MAX)
CONTROL(native_start_wraps, UINT64_C(1) << 63 | 5)
CONTROL(native_start_beyond, muster__native_control(5, 0, 1, 1 << 20))
CONTROL(native_bucket_below_all_numbers, muster__native_control(12, 0, 1, -67 - 81))
CONTROL(native_bucket_above_all_numbers, muster__native_control(12, 0, 1, 65 - 80))
#undef CONTROL

#define PARAMETERS(name, count, ...)                                                                                   \
	static void name(struct forge *f)                                                                                  \
	{                                                                                                                  \
		family_of(f, (const double[]){__VA_ARGS__}, count);                                                            \
	}
PARAMETERS(native_parameters_missing, 2, 0, 160)
PARAMETERS(native_parameters_too_many, 4, 0, 160, 0, 0)
PARAMETERS(native_threshold_negative, 3, -1, 160, 0)
PARAMETERS(native_threshold_nan, 3, NAN, 160, 0)
PARAMETERS(native_threshold_infinite, 3, INFINITY, 160, 0)
PARAMETERS(native_buckets_159, 3, 0, 159, 0)
PARAMETERS(native_buckets_1025, 3, 0, 1025, 0)
PARAMETERS(native_buckets_of_a_half, 3, 0, 160.5, 0)
PARAMETERS(native_buckets_huge, 3, 0, 1e300, 0)
PARAMETERS(native_buckets_nan, 3, 0, NAN, 0)
PARAMETERS(native_two_and_a_half_signs, 3, 0, 160, 1.5)
#undef PARAMETERS

static void native_before_its_minor(struct forge *f)
{
	native_one_sign(f);
	minor_1(f);
}

static void native_over_another(struct forge *f)
{
	(void)series_of(f, 0);
	forge_family(f, MUSTER_COUNTER, 0, "behind_total", NULL)->drop_cell -= 1;
}

static void native_beyond_its_area(struct forge *f)
{
	(void)series_of(f, 0);
	forge_header(f)->geometry.int_cells = f->ints - 1;
}

static void native_forget_of_too_few(struct forge *f)
{
	(void)series_of(f, 0);
	forget_native(f, (const uint64_t[]){0, 0, 0, 0});
	((struct muster__forget_shm *)forge_last(f))->value_count--;
}

/* ---- while they are followed --------------------------------------------------------------- */

static void native_lives(struct forge *f)
{
	(void)series_of(f, 0);
	memset(forge_header(f)->identity.boot_id, 0, 16);
	forge_header(f)->identity.pidns_ino = 1;
}

#define CELL (4 * 5 + 1 + 3 + 1) /* drop cells and cells that stand before the series */
#define AT_CONTROL (4096 + FORGE_CATALOGUE + 4096 + 8 * (MUSTER__WORD_CELLS + CELL))
#define EVENTS(...)                                                                                                    \
	(const struct packed_event[]){__VA_ARGS__},                                                                        \
		sizeof((struct packed_event[]){__VA_ARGS__}) / sizeof(struct packed_event)
#define GOOD(name)                                                                                                     \
	{                                                                                                                  \
#name, name, SLAB_CASE_GOOD, ALL, true, NULL, 0                                                                \
	}
#define ROW(name, id)                                                                                                  \
	{                                                                                                                  \
#name, name, MUSTER_QUARANTINE_##id, ALL, true, NULL, 0                                                        \
	}
#define LATER(name, reason, ...)                                                                                       \
	{                                                                                                                  \
#name, native_lives, reason, ALL, true, EVENTS(__VA_ARGS__)                                                    \
	}
const struct slab_case native_cases[] = {
	GOOD(native_one_sign),
	GOOD(native_two_signs),
	GOOD(native_buffer_1),
	GOOD(native_scales),
	GOOD(native_counts_of_all_ones),
	GOOD(native_nothing_counts),
	GOOD(native_ends_of_the_numbers),
	GOOD(native_forgotten),
	GOOD(native_forgotten_sum_of_nobody),
	GOOD(minor_1),
	ROW(native_13_steps, SERIES),
	ROW(native_control_of_all_ones, SERIES),
	ROW(native_start_wraps, SERIES),
	ROW(native_start_beyond, SERIES),
	ROW(native_bucket_below_all_numbers, SERIES),
	ROW(native_bucket_above_all_numbers, SERIES),
	ROW(native_parameters_missing, FAMILY),
	ROW(native_parameters_too_many, FAMILY),
	ROW(native_threshold_negative, FAMILY),
	ROW(native_threshold_nan, FAMILY),
	ROW(native_threshold_infinite, FAMILY),
	ROW(native_buckets_159, FAMILY),
	ROW(native_buckets_1025, FAMILY),
	ROW(native_buckets_of_a_half, FAMILY),
	ROW(native_buckets_huge, FAMILY),
	ROW(native_buckets_nan, FAMILY),
	ROW(native_two_and_a_half_signs, FAMILY),
	ROW(native_before_its_minor, FAMILY),
	ROW(native_over_another, FAMILY),
	ROW(native_beyond_its_area, SERIES),
	ROW(native_forget_of_too_few, SERIES),
	LATER(native_falls_while_followed, SLAB_CASE_GOOD,
          {PACKED_STORE_8, AT_CONTROL, UINT64_C(0xfffd8) << 32 | 2 << 5 | 6}),
	LATER(native_breaks_while_followed, MUSTER_QUARANTINE_SERIES, {PACKED_STORE_8, AT_CONTROL, UINT64_MAX}),
};
const size_t native_cases_count = sizeof native_cases / sizeof *native_cases;
