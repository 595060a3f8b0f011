/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record.c - the out-of-line twins of the recorders in record.h: first use in a thread or process, no
 * bank to be had, a nested record, a refused value.
 *
 * A record that cannot be stored (no memory at all) is dropped: recording never fails.
 */
#include <errno.h>
#include <time.h>

#include "atomic.h"
#include "store.h"

static uint64_t *shared_bank(void)
{
	return muster__attached()->shared;
}

/* ---- one word ----------------------------------------------------------------------------- */

static void int_add(uint32_t word, uint64_t n)
{
	uint64_t *bank = muster__bank_own();

	if (bank)
		muster__own_add(bank + word, n);
	else if (shared_bank())
		muster__add_relaxed(shared_bank() + word, n);
}

void muster__counter_add_slow(uint32_t word, uint64_t n)
{
	if ((int64_t)n < 0)
		muster__event(MUSTER__EVENT_REFUSED_NEGATIVE);
	else
		int_add(word, n);
}

void muster__in_flight_add_slow(uint32_t word, uint64_t n)
{
	int_add(word, n);
}

/* Add to a word that other threads write too. */
static void shared_real_add(uint64_t *word, double x)
{
	uint64_t old = muster__load_relaxed(word);

	while (!__atomic_compare_exchange_n(word, &old, muster__bits(muster__double(old) + x), 1, __ATOMIC_RELAXED,
	                                    __ATOMIC_RELAXED))
		;
}

void muster__real_add_slow(uint32_t word, double x)
{
	if (x < 0.0) {
		muster__event(MUSTER__EVENT_REFUSED_NEGATIVE);
		return;
	}
	if (!(x <= MUSTER__REAL_MAX)) {
		muster__event(MUSTER__EVENT_REFUSED_NOT_FINITE);
		return;
	}
	uint64_t *bank = muster__bank_own();
	if (bank)
		muster__own_real_add(bank + word, x);
	else if (shared_bank())
		shared_real_add(shared_bank() + word, x);
}

/* ---- two words ---------------------------------------------------------------------------- */

uint64_t *muster__two_word_bank(uint32_t *index)
{
	uint64_t *bank = muster__bank_own();

	*index = 0;
	if (bank && muster__load_relaxed(bank + MUSTER__WORD_INTENT) == 0)
		return bank;
	return muster__bank_borrow(index);
}

void muster__two_word_done(uint32_t index)
{
	if (index)
		muster__bank_return(index);
}

void muster__observe_slow(const struct muster__distribution *d, double x)
{
	uint32_t index, bucket = d->bounds_count ? muster__bucket(d, x) : 0;
	uint64_t *bank = muster__two_word_bank(&index);

	if (bank) {
		muster__own_observe(bank, d, bucket, x);
	} else if (shared_bank()) {
		/* Every bank is in the middle of a record: both words are exact, but a kill between them loses
		 * one x from the sum. */
		muster__add_relaxed(shared_bank() + d->int_word + bucket, 1);
		shared_real_add(shared_bank() + d->real_word, x);
	}
	muster__two_word_done(index);
}

static void gauge_set_timestamped(const struct muster__gauge *g, double x)
{
	uint32_t index;
	uint64_t *bank = muster__two_word_bank(&index);

	if (bank) {
		muster__intent_claim(bank);
		muster__intent_commit(bank, g->int_word, muster__unix_ns(), g->real_word, muster__bits(x));
	} else if (shared_bank()) {
		muster__store_relaxed(shared_bank() + g->real_word, muster__bits(x));
		muster__store_release(shared_bank() + g->int_word, muster__unix_ns());
	}
	muster__two_word_done(index);
}

uint32_t muster__bucket_search(const struct muster__distribution *d, double x)
{
	uint32_t low = 0, high = d->bounds_count;

	while (low < high) {
		uint32_t middle = (low + high) / 2;
		if (x <= d->bounds[middle])
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

/* ---- gauges ------------------------------------------------------------------------------- */

static uint64_t *gauge_cell(const struct muster__gauge *g)
{
	uint64_t *cells = muster__attached()->gauges;

	return cells ? cells + g->word : NULL;
}

void muster__gauge_set_slow(const struct muster__gauge *g, double x)
{
	if (g->timestamped) {
		gauge_set_timestamped(g, x);
		return;
	}
	uint64_t *cell = gauge_cell(g);
	if (cell)
		muster__store_relaxed(cell, muster__bits(x) ^ MUSTER__GAUGE_KEY);
}

void muster__gauge_add(const struct muster__gauge *g, double x)
{
	if (g->timestamped) {
		muster__event(MUSTER__EVENT_REFUSED_MODE);
		return;
	}
	uint64_t *cell = gauge_cell(g);
	if (cell == NULL)
		return;
	uint64_t old = muster__load_relaxed(cell), sum;
	do
		sum = muster__bits((old ? muster__double(old ^ MUSTER__GAUGE_KEY) : 0.0) + x) ^ MUSTER__GAUGE_KEY;
	while (!__atomic_compare_exchange_n(cell, &old, sum, 1, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
}

void muster__gauge_unset(muster_gauge gauge)
{
	uint64_t *cell = gauge.desc ? gauge_cell(gauge.desc) : NULL;

	if (cell)
		muster__store_relaxed(cell, 0);
}

void muster_gauge_set_to_current_time(muster_gauge g)
{
	muster_gauge_set(g, (double)muster__unix_ns() * 1e-9);
}

/* ---- timing ------------------------------------------------------------------------------- */

static uint64_t monotonic_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * UINT64_C(1000000000) + (uint64_t)ts.tv_nsec;
}

struct muster_timer muster_timer_start(void)
{
	return (struct muster_timer){monotonic_ns()};
}

double muster_timer_seconds(struct muster_timer t)
{
	return (double)(monotonic_ns() - t.start_ns) * 1e-9;
}
