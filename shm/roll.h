/* SPDX-License-Identifier: Apache-2.0 */
/*
 * roll.h - the inside of a region: the roll of its slabs, the ledger, and the view over them.
 *
 * Readers and the master share all of it. Who holds the region's lock is the only one that folds, so its
 * ledger changes only by its own hand; every other reader must notice when slabs move into the ledger
 * while it looks (roll.c says how).
 */
#ifndef MUSTER__ROLL_H
#define MUSTER__ROLL_H

#include <dirent.h>
#include <poll.h>
#include <time.h>

#include "slab.h"
#include "text_buffer.h"
#include "text_rests.h"

#define MUSTER__LOCK_NAME "lock"
#define MUSTER__LEDGER_NEW ".ledger.new" /* until it is complete */

/* Which file is behind the name `ledger`. */
struct muster__ledger_mark {
	uint64_t ino; /* 0: none */
	struct timespec written;
};

/* What series may take in a ledger. */
struct muster__ledger_size {
	uint64_t bytes, words, series;
};

#define MUSTER__LEDGER_EXEMPLARS_MAX (1u << 16) /* beside them, in slots */

/* Who may own slabs beside the region's owner, this user and root; region_share.c. */
struct muster__sharing {
	uid_t worker; /* the region's owner, unless it is shared */
	gid_t group;
	bool shared;
};

struct muster__expiry;
struct muster__schema;
struct muster__forgetting;

struct muster_region {
	char path[MUSTER_REGION_PATH_BYTES_MAX + 1];
	int dir;
	DIR *entries;
	uid_t owner;
	struct muster__sharing sharing;
	struct muster__observer observer;
	struct muster__catalogue *root;
	/* the roll */
	struct muster__slab **slabs;
	size_t slabs_count, slabs_capacity;
	struct muster__index by_name; /* made by each scan */
	struct timespec scanned;      /* time of change of the directory, if a scan can be spared */
	bool nameless;                /* a scan has seen slabs without their name */
	struct pollfd *polls;
	size_t polls_capacity;
	/* the ledger */
	struct muster__slab *ledger; /* DEAD, or NULL */
	struct muster__ledger_mark ledger_mark;
	struct muster__ledger_size ledger_max;
	bool ledger_bad;                        /* there is a file of that name that is not to be believed */
	int lock;                               /* descriptor of the lock we hold, -1: we are a reader */
	bool ledger_settled;                    /* we hold the lock and have read the ledger since */
	uint64_t failures[MUSTER__EVENT_WORDS]; /* of processes without a slab: the file `failures` */
	struct muster__expiry *expiry;          /* the master's; expiry.c */
	size_t expired_count;                   /* series of the view that the next fold forgets */
	/* the view */
	struct muster__merge merge;
	bool remake; /* something in the view is no longer to be believed: make it anew */
	/* prometheus_client's directory; import_dir.c */
	char import_path[MUSTER_REGION_PATH_BYTES_MAX + 1]; /* seen from `dir`; "": none */
	bool import_compact;                                /* the dead go into the ledger, and their files */
	int import_error;                                   /* of the last look at the directory */
	bool import_read;                                   /* it has seen all files */
	struct muster__bounds bounds;                       /* of imported histograms */
	struct muster__schema *schema;                      /* of imported files that do not say it; or NULL */
	struct muster__text_buffer page;                    /* as it was written last */
	struct muster__text_rests rests;
	muster_quarantine_fn *on_quarantine;
	void *on_quarantine_ctx;
};

/* ---- roll.c ------------------------------------------------------------------------------- */

/* Find slabs that came or went. Returns 0; -errno if the directory cannot be read; -ENOMEM. */
int muster__roll_scan(struct muster_region *region);

/* Ask who lives, read what was published, and take the last words of the dead. Returns 0 or -ENOMEM. */
int muster__roll_follow(struct muster_region *region);

/* Agree with the ledger on who is in it. Returns 0; -errno if it cannot be read for want of something. */
int muster__roll_settle(struct muster_region *region);

/* Stop believing a slab, and tell. */
void muster__roll_quarantine(struct muster_region *region, struct muster__slab *slab, enum muster_quarantine reason);

