/* SPDX-License-Identifier: Apache-2.0 */
/*
 * header_check.c - is this page the header of a slab this reader can read?
 *
 * A pure function on a private copy. Every number that later bounds an address is bounded here, without
 * arithmetic that could wrap around.
 */
#include "grow.h"
#include "slab.h"

/* What one slab may ask of a reader. */
#define FILE_BYTES_MAX (UINT64_C(8) << 30)
#define BANKS_MAX 4096u

static int format_check(const struct muster__header_shm *h)
{
	if (h->magic == __builtin_bswap64(MUSTER__MAGIC))
		return MUSTER__BAD(MACHINE);
	if (h->magic != MUSTER__MAGIC)
		return MUSTER__BAD(MAGIC);
	if (h->byte_order != MUSTER__BYTE_ORDER || h->word_bytes != 8)
		return MUSTER__BAD(MACHINE);
	return h->major == MUSTER__FORMAT_MAJOR ? 0 : MUSTER__BAD(VERSION);
}

static bool multiple_of_8(const struct muster__geometry *g)
{
	return ((g->catalogue_off | g->catalogue_bytes | g->gauge_off | g->bank_off | g->bank_stride | g->real_off) & 7) ==
	       0;
}

/* [off, off + bytes) ends at `end` or before, and off is not before `begin`. */
static bool inside(uint64_t begin, uint64_t off, uint64_t bytes, uint64_t end)
{
	return off >= begin && off <= end && bytes <= end - off;
}

static bool geometry_possible(const struct muster__geometry *g)
{
	uint64_t gauges = (uint64_t)g->gauge_cells * 8, reals = (uint64_t)g->real_cells * 8;
	uint64_t ints = (MUSTER__WORD_CELLS + (uint64_t)g->int_cells) * 8, banks;

	return multiple_of_8(g) && g->bank_count > 0 &&
	       inside(MUSTER__PAGE, g->catalogue_off, g->catalogue_bytes, g->gauge_off) &&
	       inside(MUSTER__PAGE, g->gauge_off, gauges, g->bank_off) &&
	       inside(ints, g->real_off, reals, g->bank_stride) &&
	       !__builtin_mul_overflow(g->bank_stride, g->bank_count, &banks) &&
	       inside(MUSTER__PAGE, g->bank_off, banks, g->file_bytes);
}

/* Between the gauges and the banks, so that it is mapped with the first of these. */
static bool sketches_possible(const struct muster__header_shm *h)
{
	const struct muster__geometry *g = &h->geometry;
	uint64_t begin = g->gauge_off + (uint64_t)g->gauge_cells * 8;

	if (h->minor < 3 || h->sketches.count == 0)
		return true;
	return h->sketches.off % 8 == 0 &&
	       inside(begin, h->sketches.off, muster__sketch_area_bytes(h->sketches.count), g->bank_off);
}

/* Between the gauges and the banks, where every reader has it mapped. */
static bool exemplars_possible(const struct muster__header_shm *h)
{
	const struct muster__geometry *g = &h->geometry;
	const struct muster__exemplar_area *area = &h->exemplars;
	uint64_t bytes = area->slots * (uint64_t)sizeof(struct muster__exemplar_shm);

	if (h->minor < 4 || area->slots == 0)
		return true;
	return (area->off & 7) == 0 && inside(g->gauge_off + (uint64_t)g->gauge_cells * 8, area->off, bytes, g->bank_off);
}

static bool within_budget(const struct muster__geometry *g)
{
	return g->file_bytes <= FILE_BYTES_MAX && g->catalogue_bytes <= MUSTER__CATALOGUE_BYTES_MAX &&
	       g->bank_count <= BANKS_MAX;
}

int muster__header_check(const struct muster__header_shm *header, uint64_t file_bytes, bool ledger)
{
	int rc = format_check(header);

	if (rc != 0)
		return rc;
	if (header->checksum != muster__header_checksum(header) || header->header_bytes != MUSTER__PAGE ||
	    header->kind != (ledger ? MUSTER__KIND_LEDGER : MUSTER__KIND_SLAB) || !geometry_possible(&header->geometry) ||
	    !sketches_possible(header) || !exemplars_possible(header))
		return MUSTER__BAD(HEADER);
	if (header->geometry.file_bytes > file_bytes)
		return MUSTER__BAD(SHORT);
	return within_budget(&header->geometry) ? 0 : MUSTER__BAD(BUDGET);
}
