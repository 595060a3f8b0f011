/* SPDX-License-Identifier: Apache-2.0 */
/*
 * catalogue_check.c - is this record one that a worker could have written here?
 *
 * Runs in readers, on private memory. Beyond what one record says alone (catalogue_records.c): numbers
 * follow on, cells ascend inside their areas, nothing comes twice, budgets hold. One row per record kind.
 */
#include "catalogue.h"

#include "grow.h"

#define FAMILIES_MAX (1u << 14)

struct checking {
	struct muster__catalogue *node;
	const struct muster__catalogue_rules *rules;
	const void *record;
};

/* Where a record will be that is kept as it is. */
static uint32_t off_next(const struct muster__catalogue *node)
{
	return (uint32_t)node->kept.raw_count;
}

static const void *record_at(const struct muster__catalogue *node, uint32_t off)
{
	return node->kept.raw + off;
}

/* Take `count` cells from `cell` on; they must lie behind all that is taken, inside the area. */
static bool cells_take(uint32_t *end, uint32_t cell, uint32_t count, uint32_t limit)
{
	if (count == 0)
		return cell == MUSTER__NO_CELL;
	if (cell < *end || cell > limit || count > limit - cell)
		return false;
	*end = cell + count;
	return true;
}

/* ---- finding what comes twice ------------------------------------------------------------- */

/* Items of a node's index: families are even, series odd. */
#define ITEM_FAMILY(i) ((i) << 1)
#define ITEM_SERIES(i) ((i) << 1 | 1u)

struct wanted {
	const struct muster__catalogue *node; /* where to look */
	struct muster_str name;               /* of a family; or */
	const struct muster__series_shm *series;
	struct muster__kept_cursor *cursor;
};

static size_t tail_bytes(const struct muster__series_shm *series)
{
	return series->record.bytes - sizeof *series;
}

static bool series_same(const struct muster__series_shm *a, const struct muster__series_shm *b)
{
	return a->family == b->family && a->pid == b->pid && a->record.bytes == b->record.bytes &&
	       memcmp(a + 1, b + 1, tail_bytes(a)) == 0;
}

static bool family_named(const struct muster__family_shm *record, struct muster_str name)
{
	const char *text = (const char *)(record + 1) + record->bounds_count * sizeof(double);

	return record->name_bytes == name.count && memcmp(text, name.bytes, name.count) == 0;
}

static bool item_wanted(const void *ctx, uint32_t item)
{
	const struct wanted *wanted = ctx;
	const struct muster__catalogue *node = wanted->node;

	if (wanted->series)
		return (item & 1) && series_same(muster__kept_series(wanted->cursor, &node->kept, item >> 1), wanted->series);
	return !(item & 1) && family_named(record_at(node, node->families[item >> 1].off), wanted->name);
}

static bool comes_twice(const struct muster__catalogue *node, uint64_t hash, struct wanted wanted)
{
	struct muster__kept_cursor cursor;

	wanted.cursor = &cursor;
	for (wanted.node = node; wanted.node; wanted.node = wanted.node->base)
		if (muster__index_find(&wanted.node->index, hash, item_wanted, &wanted) != MUSTER__INDEX_NONE)
			return true;
	return false;
}

static uint64_t family_hash(struct muster_str name)
{
	return muster__hash(1, name.bytes, name.count);
}

static uint64_t series_hash(const struct muster__series_shm *record)
{
	return muster__hash((uint64_t)record->pid << 32 | record->family, record + 1, tail_bytes(record));
}

static void items_index(void *owner)
{
	struct muster__catalogue *node = owner;
	struct muster__family_parts parts;
	struct muster__kept_cursor at;

	for (uint32_t i = 0; i < node->end.families - node->begin.families; i++)
		if (muster__family_parts(record_at(node, node->families[i].off), &parts))
			muster__index_add(&node->index, family_hash(parts.name), ITEM_FAMILY(i));
	muster__kept_begin(&at, &node->kept, 0);
	for (uint32_t i = 0; i < node->end.series - node->begin.series; i++)
		muster__index_add(&node->index, series_hash(muster__kept_series_next(&at)), ITEM_SERIES(i));
}

