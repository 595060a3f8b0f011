/* SPDX-License-Identifier: Apache-2.0 */
/*
 * request.c - a worker tells which requests it has. Runs in workers, in any thread and in signal handlers.
 *
 * Who takes the count of requests from 0 to 1 begins a busy period, who takes it back to 0 ends it. The two may be
 * different threads that overtake each other on their way to the word `busy`: its sum is the same in any order.
 * The count of requests ended is a usual counter; the other families only have their descriptions in the catalogue,
 * and readers derive their values from the words of the header (activity.c).
 */
#include <muster/request.h>

#include "atomic.h"
#include "requests.h"
#include "store.h"

#define NO_PLACE MUSTER__REQUEST_PLACES

_Static_assert(MUSTER_REQUESTS_AGED_MAX == MUSTER__REQUEST_PLACES, "as told to users");

static uint32_t ended_word; /* handle of the counter; stays valid in forked children */
static uint32_t declared;

/* Where this thread looks for a place first: where it gave one back, or behind the one it took. 0: nowhere yet. */
static __thread uint32_t place_hint __attribute__((tls_model("initial-exec")));

/* ---- families ----------------------------------------------------------------------------- */

static int families_declare(void)
{
	static const char *const state[] = {"state", NULL};
	static const struct {
		enum muster_type type;
		struct muster_opts opts;
	} rows[] = {
		{MUSTER_COUNTER, {.name = MUSTER__REQUESTS_ENDED, .help = "Requests that workers have ended."}},
		{MUSTER_IN_FLIGHT,
	     {.name = MUSTER__REQUESTS_IN_FLIGHT, .help = "Requests that workers have begun and not ended."}},
		{MUSTER_REAL_COUNTER,
	     {.name = MUSTER__REQUESTS_BUSY,
	      .help = "Time in which a worker had a request, in seconds.",
	      .unit = "seconds"}},
		{MUSTER_GAUGE,
	     {.name = MUSTER__REQUESTS_LONGEST,
	      .help = "Age of the oldest request in flight, in seconds.",
	      .unit = "seconds",
	      .mode = MUSTER_LIVEMAX}},
		{MUSTER_GAUGE,
	     {.name = MUSTER__REQUESTS_WORKERS,
	      .help = "Workers that tell their requests, with one in flight and without.",
	      .labels = state,
	      .mode = MUSTER_LIVESUM}},
	};
	struct muster_family *families[sizeof rows / sizeof *rows] = {NULL};
	int first = 0;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		int rc = muster_declare(rows[i].type, &rows[i].opts, &families[i]);
		first = first ? first : rc;
	}
	__atomic_store_n(&ended_word, muster_counter_get(families[0], NULL, 0).word, __ATOMIC_RELAXED);
	(void)muster_gauge_get(families[4], (const struct muster_str[]){muster_str("busy")}, 1);
	(void)muster_gauge_get(families[4], (const struct muster_str[]){muster_str("idle")}, 1);
	return first;
}

int muster_requests_declare(void)
{
	int rc = families_declare();
	struct muster__requests_shm *r = muster__attached()->requests;

	/* ORDER(series-publish) release; pairs with muster_request_begin(): whoever sees it has the handle. */
	__atomic_store_n(&declared, 1, __ATOMIC_RELEASE);
	if (r)
		muster__store_release(&r->declared, 1);
	return rc;
}

/* ---- places ------------------------------------------------------------------------------- */

/* Threads begin apart from each other: their thread-local blocks lie a stack apart. */
static uint32_t place_first(void)
{
	return place_hint ? place_hint : (uint32_t)((uintptr_t)&place_hint >> 9);
}

static uint32_t place_take(struct muster__requests_shm *r, uint64_t now_ns)
{
	uint32_t first = place_first();

	for (uint32_t i = 0; i < MUSTER__REQUEST_PLACES; i++) {
		uint32_t place = (first + i) % MUSTER__REQUEST_PLACES;
		uint64_t free_word = 0;
		if (muster__load_relaxed(&r->begun_ns[place]) == 0 &&
		    __atomic_compare_exchange_n((uint64_t *)&r->begun_ns[place], &free_word, now_ns, 0, __ATOMIC_RELAXED,
		                                __ATOMIC_RELAXED)) {
			place_hint = MUSTER__REQUEST_PLACES + place + 1;
			return place;
		}
	}
	return NO_PLACE;
}

static void place_return(struct muster__requests_shm *r, uint32_t place)
{
	if (place >= MUSTER__REQUEST_PLACES)
		return;
	muster__store_relaxed(&r->begun_ns[place], 0);
	place_hint = MUSTER__REQUEST_PLACES + place;
}

/* ---- begin and end ------------------------------------------------------------------------ */

static uint64_t busy_time(uint64_t ns)
{
	return ns >> MUSTER__BUSY_UNIT_BITS << MUSTER__BUSY_COUNT_BITS;
}

static uint64_t count_add(struct muster__requests_shm *r, uint64_t n)
{
	return __atomic_fetch_add((uint64_t *)&r->in_flight, n, __ATOMIC_RELAXED);
}

/* Of this process; its parent may have declared the families. */
static void first_request(struct muster__requests_shm *r)
{
	if (__atomic_load_n(&declared, __ATOMIC_ACQUIRE))
		muster__store_release(&r->declared, 1);
	else
		(void)muster_requests_declare();
}

struct muster_request muster_request_begin(void)
{
	const struct muster__process *p = muster__attached();
	struct muster__requests_shm *r = p->requests;

	if (MUSTER__UNLIKELY(r == NULL))
		return (struct muster_request){0, 0};
	/* ORDER(series-publish) acquire; pairs with muster_requests_declare(). */
	if (MUSTER__UNLIKELY(muster__load_acquire(&r->declared) == 0))
		first_request(r);
	uint64_t now = muster__coarse_ns();
	if (count_add(r, 1) == 0)
		muster__add_relaxed(&r->busy, 1 - busy_time(now));
	muster__store_relaxed(&r->last_ns, now);
	return (struct muster_request){place_take(r, now), p->generation};
}

void muster_request_end(struct muster_request request)
{
	const struct muster__process *p = muster__process();
	struct muster__requests_shm *r = p->requests;

	if (MUSTER__UNLIKELY(r == NULL || request.generation != p->generation))
		return;
	uint64_t now = muster__coarse_ns();
	place_return(r, request.place);
	if (count_add(r, UINT64_MAX) == 1)
		muster__add_relaxed(&r->busy, busy_time(now) - 1);
	muster__store_relaxed(&r->last_ns, now);
	muster_counter_inc((muster_counter){__atomic_load_n(&ended_word, __ATOMIC_RELAXED)});
}
