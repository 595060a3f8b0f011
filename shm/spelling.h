/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spelling.h - how the names of a view's families are written on a page, by each escaping scheme.
 */
#ifndef MUSTER__SPELLING_H
#define MUSTER__SPELLING_H

#include "view.h"

/* Bring spelled[escaping] of all families up to date, for the encoders; once per page. It is nothing to do unless a
 * family has joined since. What the text encoder rendered of a family that is now spelled otherwise is freed.
 * Returns 0, or -ENOMEM, and nothing has changed. */
int muster__view_spell(struct muster__view *view, enum muster_escaping escaping);

#endif
