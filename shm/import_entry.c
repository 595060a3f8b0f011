/* SPDX-License-Identifier: Apache-2.0 */
/*
 * import_entry.c - entries of a file become families and series of its image.
 *
 * The library appends one entry per sample: a counter or gauge is one, a summary two, a histogram its sum and then each
 * bucket by rising bound, +Inf last. So a series is published when it is complete, and a histogram's family with its
 * first series, whose bounds are the family's. What could not be a family of ours is left out and counted. Runs in
 * readers, on private memory.
 */
#include "import.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "atomic.h"
#include "grow.h"

struct muster__import_family {
	const char *metric; /* as the file has it */
	uint32_t ordinal;
	bool refused; /* no family of ours could be so: its entries are passed over */
	enum muster_type type;
	uint32_t label_count, bounds_count;
	const char *labels[MUSTER_LABELS_MAX];
	double *bounds;
	char text[];
};

/* A histogram or summary of which not all entries were seen yet. */
struct muster__import_child {
	struct muster__import_child *next;
	char *metric, *values; /* label values, each with its NUL */
	size_t values_bytes;
	uint32_t sum_off, count_off; /* 0: not seen */
	uint32_t buckets_count;
	uint32_t bucket_off[MUSTER_BOUNDS_MAX + 1];
	double bounds[MUSTER_BOUNDS_MAX + 1];
};

/* ---- walking ------------------------------------------------------------------------------ */

static uint32_t load4(const unsigned char *p)
{
	uint32_t n;

	memcpy(&n, p, sizeof n);
	return n;
}

/* Bytes of the entry at `p`, and of its key; 0 if there is none within `left`. */
static uint32_t entry_bytes(const unsigned char *p, uint32_t left, uint32_t tail, uint32_t *key_bytes)
{
	uint32_t n = left >= 4 ? load4(p) : 0;

	if (n == 0 || n > left)
		return 0;
	uint64_t head = 4 + (uint64_t)n, pad = 8 - head % 8, whole = head + pad + tail;
	if (whole > left || p[4] != '[' || p[3 + n] != ']')
		return 0;
	for (uint64_t i = head; i < head + pad; i++)
		if (p[i] != ' ')
			return 0;
	*key_bytes = n;
	return (uint32_t)whole;
}

uint32_t muster__import_walk(const unsigned char *bytes, uint32_t count, uint32_t tail)
{
	uint32_t key, at = 0, n;

	while (at < count && (n = entry_bytes(bytes + at, count - at, tail, &key)) != 0)
		at += n;
	return at;
}

/* ---- the image ---------------------------------------------------------------------------- */

static struct muster__header_shm *header(const struct muster__import *import)
{
	return (struct muster__header_shm *)(void *)import->image;
}

static void count_event(const struct muster__import *import, enum muster__event event)
{
	muster__add_relaxed((uint64_t *)&header(import)->events[event], 1);
}

/* Room for a record and its cells. The record is published by record_publish(). NULL if the image is full. */
static void *record_begin(struct muster__import *import, uint64_t bytes, struct muster__cells cells)
{
	const struct muster__geometry *g = &header(import)->geometry;
	const struct muster__cursor *end = &import->end;

	if (bytes > MUSTER__RECORD_BYTES_MAX || end->bytes + bytes > g->catalogue_bytes ||
	    cells.ints > g->int_cells - end->ints || cells.reals > g->real_cells - end->reals ||
	    cells.gauges > g->gauge_cells - end->gauges)
		return NULL;
	return import->image + g->catalogue_off + end->bytes;
}

static void record_publish(struct muster__import *import, uint32_t bytes, struct muster__cells cells)
{
	import->end.bytes += bytes;
	import->end.ints += cells.ints;
	import->end.reals += cells.reals;
	import->end.gauges += cells.gauges;
	muster__store_release((uint64_t *)&header(import)->catalogue_used, import->end.bytes);
}

static char *put(char *at, const void *bytes, size_t count)
{
	if (count)
		memcpy(at, bytes, count);
	return at + count;
}

static char *put_counted(char *at, const char *s)
{
	uint16_t n = (uint16_t)strlen(s);

	return put(put(at, &n, sizeof n), s, n);
}

/* ---- families ----------------------------------------------------------------------------- */

