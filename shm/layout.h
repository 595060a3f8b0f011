/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layout.h - the slab and ledger file format; the only header that writing and reading code share.
 *
 * Normative text: docs/slab-format.md. Everything here is fixed by static asserts at the end. A struct
 * whose name ends in _shm lives in shared memory: writers publish into it, readers copy it out once,
 * field by field, and trust nothing in the copy before it is checked.
 *
 *     0            header, one page
 *     catalogue    append-only records, `catalogue_used` bytes of them published
 *     gauges       one word per gauge series (bits XOR MUSTER__GAUGE_KEY; 0 = never set)
 *     exemplars    slots of MUSTER__EXEMPLAR_WORDS words, one per counter or bucket of families that have them
 *     sketches     a directory, one word per sketch; then their pages, of which only those listed there are backed
 *     bank 0       the shared bank: atomic read-modify-write, any thread; drop counters live here
 *     bank 1..     one writer thread each: 8 control words, int cells, at real_off: real cells
 *
 * The file is sparse. All offsets are fixed when it is created; space is reserved by fallocate before a
 * record that needs it is published.
 */
#ifndef MUSTER__LAYOUT_H
#define MUSTER__LAYOUT_H

#include <assert.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <muster/muster.h>

#define MUSTER__MAGIC UINT64_C(0x0a0d525453554d89)          /* \x89 M U S T R \r \n, as PNG does it */
#define MUSTER__FAILURES_MAGIC UINT64_C(0x0a0d464653554d89) /* \x89 M U S F F \r \n */
#define MUSTER__FORMAT_MAJOR 1
/* 1: struct muster__requests_shm; 2: native histograms; 3: sketches; 4: exemplars; 5: names of UTF-8 */
#define MUSTER__FORMAT_MINOR 5
#define MUSTER__BYTE_ORDER UINT32_C(0x01020304)
#define MUSTER__PAGE 4096u

enum muster__kind { MUSTER__KIND_SLAB = 1, MUSTER__KIND_LEDGER = 2 };

/* Name of a slab file: prefix, then pid, start ticks and instance in hex. Readers take nothing from the
 * name but that it is a slab. */
#define MUSTER__SLAB_PREFIX "slab."
#define MUSTER__SLAB_HIDDEN ".new." /* before that, where it has to have a name while it is made */
#define MUSTER__LEDGER_NAME "ledger"
#define MUSTER__FAILURES_NAME "failures"

/* Why a series could not be created: index into the drop cells of its family. */
#define MUSTER__DROPS(X)                                                                                               \
	X(FAMILY_LIMIT, "family_limit")                                                                                    \
	X(SLAB_FULL, "slab_full")                                                                                          \
	X(LABEL_VALUES, "label_values")                                                                                    \
	X(PROCESS_LIMIT, "process_limit")

/* Events counted in the header: metric, reason. */
#define MUSTER__EVENTS(X)                                                                                              \
	X(REFUSED_NEGATIVE, "muster_refused_updates_total", "negative")                                                    \
	X(REFUSED_NOT_FINITE, "muster_refused_updates_total", "not_finite")                                                \
	X(REFUSED_MODE, "muster_refused_updates_total", "mostrecent_add")                                                  \
	X(FAMILY_INVALID, "muster_dropped_families_total", "invalid")                                                      \
	X(FAMILY_CONFLICT, "muster_dropped_families_total", "conflict")                                                    \
	X(FAMILY_FULL, "muster_dropped_families_total", "slab_full")                                                       \
	X(ATTACH_NO_SPACE, "muster_attach_failures_total", "no_space")                                                     \
	X(ATTACH_NO_MEMORY, "muster_attach_failures_total", "no_memory")                                                   \
	X(ATTACH_NO_DESCRIPTOR, "muster_attach_failures_total", "no_descriptor")                                           \
	X(ATTACH_FILE_SIZE, "muster_attach_failures_total", "file_size")                                                   \
	X(ATTACH_REFUSED, "muster_attach_failures_total", "refused")                                                       \
	X(REGION_LIMIT, "muster_left_out_series_total", "region_limit")                                                    \
	X(REFUSED_SKETCH, "muster_refused_updates_total", "quantiles_no_space")                                            \
	X(EXEMPLAR_INVALID, "muster_dropped_exemplars_total", "invalid")                                                   \
	X(EXEMPLAR_TOO_LONG, "muster_dropped_exemplars_total", "too_long")                                                 \
	X(EXEMPLAR_NO_PLACE, "muster_dropped_exemplars_total", "no_place")                                                 \
	X(EXEMPLAR_BUSY, "muster_dropped_exemplars_total", "busy")

