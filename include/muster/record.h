/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record.h - the recorders, inline. Included by muster.h; do not include it alone.
 *
 * A thread owns a bank, an array of 8-byte words in the shared slab that no other thread writes, so a
 * record is a plain load, add, store. Three events send a record to its out-of-line twin: the thread
 * has no bank yet (first use, or first use in a forked child, where the page holding all bank pointers
 * reads as zero), the thread came late and all banks are taken, or a signal handler interrupted a
 * record of two words. One-word adds are a single instruction, so a signal never splits them.
 *
 * The layout of a bank is normative in docs/slab-format.md.
 */
#ifndef MUSTER_RECORD_H
#define MUSTER_RECORD_H

#ifndef MUSTER_MUSTER_H
#error "include <muster/muster.h>"
#endif

#define MUSTER__UNLIKELY(x) __builtin_expect(!!(x), 0)

/* Words of a bank before its cells. */
enum {
	MUSTER__WORD_SCRATCH_INT = 0, /* where dropped series record */
	MUSTER__WORD_SCRATCH_REAL = 1,
	MUSTER__WORD_INTENT = 2,      /* 0 closed, MUSTER__INTENT_BUSY, or OPEN | int word << 32 | real word */
	MUSTER__WORD_INTENT_INT = 3,  /* absolute new value of the int word */
	MUSTER__WORD_INTENT_REAL = 4, /* absolute new bits of the real word */
	MUSTER__WORD_CELLS = 8,
};

#define MUSTER__INTENT_BUSY UINT64_C(1)
#define MUSTER__INTENT_OPEN (UINT64_C(1) << 63)

/* Bounds beyond these are searched, not scanned. */
#define MUSTER__PAIRS_SCANNED_MAX 16

#define MUSTER__REAL_MAX 1.7976931348623157e308

/* A gauge cell holds the bits of its value XOR this NaN, so that a zero word means: never set. */
#define MUSTER__GAUGE_KEY UINT64_C(0x7ff46d7573746572)

struct muster__gauge {
	uint32_t word;        /* cell in the gauge area; unused if timestamped */
	uint32_t timestamped; /* a mostrecent mode: value and time are one record of two words */
	uint32_t int_word, real_word;
};

/* A histogram, or a summary, which is a histogram without bounds. */
struct muster__distribution {
	uint32_t int_word;     /* first bucket */
	uint32_t real_word;    /* sum */
	uint32_t bounds_count; /* buckets are one more */
	uint32_t pairs_count;  /* of bounds, an even number: filled up with NaN, which holds nothing */
	const double *bounds;  /* 16-byte aligned */
	uint32_t sketch;       /* of a summary with quantiles: its number + 1; else 0 */
	uint32_t window_s;     /* of those */
	uint32_t exemplar;     /* slot of the first bucket's exemplar, plus 1; 0: it has none */
};

/* Where the calling thread finds its bank pointer, and the process its gauges; both point into one page
 * that a fork wipes. NULL there means: take the slow path. */
extern __thread uint64_t *const *muster__bank_ref __attribute__((tls_model("initial-exec")));
extern uint64_t *const *muster__gauges_ref;

void muster__counter_add_slow(uint32_t word, uint64_t n);
void muster__in_flight_add_slow(uint32_t word, uint64_t n);
void muster__real_add_slow(uint32_t word, double x);
void muster__gauge_set_slow(const struct muster__gauge *g, double x);
void muster__gauge_add(const struct muster__gauge *g, double x);
void muster__observe_slow(const struct muster__distribution *d, double x);
void muster__sketch_add(const struct muster__distribution *d, double x);
uint32_t muster__bucket_search(const struct muster__distribution *d, double x);
void muster__native_observe(const struct muster__native *h, double x);

static inline uint64_t muster__bits(double x)
{
	uint64_t u;
	memcpy(&u, &x, sizeof u);
	return u;
}

static inline double muster__double(uint64_t u)
{
	double x;
	memcpy(&x, &u, sizeof x);
	return x;
}

