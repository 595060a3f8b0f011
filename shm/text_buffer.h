/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text_buffer.h - bytes that grow at the end. Want of memory is remembered, not reported: later puts do
 * nothing, and whoever filled the buffer asks `failed` once at the end.
 */
#ifndef MUSTER__TEXT_BUFFER_H
#define MUSTER__TEXT_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct muster__text_buffer {
	char *bytes;
	size_t count, capacity;
	bool failed;
};

/* Room for `more` bytes at the end; whoever writes there adds to `count`.
 * Returns where they go, or NULL. */
static inline char *muster__text_room(struct muster__text_buffer *b, size_t more)
{
	if (b->capacity - b->count < more && !b->failed) {
		size_t capacity = (b->count + more) * 2;
		char *bytes = realloc(b->bytes, capacity);
		b->failed = bytes == NULL;
		b->bytes = bytes ? bytes : b->bytes;
		b->capacity = bytes ? capacity : b->capacity;
	}
	return b->failed ? NULL : b->bytes + b->count;
}

static inline void muster__text_put_bytes(struct muster__text_buffer *b, const char *bytes, size_t count)
{
	char *at = muster__text_room(b, count);

	if (at == NULL)
		return;
	memcpy(at, bytes, count);
	b->count += count;
}

static inline void muster__text_put(struct muster__text_buffer *b, const char *string)
{
	muster__text_put_bytes(b, string, strlen(string));
}

#endif
