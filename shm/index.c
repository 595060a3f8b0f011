/* SPDX-License-Identifier: Apache-2.0 */
/*
 * index.c - open addressing with linear probing, at most seven of eight slots full. Runs in readers; may use malloc.
 */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "index.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#define SLOTS_FIRST 16u
#define SLOTS_FREE_PART 8u /* one of so many stays free */
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

/* Where an item of this hash is looked for first, and which bits of its slot are the hash's. */
static uint32_t slot_first(const struct muster__index *index, uint64_t hash)
{
	return (uint32_t)((hash >> 32) * index->slot_count >> 32);
}

static uint32_t slot_next(const struct muster__index *index, uint32_t at)
{
	return at + 1 < index->slot_count ? at + 1 : 0;
}

uint32_t muster__index_find(const struct muster__index *index, uint64_t hash, muster__index_equals_fn *equals,
                            const void *ctx)
{
	uint32_t mark = (uint32_t)hash & ~index->item_mask;

	if (index->slots == NULL)
		return MUSTER__INDEX_NONE;
	for (uint32_t at = slot_first(index, hash); index->slots[at]; at = slot_next(index, at)) {
		uint32_t item = (index->slots[at] & index->item_mask) - 1;
		if ((index->slots[at] & ~index->item_mask) == mark && equals(ctx, item))
			return item;
	}
	return MUSTER__INDEX_NONE;
}

static size_t room(const struct muster__index *index)
{
	return index->slot_count - index->slot_count / SLOTS_FREE_PART;
}

int muster__index_reserve(struct muster__index *index, size_t count, muster__index_fill_fn *fill, void *owner)
{
	if (count <= room(index))
		return 0;
	size_t slots = count + count / (SLOTS_FREE_PART - 1) + 1, least = index->slot_count + index->slot_count / 4u;
	slots = slots < least ? least : slots;
	slots = slots < SLOTS_FIRST ? SLOTS_FIRST : slots;
	uint32_t *made = slots > SLOTS_MAX ? NULL : calloc(slots, sizeof *made);
	if (made == NULL)
		return -ENOMEM;
	free(index->slots);
	*index = (struct muster__index){.slots = made, .slot_count = (uint32_t)slots};
	index->item_mask = UINT32_MAX >> __builtin_clz((uint32_t)room(index) * 2);
	fill(owner);
	return 0;
}

void muster__index_add(struct muster__index *index, uint64_t hash, uint32_t item)
{
	uint32_t at = slot_first(index, hash);

	while (index->slots[at])
		at = slot_next(index, at);
	index->slots[at] = ((uint32_t)hash & ~index->item_mask) | (item + 1);
}

void muster__index_clear(struct muster__index *index)
{
	free(index->slots);
	*index = (struct muster__index){0};
}
