/* SPDX-License-Identifier: Apache-2.0 */
/*
 * own_slab.h - reading the slab of the very process that reads.
 */
#ifndef MUSTER__OWN_SLAB_H
#define MUSTER__OWN_SLAB_H

#include <stddef.h>
#include <stdint.h>

/* Map this process's own slab a second time, read-only, without opening the file: POSIX drops the record
 * lock that tells other readers we live as soon as the process closes any descriptor of the file.
 *   dev, ino   the file in question
 *   map, bytes the mapping, to be unmapped by the caller; untouched on failure
 * Returns 0; -ENOENT if the file is not our slab; -ENOMEM.
 * Context: any thread. */
int muster__own_slab_map(uint64_t dev, uint64_t ino, const unsigned char **map, size_t *bytes);

#endif