/* Take slabs[i] off the roll; the last one takes its place. */
void muster__roll_strike(struct muster_region *region, size_t i);

/* Is this the hidden name of a slab that is being made, or was? */
bool muster__roll_nameless(const char *name);

/* Where the words of a slab that counts, or of the ledger, are. Times in a sketch are of one boot. */
void muster__roll_source(const struct muster_region *region, const struct muster__slab *slab,
                         struct muster__source *out);

/* Does the slab's name still lead to it? */
bool muster__roll_named(const struct muster_region *region, const struct muster__slab *slab);

/* ---- ledger_read.c ------------------------------------------------------------------------ */

/* Read the ledger if it is another than before.
 * Returns 0; -errno for want of descriptors or memory. *changed tells. A ledger that is not to be
 * believed is quarantined and counts as none. */
int muster__ledger_refresh(struct muster_region *region, bool *changed);

/* Read a ledger file of the region by name, whole. Returns 0; MUSTER__BAD(...); -errno. */
int muster__ledger_read(struct muster_region *region, const char *name, struct muster__slab **out);

/* Does the ledger say that it has this slab's totals? */
bool muster__ledger_lists(const struct muster__slab *ledger, const struct muster__identity *who);

/* Take a ledger, or NULL for none, as the region's; `mark` says which file it is. */
void muster__ledger_take(struct muster_region *region, struct muster__slab *ledger,
                         const struct muster__ledger_mark *mark);

/* Which file is the ledger now. Returns 0 or -errno; without a ledger the mark is zero. */
int muster__ledger_mark_read(const struct muster_region *region, struct muster__ledger_mark *mark);

/* ---- ledger_write.c ----------------------------------------------------------------------- */

/* What goes into a ledger. */
struct muster__ledger_content {
	const struct muster__merge *merge;   /* describes families and series */
	const struct muster__values *values; /* totals in its shape; pids settled */
	const bool *families, *series;       /* by index: belongs to the dead */
	const bool *kept;                    /* by index of series: was in the ledger before */
	const struct muster__ledger_size *size_max;
	const struct muster__identity *folded;
	size_t folded_count;
	const struct muster__forgetting *forgetting; /* what is flagged and hidden */
	struct muster__identity writer;
};

/* Write a complete ledger as MUSTER__LEDGER_NEW.
 *   left_out   how many series found no room and are counted in it as MUSTER__EVENT_REGION_LIMIT
 * Returns 0; -errno or -ENOMEM, and no such file is left. */
int muster__ledger_write(int dir, const struct muster__ledger_content *content, size_t *left_out);

/* ---- ledger_room.c ------------------------------------------------------------------------ */

/* Bytes of a record, before it is aligned. */
size_t muster__ledger_series_bytes(const struct muster__view_series *s);
size_t muster__ledger_family_bytes(const struct muster__view_family *f);

/* What is left for series that were in no ledger yet. */
struct muster__ledger_size muster__ledger_room(const struct muster__ledger_content *content);

/* Take the room for a series. Returns false if there is none. */
bool muster__ledger_room_take(struct muster__ledger_size *room, const struct muster__ledger_content *content,
                              const struct muster__view_series *s);

/* ---- failures.c --------------------------------------------------------------------------- */

/* The master: make the file `failures` unless it is there. Returns 0 or -errno. */
int muster__failures_create(const struct muster_region *region);

/* Look into it: region->failures. */
void muster__failures_read(struct muster_region *region);

/* ---- region_dir.c ------------------------------------------------------------------------- */

/* Open and judge a region's directory. Returns 0 with *dir and *owner; -errno; MUSTER_EREGION. */
int muster__region_dir_open(const char *path, int *dir, uid_t *owner);

/* ---- region_share.c ----------------------------------------------------------------------- */

/* Whose slabs are taken in the region open as `dir`. */
void muster__region_sharing_read(int dir, struct muster__sharing *out);

/* The master, before it makes a file: nothing has that name any more, whatever it was. */
void muster__region_name_clear(int dir, const char *name);

#endif
