/* SPDX-License-Identifier: Apache-2.0 */
/*
 * import_parts.c - histograms and summaries, whose series are several entries.
 *
 * prometheus_client writes the sum of a histogram and then each bucket by rising bound, +Inf last: a series is published
 * when it is complete, and the family with its first series, whose bounds are the family's.
 *
 * prometheus-client-mmap writes the entries of a file in any order, and of a histogram only the buckets that its process
 * has reached. They are cumulative, so those that are missing are below all that are there, and 0. Such a file is
 * gathered as a whole; the longest list of bounds is the family's, and another is a series of it if it is an end of
 * that. When the file has grown, it is gathered again. The same for client_ruby, whose buckets stand each for itself: the
 * family's bounds are those of the schema, and buckets that are missing are 0. Runs in readers, on private memory.
 */
#include "import.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "grow.h"

struct bucket {
	double bound;
	uint32_t off;
};

struct muster__import_child {
	struct muster__import_child *next;
	uint64_t hash;
	uint32_t sum_off, count_off; /* or MUSTER__IMPORT_NONE */
	struct bucket *buckets;
	size_t buckets_count, buckets_capacity;
	uint32_t label_count;
	size_t text_bytes;
	char text[]; /* metric, then name and value of each label, each with its NUL */
};

/* Threads begin some at once, each its own; more are none of the library's doing. */
#define BEGUN_MAX 16384u
#define GATHERED_MAX 131072u /* more have no cells in an image */
#define SAME_MAX 8u          /* series of one file that are on the page the same */
#define CHAINS_FIRST 64u

/* ---- the table of series ------------------------------------------------------------------ */

static void child_free(struct muster__import_child *child)
{
	free(child->buckets);
	free(child);
}

void muster__import_children_free(struct muster__import *import)
{
	for (uint32_t i = 0; import->children && i <= import->children_mask; i++)
		while (import->children[i]) {
			struct muster__import_child *child = import->children[i];
			import->children[i] = child->next;
			child_free(child);
		}
	free(import->children);
	import->children = NULL;
	import->children_mask = import->children_count = 0;
	import->gathered = false;
}

/* As many chains as series. Returns 0 or -ENOMEM. */
static int children_reserve(struct muster__import *import)
{
	uint32_t before = import->children ? import->children_mask + 1 : 0, count = before ? before * 2 : CHAINS_FIRST;

	if (import->children_count < before)
		return 0;
	struct muster__import_child **chains = calloc(count, sizeof(struct muster__import_child *));
	if (chains == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < before; i++)
		while (import->children[i]) {
			struct muster__import_child *child = import->children[i], **to = &chains[child->hash & (count - 1)];
			import->children[i] = child->next;
			child->next = *to;
			*to = child;
		}
	free(import->children);
	import->children = chains;
	import->children_mask = count - 1;
	return 0;
}

static size_t text_bytes(const struct muster__import_key *key)
{
	size_t bytes = strlen(key->metric) + 1;

	for (uint32_t i = 0; i < key->label_count; i++)
		bytes += strlen(key->names[i]) + strlen(key->values[i]) + 2;
	return bytes;
}

static struct muster__import_child *child_alloc(const struct muster__import_key *key)
{
	size_t bytes = text_bytes(key);
	struct muster__import_child *child = calloc(1, sizeof *child + bytes);

	if (child == NULL)
		return NULL;
	char *at = stpcpy(child->text, key->metric) + 1;
	for (uint32_t i = 0; i < key->label_count; i++) {
		at = stpcpy(at, key->names[i]) + 1;
		at = stpcpy(at, key->values[i]) + 1;
	}
	child->label_count = key->label_count;
	child->text_bytes = bytes;
	child->hash = muster__hash(0, child->text, bytes);
	return child;
}

static bool child_same(const struct muster__import_child *a, const struct muster__import_child *b)
{
	return a->hash == b->hash && a->text_bytes == b->text_bytes && memcmp(a->text, b->text, a->text_bytes) == 0;
}

