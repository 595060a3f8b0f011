/* SPDX-License-Identifier: Apache-2.0 */
/*
 * identity.h - who a process is, as the kernel tells. Writers put it into their slab, readers compare.
 */
#ifndef MUSTER__IDENTITY_H
#define MUSTER__IDENTITY_H

#include "layout.h"

/* Who this process is. What cannot be read stays 0. Context: any, signal handlers included. */
void muster__identity_read(struct muster__identity *identity);

/* When a process started, in clock ticks since boot as the caller's time namespace counts them.
 *   pid   0: this process
 * Returns field 22 of /proc/PID/stat; 0 if it cannot be read. */
uint64_t muster__start_ticks(uint32_t pid);

#endif
