/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slab_mutator.c - mutations of packed slabs that know the format.
 *
 * Bytes changed at random break the checksum or a length and get no further. Here the slab is unpacked, one to
 * four changes are made to its header, records, cells or events, the checksum is made right again (mostly), and
 * it is packed. libFuzzer calls it; other drivers do not know it.
 */
#include "fuzz.h"
#include "packed.h"
#include "tests/unit/slab_honest.h"

#define EVENTS_MAX 8
#define EVENT_BYTES 16

__attribute__((weak)) size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

static struct forge forged;
static uint64_t state;

static uint64_t random_u64(void)
{
	state ^= state << 13, state ^= state >> 7, state ^= state << 17;
	return state;
}

static uint32_t below(uint32_t n)
{
	return (uint32_t)((random_u64() >> 32) * n >> 32);
}

/* Numbers at the edges of things. */
static uint64_t number(void)
{
	static const uint64_t edges[] = {0,
	                                 1,
	                                 3,
	                                 4,
	                                 7,
	                                 8,
	                                 16,
	                                 40,
	                                 63,
	                                 64,
	                                 255,
	                                 256,
	                                 4095,
	                                 4096,
	                                 8192,
	                                 65535,
	                                 65536,
	                                 INT32_MAX,
	                                 UINT32_MAX,
	                                 UINT32_MAX - 7,
	                                 UINT64_MAX,
	                                 UINT64_MAX - 7,
	                                 UINT64_C(1) << 32,
	                                 UINT64_C(1) << 63,
	                                 FORGE_BYTES,
	                                 FORGE_CATALOGUE};
	uint64_t n = edges[below(sizeof edges / sizeof *edges)];

	return below(4) ? n + below(3) - 1 : below(2) ? random_u64() >> below(64) : below(300);
}

/* ---- the header --------------------------------------------------------------------------- */

static void store(size_t at, size_t width, uint64_t value)
{
	memcpy(forged.bytes + at, &value, width);
}

static void change_geometry(void)
{
	size_t at = offsetof(struct muster__header_shm, geometry);

	if (below(2))
		store(at + 8 * below(7), 8, below(2) ? number() : number() & ~UINT64_C(7));
	else
		store(at + 56 + 4 * below(4), 4, number());
}

static void change_header(void)
{
	store(4 * below(184 / 4), 4, number());
}

static void change_lengths(void)
{
	store(below(2) ? 256 : 264, 8, below(3) ? 1 + below(4) : number());
}

static void change_life(void)
{
	struct muster__identity *who = &forge_header(&forged)->identity;

	memset(who->boot_id, below(2) ? 0 : 0xee, sizeof who->boot_id);
	who->pidns_ino = 1;
}

/* ---- records ------------------------------------------------------------------------------ */

/* Where the nth record begins; wherever it ends up for n too large. */
static size_t record_at(uint32_t n)
{
	size_t used = forge_header(&forged)->catalogue_used, at = 0, was = 0;

	while (at + 8 <= used && at < FORGE_CATALOGUE - 64) {
		const struct muster__record_shm *r = (const void *)(forge_catalogue(&forged) + at);
		was = at;
		if (n-- == 0 || r->bytes < 8 || r->bytes % 8 != 0)
			break;
		at += r->bytes;
	}
	return was;
}

static void change_record(void)
{
	store(4096 + record_at(below(16)) + 4 * below(10), below(2) ? 4 : 2, number());
}

