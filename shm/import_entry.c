/* SPDX-License-Identifier: Apache-2.0 */
/*
 * import_entry.c - entries of a file become families and series of its image.
 *
 * The libraries append one entry per sample: a counter or gauge is one, a summary two, a histogram its sum and each
 * bucket. A counter or gauge is published at once, the others by import_parts.c. Runs in readers, on private memory.
 */
#include "import.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "grow.h"

/* ---- walking ------------------------------------------------------------------------------ */

static uint32_t load4(const unsigned char *p)
{
	uint32_t n;

	memcpy(&n, p, sizeof n);
	return n;
}

/* A key in JSON, `n` bytes, and one to eight spaces behind it. Returns the bytes of both; 0 if it is none. */
static uint64_t json_bytes(const unsigned char *key, uint32_t n, uint32_t left)
{
	uint64_t whole = (4 + (uint64_t)n) / 8 * 8 + 4;

	if (whole > left || key[0] != '[' || key[n - 1] != ']')
		return 0;
	for (uint64_t i = n; i < whole; i++)
		if (key[i] != ' ')
			return 0;
	return whole;
}

/* A query; its spaces are counted in `n`. */
static uint64_t query_bytes(const unsigned char *key, uint32_t n)
{
	if ((n + 4) % 8 != 0 || key[n - 1] != ' ')
		return 0;
	for (uint32_t i = 0; i < n; i++)
		if (key[i] < ' ' || key[i] > '~')
			return 0;
	return n;
}

static uint32_t query_trim(const unsigned char *key, uint32_t n)
{
	while (n > 0 && key[n - 1] == ' ')
		n--;
	return n;
}

/* Bytes of the entry at `p`, and of its key; 0 if there is none within `left`. */
static uint32_t entry_bytes(const struct muster__import *import, const unsigned char *p, uint32_t left, uint32_t tail,
                            uint32_t *key_bytes)
{
	bool query = import->metric[0];
	uint32_t n = left >= 4 ? load4(p) : 0;

	if (n == 0 || n > left - 4)
		return 0;
	uint64_t key = query ? query_bytes(p + 4, n) : json_bytes(p + 4, n, left - 4);
	if (key == 0 || 4 + key + tail > left)
		return 0;
	*key_bytes = query ? query_trim(p + 4, n) : n;
	return (uint32_t)(4 + key + tail);
}

uint32_t muster__import_walk(const struct muster__import *import, const unsigned char *bytes, uint32_t count,
                             uint32_t tail)
{
	uint32_t key, at = 0, n;

	while (at < count && (n = entry_bytes(import, bytes + at, count - at, tail, &key)) != 0)
		at += n;
	return at;
}

/* ---- a counter or a gauge ----------------------------------------------------------------- */

/* The label `pid` is the process's, also where the application has one of that name, as in the libraries. */
static bool pid_label(const struct muster__import *import, struct muster__import_key *key)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < key->label_count; i++) {
		if (strcmp(key->names[i], "pid") == 0)
			continue;
		key->names[kept] = key->names[i];
		key->values[kept++] = key->values[i];
	}
	key->label_count = kept;
	if (kept == MUSTER_LABELS_MAX)
		return false;
	key->names[kept] = "pid";
	key->values[kept] = import->id;
	key->label_count++;
	return true;
}

static struct muster__import_target target_of(const struct muster__import *import, const struct muster__cursor *at,
                                              uint32_t off)
{
	uint32_t real = muster__import_real_word(import, at->reals);

	if (import->type != MUSTER_GAUGE)
		return (struct muster__import_target){off, real, 0, MUSTER__IMPORT_REAL};
	if (muster__import_per_process(import))
		return (struct muster__import_target){off, muster__import_int_word(import, at->ints), real,
		                                      MUSTER__IMPORT_SAMPLE};
	if (muster__mode_timestamped(import->mode))
		return (struct muster__import_target){off, muster__import_int_word(import, at->ints), real,
		                                      MUSTER__IMPORT_RECENT};
	return (struct muster__import_target){off, muster__import_gauge_word(import, at->gauges), 0, MUSTER__IMPORT_GAUGE};
}

static int one_value(struct muster__import *import, struct muster__import_key *key, uint32_t off)
{
	struct muster__cursor at;

	if (muster__import_per_process(import) && !pid_label(import, key)) {
		muster__import_event(import, MUSTER__EVENT_FAMILY_INVALID);
		return 0;
	}
	struct muster__import_family *f = muster__import_family(import, key, NULL, 0);
	if (f == NULL || muster__import_targets_reserve(import, 1) != 0)
		return -ENOMEM;
	if (!f->refused && muster__import_series(import, f, key, NULL, 0, &at))
		muster__import_target_add(import, target_of(import, &at, off));
	return 0;
}