/* Under TSan the compiler must see the accesses. */
#if defined(__SANITIZE_THREAD__)
#define MUSTER__PLAIN_ASM 0
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define MUSTER__PLAIN_ASM 0
#endif
#endif
#ifndef MUSTER__PLAIN_ASM
#if defined(__x86_64__)
#define MUSTER__PLAIN_ASM 1
#else
#define MUSTER__PLAIN_ASM 0
#endif
#endif

/* Add to a word only this thread writes, in one instruction: a signal handler that adds to the same
 * word runs wholly before or wholly after. Relaxed. */
static inline void muster__own_add(uint64_t *word, uint64_t n)
{
#if MUSTER__PLAIN_ASM
	__asm__ volatile("addq %1, %0" : "+m"(*word) : "er"(n) : "cc");
#else
	__atomic_fetch_add(word, n, __ATOMIC_RELAXED);
#endif
}

/* The same for a double: no lock prefix, but the exchange is one instruction, so an add that a signal
 * handler slipped in is seen and the sum is taken again. Relaxed. */
static inline void muster__own_real_add(uint64_t *word, double x)
{
	uint64_t old = __atomic_load_n(word, __ATOMIC_RELAXED);
#if MUSTER__PLAIN_ASM
	int same;
	do
		__asm__ volatile("cmpxchgq %3, %1"
		                 : "=@ccz"(same), "+m"(*word), "+a"(old)
		                 : "r"(muster__bits(muster__double(old) + x)));
	while (MUSTER__UNLIKELY(!same));
#else
	while (!__atomic_compare_exchange_n(word, &old, muster__bits(muster__double(old) + x), 1, __ATOMIC_RELAXED,
	                                    __ATOMIC_RELAXED))
		;
#endif
}

