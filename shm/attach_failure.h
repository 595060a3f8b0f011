/* SPDX-License-Identifier: Apache-2.0 */
/* attach_failure.h - a process that could not make its slab tells the region. Runs in workers. */
#ifndef MUSTER__ATTACH_FAILURE_H
#define MUSTER__ATTACH_FAILURE_H

/* Under the store's lock: count that making a slab in MUSTER_REGION failed with `rc`. Where even that needs
 * what the process lacks (a descriptor), it is kept for muster__attach_failure_retry(). */
void muster__attach_failure(int rc);

/* Under the store's lock: count what could not be counted then. Cheap when there is nothing. */
void muster__attach_failure_retry(void);

#endif
