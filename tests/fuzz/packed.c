/* SPDX-License-Identifier: Apache-2.0 */
/*
 * packed.c - slabs without their zeros; see packed.h. Used by fuzzers, tests and the maker of the corpus.
 */
#include "packed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define HEAD_BYTES 6
#define EVENT_BYTES 16
#define ZEROS_MIN 12 /* fewer cost less than another chunk */

struct chunk {
	uint32_t skip;
	uint16_t count;
	const uint8_t *bytes;
	bool is_event;
	struct packed_event event;
};

static bool chunk_next(const uint8_t *packed, size_t count, size_t *at, struct chunk *out)
{
	const uint8_t *p = packed + *at;
	size_t left = count - *at;

	if (left < HEAD_BYTES)
		return false;
	*out = (struct chunk){.bytes = p + HEAD_BYTES};
	memcpy(&out->skip, p, sizeof out->skip);
	memcpy(&out->count, p + 4, sizeof out->count);
	out->is_event = out->count == PACKED_EVENT;
	if (out->is_event && left < EVENT_BYTES)
		return false;
	if (out->is_event) {
		memcpy(&out->event.op, p + 6, sizeof out->event.op);
		memcpy(&out->event.value, p + 8, sizeof out->event.value);
		out->event.offset = out->skip;
		*at += EVENT_BYTES;
		return true;
	}
	if (out->count > left - HEAD_BYTES)
		out->count = (uint16_t)(left - HEAD_BYTES);
	*at += HEAD_BYTES + (size_t)out->count;
	return true;
}

/* ---- unpacking ---------------------------------------------------------------------------- */

int packed_write(int fd, const uint8_t *packed, size_t count, uint64_t limit)
{
	struct chunk c;
	uint64_t end = 0;

	for (size_t at = 0; chunk_next(packed, count, &at, &c);) {
		if (c.is_event)
			continue;
		if (c.skip > limit - end || c.count > limit - end - c.skip)
			break;
		end += c.skip;
		if (c.count && pwrite(fd, c.bytes, c.count, (off_t)end) != c.count)
			return -errno;
		end += c.count;
	}
	return ftruncate(fd, (off_t)end) == 0 ? 0 : -errno;
}

size_t packed_read(uint8_t *image, size_t room, const uint8_t *packed, size_t count)
{
	struct chunk c;
	size_t end = 0;

	for (size_t at = 0; chunk_next(packed, count, &at, &c);) {
		if (c.is_event)
			continue;
		if (c.skip > room - end || c.count > room - end - c.skip)
			break;
		memset(image + end, 0, c.skip);
		memcpy(image + end + c.skip, c.bytes, c.count);
		end += c.skip + c.count;
	}
	return end;
}

bool packed_event_next(const uint8_t *packed, size_t count, size_t *at, struct packed_event *event)
{
	struct chunk c;

	while (chunk_next(packed, count, at, &c))
		if (c.is_event) {
			*event = c.event;
			event->op %= PACKED_OPS;
			return true;
		}
	return false;
}

/* ---- events ------------------------------------------------------------------------------- */

static int another_file(int dir, const char *name, int from, size_t bytes)
{
	static uint8_t copy[1 << 16];
	ssize_t n = pread(from, copy, bytes < sizeof copy ? bytes : sizeof copy, 0);
	int fd = openat(dir, ".other", O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600), rc = 0;

	if (fd < 0)
		return -errno;
	if (n > 0 && write(fd, copy, (size_t)n) != n)
		rc = -errno;
	close(fd);
	return rc == 0 && renameat(dir, ".other", dir, name) != 0 ? -errno : rc;
}

int packed_event_happen(int dir, const char *name, const struct packed_event *e, uint64_t limit)
{
	int fd = openat(dir, name, O_RDWR | O_CLOEXEC), rc = 0;
	uint64_t offset = e->offset < limit ? e->offset : limit;
	size_t width = (size_t)1 << e->op;

	if (fd < 0)
		return -errno;
	if (e->op <= PACKED_STORE_8) {
		if (offset + width <= limit)
			rc = pwrite(fd, &e->value, width, (off_t)offset) == (ssize_t)width ? 0 : -errno;
	} else if (e->op == PACKED_TRUNCATE) {
		rc = ftruncate(fd, (off_t)offset) == 0 ? 0 : -errno;
	} else if (e->op == PACKED_PUNCH) {
		off_t bytes = (off_t)(e->value % limit) + 1;
		rc = fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset, bytes) == 0 ? 0 : -errno;
	} else {
		rc = another_file(dir, name, fd, (size_t)(e->value % limit));
	}
	close(fd);
	return rc;
}

/* ---- packing ------------------------------------------------------------------------------ */

/* Where the zeros begin that are worth a chunk, at `at` or after it. */
static size_t zeros_find(const uint8_t *image, size_t count, size_t at)
{
	size_t zeros = 0;

	for (; at < count && zeros < ZEROS_MIN; at++)
		zeros = image[at] == 0 ? zeros + 1 : 0;
	return at - zeros;
}

static size_t zeros_end(const uint8_t *image, size_t count, size_t at)
{
	while (at < count && image[at] == 0)
		at++;
	return at;
}

static size_t chunk_make(uint8_t *packed, size_t room, uint32_t skip, const uint8_t *bytes, uint16_t count)
{
	if (room < HEAD_BYTES + (size_t)count)
		return 0;
	memcpy(packed, &skip, sizeof skip);
	memcpy(packed + 4, &count, sizeof count);
	memcpy(packed + HEAD_BYTES, bytes, count);
	return HEAD_BYTES + (size_t)count;
}

size_t packed_make(uint8_t *packed, size_t room, const uint8_t *image, size_t count)
{
	size_t used = 0;

	for (size_t at = 0, n; at < count; used += n) {
		size_t begin = zeros_end(image, count, at), end = zeros_find(image, count, begin);
		if (end - begin >= PACKED_EVENT)
			end = begin + PACKED_EVENT - 1;
		n = chunk_make(packed + used, room - used, (uint32_t)(begin - at), image + begin, (uint16_t)(end - begin));
		if (n == 0)
			return 0;
		at = end;
	}
	return used;
}

size_t packed_hole_make(uint8_t *packed, size_t room, uint32_t bytes)
{
	return chunk_make(packed, room, bytes, packed, 0);
}

size_t packed_event_make(uint8_t *packed, size_t room, const struct packed_event *event)
{
	uint32_t skip = (uint32_t)event->offset;
	uint16_t mark = PACKED_EVENT;

	if (room < EVENT_BYTES)
		return 0;
	memcpy(packed, &skip, sizeof skip);
	memcpy(packed + 4, &mark, sizeof mark);
	memcpy(packed + 6, &event->op, sizeof event->op);
	memcpy(packed + 8, &event->value, sizeof event->value);
	return EVENT_BYTES;
}
