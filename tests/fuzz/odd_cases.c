/* SPDX-License-Identifier: Apache-2.0 */
/*
 * odd_cases.c - slabs that are odd and yet believed, that are too much, or that change while they are followed.
 */
#include "shm/requests.h"
#include "slab_cases.h"
#include "tests/unit/slab_honest.h"

#define ALL FORGE_BYTES

/* ---- what is odd and harmless ------------------------------------------------------------- */

static void nothing(struct forge *f)
{
	(void)f;
}

static void unit_good(struct forge *f)
{
	struct muster__family_shm *r = forge_family(f, MUSTER_GAUGE, MUSTER_SUM, "other", NULL);

	/* "Hel", and the unit "p". */
	r->help_bytes = 3;
	r->unit_bytes = 1;
	((char *)(r + 1))[r->name_bytes + 4] = 0;
	forge_series(f, NULL);
}

/* As long as another's name, and as another's value. */
static void like_another(struct forge *f)
{
	forge_family(f, MUSTER_COUNTER, 0, "food_total", "path");
	forge_series(f, "/");
	forge_series(f, "/b");
	forge_series(f, "/c");
}

static void labels_three(struct forge *f)
{
	struct muster__family_shm *r = forge_family(f, MUSTER_GAUGE, MUSTER_SUM, "others", "l");
	char *label = (char *)(r + 1) + r->name_bytes + r->help_bytes;

	r->label_count = 3;
	memcpy(label + 3, "\1\0m\2\0nn", 7);
	r->record.bytes += 8;
	forge_header(f)->catalogue_used += 8;
}

static void gap_in_real_cells(struct forge *f)
{
	forge_family(f, MUSTER_GAUGE, MUSTER_MOSTRECENT, "newest", "l");
	forge_series(f, "a");
	f->reals++;
	forge_series(f, "b");
}

static void a15_values(struct forge *f)
{
	static const uint64_t words[] = {UINT64_MAX,         (UINT64_C(1) << 53) + 1, 0x7ff8000000000001,
	                                 0x8000000000000000, 0x7ff0000000000000,      0xfff0000000000000};

	for (uint32_t i = 0; i < 6; i++)
		*forge_int(f, 0, 4 + i) = *forge_gauge(f, i) = words[i];
	*forge_real(f, 0, 0) = words[2];
	forge_family(f, MUSTER_REAL_COUNTER, 0, "odd_total", "kind");
	for (uint32_t i = 0; i < 6; i++) {
		char name[] = {(char)('a' + i), '\0'};
		*forge_real(f, 0, forge_series(f, name)->real_cell) = words[i];
	}
}

static void a17_other_type(struct forge *f)
{
	forge_family(f, MUSTER_REAL_COUNTER, 0, "steady_total", NULL);
	*forge_real(f, 0, forge_series(f, NULL)->real_cell) = 0x4059000000000000;
}

static void a17_other_help(struct forge *f)
{
	forge_family_full(f, MUSTER_GAUGE, MUSTER_MAX, "steady", "Other help.", NULL, NULL, 0);
	forge_series(f, NULL);
}

static void a17_other_bounds(struct forge *f)
{
	static const double bounds[] = {0.5};

	forge_family_full(f, MUSTER_HISTOGRAM, 0, "steady_seconds", "Help.", NULL, bounds, 1);
	*forge_int(f, 0, forge_series(f, NULL)->int_cell) = 5;
}

static void a18_name_of_the_encoder(struct forge *f)
{
	forge_family(f, MUSTER_COUNTER, 0, "muster_dropped_series_total", "reason");
	*forge_int(f, 0, forge_series(f, "x")->int_cell) = 5;
}

static void a18_names_of_the_master(struct forge *f)
{
	static const char *const names[] = {"up", "process_open_fds", "muster_workers", "scrape_samples_scraped"};

	for (size_t i = 0; i < 4; i++) {
		forge_family(f, MUSTER_GAUGE, MUSTER_LIVESUM, names[i], NULL);
		forge_series(f, NULL);
	}
}

static void a22_words_between(struct forge *f)
{
	uint64_t *bank = forge_bank(f, 0);

	memset(forge_header(f)->reserved0, 0xa5, sizeof forge_header(f)->reserved0);
	memset(forge_header(f)->reserved1, 0xa5, sizeof forge_header(f)->reserved1);
	bank[0] = bank[1] = bank[3] = bank[4] = bank[5] = bank[6] = bank[7] = 0xa5a5a5a5a5a5a5a5;
	bank[MUSTER__WORD_INTENT] = 0x25a5a5a5a5a5a5a5; /* not open */
}

static void a22_intent_of_scratch(struct forge *f)
{
	forge_bank(f, 0)[MUSTER__WORD_INTENT] = MUSTER__INTENT_OPEN | UINT64_C(1) << 32 | 1;
}

