/* SPDX-License-Identifier: Apache-2.0 */
/*
 * import.h - files of prometheus_client's multiprocess mode, read as slabs.
 *
 * Each .db file is transcribed into a private image that is laid out as a slab: its families and series become
 * catalogue records, its values cells. So all that is done with slabs - sharing of catalogues, merging, the last words,
 * the ledger, quarantine - is done with it. What is its own: whether anybody can still write it says if it is alive, and
 * before it is folded it gets a hidden name, so that a process that is given the same pid begins a new one.
 *
 * Four files: the directory (import_dir.c), one file (import_file.c), its entries (import_entry.c), the key of an entry
 * (import_key.c). Runs in readers and masters; everything in a file is hostile.
 *
 * Source of the format: prometheus_client, mmap_dict.py and values.py, in versions to 0.15 (no help), 0.16 and 0.17 (no
 * time) and from 0.18 on.
 */
#ifndef MUSTER__IMPORT_H
#define MUSTER__IMPORT_H

#include "index.h"
#include "slab.h"

#define MUSTER__IMPORT_HIDDEN ".muster." /* then the inode in hex, a dot and the old name */
#define MUSTER__IMPORT_FILE_BYTES_MAX (UINT32_C(1) << 30)

/* What the name of a file says. */
struct muster__import_name {
	enum muster_type type; /* COUNTER, GAUGE, HISTOGRAM or SUMMARY: which of the library's four */
	enum muster_mode mode;
	uint32_t pid;
};

/* counter_PID.db, gauge_MODE_PID.db, histogram_PID.db, summary_PID.db, or a hidden one of these.
 * Returns false for any other name. */
bool muster__import_name_read(const char *name, struct muster__import_name *out);

/* ---- import_key.c ------------------------------------------------------------------------- */

/* A key, taken apart; the texts are NUL-terminated UTF-8 in the buffer it was decoded into. */
struct muster__import_key {
	const char *metric, *sample, *help; /* help: NULL if the version has none */
	const char *le;                     /* the value of that label, which is not among the others; or NULL */
	uint32_t label_count;
	const char *names[MUSTER_LABELS_MAX], *values[MUSTER_LABELS_MAX];
};

/* Decode ["metric", "sample", {"label": "value"}, "help"], JSON as json.dumps() writes it.
 *   out_text   room for `count` + 1 bytes
 * Returns false if it is none, or has more labels than MUSTER_LABELS_MAX. */
bool muster__import_key_read(const char *key, size_t count, char *out_text, struct muster__import_key *out);

/* ---- import_entry.c ----------------------------------------------------------------------- */

/* From a double of the file to a word of the image. */
enum muster__import_kind {
	MUSTER__IMPORT_INT,
	MUSTER__IMPORT_REAL,
	MUSTER__IMPORT_GAUGE,
	MUSTER__IMPORT_RECENT, /* two words: a time, and a value */
};

struct muster__import_target {
	uint32_t off;             /* of the double in the file */
	uint32_t word, real_word; /* in the image */
	enum muster__import_kind kind;
};

struct muster__import_family;
struct muster__import_child;

struct muster__import {
	struct muster__import_name name;
	unsigned char *image; /* the slab's map */
	struct muster__cursor end;
	const unsigned char *file;
	size_t file_bytes;
	uint32_t used; /* bytes transcribed */
	uint32_t tail; /* bytes behind a key: 8 or 16; 0: not known yet */
	bool hidden;   /* has its hidden name */
	struct muster__import_target *targets;
	size_t targets_count, targets_capacity;
	struct muster__import_family **families;
	size_t families_count, families_capacity;
	struct muster__index by_metric;        /* families */
	struct muster__import_child *children; /* begun, not complete */
	uint32_t children_count;
};

/* Transcribe entries `bytes`, which stand at `off` of the file, into records and targets, and move import->used.
 * Returns 0; MUSTER__BAD(BUDGET); -ENOMEM, with import->used behind the last one that is done. What no family could be is counted in the image's events. */
int muster__import_entries(struct muster__import *import, const unsigned char *bytes, uint32_t off, uint32_t count);
void muster__import_entries_free(struct muster__import *import);

/* How many of the bytes are whole entries with this tail, from the first on. */
uint32_t muster__import_walk(const unsigned char *bytes, uint32_t count, uint32_t tail);

/* ---- import_file.c ------------------------------------------------------------------------ */

/* Open a file of directory `dir` as a slab that is called `name` in the region.
 *   owner   who may own it beside root and this user
 * Returns 0; MUSTER__BAD(...), and *out is quarantined; -ENOENT, -ENOMEM, -EMFILE, -ENFILE: no slab. */
int muster__import_open(int dir, const char *name, uid_t owner, struct muster__slab **out);

/* Transcribe what is new, and all values. Returns 0; MUSTER__BAD(...); -ENOMEM. */
int muster__import_follow(struct muster__slab *slab);

/* Can nobody write it any more? */
bool muster__import_left(const struct muster__slab *slab);

void muster__import_free(struct muster__import **import);

/* ---- import_dir.c ------------------------------------------------------------------------- */

struct muster_region;

/* Find files that came or went. Returns 0 or -ENOMEM. A directory that cannot be read
 * is no reason not to show the rest: region->import_error. */
int muster__imports_scan(struct muster_region *region);

/* Give a dead file its hidden name. Returns false if it lives: somebody has opened it meanwhile. */
bool muster__import_hide(struct muster_region *region, struct muster__slab *slab);

#endif
