/* SPDX-License-Identifier: Apache-2.0 */
/*
 * packed.h - a slab file as the corpus holds it: without its zeros, and with what happens to it later.
 *
 * A packed slab is a row of chunks, each of a skip (u32), a count (u16) and so many bytes: leave out `skip`
 * bytes, which are zero, then write these. Count 0xffff is no chunk but an event: op (u16) and value (u64)
 * follow, and `skip` is the offset it is about. Events happen one by one while the slab is followed. Every
 * row of bytes is a packed slab; what is cut off at its end is as if it were not there. All in native order.
 */
#ifndef TESTS_PACKED_H
#define TESTS_PACKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PACKED_EVENT 0xffffu

/* What may happen to a slab. */
enum packed_op {
	PACKED_STORE_1, /* value, at offset */
	PACKED_STORE_2,
	PACKED_STORE_4,
	PACKED_STORE_8,
	PACKED_TRUNCATE, /* to offset */
	PACKED_PUNCH,    /* value bytes at offset become a hole */
	PACKED_RENAME,   /* the first `value` bytes, under another inode, over the name */
	PACKED_OPS
};

struct packed_event {
	uint16_t op;
	uint64_t offset, value;
};

/* The file, before any event. Writes at most `limit` bytes, then stops. Returns 0 or -errno. */
int packed_write(int fd, const uint8_t *packed, size_t count, uint64_t limit);

/* The event at *at or after it; *at moves on. Returns false at the end. */
bool packed_event_next(const uint8_t *packed, size_t count, size_t *at, struct packed_event *event);

/* Does anything happen? */
static inline bool packed_has_events(const uint8_t *packed, size_t count)
{
	struct packed_event event;
	size_t at = 0;

	return packed_event_next(packed, count, &at, &event);
}

/* Let it happen to the file `name` of the directory. Returns 0 or -errno. */
int packed_event_happen(int dir, const char *name, const struct packed_event *event, uint64_t limit);

/* The file's bytes in memory, as far as there is room. Returns how many. */
size_t packed_read(uint8_t *image, size_t room, const uint8_t *packed, size_t count);

/* The other way round. Return the bytes written, or 0 if there is no room. */
size_t packed_make(uint8_t *packed, size_t room, const uint8_t *image, size_t count);
size_t packed_hole_make(uint8_t *packed, size_t room, uint32_t bytes);
size_t packed_event_make(uint8_t *packed, size_t room, const struct packed_event *event);

#endif
