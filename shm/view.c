/* SPDX-License-Identifier: Apache-2.0 */
/*
 * view.c - families and series join the view, and are put in order.
 *
 * Runs in readers, on private memory. A family or series keeps its address, its index and its places in
 * the value arrays as long as the view lives; only the order of the pointers to them changes.
 */
#include "merge.h"

#include "grow.h"

#define INTS_MAX (UINT64_C(1) << 28) /* series beyond that are left out: 2 GiB are enough */

int muster__merge_reserve(struct muster__merge *merge, size_t pids)
{
	struct muster__view *view = &merge->view;
	int rc = muster__values_reserve(&merge->values, merge, pids);

	if (rc == 0)
		rc = muster__grow(&view->reals, &merge->reals_capacity, view->real_count, sizeof *view->reals);
	if (rc == 0)
		rc = muster__grow(&view->quantiles, &merge->quantiles_capacity, view->sketch_count, sizeof *view->quantiles);
	/* Arrays may have moved, even when the last of them could not. */
	view->ints = merge->values.ints;
	view->gauges = merge->values.gauges;
	view->exemplars = merge->values.exemplars;
	return rc;
}

/* ---- families ----------------------------------------------------------------------------- */

struct family_wanted {
	const struct muster__merge *merge;
	struct muster_str name;
};

static bool family_equals(const void *ctx, uint32_t item)
{
	const struct family_wanted *wanted = ctx;
	const char *name = wanted->merge->families[item]->name;

	return strlen(name) == wanted->name.count && memcmp(name, wanted->name.bytes, wanted->name.count) == 0;
}

static uint64_t family_hash(struct muster_str name)
{
	return muster__hash(0, name.bytes, name.count);
}

struct muster__view_family *muster__view_family_find(const struct muster__merge *merge, struct muster_str name)
{
	struct family_wanted wanted = {merge, name};
	uint32_t item = muster__index_find(&merge->family_index, family_hash(name), family_equals, &wanted);

	return item == MUSTER__INDEX_NONE ? NULL : merge->families[item];
}

/* Copy a string to *at, with a NUL, and move on. */
static char *put(char **at, struct muster_str s)
{
	char *copy = *at;

	if (s.count)
		memcpy(copy, s.bytes, s.count);
	copy[s.count] = '\0';
	*at += s.count + 1;
	return copy;
}

/* One block holds a family with its label pointers, bounds and texts. */
static struct muster__view_family *family_alloc(const struct muster__family_parts *p)
{
	uint32_t labels = p->record->label_count, bounds = p->bounds_count;
	size_t bytes = sizeof(struct muster__view_family) + labels * sizeof(char *) + bounds * sizeof(double) +
	               p->name.count + p->help.count + p->unit.count + 3;

	for (uint32_t i = 0; i < labels; i++)
		bytes += p->labels[i].count + 1;
	struct muster__view_family *f = calloc(1, bytes);
	if (f == NULL)
		return NULL;
	f->labels = (char **)(void *)(f + 1);
	f->bounds = (double *)(void *)(f->labels + labels);
	char *at = (char *)(f->bounds + bounds);
	if (bounds)
		memcpy(f->bounds, p->bounds, bounds * sizeof(double));
	f->name = put(&at, p->name);
	f->help = put(&at, p->help);
	f->unit = put(&at, p->unit);
	for (uint32_t i = 0; i < labels; i++)
		f->labels[i] = put(&at, p->labels[i]);
	f->type = p->record->type;
	f->mode = p->record->mode;
	f->flags = p->record->record.flags;
	f->expiry_s = p->record->expiry_s;
	f->label_count = labels;
	f->stored_count = bounds;
	if (f->type != MUSTER_SUMMARY) {
		f->bounds_count = bounds;
	} else if (bounds) {
		f->quantiles = f->bounds;
		f->quantile_count = bounds - 1;
		f->window_s = (uint32_t)f->bounds[bounds - 1];
	}
	return f;
}

static void families_index(void *owner)
{
	struct muster__merge *merge = owner;

	for (size_t i = 0; i < merge->families_count; i++) {
		const char *name = merge->families[i]->name;
		muster__index_add(&merge->family_index, family_hash((struct muster_str){name, strlen(name)}), (uint32_t)i);
	}
}

static int families_reserve(struct muster__merge *merge)
{
	size_t n = merge->families_count + 1;

	if (muster__grow(&merge->families, &merge->families_capacity, n, sizeof *merge->families) != 0 ||
	    muster__grow(&merge->view.families, &merge->view.family_capacity, n, sizeof *merge->view.families) != 0)
		return -ENOMEM;
	return muster__index_reserve(&merge->family_index, n, families_index, merge);
}

int muster__view_family_join(struct muster__merge *merge, const struct muster__family_parts *parts,
                             struct muster__view_family **out)
{
	if (families_reserve(merge) != 0)
		return -ENOMEM;
	struct muster__view_family *family = family_alloc(parts);
	if (family == NULL)
		return -ENOMEM;
	family->index = (uint32_t)merge->families_count++;
	merge->families[family->index] = family;
	if (muster__merge_reserve(merge, 0) != 0) {
		merge->families_count--;
		free(family);
		return -ENOMEM;
	}
	merge->view.families[merge->view.family_count++] = family;
	merge->view.unsorted = true;
	muster__index_add(&merge->family_index, family_hash(parts->name), family->index);
	*out = family;
	return 0;
}