static void child_remove(struct muster__import *import, struct muster__import_child *child)
{
	struct muster__import_child **link = &import->children[child->hash & import->children_mask];

	while (*link != child)
		link = &(*link)->next;
	*link = child->next;
	import->children_count--;
	child_free(child);
}

/* ---- an entry ----------------------------------------------------------------------------- */

enum part_kind { PART_SUM, PART_COUNT, PART_BUCKET, PART_NONE };

struct part {
	enum part_kind kind;
	double bound;
	uint32_t off;
};

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n > m && strcmp(s + n - m, end) == 0;
}

/* +Inf and finite bounds. */
static struct part bucket_of(const char *le, uint32_t off)
{
	double bound = strcmp(le, "+Inf") == 0 ? INFINITY : muster__number_read(le);
	bool valid = isfinite(bound) || strcmp(le, "+Inf") == 0;

	return (struct part){valid ? PART_BUCKET : PART_NONE, bound, off};
}

/* client_ruby: le="sum" beside the buckets, and quantile="sum" and "count". */
static struct part part_of_query(const struct muster__import_key *key, uint32_t off)
{
	if (strcmp(key->le, "sum") == 0)
		return (struct part){PART_SUM, 0, off};
	if (key->quantile)
		return (struct part){strcmp(key->le, "count") == 0 ? PART_COUNT : PART_NONE, 0, off};
	return bucket_of(key->le, off);
}

static struct part part_of(const struct muster__import_key *key, uint32_t off)
{
	struct part part = {PART_NONE, 0, off};

	if (key->dialect == MUSTER__IMPORT_RUBY)
		return part_of_query(key, off);
	if (ends_with(key->sample, "_sum"))
		part.kind = PART_SUM;
	else if (ends_with(key->sample, "_count"))
		part.kind = PART_COUNT;
	else if (key->le && ends_with(key->sample, "_bucket"))
		return bucket_of(key->le, off);
	return part;
}

static bool has_bound(const struct muster__import_child *child, double bound)
{
	for (size_t i = 0; i < child->buckets_count; i++)
		if (child->buckets[i].bound == bound)
			return true;
	return false;
}

/* Two keys may be one series: {code: 200} and {code: "200"} are on the page the same. Each has its own child. */
static bool has_part(const struct muster__import_child *child, const struct part *part)
{
	return part->kind == PART_SUM     ? child->sum_off != MUSTER__IMPORT_NONE
	       : part->kind == PART_COUNT ? child->count_off != MUSTER__IMPORT_NONE
	                                  : has_bound(child, part->bound);
}

/* The series that lacks the part; NULL without memory. */
static struct muster__import_child *child_of(struct muster__import *import, const struct muster__import_key *key,
                                             const struct part *part)
{
	struct muster__import_child *wanted = children_reserve(import) == 0 ? child_alloc(key) : NULL;

	if (wanted == NULL)
		return NULL;
	struct muster__import_child **chain = &import->children[wanted->hash & import->children_mask];
	uint32_t same = 0;
	for (struct muster__import_child *child = *chain; child; child = child->next)
		if (child_same(child, wanted) &&
		    (!muster__import_gathers(import) || !has_part(child, part) || ++same == SAME_MAX)) {
			child_free(wanted);
			return child;
		}
	wanted->next = *chain;
	*chain = wanted;
	import->children_count++;
	return wanted;
}

/* Returns 0 or -ENOMEM. One bucket too many is a bound too many. */
static int bucket_add(struct muster__import_child *child, const struct part *part)
{
	if (child->buckets_count > MUSTER_BOUNDS_MAX + 1)
		return 0;
	if (muster__grow(&child->buckets, &child->buckets_capacity, child->buckets_count + 1, sizeof *child->buckets) != 0)
		return -ENOMEM;
	child->buckets[child->buckets_count++] = (struct bucket){part->bound, part->off};
	return 0;
}

