/* SPDX-License-Identifier: Apache-2.0 */
/*
 * look.c - opens a region and refreshes it once. Any process of the region's owner may run this.
 */
#include "look.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sysexits.h>

#include "log.h"
#include "shm/fold.h"

static void quarantined(void *ctx, const char *file, enum muster_quarantine reason)
{
	(void)ctx;
	muster__log(MUSTER__LOG_WARNING, "slab %s is left out: it %s", file, muster_quarantine_text(reason));
}

int muster__look_refused(const char *path, int rc)
{
	if (rc == MUSTER_EREGION)
		return muster__refuse(EX_NOINPUT, "%s", muster_error_message());
	if (rc == -ENAMETOOLONG)
		return muster__refuse(EX_USAGE, "--region %.200s...: at most %d bytes are allowed", path,
		                      MUSTER_REGION_PATH_BYTES_MAX);
	return muster__refuse(EX_NOINPUT, "region %s: %s; is its name right, and has a master or worker made it?", path,
	                      muster_strerror(rc));
}

int muster__schema_take(struct muster_region *region, const char *path)
{
	int rc = path ? muster_region_import_schema(region, path) : 0;

	if (rc == MUSTER_EOPTION)
		return muster__refuse(EX_DATAERR, "--multiproc-schema %s", muster_error_message());
	return rc == 0 ? 0 : muster__refuse(EX_NOINPUT, "--multiproc-schema %s: %s", path, muster_strerror(rc));
}

/* Returns 0, or an exit status after a line in the log. */
static int import(struct muster_region *region, const char *multiproc_dir)
{
	char path[PATH_MAX];
	int rc;

	if (multiproc_dir == NULL) {
		(void)muster_region_import(region, MUSTER__MULTIPROC_OWN, 0); /* there is none, as a rule */
		return 0;
	}
	rc = realpath(multiproc_dir, path) ? muster_region_import(region, path, 0) : -errno;
	return rc == 0 ? 0 : muster__refuse(EX_NOINPUT, "--multiproc-dir %s: %s", multiproc_dir, muster_strerror(rc));
}

int muster__look(const struct muster__look_opts *opts, struct muster_region **out)
{
	struct muster_region *region = NULL;
	int rc = muster_guard_install();

	if (rc == 0)
		rc = muster_region_open(opts->path, &region);
	if (rc != 0)
		return muster__look_refused(opts->path, rc);
	muster_region_on_quarantine(region, quarantined, NULL);
	if (opts->series_max)
		muster_region_series_max(region, opts->series_max);
	int status = muster__schema_take(region, opts->multiproc_schema);
	if (status == 0)
		status = import(region, opts->multiproc_dir);
	if (status == 0 && (rc = muster_region_refresh(region)) != 0)
		status = muster__look_refused(opts->path, rc);
	if (status == 0)
		*out = region;
	else
		muster_region_destroy(&region);
	return status;
}
