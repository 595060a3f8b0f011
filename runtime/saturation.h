/* SPDX-License-Identifier: Apache-2.0 */
/*
 * saturation.h - what the kernel, and the workers' slabs, tell of each process of the service, of all of them together,
 * and of the sockets they listen on. Sampled at each scrape.
 */
#ifndef MUSTER__SATURATION_H
#define MUSTER__SATURATION_H

#include <muster/region.h>

#include "members.h"
#include "self_metrics.h"

struct muster__saturation;

struct muster__saturation_opts {
	struct muster_region *region;
	double proportional_seconds; /* read proportional memory so often at most; 0: never */
	/* The processes of the service now, at most `max`; returns how many. */
	size_t (*processes)(void *ctx, struct muster__member_seen *out, size_t max);
	void *ctx;
};

/* Declare the families, and hook into scrapes and deaths. Returns 0 or -ENOMEM.
 *   self   borrowed until muster__saturation_destroy() */
int muster__saturation_create(const struct muster__saturation_opts *opts, struct muster__self *self,
                              struct muster__saturation **out);
void muster__saturation_destroy(struct muster__saturation **saturation);

#endif