/* Bounds that do not ascend are no histogram's: it never becomes complete. */
static bool in_order(const struct muster__import *import, const struct muster__import_child *child, double bound)
{
	if (muster__import_gathers(import))
		return true;
	return child->buckets_count == 0 ? bound < INFINITY : bound > child->buckets[child->buckets_count - 1].bound;
}

static int part_add(const struct muster__import *import, struct muster__import_child *child, const struct part *part)
{
	if (part->kind == PART_SUM)
		child->sum_off = part->off;
	else if (part->kind == PART_COUNT)
		child->count_off = part->off;
	else if (in_order(import, child, part->bound))
		return bucket_add(child, part);
	return 0;
}

/* ---- publishing --------------------------------------------------------------------------- */

static uint32_t bounds_count(const struct muster__import_child *child)
{
	size_t n = child->buckets_count;

	return (uint32_t)(n && isinf(child->buckets[n - 1].bound) ? n - 1 : n);
}

static void bounds_copy(const struct muster__import_child *child, double *out)
{
	for (uint32_t i = 0; i < bounds_count(child); i++)
		out[i] = child->buckets[i].bound;
}

static void add(struct muster__import *import, uint32_t off, uint32_t word, enum muster__import_kind kind)
{
	muster__import_target_add(import, (struct muster__import_target){off, word, 0, kind});
}

static void sum_add(struct muster__import *import, const struct muster__import_child *child,
                    const struct muster__cursor *at)
{
	if (child->sum_off != MUSTER__IMPORT_NONE)
		add(import, child->sum_off, muster__import_real_word(import, at->reals), MUSTER__IMPORT_REAL);
}

static void count_add(struct muster__import *import, const struct muster__import_child *child,
                      const struct muster__cursor *at)
{
	if (child->count_off != MUSTER__IMPORT_NONE)
		add(import, child->count_off, muster__import_int_word(import, at->ints), MUSTER__IMPORT_INT);
}

static void buckets_add(struct muster__import *import, const struct muster__import_child *child,
                        const struct muster__cursor *at)
{
	for (uint32_t i = 0; i < child->buckets_count; i++)
		add(import, child->buckets[i].off, muster__import_int_word(import, at->ints + i), MUSTER__IMPORT_INT);
}

/* Complete, as prometheus_client writes it. Returns 0 or -ENOMEM. */
static int complete_publish(struct muster__import *import, const struct muster__import_key *key,
                            const struct muster__import_child *child)
{
	double bounds[MUSTER_BOUNDS_MAX + 1];
	uint32_t count = bounds_count(child);
	struct muster__cursor at;

	bounds_copy(child, bounds);
	struct muster__import_family *f = muster__import_family(import, key, bounds, count);
	if (f == NULL || muster__import_targets_reserve(import, 2 + child->buckets_count) != 0)
		return -ENOMEM;
	if (f->refused || !muster__import_series(import, f, key, bounds, count, &at))
		return 0;
	sum_add(import, child, &at);
	if (child->buckets_count)
		buckets_add(import, child, &at);
	else
		count_add(import, child, &at);
	return 0;
}

static bool is_complete(const struct muster__import *import, const struct muster__import_child *child)
{
	size_t n = child->buckets_count;

	if (import->type == MUSTER_SUMMARY)
		return child->sum_off && child->count_off;
	return child->sum_off && n > 1 && n <= MUSTER_BOUNDS_MAX + 1 && isinf(child->buckets[n - 1].bound);
}

