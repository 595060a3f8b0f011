/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exemplar.c - recording with an exemplar, and giving the series of a family their slots. Runs in workers.
 *
 * A slot belongs to the process. Whoever writes it claims it first, by one compare-and-exchange, and gives up at
 * once if it is taken: an exemplar is one of many, so nobody waits for one. The claim carries the writer's tid. A
 * writer that is killed takes its process with it, and readers pass over a claimed slot; one that only its thread
 * ends in the middle (cancelled, or ended by a signal handler) is found gone by the next writer, which takes the
 * slot over. A signal handler that interrupts a write of its own thread leaves that slot alone.
 */
#include <muster/exemplar.h>

#include <errno.h>
#include <math.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "atomic.h"
#include "family.h"

/* ---- from handles to slots ---------------------------------------------------------------- */

#define PLACES 1024u
#define PLACE_PAGES 2048u

/* A counter's handle is its word in a bank. Slot plus 1 by that word; in the arena, written under the lock. */
static uint32_t *places[PLACE_PAGES];

/* ORDER(series-publish) acquire; pairs with place_set(). What made the handle known made its place known. */
static uint32_t place_of(uint32_t word)
{
	const uint32_t *page =
		word / PLACES < PLACE_PAGES ? __atomic_load_n(&places[word / PLACES], __ATOMIC_ACQUIRE) : NULL;

	return page ? __atomic_load_n(&page[word % PLACES], __ATOMIC_RELAXED) : 0;
}

static bool place_set(uint32_t word, uint32_t place)
{
	if (word / PLACES >= PLACE_PAGES)
		return false;
	uint32_t *page = places[word / PLACES];
	if (page == NULL)
		page = muster__arena_alloc(PLACES * sizeof *page, 16);
	if (page == NULL)
		return false;
	__atomic_store_n(&page[word % PLACES], place, __ATOMIC_RELAXED);
	__atomic_store_n(&places[word / PLACES], page, __ATOMIC_RELEASE);
	return true;
}

void muster__exemplar_slots_take(const struct muster_family *family, struct muster__series *series)
{
	struct muster__store *s = &muster__store;
	uint32_t count = family->bounds_count + 1, slot = s->exemplars_used;
	const struct muster__exemplars_shm record = {
		.record = {.bytes = sizeof record, .kind = MUSTER__RECORD_EXEMPLARS},
		.series = s->series_records - 1,
		.slot = slot,
	};

	if (!family->exemplars || muster__store_reserve_exemplars(slot + count) != 0)
		return;
	s->exemplars_used += count;
	if (muster__store_append(&record.record) != 0)
		return;
	if (family->type == MUSTER_HISTOGRAM)
		series->distribution.exemplar = slot + 1;
	else
		(void)place_set(series->word, slot + 1);
}

/* ---- writing a slot ----------------------------------------------------------------------- */

#define TID_MASK UINT64_C(0xffffffff)

static __thread struct {
	uint32_t generation; /* of the process in which it was asked for: a forked child is another thread */
	uint32_t tid;
	bool writing; /* a slot; a signal handler finds it set */
} self __attribute__((tls_model("initial-exec")));

static uint32_t tid_self(const struct muster__process *p)
{
	if (self.generation != p->generation) {
		self.tid = (uint32_t)syscall(SYS_gettid);
		self.generation = p->generation;
	}
	return self.tid;
}

static bool thread_gone(uint32_t tid)
{
	int error = errno;
	bool gone = syscall(SYS_tgkill, getpid(), tid, 0) != 0 && errno == ESRCH;

	errno = error;
	return gone;
}

/* Will whoever claimed the slot never finish? A thread that had our tid before us will not. */
static bool abandoned(uint32_t tid, uint32_t mine, bool nested)
{
	return tid == mine ? !nested : thread_gone(tid);
}

/* Returns the claim, 0 if another has the slot.
 * ORDER(exemplar-publish) acquire; the writer before has stored all it had to. */
static uint64_t claim(uint64_t *slot, uint32_t tid, bool nested)
{
	uint64_t word = muster__load_relaxed(slot), claimed = ((word >> 32) + 1) << 32 | tid;

	if ((word & TID_MASK) != 0 && !abandoned((uint32_t)word, tid, nested))
		return 0;
	return __atomic_compare_exchange_n(slot, &word, claimed, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED) ? claimed : 0;
}

/* ORDER(exemplar-words) release; pairs with the reader's acquire: who sees a new word sees the claim afterwards.
 * Without it a reader could take half of each of two exemplars.
 * ORDER(exemplar-publish) release; pairs with the reader's acquire: who sees the slot free sees all words. */
static void slot_fill(uint64_t *slot, uint64_t claimed, double value, const struct muster_exemplar *e)
{
	uint32_t words = (e->bytes + 7u) / 8;

	muster__store_release(slot + MUSTER__EXEMPLAR_VALUE, muster__bits(value));
	muster__store_release(slot + MUSTER__EXEMPLAR_TIME, muster__unix_ns());
	muster__store_release(slot + MUSTER__EXEMPLAR_BYTES, e->bytes);
	for (uint32_t i = 0; i < words; i++)
		muster__store_release(slot + MUSTER__EXEMPLAR_LABELS + i, e->labels[i]);
	muster__store_release(slot, claimed & ~TID_MASK);
}

static bool slot_write(const struct muster__process *p, uint32_t index, double value, const struct muster_exemplar *e)
{
	uint64_t *slot = p->exemplars + (size_t)index * MUSTER__EXEMPLAR_WORDS;
	bool nested = self.writing;

	self.writing = true;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	uint64_t claimed = claim(slot, tid_self(p), nested);
	if (claimed)
		slot_fill(slot, claimed, value, e);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	self.writing = nested;
	return claimed != 0;
}

/* Keep it at a place, which is a slot plus 1, or 0. */
static void keep(uint32_t place, double value, const struct muster_exemplar *e)
{
	if (e == NULL || (e->bytes == 0 && e->refused == 0) || !isfinite(value))
		return;
	const struct muster__process *p = muster__attached();
	if (e->refused)
		muster__event(e->refused == MUSTER__EVENT_EXEMPLAR_TOO_LONG + 1 ? MUSTER__EVENT_EXEMPLAR_TOO_LONG
		                                                                : MUSTER__EVENT_EXEMPLAR_INVALID);
	else if (e->bytes > MUSTER_EXEMPLAR_BYTES_MAX)
		muster__event(MUSTER__EVENT_EXEMPLAR_TOO_LONG);
	else if (place == 0 || p->exemplars == NULL)
		muster__event(MUSTER__EVENT_EXEMPLAR_NO_PLACE);
	else if (!slot_write(p, place - 1, value, e))
		muster__event(MUSTER__EVENT_EXEMPLAR_BUSY);
}

/* ---- recorders ---------------------------------------------------------------------------- */

void muster_counter_add_with_exemplar(muster_counter c, uint64_t n, const struct muster_exemplar *exemplar)
{
	muster_counter_add(c, n);
	if ((int64_t)n >= 0)
		keep(place_of(c.word), (double)n, exemplar);
}

void muster_real_counter_add_with_exemplar(muster_real_counter c, double x, const struct muster_exemplar *exemplar)
{
	muster_real_counter_add(c, x);
	if (x >= 0)
		keep(place_of(c.word), x, exemplar);
}

void muster_histogram_observe_with_exemplar(muster_histogram h, double x, const struct muster_exemplar *exemplar)
{
	uint32_t place = h.desc ? h.desc->exemplar : 0;

	muster_histogram_observe(h, x);
	keep(place ? place + muster__bucket(h.desc, x) : 0, x, exemplar);
}
