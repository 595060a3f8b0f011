/* SPDX-License-Identifier: Apache-2.0 */
/*
 * body.h - an immutable response body, shared by all connections that send it.
 */
#ifndef MUSTER__BODY_H
#define MUSTER__BODY_H

#include <stddef.h>

struct muster__body {
	size_t references; /* the loop's thread only */
	size_t count;
	char bytes[];
};

/* A body with room for `count` bytes, owned once. Scrape bodies live in an allocator arena of their own:
 * large blocks that come and go there leave no holes among the master's small ones.
 * Returns NULL without memory. */
struct muster__body *muster__body_create(size_t count);

struct muster__body *muster__body_hold(struct muster__body *body);
/* Accepts NULL. */
void muster__body_release(struct muster__body *body);

#endif
