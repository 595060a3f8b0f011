/* SPDX-License-Identifier: Apache-2.0 */
/*
 * catalogue_records.h - the parts of one catalogue record. Works on private memory only.
 */
#ifndef MUSTER__CATALOGUE_RECORDS_H
#define MUSTER__CATALOGUE_RECORDS_H

#include <stdbool.h>

#include "layout.h"
#include "names.h"
#include "native.h"

/* A family record taken apart; points into it. */
struct muster__family_parts {
	const struct muster__family_shm *record;
	const double *bounds;
	uint32_t bounds_count;
	struct muster_str name, help, unit;
	struct muster_str labels[MUSTER_LABELS_MAX];
};

/* Take apart a record of record->record.bytes bytes, all of them there.
 * Returns false if the parts do not add up to the whole. Says nothing about what they contain. */
bool muster__family_parts(const struct muster__family_shm *record, struct muster__family_parts *out);
bool muster__series_parts(const struct muster__series_shm *record, uint32_t label_count, struct muster_str *labels);
bool muster__forget_parts(const struct muster__forget_shm *record, uint32_t label_count, struct muster_str *labels);

/* Names, texts, bounds and kinds are such as muster_declare() lets through. */
bool muster__family_plausible(const struct muster__family_parts *parts);
bool muster__labels_plausible(const struct muster_str *labels, uint32_t count);

/* Cells one series takes in each area, and words its sum over banks has in a view: as many as it has int cells, but of a
 * native histogram. */
struct muster__cells {
	uint32_t ints, reals, gauges;
	uint32_t sums;
	uint32_t sketches; /* a summary's with quantiles */
};

/* For a family that is plausible. */
struct muster__cells muster__cells_of(enum muster_type type, enum muster_mode mode, const double *bounds,
                                      uint32_t bounds_count);

/* The bounds of a family record, or the parameters of a native histogram. */
static inline const double *muster__family_bounds(const struct muster__family_shm *record)
{
	return (const double *)(const void *)(record + 1);
}

/* Which of a series' words in a view count observations or events: `count` of them from `first`. */
struct muster__counts {
	uint32_t first, count;
};
struct muster__counts muster__counts_of(enum muster_type type, const double *bounds, uint32_t bounds_count);

static inline bool muster__mode_timestamped(enum muster_mode mode)
{
	return mode == MUSTER_MOSTRECENT || mode == MUSTER_LIVEMOSTRECENT;
}

static inline bool muster__mode_per_pid(enum muster_mode mode)
{
	return mode == MUSTER_ALL || mode == MUSTER_LIVEALL;
}

#endif
