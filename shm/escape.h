/* SPDX-License-Identifier: Apache-2.0 */
/*
 * escape.h - a name of a metric or a label in the old alphabet. Pure functions, any process.
 *
 * Source: Prometheus, UTF-8 escaping schemes; what prometheus/common does where that text is silent.
 */
#ifndef MUSTER__ESCAPE_H
#define MUSTER__ESCAPE_H

#include <stdbool.h>
#include <stddef.h>

#include <muster/region.h>

/* No name gets longer: `.` becomes `_dot_`, a character of two bytes `_7ff_`, behind `U__`. */
#define MUSTER__ESCAPED_BYTES_MAX(bytes) (5 * (bytes) + 3)

/* Write a name, which is valid UTF-8, by a scheme. Dots change names of the old alphabet, too.
 *   colons   fit: in names of metrics, not of labels
 * Returns the end, at most MUSTER__ESCAPED_BYTES_MAX(bytes) behind `at`. */
char *muster__escape_name(char *at, const char *name, size_t bytes, enum muster_escaping escaping, bool colons);

/* Write any name by the scheme `values`, one of the old alphabet, too; otherwise the same. */
char *muster__escape_values(char *at, const char *name, size_t bytes, bool colons);

#endif
