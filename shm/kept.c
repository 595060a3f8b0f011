/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kept.c - writing and reading the records that a reader keeps.
 *
 * An entry is a byte that says of what kind it is, then, of a shortened series: what is to be added to those words
 * of the header before it that differ; how many bytes of the label values are the same; how many others follow, and
 * these. Zeros at the end are left out. Numbers have seven bits in a byte, the lowest first; bit 7 says that more
 * follow. What is added to a word may be negative: its sign is the lowest bit.
 */
#include "kept.h"

#include <stddef.h>

#include "grow.h"

#define BLOCK 32u /* series */
#define NUMBER_BYTES_MAX 5u
#define WORDS 6u /* of the header, before the time */

/* Of an entry's first byte. */
#define ENTRY_SERIES 0x80u
#define ENTRY_RAW 0x40u   /* as it is; so are all that are no series */
#define ENTRY_WORDS 0x3fu /* those that differ */

_Static_assert(offsetof(struct muster__series_shm, created_unix_ns) == WORDS * sizeof(uint32_t),
               "words, then the time");

static uint32_t *words(struct muster__kept_cursor *c)
{
	return (uint32_t *)(void *)c->last.bytes;
}

static unsigned char *tail(struct muster__kept_cursor *c)
{
	return c->last.bytes + sizeof c->last.record;
}

static void last_forget(struct muster__kept_cursor *c)
{
	c->last.record = (struct muster__series_shm){.record.bytes = sizeof c->last.record};
}

/* ---- reading ------------------------------------------------------------------------------ */

static uint32_t number_read(const unsigned char **at)
{
	uint32_t n = 0;

	for (unsigned shift = 0;; shift += 7) {
		unsigned char byte = *(*at)++;
		n |= (uint32_t)(byte & 0x7f) << shift;
		if (byte < 0x80)
			return n;
	}
}

static const struct muster__record_shm *raw_next(struct muster__kept_cursor *c)
{
	const struct muster__record_shm *record = (const void *)(c->kept->raw + c->raw);

	c->raw += record->bytes;
	return record;
}

static const struct muster__record_shm *shortened_next(struct muster__kept_cursor *c, unsigned differing)
{
	const unsigned char *at = c->kept->packed + c->packed;

	for (; differing; differing &= differing - 1) {
		uint32_t n = number_read(&at);
		words(c)[__builtin_ctz(differing)] += n >> 1 ^ -(n & 1);
	}
	uint32_t same = number_read(&at), others = number_read(&at);
	memcpy(tail(c) + same, at, others);
	memset(tail(c) + same + others, 0, c->last.record.record.bytes - sizeof c->last.record - same - others);
	c->packed = (size_t)(at + others - c->kept->packed);
	c->last.record.created_unix_ns = c->kept->created[c->series - 1];
	return &c->last.record.record;
}

const struct muster__record_shm *muster__kept_next(struct muster__kept_cursor *c)
{
	if (c->packed == c->kept->packed_count)
		return NULL;
	unsigned entry = c->kept->packed[c->packed++];
	if (!(entry & ENTRY_SERIES))
		return raw_next(c);
	if (c->series++ % BLOCK == 0)
		last_forget(c);
	if (!(entry & ENTRY_RAW))
		return shortened_next(c, entry & ENTRY_WORDS);
	struct muster__series_shm *series = (void *)(c->kept->raw + c->raw);
	series->created_unix_ns = c->kept->created[c->series - 1];
	return raw_next(c);
}

const struct muster__series_shm *muster__kept_series_next(struct muster__kept_cursor *c)
{
	const struct muster__record_shm *record;
	uint32_t before = c->series;

	do
		record = muster__kept_next(c);
	while (record && c->series == before);
	return (const void *)record;
}

void muster__kept_begin(struct muster__kept_cursor *c, const struct muster__kept *kept, uint32_t series)
{
	uint32_t block = series && series == kept->series ? (series - 1) / BLOCK : series / BLOCK;

	c->kept = kept;
	c->packed = block ? kept->blocks[block].packed : 0;
	c->raw = block ? kept->blocks[block].raw : 0;
	c->series = block * BLOCK;
	while (c->series < series)
		(void)muster__kept_next(c);
}

void muster__kept_end(struct muster__kept_cursor *c, const struct muster__kept *kept)
{
	muster__kept_begin(c, kept, kept->series);
	while (muster__kept_next(c))
		;
}

const struct muster__series_shm *muster__kept_series(struct muster__kept_cursor *c, const struct muster__kept *kept,
                                                     uint32_t series)
{
	muster__kept_begin(c, kept, series);
	return muster__kept_series_next(c);
}

/* ---- adding ------------------------------------------------------------------------------- */

