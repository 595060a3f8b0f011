/* SPDX-License-Identifier: Apache-2.0 */
/*
 * encode.h - writing a view as a page. Encoders see a view, never a slab. They run in readers.
 */
#ifndef MUSTER__ENCODE_H
#define MUSTER__ENCODE_H

#include "text_buffer.h"
#include "view.h"

/* What is to be written. */
struct muster__making {
	struct muster__text_buffer *page; /* empty; it fails for want of memory */
	const struct muster__view *view;  /* whose names are spelled by this escaping; spelling.h */
	enum muster_escaping escaping;
	const char *const *names; /* NULL-terminated: families wanted, by their name or a sample's; NULL: all */
	struct muster__text_rests *rests;
};

void muster__text_write(const struct muster__making *m);
void muster__openmetrics_write(const struct muster__making *m);
void muster__protobuf_write(const struct muster__making *m);
void muster__json_write(const struct muster__making *m);

/* Is a family wanted, by its name or as that is spelled; one of the store's own? */
bool muster__family_wanted(const struct muster__making *m, const struct muster__view_family *f);
bool muster__name_wanted(const struct muster__making *m, const char *name);

/* Does every worker have its own sample, with its pid as the last label? */
bool muster__family_per_pid(const struct muster__view_family *f);

/* Has the series a value? A gauge that nobody set has none. */
bool muster__series_shown(const struct muster__view *view, const struct muster__view_series *series);

/* A native histogram as its encoders want it. Bucket i of both signs has index start + i. */
struct muster__native_values {
	int schema;
	double zero_threshold;
	uint64_t count, zero;   /* all observations, NaN included; those within the threshold */
	uint64_t infinite[2];   /* of the positive, of the negative infinity */
	int32_t infinite_index; /* of their buckets */
	int32_t start;
	uint32_t used;              /* buckets from the first to the last in use */
	const uint64_t *buckets[2]; /* of positive values, of negative ones (NULL: they have none) */
};
void muster__native_values(const struct muster__view *view, const struct muster__view_series *series,
                           struct muster__native_values *out);

/* Walk the pid samples of a view in step with its families.
 *   at   where the samples of `family` begin if it has any; moved behind them
 * Returns how many there are. */
size_t muster__pid_samples_of(const struct muster__view *view, const struct muster__view_family *family, size_t *at);

/* What the store has counted itself, summed over all workers, and of the page: one row per family, in the order of the
 * page. */
struct muster__store_counter {
	const char *name, *help;
	enum muster_type type; /* a counter's samples are events */
	bool by_family;        /* or those of view families' drops; a gauge has one without labels */
};
#define MUSTER__STORE_COUNTERS 7
extern const struct muster__store_counter muster__store_counters[MUSTER__STORE_COUNTERS];

/* Its name, as the scheme spells it, with a NUL: of the old alphabet, so that only dots change it. */
#define MUSTER__STORE_NAME_BYTES_MAX 64
void muster__store_name(const struct muster__store_counter *counter, enum muster_escaping escaping, char *out);

/* Call fn for each sample of a store's counter.
 *   family   NULL unless by_family
 *   reason   NULL if it is a gauge */
typedef void muster__store_sample_fn(void *ctx, const struct muster__store_counter *counter, const char *family,
                                     const char *reason, uint64_t value);
void muster__store_counter_walk(const struct muster__making *m, const struct muster__store_counter *counter,
                                muster__store_sample_fn *fn, void *ctx);

#endif