int muster__catalogue_expect(struct muster__catalogue *node, size_t more)
{
	size_t families = node->end.families - node->begin.families, series = node->end.series - node->begin.series;

	if (muster__grow(&node->views, &node->views_capacity, series + more, sizeof *node->views) != 0)
		return -ENOMEM;
	return muster__index_reserve(&node->index, families + series + more, items_index, node);
}

/* ---- families ----------------------------------------------------------------------------- */

static int family_enter(struct checking *c, uint64_t hash)
{
	struct muster__catalogue *node = c->node;
	uint32_t i = node->end.families - node->begin.families;

	if (muster__grow(&node->families, &node->families_capacity, i + 1, sizeof *node->families) != 0 ||
	    muster__catalogue_expect(node, 1) != 0)
		return -ENOMEM;
	node->families[i] = (struct muster__family_copy){.off = off_next(node)};
	muster__index_add(&node->index, hash, ITEM_FAMILY(i));
	node->end.families++;
	return 0;
}

static bool names_legacy(const struct muster__family_parts *p)
{
	for (uint32_t i = 0; i < p->record->label_count; i++)
		if (!muster__legacy_name(p->labels[i].bytes, p->labels[i].count, false))
			return false;
	return muster__legacy_name(p->name.bytes, p->name.count, true);
}

static int family_check(struct checking *c)
{
	const struct muster__family_shm *record = c->record;
	struct muster__catalogue *node = c->node;
	struct muster__family_parts parts;
	struct muster__cursor end = node->end;

	if (!muster__family_parts(record, &parts))
		return MUSTER__BAD(CATALOGUE);
	if ((record->type == MUSTER_NATIVE_HISTOGRAM && c->rules->minor < 2) ||
	    (c->rules->minor < 5 && !c->rules->imported && !names_legacy(&parts)))
		return MUSTER__BAD(FAMILY);
	if (record->record.flags > (c->rules->ledger || c->rules->imported ? MUSTER__FAMILY_FLAGS : 0))
		return MUSTER__BAD(FAMILY);
	if (record->family != node->end.families || !muster__family_plausible(&parts) ||
	    !cells_take(&end.ints, record->drop_cell, MUSTER__DROP_CELLS, c->rules->geometry->int_cells))
		return MUSTER__BAD(FAMILY);
	uint64_t hash = family_hash(parts.name);
	if (comes_twice(node, hash, (struct wanted){.name = parts.name}))
		return MUSTER__BAD(FAMILY);
	if (node->end.families >= FAMILIES_MAX)
		return MUSTER__BAD(BUDGET);
	int rc = family_enter(c, hash);
	if (rc == 0)
		node->end.ints = end.ints;
	return rc;
}

/* ---- series ------------------------------------------------------------------------------- */

static bool series_cells_take(const struct muster__series_shm *record, const struct muster__family_shm *family,
                              const struct muster__catalogue_rules *rules, struct muster__cursor *end)
{
	const struct muster__geometry *g = rules->geometry;
	struct muster__cells cells =
		muster__cells_of(family->type, family->mode, muster__family_bounds(family), family->bounds_count);

	if (cells.gauges)
		return record->real_cell == MUSTER__NO_CELL &&
		       cells_take(&end->gauges, record->int_cell, cells.gauges, g->gauge_cells);
	if (cells.sketches && end->sketches++ >= rules->sketches)
		return false;
	return cells_take(&end->ints, record->int_cell, cells.ints, g->int_cells) &&
	       cells_take(&end->reals, record->real_cell, cells.reals, g->real_cells);
}