/* ---- series ------------------------------------------------------------------------------- */

struct series_wanted {
	const struct muster__merge *merge;
	const struct muster__view_family *family;
	const struct muster_str *labels;
};

static bool series_equals(const void *ctx, uint32_t item)
{
	const struct series_wanted *wanted = ctx;
	const struct muster__view_series *series = muster__series_at(wanted->merge, item);

	if (series->family != wanted->family)
		return false;
	const char *at = series->values;
	for (uint32_t i = 0; i < series->family->label_count; i++) {
		struct muster_str value = muster__value_next(&at);
		if (value.count != wanted->labels[i].count || memcmp(value.bytes, wanted->labels[i].bytes, value.count) != 0)
			return false;
	}
	return true;
}

static uint64_t series_hash(const struct muster__view_family *family, const struct muster_str *labels)
{
	uint64_t hash = family->index + 1;

	for (uint32_t i = 0; i < family->label_count; i++)
		hash = muster__hash(hash + labels[i].count, labels[i].bytes, labels[i].count);
	return hash;
}

struct muster__view_series *muster__view_series_make(struct muster__pool *pool, struct muster__view_family *family,
                                                     const struct muster_str *labels, uint32_t *at)
{
	size_t bytes = 0;

	for (uint32_t i = 0; i < family->label_count; i++)
		bytes += sizeof(uint16_t) + labels[i].count;
	struct muster__view_series *series =
		muster__pool_take(pool, offsetof(struct muster__view_series, values) + bytes, at);
	if (series == NULL)
		return NULL;
	series->family = family;
	family->values_bytes_max = bytes > family->values_bytes_max ? bytes : family->values_bytes_max;
	char *to = series->values;
	for (uint32_t i = 0; i < family->label_count; i++) {
		uint16_t count = (uint16_t)labels[i].count;
		to = mempcpy(to, &count, sizeof count);
		to = count ? mempcpy(to, labels[i].bytes, count) : to;
		for (uint16_t k = 0; k < count; k++)
			series->escaped |= labels[i].bytes[k] == '\\' || labels[i].bytes[k] == '"' || labels[i].bytes[k] == '\n';
	}
	return series;
}

/* Give a series its places behind all others. */
static void series_place(struct muster__view *view, struct muster__view_series *series)
{
	const struct muster__view_family *f = series->family;
	struct muster__cells cells = muster__cells_of(f->type, f->mode, f->bounds, f->stored_count);

	if (cells.sketches)
		series->sketch_at = (uint32_t)view->sketch_count;
	view->sketch_count += cells.sketches;
	series->real_at = (uint32_t)view->real_count;
	if (muster__is_gauge(f->type)) {
		series->gauge_at = (uint32_t)view->gauge_count;
		view->gauge_count += !muster__mode_per_pid(f->mode);
	} else {
		series->int_at = (uint32_t)view->int_count;
		view->int_count += cells.sums;
		view->real_count += cells.reals;
	}
}

static void all_index(void *owner)
{
	struct muster__merge *merge = owner;

	for (size_t i = 0; i < merge->series_count; i++) {
		const struct muster__view_series *s = muster__series_at(merge, i);
		struct muster_str labels[MUSTER_LABELS_MAX];
		const char *at = s->values;
		for (uint32_t k = 0; k < s->family->label_count; k++)
			labels[k] = muster__value_next(&at);
		muster__index_add(&merge->series_index, series_hash(s->family, labels), (uint32_t)i);
	}
}

int muster__view_series_expect(struct muster__merge *merge, size_t count)
{
	count = count < merge->series_max ? count : merge->series_max;
	if (muster__grow(&merge->series, &merge->series_capacity, count, sizeof *merge->series) != 0)
		return -ENOMEM;
	return muster__index_reserve(&merge->series_index, count, all_index, merge);
}

static int series_reserve(struct muster__merge *merge, struct muster__view_family *family)
{
	if (muster__grow(&merge->series, &merge->series_capacity, merge->series_count + 1, sizeof *merge->series) != 0 ||
	    muster__grow(&family->series, &family->series_capacity, family->series_count + 1, sizeof *family->series) != 0)
		return -ENOMEM;
	return muster__index_reserve(&merge->series_index, merge->series_count + 1, all_index, merge);
}

/* The places are there before the series is, so that an encoder never reads behind an array. */
static int series_enter(struct muster__merge *merge, struct muster__view_series *series, uint32_t at, uint64_t hash)
{
	struct muster__view was = merge->view;

	series_place(&merge->view, series);
	if (muster__merge_reserve(merge, 0) != 0) {
		merge->view.int_count = was.int_count;
		merge->view.real_count = was.real_count;
		merge->view.gauge_count = was.gauge_count;
		merge->view.sketch_count = was.sketch_count;
		return -ENOMEM;
	}
	struct muster__view_family *family = series->family;
	series->index = (uint32_t)merge->series_count++ & (MUSTER__VIEW_SERIES_MAX - 1);
	merge->series[series->index] = at;
	family->series[family->series_count++] = at;
	family->unsorted = true;
	muster__index_add(&merge->series_index, hash, series->index);
	return 0;
}