/* What the records there are take, so that the next one goes on from there. */
static bool records_count(void)
{
	size_t used = forge_header(&forged)->catalogue_used;
	uint32_t kinds[5] = {0}, ends[2] = {0};

	if (used % 8 != 0 || used > FORGE_CATALOGUE - 1024)
		return false;
	for (size_t at = 0; at + 8 <= used;) {
		const struct muster__record_shm *r = (const void *)(forge_catalogue(&forged) + at);
		if (r->bytes < 8 || r->bytes % 8 != 0 || r->bytes > used - at)
			return false;
		kinds[r->kind < 5 ? r->kind : 0]++;
		const struct muster__family_shm *family = (const void *)r;
		const struct muster__series_shm *series = (const void *)r;
		if (r->kind == MUSTER__RECORD_FAMILY && family->drop_cell < 250)
			ends[0] = family->drop_cell + MUSTER__DROP_CELLS;
		if (r->kind == MUSTER__RECORD_SERIES && series->int_cell < 250)
			ends[0] = ends[0] > series->int_cell + 4 ? ends[0] : series->int_cell + 4;
		if (r->kind == MUSTER__RECORD_SERIES && series->real_cell < 60)
			ends[1] = series->real_cell + 1;
		at += r->bytes;
	}
	forged.families = kinds[MUSTER__RECORD_FAMILY];
	forged.series = kinds[MUSTER__RECORD_SERIES];
	forged.ints = ends[0];
	forged.reals = ends[1];
	forged.gauges = forged.series;
	return true;
}

static void add_family(void)
{
	static const char *const names[] = {"a", "b_total", "c_seconds", "good_total", "level", "x_y_z", "p_total"};
	enum muster_type type = (enum muster_type)(1 + below(6));

	if (records_count())
		forge_family(&forged, type, type == MUSTER_GAUGE ? (enum muster_mode)(1 + below(10)) : 0,
		             names[below(sizeof names / sizeof *names)], below(2) ? "l" : NULL);
}

static void add_series(void)
{
	static const char *const values[] = {"", "a", "/", "/again", "\xc3\xa9", "\"\\\n"};

	if (records_count() && forged.families > 0)
		forge_series(&forged, below(3) ? values[below(sizeof values / sizeof *values)] : NULL)->pid =
			below(8) ? 0 : below(3);
}

static void add_other(void)
{
	struct muster__forgotten_shm forgotten = {.identity = {.pid = below(5), .instance = below(3)},
	                                          .asked_bytes = number()};
	struct muster__hidden_shm hidden = {.word = number(), .cell = below(5)};
	struct muster__folded_shm folded = {.identity = {.pid = below(5), .instance = below(3)}};

	if (!records_count())
		return;
	if (below(2))
		forge_record(&forged, MUSTER__RECORD_FORGOTTEN, &forgotten, sizeof forgotten, &hidden, below(3) * 8);
	else
		forge_record(&forged, MUSTER__RECORD_FOLDED, &folded, sizeof folded, NULL, 0);
}

/* A request to forget a series, with values and a label. */
static void add_request(void)
{
	struct {
		struct muster__forget_shm fixed;
		uint64_t values[3];
	} r = {.fixed = {.family = below(5), .all = below(4) == 0, .value_count = (uint16_t)below(4)}};

	if (!records_count())
		return;
	r.fixed.instance = forge_header(&forged)->identity.instance;
	r.fixed.asked_unix_ns = number();
	r.values[0] = number();
	size_t values = r.fixed.value_count % 4 * sizeof r.values[0];
	forge_record(&forged, MUSTER__RECORD_FORGET, &r, sizeof r.fixed + values, "\1\0a", below(2) ? 3 : 0);
}

/* Slots for a series, and a word of one of them. */
static void add_exemplars(void)
{
	uint32_t slot = below(FORGE_EXEMPLARS - 2);

	if (!records_count())
		return;
	uint64_t *words = forge_exemplars(&forged, below(4) ? below(forged.series + 1) : 0, slot);
	if (below(2))
		words[below(8)] = number();
	if (below(8) == 0)
		((struct muster__exemplars_shm *)forge_last(&forged))->slot = (uint32_t)number();
}

static void copy_record(void)
{
	size_t at = record_at(below(12));
	const struct muster__record_shm *r = (const void *)(forge_catalogue(&forged) + at);

	if (records_count() && forge_header(&forged)->catalogue_used >= at + 8 && r->bytes <= 512 && r->bytes >= 8) {
		unsigned char copy[512];
		memcpy(copy, r, r->bytes);
		forge_record(&forged, r->kind, copy, r->bytes, NULL, 0);
	}
}

