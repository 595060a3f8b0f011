/* SPDX-License-Identifier: Apache-2.0 */
/*
 * index.h - a hash index over the items of some array: 8 bytes a slot, items only ever join.
 *
 * The hash function is seeded at random, since the keys come from workers.
 */
#ifndef MUSTER__INDEX_H
#define MUSTER__INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MUSTER__INDEX_NONE UINT32_MAX

struct muster__index_slot {
	uint32_t hash, item_plus1; /* item_plus1 0: free */
};

struct muster__index {
	struct muster__index_slot *slots;
	uint32_t mask, used;
};

/* Is the item the one looked for? */
typedef bool muster__index_equals_fn(const void *ctx, uint32_t item);

/* The item with this hash that equals() accepts, or MUSTER__INDEX_NONE. */
uint32_t muster__index_find(const struct muster__index *index, uint64_t hash, muster__index_equals_fn *equals,
                            const void *ctx);

/* Make room for one more item. Returns 0 or -ENOMEM. */
int muster__index_reserve(struct muster__index *index);

/* Enter an item; room was reserved. */
void muster__index_add(struct muster__index *index, uint64_t hash, uint32_t item);

void muster__index_clear(struct muster__index *index);

/* Hash of bytes; chain several runs by giving the hash before as `start`. */
uint64_t muster__hash(uint64_t start, const void *bytes, size_t count);

#endif