static void a23_pid_0(struct forge *f)
{
	forge_header(f)->identity.pid = 0;
}

static void a23_pid_1(struct forge *f)
{
	forge_header(f)->identity.pid = 1;
}

static void a23_pid_minus_1(struct forge *f)
{
	forge_header(f)->identity.pid = UINT32_MAX;
}

static void a37_times(struct forge *f)
{
	forge_header(f)->created_unix_ns = UINT64_MAX;
	again(f)->created_unix_ns = UINT64_MAX;
	forge_family(f, MUSTER_GAUGE, MUSTER_MOSTRECENT, "newest", NULL);
	struct muster__series_shm *r = forge_series(f, NULL);
	*forge_int(f, 0, r->int_cell) = UINT64_MAX;
	*forge_real(f, 0, r->real_cell) = 0x4059000000000000;
}

/* ---- more than a slab may hold ------------------------------------------------------------ */

static void a38_file_of_9_gib(struct forge *f)
{
	forge_header(f)->geometry.file_bytes = UINT64_C(9) << 30;
}

static void a38_catalogue_of_512_mib(struct forge *f)
{
	struct muster__geometry *g = &forge_header(f)->geometry;

	g->catalogue_bytes = UINT64_C(512) << 20;
	g->gauge_off = g->catalogue_off + g->catalogue_bytes;
	g->bank_off = g->gauge_off + 4096;
	g->file_bytes = UINT64_C(1) << 30;
}

static void a38_banks_4097(struct forge *f)
{
	struct muster__geometry *g = &forge_header(f)->geometry;

	g->bank_count = 4097;
	g->file_bytes = UINT64_C(1) << 30;
}

static void a38_cells_of_1_gib(struct forge *f)
{
	struct muster__geometry *g = &forge_header(f)->geometry;

	again(f)->int_cell = (1u << 27) - 1;
	g->int_cells = 1u << 27;
	g->real_off = UINT64_C(8) * (MUSTER__WORD_CELLS + (1u << 27));
	g->bank_stride = g->real_off + 4096;
	g->bank_count = 1;
	g->file_bytes = UINT64_C(2) << 30;
}

/* ---- while it is followed ----------------------------------------------------------------- */

/* Of no known boot and another namespace: it lives as long as somebody holds its lock. */
static void lives(struct forge *f)
{
	memset(forge_header(f)->identity.boot_id, 0, 16);
	forge_header(f)->identity.pidns_ino = 1;
	forge_header(f)->banks_used = 2;
}

/* Words of requests that no worker writes, with places to show them in, and with places of another kind. */
static void requests_nonsense(struct forge *f)
{
	memset(&forge_header(f)->requests, 0xff, sizeof forge_header(f)->requests);
	forge_header(f)->requests.busy = (UINT64_MAX >> 1) << MUSTER__BUSY_COUNT_BITS | 3;
}

static void a15_requests(struct forge *f)
{
	forge_family(f, MUSTER_REAL_COUNTER, 0, MUSTER__REQUESTS_BUSY, NULL);
	forge_series(f, NULL);
	requests_nonsense(f);
}

static void a15_requests_without_series(struct forge *f)
{
	forge_family(f, MUSTER_REAL_COUNTER, 0, MUSTER__REQUESTS_BUSY, NULL);
	requests_nonsense(f);
}

static void a15_requests_live(struct forge *f)
{
	lives(f);
	a15_requests(f);
	forge_family(f, MUSTER_IN_FLIGHT, 0, MUSTER__REQUESTS_IN_FLIGHT, NULL);
	forge_series(f, NULL);
	forge_family(f, MUSTER_GAUGE, MUSTER_LIVEMAX, MUSTER__REQUESTS_LONGEST, NULL);
	forge_series(f, NULL);
	forge_family(f, MUSTER_GAUGE, MUSTER_LIVESUM, MUSTER__REQUESTS_WORKERS, "state");
	forge_series(f, "busy");
	forge_series(f, "idle");
}

static void a18_names_of_requests(struct forge *f)
{
	lives(f);
	forge_family(f, MUSTER_REAL_COUNTER, 0, MUSTER__REQUESTS_BUSY, "worker");
	forge_series(f, "0");
	forge_family(f, MUSTER_GAUGE, MUSTER_LIVESUM, MUSTER__REQUESTS_IN_FLIGHT, NULL);
	forge_series(f, NULL);
	forge_family(f, MUSTER_COUNTER, 0, "muster_longest_request_seconds_total", NULL);
	forge_family(f, MUSTER_GAUGE, MUSTER_LIVEALL, MUSTER__REQUESTS_WORKERS, "state");
	forge_series(f, "busy");
	requests_nonsense(f);
}