static void change_bytes(void)
{
	size_t used = forge_header(&forged)->catalogue_used;

	if (LLVMFuzzerMutate && used > 0 && used <= FORGE_CATALOGUE)
		(void)LLVMFuzzerMutate(forge_catalogue(&forged), used, used);
}

/* ---- words -------------------------------------------------------------------------------- */

static void change_word(void)
{
	static const uint64_t words[] = {0x7ff8000000000000, 0x8000000000000000, 0x7ff0000000000000,
	                                 0x3ff0000000000000, 0x0000000000000001, 0x7fefffffffffffff};
	size_t at = 4096 + FORGE_CATALOGUE + 8 * below(below(2) ? 512 + 80 : 512 + 4096);

	store(at, 8, below(2) ? words[below(6)] : number());
}

static void change_intent(void)
{
	size_t bank = 4096 + FORGE_CATALOGUE + 4096 + 8192 * below(4);

	store(bank + 8 * MUSTER__WORD_INTENT, 8,
	      (below(8) ? MUSTER__INTENT_OPEN : 0) | (uint64_t)below(300) << 32 | (512 + below(8) - 1));
	store(bank + 8 * (3 + below(2)), 8, number());
}

static void (*const changes[])(void) = {change_geometry, change_header, change_lengths, change_life,  change_record,
                                        change_record,   add_family,    add_family,     add_series,   add_series,
                                        add_series,      add_other,     copy_record,    change_bytes, change_word,
                                        change_word,     change_intent, add_request,    add_exemplars};

/* ---- events ------------------------------------------------------------------------------- */

static struct packed_event event_make(void)
{
	static const uint64_t places[] = {256, 264, 4096, 4096 + FORGE_CATALOGUE, 4096 + FORGE_CATALOGUE + 4096, 0, 96};
	struct packed_event e = {(uint16_t)below(PACKED_OPS), places[below(7)] + 4 * below(60), number()};

	if (below(2))
		e.offset = below(2) ? 256 : 264;
	if (e.op == PACKED_TRUNCATE)
		e.offset = number() % FORGE_BYTES;
	return e;
}

/* The events there were, one less or more. Returns the bytes written. */
static size_t events_make(uint8_t *to, size_t room, const uint8_t *packed, size_t size)
{
	struct packed_event e;
	size_t at = 0, used = 0, n;

	for (int i = 0; i < EVENTS_MAX && packed_event_next(packed, size, &at, &e); i++) {
		if (below(8) == 0)
			continue;
		if (below(8) == 0)
			e = event_make();
		n = packed_event_make(to + used, room - used, &e);
		used += n;
	}
	for (uint32_t i = below(3) ? 0 : below(3); i > 0; i--) {
		e = event_make();
		used += packed_event_make(to + used, room - used, &e);
	}
	return used;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	static uint8_t events[2 * EVENTS_MAX * EVENT_BYTES];
	struct muster__header_shm *h = forge_header(&forged);

	state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	(void)random_u64();
	if (LLVMFuzzerMutate && below(16) == 0)
		return LLVMFuzzerMutate(data, size, max_size);
	memset(&forged, 0, sizeof forged);
	size_t bytes = packed_read(forged.bytes, FORGE_BYTES, data, size);
	if (bytes < FORGE_BYTES && below(8) != 0) {
		uint8_t kind = bytes >= 4096 ? h->kind : MUSTER__KIND_SLAB;
		honest(&forged);
		h->identity.instance = below(4);
		h->kind = kind;
		bytes = FORGE_BYTES;
	}
	size_t event_bytes = events_make(events, sizeof events, data, size);
	for (uint32_t n = 1 + below(4); n > 0; n--)
		changes[below(sizeof changes / sizeof *changes)]();
	if (below(32) != 0 && bytes >= 256)
		h->checksum = muster__header_checksum(h);
	size_t used = event_bytes < max_size ? packed_make(data, max_size - event_bytes, forged.bytes, bytes) : 0;
	if (used == 0)
		return size;
	memcpy(data + used, events, event_bytes);
	return used + event_bytes;
}
