/* SPDX-License-Identifier: Apache-2.0 */
/* attach_failure.h - a process that could not make its slab tells the region. Runs in workers. */
#ifndef MUSTER__ATTACH_FAILURE_H
#define MUSTER__ATTACH_FAILURE_H

#include "layout.h"

/* Under the store's lock: count that making a slab in the region failed with `rc`. Where even that needs
 * what the process lacks (a descriptor), it is kept for muster__attach_failure_retry().
 *   parent   the slab in that region this process was forked with, or NULL: to count in if the region is out of reach */
void muster__attach_failure(int rc, struct muster__header_shm *parent);

/* Under the store's lock: count what could not be counted then. Cheap when there is nothing. */
void muster__attach_failure_retry(void);

#endif
