/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spelling.c - names of families and labels as they are written on a page. Runs in readers.
 */
#include "spelling.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "escape.h"
#include "names.h"

/* Copy a name to *at by the scheme, with a NUL, and move on. */
static char *put(char **at, const char *name, enum muster_escaping escaping, bool colons)
{
	char *copy = *at;

	*at = muster__escape_name(*at, name, strlen(name), escaping, colons);
	*(*at)++ = '\0';
	return copy;
}

static size_t bytes_max(const struct muster__view_family *f)
{
	size_t bytes = MUSTER__ESCAPED_BYTES_MAX(strlen(f->name)) + 1;

	for (uint32_t i = 0; i < f->label_count; i++)
		bytes += MUSTER__ESCAPED_BYTES_MAX(strlen(f->labels[i])) + 1;
	return bytes;
}

static struct muster__spelling *spelling_of(const struct muster__view_family *f, enum muster_escaping escaping)
{
	struct muster__spelling *s = calloc(1, sizeof *s + f->label_count * sizeof(char *) + bytes_max(f));

	if (s == NULL)
		return NULL;
	s->labels = (char **)(void *)(s + 1);
	char *at = (char *)(s->labels + f->label_count);
	s->name = put(&at, f->name, escaping, true);
	s->legacy = muster__legacy_name(s->name, strlen(s->name), true);
	for (uint32_t i = 0; i < f->label_count; i++) {
		s->labels[i] = put(&at, f->labels[i], escaping, false);
		s->legacy &= muster__legacy_name(s->labels[i], strlen(s->labels[i]), false);
	}
	return s;
}

int muster__view_spell(struct muster__view *view, enum muster_escaping escaping)
{
	if (view->spelled_count[escaping] == view->family_count)
		return 0;
	for (size_t i = 0; i < view->family_count; i++) {
		struct muster__view_family *f = view->families[i];
		if (f->spelled[escaping] == NULL)
			f->spelled[escaping] = spelling_of(f, escaping);
		if (f->spelled[escaping] == NULL)
			return -ENOMEM;
	}
	view->spelled_count[escaping] = view->family_count;
	return 0;
}