/* What the library calls itself where there is no help, as its collector has it. */
static const char no_help[] = "Multiprocess metric";

/* Help that is too long ends early, between two characters. */
static size_t help_bytes(const char *help)
{
	size_t n = strlen(help);

	if (n <= MUSTER_HELP_BYTES_MAX)
		return n;
	for (n = MUSTER_HELP_BYTES_MAX; n > 0 && (help[n] & 0xc0) == 0x80; n--)
		;
	return n;
}

/* In our words: counters are real, and end in _total as their sample does. */
static enum muster_type type_of(const struct muster__import *import)
{
	return import->name.type == MUSTER_COUNTER ? MUSTER_REAL_COUNTER : import->name.type;
}

static bool name_of(const struct muster__import *import, const struct muster__import_key *key,
                    char out[MUSTER_NAME_BYTES_MAX + 8])
{
	const char *name = import->name.type == MUSTER_COUNTER ? key->sample : key->metric;
	size_t n = strlen(name);

	if (n > MUSTER_NAME_BYTES_MAX || !muster__name_valid(name, n) ||
	    muster__suffix_wrong(name, n, type_of(import)) != NULL)
		return false;
	memcpy(out, name, n + 1);
	return true;
}

static bool labels_valid(const struct muster__import *import, const struct muster__import_key *key)
{
	for (uint32_t i = 0; i < key->label_count; i++) {
		if (!muster__label_name_valid(key->names[i], strlen(key->names[i]), type_of(import), import->name.mode))
			return false;
		for (uint32_t k = 0; k < i; k++)
			if (strcmp(key->names[i], key->names[k]) == 0)
				return false;
	}
	return true;
}

static bool family_publish(struct muster__import *import, struct muster__import_family *f, const char *name,
                           const char *help)
{
	size_t help_count = help_bytes(help);
	uint64_t bytes = sizeof(struct muster__family_shm) + f->bounds_count * sizeof(double) + strlen(name) + help_count;
	struct muster__cells cells = {.ints = MUSTER__DROP_CELLS};

	for (uint32_t i = 0; i < f->label_count; i++)
		bytes += sizeof(uint16_t) + strlen(f->labels[i]);
	bytes = muster__align8((uint32_t)bytes);
	struct muster__family_shm *r = record_begin(import, bytes, cells);
	if (r == NULL)
		return false;
	f->ordinal = import->end.families++;
	*r = (struct muster__family_shm){
		.record = {.bytes = (uint32_t)bytes, .kind = MUSTER__RECORD_FAMILY},
		.family = f->ordinal,
		.type = (uint8_t)f->type,
		.mode = (uint8_t)import->name.mode,
		.label_count = (uint16_t)f->label_count,
		.bounds_count = f->bounds_count,
		.drop_cell = import->end.ints,
		.name_bytes = (uint16_t)strlen(name),
		.help_bytes = (uint16_t)help_count,
	};
	char *at = put((char *)(r + 1), f->bounds, f->bounds_count * sizeof(double));
	at = put(at, name, strlen(name));
	at = put(at, help, help_count);
	for (uint32_t i = 0; i < f->label_count; i++)
		at = put_counted(at, f->labels[i]);
	record_publish(import, (uint32_t)bytes, cells);
	return true;
}

static struct muster__import_family *family_alloc(const struct muster__import *import,
                                                  const struct muster__import_key *key, uint32_t bounds_count)
{
	size_t bytes = strlen(key->metric) + 1;

	for (uint32_t i = 0; i < key->label_count; i++)
		bytes += strlen(key->names[i]) + 1;
	struct muster__import_family *f = calloc(1, sizeof *f + bytes);
	double *bounds = calloc(bounds_count + 1, sizeof *bounds);
	if (f == NULL || bounds == NULL) {
		free(f);
		free(bounds);
		return NULL;
	}
	char *at = f->text;
	f->metric = at;
	at = stpcpy(at, key->metric) + 1;
	for (uint32_t i = 0; i < key->label_count; i++) {
		f->labels[i] = at;
		at = stpcpy(at, key->names[i]) + 1;
	}
	f->type = type_of(import);
	f->label_count = key->label_count;
	f->bounds_count = bounds_count;
	f->bounds = bounds;
	return f;
}

struct family_wanted {
	const struct muster__import *import;
	const char *metric;
};

