/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text_render.c - names, labels, escapes and bucket bounds of text 0.0.4, rendered once.
 *
 * Runs in readers, when a family or series is on its first page. What the buckets of a family have in common
 * is kept once per family, so that a histogram costs little more memory than three counters and its scrape
 * copies from bytes that stay in the nearest cache.
 *
 * Source: Prometheus exposition formats, text-based format 0.0.4 (escapes: `\`, newline, and in label
 * values `"`; all other bytes, control characters too, stand as they are).
 */
#include "text_render.h"

#define NUMBER_BYTES_MAX 26 /* with its newline */
#define PID_BYTES_MAX 16    /* with the end of its line */

static void put_escaped(struct muster__text_buffer *b, const char *s, size_t count, bool quoted)
{
	char *at = muster__text_room(b, count * 2);

	if (at == NULL)
		return;
	for (size_t i = 0; i < count; i++) {
		if (s[i] == '\\' || s[i] == '\n' || (quoted && s[i] == '"'))
			*at++ = '\\';
		*at++ = s[i] == '\n' ? 'n' : s[i];
	}
	b->count = (size_t)(at - b->bytes);
}

/* ---- families ----------------------------------------------------------------------------- */

static const char *const type_names[] = {
	[MUSTER_COUNTER] = "counter", [MUSTER_REAL_COUNTER] = "counter", [MUSTER_GAUGE] = "gauge",
	[MUSTER_IN_FLIGHT] = "gauge", [MUSTER_HISTOGRAM] = "histogram",  [MUSTER_SUMMARY] = "summary",
	[MUSTER_INFO] = "gauge",      [MUSTER_STATESET] = "gauge",
};

void muster__text_put_head(struct muster__text_buffer *b, const char *name, const char *help, const char *type)
{
	muster__text_put(b, "# HELP ");
	muster__text_put(b, name);
	muster__text_put(b, " ");
	put_escaped(b, help, strlen(help), false);
	muster__text_put(b, "\n# TYPE ");
	muster__text_put(b, name);
	muster__text_put(b, " ");
	muster__text_put(b, type);
	muster__text_put(b, "\n");
}

static uint32_t buckets_of(const struct muster__view_family *f)
{
	return f->type == MUSTER_HISTOGRAM ? f->bounds_count + 1 : 0;
}

static void les_fill(struct muster__text_le *les, const struct muster__view_family *f)
{
	for (uint32_t i = 0; i < buckets_of(f); i++) {
		char *at = les[i].bytes;
		at += muster__number_real(at, i < f->bounds_count ? f->bounds[i] : __builtin_inf(), true);
		memcpy(at, "\"} ", 3);
		les[i].count = (uint8_t)(at + 3 - les[i].bytes);
	}
}

static struct muster__text_family *family_block(const struct muster__view_family *f,
                                                const struct muster__text_buffer *head)
{
	size_t les_bytes = buckets_of(f) * sizeof(struct muster__text_le);
	struct muster__text_family *block = head->failed ? NULL : calloc(1, sizeof *block + les_bytes + head->count);

	if (block == NULL)
		return NULL;
	block->les = (struct muster__text_le *)(block + 1);
	les_fill(block->les, f);
	block->head = memcpy((char *)block->les + les_bytes, head->bytes, head->count);
	block->head_bytes = head->count;
	return block;
}

struct muster__text_family *muster__text_render_family(struct muster__view_family *family)
{
	struct muster__text_buffer head = {0};

	muster__text_put_head(&head, family->name, family->help, type_names[family->type]);
	family->rendered = family_block(family, &head);
	free(head.bytes);
	return family->rendered;
}

/* ---- series ------------------------------------------------------------------------------- */

/* One line up to its value, or, with `last`, up to the value of the label of that name. */
static void put_prefix(struct muster__text_buffer *b, const struct muster__view_series *s, const char *suffix,
                       const char *last)
{
	const struct muster__view_family *f = s->family;

	muster__text_put(b, f->name);
	muster__text_put(b, suffix);
	for (uint32_t i = 0; i < f->label_count; i++) {
		muster__text_put(b, i ? "," : "{");
		muster__text_put(b, f->labels[i]);
		muster__text_put(b, "=\"");
		put_escaped(b, s->labels[i].bytes, s->labels[i].count, true);
		muster__text_put(b, "\"");
	}
	if (last) {
		muster__text_put(b, f->label_count ? "," : "{");
		muster__text_put(b, last);
		muster__text_put(b, "=\"");
	} else {
		muster__text_put(b, f->label_count ? "} " : " ");
	}
}

/* All prefixes of a series. Fills in how long each is. */
static void put_prefixes(struct muster__text_buffer *b, const struct muster__view_series *s, uint32_t *bytes)
{
	enum muster_type type = s->family->type;
	uint32_t i = 0;
	size_t end = 0;

	if (type == MUSTER_HISTOGRAM) {
		put_prefix(b, s, "_bucket", "le");
		bytes[i++] = (uint32_t)b->count;
		end = b->count;
	}
	if (type == MUSTER_HISTOGRAM || type == MUSTER_SUMMARY) {
		put_prefix(b, s, "_sum", NULL);
		bytes[i++] = (uint32_t)(b->count - end);
		end = b->count;
		put_prefix(b, s, "_count", NULL);
	} else {
		put_prefix(b, s, "", muster__text_per_pid(s->family) ? "pid" : NULL);
	}
	bytes[i] = (uint32_t)(b->count - end);
}

static bool has_real(const struct muster__view_family *f)
{
	return f->type != MUSTER_COUNTER && f->type != MUSTER_IN_FLIGHT && !muster__text_per_pid(f);
}

/* Rather too much than too little: the first prefix of a histogram is counted once more than it is there. */
static uint32_t bytes_max(const struct muster__view_family *f, const uint32_t *prefix_bytes)
{
	uint32_t bytes = PID_BYTES_MAX + MUSTER__TEXT_CHUNK;

	for (uint32_t i = 0; i < MUSTER__TEXT_PREFIXES_MAX; i++)
		bytes += prefix_bytes[i] + NUMBER_BYTES_MAX;
	return bytes + buckets_of(f) * (prefix_bytes[0] + (uint32_t)sizeof(struct muster__text_le) + NUMBER_BYTES_MAX);
}

static struct muster__text_series *series_block(const struct muster__view_family *f, const uint32_t *prefix_bytes,
                                                const struct muster__text_buffer *prefixes)
{
	uint32_t real_count = has_real(f);
	size_t bytes = sizeof(struct muster__text_series) + real_count * sizeof(struct muster__text_real) +
	               prefixes->count + MUSTER__TEXT_CHUNK;
	struct muster__text_series *block = prefixes->failed ? NULL : calloc(1, bytes);

	if (block == NULL)
		return NULL;
	block->bytes_max = bytes_max(f, prefix_bytes);
	memcpy(block->prefix_bytes, prefix_bytes, sizeof block->prefix_bytes);
	block->real_count = real_count;
	if (real_count)
		block->real[0] = (struct muster__text_real){.bits = 0, .bytes = "0\n", .count = 2};
	memcpy(muster__text_prefixes(block), prefixes->bytes, prefixes->count);
	return block;
}

struct muster__text_series *muster__text_render_series(struct muster__view_series *series)
{
	struct muster__text_buffer prefixes = {0};
	uint32_t bytes[MUSTER__TEXT_PREFIXES_MAX] = {0};

	put_prefixes(&prefixes, series, bytes);
	series->rendered = series_block(series->family, bytes, &prefixes);
	free(prefixes.bytes);
	return series->rendered;
}

_Static_assert((MUSTER_BOUNDS_MAX + 4) * UINT64_C(2) * MUSTER_LABELS_MAX * (MUSTER_LABEL_VALUE_BYTES_MAX + 256) <
                   UINT32_MAX,
               "the bytes of a series are counted in 32 bits");
