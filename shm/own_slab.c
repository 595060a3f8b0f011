/* SPDX-License-Identifier: Apache-2.0 */
/*
 * own_slab.c - the one place where a reader looks at the writer's state: a master is a worker of its own
 * region too.
 */
#include "own_slab.h"

#include <errno.h>
#include <sys/mman.h>

#include "store.h"

/* mremap of length 0 maps the pages of a shared mapping once more. */
static void *map_again(const struct muster__store *s)
{
	void *p = mremap(s->map, 0, s->geometry.file_bytes, MREMAP_MAYMOVE);

	if (p == MAP_FAILED)
		return NULL;
	(void)mprotect(p, s->geometry.file_bytes, PROT_READ);
	return p;
}

int muster__own_slab_map(uint64_t dev, uint64_t ino, const unsigned char **map, size_t *bytes)
{
	const struct muster__store *s = &muster__store;
	sigset_t saved;
	int rc = -ENOENT;

	muster__store_lock(&saved);
	/* A forked child that has not attached yet still has its parent's slab in the store. */
	if (muster__process()->attached && s->map && s->fd >= 0 && s->dev == dev && s->ino == ino) {
		const unsigned char *p = map_again(s);
		rc = p ? 0 : -ENOMEM;
		if (p) {
			*map = p;
			*bytes = s->geometry.file_bytes;
		}
	}
	muster__store_unlock(&saved);
	return rc;
}
