/* SPDX-License-Identifier: Apache-2.0 */
/*
 * encode.c - what all encoders share: which families are wanted, the samples per worker, the store's own counters.
 */
#include "encode.h"

#include "escape.h"
#include "layout.h"
#include "names.h"
#include "native.h"

/* ---- wanted ------------------------------------------------------------------------------- */

/* Is `name` the stem with one of the suffixes? */
static bool is_suffixed(const char *name, const char *stem, size_t stem_bytes, const char *const *suffixes)
{
	if (strncmp(name, stem, stem_bytes) != 0)
		return false;
	for (; *suffixes; suffixes++)
		if (strcmp(name + stem_bytes, *suffixes) == 0)
			return true;
	return false;
}

/* Samples add a suffix to the family's name; a counter's and an info's family loses one in OpenMetrics. */
static bool is_named(const char *family, const char *name)
{
	static const char *const of_samples[] = {"", "_bucket", "_count", "_sum", "_created", NULL};
	static const char *const of_families[] = {"_total", "_info", NULL};
	size_t bytes = strlen(family);
	bool total = bytes > 6 && strcmp(family + bytes - 6, "_total") == 0;

	return is_suffixed(name, family, bytes, of_samples) || is_suffixed(family, name, strlen(name), of_families) ||
	       (total && is_suffixed(name, family, bytes - 6, (const char *const[]){"_created", NULL}));
}

bool muster__name_wanted(const struct muster__making *m, const char *name)
{
	for (const char *const *wanted = m->names; wanted && *wanted; wanted++)
		if (is_named(name, *wanted))
			return true;
	return m->names == NULL;
}

bool muster__family_wanted(const struct muster__making *m, const struct muster__view_family *f)
{
	const char *spelled = f->spelled[m->escaping]->name;

	return muster__name_wanted(m, f->name) || (spelled != f->name && muster__name_wanted(m, spelled));
}

/* ---- native histograms ---------------------------------------------------------------------- */

void muster__native_values(const struct muster__view *view, const struct muster__view_series *s,
                           struct muster__native_values *out)
{
	const uint64_t *words = view->ints + s->int_at;
	struct muster__native_shape shape = muster__native_shape(s->family->bounds);
	uint64_t control = words[MUSTER__NATIVE_CONTROL];

	*out = (struct muster__native_values){
		.schema = MUSTER__SCHEMA_MAX - (int)muster__native_steps(control),
		.zero_threshold = s->family->bounds[MUSTER__NATIVE_THRESHOLD],
		.zero = words[MUSTER__NATIVE_ZERO],
		.infinite_index = muster__exponential_lower(MUSTER__EXPONENTIAL_INDEX_MAX + 1, muster__native_steps(control)),
		.start = muster__native_start(control),
		.used = control ? muster__native_count_field(control) : 0,
		.infinite = {words[MUSTER__NATIVE_INFINITE], words[MUSTER__NATIVE_INFINITE + 1]},
		.buckets = {words + MUSTER__NATIVE_BUCKETS,
	                shape.signs == 2 ? words + MUSTER__NATIVE_BUCKETS + shape.per_sign : NULL},
	};
	for (uint32_t i = MUSTER__NATIVE_ZERO; i < muster__native_sum_words(shape); i++)
		out->count += words[i];
}

/* ---- samples per worker ------------------------------------------------------------------- */

bool muster__family_per_pid(const struct muster__view_family *f)
{
	return muster__is_gauge(f->type) && (f->mode == MUSTER_ALL || f->mode == MUSTER_LIVEALL);
}

bool muster__series_shown(const struct muster__view *view, const struct muster__view_series *s)
{
	return !muster__is_gauge(s->family->type) || view->gauges[s->gauge_at].set;
}

size_t muster__pid_samples_of(const struct muster__view *view, const struct muster__view_family *family, size_t *at)
{
	size_t begin = *at;

	while (*at < view->pid_sample_count && view->pid_samples[*at].series->family == family)
		++*at;
	return *at - begin;
}

/* ---- the store's own counters -------------------------------------------------------------- */

const struct muster__store_counter muster__store_counters[MUSTER__STORE_COUNTERS] = {
	{"muster_attach_failures_total", "Processes that could not make a slab and run uninstrumented.", MUSTER_COUNTER,
     false},
	{"muster_dropped_exemplars_total", "Exemplars that were not kept; their updates were.", MUSTER_COUNTER, false},
	{"muster_dropped_families_total", "Families that could not be declared or merged.", MUSTER_COUNTER, false},
	{"muster_dropped_series_total", "Lookups that got no series and recorded nothing.", MUSTER_COUNTER, true},
	{"muster_escaped_names_meeting", "Names written by the scheme values since this page's makes them others.",
     MUSTER_GAUGE, false},
	{"muster_left_out_series_total", "Series of workers left out of the page because the region is at its limit.",
     MUSTER_COUNTER, false},
	{"muster_refused_updates_total", "Updates refused because the value made no sense.", MUSTER_COUNTER, false},
};

void muster__store_name(const struct muster__store_counter *counter, enum muster_escaping escaping, char *out)
{
	*muster__escape_name(out, counter->name, strlen(counter->name), escaping, true) = '\0';
}

static void walk_events(const struct muster__view *view, const struct muster__store_counter *counter,
                        muster__store_sample_fn *fn, void *ctx)
{
	static const struct {
		const char *metric, *reason;
	} rows[] = {
#define MUSTER__ROW(id, metric, reason) {metric, reason},
		MUSTER__EVENTS(MUSTER__ROW)
#undef MUSTER__ROW
	};

	for (int i = 0; i < MUSTER__EVENT_COUNT; i++)
		if (strcmp(rows[i].metric, counter->name) == 0)
			fn(ctx, counter, NULL, rows[i].reason, view->events[i]);
}

static void walk_drops(const struct muster__view *view, const struct muster__store_counter *counter,
                       muster__store_sample_fn *fn, void *ctx)
{
	static const char *const reasons[] = {
#define MUSTER__ROW(id, reason) reason,
		MUSTER__DROPS(MUSTER__ROW)
#undef MUSTER__ROW
	};

	for (size_t i = 0; i < view->family_count; i++)
		for (int drop = 0; drop < MUSTER__DROP_COUNT; drop++)
			if (view->families[i]->drops[drop])
				fn(ctx, counter, view->families[i]->name, reasons[drop], view->families[i]->drops[drop]);
}

void muster__store_counter_walk(const struct muster__making *m, const struct muster__store_counter *counter,
                                muster__store_sample_fn *fn, void *ctx)
{
	if (counter->type == MUSTER_GAUGE)
		fn(ctx, counter, NULL, NULL, m->view->names_meeting[m->escaping]);
	else if (counter->by_family)
		walk_drops(m->view, counter, fn, ctx);
	else
		walk_events(m->view, counter, fn, ctx);
}
