/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cat.h - `muster cat`: one scrape of a region on stdout.
 */
#ifndef MUSTER__CAT_H
#define MUSTER__CAT_H

#include <muster/region.h>

/* Read-only: takes no lock, folds nothing, may run beside a master.
 *   path, series_max   as of muster__look()
 *   format             of the page
 * Returns the exit status for main(): 0; EX_NOINPUT, EX_USAGE, EX_IOERR after a line in the log. */
int muster__cat(const char *path, size_t series_max, enum muster_format format);

#endif
