/* SPDX-License-Identifier: Apache-2.0 */
/*
 * activity.h - what the words of request.c mean to a reader: who is busy, for how long.
 */
#ifndef MUSTER__ACTIVITY_H
#define MUSTER__ACTIVITY_H

#include <stdbool.h>
#include <sys/types.h>

#include <muster/region.h>

#include "merge.h"

/* What a reader remembers of one slab, so that nothing it shows falls. */
struct muster__activity_known {
	uint64_t alive_ns;   /* when it last saw the owner alive, by muster__coarse_ns(); 0: never */
	uint64_t busy_units; /* the longest it has shown; units of 2^16 ns */
};

/* One worker's requests. */
struct muster__activity {
	bool declared; /* else it tells nothing */
	uint64_t in_flight;
	double busy_seconds, longest_seconds;
};

/* Where the view shows them; NULL: nobody declared it, or another description came first. */
struct muster__activity_places {
	struct muster__view_series *in_flight, *busy_seconds, *longest, *workers_busy, *workers_idle;
};

/* Judge the words of a live slab. Loads only: it may run guarded.
 *   now_ns   when the owner was known to be alive; not before known->alive_ns */
void muster__activity_read(const struct muster__requests_shm *requests, uint64_t now_ns,
                           struct muster__activity_known *known, struct muster__activity *out);

/* How long the owner of a slab that is dead was busy, as far as known, from its last words of these names. */
double muster__activity_last(uint64_t busy, uint64_t last_ns, const struct muster__activity_known *known);

void muster__activity_find(const struct muster__merge *merge, struct muster__activity_places *out);
void muster__activity_add(struct muster__values *values, const struct muster__activity_places *places,
                          const struct muster__activity *activity);

/* The real cell of muster_busy_seconds_total in a slab's catalogue; MUSTER__NO_CELL if it has none. */
uint32_t muster__activity_cell(struct muster__catalogue *catalogue);

/* How many requests a live worker has ended. Arguments and return as muster__region_activity(). */
bool muster__region_requests_ended(const struct muster_region *region, pid_t pid, uint64_t *out);

/* The requests of one live worker, as they are now; the roll is that of the last refresh.
 *   pid   in this process's pid namespace
 * Returns whether it is on the roll and tells its requests. */
bool muster__region_activity(struct muster_region *region, pid_t pid, struct muster__activity *out);

#endif
