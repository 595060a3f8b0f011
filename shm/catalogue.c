/* SPDX-License-Identifier: Apache-2.0 */
/*
 * catalogue.c - the tree of validated catalogues: holding, adopting, splitting, appending.
 *
 * Runs in readers, on private memory. What a record may say is judged in catalogue_check.c.
 */
#include "catalogue.h"

#include "grow.h"

/* ---- nodes -------------------------------------------------------------------------------- */

int muster__catalogue_create(struct muster__catalogue **out)
{
	struct muster__catalogue *node = calloc(1, sizeof *node);

	if (node == NULL)
		return -ENOMEM;
	node->refs = 1;
	*out = node;
	return 0;
}

static int child_create(struct muster__catalogue *base, bool unshared, struct muster__catalogue **out)
{
	struct muster__catalogue *node;
	int rc = muster__catalogue_create(&node);

	if (rc != 0)
		return rc;
	node->base = muster__catalogue_hold(base);
	node->next = base->children;
	base->children = node;
	node->begin = node->end = base->end;
	node->unshared = unshared;
	*out = node;
	return 0;
}

static void unlink_child(struct muster__catalogue *node)
{
	struct muster__catalogue **at = &node->base->children;

	while (*at != node)
		at = &(*at)->next;
	*at = node->next;
}

static void content_free(struct muster__catalogue *node)
{
	muster__kept_free(&node->kept);
	free(node->families);
	free(node->views);
	free(node->folded);
	free(node->exemplars);
	free(node->forgets);
	free(node->mapping.forgotten);
	free(node->mapping.exemplar_runs);
	free(node->mapping.runs);
	free(node->mapping.pids);
	free(node->mapping.sketches);
	muster__index_clear(&node->index);
}

struct muster__catalogue *muster__catalogue_hold(struct muster__catalogue *node)
{
	node->refs++;
	return node;
}

void muster__catalogue_release(struct muster__catalogue **at)
{
	struct muster__catalogue *node = *at;

	*at = NULL;
	while (node && --node->refs == 0) {
		struct muster__catalogue *base = node->base;
		if (base)
			unlink_child(node);
		content_free(node);
		free(node);
		node = base;
	}
}

/* ---- appending ---------------------------------------------------------------------------- */

bool muster__cursor_fits(const struct muster__cursor *end, const struct muster__catalogue_rules *rules)
{
	const struct muster__geometry *geometry = rules->geometry;

	return end->bytes <= geometry->catalogue_bytes && end->ints <= geometry->int_cells &&
	       end->reals <= geometry->real_cells && end->gauges <= geometry->gauge_cells &&
	       end->sketches <= rules->sketches && end->exemplars <= rules->exemplars;
}

/* The bytes of the whole record at `at`, 0 if it is not all there, or one that breaks the format. */
static int record_bytes(const unsigned char *at, size_t left, bool more, uint32_t *bytes)
{
	struct muster__record_shm record;

	*bytes = 0;
	if (left < sizeof record)
		return more ? 0 : MUSTER__BAD(CATALOGUE);
	memcpy(&record, at, sizeof record);
	if (record.bytes < sizeof record || record.bytes % 8 != 0 || record.bytes > MUSTER__RECORD_BYTES_MAX)
		return MUSTER__BAD(CATALOGUE);
	if (record.bytes > left)
		return more ? 0 : MUSTER__BAD(CATALOGUE);
	*bytes = record.bytes;
	return 0;
}

/* Families have no shorter records. */
_Static_assert(sizeof(struct muster__family_shm) >= sizeof(struct muster__series_shm), "one bound does for both");

/* How many families and series there seem to be; they are not judged yet. */
static size_t items_count(const unsigned char *bytes, size_t count)
{
	struct muster__record_shm record;
	size_t items = 0;
	uint32_t n;

	for (size_t at = 0; record_bytes(bytes + at, count - at, true, &n) == 0 && n > 0; at += n) {
		memcpy(&record, bytes + at, sizeof record);
		items += n >= sizeof(struct muster__series_shm) &&
		         (record.kind == MUSTER__RECORD_SERIES || record.kind == MUSTER__RECORD_FAMILY);
	}
	return items < MUSTER__CATALOGUE_SERIES_MAX ? items : MUSTER__CATALOGUE_SERIES_MAX;
}

