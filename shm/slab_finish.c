/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slab_finish.c - the last words of a dead slab.
 *
 * All words in use are copied into private memory, and what the worker had begun is finished there: a
 * bank's open intent holds the absolute new values of the two words of one update, so storing both gives
 * all of it, however far the worker got. Then the file is not needed any more. Runs in readers.
 */
#include "slab.h"

#include "atomic.h"
#include "grow.h"
#include "guard.h"

/* ---- copying ------------------------------------------------------------------------------ */

struct taking {
	const struct muster__source *from;
	const struct muster__cursor *end;
	uint64_t *to;
	const struct muster__requests_shm *requests;
	uint64_t busy, last_ns;
};

static uint64_t *words_take(uint64_t *to, const void *from, size_t count)
{
	for (size_t i = 0; i < count; i++)
		to[i] = muster__load_relaxed((const uint64_t *)from + i);
	return to + count;
}

/* The owner is dead: the kernel has made all its stores visible before it said so. */
static void take(void *ctx)
{
	struct taking *t = ctx;
	uint64_t *to = words_take(t->to, t->from->events, MUSTER__EVENT_WORDS);

	t->busy = muster__load_relaxed(&t->requests->busy);
	t->last_ns = muster__load_relaxed(&t->requests->last_ns);
	to = words_take(to, t->from->gauges, t->end->gauges);
	to = words_take(to, t->from->exemplars, (size_t)t->end->exemplars * MUSTER__EXEMPLAR_WORDS);
	for (size_t i = 0; i < t->from->bank_count; i++) {
		const unsigned char *bank = t->from->banks + i * t->from->bank_stride;
		to = words_take(to, bank, MUSTER__WORD_CELLS + t->end->ints);
		to = words_take(to, bank + t->from->real_off, t->end->reals);
	}
}

/* ---- finishing ---------------------------------------------------------------------------- */

/* Store one word of an update. Scratch words are nobody's. Returns false if it is no word of a cell. */
static bool store(uint64_t *words, uint32_t word, uint64_t begin, uint64_t count, uint64_t value)
{
	if (word < MUSTER__WORD_CELLS)
		return true;
	if (word < begin || word - begin >= count)
		return false;
	words[word - begin] = value;
	return true;
}

static bool intent_apply(const struct muster__slab *slab, uint64_t *bank)
{
	const struct muster__cursor *end = &slab->catalogue->end;
	uint64_t intent = bank[MUSTER__WORD_INTENT];
	uint32_t int_word = (uint32_t)(intent >> 32) & INT32_MAX, real_word = (uint32_t)intent;

	if (!(intent & MUSTER__INTENT_OPEN))
		return true;
	uint64_t *ints = bank + MUSTER__WORD_CELLS;
	return store(ints, int_word, MUSTER__WORD_CELLS, end->ints, bank[MUSTER__WORD_INTENT_INT]) &&
	       store(ints + end->ints, real_word, slab->geometry.real_off / 8, end->reals, bank[MUSTER__WORD_INTENT_REAL]);
}

static bool intents_apply(const struct muster__slab *slab, uint64_t *banks)
{
	size_t words = MUSTER__WORD_CELLS + (size_t)slab->catalogue->end.ints + slab->catalogue->end.reals;

	for (uint64_t i = 0; i < slab->banks_used; i++)
		if (!intent_apply(slab, banks + i * words))
			return false;
	return true;
}

/* Are the words of all native histograms such as a recorder leaves them? */
static bool natives_valid(const struct muster__slab *slab, const uint64_t *banks)
{
	size_t words = MUSTER__WORD_CELLS + (size_t)slab->catalogue->end.ints + slab->catalogue->end.reals;
	uint64_t sum[MUSTER__NATIVE_SUM_WORDS_MAX];
	const struct muster__series_shm *series;
	struct muster__kept_cursor at;

	for (struct muster__catalogue *node = slab->catalogue; node; node = node->base) {
		muster__kept_begin(&at, &node->kept, 0);
		while ((series = muster__kept_series_next(&at)) != NULL) {
			const struct muster__family_shm *family;
			(void)muster__catalogue_family(node, series->family, &family);
			if (family->type != MUSTER_NATIVE_HISTOGRAM)
				continue;
			struct muster__native_shape shape = muster__native_shape(muster__family_bounds(family));
			for (uint64_t bank = 0; bank < slab->banks_used; bank++)
				if (!muster__native_copy(sum, banks + bank * words + MUSTER__WORD_CELLS + series->int_cell, shape))
					return false;
		}
	}
	return true;
}

/* How long it was busy becomes a value like another; nobody has written its cell. */
static void busy_store(const struct muster__slab *slab, const struct taking *t, uint64_t *bank0)
{
	double seconds = muster__activity_last(t->busy, t->last_ns, &slab->activity);
	uint32_t cell = seconds > 0 && slab->minor >= 1 ? muster__activity_cell(slab->catalogue) : MUSTER__NO_CELL;

	if (cell != MUSTER__NO_CELL)
		bank0[MUSTER__WORD_CELLS + t->end->ints + cell] = muster__bits(seconds);
}

int muster__slab_finish(struct muster__slab *slab)
{
	const struct muster__cursor *end = &slab->catalogue->end;
	size_t bank = MUSTER__WORD_CELLS + (size_t)end->ints + end->reals;
	size_t head = MUSTER__EVENT_WORDS + (size_t)end->gauges + (size_t)end->exemplars * MUSTER__EXEMPLAR_WORDS;
	struct muster__source source;

	muster__slab_source(slab, false, &source);
	struct taking taking = {&source,
	                        end,
	                        malloc((head + bank * slab->banks_used) * sizeof(uint64_t)),
	                        &((const struct muster__header_shm *)(const void *)slab->map)->requests,
	                        0,
	                        0};
	if (taking.to == NULL)
		return -ENOMEM;
	int rc = muster__guard_run(slab->map, slab->map_bytes, take, &taking) == 0 ? 0 : MUSTER__BAD(SHRUNK);
	if (rc == 0)
		rc = muster__slab_sketches_take(slab);
	if (rc == 0 && !(intents_apply(slab, taking.to + head) && natives_valid(slab, taking.to + head)))
		rc = MUSTER__BAD(SERIES);
	if (rc != 0) {
		free(taking.to);
		return rc;
	}
	busy_store(slab, &taking, taking.to + head);
	slab->last = taking.to;
	slab->state = MUSTER__SLAB_DEAD;
	muster__slab_let_go(slab);
	return 0;
}