enum muster__drop {
#define MUSTER__ROW(id, text) MUSTER__DROP_##id,
	MUSTER__DROPS(MUSTER__ROW)
#undef MUSTER__ROW
		MUSTER__DROP_COUNT
};

enum muster__event {
#define MUSTER__ROW(id, metric, reason) MUSTER__EVENT_##id,
	MUSTER__EVENTS(MUSTER__ROW)
#undef MUSTER__ROW
		MUSTER__EVENT_COUNT
};

#define MUSTER__EVENT_WORDS 32
#define MUSTER__DROP_CELLS 4 /* reserved per family, MUSTER__DROP_COUNT of them used */

/* Who writes a slab. Compared as a whole; a reader's only use of it is to ask the kernel about life. */
struct muster__identity {
	uint64_t start_ticks; /* field 22 of /proc/self/stat; 0 if /proc could not be read */
	uint64_t instance;    /* random */
	uint8_t boot_id[16];  /* 0 if unreadable */
	uint64_t pidns_ino;   /* inode of /proc/self/ns/pid; 0 if unreadable */
	uint32_t pid;         /* in that pid namespace */
	uint32_t reserved;
};

/* Sizes and places, in bytes from the start of the file or of a bank, and in cells. */
struct muster__geometry {
	uint64_t file_bytes;
	uint64_t catalogue_off, catalogue_bytes;
	uint64_t gauge_off;
	uint64_t bank_off, bank_stride;
	uint64_t real_off; /* from the start of a bank */
	uint32_t gauge_cells, int_cells, real_cells;
	uint32_t bank_count; /* bank 0 included */
};

/* How a series' latest observations are spread: counts in exponential buckets, kept apart by time, so that the sum over
 * processes is a matter of adding words. One per process, added to atomically. A page is four octaves of numbers above 0,
 * or, in the second half of the pages, below. A word is the epoch in which its observations were made, above their
 * count: each tells by itself whether it is of the last minutes, so nothing is ever cleared. sketch.h */
#define MUSTER__SKETCH_PAGES 64
#define MUSTER__SKETCH_BUCKETS 128 /* of a page */
#define MUSTER__SKETCH_SLOTS 4     /* words of a bucket: epochs of the same remainder share one */
#define MUSTER__SKETCH_PAGE_WORDS (MUSTER__SKETCH_BUCKETS * MUSTER__SKETCH_SLOTS)
#define MUSTER__SKETCH_BYTES (UINT64_C(8) * MUSTER__SKETCH_PAGES * MUSTER__SKETCH_PAGE_WORDS)
#define MUSTER__SKETCH_EPOCH_BITS 24
#define MUSTER__SKETCH_COUNT_BITS 40

/* Where the sketches of a slab are. */
struct muster__sketch_area {
	uint64_t off;   /* of the directory: a word per sketch, bit n: page n is backed. ORDER(sketch-page) */
	uint32_t count; /* sketches there is room for */
	uint32_t reserved;
};

/* The slots of exemplars; since minor 4. They lie between the gauges and bank 0. */
struct muster__exemplar_area {
	uint64_t off; /* from the start of the file */
	uint32_t slots, reserved;
};

#define MUSTER__REQUEST_PLACES 256
#define MUSTER__BUSY_COUNT_BITS 20
#define MUSTER__BUSY_UNIT_BITS 16

/* The requests of a process; every thread adds to these words. All times are CLOCK_MONOTONIC_COARSE.
 * busy: low 20 bits, signed: periods in which the process has requests, begun and not ended; the 44 bits above:
 * their ends minus their begins, each in whole units of 2^16 ns. So one word, added to in any order, says how long
 * the process has been busy: the upper part plus the count times now. */
struct muster__requests_shm {
	_Atomic uint64_t in_flight;
	_Atomic uint64_t busy;
	_Atomic uint64_t last_ns;  /* when the latest request began or ended */
	_Atomic uint64_t declared; /* 1: this process tells its requests */
	uint64_t reserved[4];
	_Atomic uint64_t begun_ns[MUSTER__REQUEST_PLACES]; /* of those in flight that found a place; 0: free */
};

