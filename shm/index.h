/* SPDX-License-Identifier: Apache-2.0 */
/*
 * index.h - a hash index over the items of some array: 4 bytes a slot, items only ever join.
 *
 * A slot has the item's number and as many bits of its hash as are left beside it. So a table that is to be larger
 * cannot be made from the one before: its owner enters the items again, and only one table is there at a time.
 * The hash function is seeded at random, since the keys come from workers.
 */
#ifndef MUSTER__INDEX_H
#define MUSTER__INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MUSTER__INDEX_NONE UINT32_MAX

struct muster__index {
	uint32_t *slots; /* 0: free; else item + 1, and bits of the hash outside item_mask */
	uint32_t slot_count, item_mask;
};

/* Is the item the one looked for? */
typedef bool muster__index_equals_fn(const void *ctx, uint32_t item);

/* Enter all items that the owner has; the table is empty, and has room for them. */
typedef void muster__index_fill_fn(void *owner);

/* The item with this hash that equals() accepts, or MUSTER__INDEX_NONE. */
uint32_t muster__index_find(const struct muster__index *index, uint64_t hash, muster__index_equals_fn *equals,
                            const void *ctx);

/* Make room for `count` items in all, whose numbers are below twice that. Returns 0; -ENOMEM, and nothing has changed.
 */
int muster__index_reserve(struct muster__index *index, size_t count, muster__index_fill_fn *fill, void *owner);

/* Enter an item; room was reserved. */
void muster__index_add(struct muster__index *index, uint64_t hash, uint32_t item);

void muster__index_clear(struct muster__index *index);

/* Hash of bytes; chain several runs by giving the hash before as `start`. */
uint64_t muster__hash(uint64_t start, const void *bytes, size_t count);

#endif
