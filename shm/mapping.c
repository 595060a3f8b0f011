/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mapping.c - where the cells of a catalogue go in the view.
 *
 * Each series becomes a run of cells with the operation that adds it; a run that continues the one
 * before grows it, so that what was created in the same order everywhere adds up as arrays. The first
 * description of a family name stands; another is left out of the view and counted, because both on one
 * page would make the page invalid. Runs in readers, on private memory.
 */
#include "merge.h"

#include "grow.h"

/* ---- families ----------------------------------------------------------------------------- */

/* Names the encoders write themselves. */
static bool name_reserved(struct muster_str name)
{
	static const char *const rows[] = {
#define MUSTER__ROW(id, metric, reason) metric,
		MUSTER__EVENTS(MUSTER__ROW)
#undef MUSTER__ROW
			"muster_dropped_series_total",
		"muster_escaped_names_meeting",
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (strlen(rows[i]) == name.count && memcmp(rows[i], name.bytes, name.count) == 0)
			return true;
	return false;
}

static bool same_bounds(const struct muster__view_family *family, const struct muster__family_parts *parts)
{
	bool open = family->flags & MUSTER__FAMILY_OPEN;

	return open == (bool)(parts->record->record.flags & MUSTER__FAMILY_OPEN) &&
	       muster__bounds_fit(family->bounds, family->stored_count, parts->bounds, parts->bounds_count, open);
}

/* Help and unit may differ between versions of a program; what gives values their meaning may not. */
static bool same_description(const struct muster__view_family *family, const struct muster__family_parts *parts)
{
	const struct muster__family_shm *r = parts->record;

	if (family->type != (enum muster_type)r->type || family->mode != (enum muster_mode)r->mode ||
	    family->label_count != r->label_count || !same_bounds(family, parts))
		return false;
	for (uint32_t i = 0; i < r->label_count; i++)
		if (strlen(family->labels[i]) != parts->labels[i].count ||
		    memcmp(family->labels[i], parts->labels[i].bytes, parts->labels[i].count) != 0)
			return false;
	return true;
}

/* Samples have names beside their family's, in one format or another. Only families of other libraries can be called as
 * those are. */
static bool name_clashes(const struct muster__merge *merge, const struct muster__family_parts *parts)
{
	char name[MUSTER_NAME_BYTES_MAX + 16];

	for (size_t i = 0; i < MUSTER__SAMPLE_SUFFIXES; i++) {
		const struct muster__sample_suffix *row = &muster__sample_suffixes[i];
		size_t n = strlen(row->suffix), bytes = parts->name.count;
		if (row->types >> parts->record->type & 1) {
			memcpy(name, parts->name.bytes, bytes);
			memcpy(name + bytes, row->suffix, n);
			if (muster__view_family_find(merge, (struct muster_str){name, bytes + n}))
				return true;
		}
		if (bytes <= n || memcmp(parts->name.bytes + bytes - n, row->suffix, n) != 0)
			continue;
		const struct muster__view_family *other =
			muster__view_family_find(merge, (struct muster_str){parts->name.bytes, bytes - n});
		if (other && (row->types >> other->type & 1))
			return true;
	}
	return false;
}

static int family_map(struct muster__merge *merge, struct muster__catalogue *node, struct muster__family_copy *copy)
{
	struct muster__family_parts parts;
	struct muster__view_family *family;

	if (!muster__family_parts((const void *)(node->kept.raw + copy->off), &parts))
		return 0; /* cannot be: it was checked */
	struct muster__family_parts shown = parts;
	if (merge->bounds && !muster__bounds_apply(merge->bounds, &shown)) {
		*(node->unshared ? &node->mapping.outdated : &node->mapping.conflicts) += 1;
		return 0;
	}
	family = muster__view_family_find(merge, parts.name);
	if (family == NULL && !name_reserved(parts.name) && !name_clashes(merge, &parts)) {
		int rc = muster__view_family_join(merge, &shown, &family);
		if (rc != 0)
			return rc;
	}
	if (family && same_description(family, &parts))
		copy->view = family;
	else
		node->mapping.conflicts++;
	return 0;
}

/* ---- series ------------------------------------------------------------------------------- */

static int run_add(struct muster__mapping_runs *m, struct muster__run run)
{
	struct muster__run *last = m->runs_count ? m->runs + m->runs_count - 1 : NULL;

	if (last && last->op == run.op && last->cell + last->count == run.cell && last->at + last->count == run.at &&
	    last->real_cell + last->count == run.real_cell) {
		last->count += run.count;
		return 0;
	}
	if (muster__grow(&m->runs, &m->runs_capacity, m->runs_count + 1, sizeof *m->runs) != 0)
		return -ENOMEM;
	m->runs[m->runs_count++] = run;
	return 0;
}

/* Two runs of a histogram or summary, then one row less: the sums of many follow one another too. */
static int run_add_behind(struct muster__mapping_runs *m, struct muster__run run)
{
	struct muster__run *before = m->runs_count > 1 ? m->runs + m->runs_count - 2 : NULL;

	if (before && before->op == run.op && before->cell + before->count == run.cell &&
	    before->at + before->count == run.at && before->real_cell + before->count == run.real_cell) {
		before->count += run.count;
		return 0;
	}
	return run_add(m, run);
}

/* real_cell is moved along with cell by operations that do not use it, so that runs of them meet. */
static int pair_map(struct muster__mapping_runs *m, const struct muster__series_shm *r,
                    const struct muster__view_series *series, uint32_t bounds_count)
{
	const struct muster__view_family *f = series->family;
	uint32_t at = series->int_at + (f->bounds_count - bounds_count); /* what is missing is at the beginning */
	struct muster__run ints = {MUSTER__OP_ADD_INT, r->int_cell, r->int_cell, at, bounds_count + 1, {0}};

	if (f->type == MUSTER_NATIVE_HISTOGRAM)
		ints = (struct muster__run){MUSTER__OP_ADD_NATIVE, r->int_cell, r->int_cell,
		                            series->int_at,        1,           muster__native_shape(f->bounds)};
	int rc = run_add_behind(m, ints);

	if (rc != 0)
		return rc;
	return run_add_behind(
		m, (struct muster__run){MUSTER__OP_ADD_REAL, r->real_cell, r->real_cell, series->real_at, 1, {0}});
}

static int pid_map(struct muster__mapping_runs *m, const struct muster__series_shm *r,
                   struct muster__view_series *series)
{
	if (muster__grow(&m->pids, &m->pids_capacity, m->pids_count + 1, sizeof *m->pids) != 0)
		return -ENOMEM;
	m->pids[m->pids_count++] =
		(struct muster__pid_cell){series, r->int_cell, r->pid, series->family->mode == MUSTER_LIVEALL};
	return 0;
}

static enum muster__operation operation_of(enum muster_mode mode)
{
	static const enum muster__operation rows[] = {
		[MUSTER_MIN] = MUSTER__OP_MIN,
		[MUSTER_LIVEMIN] = MUSTER__OP_LIVEMIN,
		[MUSTER_MAX] = MUSTER__OP_MAX,
		[MUSTER_LIVEMAX] = MUSTER__OP_LIVEMAX,
		[MUSTER_SUM] = MUSTER__OP_SUM,
		[MUSTER_LIVESUM] = MUSTER__OP_LIVESUM,
		[MUSTER_MOSTRECENT] = MUSTER__OP_MOSTRECENT,
		[MUSTER_LIVEMOSTRECENT] = MUSTER__OP_LIVEMOSTRECENT,
	};

	return rows[mode];
}

static int gauge_map(struct muster__mapping_runs *m, const struct muster__series_shm *r,
                     struct muster__view_series *series)
{
	enum muster_mode mode = series->family->mode;

	if (muster__mode_per_pid(mode))
		return pid_map(m, r, series);
	return run_add(m, (struct muster__run){operation_of(mode),
	                                       r->int_cell,
	                                       muster__mode_timestamped(mode) ? r->real_cell : r->int_cell,
	                                       series->gauge_at,
	                                       1,
	                                       {0}});
}

static int cells_map(struct muster__mapping_runs *m, const struct muster__series_shm *r,
                     struct muster__view_series *series, uint32_t bounds_count)
{
	switch (series->family->type) {
	case MUSTER_COUNTER:
		return run_add(m, (struct muster__run){MUSTER__OP_ADD_INT, r->int_cell, r->int_cell, series->int_at, 1, {0}});
	case MUSTER_IN_FLIGHT:
		return run_add(m,
		               (struct muster__run){MUSTER__OP_ADD_INT_LIVE, r->int_cell, r->int_cell, series->int_at, 1, {0}});
	case MUSTER_REAL_COUNTER:
		return run_add(m,
		               (struct muster__run){MUSTER__OP_ADD_REAL, r->real_cell, r->real_cell, series->real_at, 1, {0}});
	case MUSTER_GAUGE:
	case MUSTER_INFO:
	case MUSTER_STATESET:
		return gauge_map(m, r, series);
	case MUSTER_HISTOGRAM:
	case MUSTER_NATIVE_HISTOGRAM:
	case MUSTER_SUMMARY:
		break;
	}
	return pair_map(m, r, series, bounds_count);
}

/* Their numbers count all that there are, whether they are in the view or not. */
static int sketch_map(struct muster__catalogue *node, struct muster__view_series *series)
{
	struct muster__mapping_runs *m = &node->mapping;
	uint32_t sketch = node->begin.sketches + m->sketches_passed - 1;

	if (muster__grow(&m->sketches, &m->sketches_capacity, m->sketches_count + 1, sizeof *m->sketches) != 0)
		return -ENOMEM;
	m->sketches[m->sketches_count++] = (struct muster__sketch_cell){series, sketch};
	return 0;
}

static int forgotten_map(struct muster__mapping_runs *m, const struct muster__series_shm *r,
                         struct muster__view_series *series)
{
	if (!(r->record.flags & MUSTER__SERIES_FORGOTTEN))
		return 0;
	if (muster__grow(&m->forgotten, &m->forgotten_capacity, m->forgotten_count + 1, sizeof *m->forgotten) != 0)
		return -ENOMEM;
	m->forgotten[m->forgotten_count++] = (struct muster__forgotten_series){series, r->int_cell, r->real_cell};
	return 0;
}

/* The view's series is as old as the oldest record of it. */
static void created_earliest(struct muster__view_series *series, uint64_t ns)
{
	if (ns && (series->created_unix_ns == 0 || ns < series->created_unix_ns))
		series->created_unix_ns = ns;
}

static int series_map(struct muster__merge *merge, struct muster__catalogue *node, uint32_t i,
                      const struct muster__series_shm *record)
{
	const struct muster__family_shm *family_record;
	struct muster__family_copy *family = muster__catalogue_family(node, record->family, &family_record);
	struct muster_str labels[MUSTER_LABELS_MAX];
	struct muster__view_series *series;

	/* What stands where histograms have bounds is its quantiles then. */
	bool has_sketch = family_record->type == MUSTER_SUMMARY && family_record->bounds_count > 0;
	node->mapping.sketches_passed += has_sketch;
	if (family->view == NULL || !muster__series_parts(record, family_record->label_count, labels))
		return 0;
	int rc = muster__view_series_join(merge, family->view, labels, &series);
	if (rc == -ENOSPC) {
		node->mapping.left_out++;
		return 0;
	}
	if (rc == 0)
		rc = forgotten_map(&node->mapping, record, series);
	if (rc == 0)
		rc = cells_map(&node->mapping, record, series, has_sketch ? 0 : family_record->bounds_count);
	if (rc == 0 && has_sketch)
		rc = sketch_map(node, series);
	if (rc != 0)
		return rc;
	created_earliest(series, record->created_unix_ns);
	node->views[i] = series->index + 1;
	return 0;
}

static int exemplars_map(struct muster__merge *merge, struct muster__catalogue *node, size_t i)
{
	struct muster__mapping_runs *m = &node->mapping;
	const struct muster__family_shm *family;
	struct muster__kept_cursor at;
	uint32_t ordinal = node->exemplars[i].series;
	const struct muster__catalogue *has = muster__catalogue_series(node, &ordinal);
	struct muster__view_series *series = muster__catalogue_view(merge, has, ordinal);

	if (series == NULL)
		return 0;
	if (muster__view_exemplars_join(merge, series) != 0 ||
	    muster__grow(&m->exemplar_runs, &m->exemplar_runs_capacity, m->exemplar_runs_count + 1,
	                 sizeof *m->exemplar_runs) != 0)
		return -ENOMEM;
	(void)muster__catalogue_family(node, muster__kept_series(&at, &has->kept, ordinal)->family, &family);
	m->exemplar_runs[m->exemplar_runs_count++] = (struct muster__exemplar_run){
		series, node->exemplars[i].slot, series->family->bounds_count - family->bounds_count, family->bounds_count + 1};
	return 0;
}

/* ---- the whole ---------------------------------------------------------------------------- */

/* A histogram half mapped when memory ran out would be counted twice: start the node again. */
static void node_unmap(struct muster__catalogue *node)
{
	struct muster__mapping_runs *m = &node->mapping;

	for (uint32_t i = 0; i < m->families; i++)
		node->families[i].view = NULL;
	for (uint32_t i = 0; i < m->series; i++)
		node->views[i] = 0;
	m->families = m->series = 0;
	m->runs_count = m->pids_count = m->forgotten_count = m->sketches_count = 0;
	m->sketches_passed = 0;
	m->exemplars = m->exemplar_runs_count = 0;
	m->conflicts = m->outdated = m->left_out = 0;
}

static void created_tell(struct muster__merge *merge, struct muster__catalogue *node)
{
	struct muster__kept_cursor at;

	muster__kept_begin(&at, &node->kept, 0);
	for (uint32_t i = 0; i < node->mapping.series; i++) {
		const struct muster__series_shm *record = muster__kept_series_next(&at);
		if (node->views[i])
			created_earliest(muster__series_at(merge, node->views[i] - 1), record->created_unix_ns);
	}
	node->created_anew = false;
}

static int series_map_all(struct muster__merge *merge, struct muster__catalogue *node, uint32_t count)
{
	struct muster__mapping_runs *m = &node->mapping;
	struct muster__kept_cursor at;
	int rc = muster__view_series_expect(merge, count);

	muster__kept_begin(&at, &node->kept, m->series);
	for (; rc == 0 && m->series < count; m->series++)
		rc = series_map(merge, node, m->series, muster__kept_series_next(&at));
	return rc;
}

static int node_map(struct muster__merge *merge, struct muster__catalogue *node)
{
	uint32_t families = node->end.families - node->begin.families, series = node->end.series - node->begin.series;
	struct muster__mapping_runs *m = &node->mapping;
	int rc = 0;

	if (node->created_anew)
		created_tell(merge, node);
	for (; rc == 0 && m->families < families; m->families++)
		rc = family_map(merge, node, node->families + m->families);
	if (rc == 0 && m->series < series)
		rc = series_map_all(merge, node, series);
	for (; rc == 0 && m->exemplars < node->exemplars_count; m->exemplars++)
		rc = exemplars_map(merge, node, m->exemplars);
	if (rc != 0)
		node_unmap(node);
	return rc;
}

static bool is_mapped(const struct muster__catalogue *node)
{
	return !node->created_anew && node->mapping.families == node->end.families - node->begin.families &&
	       node->mapping.series == node->end.series - node->begin.series &&
	       node->mapping.exemplars == node->exemplars_count;
}

/* Bases come first, as descriptions stand in the order of their joining. No recursion: depth is in the
 * hands of the workers. */
int muster__catalogue_map(struct muster__merge *merge, struct muster__catalogue *catalogue)
{
	for (;;) {
		struct muster__catalogue *first = NULL;
		for (struct muster__catalogue *node = catalogue; node; node = node->base)
			if (!is_mapped(node))
				first = node;
		int rc = first ? node_map(merge, first) : 0;
		if (rc != 0 || first == NULL)
			return rc;
	}
}

void muster__catalogue_unmap(struct muster__catalogue *catalogue)
{
	for (; catalogue; catalogue = catalogue->base)
		node_unmap(catalogue);
}
