/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text_self.h - the store's own counters, at the end of a page of text.
 */
#ifndef MUSTER__TEXT_SELF_H
#define MUSTER__TEXT_SELF_H

#include "encode.h"
#include "text_render.h"

/* Those that are wanted: every reason of an event always, drops where there are some. */
void muster__text_put_self(const struct muster__making *m, enum muster__text_head head);

#endif