int muster__import_part(struct muster__import *import, const struct muster__import_key *key, uint32_t off)
{
	struct part part = part_of(key, off);

	if (part.kind == PART_NONE) {
		muster__import_event(import, MUSTER__EVENT_FAMILY_INVALID);
		return 0;
	}
	struct muster__import_child *child = child_of(import, key, &part);
	if (child == NULL || part_add(import, child, &part) != 0)
		return -ENOMEM;
	if (muster__import_gathers(import)) {
		import->gathered = true;
		return import->children_count <= GATHERED_MAX ? 0 : MUSTER__BAD(BUDGET);
	}
	if (!is_complete(import, child))
		return import->children_count <= BEGUN_MAX ? 0 : MUSTER__BAD(BUDGET);
	int rc = complete_publish(import, key, child);
	child_remove(import, child);
	return rc;
}

/* ---- what was gathered -------------------------------------------------------------------- */

static int by_bound(const void *a, const void *b)
{
	double x = ((const struct bucket *)a)->bound, y = ((const struct bucket *)b)->bound;

	return x < y ? -1 : x > y;
}

/* By metric, then label values: workers of one program have the same records. */
static int by_text(const void *a, const void *b)
{
	const struct muster__import_child *x = *(struct muster__import_child *const *)a;
	const struct muster__import_child *y = *(struct muster__import_child *const *)b;
	size_t n = x->text_bytes < y->text_bytes ? x->text_bytes : y->text_bytes;
	int order = memcmp(x->text, y->text, n);

	return order ? order : x->text_bytes < y->text_bytes ? -1 : x->text_bytes > y->text_bytes;
}

static void key_of(const struct muster__import *import, const struct muster__import_child *child,
                   struct muster__import_key *out)
{
	const char *at = child->text + strlen(child->text) + 1;

	*out = (struct muster__import_key){.dialect = import->dialect,
	                                   .metric = child->text,
	                                   .sample = child->text,
	                                   .help = import->schema ? import->schema->help : NULL,
	                                   .label_count = child->label_count};
	for (uint32_t i = 0; i < child->label_count; i++) {
		out->names[i] = at;
		out->values[i] = at + strlen(at) + 1;
		at = out->values[i] + strlen(out->values[i]) + 1;
	}
}

static void cumulative_add(struct muster__import *import, const struct muster__import_child *child, uint32_t bounds,
                           const struct muster__cursor *at)
{
	uint32_t own = bounds_count(child), missing = bounds - own;
	bool all = child->buckets_count > own;

	add(import, all ? child->buckets[own].off : child->count_off, 0, MUSTER__IMPORT_ALL);
	for (uint32_t i = 0; i < bounds; i++)
		add(import, i < missing ? MUSTER__IMPORT_NONE : child->buckets[i - missing].off,
		    muster__import_int_word(import, at->ints + i), MUSTER__IMPORT_UP_TO);
	add(import, MUSTER__IMPORT_NONE, muster__import_int_word(import, at->ints + bounds), MUSTER__IMPORT_BEYOND);
}

/* Where a bound stands in a list; `count` for +Inf, more if it does not. */
static uint32_t bound_at(double bound, const double *bounds, uint32_t count)
{
	uint32_t i = 0;

	while (i < count && bounds[i] < bound)
		i++;
	return i < count ? (bounds[i] == bound ? i : UINT32_MAX) : (isinf(bound) ? count : UINT32_MAX);
}

static void scattered_add(struct muster__import *import, const struct muster__import_child *child, const double *bounds,
                          uint32_t count, const struct muster__cursor *at)
{
	for (size_t i = 0; i < child->buckets_count; i++)
		add(import, child->buckets[i].off,
		    muster__import_int_word(import, at->ints + bound_at(child->buckets[i].bound, bounds, count)),
		    MUSTER__IMPORT_INT);
}

/* Has it no buckets but such as the family has, or may have in a part of the file that it has not reached? */
static bool buckets_fit(const struct muster__import *import, const struct muster__import_child *child,
                        const double *bounds, uint32_t count)
{
	uint32_t own = bounds_count(child);
	double list[MUSTER_BOUNDS_MAX + 2];

	if (import->dialect == MUSTER__IMPORT_MMAP) {
		bounds_copy(child, list);
		return muster__bounds_fit(bounds, count, list, own, true);
	}
	for (uint32_t i = 0; i < own; i++)
		if (bound_at(child->buckets[i].bound, bounds, count) == UINT32_MAX)
			return false;
	return true;
}

