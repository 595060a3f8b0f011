/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text_render.h - what of a page stays the same from scrape to scrape, rendered once into one block per family,
 * which lives as long as the family does.
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

/* Lines of a series, up to their values. */
enum muster__text_line {
	MUSTER__LINE_VALUE, /* `name{...} `; of a gauge per worker `name{...,pid="` */
	MUSTER__LINE_ENDS, /* of a histogram `name_bucket{...,le="`, of a summary `name{...,quantile="`; les go on from there */
	MUSTER__LINE_SUM,     /* `name_sum{...} ` */
	MUSTER__LINE_COUNT,   /* `name_count{...} ` */
	MUSTER__LINE_CREATED, /* `name_created{...} `, without the suffix of a counter */
	MUSTER__LINES
};

/* Bytes of a family's text. */
struct muster__text_piece {
	uint32_t at, count;
};

struct muster__text_family {
	const char *text; /* with a chunk behind it */
	struct muster__text_piece heads[MUSTER__HEADS];
	/* Of each line as many as there are labels, and one; between them stand the label values. NULL: it has no such line. */
	const struct muster__text_piece *lines[MUSTER__LINES];
	const struct muster__text_le *les; /* histogram: bounds_count + 1; summary: quantile_count */
	size_t values_max;                 /* how often a series writes its label values, at most, */
	size_t bytes_max;                  /* and how many bytes besides, and a chunk */
};

/* Render a family, with names as the page spells them; to be released with free(). NULL for want of memory. */
struct muster__text_family *muster__text_render_family(const struct muster__view_family *family,
                                                       const struct muster__spelling *names);

/* Ends the name in what OpenMetrics takes from the names of such families, `_total` or `_info`? */
bool muster__text_has_suffix(const char *name, enum muster_type type);

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
