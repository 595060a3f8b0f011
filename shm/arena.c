/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arena.c - the process's own memory for families, series and tables: taken from mmap, never given back,
 * so that a signal handler may create a series while malloc is interrupted. Under the store's lock.
 */
#include <sys/mman.h>

#include "store.h"

#define CHUNK_BYTES (UINT64_C(64) << 10)

static unsigned char *chunk;
static size_t chunk_used, chunk_bytes;

static bool chunk_refill(size_t bytes)
{
	size_t want = bytes > CHUNK_BYTES ? (bytes + MUSTER__PAGE - 1) / MUSTER__PAGE * MUSTER__PAGE : CHUNK_BYTES;
	void *p = mmap(NULL, want, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return false;
	chunk = p;
	chunk_used = 0;
	chunk_bytes = want;
	return true;
}

void *muster__arena_alloc(size_t bytes, size_t align)
{
	size_t at = (chunk_used + align - 1) / align * align;

	if (chunk == NULL || at + bytes > chunk_bytes) {
		if (!chunk_refill(bytes))
			return NULL;
		at = 0;
	}
	chunk_used = at + bytes;
	return chunk + at;
}
