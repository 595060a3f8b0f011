/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cat.h - `muster cat`: one scrape of a region on stdout.
 */
#ifndef MUSTER__CAT_H
#define MUSTER__CAT_H

#include <stddef.h>

/* Read-only: takes no lock, folds nothing, may run beside a master.
 *   path         the region
 *   series_max   of the page; 0: the default
 * Returns the exit status for main(): 0; EX_NOINPUT, EX_USAGE, EX_IOERR after a line in the log. */
int muster__cat(const char *path, size_t series_max);

#endif
