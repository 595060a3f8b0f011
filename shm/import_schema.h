/* SPDX-License-Identifier: Apache-2.0 */
/*
 * import_schema.h - what client_ruby's files do not say: types, help, bounds and aggregations.
 *
 * Source: client_ruby, data_stores/direct_file_store.rb and histogram.rb.
 */
#ifndef MUSTER__IMPORT_SCHEMA_H
#define MUSTER__IMPORT_SCHEMA_H

#include <muster/muster.h>

struct muster__schema_row {
	char *metric, *help;   /* help: NULL if there is none */
	enum muster_type type; /* 0: not said */
	enum muster_mode mode; /* of a gauge; 0: not said */
	double *bounds;        /* of a histogram, ascending, without +Inf; NULL: the library's own */
	uint32_t bounds_count;
};

struct muster__schema;

/* Read a schema: a page in text format, of which the TYPE and HELP lines count, the bounds of buckets, and lines
 * "# AGGREGATION metric sum|max|min|all|most_recent".
 * Returns 0; -errno; MUSTER_EOPTION with a message if it is none; -ENOMEM. */
int muster__schema_read(const char *path, struct muster__schema **out);
void muster__schema_destroy(struct muster__schema **schema);

/* What it says of a metric; NULL if nothing. Accepts NULL for no schema. */
const struct muster__schema_row *muster__schema_find(const struct muster__schema *schema, const char *metric);

/* The library's own bounds. */
extern const double muster__schema_bounds[];
extern const uint32_t muster__schema_bounds_count;

#endif
