/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text_self.h - the store's own counters, at the end of a page.
 */
#ifndef MUSTER__TEXT_SELF_H
#define MUSTER__TEXT_SELF_H

#include "text_buffer.h"
#include "view.h"

/* muster_dropped_families_total{reason} and muster_refused_updates_total{reason}, every reason always;
 * muster_dropped_series_total{family,reason} where something was dropped. */
void muster__text_put_self(struct muster__text_buffer *page, const struct muster__view *view);

#endif
