/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text_render.c - names, labels, bucket bounds and quantiles, rendered once, for text 0.0.4 and OpenMetrics alike.
 *
 * Runs in readers, when a family is on its first page. What the lines of a family have in common is kept once, so that
 * a series costs no memory but its label values, and a scrape copies from bytes that stay in the nearest cache.
 *
 * Source: Prometheus exposition formats, text-based format 0.0.4 (escapes: `\`, newline, and in label
 * values `"`; all other bytes, control characters too, stand as they are). OpenMetrics 1.0, ABNF: in HELP `"` is escaped
 * too; sample lines are the same.
 */
#include "text_render.h"

#include "names.h"

#define NUMBER_BYTES_MAX 26 /* with its newline */

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

bool muster__text_has_suffix(const char *name, enum muster_type type)
{
	return name[base_bytes(name, type)] != '\0';
}

/* ---- names -------------------------------------------------------------------------------- */

/* Names that are not of the old alphabet are quoted. */
static void put_quoted(struct muster__text_buffer *b, const char *name, size_t name_bytes, const char *suffix)
{
	muster__text_put(b, "\"");
	put_escaped(b, name, name_bytes, true);
	muster__text_put(b, suffix);
	muster__text_put(b, "\"");
}

static void put_head_name(struct muster__text_buffer *b, const char *name, size_t name_bytes)
{
	if (muster__legacy_name(name, name_bytes, true))
		muster__text_put_bytes(b, name, name_bytes);
	else
		put_quoted(b, name, name_bytes, "");
}

static void put_label_name(struct muster__text_buffer *b, const char *name)
{
	size_t bytes = strlen(name);

	if (muster__legacy_name(name, bytes, false))
		muster__text_put_bytes(b, name, bytes);
	else
		put_quoted(b, name, bytes, "");
}

/* A quoted name stands within the braces. Returns whether they are open. */
static bool put_sample_name(struct muster__text_buffer *b, const char *name, size_t name_bytes, const char *suffix)
{
	if (!muster__legacy_name(name, name_bytes, true)) {
		muster__text_put(b, "{");
		put_quoted(b, name, name_bytes, suffix);
		return true;
	}
	muster__text_put_bytes(b, name, name_bytes);
	muster__text_put(b, suffix);
	return false;
}

/* ---- the lines that describe a family ----------------------------------------------------- */

static void put_head_line(struct muster__text_buffer *b, const char *what, const char *name, size_t name_bytes)
{
	muster__text_put(b, what);
	put_head_name(b, name, name_bytes);
	muster__text_put(b, " ");
}

/* In text 0.0.4 HELP comes first, as everybody writes it; OpenMetrics wants TYPE, UNIT, HELP. */
static void put_help(struct muster__text_buffer *b, const char *name, size_t name_bytes, const char *help, bool quoted)
{
	put_head_line(b, "# HELP ", name, name_bytes);
	put_escaped(b, help, strlen(help), quoted);
	muster__text_put(b, "\n");
}

static void put_type(struct muster__text_buffer *b, const char *name, size_t name_bytes, const char *type)
{
	put_head_line(b, "# TYPE ", name, name_bytes);
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
		put_head_line(b, "# UNIT ", name, bytes);
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

/* ---- lines -------------------------------------------------------------------------------- */

/* A family in the making. */
struct rendering {
	const struct muster__view_family *family;
	const struct muster__spelling *names;
	struct muster__text_buffer text;
	struct muster__text_piece heads[MUSTER__HEADS], lines[MUSTER__LINES][MUSTER_LABELS_MAX + 1];
	bool has[MUSTER__LINES];
};

/* What was put since `begin`. */
static struct muster__text_piece piece_since(const struct rendering *r, size_t begin)
{
	return (struct muster__text_piece){(uint32_t)begin, (uint32_t)(r->text.count - begin)};
}

static void heads_make(struct rendering *r)
{
	const struct muster__view_family *f = r->family;

	for (int head = 0; head < MUSTER__HEADS; head++) {
		size_t begin = r->text.count;
		muster__text_put_head(&r->text, head, r->names->name, f->help, f->unit, f->type);
		r->heads[head] = piece_since(r, begin);
	}
}

/* What stands before label i, or, behind all, before the line's value.
 *   open   the braces are, by the name
 *   end    the name of a label that the encoder adds, or NULL */
static void put_between(struct rendering *r, uint32_t i, bool open, const char *end)
{
	const char *label = i < r->family->label_count ? r->names->labels[i] : end;
	struct muster__text_buffer *b = &r->text;

	muster__text_put(b, i ? "\"" : "");
	if (label == NULL) {
		muster__text_put(b, i || open ? "} " : " ");
		return;
	}
	muster__text_put(b, i || open ? "," : "{");
	put_label_name(b, label);
	muster__text_put(b, "=\"");
}

static void line_make(struct rendering *r, enum muster__text_line line, size_t name_bytes, const char *suffix,
                      const char *end)
{
	size_t begin = r->text.count;

	r->has[line] = true;
	bool open = put_sample_name(&r->text, r->names->name, name_bytes, suffix);
	for (uint32_t i = 0; i <= r->family->label_count; i++) {
		put_between(r, i, open, end);
		r->lines[line][i] = piece_since(r, begin);
		begin = r->text.count;
	}
}

static void lines_make(struct rendering *r)
{
	const struct muster__view_family *f = r->family;
	const char *name = r->names->name;
	size_t name_bytes = strlen(name);
	bool summary = f->type == MUSTER_SUMMARY;

	if (ends_of(f))
		line_make(r, MUSTER__LINE_ENDS, name_bytes, summary ? "" : "_bucket", summary ? "quantile" : "le");
	if (ends_of(f) || summary) {
		line_make(r, MUSTER__LINE_SUM, name_bytes, "_sum", NULL);
		line_make(r, MUSTER__LINE_COUNT, name_bytes, "_count", NULL);
	} else {
		line_make(r, MUSTER__LINE_VALUE, name_bytes, "", muster__family_per_pid(f) ? "pid" : NULL);
	}
	line_make(r, MUSTER__LINE_CREATED, base_bytes(name, f->type), "_created", NULL);
}

/* ---- the block ---------------------------------------------------------------------------- */

/* Rather too much than too little: every line is counted with the longest end and number there are. */
static void room_count(struct muster__text_family *block, const struct rendering *r)
{
	uint32_t label_count = r->family->label_count;

	block->bytes_max = MUSTER__TEXT_CHUNK;
	for (int line = 0; line < MUSTER__LINES; line++) {
		size_t times = !r->has[line] ? 0 : line == MUSTER__LINE_ENDS ? ends_of(r->family) : 1;
		size_t bytes = sizeof(struct muster__text_le) + NUMBER_BYTES_MAX;
		for (uint32_t i = 0; i <= label_count; i++)
			bytes += r->lines[line][i].count;
		block->values_max += times;
		block->bytes_max += times * bytes;
	}
}

/* One block, with its pieces, ends of lines and text. */
static struct muster__text_family *block_make(const struct rendering *r)
{
	const struct muster__view_family *f = r->family;
	size_t line_bytes = (f->label_count + 1) * sizeof(struct muster__text_piece);
	size_t les_bytes = ends_of(f) * sizeof(struct muster__text_le);
	struct muster__text_family *block =
		calloc(1, sizeof *block + MUSTER__LINES * line_bytes + les_bytes + r->text.count + MUSTER__TEXT_CHUNK);

	if (block == NULL)
		return NULL;
	char *at = (char *)(block + 1);
	for (int line = 0; line < MUSTER__LINES; line++, at += line_bytes)
		block->lines[line] = r->has[line] ? memcpy(at, r->lines[line], line_bytes) : NULL;
	les_fill((struct muster__text_le *)(void *)at, f);
	block->les = (const struct muster__text_le *)(void *)at;
	block->text = memcpy(at + les_bytes, r->text.bytes, r->text.count);
	memcpy(block->heads, r->heads, sizeof block->heads);
	room_count(block, r);
	return block;
}

struct muster__text_family *muster__text_render_family(const struct muster__view_family *family,
                                                       const struct muster__spelling *names)
{
	struct rendering r = {.family = family, .names = names};

	heads_make(&r);
	lines_make(&r);
	struct muster__text_family *block = r.text.failed ? NULL : block_make(&r);
	free(r.text.bytes);
	return block;
}