static int record_append(struct muster__catalogue *node, const struct muster__catalogue_rules *rules,
                         struct muster__kept_cursor *end, const struct muster__record_shm *record)
{
	if (muster__kept_reserve(&node->kept, record->bytes) != 0)
		return -ENOMEM;
	int rc = muster__catalogue_enter(node, rules, record);
	if (rc != 0)
		return rc;
	muster__kept_add(&node->kept, end, record);
	node->end.bytes += record->bytes;
	return 0;
}

static int records_append(struct muster__catalogue *node, const struct muster__catalogue_rules *rules,
                          const unsigned char *bytes, size_t count, bool more, size_t *used)
{
	struct muster__kept_cursor end;
	uint32_t n;

	if (muster__catalogue_expect(node, items_count(bytes, count)) != 0)
		return -ENOMEM;
	muster__kept_end(&end, &node->kept);
	for (; *used < count; *used += n) {
		int rc = record_bytes(bytes + *used, count - *used, more, &n);
		if (rc != 0 || n == 0)
			return rc;
		rc = record_append(node, rules, &end, (const void *)(bytes + *used));
		if (rc != 0)
			return rc;
	}
	return 0;
}

static uint64_t own_bytes(const struct muster__catalogue *node)
{
	return node->end.bytes - node->begin.bytes;
}

int muster__catalogue_append(struct muster__catalogue **at, const struct muster__catalogue_rules *rules,
                             const unsigned char *bytes, size_t count, bool more, size_t *used)
{
	struct muster__catalogue *node;

	*used = 0;
	if (count == 0)
		return 0;
	if ((*at)->refs > 1) {
		int rc = child_create(*at, rules->unshared, &node);
		if (rc != 0)
			return rc;
		muster__catalogue_release(at);
		*at = node;
	}
	node = *at;
	int rc = records_append(node, rules, bytes, count, more, used);
	if (*used > own_bytes(node) / 2) /* most of it came at once */
		muster__kept_trim(&node->kept);
	return rc;
}

/* ---- adopting ----------------------------------------------------------------------------- */

/* Are these bytes the same? `count` is a multiple of 8, mostly a small one. */
static bool words_same(const unsigned char *a, const unsigned char *b, size_t count)
{
	uint64_t x, y;

	for (size_t at = 0; at < count; at += sizeof x) {
		memcpy(&x, a + at, sizeof x);
		memcpy(&y, b + at, sizeof y);
		if (x != y)
			return false;
	}
	return true;
}

/* Do a node's record and one of as many bytes say the same? When a series was created is of its slab. */
static bool record_same(const struct muster__record_shm *record, const unsigned char *other)
{
	const size_t created = offsetof(struct muster__series_shm, created_unix_ns), end = created + sizeof(uint64_t);
	const unsigned char *bytes = (const void *)record;

	if (record->kind != MUSTER__RECORD_SERIES)
		return words_same(bytes, other, record->bytes);
	return words_same(bytes, other, created) && words_same(bytes + end, other + end, record->bytes - end);
}

/* How many bytes of whole records the node and `bytes` have in common. */
static size_t common_bytes(const struct muster__catalogue *node, const unsigned char *bytes, size_t count)
{
	const struct muster__record_shm *record;
	struct muster__kept_cursor at;
	size_t off = 0;

	muster__kept_begin(&at, &node->kept, 0);
	while ((record = muster__kept_next(&at)) != NULL) {
		if (record->bytes > count - off || !record_same(record, bytes + off))
			break;
		off += record->bytes;
	}
	return off;
}

/* Give `node` the content of `other`, and the other way round; the tree stays. */
static void content_swap(struct muster__catalogue *node, struct muster__catalogue *other)
{
	struct muster__catalogue was = *node, is = *other;

	*node = is;
	*other = was;
	node->base = was.base;
	node->children = was.children;
	node->next = was.next;
	node->refs = was.refs;
	other->base = is.base;
	other->children = is.children;
	other->next = is.next;
	other->refs = is.refs;
}

