/* SPDX-License-Identifier: Apache-2.0 */
/*
 * import.h - multiprocess files of client libraries, read as slabs: prometheus_client's, prometheus-client-mmap's, and
 * those of client_ruby's DirectFileStore.
 *
 * Each file is transcribed into a private image that is laid out as a slab: its families and series become
 * catalogue records, its values cells. So all that is done with slabs - sharing of catalogues, merging, the last words,
 * the ledger, quarantine - is done with it. What is its own: whether anybody can still write it says if it is alive, and
 * before it is folded it gets a hidden name, so that a process that is given the same identifier begins a new one.
 *
 * One subject a file: the directory (import_dir.c), a name in it (import_name.c), one file (import_file.c), its entries
 * (import_entry.c), the key of an entry (import_key.c, import_query.c), series of several entries (import_parts.c), the
 * image (import_image.c), what the files do not say (import_schema.c). Runs in readers and masters; everything in a file is hostile.
 *
 * Source of the formats: prometheus_client, mmap_dict.py and values.py, in versions to 0.15 (no help), 0.16 and 0.17 (no
 * time) and from 0.18 on; prometheus-client-mmap, mmaped_dict.rb, mmaped_value.rb and helper/entry_parser.rb;
 * client_ruby, data_stores/direct_file_store.rb, in versions with and without a time.
 */
#ifndef MUSTER__IMPORT_H
#define MUSTER__IMPORT_H

#include <limits.h>

#include "import_schema.h"
#include "index.h"
#include "slab.h"

#define MUSTER__IMPORT_HIDDEN ".muster." /* then the inode in hex, a dot and the old name */
#define MUSTER__IMPORT_FILE_BYTES_MAX (UINT32_C(1) << 30)

/* ---- import_name.c ------------------------------------------------------------------------ */

/* What the name of a file says. */
struct muster__import_name {
	enum muster_type type; /* COUNTER, GAUGE, HISTOGRAM or SUMMARY; 0: it does not say */
	enum muster_mode mode;
	const char *id; /* of the process; in the name that was read */
	size_t id_bytes;
	const char *metric; /* likewise; NULL: it has several */
	size_t metric_bytes;
};

/* counter_ID.db, gauge_MODE_ID.db, histogram_ID.db, summary_ID.db, metric_METRIC___ID.bin, or a hidden one of these.
 * Returns false for any other name. */
bool muster__import_name_read(const char *file, struct muster__import_name *out);

/* An identifier as prometheus-client-mmap's reader understands it, in place. Returns its bytes. */
size_t muster__import_id_trim(char *id, size_t bytes);

/* ---- import_key.c ------------------------------------------------------------------------- */

/* Whose file it is; its first key says so. */
enum muster__import_dialect {
	MUSTER__IMPORT_UNKNOWN,
	MUSTER__IMPORT_PYTHON, /* prometheus_client: buckets each by itself, in order; +Inf is the last entry of a series */
	MUSTER__IMPORT_MMAP, /* prometheus-client-mmap: buckets cumulative, in any order, and only those that were reached */
	MUSTER__IMPORT_RUBY, /* client_ruby: one metric; buckets each by itself, and only those that were hit */
};

/* A key, taken apart; the texts are NUL-terminated UTF-8 in the buffer it was decoded into. */
struct muster__import_key {
	enum muster__import_dialect dialect;
	const char *metric, *sample, *help; /* help: NULL if there is none */
	const char *le;                     /* the value of that label, which is not among the others; or NULL */
	bool quantile;                      /* it is that of a label `quantile` */
	uint32_t label_count;
	const char *names[MUSTER_LABELS_MAX], *values[MUSTER_LABELS_MAX];
};

/* Decode ["metric", "sample", {"label": "value"}, "help"] or ["metric","sample",["label"],["value"]].
 *   out_text   room for `count` + 1 bytes
 * Returns false if it is neither, or has more labels than MUSTER_LABELS_MAX. */