/* ---- the whole ---------------------------------------------------------------------------- */

/* The first key tells whose file it is. */
static bool dialect_take(struct muster__import *import, const struct muster__import_key *key)
{
	if (import->dialect != MUSTER__IMPORT_UNKNOWN)
		return import->dialect == key->dialect;
	import->dialect = key->dialect;
	if (key->dialect == MUSTER__IMPORT_MMAP)
		import->id[muster__import_id_trim(import->id, strlen(import->id))] = '\0';
	return true;
}

/* client_ruby's file of one metric. Where no schema says more, what can be told from it: counters by their name,
 * histograms and summaries by their parts, gauges with a sample per process by its label. */
static enum muster_type type_guess(const struct muster__import *import, const struct muster__import_key *key)
{
	static const char total[] = "_total";
	size_t n = strlen(import->metric), m = sizeof total - 1;

	if (key->le)
		return key->quantile ? MUSTER_SUMMARY : MUSTER_HISTOGRAM;
	if (n > m && strcmp(import->metric + n - m, total) == 0)
		return MUSTER_COUNTER;
	for (uint32_t i = 0; i < key->label_count; i++)
		if (strcmp(key->names[i], "pid") == 0)
			return MUSTER_GAUGE;
	return 0;
}

/* A gauge's mode is the metric's, not the file's; where none is said, it is all. */
static bool type_take(struct muster__import *import, const struct muster__import_key *key)
{
	const struct muster__schema_row *schema = import->schema;

	import->type = schema && schema->type ? schema->type : type_guess(import, key);
	if (import->type == MUSTER_GAUGE)
		import->mode = schema && schema->mode ? schema->mode : MUSTER_ALL;
	if (import->type != 0 && (!muster__mode_timestamped(import->mode) || import->tail == MUSTER__IMPORT_TAIL_TIMED))
		return true;
	import->refused = true;
	muster__import_event(import, MUSTER__EVENT_FAMILY_INVALID);
	return false;
}

static bool key_read(const struct muster__import *import, const char *bytes, uint32_t count, char *text,
                     struct muster__import_key *key)
{
	if (import->metric[0] == '\0')
		return muster__import_key_read(bytes, count, text, key);
	if (!muster__import_query_read(bytes, count, text, key))
		return false;
	key->metric = key->sample = import->metric;
	key->help = import->schema ? import->schema->help : NULL;
	return true;
}

/* A label le elsewhere than in a histogram is none of ours, nor is a quantile; client_ruby has one in every part. */
static bool le_fits(const struct muster__import *import, const struct muster__import_key *key)
{
	if (import->dialect != MUSTER__IMPORT_RUBY)
		return key->le == NULL || import->type == MUSTER_HISTOGRAM;
	if (import->type == MUSTER_HISTOGRAM || import->type == MUSTER_SUMMARY)
		return key->le && key->quantile == (import->type == MUSTER_SUMMARY);
	return key->le == NULL;
}

static int entry(struct muster__import *import, const char *key_bytes, uint32_t count, char *text, uint32_t off)
{
	struct muster__import_key key;

	if (import->refused)
		return 0;
	bool valid = key_read(import, key_bytes, count, text, &key) && dialect_take(import, &key);
	if (valid && import->type == 0 && !type_take(import, &key))
		return 0;
	if (!valid || !le_fits(import, &key)) {
		muster__import_event(import, MUSTER__EVENT_FAMILY_INVALID);
		return 0;
	}
	bool several = import->type == MUSTER_HISTOGRAM || import->type == MUSTER_SUMMARY;
	return several ? muster__import_part(import, &key, off) : one_value(import, &key, off);
}

int muster__import_entries(struct muster__import *import, const unsigned char *bytes, uint32_t off, uint32_t count)
{
	char *text = malloc((size_t)count + 1);
	uint32_t key_bytes = 0, n;
	int rc = text ? 0 : -ENOMEM;

	for (uint32_t at = 0; rc == 0 && at < count; at += n) {
		n = entry_bytes(import, bytes + at, count - at, import->tail, &key_bytes);
		if (n == 0)
			break;
		rc = entry(import, (const char *)bytes + at + 4, key_bytes, text, off + at + n - import->tail);
		if (rc == 0)
			import->used = off + at + n; /* after -ENOMEM it goes on here */
	}
	free(text);
	return rc;
}
