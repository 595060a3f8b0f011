/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exemplar.h - the labels of an exemplar, packed: for each, uint8 bytes, name, uint8 bytes, value.
 */
#ifndef MUSTER__EXEMPLAR_H
#define MUSTER__EXEMPLAR_H

#include "view.h"

/* The label at *at, which moves behind it. Returns false if there is none. The labels were checked. */
static inline bool muster__exemplar_next(const struct muster__view_exemplar *e, uint32_t *at, struct muster_str *name,
                                         struct muster_str *value)
{
	const unsigned char *p = (const unsigned char *)e->labels + *at;

	if (*at >= e->bytes)
		return false;
	*name = (struct muster_str){(const char *)p + 1, p[0]};
	p += 1 + name->count;
	*value = (struct muster_str){(const char *)p + 1, p[0]};
	*at += (uint32_t)(2 + name->count + value->count);
	return true;
}

/* May a label of an exemplar have that name? */
bool muster__exemplar_name_valid(const char *name, size_t bytes);

/* How many code points has a text of UTF-8? */
uint32_t muster__code_points(const char *text, size_t bytes);

/* Are these bytes, which nobody else can change, labels that muster_exemplar_label() could have put there? */
bool muster__exemplar_plausible(const char *labels, size_t bytes);

#endif
