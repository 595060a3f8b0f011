/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slab_honest.h - the forged slab that is as it should be, to stand beside those that are not.
 */
#ifndef TESTS_SLAB_HONEST_H
#define TESTS_SLAB_HONEST_H

#include "slab_forge.h"

/* A counter of 7, a labelled counter, a histogram, a gauge. */
static inline void honest(struct forge *f)
{
	forge_begin(f);
	forge_family(f, MUSTER_COUNTER, 0, "good_total", NULL);
	*forge_int(f, 0, forge_series(f, NULL)->int_cell) = 7;
	forge_family(f, MUSTER_HISTOGRAM, 0, "sizes", NULL);
	forge_series(f, NULL);
	forge_family(f, MUSTER_GAUGE, MUSTER_MAX, "level", "room");
	forge_series(f, "a");
	forge_family(f, MUSTER_COUNTER, 0, "calls_total", "path");
	forge_series(f, "/");
}

static inline struct muster__series_shm *again(struct forge *f)
{
	return forge_series(f, "/again");
}

#endif
