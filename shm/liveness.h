/* SPDX-License-Identifier: Apache-2.0 */
/*
 * liveness.h - does the process that wrote a slab live? The kernel's word, never a heartbeat, a file or a
 * clock. Nobody is ever signalled.
 */
#ifndef MUSTER__LIVENESS_H
#define MUSTER__LIVENESS_H

#include <stdbool.h>

#include "layout.h"

/* What the reader knows of itself. */
struct muster__observer {
	struct muster__identity self;
	bool proc; /* /proc is there and is that of our pid namespace */
};

/* What the reader knows of one owner. */
struct muster__life {
	int pidfd;             /* readable once the process is dead; -1: none, ask by the file */
	bool own;              /* it is the reader itself */
	uint64_t maps_read_ns; /* when /proc/PID/maps was last asked, CLOCK_MONOTONIC */
};

void muster__observer_init(struct muster__observer *observer);

/* Begin to watch the owner of an open slab, before the reader maps it.
 *   who   its identity, as the slab says
 *   fd    the slab, open read-only, for its locks and leases; -1 if it is the one the reader itself writes
 *   ino   of the slab
 * Returns whether it lives now. On false there is nothing to end. */
bool muster__life_begin(struct muster__life *life, const struct muster__observer *observer,
                        const struct muster__identity *who, int fd, uint64_t ino);

/* Ask again. `pidfd_readable` is what poll() said, if there is a pidfd.
 * A process that lives, but has neither the record lock nor a mapping of the slab any more, has become
 * another program, and the slab is a dead one's.
 * Returns whether it lives. */
bool muster__life_goes_on(struct muster__life *life, const struct muster__identity *who, int fd, uint64_t ino,
                          bool pidfd_readable);

void muster__life_end(struct muster__life *life);

/* Does nobody hold the record lock of a file open read-only, nor can write it? For files that say nothing believable
 * about their owner. */
bool muster__life_file_left(int fd);

#endif
