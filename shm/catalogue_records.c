/* SPDX-License-Identifier: Apache-2.0 */
/*
 * catalogue_records.c - taking one catalogue record apart and judging what it says. Pure functions on
 * private copies, run by readers. The rules are those of muster_declare() and muster_counter_get(): what
 * fails them was not written by libmuster.
 */
#include "catalogue_records.h"

#include <math.h>
#include <string.h>

/* ---- parts -------------------------------------------------------------------------------- */

/* What is left of a record's tail. */
struct tail {
	const char *at;
	size_t left;
};

static bool take(struct tail *tail, size_t bytes, struct muster_str *out)
{
	if (bytes > tail->left)
		return false;
	*out = (struct muster_str){tail->at, bytes};
	tail->at += bytes;
	tail->left -= bytes;
	return true;
}

static bool take_counted(struct tail *tail, struct muster_str *out)
{
	struct muster_str count_bytes;
	uint16_t count;

	if (!take(tail, sizeof count, &count_bytes))
		return false;
	memcpy(&count, count_bytes.bytes, sizeof count);
	return take(tail, count, out);
}

static bool take_labels(struct tail *tail, uint32_t count, struct muster_str *out)
{
	for (uint32_t i = 0; i < count; i++)
		if (!take_counted(tail, out + i))
			return false;
	/* What is left is padding. */
	for (size_t i = 0; i < tail->left; i++)
		if (tail->at[i] != 0)
			return false;
	return tail->left < 8;
}

bool muster__family_parts(const struct muster__family_shm *record, struct muster__family_parts *out)
{
	struct tail tail = {(const char *)(record + 1), record->record.bytes - sizeof *record};
	struct muster_str bounds;

	if (record->label_count > MUSTER_LABELS_MAX || record->bounds_count > MUSTER_BOUNDS_MAX)
		return false;
	out->record = record;
	out->bounds = (const double *)(const void *)(record + 1);
	out->bounds_count = record->bounds_count;
	return take(&tail, record->bounds_count * sizeof(double), &bounds) && take(&tail, record->name_bytes, &out->name) &&
	       take(&tail, record->help_bytes, &out->help) && take(&tail, record->unit_bytes, &out->unit) &&
	       take_labels(&tail, record->label_count, out->labels);
}

bool muster__series_parts(const struct muster__series_shm *record, uint32_t label_count, struct muster_str *labels)
{
	struct tail tail = {(const char *)(record + 1), record->record.bytes - sizeof *record};

	return take_labels(&tail, label_count, labels);
}

bool muster__forget_parts(const struct muster__forget_shm *record, uint32_t label_count, struct muster_str *labels)
{
	struct tail tail = {(const char *)(record + 1), record->record.bytes - sizeof *record};
	struct muster_str values;

	return take(&tail, record->value_count * sizeof(uint64_t), &values) && take_labels(&tail, label_count, labels);
}

/* ---- judgement ---------------------------------------------------------------------------- */

static bool kind_plausible(const struct muster__family_shm *r)
{
	if (r->type < MUSTER_COUNTER || r->type > MUSTER_NATIVE_HISTOGRAM || !muster__mode_fits(r->type, r->mode))
		return false;
	if (r->type == MUSTER_NATIVE_HISTOGRAM)
		return r->bounds_count == MUSTER__NATIVE_PARAMETERS;
	if (r->record.flags & MUSTER__FAMILY_OPEN)
		return r->type == MUSTER_HISTOGRAM;
	return r->type == MUSTER_HISTOGRAM ? r->bounds_count > 0 : r->type == MUSTER_SUMMARY || r->bounds_count == 0;
}

/* Quantiles from 0 to 1, then a window of whole seconds; that they ascend is seen elsewhere. */
static bool quantiles_plausible(const double *bounds, uint32_t count)
{
	if (count < 2 || count > MUSTER_QUANTILES_MAX + 1)
		return count == 0;
	double window_s = bounds[count - 1];
	return bounds[0] >= 0 && bounds[count - 2] <= 1 && window_s >= MUSTER_WINDOW_S_MIN &&
	       window_s <= MUSTER_WINDOW_S_MAX && window_s == (double)(uint32_t)window_s;
}

static bool bounds_plausible(const double *bounds, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (!isfinite(bounds[i]) || (i > 0 && !(bounds[i] > bounds[i - 1])))
			return false;
	return true;
}

static bool parameters_plausible(const double *parameters)
{
	double threshold = parameters[MUSTER__NATIVE_THRESHOLD], buckets = parameters[MUSTER__NATIVE_BUCKETS_MAX];
	double is_signed = parameters[MUSTER__NATIVE_SIGNED];

	return threshold >= 0 && isfinite(threshold) && buckets >= MUSTER__NATIVE_BUCKETS_LEAST &&
	       buckets <= MUSTER__NATIVE_BUCKETS_MOST && buckets == (uint32_t)buckets && (is_signed == 0 || is_signed == 1);
}

