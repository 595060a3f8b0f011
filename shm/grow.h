/* SPDX-License-Identifier: Apache-2.0 */
/*
 * grow.h - arrays of the read side that only grow, and the codes with which it refuses a slab.
 */
#ifndef MUSTER__GROW_H
#define MUSTER__GROW_H

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <muster/region.h>

/* A reason to quarantine, as a code beside errno and MUSTER_E... */
#define MUSTER__BAD_BASE (-6000)
#define MUSTER__BAD(id) (MUSTER__BAD_BASE - MUSTER_QUARANTINE_##id)

static inline bool muster__is_bad(int code)
{
	return code <= MUSTER__BAD_BASE && code > MUSTER__BAD_BASE - MUSTER_QUARANTINE_COUNT;
}

static inline enum muster_quarantine muster__bad_reason(int code)
{
	return (enum muster_quarantine)(MUSTER__BAD_BASE - code);
}

#define MUSTER__GROW_LARGE_BYTES (64u << 10)

/* Make room for `need` items, and some more: small arrays double, of large ones an eighth is less to leave unused. The
 * new items are zero.
 *   array      address of the array's pointer
 *   capacity   items there is room for
 * Returns 0, or -ENOMEM with the array as it was. */
static inline int muster__grow(void *array, size_t *capacity, size_t need, size_t item_bytes)
{
	char *old, *grown;

	if (need <= *capacity)
		return 0;
	size_t more = *capacity * item_bytes < MUSTER__GROW_LARGE_BYTES ? *capacity : *capacity / 8 + 1;
	size_t count = need > *capacity + more ? need : *capacity + more;
	memcpy(&old, array, sizeof old);
	grown = count > SIZE_MAX / item_bytes ? NULL : realloc(old, count * item_bytes);
	if (grown == NULL)
		return -ENOMEM;
	memset(grown + *capacity * item_bytes, 0, (count - *capacity) * item_bytes);
	memcpy(array, &grown, sizeof grown);
	*capacity = count;
	return 0;
}

#endif
