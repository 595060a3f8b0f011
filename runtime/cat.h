/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cat.h - `muster cat`: one scrape of a region on stdout.
 */
#ifndef MUSTER__CAT_H
#define MUSTER__CAT_H

#include "look.h"

/* Print one look in a format, with names by a scheme.
 * Returns the exit status for main(): 0; EX_NOINPUT, EX_USAGE, EX_IOERR after a line in the log. */
int muster__cat(const struct muster__look_opts *opts, enum muster_format format, enum muster_escaping escaping);

#endif
