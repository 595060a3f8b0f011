/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kept.c - writing and reading the records that a reader keeps.
 *
 * An entry is a byte that says of what kind it is, then, of a shortened series: what is to be added to those words
 * of the header before it that differ; how many bytes of the label values are the same; how many others follow, and
 * these. Zeros at the end are left out. Times are kept as what is to be added to the one before. Numbers have seven
 * bits in a byte, the lowest first; bit 7 says that more follow. What is added may be negative: its sign is the lowest
 * bit.
 */
#include "kept.h"

#include <stddef.h>

#include "grow.h"

#define BLOCK 32u /* series */
#define NUMBER_BYTES_MAX 10u
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
	c->created = 0;
}

/* ---- reading ------------------------------------------------------------------------------ */

static uint64_t number_read(const unsigned char **at)
{
	unsigned char byte = *(*at)++;
	uint64_t n = byte & 0x7f;

	for (unsigned shift = 7; byte >= 0x80; shift += 7) {
		byte = *(*at)++;
		n |= (uint64_t)(byte & 0x7f) << shift;
	}
	return n;
}

static uint64_t signed_read(const unsigned char **at)
{
	uint64_t n = number_read(at);

	return n >> 1 ^ -(n & 1);
}

static void time_next(struct muster__kept_cursor *c)
{
	const unsigned char *at = c->kept->times + c->times;

	c->created += signed_read(&at);
	c->times = (size_t)(at - c->kept->times);
}

static const struct muster__record_shm *raw_next(struct muster__kept_cursor *c)
{
	const struct muster__record_shm *record = (const void *)(c->kept->raw + c->raw);

	c->raw += record->bytes;
	return record;
}

/* Mostly there are few others and fewer zeros, for which a call costs more than the copy. */
static void tail_read(struct muster__kept_cursor *c, uint32_t same, const unsigned char *others, uint32_t count)
{
	unsigned char *to = tail(c) + same, *end = c->last.bytes + c->last.record.record.bytes;
	size_t readable = (size_t)(c->kept->packed + c->kept->packed_count - others);

	if (count <= 8 && readable >= 8)
		memcpy(to, others, 8);
	else
		memcpy(to, others, count);
	to += count;
	if (end - to <= 8)
		memset(to, 0, 8);
	else
		memset(to, 0, (size_t)(end - to));
}

static const struct muster__record_shm *shortened_next(struct muster__kept_cursor *c, unsigned differing)
{
	const unsigned char *at = c->kept->packed + c->packed;

	for (; differing; differing &= differing - 1)
		words(c)[__builtin_ctz(differing)] += (uint32_t)signed_read(&at);
	uint32_t same = (uint32_t)number_read(&at), others = (uint32_t)number_read(&at);
	tail_read(c, same, at, others);
	c->packed = (size_t)(at + others - c->kept->packed);
	c->last.record.created_unix_ns = c->created;
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
	time_next(c);
	if (!(entry & ENTRY_RAW))
		return shortened_next(c, entry & ENTRY_WORDS);
	struct muster__series_shm *series = (void *)(c->kept->raw + c->raw);
	series->created_unix_ns = c->created;
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
	c->times = block ? kept->blocks[block].times : 0;
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
	    muster__grow(&kept->times, &kept->times_capacity, kept->times_count + NUMBER_BYTES_MAX, 1) != 0)
		return -ENOMEM;
	return muster__grow(&kept->blocks, &kept->blocks_capacity, kept->series / BLOCK + 1, sizeof *kept->blocks);
}

/* Returns how many bytes it took. */
static size_t number_put(unsigned char *to, uint64_t n)
{
	size_t count = 0;

	for (; n >= 0x80; n >>= 7)
		to[count++] = (unsigned char)(n | 0x80);
	to[count++] = (unsigned char)n;
	return count;
}

static size_t signed_put(unsigned char *to, uint64_t n)
{
	return number_put(to, n << 1 ^ -(n >> 63));
}