static bool family_is(const void *ctx, uint32_t item)
{
	const struct family_wanted *wanted = ctx;

	return strcmp(wanted->import->families[item]->metric, wanted->metric) == 0;
}

static struct muster__import_family *family_find(const struct muster__import *import, const char *metric, uint64_t hash)
{
	struct family_wanted wanted = {import, metric};
	uint32_t found = muster__index_find(&import->by_metric, hash, family_is, &wanted);

	return found == MUSTER__INDEX_NONE ? NULL : import->families[found];
}

static int families_reserve(struct muster__import *import)
{
	int rc = muster__grow(&import->families, &import->families_capacity, import->families_count + 1,
	                      sizeof(struct muster__import_family *));

	return rc == 0 ? muster__index_reserve(&import->by_metric) : rc;
}

/* The family of an entry, made if need be. NULL without memory. */
static struct muster__import_family *family_of(struct muster__import *import, const struct muster__import_key *key,
                                               const double *bounds, uint32_t bounds_count)
{
	uint64_t hash = muster__hash(0, key->metric, strlen(key->metric));
	struct muster__import_family *f = family_find(import, key->metric, hash);
	char name[MUSTER_NAME_BYTES_MAX + 8];

	if (f || families_reserve(import) != 0 || (f = family_alloc(import, key, bounds_count)) == NULL)
		return f;
	if (bounds_count)
		memcpy(f->bounds, bounds, bounds_count * sizeof *bounds);
	muster__index_add(&import->by_metric, hash, (uint32_t)import->families_count);
	import->families[import->families_count++] = f;
	if (!name_of(import, key, name) || !labels_valid(import, key)) {
		f->refused = true;
		count_event(import, MUSTER__EVENT_FAMILY_INVALID);
	} else if (!family_publish(import, f, name, key->help && *key->help ? key->help : no_help)) {
		f->refused = true;
		count_event(import, MUSTER__EVENT_FAMILY_FULL);
	}
	return f;
}

/* Does a series fit its family? */
static bool series_fits(const struct muster__import_family *f, const struct muster__import_key *key,
                        const double *bounds, uint32_t bounds_count)
{
	if (f->label_count != key->label_count || f->bounds_count != bounds_count ||
	    (bounds_count && memcmp(f->bounds, bounds, bounds_count * sizeof *bounds) != 0))
		return false;
	for (uint32_t i = 0; i < key->label_count; i++)
		if (strcmp(f->labels[i], key->names[i]) != 0 || strlen(key->values[i]) > MUSTER_LABEL_VALUE_BYTES_MAX ||
		    !muster__utf8_valid(key->values[i], strlen(key->values[i])))
			return false;
	return true;
}

/* ---- series ------------------------------------------------------------------------------- */

/* Publish a series; *cells_at is where its cells begin. Returns false if the image is full. */
static bool series_publish(struct muster__import *import, const struct muster__import_family *f,
                           const struct muster__import_key *key, struct muster__cursor *cells_at)
{
	struct muster__cells cells = muster__cells_of(f->type, import->name.mode, NULL, f->bounds_count);
	uint64_t bytes = sizeof(struct muster__series_shm);

	for (uint32_t i = 0; i < key->label_count; i++)
		bytes += sizeof(uint16_t) + strlen(key->values[i]);
	bytes = muster__align8((uint32_t)bytes);
	struct muster__series_shm *r = record_begin(import, bytes, cells);
	if (r == NULL)
		return false;
	*cells_at = import->end;
	*r = (struct muster__series_shm){
		.record = {.bytes = (uint32_t)bytes, .kind = MUSTER__RECORD_SERIES},
		.family = f->ordinal,
		.int_cell = cells.gauges ? import->end.gauges
	                : cells.ints ? import->end.ints
	                             : MUSTER__NO_CELL,
		.real_cell = cells.reals ? import->end.reals : MUSTER__NO_CELL,
	};
	char *at = (char *)(r + 1);
	for (uint32_t i = 0; i < key->label_count; i++)
		at = put_counted(at, key->values[i]);
	record_publish(import, (uint32_t)bytes, cells);
	return true;
}

static uint32_t int_word(const struct muster__import *import, uint32_t cell)
{
	return (uint32_t)(header(import)->geometry.bank_off / 8) + MUSTER__WORD_CELLS + cell;
}