struct muster__header_shm {
	/* fixed before the file has a name */
	uint64_t magic;
	uint16_t major, minor;
	uint8_t word_bytes;
	uint8_t kind;
	uint16_t header_bytes;
	uint32_t byte_order;
	uint32_t checksum; /* FNV-1a, 32 bits, of bytes 0..255 with this field 0 */
	struct muster__geometry geometry;
	struct muster__identity identity;
	uint64_t created_unix_ns;
	struct muster__sketch_area sketches;    /* since minor 3 */
	struct muster__exemplar_area exemplars; /* since minor 4 */
	uint8_t reserved0[256 - 24 - 72 - 48 - 8 - 16 - 16];
	/* changing; each word has one writer at a time or is added to atomically */
	_Atomic uint64_t catalogue_used; /* ORDER(publish) release; a reader acquires */
	_Atomic uint64_t banks_used;     /* banks 0..n-1 have been claimed; ORDER(bank-publish) release */
	_Atomic uint64_t events[MUSTER__EVENT_WORDS];
	uint8_t reserved1[576 - 256 - 16 - 8 * MUSTER__EVENT_WORDS];
	_Atomic uint64_t heartbeat; /* another number with each beat; 0: never */
	uint8_t reserved3[56];
	struct muster__requests_shm requests; /* since minor 1 */
	uint8_t reserved2[MUSTER__PAGE - 640 - sizeof(struct muster__requests_shm)];
};

/* The file `failures`: what processes count that could not make a slab. One page, reserved by the master
 * before there is need of it; every process of the region may add to it. */
struct muster__failures_shm {
	uint64_t magic;
	uint64_t reserved0[7];
	_Atomic uint64_t events[MUSTER__EVENT_WORDS]; /* rows ATTACH_... of MUSTER__EVENTS */
	uint8_t reserved1[MUSTER__PAGE - 64 - 8 * MUSTER__EVENT_WORDS];
};

/* One exemplar. Any thread of the process writes, after it has claimed the slot; readers copy it as a seqlock. */
struct muster__exemplar_shm {
	_Atomic uint64_t claim; /* upper half: claims so far; lower half: tid of the thread that writes, 0: none */
	_Atomic uint64_t value; /* bits of a double */
	_Atomic uint64_t unix_ns;
	_Atomic uint64_t bytes; /* of labels; 0, in a ledger only: exemplars until unix_ns are forgotten */
	_Atomic uint64_t labels[MUSTER_EXEMPLAR_BYTES_MAX / 8]; /* each: uint8 bytes, name, uint8 bytes, value */
};

/* Its words. */
enum {
	MUSTER__EXEMPLAR_CLAIM,
	MUSTER__EXEMPLAR_VALUE,
	MUSTER__EXEMPLAR_TIME,
	MUSTER__EXEMPLAR_BYTES,
	MUSTER__EXEMPLAR_LABELS,
};

#define MUSTER__EXEMPLAR_WORDS (sizeof(struct muster__exemplar_shm) / 8)

/* ---- catalogue records: 8-byte aligned, native byte order --------------------------------- */

enum muster__record_kind {
	MUSTER__RECORD_FAMILY = 1,
	MUSTER__RECORD_SERIES = 2,
	MUSTER__RECORD_FOLDED = 3,    /* ledger only: identity of a slab that is in the totals */
	MUSTER__RECORD_FORGET = 4,    /* a request of the slab's process: forget a series in the whole region */
	MUSTER__RECORD_FORGOTTEN = 5, /* ledger only: requests of a slab that are met, and what is hidden of it */
	MUSTER__RECORD_EXEMPLARS = 6, /* since minor 4: where the exemplars of a series are */
};

struct muster__record_shm {
	uint32_t bytes; /* of the whole record with its tail and padding; a multiple of 8 */
	uint16_t kind;
	uint16_t flags; /* in a ledger, of a series MUSTER__SERIES_..., of a family MUSTER__FAMILY_...; else 0 */
};

/* Tail: double bounds[bounds_count]; name; help; unit; per label uint16 bytes + name; zero padding. Bounds of a native
 * histogram are its parameters; of a summary, since minor 3, its quantiles, then the seconds they are taken over. */
struct muster__family_shm {
	struct muster__record_shm record;
	uint32_t family; /* ordinal: how many family records stand before this one */
	uint8_t type, mode;
	uint16_t label_count;
	uint32_t bounds_count;
	uint32_t drop_cell; /* first of MUSTER__DROP_CELLS int cells, counted in bank 0 */
	uint16_t name_bytes, help_bytes, unit_bytes;
	uint16_t expiry_s; /* a series unchanged for so long is forgotten; 0: never */
};

/* A family of another library's files; only in a ledger, and in what a reader makes of such a file. */
#define MUSTER__FAMILY_IMPORTED 1u /* its name need not follow our rules */
#define MUSTER__FAMILY_OPEN 2u /* a histogram that may lack bounds below its first one: nothing was observed there */
#define MUSTER__FAMILY_PER_PROCESS 4u /* its last label is `pid`, by which a sample is one process's */
#define MUSTER__FAMILY_FLAGS 7u