#define AT_REQUESTS offsetof(struct muster__header_shm, requests)
#define AT_USED offsetof(struct muster__header_shm, catalogue_used)
#define AT_BANKS offsetof(struct muster__header_shm, banks_used)
#define AT_TYPE (4096 + offsetof(struct muster__family_shm, type))
#define EVENTS(...)                                                                                                    \
	(const struct packed_event[]){__VA_ARGS__},                                                                        \
		sizeof((struct packed_event[]){__VA_ARGS__}) / sizeof(struct packed_event)

#define GOOD(name)                                                                                                     \
	{                                                                                                                  \
#name, name, SLAB_CASE_GOOD, ALL, true, NULL, 0                                                                \
	}
#define HUGE(name, id)                                                                                                 \
	{                                                                                                                  \
#name, name, MUSTER_QUARANTINE_##id, UINT64_C(10) << 30, true, NULL, 0                                         \
	}
#define LATER(name, reason, ...)                                                                                       \
	{                                                                                                                  \
#name, lives, reason, ALL, true, EVENTS(__VA_ARGS__)                                                           \
	}
#define BAD(id) MUSTER_QUARANTINE_##id
const struct slab_case odd_cases[] = {
	{"honest", nothing, SLAB_CASE_GOOD, ALL, true, NULL, 0},
	GOOD(unit_good),
	GOOD(like_another),
	GOOD(labels_three),
	GOOD(gap_in_real_cells),
	GOOD(a15_values),
	GOOD(a15_requests),
	GOOD(a15_requests_without_series),
	{"a15_requests_live", a15_requests_live, SLAB_CASE_GOOD, ALL, true,
     EVENTS({PACKED_STORE_8, AT_REQUESTS + 8, 5}, {PACKED_STORE_8, AT_REQUESTS, 2},
            {PACKED_STORE_8, AT_REQUESTS + 64, 1})},
	{"a18_names_of_requests", a18_names_of_requests, SLAB_CASE_GOOD, ALL, true, NULL, 0},
	GOOD(a17_other_type),
	GOOD(a17_other_help),
	GOOD(a17_other_bounds),
	GOOD(a18_name_of_the_encoder),
	GOOD(a18_names_of_the_master),
	GOOD(a22_words_between),
	GOOD(a22_intent_of_scratch),
	GOOD(a23_pid_0),
	GOOD(a23_pid_1),
	GOOD(a23_pid_minus_1),
	GOOD(a37_times),
	HUGE(a38_file_of_9_gib, BUDGET),
	HUGE(a38_catalogue_of_512_mib, BUDGET),
	HUGE(a38_banks_4097, BUDGET),
	HUGE(a38_cells_of_1_gib, BUDGET),
	LATER(a05_later_used_max, BAD(CATALOGUE), {PACKED_STORE_8, AT_USED, UINT64_MAX - 7}),
	LATER(a05_later_used_more, BAD(CATALOGUE), {PACKED_STORE_4, AT_USED, 4096}),
	LATER(a05_later_used_less, BAD(SHRUNK), {PACKED_STORE_8, AT_USED, 0}),
	LATER(a05_later_banks_less, BAD(SHRUNK), {PACKED_STORE_8, AT_BANKS, 1}),
	LATER(a05_later_banks_5, BAD(HEADER), {PACKED_STORE_8, AT_BANKS, 5}),
	LATER(a05_later_banks_4, SLAB_CASE_GOOD, {PACKED_STORE_8, AT_BANKS, 4}),
	LATER(a13_type_changes, SLAB_CASE_GOOD, {PACKED_STORE_1, AT_TYPE, MUSTER_HISTOGRAM}),
	LATER(a13_magic_changes, SLAB_CASE_GOOD, {PACKED_STORE_8, 0, 0}),
	LATER(a14_bounds_count_changes, SLAB_CASE_GOOD, {PACKED_STORE_4, AT_TYPE + 4, 2}),
	LATER(a15_counter_decreases, SLAB_CASE_GOOD, {PACKED_STORE_8, 4096 + FORGE_CATALOGUE + 4096 + 8 * 12, 1}),
	LATER(a24_truncate_0, BAD(SHRUNK), {PACKED_TRUNCATE, 0, 0}),
	LATER(a24_truncate_page, BAD(SHRUNK), {PACKED_TRUNCATE, 4096, 0}),
	LATER(a24_truncate_banks, BAD(SHRUNK), {PACKED_TRUNCATE, FORGE_BYTES - 32768, 0}),
	LATER(a24_punch_header, BAD(SHRUNK), {PACKED_PUNCH, 0, 4095}),
	LATER(a24_punch_catalogue, SLAB_CASE_GOOD, {PACKED_PUNCH, 4096, FORGE_CATALOGUE - 1}),
	LATER(a24_rename_over, BAD(SHORT), {PACKED_RENAME, 0, 100}),
};
const size_t odd_cases_count = sizeof odd_cases / sizeof *odd_cases;
