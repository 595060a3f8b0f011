/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pool.c - blocks that double up to BLOCK_BYTES_MAX, filled from the front. Private memory of readers.
 */
#include "pool.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES_FIRST 4096u
#define BLOCK_BYTES_MAX (1u << 20)

struct muster__pool_block {
	struct muster__pool_block *before;
	size_t capacity;
	unsigned char bytes[];
};

static int block_add(struct muster__pool *pool, size_t need)
{
	size_t capacity = pool->last ? pool->last->capacity * 2 : BLOCK_BYTES_FIRST;

	if (capacity > BLOCK_BYTES_MAX)
		capacity = BLOCK_BYTES_MAX;
	if (capacity < need)
		capacity = need;
	struct muster__pool_block *block = malloc(sizeof *block + capacity + MUSTER__POOL_SLACK);
	if (block == NULL)
		return -1;
	block->before = pool->last;
	block->capacity = capacity;
	pool->last = block;
	pool->used = 0;
	return 0;
}

void *muster__pool_take(struct muster__pool *pool, size_t bytes)
{
	bytes = (bytes + 7) & ~(size_t)7;
	if ((pool->last == NULL || pool->last->capacity - pool->used < bytes) && block_add(pool, bytes) != 0)
		return NULL;
	/* The slack behind it too, that what is read there is no other than zero or a neighbour. */
	void *taken = memset(pool->last->bytes + pool->used, 0, bytes + MUSTER__POOL_SLACK);
	pool->used += bytes;
	return taken;
}

void muster__pool_return(struct muster__pool *pool, void *taken)
{
	pool->used = (size_t)((unsigned char *)taken - pool->last->bytes);
}

void muster__pool_clear(struct muster__pool *pool)
{
	for (struct muster__pool_block *block = pool->last, *before; block; block = before) {
		before = block->before;
		free(block);
	}
	*pool = (struct muster__pool){0};
}
