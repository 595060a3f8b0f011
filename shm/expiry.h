/* SPDX-License-Identifier: Apache-2.0 */
/* expiry.h - what the master remembers of series that may expire. */
#ifndef MUSTER__EXPIRY_H
#define MUSTER__EXPIRY_H

struct muster__expiry;

/* Forget all that was seen; accepts NULL and nulls the pointer. */
void muster__expiry_destroy(struct muster__expiry **expiry);

#endif
