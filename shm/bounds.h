/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bounds.h - which bounds an imported histogram is shown with.
 *
 * Files of processes that run different versions of a program may have different bounds for one histogram, and they are
 * never mixed: those of the youngest file are shown, also where the ledger has others. Of a histogram that is open
 * (MUSTER__FAMILY_OPEN), a list that is an end of another is the same one. Runs in readers, on private memory.
 */
#ifndef MUSTER__BOUNDS_H
#define MUSTER__BOUNDS_H

#include "catalogue.h"
#include "index.h"

struct muster__bounds_row;

struct muster__bounds {
	struct muster__bounds_row *rows; /* by the order in which they came */
	size_t rows_count, rows_capacity;
	struct muster__index by_name;
	bool changed; /* a histogram is now shown otherwise than before: the view is to be made anew */
};

/* Note the imported histograms of a catalogue, from its family `*from` on, and move that to the end.
 *   born_ns   when the file was made; 0: of the ledger
 * Returns 0 or -ENOMEM. */
int muster__bounds_note(struct muster__bounds *bounds, struct muster__catalogue *catalogue, uint32_t *from,
                        uint64_t born_ns);

/* If it is such a histogram: is it shown? Then parts->bounds are those that it is shown with. */
bool muster__bounds_apply(const struct muster__bounds *bounds, struct muster__family_parts *parts);

/* Does a list of bounds stand for that with which a histogram is shown? */
bool muster__bounds_fit(const double *shown, uint32_t shown_count, const double *own, uint32_t own_count, bool open);

void muster__bounds_free(struct muster__bounds *bounds);

#endif
