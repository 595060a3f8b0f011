/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spelling.c - the names of families and labels as they are written on a page, kept until a family joins. Runs in readers.
 */
#include "spelling.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "meeting.h"
#include "names.h"

/* ---- one family --------------------------------------------------------------------------- */

/* Its own names, or what they are called. */
struct names {
	char *name;
	char *labels[MUSTER_LABELS_MAX];
	unsigned values[MUSTER_LABELS_MAX];
};

/* How many labels are written by `values`, though the scheme is another. */
static size_t labels_call(const struct muster__view_family *f, enum muster_escaping escaping, unsigned name_values,
                          struct names *n)
{
	uint32_t last = f->label_count - 1;
	bool states = f->type == MUSTER_STATESET && f->label_count;
	size_t meeting = 0;

	memset(n->values, 0, sizeof n->values);
	if (states)
		n->values[last] = name_values;
	if (muster__labels_call(f, escaping, n->values, n->labels) != 0)
		return SIZE_MAX;
	for (uint32_t i = 0; i < f->label_count; i++)
		meeting += n->values[i] != (states && i == last ? name_values : 0);
	return meeting;
}

static void labels_free(const struct muster__view_family *f, struct names *n)
{
	for (uint32_t i = 0; i < f->label_count; i++)
		if (n->labels[i] != f->labels[i])
			free(n->labels[i]);
}

/* A copy at *at, unless it is the family's own name. */
static char *put(char **at, char *name, const char *own)
{
	size_t bytes = strlen(name) + 1;

	if (name == own)
		return name;
	name = memcpy(*at, name, bytes);
	*at += bytes;
	return name;
}

static struct muster__spelling *spelling_alloc(const struct muster__view_family *f, const struct names *n)
{
	size_t bytes = strlen(n->name) + 1;

	for (uint32_t i = 0; i < f->label_count; i++)
		bytes += strlen(n->labels[i]) + 1;
	return calloc(1, sizeof(struct muster__spelling) + f->label_count * sizeof(char *) + bytes);
}

static struct muster__spelling *spelling_of(const struct muster__view_family *f, const struct names *n)
{
	struct muster__spelling *s = spelling_alloc(f, n);

	if (s == NULL)
		return NULL;
	s->labels = (char **)(void *)(s + 1);
	char *at = (char *)(s->labels + f->label_count);
	s->name = put(&at, n->name, f->name);
	s->legacy = muster__legacy_name(s->name, strlen(s->name), true);
	for (uint32_t i = 0; i < f->label_count; i++) {
		s->labels[i] = put(&at, n->labels[i], f->labels[i]);
		s->legacy &= muster__legacy_name(s->labels[i], strlen(s->labels[i]), false);
	}
	return s;
}

/* Returns how many of its names meet others; SIZE_MAX for want of memory. */
static size_t family_spell(const struct muster__view_family *f, enum muster_escaping escaping,
                           const struct muster__called *called, struct muster__spelling **out)
{
	struct names n = {.name = called->name};
	size_t meeting = labels_call(f, escaping, called->values, &n);

	*out = meeting == SIZE_MAX ? NULL : spelling_of(f, &n);
	labels_free(f, &n);
	if (*out == NULL)
		return SIZE_MAX;
	(*out)->base_taken = called->base_taken;
	return meeting + (called->values > 0);
}

static bool same(const struct muster__view_family *f, const struct muster__spelling *a,
                 const struct muster__spelling *b)
{
	if (strcmp(a->name, b->name) != 0)
		return false;
	for (uint32_t i = 0; i < f->label_count; i++)
		if (strcmp(a->labels[i], b->labels[i]) != 0)
			return false;
	return true;
}

static void family_take(struct muster__view_family *f, enum muster_escaping escaping, struct muster__spelling *s)
{
	struct muster__spelling *old = f->spelled[escaping];

	if (old && !same(f, old, s)) {
		free(f->rendered[escaping]);
		f->rendered[escaping] = NULL;
	}
	free(old);
	f->spelled[escaping] = s;
}

/* ---- all of them -------------------------------------------------------------------------- */

/* Into fresh[i], so that nothing changes without memory. */
static int all_spell(struct muster__view *view, enum muster_escaping escaping, const struct muster__called *called,
                     struct muster__spelling **fresh)
{
	size_t all = 0;

	for (size_t i = 0; i < view->family_count; i++) {
		size_t meeting = family_spell(view->families[i], escaping, &called[i], &fresh[i]);
		if (meeting == SIZE_MAX)
			return -ENOMEM;
		all += meeting;
	}
	view->names_meeting[escaping] = all;
	return 0;
}

int muster__view_spell(struct muster__view *view, enum muster_escaping escaping)
{
	size_t count = view->family_count;

	if (view->spelled_count[escaping] == count)
		return 0;
	struct muster__called *called = calloc(count, sizeof *called);
	struct muster__spelling **fresh = calloc(count, sizeof *fresh);
	int rc = called && fresh ? muster__view_call(view, escaping, called) : -ENOMEM;
	if (rc == 0)
		rc = all_spell(view, escaping, called, fresh);
	for (size_t i = 0; fresh && i < count; i++)
		if (rc == 0)
			family_take(view->families[i], escaping, fresh[i]);
		else
			free(fresh[i]);
	free(fresh);
	muster__called_free(view, called);
	if (rc == 0)
		view->spelled_count[escaping] = count;
	return rc;
}
