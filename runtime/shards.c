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

/* `fds` has those that are there already, else -1. */
static int open_all(const struct muster__shards *s, int *fds)
{
	for (size_t i = 0; i < s->count; i++) {
		if (i < s->passed)
			fds[i] = s->listen_fds[i];
		else if (fds[i] < 0)
			fds[i] = muster__listener_again(&s->listeners[i]);
		if (fds[i] < 0) {
			int rc = fds[i];
			while (i-- > s->passed)
				close(fds[i]);
			return rc;
		}
	}
	return 0;
}

static int *none_yet(const struct muster__shards *s)
{
	int *fds = calloc(s->count + 1, sizeof *fds);

	for (size_t i = 0; fds && i < s->count; i++)
		fds[i] = -1;
	return fds;
}

int muster__shard_get(struct muster__shards *s, unsigned slot, const int **fds)
{
	if (slot == 0) {
		*fds = s->listen_fds;
		return 0;
	}
	if (s->fds[slot] == NULL) {
		int *made = none_yet(s), rc = made ? open_all(s, made) : -ENOMEM;
		if (rc != 0) {
			free(made);
			return rc;
		}
		s->fds[slot] = made;
	}
	*fds = s->fds[slot];
	return 0;
}

static int adopt(struct muster__shards *s, struct muster__handover *handover, const char *const *addresses,
                 unsigned slot)
{
	int *fds = none_yet(s);
	bool any = false;

	if (fds == NULL)
		return -ENOMEM;
	for (size_t i = s->passed; i < s->count; i++) {
		fds[i] = muster__handover_claim(handover, MUSTER__HANDED_SHARD, slot, addresses[i - s->passed]);
		any = any || fds[i] >= 0;
	}
	int rc = any ? open_all(s, fds) : 0;
	if (any && rc == 0)
		s->fds[slot] = fds;
	else
		free(fds);
	return rc;
}

int muster__shards_adopt(struct muster__shards *s, struct muster__handover *handover, const char *const *addresses,
                         unsigned slots)
{
	int rc = 0;

	for (unsigned slot = 1; rc == 0 && slot < slots; slot++)
		rc = adopt(s, handover, addresses, slot);
	return rc;
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
