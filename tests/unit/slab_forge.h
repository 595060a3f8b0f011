/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slab_forge.h - slabs written byte by byte, so that they can be wrong in any way a worker cannot.
 */
#ifndef TESTS_SLAB_FORGE_H
#define TESTS_SLAB_FORGE_H

#include <fcntl.h>

#include "shm/layout.h"
#include "shm/native.h"
#include "shm/store.h"
#include "support.h"

#define FORGE_CATALOGUE 65536u
#define FORGE_EXEMPLARS 16u /* slots, if it has any: behind the gauges, in their page */
#define FORGE_BYTES (4096 + FORGE_CATALOGUE + 4096 + 4 * 8192)

struct forge {
	_Alignas(16) unsigned char bytes[FORGE_BYTES];
	uint32_t ints, reals, gauges, families, series;
	size_t last; /* offset of the last record in the catalogue */
};

static inline struct muster__header_shm *forge_header(struct forge *f)
{
	return (void *)f->bytes;
}

static inline unsigned char *forge_catalogue(struct forge *f)
{
	return f->bytes + 4096;
}

/* The record appended last. */
static inline void *forge_last(struct forge *f)
{
	return forge_catalogue(f) + f->last;
}

static inline uint64_t *forge_bank(struct forge *f, unsigned bank)
{
	const struct muster__geometry *g = &forge_header(f)->geometry;

	return (void *)(f->bytes + g->bank_off + bank * g->bank_stride);
}

static inline uint64_t *forge_int(struct forge *f, unsigned bank, uint32_t cell)
{
	return forge_bank(f, bank) + MUSTER__WORD_CELLS + cell;
}

static inline uint64_t *forge_real(struct forge *f, unsigned bank, uint32_t cell)
{
	return forge_bank(f, bank) + forge_header(f)->geometry.real_off / 8 + cell;
}

static inline uint64_t *forge_gauge(struct forge *f, uint32_t cell)
{
	return (uint64_t *)(void *)(f->bytes + forge_header(f)->geometry.gauge_off) + cell;
}

/* A good slab without records, whose owner lived before the last boot. */
static inline void forge_begin(struct forge *f)
{
	struct muster__header_shm *h = forge_header(f);
	static uint64_t instance = 1;

	memset(f, 0, sizeof *f);
	h->magic = MUSTER__MAGIC;
	h->major = MUSTER__FORMAT_MAJOR;
	h->minor = MUSTER__FORMAT_MINOR;
	h->word_bytes = 8;
	h->kind = MUSTER__KIND_SLAB;
	h->header_bytes = 4096;
	h->byte_order = MUSTER__BYTE_ORDER;
	h->geometry = (struct muster__geometry){
		.file_bytes = FORGE_BYTES,
		.catalogue_off = 4096,
		.catalogue_bytes = FORGE_CATALOGUE,
		.gauge_off = 4096 + FORGE_CATALOGUE,
		.bank_off = 4096 + FORGE_CATALOGUE + 4096,
		.bank_stride = 8192,
		.real_off = 4096,
		.gauge_cells = 64,
		.int_cells = 256,
		.real_cells = 64,
		.bank_count = 4,
	};
	h->identity = (struct muster__identity){.pid = 4242, .start_ticks = 77, .instance = instance++};
	memset(h->identity.boot_id, 0xee, sizeof h->identity.boot_id);
	h->banks_used = 1;
}

static inline void *forge_record(struct forge *f, uint16_t kind, const void *fixed, size_t fixed_bytes,
                                 const void *tail, size_t tail_bytes)
{
	struct muster__header_shm *h = forge_header(f);
	size_t at = h->catalogue_used;
	uint32_t bytes = muster__align8((uint32_t)(fixed_bytes + tail_bytes));

	memcpy(forge_catalogue(f) + at, fixed, fixed_bytes);
	if (tail_bytes)
		memcpy(forge_catalogue(f) + at + fixed_bytes, tail, tail_bytes);
	struct muster__record_shm *record = (void *)(forge_catalogue(f) + at);
	record->bytes = bytes;
	record->kind = kind;
	f->last = at;
	h->catalogue_used = at + bytes;
	return record;
}

static inline size_t forge_put(char *tail, size_t at, const void *bytes, size_t count)
{
	memcpy(tail + at, bytes, count);
	return at + count;
}

static inline size_t forge_put_counted(char *tail, size_t at, const char *text)
{
	uint16_t n = (uint16_t)strlen(text);

	return forge_put(tail, forge_put(tail, at, &n, sizeof n), text, n);
}