static uint32_t real_word(const struct muster__import *import, uint32_t cell)
{
	const struct muster__geometry *g = &header(import)->geometry;

	return (uint32_t)((g->bank_off + g->real_off) / 8) + cell;
}

static uint32_t gauge_word(const struct muster__import *import, uint32_t cell)
{
	return (uint32_t)(header(import)->geometry.gauge_off / 8) + cell;
}

static void target_add(struct muster__import *import, struct muster__import_target target)
{
	import->targets[import->targets_count++] = target;
}

static int targets_reserve(struct muster__import *import, size_t more)
{
	return muster__grow(&import->targets, &import->targets_capacity, import->targets_count + more,
	                    sizeof *import->targets);
}

/* A counter or a gauge: one entry. */
static int one_value(struct muster__import *import, const struct muster__import_key *key, uint32_t off)
{
	struct muster__import_family *f = family_of(import, key, NULL, 0);
	struct muster__cursor at;

	if (f == NULL || targets_reserve(import, 1) != 0)
		return -ENOMEM;
	if (f->refused)
		return 0;
	if (!series_fits(f, key, NULL, 0) || !series_publish(import, f, key, &at)) {
		count_event(import, MUSTER__EVENT_FAMILY_CONFLICT);
		return 0;
	}
	if (f->type != MUSTER_GAUGE)
		target_add(import, (struct muster__import_target){off, real_word(import, at.reals), 0, MUSTER__IMPORT_REAL});
	else if (muster__mode_timestamped(import->name.mode))
		target_add(import, (struct muster__import_target){off, int_word(import, at.ints), real_word(import, at.reals),
		                                                  MUSTER__IMPORT_RECENT});
	else
		target_add(import, (struct muster__import_target){off, gauge_word(import, at.gauges), 0, MUSTER__IMPORT_GAUGE});
	return 0;
}

/* ---- series of several entries ------------------------------------------------------------ */

static void child_free(struct muster__import_child *child)
{
	free(child->metric);
	free(child->values);
	free(child);
}

/* All label values of a key, each with its NUL; NULL without memory. */
static char *values_join(const struct muster__import_key *key, size_t *bytes)
{
	*bytes = 0;
	for (uint32_t i = 0; i < key->label_count; i++)
		*bytes += strlen(key->values[i]) + 1;
	char *values = malloc(*bytes + 1), *at = values;
	for (uint32_t i = 0; values && i < key->label_count; i++)
		at = stpcpy(at, key->values[i]) + 1;
	return values;
}

/* Threads begin some at once, each its own; more are none of the library's doing. */
#define CHILDREN_MAX 256

static struct muster__import_child *child_of(struct muster__import *import, const struct muster__import_key *key)
{
	size_t bytes;
	char *values = values_join(key, &bytes);
	struct muster__import_child *c;

	if (values == NULL)
		return NULL;
	for (c = import->children; c; c = c->next)
		if (strcmp(c->metric, key->metric) == 0 && c->values_bytes == bytes && memcmp(c->values, values, bytes) == 0) {
			free(values);
			return c;
		}
	c = calloc(1, sizeof *c);
	char *metric = strdup(key->metric);
	if (c == NULL || metric == NULL) {
		free(c);
		free(metric);
		free(values);
		return NULL;
	}
	*c = (struct muster__import_child){
		.next = import->children, .metric = metric, .values = values, .values_bytes = bytes};
	import->children = c;
	import->children_count++;
	return c;
}

static void child_remove(struct muster__import *import, struct muster__import_child *child)
{
	struct muster__import_child **link = &import->children;

	while (*link != child)
		link = &(*link)->next;
	*link = child->next;
	import->children_count--;
	child_free(child);
}

static int child_publish(struct muster__import *import, const struct muster__import_key *key,
                         struct muster__import_child *c)
{
	uint32_t bounds_count = c->buckets_count ? c->buckets_count - 1 : 0;
	struct muster__import_family *f = family_of(import, key, c->bounds, bounds_count);
	struct muster__cursor at;

