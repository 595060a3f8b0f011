/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slab_cases.c - slabs no worker could have written, one function each, and the reason each is refused for.
 *
 * The rows are the attacks A01 to A38 of the threat list, as far as one look at a file shows them; more of
 * them are in odd_cases.c. make_corpus.c writes both to tests/corpus/slab, tests/unit/test_hostile.c reads them there.
 */
#include "slab_cases.h"

#include <math.h>

#include "tests/unit/slab_honest.h"

#define ALL FORGE_BYTES

/* ---- headers ------------------------------------------------------------------------------ */

#define HEADER(name, change)                                                                                           \
	static void name(struct forge *f)                                                                                  \
	{                                                                                                                  \
		struct muster__header_shm *h = forge_header(f);                                                                \
		change;                                                                                                        \
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
HEADER(a05_sketches_max, h->sketches = ((struct muster__sketch_area){h->geometry.gauge_off + 512, UINT32_MAX, 0}))
HEADER(a06_sketches_wrap, h->sketches = ((struct muster__sketch_area){UINT64_MAX - 7, 1, 0}))
HEADER(a08_sketches_over_banks, h->sketches = ((struct muster__sketch_area){h->geometry.gauge_off + 512, 1, 0}))
HEADER(a08_over_header, h->geometry.gauge_off = h->geometry.catalogue_off = 4088)
#undef HEADER

/* ---- records ------------------------------------------------------------------------------ */

#define RECORD(name, type, append, change)                                                                             \
	static void name(struct forge *f)                                                                                  \
	{                                                                                                                  \
		type *r = append;                                                                                              \
		change;                                                                                                        \
	}
#define FAMILY(name, change)                                                                                           \
	RECORD(name, struct muster__family_shm, forge_family(f, MUSTER_GAUGE, MUSTER_SUM, "extra", NULL), change)
#define SERIES(name, change) RECORD(name, struct muster__series_shm, again(f), change)
SERIES(a05_family_unknown, r->family = 99)
SERIES(a05_cell_none, r->int_cell = MUSTER__NO_CELL)
SERIES(a06_cell_behind_area, r->int_cell = 256)
SERIES(a06_cell_wraps, r->int_cell = UINT32_MAX - 1)
SERIES(a08_cell_of_another, r->int_cell -= 1)
SERIES(a08_cell_of_drops, r->int_cell = 0)
SERIES(a08_real_cell_unasked, r->real_cell = 3)
SERIES(a08_real_cell_of_a_gauge, r = (forge_family(f, MUSTER_GAUGE, MUSTER_SUM, "extra", NULL), forge_series(f, NULL));
       r->real_cell = 3)
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
FAMILY(a12_name_not_utf8, ((char *)(r + 1))[0] = (char)0xc3)
FAMILY(a12_name_colon, ((char *)(r + 1))[0] = ':')
FAMILY(names_of_utf_8, ((char *)(r + 1))[0] = '{')
FAMILY(a12_names_before_their_minor, ((char *)(r + 1))[0] = '{'; forge_header(f)->minor = 4)
FAMILY(a12_help_not_utf8, ((char *)(r + 1))[6] = (char)0xc0)
FAMILY(a13_type_0, r->type = 0)
FAMILY(a13_type_99, r->type = 99)
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

static void with_quantiles(struct forge *f, const double *quantiles, uint32_t count)
{
	forge_family_full(f, MUSTER_SUMMARY, 0, "spread", "Help.", NULL, quantiles, count);
}

static void quantiles_without_series(struct forge *f)
{
	with_quantiles(f, (const double[]){0.5, 0.99, 600}, 3);
}

/* There is no room for sketches. */
static void a05_sketch_behind_area(struct forge *f)
{
	with_quantiles(f, (const double[]){0.5, 0.99, 600}, 3);
	forge_series(f, NULL);
}

static void a14_quantiles_alone(struct forge *f)
{
	with_quantiles(f, (const double[]){600}, 1);
}

static void a14_quantiles_unsorted(struct forge *f)
{
	with_quantiles(f, (const double[]){0.5, 0.25, 600}, 3);
}

static void a14_quantile_above_1(struct forge *f)
{
	with_quantiles(f, (const double[]){0.5, 1.5, 600}, 3);
}

static void a14_quantile_below_0(struct forge *f)
{
	with_quantiles(f, (const double[]){-0.5, 600}, 2);
}

static void a14_quantiles_17(struct forge *f)
{
	double quantiles[MUSTER_QUANTILES_MAX + 2];

	for (uint32_t i = 0; i <= MUSTER_QUANTILES_MAX; i++)
		quantiles[i] = i / 20.0;
	quantiles[MUSTER_QUANTILES_MAX + 1] = 600;
	with_quantiles(f, quantiles, MUSTER_QUANTILES_MAX + 2);
}

static void a14_window_nan(struct forge *f)
{
	with_quantiles(f, (const double[]){0.5, NAN}, 2);
}

static void a14_window_of_a_fraction(struct forge *f)
{
	with_quantiles(f, (const double[]){0.5, 600.5}, 2);
}

static void a14_window_too_long(struct forge *f)
{
	with_quantiles(f, (const double[]){0.5, 1e300}, 2);
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

static void a12_label_before_its_minor(struct forge *f)
{
	forge_family(f, MUSTER_COUNTER, 0, "other_total", "http.code");
	forge_header(f)->minor = 4;
}

static void a18_label_name(struct forge *f)
{
	forge_family(f, MUSTER_COUNTER, 0, "other_total", "__name__");
}

static void a18_label_pid(struct forge *f)
{
	forge_family(f, MUSTER_GAUGE, MUSTER_ALL, "other", "pid");
}

/* A request of the slab's own process; the label of calls_total is "/" if `labelled`. */
static struct muster__forget_shm *forget(struct forge *f, uint32_t family, uint16_t value_count, bool labelled)
{
	struct {
		struct muster__forget_shm fixed;
		uint64_t values[3];
		char label[8];
	} r = {.fixed = {.family = family, .value_count = value_count, .instance = forge_header(f)->identity.instance},
	       .values = {UINT64_MAX, UINT64_MAX, UINT64_MAX}};
	size_t bytes = sizeof r.fixed + value_count % 4 * sizeof r.values[0];

	return forge_record(f, MUSTER__RECORD_FORGET, &r, bytes, "\1\0/", labelled ? 3 : 0);
}

#define CALLS 3 /* of honest(): what has a label and counts */

static void forget_its_own(struct forge *f)
{
	forget(f, CALLS, 1, true)->asked_unix_ns = UINT64_MAX;
}

static void forget_all_of_them(struct forge *f)
{
	forget(f, CALLS, 0, false)->all = 1;
}

static void forget_for_another(struct forge *f)
{
	forget(f, CALLS, 1, true)->instance++;
}

static void forget_family_unknown(struct forge *f)
{
	forget(f, 99, 1, true);
}

static void forget_without_labels(struct forge *f)
{
	forget(f, 0, 1, false);
}

static void forget_values_too_many(struct forge *f)
{
	forget(f, CALLS, 2, true);
}

static void forget_all_with_values(struct forge *f)
{
	forget(f, CALLS, 1, false)->all = 1;
}

static void forget_all_is_2(struct forge *f)
{
	forget(f, CALLS, 0, false)->all = 2;
}

static void forget_values_run_over(struct forge *f)
{
	forget(f, CALLS, 0, false)->value_count = 1;
}

static void forget_label_missing(struct forge *f)
{
	forget(f, CALLS, 1, false);
}

static void forget_label_not_utf8(struct forge *f)
{
	char *record = (char *)forget(f, CALLS, 0, true);

	record[sizeof(struct muster__forget_shm) + 2] = '\xff';
}

static void forgotten_in_a_slab(struct forge *f)
{
	struct muster__forgotten_shm r = {.asked_bytes = 0};

	forge_record(f, MUSTER__RECORD_FORGOTTEN, &r, sizeof r, NULL, 0);
}

static void flag_in_a_slab(struct forge *f)
{
	again(f)->record.flags = MUSTER__SERIES_FORGOTTEN;
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

static void a12_label_too_long(struct forge *f)
{
	char value[MUSTER_LABEL_VALUE_BYTES_MAX + 2];

	memset(value, 'x', sizeof value - 1);
	value[sizeof value - 1] = '\0';
	forge_series(f, value);
}

static void a12_help_empty(struct forge *f)
{
	forge_family_full(f, MUSTER_COUNTER, 0, "other_total", "", NULL, NULL, 0);
}

static void a12_help_too_long(struct forge *f)
{
	char help[MUSTER_HELP_BYTES_MAX + 2];

	memset(help, 'x', sizeof help - 1);
	help[sizeof help - 1] = '\0';
	forge_family_full(f, MUSTER_COUNTER, 0, "other_total", help, NULL, NULL, 0);
}

static void a12_unit_bad(struct forge *f)
{
	struct muster__family_shm *r = forge_family(f, MUSTER_GAUGE, MUSTER_SUM, "other", NULL);

	/* The last byte of the help becomes the unit. */
	r->help_bytes--;
	r->unit_bytes = 1;
}

static void a16_labels_twice(struct forge *f)
{
	struct muster__family_shm *r = forge_family(f, MUSTER_GAUGE, MUSTER_SUM, "other", "l");
	char *label = (char *)(r + 1) + r->name_bytes + r->help_bytes;

	r->label_count = 2;
	memcpy(label + 3, label, 3);
}

static void a13_folded_in_a_slab(struct forge *f)
{
	struct muster__folded_shm r = {.identity = {.pid = 5}};

	forge_record(f, MUSTER__RECORD_FOLDED, &r, sizeof r, NULL, 0);
}

static void a02_header_bytes(struct forge *f)
{
	forge_header(f)->header_bytes = 512;
}

static void a13_kind_0(struct forge *f)
{
	again(f)->record.kind = 0;
}

static void a09_record_too_short_for_its_kind(struct forge *f)
{
	struct muster__record_shm r = {0};

	forge_record(f, MUSTER__RECORD_SERIES, &r, sizeof r, NULL, 0);
}

static void a09_folded_with_a_tail(struct forge *f)
{
	struct muster__folded_shm r = {.identity = {.pid = 0}};

	forge_record(f, MUSTER__RECORD_FOLDED, &r, sizeof r, "tail", 4);
}

static void intent_of_no_real(struct forge *f)
{
	forge_bank(f, 0)[MUSTER__WORD_INTENT] = MUSTER__INTENT_OPEN | UINT64_C(8) << 32 | 20;
}

static void nothing(struct forge *f)
{
	(void)f;
}

#define GOOD(name)                                                                                                     \
	{                                                                                                                  \
#name, name, SLAB_CASE_GOOD, ALL, true, NULL, 0                                                                \
	}
#define ROW(name, id)                                                                                                  \
	{                                                                                                                  \
#name, name, MUSTER_QUARANTINE_##id, ALL, true, NULL, 0                                                        \
	}
#define CUT(name, bytes)                                                                                               \
	{                                                                                                                  \
#name, nothing, MUSTER_QUARANTINE_SHORT, bytes, true, NULL, 0                                                  \
	}
#define BAD(id) MUSTER_QUARANTINE_##id
const struct slab_case slab_cases[] = {
	ROW(a01_magic_bit, MAGIC),
	ROW(a02_version_0, VERSION),
	ROW(a02_version_ffff, VERSION),
	ROW(a02_byte_order, MACHINE),
	ROW(a02_magic_swapped, MACHINE),
	ROW(a02_word_size, MACHINE),
	ROW(a02_kind, HEADER),
	ROW(a03_zeros, MAGIC),
	ROW(a03_ones, MAGIC),
	CUT(a04_0_bytes, 0),
	CUT(a04_1_byte, 1),
	CUT(a04_header_less_1, 4095),
	CUT(a04_header_alone, 4096),
	CUT(a04_one_byte_less, ALL - 1),
	{"a03_checksum", checksum_kept, BAD(HEADER), ALL, false, NULL, 0},
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
	ROW(a05_sketches_max, HEADER),
	ROW(a06_sketches_wrap, HEADER),
	ROW(a08_sketches_over_banks, HEADER),
	ROW(a08_over_header, HEADER),
	ROW(a08_cell_of_another, SERIES),
	ROW(a08_cell_of_drops, SERIES),
	ROW(a08_real_cell_unasked, SERIES),
	ROW(a08_real_cell_of_a_gauge, SERIES),
	ROW(a08_drop_cell_of_another, FAMILY),
	ROW(a09_length_0, CATALOGUE),
	ROW(a09_length_4, CATALOGUE),
	ROW(a09_length_36, CATALOGUE),
	ROW(a09_record_too_short_for_its_kind, CATALOGUE),
	ROW(a09_folded_with_a_tail, CATALOGUE),
	ROW(a10_length_negative, CATALOGUE),
	ROW(a10_length_huge, CATALOGUE),
	ROW(a10_name_runs_over, CATALOGUE),
	ROW(a12_label_runs_over, CATALOGUE),
	ROW(a12_label_short, CATALOGUE),
	ROW(a12_padding, CATALOGUE),
	ROW(a12_label_too_long, SERIES),
	ROW(a12_help_empty, FAMILY),
	ROW(a12_help_too_long, FAMILY),
	ROW(a12_unit_bad, FAMILY),
	ROW(a12_label_nul, SERIES),
	ROW(a12_label_not_utf8, SERIES),
	ROW(a12_name_empty, FAMILY),
	ROW(a12_name_not_utf8, FAMILY),
	ROW(a12_name_colon, FAMILY),
	GOOD(names_of_utf_8),
	ROW(a12_names_before_their_minor, FAMILY),
	ROW(a12_label_before_its_minor, FAMILY),
	ROW(a12_help_not_utf8, FAMILY),
	ROW(a13_kind_unknown, CATALOGUE),
	ROW(a13_kind_of_ledgers, CATALOGUE),
	ROW(a13_pid, SERIES),
	ROW(a13_type_0, FAMILY),
	ROW(a13_type_99, FAMILY),
	ROW(a13_mode_0, FAMILY),
	ROW(a13_mode_11, FAMILY),
	ROW(a13_counter_with_mode, FAMILY),
	ROW(a14_bounds_unsorted, FAMILY),
	ROW(a14_bounds_twice, FAMILY),
	ROW(a14_bounds_nan, FAMILY),
	ROW(a14_bounds_inf, FAMILY),
	ROW(a14_bounds_none, FAMILY),
	ROW(a14_bounds_of_counter, FAMILY),
	GOOD(quantiles_without_series),
	ROW(a05_sketch_behind_area, SERIES),
	ROW(a14_quantiles_alone, FAMILY),
	ROW(a14_quantiles_unsorted, FAMILY),
	ROW(a14_quantile_above_1, FAMILY),
	ROW(a14_quantile_below_0, FAMILY),
	ROW(a14_quantiles_17, FAMILY),
	ROW(a14_window_nan, FAMILY),
	ROW(a14_window_of_a_fraction, FAMILY),
	ROW(a14_window_too_long, FAMILY),
	ROW(a16_series_twice, SERIES),
	ROW(a16_family_twice, FAMILY),
	ROW(a16_labels_twice, FAMILY),
	ROW(a13_folded_in_a_slab, CATALOGUE),
	ROW(a13_kind_0, CATALOGUE),
	ROW(a02_header_bytes, HEADER),
	ROW(a18_suffix_bucket, FAMILY),
	ROW(a18_suffix_count, FAMILY),
	ROW(a18_label_le, FAMILY),
	ROW(a18_label_name, FAMILY),
	ROW(a18_label_pid, FAMILY),
	GOOD(forget_its_own),
	GOOD(forget_all_of_them),
	GOOD(forget_for_another),
	ROW(forget_family_unknown, SERIES),
	ROW(forget_without_labels, SERIES),
	ROW(forget_values_too_many, SERIES),
	ROW(forget_all_with_values, SERIES),
	ROW(forget_all_is_2, SERIES),
	ROW(forget_values_run_over, CATALOGUE),
	ROW(forget_label_missing, CATALOGUE),
	ROW(forget_label_not_utf8, SERIES),
	ROW(forgotten_in_a_slab, CATALOGUE),
	ROW(flag_in_a_slab, SERIES),
	ROW(intent_of_nobody, SERIES),
	ROW(intent_of_no_real, SERIES),
};
const size_t slab_cases_count = sizeof slab_cases / sizeof *slab_cases;