bool muster__import_key_read(const char *key, size_t count, char *out_text, struct muster__import_key *out);

/* Add a label to a key; le is kept apart. Returns false if there are MUSTER_LABELS_MAX already. */
bool muster__import_label_add(struct muster__import_key *key, const char *name, const char *value);

/* ---- import_query.c ----------------------------------------------------------------------- */

/* Decode name=value&... of client_ruby's. The same; metric, sample and help are not in it. */
bool muster__import_query_read(const char *query, size_t count, char *out_text, struct muster__import_key *out);

/* ---- import_image.c ----------------------------------------------------------------------- */

/* From doubles of the file to a word of the image. */
enum muster__import_kind {
	MUSTER__IMPORT_INT,
	MUSTER__IMPORT_REAL,
	MUSTER__IMPORT_GAUGE,
	MUSTER__IMPORT_RECENT, /* two words: a time, and a value */
	MUSTER__IMPORT_SAMPLE, /* likewise; the time is that of the file's birth */
	/* Cumulative buckets, one after the other: +Inf, which has no word yet, those of the bounds, and what is left. */
	MUSTER__IMPORT_ALL,
	MUSTER__IMPORT_UP_TO,
	MUSTER__IMPORT_BEYOND,
};

/* Behind a key stand a value and, in later versions of the libraries, a time. */
#define MUSTER__IMPORT_TAIL_TIMED 16u
#define MUSTER__IMPORT_TAIL_PLAIN 8u

#define MUSTER__IMPORT_NONE 0u /* offset of what the file does not have: 0 */

struct muster__import_target {
	uint32_t off;             /* of the double in the file, or MUSTER__IMPORT_NONE */
	uint32_t word, real_word; /* in the image */
	enum muster__import_kind kind;
};

struct muster__import_family {
	const char *metric; /* as the file has it */
	uint32_t ordinal;
	bool refused; /* no family of ours could be so: its entries are passed over */
	enum muster_type type;
	uint32_t label_count, bounds_count;
	const char *labels[MUSTER_LABELS_MAX];
	double *bounds;
	char text[];
};

struct muster__import_child;

struct muster__import {
	enum muster_type type; /* as the name of the file has it */
	enum muster_mode mode;
	char id[NAME_MAX + 1];
	char metric[NAME_MAX + 1];               /* "": the file has several */
	const struct muster__schema_row *schema; /* what is said of that; or NULL */
	bool refused;                            /* nobody says of what type it is */
	bool hidden;                             /* has its hidden name */
	enum muster__import_dialect dialect;
	uint64_t born_ns;     /* when the file was made, or an earlier moment */
	unsigned char *image; /* the slab's map */
	struct muster__cursor end;
	const unsigned char *file;
	size_t file_bytes;
	uint32_t used; /* bytes transcribed */
	uint32_t tail; /* bytes behind a key: 8 or 16; 0: not known yet */
	struct muster__import_target *targets;
	size_t targets_count, targets_capacity;
	struct muster__import_family **families;
	size_t families_count, families_capacity;
	struct muster__index by_metric; /* families */
	/* series of several entries: begun and not complete, or all of a file that is gathered before it is published */
	struct muster__import_child **children; /* a table of chains by hash; a power of two */
	uint32_t children_mask, children_count;
	bool gathered; /* there are some to be published */
};

/* Is its time that of the sample, and its process a label? */
static inline bool muster__import_per_process(const struct muster__import *import)
{
	return import->type == MUSTER_GAUGE && muster__mode_per_pid(import->mode);
}

void muster__import_event(const struct muster__import *import, enum muster__event event);

/* The family of an entry, made if need be; it may be `refused`. NULL without memory. */
struct muster__import_family *muster__import_family(struct muster__import *import, const struct muster__import_key *key,
                                                    const double *bounds, uint32_t bounds_count);

/* Publish a series of a family that is not refused; *cells_at is where its cells begin. Returns false, and counts, if it
 * does not fit its family or the image is full. */