static void words_put(struct muster__kept *kept, const uint32_t *before, const uint32_t *now)
{
	unsigned char *entry = kept->packed + kept->packed_count++;

	*entry = ENTRY_SERIES;
	for (uint32_t i = 0; i < WORDS; i++) {
		int32_t more = (int32_t)(now[i] - before[i]);
		if (more == 0)
			continue;
		*entry |= (unsigned char)(1u << i);
		kept->packed_count += signed_put(kept->packed + kept->packed_count, (uint64_t)(int64_t)more);
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

	while (n + 8 <= count && memcmp(a + n, b + n, 8) == 0)
		n += 8;
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

	kept->packed_count += number_put(kept->packed + kept->packed_count, same);
	kept->packed_count += number_put(kept->packed + kept->packed_count, count - same);
	memcpy(kept->packed + kept->packed_count, now + same, count - same);
	kept->packed_count += count - same;
}

static void raw_put(struct muster__kept *kept, unsigned entry, const struct muster__record_shm *record)
{
	kept->packed[kept->packed_count++] = (unsigned char)entry;
	memcpy(kept->raw + kept->raw_count, record, record->bytes);
	kept->raw_count += record->bytes;
}

static void series_put(struct muster__kept *kept, struct muster__kept_cursor *end,
                       const struct muster__series_shm *series)
{
	const unsigned char *bytes = (const void *)series;
	uint32_t count = series->record.bytes;

	if (kept->series % BLOCK == 0) {
		kept->blocks[kept->series / BLOCK] = (struct muster__kept_block){
			(uint32_t)kept->packed_count, (uint32_t)kept->raw_count, (uint32_t)kept->times_count};
		last_forget(end);
	}
	kept->series++;
	kept->times_count += signed_put(kept->times + kept->times_count, series->created_unix_ns - end->created);
	end->created = series->created_unix_ns;
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
	end->times = kept->times_count;
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
	trim(&kept->times, &kept->times_capacity, kept->times_count, 1);
}

void muster__kept_free(struct muster__kept *kept)
{
	free(kept->packed);
	free(kept->raw);
	free(kept->times);
	free(kept->blocks);
	*kept = (struct muster__kept){0};
}

/* ---- times -------------------------------------------------------------------------------- */

/* Of the next series record from *bytes on, which there is. */
static uint64_t created_next(const unsigned char **bytes)
{
	struct muster__record_shm record;
	const unsigned char *at;
	uint64_t created;

	do {
		at = *bytes;
		memcpy(&record, at, sizeof record);
		*bytes += record.bytes;
	} while (record.kind != MUSTER__RECORD_SERIES);
	memcpy(&created, at + offsetof(struct muster__series_shm, created_unix_ns), sizeof created);
	return created;
}

/* What the times are when the earlier of two stands.
 *   to    where they go, and the blocks are told; NULL: they are only counted
 *   any   whether one of the others is earlier
 * Returns how many bytes they take. */
static size_t times_merge(const struct muster__kept *kept, const unsigned char *bytes, unsigned char *to, bool *any)
{
	unsigned char number[NUMBER_BYTES_MAX] = {0};
	const unsigned char *at = kept->times;
	uint64_t own = 0, last = 0;
	size_t count = 0;

	for (uint32_t i = 0; i < kept->series; i++) {
		if (i % BLOCK == 0) {
			own = last = 0;
			if (to)
				kept->blocks[i / BLOCK].times = (uint32_t)count;
		}
		own += signed_read(&at);
		uint64_t other = created_next(&bytes);
		bool earlier = other && (own == 0 || other < own);
		count += signed_put(to ? to + count : number, (earlier ? other : own) - last);
		last = earlier ? other : own;
		*any |= earlier;
	}
	return count;
}

int muster__kept_created_take(struct muster__kept *kept, const unsigned char *bytes, bool *anew)
{
	bool any = false;
	size_t count = times_merge(kept, bytes, NULL, &any);

	if (!any)
		return 0;
	unsigned char *times = malloc(count);
	if (times == NULL)
		return -ENOMEM;
	(void)times_merge(kept, bytes, times, &any);
	free(kept->times);
	kept->times = times;
	kept->times_count = kept->times_capacity = count;
	*anew = true;
	return 0;
}
