/* SPDX-License-Identifier: Apache-2.0 */
/*
 * look.c - opens a region and refreshes it once. Any process of the region's owner may run this.
 */
#include "look.h"

#include <errno.h>
#include <sysexits.h>

#include "log.h"

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

int muster__look(const char *path, size_t series_max, struct muster_region **out)
{
	struct muster_region *region = NULL;
	int rc = muster_guard_install();

	if (rc == 0)
		rc = muster_region_open(path, &region);
	if (rc != 0)
		return muster__look_refused(path, rc);
	muster_region_on_quarantine(region, quarantined, NULL);
	if (series_max)
		muster_region_series_max(region, series_max);
	rc = muster_region_refresh(region);
	if (rc == 0) {
		*out = region;
		return 0;
	}
	muster_region_destroy(&region);
	return muster__look_refused(path, rc);
}