static int series_enter(struct checking *c, uint64_t hash)
{
	struct muster__catalogue *node = c->node;
	uint32_t i = node->end.series - node->begin.series;

	if (muster__catalogue_expect(node, 1) != 0)
		return -ENOMEM;
	muster__index_add(&node->index, hash, ITEM_SERIES(i));
	node->end.series++;
	return 0;
}

static int series_check(struct checking *c)
{
	const struct muster__series_shm *record = c->record;
	struct muster__catalogue *node = c->node;
	const struct muster__family_shm *family;
	struct muster_str labels[MUSTER_LABELS_MAX];
	struct muster__cursor end = node->end;

	if (record->family >= node->end.families ||
	    record->record.flags > (c->rules->ledger ? MUSTER__SERIES_FORGOTTEN : 0))
		return MUSTER__BAD(SERIES);
	(void)muster__catalogue_family(node, record->family, &family);
	if (!muster__series_parts(record, family->label_count, labels))
		return MUSTER__BAD(CATALOGUE);
	if ((record->record.flags && muster__is_gauge(family->type) && !muster__mode_timestamped(family->mode)) ||
	    !muster__labels_plausible(labels, family->label_count) ||
	    (record->pid != 0 && !(c->rules->ledger && muster__mode_per_pid(family->mode))) ||
	    !series_cells_take(record, family, c->rules, &end))
		return MUSTER__BAD(SERIES);
	uint64_t hash = series_hash(record);
	/* Other libraries tell labels 1 and "1" apart; what is the same on the page adds up. */
	if (!c->rules->imported && comes_twice(node, hash, (struct wanted){.series = record}))
		return MUSTER__BAD(SERIES);
	if (node->end.series >= MUSTER__CATALOGUE_SERIES_MAX)
		return MUSTER__BAD(BUDGET);
	int rc = series_enter(c, hash);
	if (rc == 0) {
		node->end.ints = end.ints;
		node->end.reals = end.reals;
		node->end.gauges = end.gauges;
		node->end.sketches = end.sketches;
	}
	return rc;
}

/* ---- other kinds -------------------------------------------------------------------------- */

static int folded_check(struct checking *c)
{
	const struct muster__folded_shm *record = c->record;
	struct muster__catalogue *node = c->node;

	if (!c->rules->ledger)
		return MUSTER__BAD(CATALOGUE);
	if (muster__grow(&node->folded, &node->folded_capacity, node->folded_count + 1, sizeof *node->folded) != 0)
		return -ENOMEM;
	node->folded[node->folded_count++] = record->identity;
	return 0;
}

/* ---- forgetting --------------------------------------------------------------------------- */

static int forget_enter(struct checking *c)
{
	struct muster__catalogue *node = c->node;

	if (muster__grow(&node->forgets, &node->forgets_capacity, node->forgets_count + 1, sizeof *node->forgets) != 0)
		return -ENOMEM;
	node->forgets[node->forgets_count++] =
		(struct muster__forget_copy){off_next(node), (uint32_t)(node->end.bytes - node->begin.bytes)};
	return 0;
}

static int forget_check(struct checking *c)
{
	const struct muster__forget_shm *record = c->record;
	const struct muster__family_shm *family;
	struct muster_str labels[MUSTER_LABELS_MAX];

	if (c->rules->ledger)
		return MUSTER__BAD(CATALOGUE);
	if (record->family >= c->node->end.families || record->all > 1)
		return MUSTER__BAD(SERIES);
	(void)muster__catalogue_family(c->node, record->family, &family);
	struct muster__cells cells =
		muster__cells_of(family->type, family->mode, muster__family_bounds(family), family->bounds_count);
	if (muster__mode_timestamped(family->mode))
		cells = (struct muster__cells){0};
	if (family->label_count == 0 ||
	    (record->value_count != 0 && (record->all || record->value_count != cells.sums + cells.reals + cells.gauges)))
		return MUSTER__BAD(SERIES);
	if (!muster__forget_parts(record, record->all ? 0 : family->label_count, labels))
		return MUSTER__BAD(CATALOGUE);
	if (!muster__labels_plausible(labels, record->all ? 0 : family->label_count))
		return MUSTER__BAD(SERIES);
	return forget_enter(c);
}