int muster__kept_reserve(struct muster__kept *kept, uint32_t bytes)
{
	size_t entry = 1 + (WORDS + 2) * NUMBER_BYTES_MAX + MUSTER__KEPT_SHORTENED_MAX;

	if (muster__grow(&kept->packed, &kept->packed_capacity, kept->packed_count + entry, 1) != 0 ||
	    muster__grow(&kept->raw, &kept->raw_capacity, kept->raw_count + bytes, 1) != 0 ||
	    muster__grow(&kept->created, &kept->created_capacity, kept->series + 1, sizeof *kept->created) != 0)
		return -ENOMEM;
	return muster__grow(&kept->blocks, &kept->blocks_capacity, kept->series / BLOCK + 1, sizeof *kept->blocks);
}

static void byte_put(struct muster__kept *kept, unsigned byte)
{
	kept->packed[kept->packed_count++] = (unsigned char)byte;
}

static void number_put(struct muster__kept *kept, uint32_t n)
{
	for (; n >= 0x80; n >>= 7)
		byte_put(kept, n | 0x80);
	byte_put(kept, n);
}

static void words_put(struct muster__kept *kept, const uint32_t *before, const uint32_t *now)
{
	size_t entry = kept->packed_count;

	byte_put(kept, ENTRY_SERIES);
	for (uint32_t i = 0; i < WORDS; i++) {
		uint32_t more = now[i] - before[i];
		if (more == 0)
			continue;
		kept->packed[entry] |= (unsigned char)(1u << i);
		number_put(kept, more << 1 ^ -(more >> 31));
	}
}

static uint32_t without_zeros(const unsigned char *bytes, uint32_t count)
{
	while (count && bytes[count - 1] == 0)
		count--;
	return count;
}

static uint32_t same_count(const unsigned char *a, const unsigned char *b, uint32_t count)
{
	uint32_t n = 0;

	while (n < count && a[n] == b[n])
		n++;
	return n;
}

static void tail_put(struct muster__kept *kept, struct muster__kept_cursor *end, const unsigned char *now,
                     uint32_t bytes)
{
	uint32_t count = without_zeros(now, bytes),
			 before = end->last.record.record.bytes - (uint32_t)sizeof end->last.record;
	uint32_t same = same_count(tail(end), now, count < before ? count : before);

	number_put(kept, same);
	number_put(kept, count - same);
	memcpy(kept->packed + kept->packed_count, now + same, count - same);
	kept->packed_count += count - same;
}

static void raw_put(struct muster__kept *kept, unsigned entry, const struct muster__record_shm *record)
{
	byte_put(kept, entry);
	memcpy(kept->raw + kept->raw_count, record, record->bytes);
	kept->raw_count += record->bytes;
}

static void series_put(struct muster__kept *kept, struct muster__kept_cursor *end,
                       const struct muster__series_shm *series)
{
	const unsigned char *bytes = (const void *)series;
	uint32_t count = series->record.bytes;

	if (kept->series % BLOCK == 0) {
		kept->blocks[kept->series / BLOCK] =
			(struct muster__kept_block){(uint32_t)kept->packed_count, (uint32_t)kept->raw_count};
		last_forget(end);
	}
	kept->created[kept->series++] = series->created_unix_ns;
	if (count > MUSTER__KEPT_SHORTENED_MAX) {
		raw_put(kept, ENTRY_SERIES | ENTRY_RAW, &series->record);
		return;
	}
	words_put(kept, words(end), (const void *)bytes);
	tail_put(kept, end, bytes + sizeof *series, count - (uint32_t)sizeof *series);
	memcpy(end->last.bytes, bytes, count);
}

void muster__kept_add(struct muster__kept *kept, struct muster__kept_cursor *end,
                      const struct muster__record_shm *record)
{
	if (record->kind == MUSTER__RECORD_SERIES)
		series_put(kept, end, (const void *)record);
	else
		raw_put(kept, 0, record);
	end->packed = kept->packed_count;
	end->raw = kept->raw_count;
	end->series = kept->series;
}

/* ---- room --------------------------------------------------------------------------------- */

static void trim(void *array, size_t *capacity, size_t count, size_t item_bytes)
{
	void *old, *less;

	memcpy(&old, array, sizeof old);
	less = count && count < *capacity ? realloc(old, count * item_bytes) : NULL;
	if (less == NULL)
		return;
	memcpy(array, &less, sizeof less);
	*capacity = count;
}

void muster__kept_trim(struct muster__kept *kept)
{
	trim(&kept->packed, &kept->packed_capacity, kept->packed_count, 1);
	trim(&kept->raw, &kept->raw_capacity, kept->raw_count, 1);
	trim(&kept->created, &kept->created_capacity, kept->series, sizeof *kept->created);
}

void muster__kept_free(struct muster__kept *kept)
{
	free(kept->packed);
	free(kept->raw);
	free(kept->created);
	free(kept->blocks);
	*kept = (struct muster__kept){0};
}
