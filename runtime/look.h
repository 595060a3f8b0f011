/* SPDX-License-Identifier: Apache-2.0 */
/*
 * look.h - one look at a region, for commands that print something about it.
 */
#ifndef MUSTER__LOOK_H
#define MUSTER__LOOK_H

#include <muster/region.h>

/* What to look at. */
struct muster__look_opts {
	const char *path;             /* the region */
	const char *multiproc_dir;    /* prometheus_client's files; NULL: those in the region, if there are any */
	const char *multiproc_schema; /* what they do not say; NULL: nothing more is said */
	size_t series_max;            /* of the view; 0: the default */
};

/* Open a region and refresh it once. Read-only: takes no lock, folds nothing, may run beside a master.
 * Returns 0 and *out, to be destroyed by the caller; an exit status after a line in the log. */
int muster__look(const struct muster__look_opts *opts, struct muster_region **out);

/* Read a schema of imported files, or none if path is NULL. Returns 0; an exit status after a line in the log. */
int muster__schema_take(struct muster_region *region, const char *path);

/* Say why a region cannot be read. Returns the exit status. */
int muster__look_refused(const char *path, int rc);

#endif