/* Claim the intent line of a bank whose intent is closed. From here a nested record goes elsewhere. */
static inline void muster__intent_claim(uint64_t *bank)
{
	__atomic_store_n(bank + MUSTER__WORD_INTENT, MUSTER__INTENT_BUSY, __ATOMIC_RELAXED);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

/* Store two words so that a reader of a dead writer finds both or neither.
 * ORDER(intent-open) release; pairs with the reader's acquire of the intent word: it sees both values.
 * ORDER(intent-cells) release; a reader that sees a new cell of a dead writer sees the open intent.
 * ORDER(intent-close) release; a reader that sees the intent closed sees both cells. */
static inline void muster__intent_commit(uint64_t *bank, uint32_t int_word, uint64_t int_value, uint32_t real_word,
                                         uint64_t real_bits)
{
	__atomic_store_n(bank + MUSTER__WORD_INTENT_INT, int_value, __ATOMIC_RELAXED);
	__atomic_store_n(bank + MUSTER__WORD_INTENT_REAL, real_bits, __ATOMIC_RELAXED);
	__atomic_store_n(bank + MUSTER__WORD_INTENT, MUSTER__INTENT_OPEN | (uint64_t)int_word << 32 | real_word,
	                 __ATOMIC_RELEASE);
	__atomic_store_n(bank + real_word, real_bits, __ATOMIC_RELEASE); /* first: the int word may be its time */
	__atomic_store_n(bank + int_word, int_value, __ATOMIC_RELEASE);
	__atomic_store_n(bank + MUSTER__WORD_INTENT, UINT64_C(0), __ATOMIC_RELEASE);
}

/* Count one observation in a bank whose intent is claimed. */
static inline void muster__own_count(uint64_t *bank, uint32_t int_word, uint32_t real_word, double x)
{
	uint64_t n = __atomic_load_n(bank + int_word, __ATOMIC_RELAXED) + 1;
	double sum = muster__double(__atomic_load_n(bank + real_word, __ATOMIC_RELAXED)) + x;

	muster__intent_commit(bank, int_word, n, real_word, muster__bits(sum));
}

/* The same in a bank this thread owns and whose intent is closed. */
static inline void muster__own_observe(uint64_t *bank, const struct muster__distribution *d, uint32_t bucket, double x)
{
	uint32_t int_word = d->int_word + bucket, real_word = d->real_word;

	muster__intent_claim(bank);
	muster__own_count(bank, int_word, real_word, x);
}

typedef double muster__v2d __attribute__((vector_size(16)));
typedef int64_t muster__v2i __attribute__((vector_size(16)));

/* The bucket of x: how many bounds it exceeds. NaN exceeds all of them. A histogram has one bound at least. */
static inline uint32_t muster__bucket(const struct muster__distribution *d, double x)
{
	const muster__v2d *bound = (const muster__v2d *)(const void *)d->bounds, *end = bound + d->pairs_count;
	muster__v2d x2 = {x, x};
	muster__v2i held = {0, 0}, held2 = {0, 0};

	if (MUSTER__UNLIKELY(d->pairs_count > MUSTER__PAIRS_SCANNED_MAX))
		return muster__bucket_search(d, x);
	do {
		held += (muster__v2i)(x2 <= bound[0]);
		held2 += (muster__v2i)(x2 <= bound[1]);
		bound += 2;
	} while (bound < end);
	held += held2;
	return d->bounds_count + (uint32_t)(held[0] + held[1]);
}

/* ---- counters ----------------------------------------------------------------------------- */

/* Add `n` events to a counter. Wait-free: no system call, allocation or lock.
 *   n   0 is allowed; a value of 2^63 or more is a negative number and refused (counted)
 * Context: any thread, any signal handler, before or after fork.
 * Order: relaxed; a scrape may miss the last adds, it never sees a torn value. */
static inline void muster_counter_add(muster_counter c, uint64_t n)
{
	uint64_t *bank = *muster__bank_ref;

	if (MUSTER__UNLIKELY(bank == NULL || (int64_t)n < 0))
		muster__counter_add_slow(c.word, n);
	else
		muster__own_add(bank + c.word, n);
}

/* Add 1. As muster_counter_add(). */
static inline void muster_counter_inc(muster_counter c)
{
	muster_counter_add(c, 1);
}

/* Add `x` to a real-valued counter.
 *   x   in the family's unit, finite and not negative; anything else is refused (counted)
 * Context and order as muster_counter_add(). */
static inline void muster_real_counter_add(muster_real_counter c, double x)
{
	uint64_t *bank = *muster__bank_ref;

	if (MUSTER__UNLIKELY(bank == NULL || !(x >= 0.0 && x <= MUSTER__REAL_MAX)))
		muster__real_add_slow(c.word, x);
	else
		muster__own_real_add(bank + c.word, x);
}

/* ---- gauges ------------------------------------------------------------------------------- */

/* Set a gauge. The last set of any thread of the process stands. In the mostrecent modes the time is
 * taken too (CLOCK_REALTIME), and value and time become visible together.
 * Context: any thread, any signal handler. Order: relaxed. */
static inline void muster_gauge_set(muster_gauge g, double x)
{
	if (MUSTER__UNLIKELY(g.desc == NULL))
		return;
	uint64_t *cells = *muster__gauges_ref;
	if (MUSTER__UNLIKELY(cells == NULL || g.desc->timestamped))
		muster__gauge_set_slow(g.desc, x);
	else
		__atomic_store_n(cells + g.desc->word, muster__bits(x) ^ MUSTER__GAUGE_KEY, __ATOMIC_RELAXED);
}

/* Add to a gauge, which starts at 0. Refused (counted) in the mostrecent modes, where a sum has no
 * meaning. Context as muster_gauge_set(); atomic against every other thread. */
static inline void muster_gauge_add(muster_gauge g, double x)
{
	if (!MUSTER__UNLIKELY(g.desc == NULL))
		muster__gauge_add(g.desc, x);
}

static inline void muster_gauge_sub(muster_gauge g, double x)
{
	muster_gauge_add(g, -x);
}

static inline void muster_gauge_inc(muster_gauge g)
{
	muster_gauge_add(g, 1.0);
}

static inline void muster_gauge_dec(muster_gauge g)
{
	muster_gauge_add(g, -1.0);
}

/* Set a gauge to the current Unix time in seconds. */
void muster_gauge_set_to_current_time(muster_gauge g);

/* Count a thing in flight, or take it out again; begin and end may run in different threads of the
 * process. What a dying worker had in flight leaves the scrape with it. Context as muster_counter_add(). */
static inline void muster_in_flight_begin(muster_in_flight f)
{
	uint64_t *bank = *muster__bank_ref;

	if (MUSTER__UNLIKELY(bank == NULL))
		muster__in_flight_add_slow(f.word, 1);
	else
		muster__own_add(bank + f.word, 1);
}

static inline void muster_in_flight_end(muster_in_flight f)
{
	uint64_t *bank = *muster__bank_ref;

	if (MUSTER__UNLIKELY(bank == NULL))
		muster__in_flight_add_slow(f.word, UINT64_MAX);
	else
		muster__own_add(bank + f.word, UINT64_MAX);
}

/* ---- histograms and summaries ------------------------------------------------------------- */

/* Observe a value: its bucket and the sum change together, exactly once even if the process is killed
 * between any two instructions.
 *   x   in the family's unit; NaN counts in +Inf and makes the sum NaN
 * Context and order as muster_counter_add(). */
static inline void muster_histogram_observe(muster_histogram h, double x)
{
	if (MUSTER__UNLIKELY(h.desc == NULL))
		return;
	uint64_t *bank = *muster__bank_ref;
	if (MUSTER__UNLIKELY(bank == NULL || __atomic_load_n(bank + MUSTER__WORD_INTENT, __ATOMIC_RELAXED) != 0))
		muster__observe_slow(h.desc, x);
	else
		muster__own_observe(bank, h.desc, muster__bucket(h.desc, x), x);
}

/* As muster_histogram_observe(), for a summary. One with quantiles reads a clock too (CLOCK_MONOTONIC_COARSE, no entry into
 * the kernel), and takes a lock when it backs memory: once for each factor of 16 in the magnitude of values. */
static inline void muster_summary_observe(muster_summary s, double x)
{
	if (MUSTER__UNLIKELY(s.desc == NULL))
		return;
	uint64_t *bank = *muster__bank_ref;
	if (MUSTER__UNLIKELY(bank == NULL || __atomic_load_n(bank + MUSTER__WORD_INTENT, __ATOMIC_RELAXED) != 0))
		muster__observe_slow(s.desc, x);
	else
		muster__own_observe(bank, s.desc, 0, x);
	if (MUSTER__UNLIKELY(s.desc->sketch != 0))
		muster__sketch_add(s.desc, x);
}

/* As muster_histogram_observe(), for a native histogram. Now and then, at most some 150 times in the life of a series and
 * a thread, a value outside all before it moves the buckets: some microseconds.
 *   x   in the family's unit; a negative number is refused (counted) unless opts.signed_values; NaN is counted in no
 *       bucket and makes the sum NaN; the infinities have a bucket each */
static inline void muster_native_histogram_observe(muster_native_histogram h, double x)
{
	if (!MUSTER__UNLIKELY(h.desc == NULL))
		muster__native_observe(h.desc, x);
}

/* ---- timing ------------------------------------------------------------------------------- */

/* A started clock (CLOCK_MONOTONIC). */
struct muster_timer {
	uint64_t start_ns;
};

/* Start timing a block. Context: any. */
struct muster_timer muster_timer_start(void);

/* Seconds since the start; never negative. Context: any. */
double muster_timer_seconds(struct muster_timer t);

/* Stop: observe the seconds since the start. A timer may be stopped more than once. */
static inline void muster_histogram_observe_timer(muster_histogram h, struct muster_timer t)
{
	muster_histogram_observe(h, muster_timer_seconds(t));
}

static inline void muster_native_histogram_observe_timer(muster_native_histogram h, struct muster_timer t)
{
	muster_native_histogram_observe(h, muster_timer_seconds(t));
}

static inline void muster_summary_observe_timer(muster_summary s, struct muster_timer t)
{
	muster_summary_observe(s, muster_timer_seconds(t));
}

#endif
