/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shards.c - one socket per slot and address. Runs in the master, before it forks the slot's worker.
 *
 * A socket lives as long as its slot, not as its worker: what is queued waits for the next worker. Slot 0, which
 * always exists, has the sockets that were opened first, so that none is without a reader.
 */
#include "shards.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static int open_all(const struct muster__shards *s, int *fds)
{
	for (size_t i = 0; i < s->count; i++) {
		fds[i] = i < s->passed ? s->listen_fds[i] : muster__listener_again(&s->listeners[i]);
		if (fds[i] < 0) {
			int rc = fds[i];
			while (i-- > s->passed)
				close(fds[i]);
			return rc;
		}
	}
	return 0;
}

int muster__shard_get(struct muster__shards *s, unsigned slot, const int **fds)
{
	if (slot == 0) {
		*fds = s->listen_fds;
		return 0;
	}
	if (s->fds[slot] == NULL) {
		int *made = calloc(s->count + 1, sizeof *made);
		int rc = made ? open_all(s, made) : -ENOMEM;
		if (rc != 0) {
			free(made);
			return rc;
		}
		s->fds[slot] = made;
	}
	*fds = s->fds[slot];
	return 0;
}

void muster__shard_drop(struct muster__shards *s, unsigned slot)
{
	for (size_t i = s->passed; s->fds[slot] && i < s->count; i++)
		close(s->fds[slot][i]);
	free(s->fds[slot]);
	s->fds[slot] = NULL;
}

void muster__shards_close(struct muster__shards *s)
{
	for (unsigned slot = 1; slot < MUSTER_WORKERS_MAX; slot++)
		muster__shard_drop(s, slot);
}
