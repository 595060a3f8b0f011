/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pool.c - blocks that double up to MUSTER__POOL_BLOCK_WORDS, filled from the front. Private memory of readers.
 */
#include "pool.h"

#include "grow.h"

#define BLOCK_WORDS_FIRST 512u
#define BLOCKS_MAX (1u << 15)

static int block_add(struct muster__pool *pool, uint32_t need)
{
	uint32_t capacity = pool->capacity ? pool->capacity * 2 : BLOCK_WORDS_FIRST;

	capacity = capacity < need ? need : capacity;
	capacity = capacity > MUSTER__POOL_BLOCK_WORDS ? MUSTER__POOL_BLOCK_WORDS : capacity;
	if (need > capacity || pool->blocks_count >= BLOCKS_MAX ||
	    muster__grow(&pool->blocks, &pool->blocks_capacity, pool->blocks_count + 1, sizeof *pool->blocks) != 0)
		return -ENOMEM;
	uint64_t *block = malloc(capacity * sizeof *block + MUSTER__POOL_SLACK);
	if (block == NULL)
		return -ENOMEM;
	pool->blocks[pool->blocks_count++] = block;
	pool->capacity = capacity;
	pool->used = 0;
	return 0;
}

void *muster__pool_take(struct muster__pool *pool, size_t bytes, uint32_t *at)
{
	size_t words = (bytes + 7) / 8;

	if (words > MUSTER__POOL_BLOCK_WORDS ||
	    (pool->capacity - pool->used < words && block_add(pool, (uint32_t)words) != 0))
		return NULL;
	uint32_t block = (uint32_t)pool->blocks_count - 1;
	*at = block * MUSTER__POOL_BLOCK_WORDS + pool->used;
	pool->used += (uint32_t)words;
	/* The slack too: what is read there is zero, or a neighbour. */
	return memset(muster__pool_at(pool, *at), 0, words * 8 + MUSTER__POOL_SLACK);
}

void muster__pool_return(struct muster__pool *pool, uint32_t at)
{
	pool->used = at % MUSTER__POOL_BLOCK_WORDS;
}

void muster__pool_clear(struct muster__pool *pool)
{
	for (size_t i = 0; i < pool->blocks_count; i++)
		free(pool->blocks[i]);
	free(pool->blocks);
	*pool = (struct muster__pool){0};
}
