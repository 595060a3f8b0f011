/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sketch.c - an observation enters the sketch of its summary. Runs in workers, in any thread and in signal handlers.
 *
 * One exchange of one word, whatever happens: the word says itself of which epoch it is, so an epoch ends without anybody
 * clearing anything, and a writer may be killed, stopped, interrupted or overtaken anywhere. The words are the process's,
 * not a bank's: threads meet at them, which costs less than 4 KiB and more per thread would.
 */
#include "sketch.h"

#include <errno.h>

#include "atomic.h"
#include "requests.h"
#include "store.h"

#define RETRY_AFTER 1024u /* observations of a thread that found no space before it asks again */

static __thread uint32_t retry_in __attribute__((tls_model("initial-exec")));

static bool page_back(uint32_t sketch, uint32_t page)
{
	sigset_t saved;
	int error = errno;

	if (retry_in > 0) {
		retry_in--;
		return false;
	}
	muster__store_lock(&saved);
	bool good = muster__store_back_sketch(sketch, page) == 0;
	muster__store_unlock(&saved);
	if (!good)
		retry_in = RETRY_AFTER;
	errno = error;
	return good;
}

/* Add one observation of `epoch`. Who took so long since its look at the clock that another epoch has the word comes
 * too late: the window is past it. */
static void word_add(uint64_t *word, uint64_t epoch)
{
	uint64_t old = muster__load_relaxed(word), sum;

	do {
		uint64_t was = muster__sketch_word_epoch(old);
		if (old != 0 && muster__sketch_epoch_later(was, epoch))
			return;
		sum = was == epoch ? old + 1 : muster__sketch_word_of(epoch, 1);
	} while (!__atomic_compare_exchange_n(word, &old, sum, 1, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
}

void muster__sketch_add(const struct muster__distribution *d, double x)
{
	const struct muster__process *p = muster__attached();
	uint32_t sketch = d->sketch - 1;

	if (p->sketch_directory == NULL || x != x)
		return;
	uint32_t bucket = muster__sketch_bucket(x), page = bucket / MUSTER__SKETCH_BUCKETS;
	/* Whoever finds the bit set knows that the kernel has backed the page; nothing else is ordered by it here. */
	if (MUSTER__UNLIKELY((muster__load_relaxed(p->sketch_directory + sketch) >> page & 1) == 0) &&
	    !page_back(sketch, page)) {
		muster__event(MUSTER__EVENT_REFUSED_SKETCH);
		return;
	}
	uint64_t epoch = muster__sketch_epoch(muster__coarse_s(), d->window_s);
	uint64_t *words = p->sketch_pages + (sketch * (uint64_t)MUSTER__SKETCH_PAGES + page) * MUSTER__SKETCH_PAGE_WORDS;
	word_add(words + muster__sketch_word(bucket) + epoch % MUSTER__SKETCH_SLOTS, epoch);
}
