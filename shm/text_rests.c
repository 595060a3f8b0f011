/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text_rests.c - room for doubles as they were last spelled. Private memory of readers.
 */
#include "text_rests.h"

#include <errno.h>
#include <stdlib.h>

/* New ones are a spelled zero. */
static int reserve(struct muster__text_real **reals, size_t *count, size_t need)
{
	if (need <= *count)
		return 0;
	size_t capacity = need > *count * 2 ? need : *count * 2;
	struct muster__text_real *grown = realloc(*reals, capacity * sizeof *grown);
	if (grown == NULL)
		return -ENOMEM;
	for (size_t i = *count; i < capacity; i++)
		grown[i] = (struct muster__text_real){.bits = 0, .bytes = "0\n", .count = 2};
	*reals = grown;
	*count = capacity;
	return 0;
}

int muster__text_rests_reserve(struct muster__text_rests *rests, const struct muster__view *view)
{
	int rc = reserve(&rests->reals, &rests->reals_count, view->real_count);

	return rc == 0 ? reserve(&rests->gauges, &rests->gauges_count, view->gauge_count) : rc;
}

void muster__text_rests_clear(struct muster__text_rests *rests)
{
	free(rests->reals);
	free(rests->gauges);
	*rests = (struct muster__text_rests){0};
}