#define MUSTER__NO_CELL UINT32_MAX
#define MUSTER__SERIES_FORGOTTEN 1u /* its values take away what was forgotten: not shown while nothing is left */

/* Tail: per label of the family uint16 bytes + value; zero padding.
 *   type            int_cell                     real_cell
 *   counter         value                        -
 *   real counter    -                            value
 *   gauge           cell in the gauge area       -
 *   gauge, recent   Unix time in ns (0 = unset)  bits of the value
 *   in flight       int64                        -
 *   histogram       first of bounds_count + 1    sum
 *   summary         count                        sum
 *   native          muster__native_bank_words()  sum
 * The n-th series of a summary with bounds has sketch n. */
struct muster__series_shm {
	struct muster__record_shm record;
	uint32_t family;
	uint32_t int_cell, real_cell;
	uint32_t pid; /* ledger only, modes all: whose sample; 0: the slab's owner */
	uint64_t created_unix_ns;
};

struct muster__folded_shm {
	struct muster__record_shm record;
	struct muster__identity identity;
};

/* Tail: u64 values[value_count], what the process itself has in the series: its int cells, then its real
 * cells, summed over banks, or its gauge word (of gauges with a time it is the request's that counts); then, unless `all`, label values as in a series. */
struct muster__forget_shm {
	struct muster__record_shm record;
	uint32_t family;
	uint16_t all; /* 1: every series of the family */
	uint16_t value_count;
	uint64_t instance; /* of the slab that asks; a child inherits the record, not the request */
	uint64_t asked_unix_ns;
};

/* A gauge is hidden while its word is this one. */
struct muster__hidden_shm {
	uint64_t word;
	uint32_t cell;
	uint32_t reserved;
};

/* Tail: struct muster__hidden_shm hidden[], cells ascending. */
struct muster__forgotten_shm {
	struct muster__record_shm record;
	struct muster__identity identity;
	uint64_t asked_bytes; /* requests that begin before this place of the slab's catalogue are met */
};

/* A counter has one slot, a histogram one per bucket, in their order. */
struct muster__exemplars_shm {
	struct muster__record_shm record;
	uint32_t series; /* ordinal: how many series records stand before its own; ascending */
	uint32_t slot;   /* the first; ascending */
};

/* Control words at the start of a bank, as record.h writes them. */
struct muster__bank_shm {
	_Atomic uint64_t scratch_int, scratch_real;
	_Atomic uint64_t intent, intent_int, intent_real;
	uint64_t reserved[3];
	_Atomic uint64_t int_cells[];
};

#define MUSTER__RECORD_BYTES_MAX (1u << 18)

/* From the start of the area to its first page. */
static inline uint64_t muster__sketch_directory_bytes(uint32_t count)
{
	return ((uint64_t)count * 8 + MUSTER__PAGE - 1) / MUSTER__PAGE * MUSTER__PAGE;
}

static inline uint64_t muster__sketch_area_bytes(uint32_t count)
{
	return muster__sketch_directory_bytes(count) + count * MUSTER__SKETCH_BYTES;
}

static inline uint32_t muster__align8(uint32_t bytes)
{
	return (bytes + 7) & ~UINT32_C(7);
}

/* FNV-1a over the fixed part of a header whose checksum field is 0. */
static inline uint32_t muster__header_checksum(const struct muster__header_shm *h)
{
	const unsigned char *p = (const unsigned char *)h;
	uint32_t hash = UINT32_C(2166136261);

	for (size_t i = 0; i < 256; i++) {
		unsigned char byte = i >= 20 && i < 24 ? 0 : p[i];
		hash = (hash ^ byte) * UINT32_C(16777619);
	}
	return hash;
}

