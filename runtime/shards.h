/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shards.h - listening sockets of each worker's own (SO_REUSEPORT): the kernel spreads connections over them.
 */
#ifndef MUSTER__SHARDS_H
#define MUSTER__SHARDS_H

#include <stddef.h>

#include <muster/prefork.h>

#include "address.h"
#include "handover.h"

struct muster__shards {
	const struct muster__listener *listeners; /* opened for sharing; slot 0 has these themselves */
	const int *listen_fds;                    /* of them */
	size_t passed, count;                     /* the first `passed` were opened by others: all workers share them */
	int *fds[MUSTER_WORKERS_MAX];             /* by slot; NULL: not opened */
};

/* The sockets of a slot, opened when first asked for. They stay open while a worker is restarted or replaced.
 * Returns 0, or -errno. */
int muster__shard_get(struct muster__shards *shards, unsigned slot, const int **fds);

/* Take the sockets of the first `slots` slots over from another master.
 *   addresses   as it was asked for, those that were passed not among them
 * What it has not is opened when asked for. Returns 0 or -errno. */
int muster__shards_adopt(struct muster__shards *shards, struct muster__handover *handover, const char *const *addresses,
                         unsigned slots);

/* The slot has no worker any more: close our copies, or the kernel would go on choosing them. */
void muster__shard_drop(struct muster__shards *shards, unsigned slot);
void muster__shards_close(struct muster__shards *shards);

#endif
