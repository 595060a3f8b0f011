/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fold.h - what only the master does to a region: create it, own it, fold its dead into the ledger.
 */
#ifndef MUSTER__FOLD_H
#define MUSTER__FOLD_H

#include <stdbool.h>
#include <sys/types.h>

#include <muster/region.h>

/* /dev/shm/muster-UID-NAME into out[MUSTER_REGION_PATH_BYTES_MAX + 1].
 * Returns 0 or -ENAMETOOLONG. */
int muster__region_default_path(const char *name, char *out);

/* Make the directory, 0700, unless it is there; check it as muster_region_open() does.
 * Returns 0, -errno, MUSTER_EREGION (muster_error_message() says which rule). */
int muster__region_create(const char *path);

/* Become the region's one folder: an exclusive lock on the file `lock`, released by the kernel at death.
 * Returns 0; MUSTER_EBUSY if another process has it (muster_error_message() names its pid); -errno. */
int muster__region_lock(struct muster_region *region);

/* Are we? */
bool muster__region_locked(const struct muster_region *region);

/* Let workers of another user in: root's directory, mode 01770, of their group. Stays so for the next masters. Needs
 * the lock. Returns 0 or -errno with a message. Context: root's. */
int muster__region_share(struct muster_region *region, uid_t worker, gid_t group);

/* The directory alone, for files that are no slabs. */
int muster__region_share_dir(const char *path, gid_t group);

#define MUSTER__MULTIPROC_OWN "multiproc" /* the directory of imported files in a region */

/* Why the last refresh could not read the directory of imported files: 0 or -errno. */
int muster__region_import_error(const struct muster_region *region);

/* Find the series of the last refresh that expire; the next fold forgets them. Returns 0 or -ENOMEM. */
int muster__region_expire(struct muster_region *region);

/* Is there anything to fold: slabs found dead by the last refresh, requests to forget series, expired ones? */
bool muster__region_fold_due(const struct muster_region *region);

/* Fold the slabs found dead by the last refresh, and forget the series that are to be: write a new ledger
 * beside the old one, switch with one rename, unlink them. Needs the lock.
 *   folded   how many slabs, or NULL
 * Returns 0; -errno (nothing is lost: the next call folds them). */
int muster__region_fold(struct muster_region *region, size_t *folded);

#define MUSTER__QUARANTINED_KEPT 16

/* Unlink files of quarantined slabs, beyond MUSTER__QUARANTINED_KEPT that are kept to be looked at, and slabs that never
 * got their name, if nobody can write them any more; and what has a slab's name and is no regular file. Needs the
 * lock. */
void muster__region_trim(struct muster_region *region);

/* The heartbeat of a worker that lives in our pid namespace, as of now; 0: it never had one, or is not known yet. */
uint64_t muster__region_heartbeat(const struct muster_region *region, uint32_t pid);

/* Descriptors that become readable when a live worker dies (pidfds); for the master's loop. */
size_t muster__region_pidfds(const struct muster_region *region, int *fds, size_t count_max);

#endif