	if (f == NULL || targets_reserve(import, 2 + c->buckets_count) != 0)
		return -ENOMEM;
	if (f->refused)
		return 0;
	if (!series_fits(f, key, c->bounds, bounds_count) || !series_publish(import, f, key, &at)) {
		count_event(import, MUSTER__EVENT_FAMILY_CONFLICT);
		return 0;
	}
	target_add(import, (struct muster__import_target){c->sum_off, real_word(import, at.reals), 0, MUSTER__IMPORT_REAL});
	for (uint32_t i = 0; i < c->buckets_count; i++)
		target_add(import, (struct muster__import_target){c->bucket_off[i], int_word(import, at.ints + i), 0,
		                                                  MUSTER__IMPORT_INT});
	if (c->buckets_count == 0)
		target_add(import,
		           (struct muster__import_target){c->count_off, int_word(import, at.ints), 0, MUSTER__IMPORT_INT});
	return 0;
}

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n > m && strcmp(s + n - m, end) == 0;
}

/* The next bucket. Bounds that do not ascend are no histogram's: it never becomes complete. */
static void bucket_add(struct muster__import_child *c, const char *le, uint32_t off)
{
	double bound = strcmp(le, "+Inf") == 0 ? INFINITY : muster__number_read(le);
	bool ascends = c->buckets_count == 0 ? bound < INFINITY : bound > c->bounds[c->buckets_count - 1];

	if (c->buckets_count > MUSTER_BOUNDS_MAX || isnan(bound) || bound == -INFINITY || !ascends)
		return;
	c->bounds[c->buckets_count] = bound;
	c->bucket_off[c->buckets_count++] = off;
}

static bool is_complete(const struct muster__import *import, const struct muster__import_child *c)
{
	if (import->name.type == MUSTER_SUMMARY)
		return c->sum_off && c->count_off;
	return c->sum_off && c->buckets_count > 1 && isinf(c->bounds[c->buckets_count - 1]);
}

static int part(struct muster__import *import, const struct muster__import_key *key, uint32_t off)
{
	struct muster__import_child *c = child_of(import, key);

	if (c == NULL)
		return -ENOMEM;
	if (ends_with(key->sample, "_sum"))
		c->sum_off = off;
	else if (ends_with(key->sample, "_count"))
		c->count_off = off;
	else if (key->le && ends_with(key->sample, "_bucket"))
		bucket_add(c, key->le, off);
	if (!is_complete(import, c))
		return import->children_count <= CHILDREN_MAX ? 0 : MUSTER__BAD(BUDGET);
	int rc = child_publish(import, key, c);
	child_remove(import, c);
	return rc;
}

/* ---- the whole ---------------------------------------------------------------------------- */

static int entry(struct muster__import *import, const char *key_bytes, uint32_t count, char *text, uint32_t off)
{
	struct muster__import_key key;
	bool several = import->name.type == MUSTER_HISTOGRAM || import->name.type == MUSTER_SUMMARY;

	/* A label le elsewhere than in a histogram is none of ours. */
	if (!muster__import_key_read(key_bytes, count, text, &key) || (key.le && import->name.type != MUSTER_HISTOGRAM)) {
		count_event(import, MUSTER__EVENT_FAMILY_INVALID);
		return 0;
	}
	return several ? part(import, &key, off) : one_value(import, &key, off);
}

int muster__import_entries(struct muster__import *import, const unsigned char *bytes, uint32_t off, uint32_t count)
{
	char *text = malloc((size_t)count + 1);
	uint32_t key_bytes = 0, n;
	int rc = text ? 0 : -ENOMEM;

	for (uint32_t at = 0; rc == 0 && at < count; at += n) {
		n = entry_bytes(bytes + at, count - at, import->tail, &key_bytes);
		if (n == 0)
			break;
		rc = entry(import, (const char *)bytes + at + 4, key_bytes, text, off + at + n - import->tail);
		if (rc == 0)
			import->used = off + at + n; /* after -ENOMEM it goes on here */
	}
	free(text);
	return rc;
}

void muster__import_entries_free(struct muster__import *import)
{
	for (size_t i = 0; i < import->families_count; i++) {
		free(import->families[i]->bounds);
		free(import->families[i]);
	}
	free(import->families);
	import->families = NULL;
	import->families_count = 0;
	muster__index_clear(&import->by_metric);
	while (import->children)
		child_remove(import, import->children);
	free(import->targets);
	import->targets = NULL;
}
