/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pool.h - small things of the read side that only join, and go all together: no header per thing, no gap.
 */
#ifndef MUSTER__POOL_H
#define MUSTER__POOL_H

#include <stddef.h>

/* So many bytes behind everything in a pool may be read, as copies by whole chunks do. */
#define MUSTER__POOL_SLACK 32

struct muster__pool {
	struct muster__pool_block *last;
	size_t used; /* of the last block */
};

/* Bytes that are zero, aligned for a pointer; NULL for want of memory. */
void *muster__pool_take(struct muster__pool *pool, size_t bytes);
/* Give back what was taken last. */
void muster__pool_return(struct muster__pool *pool, void *taken);
/* Free all. */
void muster__pool_clear(struct muster__pool *pool);

#endif
