/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reading.h - tests look into a region's view, and at what was quarantined.
 */
#ifndef TESTS_READING_H
#define TESTS_READING_H

#include "shm/error.h"
#include "shm/fold.h"
#include "shm/roll.h"
#include "support.h"

/* The last quarantine told. */
static struct {
	int count;
	char file[256];
	enum muster_quarantine reason;
} told;

static inline void on_quarantine(void *ctx, const char *file, enum muster_quarantine reason)
{
	(void)ctx;
	told.count++;
	told.reason = reason;
	(void)snprintf(told.file, sizeof told.file, "%s", file);
}

static inline struct muster_region *reader_open(void)
{
	struct muster_region *region;

	told.count = 0;
	assert_int_equal(muster_region_open(support_region, &region), 0);
	muster_region_on_quarantine(region, on_quarantine, NULL);
	return region;
}

static inline struct muster_region *reader(void)
{
	struct muster_region *region = reader_open();

	assert_int_equal(muster_region_refresh(region), 0);
	return region;
}

static inline struct muster_region *master(void)
{
	struct muster_region *region = reader_open();

	assert_int_equal(muster__region_lock(region), 0);
	assert_int_equal(muster_region_refresh(region), 0);
	return region;
}

/* The series with at most one label value, NULL if it is not in the view. */
static inline const struct muster__view_series *series_of(const struct muster_region *region, const char *name,
                                                          const char *label)
{
	const struct muster__view_family *family = muster__view_family_find(&region->merge, muster_str(name));

	for (size_t i = 0; family && i < family->series_count; i++) {
		const struct muster__view_series *series = muster__view_at(&region->merge.view, family->series[i]);
		const char *at = series->values;
		struct muster_str value = family->label_count ? muster__value_next(&at) : muster_str("");
		if (family->label_count == 0 || (value.count == strlen(label) && memcmp(value.bytes, label, value.count) == 0))
			return series;
	}
	return NULL;
}

static inline int64_t int_of(const struct muster_region *region, const char *name, const char *label)
{
	const struct muster__view_series *series = series_of(region, name, label);

	return series ? (int64_t)region->merge.view.ints[series->int_at] : -1;
}

static inline double real_of(const struct muster_region *region, const char *name, const char *label)
{
	const struct muster__view_series *series = series_of(region, name, label);

	return series ? region->merge.view.reals[series->real_at] : NAN;
}

/* NaN if it is not set anywhere. */
static inline double gauge_of(const struct muster_region *region, const char *name, const char *label)
{
	const struct muster__view_series *series = series_of(region, name, label);

	if (series == NULL || !region->merge.view.gauges[series->gauge_at].set)
		return NAN;
	return region->merge.view.gauges[series->gauge_at].value;
}

static inline struct muster_region_stats stats_of(const struct muster_region *region)
{
	struct muster_region_stats stats;

	muster_region_stats(region, &stats);
	return stats;
}

#endif