static int forgotten_check(struct checking *c)
{
	const struct muster__forgotten_shm *record = c->record;

	if (!c->rules->ledger || (record->record.bytes - sizeof *record) % sizeof(struct muster__hidden_shm) != 0)
		return MUSTER__BAD(CATALOGUE);
	return forget_enter(c);
}

/* ---- exemplars ---------------------------------------------------------------------------- */

static bool has_exemplars(enum muster_type type)
{
	return type == MUSTER_COUNTER || type == MUSTER_REAL_COUNTER || type == MUSTER_HISTOGRAM;
}

static int exemplars_check(struct checking *c)
{
	const struct muster__exemplars_shm *record = c->record;
	const struct muster__family_shm *family;
	struct muster__catalogue *node = c->node;
	struct muster__cursor end = node->end;
	struct muster__kept_cursor at;

	if (record->series < end.exemplar_series || record->series >= end.series)
		return MUSTER__BAD(SERIES);
	uint32_t series = record->series;
	const struct muster__catalogue *has = muster__catalogue_series(node, &series);
	(void)muster__catalogue_family(node, muster__kept_series(&at, &has->kept, series)->family, &family);
	if (!has_exemplars(family->type) ||
	    !cells_take(&end.exemplars, record->slot, family->bounds_count + 1, c->rules->exemplars))
		return MUSTER__BAD(SERIES);
	if (muster__grow(&node->exemplars, &node->exemplars_capacity, node->exemplars_count + 1, sizeof *node->exemplars) !=
	    0)
		return -ENOMEM;
	node->exemplars[node->exemplars_count++] = (struct muster__exemplars_copy){record->series, record->slot};
	node->end.exemplars = end.exemplars;
	node->end.exemplar_series = record->series + 1;
	return 0;
}

/* ---- the table ---------------------------------------------------------------------------- */

static const struct {
	int (*check)(struct checking *c);
	size_t bytes_min;
	bool exact;     /* has no tail */
	uint16_t since; /* minor */
} kinds[] = {
	[MUSTER__RECORD_FAMILY] = {family_check, sizeof(struct muster__family_shm), false, 0},
	[MUSTER__RECORD_SERIES] = {series_check, sizeof(struct muster__series_shm), false, 0},
	[MUSTER__RECORD_FOLDED] = {folded_check, sizeof(struct muster__folded_shm), true, 0},
	[MUSTER__RECORD_FORGET] = {forget_check, sizeof(struct muster__forget_shm), false, 0},
	[MUSTER__RECORD_FORGOTTEN] = {forgotten_check, sizeof(struct muster__forgotten_shm), false, 0},
	[MUSTER__RECORD_EXEMPLARS] = {exemplars_check, sizeof(struct muster__exemplars_shm), true, 4},
};

int muster__catalogue_enter(struct muster__catalogue *node, const struct muster__catalogue_rules *rules,
                            const struct muster__record_shm *record)
{
	struct checking c = {node, rules, record};

	/* A newer minor version may hold kinds this reader does not know; this version has none. */
	if (record->kind >= sizeof kinds / sizeof *kinds || kinds[record->kind].check == NULL)
		return rules->minor > MUSTER__FORMAT_MINOR ? 0 : MUSTER__BAD(CATALOGUE);
	if (rules->minor < kinds[record->kind].since || record->bytes < kinds[record->kind].bytes_min ||
	    (kinds[record->kind].exact && record->bytes != kinds[record->kind].bytes_min))
		return MUSTER__BAD(CATALOGUE);
	return kinds[record->kind].check(&c);
}