/* A family with at most one label. */
static inline struct muster__family_shm *forge_family_full(struct forge *f, enum muster_type type,
                                                           enum muster_mode mode, const char *name, const char *help,
                                                           const char *label, const double *bounds,
                                                           uint32_t bounds_count)
{
	char tail[16384];
	size_t n = 0;
	struct muster__family_shm r = {
		.family = f->families++,
		.type = (uint8_t)type,
		.mode = (uint8_t)mode,
		.label_count = label != NULL,
		.bounds_count = bounds_count,
		.drop_cell = f->ints,
		.name_bytes = (uint16_t)strlen(name),
		.help_bytes = (uint16_t)strlen(help),
	};

	f->ints += MUSTER__DROP_CELLS;
	if (bounds_count)
		n = forge_put(tail, n, bounds, bounds_count * sizeof *bounds);
	n = forge_put(tail, n, name, r.name_bytes);
	n = forge_put(tail, n, help, r.help_bytes);
	if (label)
		n = forge_put_counted(tail, n, label);
	return forge_record(f, MUSTER__RECORD_FAMILY, &r, sizeof r, tail, n);
}

static inline struct muster__family_shm *forge_family(struct forge *f, enum muster_type type, enum muster_mode mode,
                                                      const char *name, const char *label)
{
	static const double bounds[] = {1, 2};

	return forge_family_full(f, type, mode, name, "Help.", label, bounds, type == MUSTER_HISTOGRAM ? 2 : 0);
}

/* Parameters may be wrong, too. */
static inline uint32_t forge_native_words(const struct muster__family_shm *family)
{
	const double *parameters = (const double *)(const void *)(family + 1);
	bool usual = family->bounds_count == MUSTER__NATIVE_PARAMETERS && parameters[MUSTER__NATIVE_BUCKETS_MAX] < 1e6;

	return usual && parameters[MUSTER__NATIVE_BUCKETS_MAX] >= 0
	           ? muster__native_bank_words(muster__native_shape(parameters))
	           : MUSTER__NATIVE_BUCKETS + 2 * MUSTER__NATIVE_BUCKETS_LEAST;
}

/* A series of the family declared last, with the cells that come next. */
static inline struct muster__series_shm *forge_series(struct forge *f, const char *value)
{
	char tail[16384];
	size_t n = value ? forge_put_counted(tail, 0, value) : 0;
	const struct muster__family_shm *family = NULL;
	size_t used = forge_header(f)->catalogue_used;

	for (size_t at = 0; at < used;) {
		const struct muster__record_shm *r = (const void *)(forge_catalogue(f) + at);
		if (r->kind == MUSTER__RECORD_FAMILY)
			family = (const void *)r;
		at += r->bytes;
	}
	struct muster__series_shm s = {
		.family = f->families - 1, .int_cell = MUSTER__NO_CELL, .real_cell = MUSTER__NO_CELL, .created_unix_ns = 1};
	bool recent = family->mode == MUSTER_MOSTRECENT || family->mode == MUSTER_LIVEMOSTRECENT;
	bool native = family->type == MUSTER_NATIVE_HISTOGRAM;
	bool pair = recent || native || family->type == MUSTER_HISTOGRAM || family->type == MUSTER_SUMMARY;
	if (family->type == MUSTER_GAUGE && !recent) {
		s.int_cell = f->gauges++;
	} else if (family->type != MUSTER_REAL_COUNTER) {
		s.int_cell = f->ints;
		f->ints +=
			native ? forge_native_words(family) : (family->type == MUSTER_SUMMARY ? 0 : family->bounds_count) + 1;
	}
	if (pair || family->type == MUSTER_REAL_COUNTER)
		s.real_cell = f->reals++;
	f->series++;
	return forge_record(f, MUSTER__RECORD_SERIES, &s, sizeof s, tail, n);
}

/* Slots for a series, and {a="b"} 1 in the first, which is returned. */
static inline uint64_t *forge_exemplars(struct forge *f, uint32_t series, uint32_t slot)
{
	const struct muster__exemplars_shm r = {.series = series, .slot = slot};
	const uint64_t off = 4096 + FORGE_CATALOGUE + 64 * 8;
	uint64_t *words = (uint64_t *)(void *)(f->bytes + off) + slot * MUSTER__EXEMPLAR_WORDS;

	forge_header(f)->exemplars = (struct muster__exemplar_area){.off = off, .slots = FORGE_EXEMPLARS};
	(void)forge_record(f, MUSTER__RECORD_EXEMPLARS, &r, sizeof r, NULL, 0);
	words[MUSTER__EXEMPLAR_CLAIM] = UINT64_C(1) << 32;
	words[MUSTER__EXEMPLAR_VALUE] = muster__bits(1);
	words[MUSTER__EXEMPLAR_TIME] = UINT64_C(1700000000000000000);
	words[MUSTER__EXEMPLAR_BYTES] = 4;
	memcpy(words + MUSTER__EXEMPLAR_LABELS, "\1a\1b", 4);
	return words;
}

/* Write it under a name of its own; `seal` recomputes the checksum. */
static inline void forge_write(struct forge *f, const char *name, bool seal, size_t bytes)
{
	char path[200];

	if (seal)
		forge_header(f)->checksum = muster__header_checksum(forge_header(f));
	(void)snprintf(path, sizeof path, "%s/%s", support_region, name);
	int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, f->bytes, bytes), (ssize_t)bytes);
	close(fd);
}

#endif
