/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ledger_room.c - what a ledger may hold, so that the next master can read it.
 *
 * A ledger is bounded as a slab is. Totals that are in it already stay in it, for they must not decrease; series of
 * those who died since are taken in as far as there is room, and counted where there is none. Runs in the master.
 */
#include "forgetting.h"

size_t muster__ledger_series_bytes(const struct muster__view_series *s)
{
	return sizeof(struct muster__series_shm) + muster__values_bytes(s);
}

size_t muster__ledger_family_bytes(const struct muster__view_family *f)
{
	size_t bytes = sizeof(struct muster__family_shm) + f->stored_count * sizeof(double) + strlen(f->name) +
	               strlen(f->help) + strlen(f->unit);

	for (uint32_t i = 0; i < f->label_count; i++)
		bytes += sizeof(uint16_t) + strlen(f->labels[i]);
	return bytes;
}

static struct muster__ledger_size series_size(const struct muster__view_series *s)
{
	const struct muster__view_family *f = s->family;
	struct muster__cells cells = muster__cells_of(f->type, f->mode, f->bounds, f->stored_count);

	return (struct muster__ledger_size){.bytes = muster__align8((uint32_t)muster__ledger_series_bytes(s)),
	                                    .words = (uint64_t)cells.ints + cells.reals,
	                                    .series = 1};
}

static uint64_t less(uint64_t from, uint64_t n)
{
	return from > n ? from - n : 0;
}

static void take(struct muster__ledger_size *room, const struct muster__ledger_size *size)
{
	room->bytes = less(room->bytes, size->bytes);
	room->words = less(room->words, size->words);
	room->series = less(room->series, size->series);
}

/* Does it go in whatever room there is? What is said of living slabs does. */
static bool has_to(const struct muster__ledger_content *c, const struct muster__view_series *s)
{
	return c->kept[s->index] || c->forgetting->flagged[s->index];
}

static void family_take(struct muster__ledger_size *room, const struct muster__ledger_content *c,
                        const struct muster__view_family *f)
{
	const struct muster__ledger_size own = {.bytes = muster__align8((uint32_t)muster__ledger_family_bytes(f)),
	                                        .words = MUSTER__DROP_CELLS};

	take(room, &own);
	for (size_t i = 0; i < f->series_count; i++) {
		const struct muster__view_series *s = muster__view_at(&c->merge->view, f->series[i]);
		struct muster__ledger_size size = series_size(s);
		if (has_to(c, s))
			take(room, &size);
	}
}

struct muster__ledger_size muster__ledger_room(const struct muster__ledger_content *c)
{
	struct muster__ledger_size room = *c->size_max;
	struct muster__ledger_size lists = {.bytes = c->folded_count * sizeof(struct muster__folded_shm)};

	for (size_t i = 0; i < c->merge->families_count; i++)
		if (c->families[i])
			family_take(&room, c, c->merge->families[i]);
	for (size_t i = 0; i < c->values->pids_count; i++) {
		struct muster__ledger_size size = series_size(c->values->pids[i].sample.series);
		take(&room, &size);
	}
	for (size_t i = 0; i < c->forgetting->slabs_count; i++)
		lists.bytes += sizeof(struct muster__forgotten_shm) +
		               c->forgetting->slabs[i].hidden_count * sizeof(struct muster__hidden_shm);
	take(&room, &lists);
	return room;
}

bool muster__ledger_room_take(struct muster__ledger_size *room, const struct muster__ledger_content *c,
                              const struct muster__view_series *s)
{
	struct muster__ledger_size size = series_size(s);

	if (has_to(c, s))
		return true; /* counted when the room was measured */
	if (size.bytes > room->bytes || size.words > room->words || size.series > room->series)
		return false;
	take(room, &size);
	return true;
}
