/* SPDX-License-Identifier: Apache-2.0 */
/*
 * query.h - the values of one key in the query of a URL.
 */
#ifndef MUSTER__QUERY_H
#define MUSTER__QUERY_H

#include <stddef.h>

#define MUSTER__QUERY_VALUES_MAX 256

struct muster__query {
	size_t count;
	const char *values[MUSTER__QUERY_VALUES_MAX + 1]; /* NUL-terminated, and NULL behind the last */
	char *text;                                       /* where they are */
};

/* Read the values of `key` from a query such as a=1&name[]=x&name%5B%5D=y, percent-decoded; further ones than
 * MUSTER__QUERY_VALUES_MAX are left out.
 * Returns 0, and the query is to be freed; -ENOMEM. */
int muster__query_read(const char *query, size_t count, const char *key, struct muster__query *out);
void muster__query_free(struct muster__query *query);

#endif
