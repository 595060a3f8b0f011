/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guard.h - loads from a mapping whose file another process may truncate.
 */
#ifndef MUSTER__GUARD_H
#define MUSTER__GUARD_H

#include <stddef.h>

/* Run fn(ctx), which loads from the mapping [map, map + bytes) into memory that is ready and does
 * nothing else: no allocation, no lock, no system call. Guarded runs do not nest.
 * Returns 0; -EFAULT if a load hit a page that is no more, with fn left in the middle.
 * Context: any thread, once muster_guard_install() has run; without it such a load kills the process. */
int muster__guard_run(const void *map, size_t bytes, void (*fn)(void *ctx), void *ctx);

#endif
