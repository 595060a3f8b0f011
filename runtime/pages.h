/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pages.h - what the master shows over HTTP.
 */
#ifndef MUSTER__PAGES_H
#define MUSTER__PAGES_H

#include <stdbool.h>

#include "collector.h"
#include "http.h"
#include "supervisor.h"

struct muster__pages_ctx {
	const char *name, *region;
	struct muster__collector *collector;
	struct muster__self *self;
	struct muster__supervisor *supervisor; /* NULL: none, or not yet */
	bool ready;                            /* the workers were started and are not being stopped */
};

/* Routes over a struct muster__pages_ctx. */
extern const struct muster__route muster__pages[];

/* What the HTTP server tells, counted; of a struct muster__pages_ctx. */
void muster__pages_answered(void *ctx, int status);
void muster__pages_closed(void *ctx, enum muster__http_closing reason);
void muster__pages_in_flight(void *ctx, unsigned requests);

#endif
