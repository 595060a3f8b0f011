/* SPDX-License-Identifier: Apache-2.0 */
/*
 * descriptors.h - which descriptors are open, and which of them are the master's alone.
 */
#ifndef MUSTER__DESCRIPTORS_H
#define MUSTER__DESCRIPTORS_H

#include <stddef.h>

struct muster__descriptors {
	int *fds; /* ascending */
	size_t count, capacity;
};

/* List the open descriptors of this process. Replaces what the list held.
 * Returns 0 or -ENOMEM. */
int muster__descriptors_read(struct muster__descriptors *list);

/* Take those out of `list` that stand in `keep` (any order). */
void muster__descriptors_without(struct muster__descriptors *list, const int *keep, size_t count);

void muster__descriptors_free(struct muster__descriptors *list);

#endif
