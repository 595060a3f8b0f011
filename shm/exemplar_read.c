/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exemplar_read.c - taking exemplars out of slabs: of all workers and the ledger, the newest of each bucket.
 *
 * Runs in readers, guarded. A slot is copied as by a seqlock, a bounded number of times, and the copy is judged; what
 * is being written, was when its process died, or is no exemplar is passed over, and says nothing against its slab.
 */
#include "exemplar.h"

#include <math.h>

#include "atomic.h"
#include "merge.h"

#define TRIES 3
#define AHEAD_NS_MAX                                                                                                   \
	UINT64_C(10000000000) /* the clock may have been set back since; Prometheus takes none that is older */

/* The words of a slot behind its claim. */
struct taken {
	uint64_t bits, time_ns, bytes;
	uint64_t labels[MUSTER_EXEMPLAR_BYTES_MAX / 8];
};

/* Copy the words once. Returns false if they are none of an exemplar. */
static bool words_load(const uint64_t *slot, struct taken *out)
{
	/* ORDER(exemplar-words) acquire; pairs with the writer's stores: if one is new, so is the claim that is loaded
	 * afterwards. */
	out->bits = muster__load_acquire(slot + MUSTER__EXEMPLAR_VALUE);
	out->time_ns = muster__load_acquire(slot + MUSTER__EXEMPLAR_TIME);
	out->bytes = muster__load_acquire(slot + MUSTER__EXEMPLAR_BYTES);
	if (out->bytes > MUSTER_EXEMPLAR_BYTES_MAX)
		return false;
	for (size_t i = 0; i < (out->bytes + 7) / 8; i++)
		out->labels[i] = muster__load_acquire(slot + MUSTER__EXEMPLAR_LABELS + i);
	return true;
}

static bool slot_load(const uint64_t *slot, struct taken *out)
{
	for (int i = 0; i < TRIES; i++) {
		/* ORDER(exemplar-publish) acquire; pairs with the writer's last store: the words are there. */
		uint64_t before = muster__load_acquire(slot);
		if (before == 0 || (uint32_t)before != 0)
			return false;
		bool whole = words_load(slot, out);
		if (muster__load_relaxed(slot) == before)
			return whole;
	}
	return false;
}

static bool in_bucket(const struct muster__view_family *f, uint32_t bucket, double x)
{
	return (bucket == 0 || x > f->bounds[bucket - 1]) && (bucket == f->bounds_count || x <= f->bounds[bucket]);
}

static bool plausible(const struct taken *t, const struct muster__source *s, const struct muster__view_family *f,
                      uint32_t bucket)
{
	double x = muster__double(t->bits);

	if (t->time_ns > s->now_ns + AHEAD_NS_MAX || (t->bytes == 0 && !s->ledger))
		return false;
	if (t->bytes == 0)
		return true;
	return isfinite(x) && in_bucket(f, bucket, x) && muster__exemplar_plausible((const char *)t->labels, t->bytes);
}

static void slot_add(struct muster__view_exemplar *newest, const struct muster__source *s, const uint64_t *slot,
                     const struct muster__view_family *f, uint32_t bucket)
{
	struct taken t;

	if (muster__load_relaxed(slot + MUSTER__EXEMPLAR_TIME) <= newest->time_ns || !slot_load(slot, &t) ||
	    t.time_ns <= newest->time_ns || !plausible(&t, s, f, bucket))
		return;
	newest->value = muster__double(t.bits);
	newest->time_ns = t.time_ns;
	newest->bytes = (uint32_t)t.bytes;
	memcpy(newest->labels, t.labels, t.bytes);
}

void muster__exemplars_add(struct muster__values *v, const struct muster__source *s,
                           const struct muster__mapping_runs *m)
{
	for (size_t i = 0; i < m->exemplar_runs_count; i++) {
		const struct muster__exemplar_run *run = m->exemplar_runs + i;
		const uint64_t *slot = s->exemplars + (size_t)run->slot * MUSTER__EXEMPLAR_WORDS;
		for (uint32_t k = 0; k < run->count; k++, slot += MUSTER__EXEMPLAR_WORDS)
			slot_add(v->exemplars + run->series->exemplar_at + run->first + k, s, slot, run->series->family,
			         run->first + k);
	}
}
