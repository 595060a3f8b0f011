/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text_render.c - names, labels, escapes, bucket bounds and quantiles, rendered once, for text 0.0.4 and OpenMetrics alike.
 *
 * Runs in readers, when a family or series is on its first page. What the buckets of a family have in common
 * is kept once per family, so that a histogram costs little more memory than three counters and its scrape
 * copies from bytes that stay in the nearest cache.
 *
 * Source: Prometheus exposition formats, text-based format 0.0.4 (escapes: `\`, newline, and in label
 * values `"`; all other bytes, control characters too, stand as they are). OpenMetrics 1.0, ABNF: in HELP `"` is escaped
 * too; sample lines are the same.
 */
#include "text_render.h"

#define NUMBER_BYTES_MAX 26  /* with its newline */
#define CREATED_BYTES_MAX 40 /* with its suffix */
#define PID_BYTES_MAX 16     /* with the end of its line */

char *muster__text_escape(char *at, const char *s, size_t count, bool quoted)
{
	for (size_t i = 0; i < count; i++) {
		if (s[i] == '\\' || s[i] == '\n' || (quoted && s[i] == '"'))
			*at++ = '\\';
		*at++ = s[i] == '\n' ? 'n' : s[i];
	}
	return at;
}

static void put_escaped(struct muster__text_buffer *b, const char *s, size_t count, bool quoted)
{
	char *at = muster__text_room(b, count * 2);

	if (at)
		b->count = (size_t)(muster__text_escape(at, s, count, quoted) - b->bytes);
}

/* ---- families ----------------------------------------------------------------------------- */

static const struct {
	const char *text, *openmetrics, *suffix; /* NULL: no suffix of its own */
} types[] = {
	[MUSTER_COUNTER] = {"counter", "counter", "_total"},
	[MUSTER_REAL_COUNTER] = {"counter", "counter", "_total"},
	[MUSTER_GAUGE] = {"gauge", "gauge", NULL},
	[MUSTER_IN_FLIGHT] = {"gauge", "gauge", NULL},
	[MUSTER_HISTOGRAM] = {"histogram", "histogram", NULL},
	[MUSTER_SUMMARY] = {"summary", "summary", NULL},
	[MUSTER_INFO] = {"gauge", "info", "_info"},
	[MUSTER_STATESET] = {"gauge", "stateset", NULL},
	[MUSTER_NATIVE_HISTOGRAM] = {"histogram", "histogram", NULL},
};

/* A counter of another library's may lack the suffix. */
static size_t base_bytes(const char *name, enum muster_type type)
{
	const char *end = types[type].suffix ? types[type].suffix : "";
	size_t n = strlen(name), suffix = strlen(end);

	return n > suffix && memcmp(name + n - suffix, end, suffix) == 0 ? n - suffix : n;
}

static void put_line(struct muster__text_buffer *b, const char *what, const char *name, size_t name_bytes)
{
	muster__text_put(b, what);
	muster__text_put_bytes(b, name, name_bytes);
	muster__text_put(b, " ");
}

/* In text 0.0.4 HELP comes first, as everybody writes it; OpenMetrics wants TYPE, UNIT, HELP. */
static void put_help(struct muster__text_buffer *b, const char *name, size_t name_bytes, const char *help, bool quoted)
{
	put_line(b, "# HELP ", name, name_bytes);
	put_escaped(b, help, strlen(help), quoted);
	muster__text_put(b, "\n");
}

static void put_type(struct muster__text_buffer *b, const char *name, size_t name_bytes, const char *type)
{
	put_line(b, "# TYPE ", name, name_bytes);
	muster__text_put(b, type);
	muster__text_put(b, "\n");
}

/* OpenMetrics wants the unit at the end of the name, and none of what has no unit. A slab may say otherwise. */
static bool unit_fits(const char *name, size_t bytes, const char *unit, enum muster_type type)
{
	size_t n = strlen(unit);

	return n > 0 && type != MUSTER_INFO && type != MUSTER_STATESET && bytes > n + 1 && name[bytes - n - 1] == '_' &&
	       memcmp(name + bytes - n, unit, n) == 0;
}

void muster__text_put_head(struct muster__text_buffer *b, enum muster__text_head head, const char *name,
                           const char *help, const char *unit, enum muster_type type)
{
	bool unknown = head == MUSTER__HEAD_UNKNOWN && types[type].suffix;
	size_t bytes = head == MUSTER__HEAD_TEXT || unknown ? strlen(name) : base_bytes(name, type);

	if (head == MUSTER__HEAD_TEXT) {
		put_help(b, name, bytes, help, false);
		put_type(b, name, bytes, types[type].text);
		return;
	}
	put_type(b, name, bytes, unknown ? "unknown" : types[type].openmetrics);
	if (!unknown && unit_fits(name, bytes, unit, type)) {
		put_line(b, "# UNIT ", name, bytes);
		muster__text_put(b, unit);
		muster__text_put(b, "\n");
	}
	put_help(b, name, bytes, help, true);
}

/* Lines that only end differently: buckets or quantiles. */
static uint32_t ends_of(const struct muster__view_family *f)
{
	return f->type == MUSTER_SUMMARY     ? f->quantile_count
	       : f->type == MUSTER_HISTOGRAM ? f->bounds_count + 1
	                                     : f->type == MUSTER_NATIVE_HISTOGRAM;
}

static double end_of(const struct muster__view_family *f, uint32_t i)
{
	if (f->type == MUSTER_SUMMARY)
		return f->quantiles[i];
	return i + 1 < ends_of(f) ? f->bounds[i] : __builtin_inf();
}

static void les_fill(struct muster__text_le *les, const struct muster__view_family *f)
{
	for (uint32_t i = 0; i < ends_of(f); i++) {
		char *at = les[i].bytes;
		at += muster__number_real(at, end_of(f, i), true);
		memcpy(at, "\"} ", 3);
		les[i].count = (uint8_t)(at + 3 - les[i].bytes);
	}
}

static struct muster__text_family *family_block(const struct muster__view_family *f,
                                                const struct muster__text_buffer *heads, const uint32_t *head_bytes)
{
	size_t les_bytes = ends_of(f) * sizeof(struct muster__text_le);
	struct muster__text_family *block = heads->failed ? NULL : calloc(1, sizeof *block + les_bytes + heads->count);

	if (block == NULL)
		return NULL;
	block->les = (struct muster__text_le *)(block + 1);
	les_fill(block->les, f);
	const char *at = memcpy((char *)block->les + les_bytes, heads->bytes, heads->count);
	for (int head = 0; head < MUSTER__HEADS; head++) {
		block->heads[head] = at;
		at += block->head_bytes[head] = head_bytes[head];
	}
	block->base_bytes = (uint32_t)base_bytes(f->name, f->type);
	return block;
}

struct muster__text_family *muster__text_render_family(struct muster__view_family *family)
{
	struct muster__text_buffer heads = {0};
	uint32_t bytes[MUSTER__HEADS];

	for (int head = 0; head < MUSTER__HEADS; head++) {
		size_t before = heads.count;
		muster__text_put_head(&heads, head, family->name, family->help, family->unit, family->type);
		bytes[head] = (uint32_t)(heads.count - before);
	}
	family->rendered = family_block(family, &heads, bytes);
	free(heads.bytes);
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
	bool summary = s->family->type == MUSTER_SUMMARY;
	uint32_t i = 0;
	size_t end = 0;

	if (ends_of(s->family)) {
		put_prefix(b, s, summary ? "" : "_bucket", summary ? "quantile" : "le");
		bytes[i++] = (uint32_t)b->count;
		end = b->count;
	}
	if (ends_of(s->family) || summary) {
		put_prefix(b, s, "_sum", NULL);
		bytes[i++] = (uint32_t)(b->count - end);
		end = b->count;
		put_prefix(b, s, "_count", NULL);
	} else {
		put_prefix(b, s, "", muster__family_per_pid(s->family) ? "pid" : NULL);
	}
	bytes[i] = (uint32_t)(b->count - end);
}

static bool has_real(const struct muster__view_family *f)
{
	return f->type != MUSTER_COUNTER && f->type != MUSTER_IN_FLIGHT && !muster__family_per_pid(f);
}

/* Rather too much than too little: the first prefix of buckets or quantiles is counted once more than it is there. */
static uint32_t bytes_max(const struct muster__view_family *f, const uint32_t *prefix_bytes)
{
	uint32_t bytes = PID_BYTES_MAX + MUSTER__TEXT_CHUNK, longest = 0;

	for (uint32_t i = 0; i < MUSTER__TEXT_PREFIXES_MAX; i++)
		bytes += prefix_bytes[i] + NUMBER_BYTES_MAX;
	for (uint32_t i = 0; i < MUSTER__TEXT_PREFIXES_MAX; i++)
		longest = prefix_bytes[i] > longest ? prefix_bytes[i] : longest;
	bytes += longest + CREATED_BYTES_MAX;
	return bytes + ends_of(f) * (prefix_bytes[0] + (uint32_t)sizeof(struct muster__text_le) + NUMBER_BYTES_MAX);
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