_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2 && ATOMIC_LONG_LOCK_FREE == 2, "cells must be lock-free to be address-free");
_Static_assert(sizeof(_Atomic uint64_t) == 8 && sizeof(double) == 8, "a cell is one 8-byte word");
_Static_assert(sizeof(struct muster__identity) == 48, "format");
_Static_assert(offsetof(struct muster__identity, instance) == 8, "format");
_Static_assert(offsetof(struct muster__identity, boot_id) == 16, "format");
_Static_assert(offsetof(struct muster__identity, pidns_ino) == 32, "format");
_Static_assert(offsetof(struct muster__identity, pid) == 40, "format");
_Static_assert(sizeof(struct muster__geometry) == 72, "format");
_Static_assert(offsetof(struct muster__geometry, catalogue_off) == 8, "format");
_Static_assert(offsetof(struct muster__geometry, gauge_off) == 24, "format");
_Static_assert(offsetof(struct muster__geometry, bank_off) == 32, "format");
_Static_assert(offsetof(struct muster__geometry, real_off) == 48, "format");
_Static_assert(offsetof(struct muster__geometry, gauge_cells) == 56, "format");
_Static_assert(offsetof(struct muster__geometry, bank_count) == 68, "format");
_Static_assert(sizeof(struct muster__header_shm) == MUSTER__PAGE, "format");
_Static_assert(offsetof(struct muster__header_shm, major) == 8, "format");
_Static_assert(offsetof(struct muster__header_shm, word_bytes) == 12, "format");
_Static_assert(offsetof(struct muster__header_shm, kind) == 13, "format");
_Static_assert(offsetof(struct muster__header_shm, header_bytes) == 14, "format");
_Static_assert(offsetof(struct muster__header_shm, byte_order) == 16, "format");
_Static_assert(offsetof(struct muster__header_shm, checksum) == 20, "format");
_Static_assert(offsetof(struct muster__header_shm, geometry) == 24, "format");
_Static_assert(offsetof(struct muster__header_shm, identity) == 96, "format");
_Static_assert(offsetof(struct muster__header_shm, created_unix_ns) == 144, "format");
_Static_assert(offsetof(struct muster__header_shm, sketches) == 152, "format");
_Static_assert(sizeof(struct muster__sketch_area) == 16, "format");
_Static_assert(MUSTER__SKETCH_PAGE_WORDS * 8 == MUSTER__PAGE, "a page is backed alone");
_Static_assert(offsetof(struct muster__header_shm, exemplars) == 168, "format");
_Static_assert(offsetof(struct muster__header_shm, catalogue_used) == 256, "format");
_Static_assert(offsetof(struct muster__header_shm, banks_used) == 264, "format");
_Static_assert(offsetof(struct muster__header_shm, events) == 272, "format");
_Static_assert(offsetof(struct muster__header_shm, heartbeat) == 576, "format");
_Static_assert(offsetof(struct muster__header_shm, requests) == 640, "format");
_Static_assert(offsetof(struct muster__requests_shm, begun_ns) == 64, "format");
_Static_assert(sizeof(struct muster__requests_shm) == 2112, "format");
_Static_assert(MUSTER__EVENT_COUNT <= MUSTER__EVENT_WORDS, "format");
_Static_assert(MUSTER__DROP_COUNT <= MUSTER__DROP_CELLS, "format");
_Static_assert(sizeof(struct muster__failures_shm) == MUSTER__PAGE, "format");
_Static_assert(offsetof(struct muster__failures_shm, events) == 64, "format");
_Static_assert(sizeof(struct muster__exemplar_area) == 16, "format");
_Static_assert(sizeof(struct muster__exemplar_shm) == 192, "format");
_Static_assert(offsetof(struct muster__exemplar_shm, labels) == 8 * MUSTER__EXEMPLAR_LABELS, "format");
_Static_assert(sizeof(struct muster__exemplars_shm) == 16, "format");
_Static_assert(sizeof(struct muster__record_shm) == 8, "format");
_Static_assert(sizeof(struct muster__family_shm) == 32, "format");
_Static_assert(offsetof(struct muster__family_shm, type) == 12, "format");
_Static_assert(offsetof(struct muster__family_shm, bounds_count) == 16, "format");
_Static_assert(offsetof(struct muster__family_shm, drop_cell) == 20, "format");
_Static_assert(offsetof(struct muster__family_shm, name_bytes) == 24, "format");
_Static_assert(sizeof(struct muster__series_shm) == 32, "format");
_Static_assert(offsetof(struct muster__series_shm, int_cell) == 12, "format");
_Static_assert(offsetof(struct muster__series_shm, pid) == 20, "format");
_Static_assert(offsetof(struct muster__series_shm, created_unix_ns) == 24, "format");
_Static_assert(sizeof(struct muster__folded_shm) == 56, "format");
_Static_assert(offsetof(struct muster__family_shm, expiry_s) == 30, "format");
_Static_assert(sizeof(struct muster__forget_shm) == 32, "format");
_Static_assert(offsetof(struct muster__forget_shm, instance) == 16, "format");
_Static_assert(sizeof(struct muster__hidden_shm) == 16, "format");
_Static_assert(sizeof(struct muster__forgotten_shm) == 64, "format");
_Static_assert(offsetof(struct muster__bank_shm, int_cells) == 8 * MUSTER__WORD_CELLS, "format");
_Static_assert(offsetof(struct muster__bank_shm, intent) == 8 * MUSTER__WORD_INTENT, "format");

#endif
