/* SPDX-License-Identifier: Apache-2.0 */
/*
 * forgetting_wanted.c - which series are to be forgotten now, and what the workers that ask had in them.
 * Runs in the master, on private memory.
 */
#include "applying.h"
#include "forgotten.h"

bool muster__forgetting_due(const struct muster_region *region)
{
	for (size_t i = 0; i < region->slabs_count; i++) {
		struct muster__forget_at at = {0};
		if (muster__forgetting_counts(region->slabs[i]) && muster__forgets_next(region->slabs[i], &at))
			return true;
	}
	return region->expired_count > 0;
}

static struct muster__view_family *family_of(const struct muster__forget_at *at,
                                             const struct muster__forget_shm *request,
                                             const struct muster__family_shm **record)
{
	return muster__catalogue_family(at->node, request->family, record)->view;
}

/* The one series a request names; NULL if it is not in the view. */
static struct muster__view_series *series_of(const struct muster_region *region, const struct muster__forget_at *at,
                                             const struct muster__forget_shm *request)
{
	const struct muster__family_shm *record;
	const struct muster__view_family *family = family_of(at, request, &record);
	struct muster_str labels[MUSTER_LABELS_MAX];

	if (family == NULL || request->all || !muster__forget_parts(request, record->label_count, labels))
		return NULL;
	return muster__view_series_find(&region->merge, family, labels);
}

/* Sets of a gauge that carries its time, and exemplars, count again when they are later than `time_ns`. */
static void want(struct muster__applying *a, const struct muster__view_series *series, uint64_t time_ns)
{
	/* No family of a worker's is like that, and in some slab it may have fewer cells. */
	if (series->family->flags & MUSTER__FAMILY_OPEN)
		return;
	a->out->wanted[series->index] = true;
	a->out->any = true;
	if ((muster__view_series_timestamped(series) || muster__exemplar_at(series)) &&
	    a->out->after_ns[series->index] < time_ns)
		a->out->after_ns[series->index] = time_ns < a->now_ns ? time_ns : a->now_ns;
}

static void request_want(struct muster__applying *a, const struct muster__forget_at *at,
                         const struct muster__forget_shm *request)
{
	const struct muster__family_shm *record;
	const struct muster__view_family *family = family_of(at, request, &record);
	const struct muster__view_series *series = series_of(a->region, at, request);

	if (series)
		want(a, series, request->asked_unix_ns);
	for (size_t i = 0; family && request->all && i < family->series_count; i++)
		want(a, muster__view_at(&a->region->merge.view, family->series[i]), request->asked_unix_ns);
}

void muster__forgetting_want(struct muster__applying *a)
{
	const struct muster_region *region = a->region;
	const struct muster__forget_shm *request;

	for (size_t i = 0; i < region->slabs_count; i++) {
		struct muster__forget_at at = {0};
		while (muster__forgetting_counts(region->slabs[i]) &&
		       (request = muster__forgets_next(region->slabs[i], &at)) != NULL)
			request_want(a, &at, request);
	}
	for (size_t i = 0; region->expired_count && i < region->merge.series_count; i++) {
		const struct muster__view_series *series = muster__series_at(&region->merge, i);
		if (series->expired)
			want(a, series,
			     muster__view_series_timestamped(series) ? region->merge.view.gauges[series->gauge_at].time_ns
			                                             : a->now_ns);
	}
}

void muster__forgetting_had(struct muster__applying *a, const struct muster__slab *slab)
{
	static const uint64_t nothing[MUSTER__NATIVE_SUM_WORDS_MAX + 1];
	const struct muster__forget_shm *request;
	const struct muster__family_shm *record;

	for (struct muster__forget_at at = {0}; (request = muster__forgets_next(slab, &at)) != NULL;) {
		const struct muster__view_series *series = series_of(a->region, &at, request);
		if (series && a->had[series->index] == NULL)
			a->had[series->index] = request->value_count ? (const uint64_t *)(const void *)(request + 1) : nothing;
	}
	for (struct muster__forget_at at = {0}; (request = muster__forgets_next(slab, &at)) != NULL;) {
		const struct muster__view_family *family = family_of(&at, request, &record);
		for (size_t i = 0; family && request->all && i < family->series_count; i++) {
			uint32_t index = muster__view_at(&a->region->merge.view, family->series[i])->index;
			if (a->had[index] == NULL)
				a->had[index] = nothing;
		}
	}
}
