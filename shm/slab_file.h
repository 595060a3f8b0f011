/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slab_file.h - making the file or the private memory behind the store, and backing it with space.
 * All of it runs under the store's lock.
 */
#ifndef MUSTER__SLAB_FILE_H
#define MUSTER__SLAB_FILE_H

#include "store.h"

#define MUSTER__SLAB_BYTES_MAX_DEFAULT (UINT64_C(256) << 20)

/* The slab a process leaves when it attaches anew. */
struct muster__mapping {
	unsigned char *map;
	int fd;
	uint64_t dev, ino;
	struct muster__backed backed;
	uint64_t backed_bytes;
};

struct muster__mapping muster__mapping_take(void);
void muster__mapping_restore(struct muster__mapping *old);
/* Unmap and close what is left of it; the descriptor only if it is still the slab. */
void muster__mapping_drop(struct muster__mapping *old);
/* Copy all values of `old` into the present slab, which has the same geometry. */
void muster__mapping_copy_values(const struct muster__mapping *old);

/* Make a slab in directory `region`, with the catalogue of `old` and no values.
 * Returns 0; -errno or MUSTER_EREGION with a message, and the store has no slab. */
int muster__slab_create(const char *region, const struct muster__mapping *old);
/* The same in private memory. Returns 0 or -ENOMEM. */
int muster__slab_create_private(const struct muster__mapping *old);

/* Reserve space in the present slab, so that touching it cannot fault. Returns 0 or -errno. */
int muster__slab_back(uint64_t off, uint64_t bytes);

#endif
