/* SPDX-License-Identifier: Apache-2.0 */
/*
 * import_image.c - the image of a file: its families and series as records of a slab's catalogue.
 *
 * Names are those of the library, which are more than muster's own (MUSTER__FAMILY_IMPORTED). A gauge in mode all or
 * liveall has the process in a label `pid`, whatever its identifier is; of files with the same one the youngest stands,
 * so its mode is the most recent. What could not be a family of ours is left out and counted. Runs in readers, on
 * private memory.
 */
#include "import.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "atomic.h"
#include "grow.h"

/* ---- records ------------------------------------------------------------------------------ */

static struct muster__header_shm *header(const struct muster__import *import)
{
	return (struct muster__header_shm *)(void *)import->image;
}

void muster__import_event(const struct muster__import *import, enum muster__event event)
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

/* Help that is too long ends early, between two characters. Where there is none, what the libraries say then. */
static struct muster_str help_of(const char *help)
{
	if (help == NULL || *help == '\0')
		return muster_str("Multiprocess metric");
	struct muster_str cut = muster_str(help);
	if (cut.count <= MUSTER_HELP_BYTES_MAX)
		return cut;
	for (cut.count = MUSTER_HELP_BYTES_MAX; cut.count > 0 && (help[cut.count] & 0xc0) == 0x80; cut.count--)
		;
	return cut;
}

/* In our words: counters are real. */
static enum muster_type type_of(const struct muster__import *import)
{
	return import->type == MUSTER_COUNTER ? MUSTER_REAL_COUNTER : import->type;
}

static enum muster_mode mode_of(const struct muster__import *import)
{
	if (!muster__import_per_process(import))
		return import->mode;
	return import->mode == MUSTER_ALL ? MUSTER_MOSTRECENT : MUSTER_LIVEMOSTRECENT;
}

static uint16_t flags_of(const struct muster__import *import)
{
	return (uint16_t)(MUSTER__FAMILY_IMPORTED | (muster__import_per_process(import) ? MUSTER__FAMILY_PER_PROCESS : 0) |
	                  (import->type == MUSTER_HISTOGRAM && import->dialect == MUSTER__IMPORT_MMAP ? MUSTER__FAMILY_OPEN
	                                                                                              : 0));
}

/* Counters end in _total, if the library has it so, as their sample does. */
static const char *name_of(const struct muster__import *import, const struct muster__import_key *key)
{
	const char *name = import->type == MUSTER_COUNTER ? key->sample : key->metric;

	return muster__imported_name_valid(name, strlen(name)) ? name : NULL;
}

static bool labels_valid(const struct muster__import *import, const struct muster__import_key *key)
{
	for (uint32_t i = 0; i < key->label_count; i++) {
		if (!muster__label_name_valid(key->names[i], strlen(key->names[i]), type_of(import), mode_of(import)))
			return false;
		for (uint32_t k = 0; k < i; k++)
			if (strcmp(key->names[i], key->names[k]) == 0)
				return false;
	}
	return true;
}

static bool family_publish(struct muster__import *import, struct muster__import_family *f, const char *name,
                           struct muster_str help)
{
	uint64_t bytes = sizeof(struct muster__family_shm) + f->bounds_count * sizeof(double) + strlen(name) + help.count;
	struct muster__cells cells = {.ints = MUSTER__DROP_CELLS};

