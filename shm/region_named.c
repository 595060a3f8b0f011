/* SPDX-License-Identifier: Apache-2.0 */
/*
 * region_named.c - the name of the region, kept where a server that clears or overwrites its environment does not
 * reach it. Runs in workers.
 *
 * It is a name and no descriptor of the directory, on purpose: whoever has one open can leave a chroot by it.
 */
#include "region_named.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <muster/region.h>

#include "error.h"
#include "store.h"

static char by_call[MUSTER_REGION_PATH_BYTES_MAX + 1];
static char at_load[MUSTER_REGION_PATH_BYTES_MAX + 1];

static __attribute__((constructor(101))) void load(void)
{
	const char *path = getenv("MUSTER_REGION");

	if (path && strlen(path) < sizeof at_load)
		(void)strcpy(at_load, path);
}

const char *muster__region_named(void)
{
	const char *path = getenv("MUSTER_REGION");

	if (by_call[0])
		return by_call;
	return path ? path : at_load;
}

void muster__region_named_by_environment(void)
{
	by_call[0] = '\0';
}

static int name(const char *path)
{
	size_t bytes = strlen(path);

	if (path[0] != '/')
		return muster__error(MUSTER_EOPTION,
		                     "region \"%.60s\": must be an absolute path, as processes change their directory", path);
	if (bytes >= sizeof by_call)
		return muster__error(-ENAMETOOLONG,
		                     "region %.60s...: the path has %zu bytes, the limit is %d; choose a shorter one", path,
		                     bytes, MUSTER_REGION_PATH_BYTES_MAX);
	(void)strcpy(by_call, path);
	return 0;
}

int muster_region_use(const char *path)
{
	sigset_t saved;
	int rc;

	muster__store_lock(&saved);
	const char *now = muster__region_named();
	if (muster__process()->attached && strcmp(now, path) != 0)
		rc = muster__error(-EBUSY, "region %.100s: this process records into %.100s already; name it before", path,
		                   *now ? now : "private memory");
	else
		rc = name(path);
	muster__store_unlock(&saved);
	return rc;
}
