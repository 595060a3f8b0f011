/* SPDX-License-Identifier: Apache-2.0 */
/*
 * body.c - reference-counted bodies in a jemalloc arena of their own, or in malloc where jemalloc and a
 * sanitizer would both want to be the allocator (MUSTER_NO_JEMALLOC). Runs in the master's loop.
 */
#include "body.h"

#include <stdlib.h>

#ifndef MUSTER_NO_JEMALLOC
#include <jemalloc/jemalloc.h>

static int arena_flags(void)
{
	static int flags = -1;
	unsigned arena;
	size_t bytes = sizeof arena;

	if (flags < 0)
		flags = mallctl("arenas.create", &arena, &bytes, NULL, 0) == 0 ? MALLOCX_ARENA(arena) | MALLOCX_TCACHE_NONE : 0;
	return flags;
}

static void *block_alloc(size_t bytes)
{
	return mallocx(bytes, arena_flags());
}

static void block_free(void *block)
{
	dallocx(block, arena_flags() ? MALLOCX_TCACHE_NONE : 0);
}
#else
#define block_alloc malloc
#define block_free free
#endif

struct muster__body *muster__body_create(size_t count)
{
	struct muster__body *body = block_alloc(sizeof *body + count);

	if (body == NULL)
		return NULL;
	body->references = 1;
	body->count = count;
	return body;
}

struct muster__body *muster__body_hold(struct muster__body *body)
{
	body->references++;
	return body;
}

void muster__body_release(struct muster__body *body)
{
	if (body == NULL || --body->references)
		return;
	block_free(body);
}
