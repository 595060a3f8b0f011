/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cat.c - prints one scrape of a region.
 */
#include "cat.h"

#include <errno.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "log.h"
#include "look.h"

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

int muster__cat(const struct muster__look_opts *opts, enum muster_format format, enum muster_escaping escaping)
{
	struct muster_region *region;
	const char *text;
	size_t count;
	int status = muster__look(opts, &region);

	if (status != 0)
		return status;
	int rc = muster_region_write(region, format, escaping, NULL, &text, &count);
	status = rc == 0 ? print(text, count) : muster__look_refused(opts->path, rc);
	muster_region_destroy(&region);
	return status;
}
