/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text_render.h - what of a page stays the same from scrape to scrape, rendered once into one block per
 * family and one per series, which live as long as these do.
 */
#ifndef MUSTER__TEXT_RENDER_H
#define MUSTER__TEXT_RENDER_H

#include <stdint.h>

#include "encode.h"

/* Bytes are copied by chunks of this size, so that many may be read and written past the end of a text. */
#define MUSTER__TEXT_CHUNK 32

/* The longest exemplar at the end of a line: its labels, all escaped, no fewer than 3 bytes each; value and time. */
#define MUSTER__TEXT_EXEMPLAR_MAX (2 * MUSTER_EXEMPLAR_BYTES_MAX + 4 * (MUSTER_EXEMPLAR_BYTES_MAX / 3) + 64)

/* The longest end of a bucket's line, `-1.7976931348623157e+308"} `, and its length fit in one chunk. */
struct muster__text_le {
	char bytes[MUSTER__TEXT_CHUNK - 1];
	uint8_t count;
};

/* Which lines describe a family: text 0.0.4; OpenMetrics; OpenMetrics where another family has the name that is left
 * without the suffix of a counter or an info, or a counter has no suffix. */
enum muster__text_head { MUSTER__HEAD_TEXT, MUSTER__HEAD_OPENMETRICS, MUSTER__HEAD_UNKNOWN, MUSTER__HEADS };

struct muster__text_family {
	struct muster__text_le *les; /* histogram: bounds_count + 1; summary: quantile_count */
	const char *heads[MUSTER__HEADS];
	uint32_t head_bytes[MUSTER__HEADS];
	uint32_t base_bytes; /* of the name without the suffix that OpenMetrics adds to it */
};

/* A double as it was last spelled. Sums and real counters that rest are copied, not spelled again: 2 ns, not 38. */
struct muster__text_real {
	uint64_t bits;
	char bytes[27]; /* with a newline */
	uint8_t count;
};

enum { MUSTER__TEXT_PREFIXES_MAX = 3 };

/* A series' lines up to their values. One prefix, but
 *   histogram   `..._bucket{...le="` (family's les go on from there), `..._sum{...} `, `..._count{...} `
 *   summary     `..._sum{...} `, `..._count{...} `; with quantiles `...{...quantile="` before these
 *   gauge, all  `...{...pid="` */
struct muster__text_series {
	uint32_t bytes_max; /* of all its lines with their values, and a chunk */
	uint32_t prefix_bytes[MUSTER__TEXT_PREFIXES_MAX];
	uint32_t real_count;             /* 1 if it has a double that may rest, else 0 */
	struct muster__text_real real[]; /* then the prefixes, one after the other, and a chunk */
};

static inline char *muster__text_prefixes(struct muster__text_series *s)
{
	return (char *)(s->real + s->real_count);
}

/* Render a family or a series into its `rendered`, to be released with free().
 * Returns the block, or NULL for want of memory. */
struct muster__text_family *muster__text_render_family(struct muster__view_family *family);
struct muster__text_series *muster__text_render_series(struct muster__view_series *series);

/* Copy with `\\` before `\\` and `"`, and newlines as `\\n`. Returns the end, at most 2 * count behind `at`. */
char *muster__text_escape(char *at, const char *s, size_t count, bool quoted);

/* ` # {label="value",...} value time`, with a newline, of an exemplar that is one. Returns the end, at most
 * MUSTER__TEXT_EXEMPLAR_MAX behind `at`. */
char *muster__text_exemplar(char *at, const struct muster__view_exemplar *e);

/* Unix time in seconds, with milliseconds and a newline. */
char *muster__text_milliseconds(char *at, uint64_t unix_ns);

/* The lines that describe a family. In OpenMetrics the name is without the suffix of its type, which samples have.
 *   unit   "": none */
void muster__text_put_head(struct muster__text_buffer *b, enum muster__text_head head, const char *name,
                           const char *help, const char *unit, enum muster_type type);

#endif
