/* SPDX-License-Identifier: Apache-2.0 */
/*
 * collector.h - values computed when they are asked for: callbacks that bring gauges up to date.
 *
 *   The master runs its own process's collectors at each scrape, before it looks at the region. A worker runs its own
 *   when it calls muster_collect(), say once a second in its event loop: no other process can run code in a worker,
 *   and the library starts no thread. What a callback records is recorded as ever, and merged as the family's mode says.
 */
#ifndef MUSTER_COLLECTOR_H
#define MUSTER_COLLECTOR_H

#include <muster/muster.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* Bring some families up to date. Must not block for long: in the master a scrape waits for it. */
typedef void muster_collector_fn(void *ctx);

/* Call fn(ctx) at each muster_collect() of this process, and of children forked later, in the order of registration.
 *   ctx   stays the caller's, and valid for ever
 * Returns 0; MUSTER_EFULL without memory. There is no way back: a collector that has nothing to say returns.
 * Context: any thread. Takes a lock in the process. */
int muster_collector_add(muster_collector_fn *fn, void *ctx);

typedef double muster_value_fn(void *ctx);

/* A gauge whose value is fn(ctx) at each muster_collect(). NaN leaves the gauge as it was.
 *   family, values, count   as in muster_gauge_get()
 * Returns 0; MUSTER_ETYPE if the family is NULL or of no gauges; MUSTER_ELABEL_VALUES; MUSTER_EFULL.
 * Context: as muster_collector_add(). */
int muster_gauge_function(struct muster_family *family, const struct muster_str *values, size_t count,
                          muster_value_fn *fn, void *ctx);

/* Run the collectors of this process.
 * Returns at once, without running any, if another thread is at it, or a collector calls it.
 * Context: any thread; not a signal handler. */
void muster_collect(void);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
