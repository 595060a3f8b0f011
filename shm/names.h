/* SPDX-License-Identifier: Apache-2.0 */
/*
 * names.h - what a name, a label, a text and a mode may be. Pure functions on bytes of known length, used where
 * families are declared and again, on private copies, where slabs are read.
 */
#ifndef MUSTER__NAMES_H
#define MUSTER__NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include <muster/muster.h>

/* UTF-8, 1 to MUSTER_NAME_BYTES_MAX bytes. Colons are for recording rules. */
bool muster__name_valid(const char *name, size_t bytes);

/* The same with colons: what other libraries let through. */
bool muster__imported_name_valid(const char *name, size_t bytes);

/* UTF-8, 1 to MUSTER_NAME_BYTES_MAX bytes, not beginning with "__", not le or quantile, nor pid where the encoder adds
 * it (gauges in mode all and liveall). */
bool muster__label_name_valid(const char *name, size_t bytes, enum muster_type type, enum muster_mode mode);

/* May c stand in a name of the old alphabet, as its first byte or later? */
static inline bool muster__legacy_char(char c, bool first, bool colons)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (colons && c == ':') ||
	       (!first && c >= '0' && c <= '9');
}

/* A unit: of the old alphabet, at most MUSTER_NAME_BYTES_MAX. */
bool muster__unit_valid(const char *unit, size_t bytes);

/* Is a name of the old alphabet, [a-zA-Z_][a-zA-Z0-9_]*? Any number of bytes, but 0. */
bool muster__legacy_name(const char *name, size_t bytes, bool colons);

/* How many bytes the well-formed sequence of UTF-8 at s has; 0 if there is none, or a NUL. */
size_t muster__utf8_sequence(const char *s, size_t bytes);

/* Well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates) without NUL. */
bool muster__utf8_valid(const char *text, size_t bytes);

/* Has an encoder its own use for a label of that name? "__..." are Prometheus' own. */
bool muster__label_name_reserved(const char *name, size_t bytes, enum muster_type type, enum muster_mode mode);

/* Types kept in gauge cells, with a mode. */
static inline bool muster__is_gauge(enum muster_type type)
{
	return type == MUSTER_GAUGE || type == MUSTER_INFO || type == MUSTER_STATESET;
}

/* May a family of this type have this mode? The states of several processes agree only as of each, or of any. */
static inline bool muster__mode_fits(enum muster_type type, enum muster_mode mode)
{
	switch (type) {
	case MUSTER_GAUGE:
		return mode >= MUSTER_ALL && mode <= MUSTER_LIVEMOSTRECENT;
	case MUSTER_STATESET:
		return mode == MUSTER_ALL || mode == MUSTER_LIVEALL || mode == MUSTER_MAX || mode == MUSTER_LIVEMAX;
	case MUSTER_INFO:
		return mode == MUSTER_LIVEMAX;
	default:
		return (int)mode == 0;
	}
}

/* What samples have behind the name of their family, in one format or another. */
struct muster__sample_suffix {
	const char *suffix;
	unsigned types; /* whose samples have it, by bits */
};
#define MUSTER__SAMPLE_SUFFIXES 4
extern const struct muster__sample_suffix muster__sample_suffixes[MUSTER__SAMPLE_SUFFIXES];

/* The suffix that speaks against name for this type, or the one it lacks ("_total", "_info"); NULL if none. */
const char *muster__suffix_wrong(const char *name, size_t bytes, enum muster_type type);

#endif
