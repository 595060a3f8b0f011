/* SPDX-License-Identifier: Apache-2.0 */
/*
 * collector.h - the master's side of its region: scrapes it, notices deaths, folds the dead.
 */
#ifndef MUSTER__COLLECTOR_H
#define MUSTER__COLLECTOR_H

#include <uv.h>

#include <muster/region.h>

#include "body.h"
#include "self_metrics.h"

struct muster__collector;

/* Watch a region, and fold there as long as this process has it locked.
 *   region, self   borrowed until muster__collector_destroy()
 * Returns 0; -ENOMEM; -errno. */
int muster__collector_create(uv_loop_t *loop, struct muster_region *region, struct muster__self *self,
                             struct muster__collector **out);

/* Read all slabs and write a page; the parameters are those of muster_region_write(). One reference is the caller's.
 * Returns 0, or -errno after a line in the log. */
int muster__collector_scrape(struct muster__collector *collector, enum muster_format format,
                             enum muster_escaping escaping, const char *const *names, struct muster__body **out);

/* Somebody died: fold soon. */
void muster__collector_fold_soon(struct muster__collector *collector);
/* Fold what can be folded now; the last act of a master. */
void muster__collector_fold(struct muster__collector *collector);

void muster__collector_stats(const struct muster__collector *collector, struct muster_region_stats *out);

/* Free; the loop must run until the handles are closed before `destroy`. Both accept NULL. */
void muster__collector_close(struct muster__collector *collector);
void muster__collector_destroy(struct muster__collector **collector);

#endif
