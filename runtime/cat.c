/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cat.c - opens a region, refreshes it once, prints it. Any process of the region's owner may run this.
 */
#include "cat.h"

#include <errno.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include <muster/region.h>

#include "log.h"

static void quarantined(void *ctx, const char *file, enum muster_quarantine reason)
{
	(void)ctx;
	muster__log(MUSTER__LOG_WARNING, "slab %s is left out: it %s", file, muster_quarantine_text(reason));
}

static int print(const char *text, size_t count)
{
	while (count) {
		ssize_t put = write(STDOUT_FILENO, text, count);
		if (put < 0 && errno != EINTR)
			return muster__refuse(EX_IOERR, "stdout: %s", strerror(errno));
		if (put > 0) {
			text += put;
			count -= (size_t)put;
		}
	}
	return 0;
}

static int refused(const char *path, int rc)
{
	if (rc == MUSTER_EREGION)
		return muster__refuse(EX_NOINPUT, "%s", muster_error_message());
	if (rc == -ENAMETOOLONG)
		return muster__refuse(EX_USAGE, "--region %.200s...: at most %d bytes are allowed", path,
		                      MUSTER_REGION_PATH_BYTES_MAX);
	return muster__refuse(EX_NOINPUT, "region %s: %s; is its name right, and has a master or worker made it?", path,
	                      muster_strerror(rc));
}

int muster__cat(const char *path, size_t series_max)
{
	struct muster_region *region;
	const char *text;
	size_t count;
	int rc = muster_guard_install();

	if (rc == 0)
		rc = muster_region_open(path, &region);
	if (rc != 0)
		return refused(path, rc);
	muster_region_on_quarantine(region, quarantined, NULL);
	if (series_max)
		muster_region_series_max(region, series_max);
	rc = muster_region_refresh(region);
	if (rc == 0)
		rc = muster_region_text(region, &text, &count);
	int status = rc == 0 ? print(text, count) : refused(path, rc);
	muster_region_destroy(&region);
	return status;
}
