/* SPDX-License-Identifier: Apache-2.0 */
/*
 * self_metrics.h - what the master tells about itself, recorded as any worker records: through muster.h
 * into a slab of its own. So these numbers survive the master through the ledger, too.
 */
#ifndef MUSTER__SELF_METRICS_H
#define MUSTER__SELF_METRICS_H

#include <stdbool.h>
#include <sys/types.h>

#include <muster/region.h>

#include "http.h"

struct muster__self;

/* What a supervisor's workers are doing. `leaving` were told to end and have no slot any more. */
struct muster__self_slots {
	unsigned running, waiting, leaving;
};

/* Attach this process to the region, with all it has recorded so far, and declare the master's families.
 * Sets MUSTER_REGION for the children.
 * Returns 0, or -ENOMEM. If the slab cannot be made, that is logged and the metrics stay private. */
int muster__self_create(const char *region, struct muster__self **out);
void muster__self_destroy(struct muster__self **self);

/* Count a death. `ours`: killed by us. Returns whether the kernel killed it, out of memory. */
bool muster__self_worker_exited(struct muster__self *self, int wait_status, bool ours);
/* Count one of which nobody tells us how. */
void muster__self_worker_vanished(struct muster__self *self);
void muster__self_worker_restarted(struct muster__self *self);
void muster__self_worker_recycled(struct muster__self *self, const char *reason);
void muster__self_killed(struct muster__self *self, size_t processes);
void muster__self_orphan_reaped(struct muster__self *self);
void muster__self_signal_passed(struct muster__self *self, const char *signal);
void muster__self_upgrade(struct muster__self *self, const char *result);
void muster__self_hook_failed(struct muster__self *self, const char *hook);
void muster__self_slots(struct muster__self *self, struct muster__self_slots slots);
void muster__self_quarantined(struct muster__self *self, enum muster_quarantine reason);
void muster__self_folded(struct muster__self *self, size_t slabs);
void muster__self_answered(struct muster__self *self, int status);
void muster__self_closed(struct muster__self *self, enum muster__http_closing reason);
void muster__self_in_flight(struct muster__self *self, unsigned requests);
void muster__self_web_read(struct muster__self *self, bool good);
void muster__self_fold_failed(struct muster__self *self);

/* Call `scrape` at the begin of each scrape, so that what it records is on the page, and `reaped` for each process of
 * the service that was waited for; NULL: no more. */
struct rusage;
typedef void muster__self_reaped_fn(void *ctx, pid_t pid, const struct rusage *usage);
void muster__self_watch(struct muster__self *self, void (*scrape)(void *ctx), muster__self_reaped_fn *reaped,
                        void *ctx);
void muster__self_reaped(struct muster__self *self, pid_t pid, const struct rusage *usage);

/* Once a second: look whether the kernel has killed anything. */
void muster__self_look(struct muster__self *self);

/* Count a scrape and sample process_*, before the view of the scrape is made. */
void muster__self_scrape_begin(struct muster__self *self);
/* Show what the view found. Returns true if that changed a metric, so that the view is behind. */
bool muster__self_roll(struct muster__self *self, const struct muster_region_stats *stats);
void muster__self_scrape_end(struct muster__self *self, double seconds);
/* Call `fn` after each scrape; NULL: no more. */
void muster__self_on_scrape(struct muster__self *self, void (*fn)(void *ctx), void *ctx);

#endif
