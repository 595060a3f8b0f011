/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bounds.c - a table of imported histograms and their bounds. Runs in readers, on private memory.
 */
#include "bounds.h"

#include "grow.h"

#define ROWS_MAX (1u << 16) /* of further ones whoever is mapped first is shown */

struct muster__bounds_row {
	char *name;
	double *bounds;
	uint32_t count;
	bool open;
	uint64_t born_ns;
};

struct name_wanted {
	const struct muster__bounds *bounds;
	struct muster_str name;
};

static bool row_is(const void *ctx, uint32_t item)
{
	const struct name_wanted *wanted = ctx;
	const char *name = wanted->bounds->rows[item].name;

	return strlen(name) == wanted->name.count && memcmp(name, wanted->name.bytes, wanted->name.count) == 0;
}

static struct muster__bounds_row *row_find(const struct muster__bounds *bounds, struct muster_str name)
{
	struct name_wanted wanted = {bounds, name};
	uint32_t found = muster__index_find(&bounds->by_name, muster__hash(0, name.bytes, name.count), row_is, &wanted);

	return found == MUSTER__INDEX_NONE ? NULL : bounds->rows + found;
}

static bool is_ours(const struct muster__family_shm *r)
{
	return r->type == MUSTER_HISTOGRAM && (r->record.flags & MUSTER__FAMILY_IMPORTED);
}

static bool is_open(const struct muster__family_shm *r)
{
	return r->record.flags & MUSTER__FAMILY_OPEN;
}

bool muster__bounds_fit(const double *shown, uint32_t shown_count, const double *own, uint32_t own_count, bool open)
{
	if (own_count > shown_count || (own_count < shown_count && !open))
		return false;
	return own_count == 0 || memcmp(shown + (shown_count - own_count), own, own_count * sizeof *own) == 0;
}

/* ---- noting ------------------------------------------------------------------------------- */

static int row_set(struct muster__bounds_row *row, const struct muster__family_parts *p)
{
	double *copy = calloc(p->bounds_count + 1u, sizeof *copy);

	if (copy == NULL)
		return -ENOMEM;
	if (p->bounds_count)
		memcpy(copy, p->bounds, p->bounds_count * sizeof *copy);
	free(row->bounds);
	row->bounds = copy;
	row->count = p->bounds_count;
	row->open = is_open(p->record);
	return 0;
}

static void rows_index(void *owner)
{
	struct muster__bounds *bounds = owner;

	for (size_t i = 0; i < bounds->rows_count; i++) {
		const char *name = bounds->rows[i].name;
		muster__index_add(&bounds->by_name, muster__hash(0, name, strlen(name)), (uint32_t)i);
	}
}

static int row_add(struct muster__bounds *bounds, const struct muster__family_parts *p, uint64_t born_ns)
{
	struct muster__bounds_row row = {.born_ns = born_ns};

	if (bounds->rows_count >= ROWS_MAX)
		return 0;
	if (muster__grow(&bounds->rows, &bounds->rows_capacity, bounds->rows_count + 1, sizeof row) != 0 ||
	    muster__index_reserve(&bounds->by_name, bounds->rows_count + 1, rows_index, bounds) != 0 ||
	    (row.name = strndup(p->name.bytes, p->name.count)) == NULL || row_set(&row, p) != 0) {
		free(row.name);
		return -ENOMEM;
	}
	muster__index_add(&bounds->by_name, muster__hash(0, p->name.bytes, p->name.count), (uint32_t)bounds->rows_count);
	bounds->rows[bounds->rows_count++] = row;
	return 0;
}

static int row_note(struct muster__bounds *bounds, const struct muster__family_parts *p, uint64_t born_ns)
{
	struct muster__bounds_row *row = row_find(bounds, p->name);

	if (row == NULL)
		return row_add(bounds, p, born_ns);
	bool open = row->open && is_open(p->record), younger = born_ns > row->born_ns;
	bool covered = row->open == is_open(p->record) &&
	               muster__bounds_fit(row->bounds, row->count, p->bounds, p->bounds_count, open);
	bool longer = open && muster__bounds_fit(p->bounds, p->bounds_count, row->bounds, row->count, true);
	if (!covered && (longer || younger)) {
		if (row_set(row, p) != 0)
			return -ENOMEM;
		bounds->changed = true;
	}
	if (younger)
		row->born_ns = born_ns;
	return 0;
}

int muster__bounds_note(struct muster__bounds *bounds, struct muster__catalogue *catalogue, uint32_t *from,
                        uint64_t born_ns)
{
	const struct muster__family_shm *record;
	struct muster__family_parts parts;
	int rc = 0;

	for (; rc == 0 && *from < catalogue->end.families; ++*from) {
		(void)muster__catalogue_family(catalogue, *from, &record);
		if (is_ours(record) && muster__family_parts(record, &parts))
			rc = row_note(bounds, &parts, born_ns);
		if (rc != 0)
			return rc;
	}
	return 0;
}

/* ---- asking ------------------------------------------------------------------------------- */

bool muster__bounds_apply(const struct muster__bounds *bounds, struct muster__family_parts *parts)
{
	const struct muster__bounds_row *row = is_ours(parts->record) ? row_find(bounds, parts->name) : NULL;

	if (row == NULL)
		return true;
	if (row->open != is_open(parts->record) ||
	    !muster__bounds_fit(row->bounds, row->count, parts->bounds, parts->bounds_count, row->open))
		return false;
	parts->bounds = row->bounds;
	parts->bounds_count = row->count;
	return true;
}

void muster__bounds_free(struct muster__bounds *bounds)
{
	for (size_t i = 0; i < bounds->rows_count; i++) {
		free(bounds->rows[i].name);
		free(bounds->rows[i].bounds);
	}
	free(bounds->rows);
	muster__index_clear(&bounds->by_name);
	*bounds = (struct muster__bounds){0};
}