bool muster__import_series(struct muster__import *import, const struct muster__import_family *f,
                           const struct muster__import_key *key, const double *bounds, uint32_t bounds_count,
                           struct muster__cursor *cells_at);

/* Words of the image, by the number of a cell. */
uint32_t muster__import_int_word(const struct muster__import *import, uint32_t cell);
uint32_t muster__import_real_word(const struct muster__import *import, uint32_t cell);
uint32_t muster__import_gauge_word(const struct muster__import *import, uint32_t cell);

/* Room for more targets: 0 or -ENOMEM; then, one of them. */
int muster__import_targets_reserve(struct muster__import *import, size_t more);
void muster__import_target_add(struct muster__import *import, struct muster__import_target target);

/* Forget all families and targets. */
void muster__import_families_free(struct muster__import *import);

/* ---- import_parts.c ----------------------------------------------------------------------- */

/* One entry of a histogram or a summary, whose value is at `off`. Returns 0; MUSTER__BAD(BUDGET); -ENOMEM. */
int muster__import_part(struct muster__import *import, const struct muster__import_key *key, uint32_t off);

/* Is the file read as a whole before anything of it is published? */
static inline bool muster__import_gathers(const struct muster__import *import)
{
	return import->dialect >= MUSTER__IMPORT_MMAP &&
	       (import->type == MUSTER_HISTOGRAM || import->type == MUSTER_SUMMARY);
}

/* Publish what was gathered, in an order that is the same for every process. Returns 0 or -ENOMEM. */
int muster__import_publish(struct muster__import *import);

void muster__import_children_free(struct muster__import *import);

/* ---- import_entry.c ----------------------------------------------------------------------- */

/* Transcribe entries `bytes`, which stand at `off` of the file, into records and targets, and move import->used.
 * Returns 0; MUSTER__BAD(BUDGET); -ENOMEM, with import->used behind the last one that is done. What no family could be is
 * counted in the image's events. */
int muster__import_entries(struct muster__import *import, const unsigned char *bytes, uint32_t off, uint32_t count);

/* How many of the bytes are whole entries with this tail, from the first on. */
uint32_t muster__import_walk(const struct muster__import *import, const unsigned char *bytes, uint32_t count,
                             uint32_t tail);

/* ---- import_file.c ------------------------------------------------------------------------ */

/* Open a file of directory `dir` as a slab that is called `name` in the region.
 *   owner   who may own it beside root and this user
 *   schema  what is said of metrics whose files do not say it, or NULL; lives as long as the slab
 * Returns 0; MUSTER__BAD(...), and *out is quarantined; -ENOENT, -ENOMEM, -EMFILE, -ENFILE: no slab. */
int muster__import_open(int dir, const char *name, uid_t owner, const struct muster__schema *schema,
                        struct muster__slab **out);

/* Transcribe what is new, and all values. Returns 0; MUSTER__BAD(...); -ENOMEM. */
int muster__import_follow(struct muster__slab *slab);

/* Is that an identity of a file's? */
bool muster__import_identity(const struct muster__identity *who);

/* Can nobody write it any more? */
bool muster__import_left(const struct muster__slab *slab);

void muster__import_free(struct muster__import **import);

/* ---- import_dir.c ------------------------------------------------------------------------- */

struct muster_region;

/* Find files that came or went. Returns 0 or -ENOMEM. A directory that cannot be read
 * is no reason not to show the rest: region->import_error, region->import_read.
 *   moved   set if there is another file now than before */
int muster__imports_scan(struct muster_region *region, bool *moved);

/* Is a file's name gone, although the directory can be read? */
bool muster__import_gone(const struct muster_region *region, const struct muster__slab *slab);

/* Give a dead file its hidden name. Returns false if it lives: somebody has opened it meanwhile. */
bool muster__import_hide(struct muster_region *region, struct muster__slab *slab);

#endif
