/* SPDX-License-Identifier: Apache-2.0 */
/*
 * family.h - families and series as their own process knows them. Private memory, inherited by fork.
 *
 * Written under the store's lock, read without it: a table and a series are complete before the pointer
 * to them is stored with release (ORDER(series-publish), pairs with the acquire in series_find()).
 */
#ifndef MUSTER__FAMILY_H
#define MUSTER__FAMILY_H

#include "native.h"
#include "store.h"

/* What a handle of a native histogram points to. */
struct muster__native {
	uint32_t int_word;     /* control; the others follow */
	uint32_t real_word;    /* sum */
	uint32_t per_sign;     /* buckets */
	uint32_t buffer_words; /* buckets of both signs, if there are both */
	double zero_threshold;
	uint32_t steps_first; /* the schema to begin with */
	bool is_signed;
};

struct muster__series {
	uint64_t hash;
	uint32_t word; /* counters, in flight: what the handle carries */
	uint32_t key_bytes;
	union {
		struct muster__gauge gauge;
		struct muster__distribution distribution;
		struct muster__native native;
	};
	char key[]; /* per label uint16 bytes + value, as in the catalogue */
};

struct muster__slot {
	uint64_t hash;
	struct muster__series *series;
};

/* Open addressing, a power of two, at most half full. */
struct muster__table {
	uint32_t mask, used;
	struct muster__slot slots[];
};

struct muster_family {
	struct muster_family *next;
	const struct muster__family_shm *record; /* our own copy, as published */
	struct muster__table *table;
	enum muster_type type;
	uint32_t ordinal, label_count;
	uint32_t series_max, series_count;
	uint32_t drop_word;
	bool timestamped, exemplars;
	uint32_t bounds_count, pairs_count;
	const double *bounds;
	uint32_t steps_first;      /* of a native histogram: the schema to begin with */
	uint32_t window_s;         /* of a summary with quantiles; else 0 */
	struct muster_str *states; /* of a set of states; in the arena */
	size_t states_count;
};

/* The family's series with these values, made if need be; NULL if it cannot be had, which is counted. */
struct muster__series *muster__series_get(struct muster_family *family, enum muster_type type,
                                          const struct muster_str *values, size_t count);

/* Count a series that could not be had. Returns NULL. */
struct muster__series *muster__series_drop(struct muster_family *family, enum muster__drop reason);

/* The series with these values if the process has it, else NULL. Takes no lock. */
struct muster__series *muster__series_find(const struct muster_family *family, const struct muster_str *values,
                                           size_t count);

/* Its name, record->name_bytes long, not NUL-terminated. */
const char *muster__family_name(const struct muster_family *family);

/* Do label values fit the family? Returns 0 or MUSTER_ELABEL_VALUES with a message. */
int muster__values_check(const struct muster_family *family, const struct muster_str *values, size_t count);

/* exemplar.c, under the lock: give the series whose record was published last its slots, if its family has exemplars
 * and there is room. */
void muster__exemplar_slots_take(const struct muster_family *family, struct muster__series *series);

/* Under the lock: make the one series of a family without labels. Returns 0 or MUSTER_EFULL. */
int muster__series_create_unlabelled(struct muster_family *family);

#endif
