/* SPDX-License-Identifier: Apache-2.0 */
/*
 * index.c - open addressing with linear probing, at most half full. Runs in readers; may use malloc.
 */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "index.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#define SLOTS_FIRST 16u
#define SLOTS_MAX (1u << 30)

static uint64_t seed;

static __attribute__((constructor(101))) void seed_read(void)
{
	if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) != sizeof seed)
		seed = (uintptr_t)&seed;
}

uint64_t muster__hash(uint64_t start, const void *bytes, size_t count)
{
	return XXH3_64bits_withSeed(bytes, count, seed ^ start);
}

static void put(struct muster__index *index, uint32_t hash, uint32_t item_plus1)
{
	uint32_t at = hash & index->mask;

	while (index->slots[at].item_plus1)
		at = (at + 1) & index->mask;
	index->slots[at] = (struct muster__index_slot){hash, item_plus1};
	index->used++;
}

uint32_t muster__index_find(const struct muster__index *index, uint64_t hash, muster__index_equals_fn *equals,
                            const void *ctx)
{
	if (index->slots == NULL)
		return MUSTER__INDEX_NONE;
	for (uint32_t at = (uint32_t)hash & index->mask; index->slots[at].item_plus1; at = (at + 1) & index->mask)
		if (index->slots[at].hash == (uint32_t)hash && equals(ctx, index->slots[at].item_plus1 - 1))
			return index->slots[at].item_plus1 - 1;
	return MUSTER__INDEX_NONE;
}

int muster__index_reserve(struct muster__index *index)
{
	uint32_t count = index->slots ? index->mask + 1 : 0;

	if (count && (index->used + 1) * 2 <= count)
		return 0;
	if (count >= SLOTS_MAX)
		return -ENOMEM;
	struct muster__index grown = {.mask = (count ? count * 2 : SLOTS_FIRST) - 1};
	grown.slots = calloc((size_t)grown.mask + 1, sizeof *grown.slots);
	if (grown.slots == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < count; i++)
		if (index->slots[i].item_plus1)
			put(&grown, index->slots[i].hash, index->slots[i].item_plus1);
	free(index->slots);
	*index = grown;
	return 0;
}

void muster__index_add(struct muster__index *index, uint64_t hash, uint32_t item)
{
	put(index, (uint32_t)hash, item + 1);
}

void muster__index_clear(struct muster__index *index)
{
	free(index->slots);
	*index = (struct muster__index){0};
}