static bool bounds_fit_type(const struct muster__family_parts *p)
{
	if (p->record->type == MUSTER_NATIVE_HISTOGRAM)
		return parameters_plausible(p->bounds);
	if (p->record->type == MUSTER_SUMMARY && !quantiles_plausible(p->bounds, p->record->bounds_count))
		return false;
	return bounds_plausible(p->bounds, p->record->bounds_count);
}

static bool same(struct muster_str a, struct muster_str b)
{
	return a.count == b.count && memcmp(a.bytes, b.bytes, a.count) == 0;
}

static bool label_names_plausible(const struct muster__family_parts *p)
{
	enum muster_type type = p->record->type;
	enum muster_mode mode = p->record->mode;

	for (uint32_t i = 0; i < p->record->label_count; i++) {
		if (!muster__label_name_valid(p->labels[i].bytes, p->labels[i].count, type, mode))
			return false;
		for (uint32_t j = 0; j < i; j++)
			if (same(p->labels[i], p->labels[j]))
				return false;
	}
	return true;
}

static bool name_plausible(const struct muster__family_parts *p)
{
	if (p->record->record.flags & MUSTER__FAMILY_IMPORTED)
		return muster__imported_name_valid(p->name.bytes, p->name.count);
	return muster__name_valid(p->name.bytes, p->name.count) &&
	       muster__suffix_wrong(p->name.bytes, p->name.count, p->record->type) == NULL;
}

static bool texts_plausible(const struct muster__family_parts *p)
{
	if (!name_plausible(p))
		return false;
	if (p->help.count == 0 || p->help.count > MUSTER_HELP_BYTES_MAX ||
	    !muster__utf8_valid(p->help.bytes, p->help.count))
		return false;
	return p->unit.count == 0 || muster__unit_valid(p->unit.bytes, p->unit.count);
}

/* The states of a set are under a label of the family's name, the last one; an info is nothing but labels. */
static bool labels_fit_type(const struct muster__family_parts *p)
{
	uint32_t count = p->record->label_count;

	if (p->record->record.flags & MUSTER__FAMILY_PER_PROCESS)
		return p->record->type == MUSTER_GAUGE && muster__mode_timestamped(p->record->mode) && count > 0;
	if (p->record->type == MUSTER_INFO)
		return count > 0;
	return p->record->type != MUSTER_STATESET || (count > 0 && same(p->labels[count - 1], p->name));
}

bool muster__family_plausible(const struct muster__family_parts *parts)
{
	return kind_plausible(parts->record) && texts_plausible(parts) && bounds_fit_type(parts) &&
	       label_names_plausible(parts) && labels_fit_type(parts);
}

bool muster__labels_plausible(const struct muster_str *labels, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (labels[i].count > MUSTER_LABEL_VALUE_BYTES_MAX || !muster__utf8_valid(labels[i].bytes, labels[i].count))
			return false;
	return true;
}

/* ---- cells -------------------------------------------------------------------------------- */

static struct muster__cells native_cells(struct muster__native_shape shape)
{
	return (struct muster__cells){
		.ints = muster__native_bank_words(shape), .reals = 1, .sums = muster__native_sum_words(shape)};
}

struct muster__cells muster__cells_of(enum muster_type type, enum muster_mode mode, const double *bounds,
                                      uint32_t bounds_count)
{
	static const struct muster__cells rows[] = {
		[MUSTER_COUNTER] = {.ints = 1},
		[MUSTER_REAL_COUNTER] = {.reals = 1},
		[MUSTER_GAUGE] = {.gauges = 1},
		[MUSTER_IN_FLIGHT] = {.ints = 1},
		[MUSTER_HISTOGRAM] = {.ints = 1, .reals = 1}, /* +Inf; and one per bound */
		[MUSTER_SUMMARY] = {.ints = 1, .reals = 1},
		[MUSTER_INFO] = {.gauges = 1},
		[MUSTER_STATESET] = {.gauges = 1},
	};
	if (type == MUSTER_NATIVE_HISTOGRAM)
		return native_cells(muster__native_shape(bounds));
	struct muster__cells cells = rows[type];
	if (muster__mode_timestamped(mode))
		cells = (struct muster__cells){.ints = 1, .reals = 1};
	if (type == MUSTER_SUMMARY)
		cells.sketches = bounds_count > 0;
	else
		cells.ints += bounds_count;
	cells.sums = cells.ints;
	return cells;
}

struct muster__counts muster__counts_of(enum muster_type type, const double *bounds, uint32_t bounds_count)
{
	if (type != MUSTER_NATIVE_HISTOGRAM)
		return (struct muster__counts){0, bounds_count + 1};
	uint32_t words = muster__native_sum_words(muster__native_shape(bounds));
	return (struct muster__counts){MUSTER__NATIVE_ZERO, words - MUSTER__NATIVE_ZERO};
}
