/* SPDX-License-Identifier: Apache-2.0 */
/*
 * expiry.c - series that nobody changes for as long as their family says are forgotten.
 *
 * Only the merged values are compared, so it costs the workers nothing, and no clock of theirs is asked: the
 * master's own time runs from the look at which it saw the last change. Runs in the master, after a refresh.
 */
#include "expiry.h"

#include <time.h>

#include "fold.h"
#include "grow.h"
#include "roll.h"

/* What was seen of a series, whether the view was made anew since or not. */
struct seen {
	uint64_t key;         /* hash of name and label values; two that share one expire later, no more */
	uint64_t fingerprint; /* of the values when they last changed */
	uint64_t changed_ns;
	uint64_t looked_ns;
};

struct muster__expiry {
	struct seen *seen;
	size_t count, capacity;
	struct muster__index index;
};

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec * UINT64_C(1000000000) + (uint64_t)ts.tv_nsec;
}

/* ---- remembering -------------------------------------------------------------------------- */

struct wanted {
	const struct muster__expiry *expiry;
	uint64_t key;
};

static bool seen_equals(const void *ctx, uint32_t item)
{
	const struct wanted *wanted = ctx;

	return wanted->expiry->seen[item].key == wanted->key;
}

static uint64_t key_of(const struct muster__view_series *s)
{
	uint64_t key = muster__hash(0, s->family->name, strlen(s->family->name));

	return muster__hash(key, s->values, muster__values_bytes(s));
}

static void seen_index(void *owner)
{
	struct muster__expiry *e = owner;

	for (size_t i = 0; i < e->count; i++)
		muster__index_add(&e->index, e->seen[i].key, (uint32_t)i);
}

/* NULL for want of memory. */
static struct seen *seen_of(struct muster__expiry *e, uint64_t key)
{
	struct wanted wanted = {e, key};
	uint32_t item = muster__index_find(&e->index, key, seen_equals, &wanted);

	if (item != MUSTER__INDEX_NONE)
		return e->seen + item;
	if (muster__grow(&e->seen, &e->capacity, e->count + 1, sizeof *e->seen) != 0 ||
	    muster__index_reserve(&e->index, e->count + 1, seen_index, e) != 0)
		return NULL;
	muster__index_add(&e->index, key, (uint32_t)e->count);
	e->seen[e->count] = (struct seen){.key = key};
	return e->seen + e->count++;
}

/* Let go of those that were not in the last look, once they are most of all. */
static void seen_prune(struct muster__expiry *e, uint64_t looked_ns, size_t looked_at)
{
	size_t kept = 0;

	if (e->count <= 2 * looked_at + 512)
		return;
	for (size_t i = 0; i < e->count; i++)
		if (e->seen[i].looked_ns == looked_ns)
			e->seen[kept++] = e->seen[i];
	e->count = kept;
	muster__index_clear(&e->index);
	if (muster__index_reserve(&e->index, kept, seen_index, e) != 0)
		e->count = 0;
}

void muster__expiry_destroy(struct muster__expiry **at)
{
	struct muster__expiry *e = *at;

	*at = NULL;
	if (e == NULL)
		return;
	muster__index_clear(&e->index);
	free(e->seen);
	free(e);
}

/* ---- looking ------------------------------------------------------------------------------ */

static uint64_t fingerprint(const struct muster__view *v, const struct muster__view_series *s)
{
	struct muster__counts counts = muster__view_counts(s);
	uint64_t sum = 0;

	switch (s->family->type) {
	case MUSTER_REAL_COUNTER:
		return muster__bits(v->reals[s->real_at]);
	case MUSTER_GAUGE: /* of a mostrecent mode */
		return v->gauges[s->gauge_at].time_ns;
	default:
		for (uint32_t i = 0; i < counts.count; i++)
			sum += v->ints[s->int_at + counts.first + i]; /* each can only grow, so the sum tells */
		return sum;
	}
}

static bool is_shown(const struct muster__view *v, const struct muster__view_series *s)
{
	return !s->hidden && (!muster__is_gauge(s->family->type) || v->gauges[s->gauge_at].set);
}

static int series_look(struct muster_region *region, struct muster__view_series *s, uint64_t now)
{
	struct seen *seen = seen_of(region->expiry, key_of(s));
	uint64_t value = fingerprint(&region->merge.view, s);

	if (seen == NULL)
		return -ENOMEM;
	if (seen->looked_ns == 0 || seen->fingerprint != value)
		*seen = (struct seen){.key = seen->key, .fingerprint = value, .changed_ns = now};
	seen->looked_ns = now;
	s->expired =
		is_shown(&region->merge.view, s) && now - seen->changed_ns >= s->family->expiry_s * UINT64_C(1000000000);
	region->expired_count += s->expired;
	return 0;
}

int muster__region_expire(struct muster_region *region)
{
	const struct muster__view *view = &region->merge.view;
	uint64_t now = now_ns();
	size_t looked_at = 0;
	int rc = 0;

	region->expired_count = 0;
	if (region->expiry == NULL && (region->expiry = calloc(1, sizeof *region->expiry)) == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < view->family_count; i++) {
		const struct muster__view_family *f = view->families[i];
		for (size_t k = 0; rc == 0 && f->expiry_s && k < f->series_count; k++, looked_at++)
			rc = series_look(region, muster__view_at(view, f->series[k]), now);
	}
	seen_prune(region->expiry, now, looked_at);
	return rc;
}
