/* SPDX-License-Identifier: Apache-2.0 */
/*
 * view.h - the merged picture of one scrape: what encoders read. No slab, cell or bank in sight.
 *
 * Families and series only ever join a view; their places in the value arrays never change, so that
 * slabs map onto it by runs and encoders render names, labels and bounds once. Values are of the last
 * refresh. Families are sorted by name, the series of a family by label values, byte by byte.
 */
#ifndef MUSTER__VIEW_H
#define MUSTER__VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <muster/region.h>

#include "pool.h"

/* How the names of a family are written on a page. */
struct muster__spelling {
	char *name;
	char **labels;
	bool legacy;     /* name and labels are of the old alphabet: they need no quotes */
	bool base_taken; /* another family has the name that OpenMetrics leaves of this one, without _total or _info */
};

struct muster__view_family {
	char *name, *help, *unit; /* NUL-terminated; unit "" if none; help and label values are valid UTF-8 */
	enum muster_type type;
	enum muster_mode mode;
	uint16_t flags; /* MUSTER__FAMILY_... */
	uint32_t label_count;
	char **labels; /* names */
	uint32_t bounds_count;
	double *bounds;                    /* finite, ascending */
	uint32_t stored_count;             /* of doubles its records have: the bounds; or the quantiles and the window */
	uint32_t quantile_count, window_s; /* summary */
	double *quantiles;                 /* 0 to 1, ascending */
	uint32_t *series;                  /* where they are in the pool; sorted */
	size_t series_count, series_capacity;
	size_t values_bytes_max; /* of a series */
	bool unsorted;
	struct muster__spelling *spelled[MUSTER_ESCAPING_COUNT]; /* spelling.h; one block each, freed with free() */
	void *rendered[MUSTER_ESCAPING_COUNT];                   /* the text encoder's; one block each, freed with free() */
	uint64_t drops[4];                                       /* indexed by enum muster__drop */
	uint32_t expiry_s;                                       /* 0: never */
	uint32_t index;                                          /* how many families joined before it */
};

/* There may be millions of them: 32 bytes and the label values each. */
struct muster__view_series {
	struct muster__view_family *family;
	uint64_t created_unix_ns; /* the earliest */
	uint32_t index : 29;      /* how many series joined before it, in all families */
	bool escaped : 1;         /* there are backslashes, quotes or newlines in its values */
	bool hidden : 1;          /* forgotten, and nothing recorded since */
	bool expired : 1;         /* to be forgotten with the next fold */
	union {
		uint32_t int_at;   /* counter, in flight (int64), summary count, first of bounds_count + 1 buckets */
		uint32_t gauge_at; /* gauges whose mode is neither all nor liveall */
	};
	uint32_t real_at; /* real counter, sum of a histogram or summary */
	union {
		uint32_t exemplar_at; /* of a counter or the first bucket; 0: it has none. muster__exemplar_at() reads it. */
		uint32_t sketch_at;   /* of a summary with quantiles: which are its, and which sketch of the values */
	};
	/* Of each label, uint16 bytes and the value. A chunk (pool.h) may be read from any of them. */
	char values[];
};
#define MUSTER__VIEW_SERIES_MAX (1u << 29)

/* Where the exemplars of any series are; 0: it has none. */
static inline uint32_t muster__exemplar_at(const struct muster__view_series *s)
{
	return s->family->type == MUSTER_SUMMARY ? 0 : s->exemplar_at;
}

/* The label value at *at, which moves on to the next. */
static inline struct muster_str muster__value_next(const char **at)
{
	uint16_t count;
	const char *bytes = *at + sizeof count;

	memcpy(&count, *at, sizeof count);
	*at = bytes + count;
	return (struct muster_str){bytes, count};
}

static inline size_t muster__values_bytes(const struct muster__view_series *s)
{
	const char *at = s->values;

	for (uint32_t i = 0; i < s->family->label_count; i++)
		(void)muster__value_next(&at);
	return (size_t)(at - s->values);
}

struct muster__view_gauge {
	double value;
	uint64_t time_ns; /* mostrecent modes */
	bool set;
};

/* The newest of a counter or bucket. */
struct muster__view_exemplar {
	double value;                           /* finite; of a bucket: within its bounds */
	uint64_t time_ns;                       /* Unix time */
	uint32_t bytes;                         /* of labels; 0: there is none later than time_ns */
	char labels[MUSTER_EXEMPLAR_BYTES_MAX]; /* packed; exemplar.h */
};

/* One worker's sample of a gauge in mode all or liveall. */
struct muster__view_pid_sample {
	struct muster__view_series *series;
	uint32_t pid;
	double value;
};

struct muster__view {
	struct muster__view_family **families; /* sorted by name */
	size_t family_count, family_capacity;
	struct muster__pool pool; /* the series */
	bool unsorted;
	uint64_t *ints; /* int_count of them */
	double *reals;
	struct muster__view_gauge *gauges;
	double (*quantiles)[MUSTER_QUANTILES_MAX]; /* by sketch; NaN: no observation in the window */
	size_t int_count, real_count, gauge_count, sketch_count;
	struct muster__view_exemplar *exemplars;
	size_t exemplar_count;                       /* the first is nobody's */
	struct muster__view_pid_sample *pid_samples; /* grouped by family and series in view order, then by pid */
	size_t pid_sample_count;
	uint64_t events[32];                         /* indexed by enum muster__event */
	size_t spelled_count[MUSTER_ESCAPING_COUNT]; /* families when they were spelled */
	size_t names_meeting[MUSTER_ESCAPING_COUNT]; /* names of families and labels spelled otherwise than the scheme says,
	                                              * because there they would be those of others */
};

/* A series by its place in the pool. */
static inline struct muster__view_series *muster__view_at(const struct muster__view *view, uint32_t place)
{
	return muster__pool_at(&view->pool, place);
}

/* The shortest decimal that reads back as x, in at most 24 bytes; returns the count. Plain from 1e-4 to below
 * 1e+21; with le_style, the spelling of bucket bounds, to below 1e+06, and a whole number ends in ".0". +Inf, -Inf,
 * NaN. Independent of the locale. */
size_t muster__number_real(char *out, double x, bool le_style);
size_t muster__number_uint(char *out, uint64_t n);
/* The number a NUL-terminated text begins with; NaN if there is none, or no memory. Independent of the locale. */
double muster__number_read(const char *text);
size_t muster__number_int(char *out, int64_t n);

#endif
