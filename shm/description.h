/* SPDX-License-Identifier: Apache-2.0 */
/*
 * description.h - what a family is to be, as the caller said it.
 */
#ifndef MUSTER__DESCRIPTION_H
#define MUSTER__DESCRIPTION_H

#include <muster/muster.h>

struct muster__description {
	enum muster_type type;
	struct muster_opts opts; /* the caller's; the check completes them */
	size_t label_count;
	const char *labels[MUSTER_LABELS_MAX + 2]; /* of a state set: those and its own name, NULL */
};

/* May a family be so? Returns 0, with the rest of the description filled in; a code of muster_declare() with its
 * message. */
int muster__description_check(struct muster__description *description);

#endif