static void gathered_add(struct muster__import *import, const struct muster__import_child *child, const double *bounds,
                         uint32_t count, const struct muster__cursor *at)
{
	sum_add(import, child, at);
	if (import->type == MUSTER_SUMMARY)
		count_add(import, child, at);
	else if (import->dialect == MUSTER__IMPORT_MMAP)
		cumulative_add(import, child, count, at);
	else
		scattered_add(import, child, bounds, count, at);
}

static int gathered_publish(struct muster__import *import, const struct muster__import_child *child,
                            const double *bounds, uint32_t count)
{
	struct muster__import_key key;
	struct muster__cursor at;

	key_of(import, child, &key);
	struct muster__import_family *f = muster__import_family(import, &key, bounds, count);
	if (f == NULL || muster__import_targets_reserve(import, 4 + (size_t)count) != 0)
		return -ENOMEM;
	if (f->refused)
		return 0;
	if (!buckets_fit(import, child, bounds, count))
		muster__import_event(import, MUSTER__EVENT_FAMILY_CONFLICT);
	else if (muster__import_series(import, f, &key, bounds, count, &at))
		gathered_add(import, child, bounds, count, &at);
	return 0;
}

/* Those of the schema, or the longest list that there is. Returns how many; `bounds` has room for MUSTER_BOUNDS_MAX + 2. */
static uint32_t bounds_of(const struct muster__import *import, struct muster__import_child **children, size_t n,
                          double *bounds)
{
	const struct muster__import_child *longest = children[0];

	for (size_t i = 0; i < n; i++) {
		if (children[i]->buckets_count)
			qsort(children[i]->buckets, children[i]->buckets_count, sizeof(struct bucket), by_bound);
		if (bounds_count(children[i]) > bounds_count(longest))
			longest = children[i];
	}
	if (import->dialect == MUSTER__IMPORT_RUBY && import->type == MUSTER_HISTOGRAM) {
		bool own = import->schema && import->schema->bounds;
		uint32_t count = own ? import->schema->bounds_count : muster__schema_bounds_count;
		memcpy(bounds, own ? import->schema->bounds : muster__schema_bounds, count * sizeof *bounds);
		return count;
	}
	bounds_copy(longest, bounds);
	return bounds_count(longest);
}

/* The series of one metric. */
static int metric_publish(struct muster__import *import, struct muster__import_child **children, size_t n)
{
	double bounds[MUSTER_BOUNDS_MAX + 2];
	uint32_t count = bounds_of(import, children, n, bounds);
	int rc = 0;

	if (count > MUSTER_BOUNDS_MAX) {
		muster__import_event(import, MUSTER__EVENT_FAMILY_INVALID);
		return 0;
	}
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = gathered_publish(import, children[i], bounds, count);
	return rc;
}

int muster__import_publish(struct muster__import *import)
{
	struct muster__import_child **sorted = calloc(import->children_count + 1u, sizeof(struct muster__import_child *));
	size_t n = 0;
	int rc = sorted ? 0 : -ENOMEM;

	for (uint32_t i = 0; rc == 0 && import->children && i <= import->children_mask; i++)
		for (struct muster__import_child *child = import->children[i]; child; child = child->next)
			sorted[n++] = child;
	if (n > 1)
		qsort(sorted, n, sizeof *sorted, by_text);
	for (size_t i = 0, end; rc == 0 && i < n; i = end) {
		for (end = i + 1; end < n && strcmp(sorted[end]->text, sorted[i]->text) == 0; end++)
			;
		rc = metric_publish(import, sorted + i, end - i);
	}
	free(sorted);
	if (rc == 0)
		muster__import_children_free(import);
	return rc;
}
