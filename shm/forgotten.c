/* SPDX-License-Identifier: Apache-2.0 */
/*
 * forgotten.c - what slabs ask to be forgotten, and what the ledger says is. Runs in readers and masters, on
 * private memory.
 */
#include "forgotten.h"

#include <stdlib.h>

/* ---- what the ledger says ----------------------------------------------------------------- */

static const struct muster__forgotten_shm *record_of(const struct muster__catalogue *node, size_t i)
{
	return (const void *)(node->kept.raw + node->forgets[i].off);
}

static void hidden_take(struct muster__slab *slab, const struct muster__forgotten_shm *record)
{
	const struct muster__hidden_shm *from = (const void *)(record + 1);
	size_t count = (record->record.bytes - sizeof *record) / sizeof *from;
	struct muster__hidden *hidden = count ? malloc(count * sizeof *hidden) : NULL;

	if (hidden == NULL)
		return;
	for (size_t i = 0; i < count; i++)
		hidden[i] = (struct muster__hidden){.word = from[i].word, .cell = from[i].cell};
	slab->hidden = hidden;
	slab->hidden_count = count;
}

void muster__forgotten_learn(struct muster__slab *slab, const struct muster__slab *ledger)
{
	free(slab->hidden);
	slab->hidden = NULL;
	slab->hidden_count = 0;
	slab->asked_bytes = 0;
	for (const struct muster__catalogue *node = ledger ? ledger->catalogue : NULL; node; node = node->base)
		for (size_t i = 0; i < node->forgets_count; i++) {
			const struct muster__forgotten_shm *record = record_of(node, i);
			if (memcmp(&record->identity, &slab->identity, sizeof slab->identity) != 0)
				continue;
			slab->asked_bytes = record->asked_bytes;
			hidden_take(slab, record);
			return;
		}
}

/* ---- what slabs ask ----------------------------------------------------------------------- */

const struct muster__forget_shm *muster__forgets_next(const struct muster__slab *slab, struct muster__forget_at *at)
{
	if (at->node == NULL && slab->catalogue)
		*at = (struct muster__forget_at){slab->catalogue, slab->catalogue->forgets_count};
	while (at->node) {
		while (at->left > 0) {
			const struct muster__forget_copy *forget = at->node->forgets + --at->left;
			const struct muster__forget_shm *record = (const void *)(at->node->kept.raw + forget->off);
			if (at->node->begin.bytes + forget->bytes < slab->asked_bytes)
				return NULL; /* as all before it */
			if (record->instance == slab->identity.instance)
				return record;
		}
		at->node = at->node->base;
		at->left = at->node ? at->node->forgets_count : 0;
	}
	return NULL;
}
