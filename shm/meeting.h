/* SPDX-License-Identifier: Apache-2.0 */
/*
 * meeting.h - escaped names of families must not be those of other families on the same page.
 *
 * A name that is not changed by the escaping stays. One that is changed, and is then another family's or one that samples
 * have, is written by the scheme `values` instead, which no other family's name becomes: a family called so itself
 * can only be of the old alphabet, and then `values` is applied once more.
 */
#ifndef MUSTER__MEETING_H
#define MUSTER__MEETING_H

#include "view.h"

/* What a family is called on a page. */
struct muster__called {
	char *name;      /* the family's own, or free() it */
	unsigned values; /* how often it is written by `values`, instead of by the page's scheme: 0 unless it met another */
	bool base_taken; /* of struct muster__spelling */
};

/* Name all families of a view.
 *   called   one for each of view->families; all zero; to be released with muster__called_free(), failed or not
 * Returns 0 or -ENOMEM. */
int muster__view_call(const struct muster__view *view, enum muster_escaping escaping, struct muster__called *called);
void muster__called_free(const struct muster__view *view, struct muster__called *called);

/* A name by the scheme, or by `values` so many times.
 * Returns `name` itself where that is the same; else free() it; NULL for want of memory. */
char *muster__escaped(char *name, enum muster_escaping escaping, unsigned values, bool colons);

/* The names of a family's labels, where `values` tells how often each is written so: at first 0, the last of a state set,
 * which is the family's name, as that. Raised until no label is called as another, or as none may be.
 *   labels   room for label_count; to be released one by one, as those of muster__escaped(), failed or not
 * Returns 0 or -ENOMEM. */
int muster__labels_call(const struct muster__view_family *f, enum muster_escaping escaping, unsigned *values,
                        char **labels);

#endif
