/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pool.h - small things of the read side that only join, and go all together: no header per thing, no gap, and four
 * bytes to say where one is.
 */
#ifndef MUSTER__POOL_H
#define MUSTER__POOL_H

#include <stddef.h>
#include <stdint.h>

/* So many bytes behind everything in a pool may be read, as copies by whole chunks do. */
#define MUSTER__POOL_SLACK 32

#define MUSTER__POOL_BLOCK_WORDS (1u << 17)

struct muster__pool {
	uint64_t **blocks; /* of MUSTER__POOL_BLOCK_WORDS at most */
	size_t blocks_count, blocks_capacity;
	uint32_t capacity, used; /* words, of the last block */
};

/* Bytes that are zero, aligned for a pointer; at most a block.
 *   at   where they are
 * Returns them; NULL for want of memory. */
void *muster__pool_take(struct muster__pool *pool, size_t bytes, uint32_t *at);
/* Give back what was taken last. */
void muster__pool_return(struct muster__pool *pool, uint32_t at);
/* Free all. */
void muster__pool_clear(struct muster__pool *pool);

static inline void *muster__pool_at(const struct muster__pool *pool, uint32_t at)
{
	return pool->blocks[at / MUSTER__POOL_BLOCK_WORDS] + at % MUSTER__POOL_BLOCK_WORDS;
}

#endif