static struct muster__view_series *series_find(const struct muster__merge *merge,
                                               const struct muster__view_family *family,
                                               const struct muster_str *labels, uint64_t hash)
{
	struct series_wanted wanted = {merge, family, labels};
	uint32_t item = muster__index_find(&merge->series_index, hash, series_equals, &wanted);

	return item == MUSTER__INDEX_NONE ? NULL : muster__series_at(merge, item);
}

struct muster__view_series *muster__view_series_find(const struct muster__merge *merge,
                                                     const struct muster__view_family *family,
                                                     const struct muster_str *labels)
{
	return series_find(merge, family, labels, series_hash(family, labels));
}

int muster__view_series_join(struct muster__merge *merge, struct muster__view_family *family,
                             const struct muster_str *labels, struct muster__view_series **out)
{
	uint64_t hash = series_hash(family, labels);
	struct muster__view_series *series = series_find(merge, family, labels, hash);
	uint32_t at;

	if (series) {
		*out = series;
		return 0;
	}
	if (merge->series_count >= merge->series_max || merge->series_count >= MUSTER__VIEW_SERIES_MAX ||
	    merge->view.int_count >= INTS_MAX ||
	    (family->quantile_count && merge->view.sketch_count >= MUSTER__SKETCHES_MAX))
		return -ENOSPC;
	series =
		series_reserve(merge, family) == 0 ? muster__view_series_make(&merge->view.pool, family, labels, &at) : NULL;
	if (series == NULL)
		return -ENOMEM;
	if (series_enter(merge, series, at, hash) != 0) {
		muster__pool_return(&merge->view.pool, at);
		return -ENOMEM;
	}
	*out = series;
	return 0;
}

int muster__view_exemplars_join(struct muster__merge *merge, struct muster__view_series *series)
{
	struct muster__view *view = &merge->view;
	size_t was = view->exemplar_count, at = was ? was : 1;

	if (muster__exemplar_at(series))
		return 0;
	view->exemplar_count = at + series->family->bounds_count + 1;
	if (muster__merge_reserve(merge, 0) != 0) {
		view->exemplar_count = was;
		return -ENOMEM;
	}
	series->exemplar_at = (uint32_t)at;
	return 0;
}

/* ---- order -------------------------------------------------------------------------------- */

int muster__view_family_compare(const struct muster__view_family *a, const struct muster__view_family *b)
{
	return strcmp(a->name, b->name);
}

int muster__view_series_compare(const struct muster__view_series *a, const struct muster__view_series *b)
{
	const char *at_a = a->values, *at_b = b->values;

	for (uint32_t i = 0; i < a->family->label_count; i++) {
		struct muster_str x = muster__value_next(&at_a), y = muster__value_next(&at_b);
		int order = memcmp(x.bytes, y.bytes, x.count < y.count ? x.count : y.count);
		if (order != 0 || x.count != y.count)
			return order != 0 ? order : x.count < y.count ? -1 : 1;
	}
	return 0;
}

static int family_order(const void *a, const void *b)
{
	return muster__view_family_compare(*(struct muster__view_family *const *)a,
	                                   *(struct muster__view_family *const *)b);
}

static int series_order(const void *a, const void *b, void *view)
{
	return muster__view_series_compare(muster__view_at(view, *(const uint32_t *)a),
	                                   muster__view_at(view, *(const uint32_t *)b));
}

void muster__view_sort(struct muster__view *view)
{
	if (view->unsorted)
		qsort(view->families, view->family_count, sizeof *view->families, family_order);
	view->unsorted = false;
	for (size_t i = 0; i < view->family_count; i++) {
		struct muster__view_family *family = view->families[i];
		if (family->unsorted)
			qsort_r(family->series, family->series_count, sizeof *family->series, series_order, view);
		family->unsorted = false;
	}
}

/* ---- the end ------------------------------------------------------------------------------ */

void muster__merge_clear(struct muster__merge *merge)
{
	muster__pool_clear(&merge->view.pool);
	for (size_t i = 0; i < merge->families_count; i++) {
		for (int escaping = 0; escaping < MUSTER_ESCAPING_COUNT; escaping++) {
			free(merge->families[i]->rendered[escaping]);
			free(merge->families[i]->spelled[escaping]);
		}
		free(merge->families[i]->series);
		free(merge->families[i]);
	}
	free(merge->series);
	free(merge->families);
	free(merge->view.families);
	free(merge->view.pid_samples);
	free(merge->hidden);
	muster__index_clear(&merge->family_index);
	muster__index_clear(&merge->series_index);
	free(merge->view.reals);
	free(merge->view.quantiles);
	muster__values_destroy(&merge->values);
	*merge = (struct muster__merge){.series_max = merge->series_max, .bounds = merge->bounds};
}