	for (uint32_t i = 0; i < f->label_count; i++)
		bytes += sizeof(uint16_t) + strlen(f->labels[i]);
	bytes = muster__align8((uint32_t)bytes);
	struct muster__family_shm *r = record_begin(import, bytes, cells);
	if (r == NULL)
		return false;
	f->ordinal = import->end.families++;
	*r = (struct muster__family_shm){
		.record = {.bytes = (uint32_t)bytes, .kind = MUSTER__RECORD_FAMILY, .flags = flags_of(import)},
		.family = f->ordinal,
		.type = (uint8_t)f->type,
		.mode = (uint8_t)mode_of(import),
		.label_count = (uint16_t)f->label_count,
		.bounds_count = f->bounds_count,
		.drop_cell = import->end.ints,
		.name_bytes = (uint16_t)strlen(name),
		.help_bytes = (uint16_t)help.count,
	};
	char *at = put((char *)(r + 1), f->bounds, f->bounds_count * sizeof(double));
	at = put(at, name, strlen(name));
	at = put(at, help.bytes, help.count);
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

static uint64_t metric_hash(const char *metric)
{
	return muster__hash(0, metric, strlen(metric));
}

static void families_index(void *owner)
{
	struct muster__import *import = owner;

	for (size_t i = 0; i < import->families_count; i++)
		muster__index_add(&import->by_metric, metric_hash(import->families[i]->metric), (uint32_t)i);
}

static int families_reserve(struct muster__import *import)
{
	int rc = muster__grow(&import->families, &import->families_capacity, import->families_count + 1,
	                      sizeof(struct muster__import_family *));

	return rc == 0 ? muster__index_reserve(&import->by_metric, import->families_count + 1, families_index, import) : rc;
}

struct muster__import_family *muster__import_family(struct muster__import *import, const struct muster__import_key *key,
                                                    const double *bounds, uint32_t bounds_count)
{
	uint64_t hash = metric_hash(key->metric);
	struct muster__import_family *f = family_find(import, key->metric, hash);

	if (f || families_reserve(import) != 0 || (f = family_alloc(import, key, bounds_count)) == NULL)
		return f;
	if (bounds_count)
		memcpy(f->bounds, bounds, bounds_count * sizeof *bounds);
	muster__index_add(&import->by_metric, hash, (uint32_t)import->families_count);
	import->families[import->families_count++] = f;
	const char *name = name_of(import, key);
	if (name == NULL || !labels_valid(import, key)) {
		f->refused = true;
		muster__import_event(import, MUSTER__EVENT_FAMILY_INVALID);
	} else if (!family_publish(import, f, name, help_of(key->help))) {
		f->refused = true;
		muster__import_event(import, MUSTER__EVENT_FAMILY_FULL);
	}
	return f;
}

void muster__import_families_free(struct muster__import *import)
{
	for (size_t i = 0; i < import->families_count; i++) {
		free(import->families[i]->bounds);
		free(import->families[i]);
	}
	free(import->families);
	import->families = NULL;
	import->families_count = import->families_capacity = 0;
	muster__index_clear(&import->by_metric);
	free(import->targets);
	import->targets = NULL;
	import->targets_count = import->targets_capacity = 0;
}

/* ---- series ------------------------------------------------------------------------------- */

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

/* Returns false if the image is full. */
static bool series_publish(struct muster__import *import, const struct muster__import_family *f,
                           const struct muster__import_key *key, struct muster__cursor *cells_at)
{
	struct muster__cells cells = muster__cells_of(f->type, mode_of(import), NULL, f->bounds_count);
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

bool muster__import_series(struct muster__import *import, const struct muster__import_family *f,
                           const struct muster__import_key *key, const double *bounds, uint32_t bounds_count,
                           struct muster__cursor *cells_at)
{
	if (series_fits(f, key, bounds, bounds_count) && series_publish(import, f, key, cells_at))
		return true;
	muster__import_event(import, MUSTER__EVENT_FAMILY_CONFLICT);
	return false;
}

/* ---- words and targets -------------------------------------------------------------------- */

uint32_t muster__import_int_word(const struct muster__import *import, uint32_t cell)
{
	return (uint32_t)(header(import)->geometry.bank_off / 8) + MUSTER__WORD_CELLS + cell;
}

uint32_t muster__import_real_word(const struct muster__import *import, uint32_t cell)
{
	const struct muster__geometry *g = &header(import)->geometry;

	return (uint32_t)((g->bank_off + g->real_off) / 8) + cell;
}

uint32_t muster__import_gauge_word(const struct muster__import *import, uint32_t cell)
{
	return (uint32_t)(header(import)->geometry.gauge_off / 8) + cell;
}

int muster__import_targets_reserve(struct muster__import *import, size_t more)
{
	return muster__grow(&import->targets, &import->targets_capacity, import->targets_count + more,
	                    sizeof *import->targets);
}

void muster__import_target_add(struct muster__import *import, struct muster__import_target target)
{
	import->targets[import->targets_count++] = target;
}