/* Append the records that follow `from` until the node has `bytes` bytes. */
static int records_copy(struct muster__catalogue *node, struct muster__kept_cursor *from, size_t bytes)
{
	static const struct muster__geometry any = {
		.catalogue_bytes = UINT64_MAX, .int_cells = UINT32_MAX, .real_cells = UINT32_MAX, .gauge_cells = UINT32_MAX};
	const struct muster__catalogue_rules rules = {
		.geometry = &any, .sketches = UINT32_MAX, .exemplars = UINT32_MAX, .minor = UINT16_MAX, .imported = true};
	struct muster__kept_cursor end;
	int rc = 0;

	muster__kept_end(&end, &node->kept);
	while (rc == 0 && own_bytes(node) < bytes)
		rc = record_append(node, &rules, &end, muster__kept_next(from));
	muster__kept_trim(&node->kept);
	return rc;
}

/* Put the first `bytes` bytes of a node into a new base of it. The node stays the same for all who hold
 * it. Both are judged and mapped again, which happens once for every point at which processes forked. */
static int split(struct muster__catalogue *node, size_t bytes, struct muster__catalogue **out)
{
	struct muster__catalogue *first = NULL, *rest = NULL;
	struct muster__kept_cursor from;

	muster__kept_begin(&from, &node->kept, 0);
	int rc = child_create(node->base, false, &first);
	if (rc == 0)
		rc = records_copy(first, &from, bytes);
	if (rc == 0)
		rc = child_create(first, false, &rest);
	if (rc == 0)
		rc = records_copy(rest, &from, own_bytes(node) - bytes);
	if (rc == 0) {
		struct muster__catalogue *base = node->base;
		unlink_child(node);
		content_swap(node, rest);
		node->base = muster__catalogue_hold(first);
		node->next = first->children;
		first->children = node;
		muster__catalogue_release(&base);
		*out = first;
		first = NULL;
	}
	muster__catalogue_release(&rest);
	muster__catalogue_release(&first);
	return rc;
}

/* The child that goes on as `bytes` do, or NULL. */
static struct muster__catalogue *child_agreeing(const struct muster__catalogue *node, const unsigned char *bytes,
                                                size_t count, size_t *common)
{
	for (struct muster__catalogue *child = node->children; child; child = child->next) {
		*common = child->unshared ? 0 : common_bytes(child, bytes, count);
		if (*common > 0)
			return child;
	}
	return NULL;
}

int muster__catalogue_adopt(struct muster__catalogue **at, const unsigned char *bytes, size_t count, size_t *used)
{
	struct muster__catalogue *child;
	size_t common;

	*used = 0;
	while (*used < count && (child = child_agreeing(*at, bytes + *used, count - *used, &common)) != NULL) {
		struct muster__catalogue *reached = NULL;
		bool whole = common == child->end.bytes - child->begin.bytes;
		int rc = whole ? 0 : split(child, common, &reached);
		if (whole)
			reached = muster__catalogue_hold(child);
		if (rc == 0)
			rc = muster__kept_created_take(&reached->kept, bytes + *used, &reached->created_anew);
		if (rc != 0) {
			muster__catalogue_release(&reached);
			return rc;
		}
		muster__catalogue_release(at);
		*at = reached;
		*used += common;
	}
	return 0;
}

/* ---- looking up --------------------------------------------------------------------------- */

struct muster__catalogue *muster__catalogue_series(struct muster__catalogue *node, uint32_t *ordinal)
{
	while (*ordinal < node->begin.series)
		node = node->base;
	*ordinal -= node->begin.series;
	return node;
}

struct muster__family_copy *muster__catalogue_family(struct muster__catalogue *node, uint32_t ordinal,
                                                     const struct muster__family_shm **record)
{
	while (ordinal < node->begin.families)
		node = node->base;
	struct muster__family_copy *family = node->families + (ordinal - node->begin.families);
	*record = (const struct muster__family_shm *)(const void *)(node->kept.raw + family->off);
	return family;
}
