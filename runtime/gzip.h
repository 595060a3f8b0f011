/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gzip.h - bodies made smaller for a scraper that is not on this machine.
 */
#ifndef MUSTER__GZIP_H
#define MUSTER__GZIP_H

#include "body.h"

/* Below this a page takes as few packets as it would compressed; above the other, the loop would stand still. */
#define MUSTER__GZIP_BYTES_MIN 4096
#define MUSTER__GZIP_BYTES_MAX (32u << 20)

/* Compress a body.
 * Returns a new body, one reference of which is the caller's; NULL if it would not be smaller, or without memory. */
struct muster__body *muster__gzip(const struct muster__body *body);

#endif
