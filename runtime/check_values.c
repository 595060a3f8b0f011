/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check_values.c - rules on what a family holds: too many series, too few values, bounds that miss.
 */
#include "check.h"

#include <stdlib.h>
#include <string.h>

#include "shm/catalogue_records.h"

#define SAMPLES_MANY 2000
#define VALUES_LIKE_IDS 20 /* so many values of a label, each with this many digits in a row */
#define DIGITS_LIKE_IDS 6
#define OBSERVATIONS_ENOUGH 100

static uint64_t samples_of(const struct muster__view_family *f)
{
	switch (f->type) {
	case MUSTER_HISTOGRAM:
		return (f->bounds_count + UINT64_C(3)) * f->series_count;
	case MUSTER_NATIVE_HISTOGRAM:
		return 3 * f->series_count;
	case MUSTER_SUMMARY:
		return (f->quantile_count + UINT64_C(2)) * f->series_count;
	default:
		return f->series_count;
	}
}

static int text_order(const void *a, const void *b)
{
	const struct muster_str *x = a, *y = b;
	int order = memcmp(x->bytes, y->bytes, x->count < y->count ? x->count : y->count);

	return order ? order : (x->count > y->count) - (x->count < y->count);
}

static struct muster_str value_of(const struct muster__view_series *series, uint32_t label)
{
	const char *at = series->values;
	struct muster_str value = muster__value_next(&at);

	while (label-- > 0)
		value = muster__value_next(&at);
	return value;
}

/* How many different values a label has; 0 for want of memory. */
static size_t values_count(const struct muster__view *view, const struct muster__view_family *f, uint32_t label)
{
	struct muster_str *values = malloc(f->series_count * sizeof *values);
	size_t count = 0;

	if (values == NULL)
		return 0;
	for (size_t i = 0; i < f->series_count; i++)
		values[i] = value_of(muster__view_at(view, f->series[i]), label);
	qsort(values, f->series_count, sizeof *values, text_order);
	for (size_t i = 0; i < f->series_count; i++)
		count += i == 0 || text_order(values + i - 1, values + i) != 0;
	free(values);
	return count;
}

static void many_series(const struct muster__view *view, const struct muster__view_family *f,
                        struct muster__finding *finding)
{
	size_t most = 0;
	uint32_t label = 0;

	if (samples_of(f) <= SAMPLES_MANY || f->label_count == 0)
		return;
	for (uint32_t i = 0; i < f->label_count; i++) {
		size_t count = values_count(view, f, i);
		label = count > most ? i : label;
		most = count > most ? count : most;
	}
	muster__finding_set(finding, "%zu series, %llu samples; the label with the most values is \"%s\" with %zu",
	                    f->series_count, (unsigned long long)samples_of(f), f->labels[label], most);
}

static bool like_an_id(struct muster_str value)
{
	unsigned digits = 0;

	for (size_t i = 0; i < value.count && digits < DIGITS_LIKE_IDS; i++) {
		char c = value.bytes[i];
		digits = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') ? digits + 1 : 0;
	}
	return digits >= DIGITS_LIKE_IDS;
}

static void ids_in_label(const struct muster__view *view, const struct muster__view_family *f,
                         struct muster__finding *finding)
{
	for (uint32_t label = 0; label < f->label_count; label++) {
		size_t ids = 0;
		for (size_t i = 0; i < f->series_count; i++)
			ids += like_an_id(value_of(muster__view_at(view, f->series[i]), label));
		if (ids >= VALUES_LIKE_IDS)
			muster__finding_set(finding, "%zu series have values of \"%s\" that look like identifiers", ids,
			                    f->labels[label]);
	}
}

static void sample_per_worker(const struct muster__view *view, const struct muster__view_family *f,
                              struct muster__finding *finding)
{
	size_t samples = 0;

	if (f->mode != MUSTER_ALL)
		return;
	for (size_t i = 0; i < view->pid_sample_count; i++)
		samples += view->pid_samples[i].series->family == f;
	if (samples > SAMPLES_MANY / 10)
		muster__finding_set(finding, "mode all has kept %zu samples, also of workers long dead", samples);
}

static bool is_used(const struct muster__view *view, const struct muster__view_series *s)
{
	const struct muster__view_family *f = s->family;
	struct muster__counts counts = muster__counts_of(f->type, f->bounds, f->bounds_count);

	switch (f->type) {
	case MUSTER_REAL_COUNTER:
		return view->reals[s->real_at] != 0;
	case MUSTER_GAUGE:
	case MUSTER_INFO:
	case MUSTER_STATESET:
	case MUSTER_IN_FLIGHT:
		return true; /* 0 is a value as any other */
	default:
		for (uint32_t i = 0; i < counts.count; i++)
			if (view->ints[s->int_at + counts.first + i] != 0)
				return true;
		return false;
	}
}

static void unused(const struct muster__view *view, const struct muster__view_family *f,
                   struct muster__finding *finding)
{
	for (size_t i = 0; i < f->series_count; i++)
		if (is_used(view, muster__view_at(view, f->series[i])))
			return;
	if (f->series_count)
		muster__finding_set(finding, "nothing was ever recorded in its %zu series", f->series_count);
	else
		muster__finding_set(finding, "is declared and has no series");
}

static void bounds_miss(const struct muster__view *view, const struct muster__view_family *f,
                        struct muster__finding *finding)
{
	uint64_t first = 0, last = 0, all = 0;

	if (f->type != MUSTER_HISTOGRAM)
		return;
	for (size_t i = 0; i < f->series_count; i++) {
		const uint64_t *buckets = view->ints + muster__view_at(view, f->series[i])->int_at;
		first += buckets[0];
		last += buckets[f->bounds_count];
		for (uint32_t k = 0; k <= f->bounds_count; k++)
			all += buckets[k];
	}
	if (all < OBSERVATIONS_ENOUGH)
		return;
	if (last > all - all / 10)
		muster__finding_set(finding, "%llu of %llu observations are above the last bound, %g", (unsigned long long)last,
		                    (unsigned long long)all, f->bounds[f->bounds_count - 1]);
	else if (first > all - all / 10)
		muster__finding_set(finding, "%llu of %llu observations are at most the first bound, %g",
		                    (unsigned long long)first, (unsigned long long)all, f->bounds[0]);
}

static void dropped(const struct muster__view *view, const struct muster__view_family *f,
                    struct muster__finding *finding)
{
	uint64_t sum = 0;

	(void)view;
	for (int drop = 0; drop < MUSTER__DROP_COUNT; drop++)
		sum += f->drops[drop];
	if (sum)
		muster__finding_set(finding, "%llu lookups got no series and recorded nothing", (unsigned long long)sum);
}

const struct muster__check_rule muster__check_values[] = {
	{"many_series", many_series, "Each costs memory in every worker and in Prometheus; take a label away or bound it."},
	{"ids_in_label", ids_in_label,
     "A label whose values have no bound fills every budget; put them into logs or exemplars."},
	{"sample_per_worker", sample_per_worker,
     "One more comes with each worker that dies; take liveall, or a mode that merges."},
	{"unused", unused, "It costs a place on each page; record it or take it out."},
	{"bounds_miss", bounds_miss, "Quantiles from it are guesses; choose bounds around the values there are."},
	{"dropped", dropped,
     "muster_dropped_series_total tells the reason; raise the limit it names, or use fewer labels."},
	{0},
};
