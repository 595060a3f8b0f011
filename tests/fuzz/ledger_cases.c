/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ledger_cases.c - ledgers no master could have written, and some it could. Their kind is set by make_corpus.c,
 * before the change.
 */
#include "slab_cases.h"

#include "tests/unit/slab_honest.h"

static void as_it_is(struct forge *f)
{
	(void)f;
}

static void folded(struct forge *f, uint32_t pid)
{
	struct muster__folded_shm r = {.identity = {.pid = pid, .start_ticks = 5, .instance = pid}};

	forge_record(f, MUSTER__RECORD_FOLDED, &r, sizeof r, NULL, 0);
}

static void lists_some(struct forge *f)
{
	for (uint32_t pid = 1; pid < 5; pid++)
		folded(f, pid);
}

static void lists_one_twice(struct forge *f)
{
	folded(f, 7);
	folded(f, 7);
}

static void remainders_in_bank_1(struct forge *f)
{
	forge_header(f)->banks_used = 2;
	*forge_real(f, 0, 0) = 0x4340000000000000; /* 2^53 */
	*forge_real(f, 1, 0) = 0x3fe0000000000000; /* 0.5 */
}

static void samples_of_pids(struct forge *f)
{
	forge_family(f, MUSTER_GAUGE, MUSTER_ALL, "of_each", NULL);
	for (uint32_t pid = 3; pid < 6; pid++) {
		struct muster__series_shm *r = forge_series(f, NULL);
		r->pid = pid;
		*forge_gauge(f, r->int_cell) = 0x3ff0000000000000 ^ MUSTER__GAUGE_KEY;
	}
}

static void sample_of_a_pid_twice(struct forge *f)
{
	forge_family(f, MUSTER_GAUGE, MUSTER_ALL, "of_each", NULL);
	forge_series(f, NULL)->pid = 3;
	forge_series(f, NULL)->pid = 3;
}

static void pid_of_a_counter(struct forge *f)
{
	again(f)->pid = 3;
}

static void forgets_some(struct forge *f)
{
	struct muster__forgotten_shm r = {.asked_bytes = 4096, .identity = {.pid = 5}};
	struct muster__hidden_shm hidden[2] = {{.word = 1, .cell = UINT32_MAX}, {.word = 2, .cell = 0}};

	again(f)->record.flags = MUSTER__SERIES_FORGOTTEN;
	forge_record(f, MUSTER__RECORD_FORGOTTEN, &r, sizeof r, hidden, sizeof hidden);
}

static void forgotten_cut_short(struct forge *f)
{
	struct muster__forgotten_shm r = {.asked_bytes = 4096};

	forge_record(f, MUSTER__RECORD_FORGOTTEN, &r, sizeof r, "12345678", 8);
}

static void asks_itself(struct forge *f)
{
	struct muster__forget_shm r = {.family = 3, .all = 1};

	forge_record(f, MUSTER__RECORD_FORGET, &r, sizeof r, NULL, 0);
}

static void flag_on_a_gauge(struct forge *f)
{
	forge_family(f, MUSTER_GAUGE, MUSTER_SUM, "other", NULL);
	forge_series(f, NULL)->record.flags = MUSTER__SERIES_FORGOTTEN;
}

static void flag_unknown(struct forge *f)
{
	again(f)->record.flags = 2;
}

static void exemplars_forgotten_and_kept(struct forge *f)
{
	forge_exemplars(f, 0, 0)[MUSTER__EXEMPLAR_BYTES] = 0;
	(void)forge_exemplars(f, 3, 1);
}

static void a_slab(struct forge *f)
{
	forge_header(f)->kind = MUSTER__KIND_SLAB;
}

static void without_banks(struct forge *f)
{
	forge_header(f)->banks_used = 0;
}

static void used_behind_its_records(struct forge *f)
{
	forge_header(f)->catalogue_used += 8;
}

static void folded_cut_short(struct forge *f)
{
	struct muster__record_shm r = {0};

	forge_record(f, MUSTER__RECORD_FOLDED, &r, sizeof r, "12345678", 8);
}

static void family_of_no_type(struct forge *f)
{
	forge_family(f, MUSTER_GAUGE, MUSTER_SUM, "other", NULL)->type = 99;
}

/* A sum that is less than nothing: living slabs have the rest. */
static uint64_t *native_sum(struct forge *f)
{
	static const double parameters[] = {0, 160, 0};

	forge_header(f)->geometry.int_cells = 504;
	forge_family_full(f, MUSTER_NATIVE_HISTOGRAM, 0, "spread", "Help.", "kind", parameters, 3);
	struct muster__series_shm *r = forge_series(f, "a");
	r->record.flags = MUSTER__SERIES_FORGOTTEN;
	uint64_t *words = forge_int(f, 0, r->int_cell);
	words[MUSTER__NATIVE_CONTROL] = muster__native_control(5, 0, 2, -3);
	words[MUSTER__NATIVE_BUCKETS] = words[MUSTER__NATIVE_BUCKETS + 1] = (uint64_t)-7;
	return words;
}

static void native_forgotten(struct forge *f)
{
	(void)native_sum(f);
}

static void native_of_no_schema(struct forge *f)
{
	*native_sum(f) = UINT64_MAX;
}

static void open_intent(struct forge *f)
{
	forge_bank(f, 0)[MUSTER__WORD_INTENT] = MUSTER__INTENT_OPEN | UINT64_C(200) << 32 | 512;
}

#define ALL FORGE_BYTES
#define ROW(name, id)                                                                                                  \
	{                                                                                                                  \
#name, name, MUSTER_QUARANTINE_##id, ALL, true, NULL, 0                                                        \
	}
#define GOOD(name)                                                                                                     \
	{                                                                                                                  \
#name, name, SLAB_CASE_GOOD, ALL, true, NULL, 0                                                                \
	}
const struct slab_case ledger_cases[] = {
	GOOD(as_it_is),
	GOOD(lists_some),
	GOOD(lists_one_twice),
	GOOD(remainders_in_bank_1),
	GOOD(samples_of_pids),
	GOOD(forgets_some),
	GOOD(native_forgotten),
	ROW(native_of_no_schema, SERIES),
	GOOD(exemplars_forgotten_and_kept),
	ROW(forgotten_cut_short, CATALOGUE),
	ROW(asks_itself, CATALOGUE),
	ROW(flag_on_a_gauge, SERIES),
	ROW(flag_unknown, SERIES),
	ROW(sample_of_a_pid_twice, SERIES),
	ROW(pid_of_a_counter, SERIES),
	ROW(a_slab, HEADER),
	ROW(without_banks, HEADER),
	ROW(used_behind_its_records, CATALOGUE),
	ROW(folded_cut_short, CATALOGUE),
	ROW(family_of_no_type, FAMILY),
	ROW(open_intent, SERIES),
	{"empty", as_it_is, MUSTER_QUARANTINE_SHORT, 0, true, NULL, 0},
	{"cut_short", as_it_is, MUSTER_QUARANTINE_SHORT, ALL - 1, true, NULL, 0},
};
const size_t ledger_cases_count = sizeof ledger_cases / sizeof *ledger_cases;
