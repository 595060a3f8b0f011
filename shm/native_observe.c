/* SPDX-License-Identifier: Apache-2.0 */
/*
 * native_observe.c - recording into native histograms. Runs in workers, in any thread and in signal handlers.
 *
 * An observation is one update of two words, a bucket and the sum, by the intent of the bank, as that of a classic
 * histogram. Which word is the bucket's follows from the control word, so the intent is claimed before that is read:
 * a signal handler that would change it goes to another bank. An observation outside the window first changes the
 * window, under the same claim: the reader finds the old state or the new one, and both say the same.
 */
#include <errno.h>
#include <math.h>

#include "atomic.h"
#include "family.h"

/* ---- the window --------------------------------------------------------------------------- */

static struct muster__native_shape shape_of(const struct muster__native *h)
{
	return (struct muster__native_shape){h->per_sign, h->buffer_words / h->per_sign};
}

static uint64_t *buffer_of(const struct muster__native *h, uint64_t *words, uint32_t buffer)
{
	return words + MUSTER__NATIVE_BUCKETS + (buffer ? h->buffer_words : 0);
}

/* Fill a buffer that does not count with what is in the one that does.
 * ORDER(native-refill) release of each bucket, after the store of the control that made the other buffer count; pairs
 * with copy_once(). Without it a reader could take a bucket of this filling for one of the last. */
static void buffer_fill(const struct muster__native *h, uint64_t *to, int32_t to_start, const uint64_t *from,
                        int32_t from_start, uint32_t steps)
{
	for (uint32_t i = 0; i < h->buffer_words; i++)
		if (muster__load_relaxed(to + i) != 0)
			muster__store_release(to + i, 0);
	for (uint32_t first = 0; first < h->buffer_words; first += h->per_sign)
		for (uint32_t i = 0; i < h->per_sign; i++) {
			uint64_t n = muster__load_relaxed(from + first + i);
			if (n == 0)
				continue;
			uint64_t *bucket = to + first + (muster__exponential_lower(from_start + (int32_t)i, steps) - to_start);
			muster__store_release(bucket, muster__load_relaxed(bucket) + n);
		}
}

/* Where a window begins, so that it can grow on either side without another change. */
static int32_t start_of(struct muster__native_range range, uint32_t per_sign)
{
	return range.low - ((int32_t)per_sign - (range.high - range.low + 1)) / 2;
}

static struct muster__native_range range_with(struct muster__native_range range, int32_t index)
{
	if (range.low > range.high)
		return (struct muster__native_range){index, index};
	return (struct muster__native_range){index < range.low ? index : range.low,
	                                     index > range.high ? index : range.high};
}

/* Make the window one that holds all that is there, and the index, which is one at the finest schema.
 * ORDER(native-window) release of the control, after the buffer it names; pairs with copy_once(). */
static void window_change(const struct muster__native *h, uint64_t *words, int32_t index)
{
	uint64_t control = muster__load_relaxed(words);
	uint32_t steps = control ? muster__native_steps(control) : h->steps_first, buffer = muster__native_buffer(control);
	const uint64_t *from = buffer_of(h, words, buffer);
	int32_t start = muster__native_start(control);
	struct muster__native_range range = {1, 0};

	if (control)
		range = muster__native_range(from, shape_of(h), start);
	range = range_with(range, muster__exponential_lower(index, steps));
	uint32_t more = muster__native_steps_needed(range, h->per_sign);
	int32_t begin = start_of(muster__native_range_lower(range, more), h->per_sign);
	if (control) {
		buffer ^= 1;
		buffer_fill(h, buffer_of(h, words, buffer), begin, from, start, more);
	}
	muster__store_release(words,
	                      muster__native_control(steps + more, buffer, muster__native_count_field(control) + 1, begin));
}

/* The word of a bucket of positive values, 0 if the window does not have it. */
static uint32_t word_in_window(const struct muster__native *h, uint64_t control, int32_t index)
{
	int32_t at = muster__exponential_lower(index, muster__native_steps(control)) - muster__native_start(control);

	if (MUSTER__UNLIKELY((uint32_t)at >= h->per_sign))
		return 0;
	return h->int_word + MUSTER__NATIVE_BUCKETS + (muster__native_buffer(control) ? h->buffer_words : 0) + (uint32_t)at;
}

/* The same, of a bank whose intent is claimed; the window is made to have it. */
static uint32_t word_of_bucket(const struct muster__native *h, uint64_t *bank, int32_t index)
{
	uint64_t *words = bank + h->int_word;
	uint32_t word = word_in_window(h, muster__load_relaxed(words), index);

	if (word != 0)
		return word;
	window_change(h, words, index);
	return word_in_window(h, muster__load_relaxed(words), index);
}

/* ---- observing ---------------------------------------------------------------------------- */

/* Into a bank whose intent is closed, and that nobody else writes meanwhile. */
static void own_observe(const struct muster__native *h, uint64_t *bank, double x)
{
	uint32_t word;

	muster__intent_claim(bank);
	if (isnan(x))
		word = h->int_word + MUSTER__NATIVE_NAN;
	else if (fabs(x) <= h->zero_threshold)
		word = h->int_word + MUSTER__NATIVE_ZERO;
	else if (isinf(x))
		word = h->int_word + MUSTER__NATIVE_INFINITE + (x < 0);
	else
		word = word_of_bucket(h, bank, muster__exponential_index(fabs(x))) + (x < 0 ? h->per_sign : 0);
	muster__own_count(bank, word, h->real_word, x);
}

/* Every bank is in the middle of a record. Buckets of the shared one are written under the lock only, so that its window
 * can change, too, and with its intent, which nobody else uses. */
static void shared_observe(const struct muster__native *h, double x)
{
	uint64_t *bank = muster__attached()->shared;
	sigset_t saved;
	int error = errno;

	if (bank == NULL)
		return;
	muster__store_lock(&saved);
	own_observe(h, bank, x);
	muster__store_unlock(&saved);
	errno = error;
}

static __attribute__((noinline)) void observe_slow(const struct muster__native *h, double x)
{
	uint32_t index;

	if (x < -h->zero_threshold && !h->is_signed) {
		muster__event(MUSTER__EVENT_REFUSED_NEGATIVE);
		return;
	}
	uint64_t *bank = muster__two_word_bank(&index);
	if (bank == NULL)
		shared_observe(h, x);
	else
		own_observe(h, bank, x);
	muster__two_word_done(index);
}

void muster__native_observe(const struct muster__native *h, double x)
{
	uint64_t *bank = *muster__bank_ref;

	if (MUSTER__UNLIKELY(bank == NULL || !(x > h->zero_threshold && x <= MUSTER__REAL_MAX) ||
	                     __atomic_load_n(bank + MUSTER__WORD_INTENT, __ATOMIC_RELAXED) != 0)) {
		observe_slow(h, x);
		return;
	}
	int32_t index = muster__exponential_index(x);
	muster__intent_claim(bank);
	uint32_t word = word_in_window(h, muster__load_relaxed(bank + h->int_word), index);
	if (MUSTER__UNLIKELY(word == 0))
		word = word_of_bucket(h, bank, index);
	muster__own_count(bank, word, h->real_word, x);
}
