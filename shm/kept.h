/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kept.h - the records of a catalogue as a reader keeps them: in their order, those of series shortened.
 *
 * A series record mostly repeats the one before it. What is kept of it is where its header differs and what follows
 * the part of its label values that is the same; every 32nd is kept without regard to others, so that each can be
 * read soon. When a series was created stands apart, because an earlier time may come to be known. Other records, and
 * series with very long label values, are kept as they are. What is read is byte for byte what was added. Runs in
 * readers, on private memory.
 */
#ifndef MUSTER__KEPT_H
#define MUSTER__KEPT_H

#include <stdbool.h>

#include "layout.h"

/* Longer records are kept as they are. */
#define MUSTER__KEPT_SHORTENED_MAX 1024u

/* Where a series begins that is kept without regard to others. */
struct muster__kept_block {
	uint32_t packed, raw, times;
};

struct muster__kept {
	unsigned char *packed; /* an entry per record; kept.c */
	unsigned char *raw;    /* records as they are, in their order */
	unsigned char *times;  /* by series, when it was created; kept.c */
	struct muster__kept_block *blocks;
	uint32_t series;
	size_t packed_count, packed_capacity, raw_count, raw_capacity, times_count, times_capacity, blocks_capacity;
};

/* A place between two records. */
struct muster__kept_cursor {
	const struct muster__kept *kept;
	size_t packed, raw, times;
	uint32_t series;  /* how many are before it */
	uint64_t created; /* the last of them */
	union {
		struct muster__series_shm record;                     /* the last one that is shortened */
		unsigned char bytes[MUSTER__KEPT_SHORTENED_MAX + 16]; /* a few at a time may be written behind its end */
	} last;
};

/* Go before the first record, where `series` is 0; else behind the series before that one. */
void muster__kept_begin(struct muster__kept_cursor *cursor, const struct muster__kept *kept, uint32_t series);

/* Go behind the last record. */
void muster__kept_end(struct muster__kept_cursor *cursor, const struct muster__kept *kept);

/* The next record, NULL at the end. It is there until the next one is read or added. */
const struct muster__record_shm *muster__kept_next(struct muster__kept_cursor *cursor);

/* The next record of a series; NULL at the end. */
const struct muster__series_shm *muster__kept_series_next(struct muster__kept_cursor *cursor);

/* The record of a series that there is. */
const struct muster__series_shm *muster__kept_series(struct muster__kept_cursor *cursor,
                                                     const struct muster__kept *kept, uint32_t series);

/* Make room for one more record of so many bytes. Returns 0 or -ENOMEM. */
int muster__kept_reserve(struct muster__kept *kept, uint32_t bytes);

/* Add a record, for which there is room, at the end, where the cursor is. */
void muster__kept_add(struct muster__kept *kept, struct muster__kept_cursor *end,
                      const struct muster__record_shm *record);

/* Give back room that is not used. */
void muster__kept_trim(struct muster__kept *kept);

void muster__kept_free(struct muster__kept *kept);

/* Of each series take the earlier creation, of two that are known: ours and that in `bytes`, which are records as ours.
 * *anew becomes true if there was one. Returns 0; -ENOMEM, and nothing has changed. */
int muster__kept_created_take(struct muster__kept *kept, const unsigned char *bytes, bool *anew);

#endif
