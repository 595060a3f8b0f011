/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check.h - `muster check`: what is wrong with the families of a live region, and why it matters.
 */
#ifndef MUSTER__CHECK_H
#define MUSTER__CHECK_H

#include <stdio.h>

#include "look.h"
#include "shm/view.h"

#define MUSTER__CHECK_FOUND 3 /* exit status; as of promtool check metrics */

/* What a rule says of a family; "" if it has nothing to say. */
struct muster__finding {
	char text[512];
};

/* A rule looks at one family of a view. */
struct muster__check_rule {
	const char *name;
	void (*look)(const struct muster__view *view, const struct muster__view_family *family,
	             struct muster__finding *finding);
	const char *why; /* and what to do */
};

/* Names, units, labels and help; how many series, and what they hold. Each ends with a row without a name. */
extern const struct muster__check_rule muster__check_names[];
extern const struct muster__check_rule muster__check_values[];

/* Write down what a rule found. */
void muster__finding_set(struct muster__finding *finding, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Check what a look finds, and print one line for each finding.
 * Returns the exit status for main(): 0, nothing found; MUSTER__CHECK_FOUND; those of muster__look(). */
int muster__check(const struct muster__look_opts *opts);

#endif
