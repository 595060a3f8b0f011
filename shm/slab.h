/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slab.h - one slab file as a reader sees it, from its first look at it to its last.
 *
 *     open -> LIVE --finish--> DEAD --(in the ledger)--> FOLDED -> gone
 *          \______\__________________________________ -> QUARANTINED
 *
 * Everything in the file is hostile: the header and the catalogue are copied once and the copy is judged;
 * lengths that grow are loaded once, checked against the geometry, and never go back.
 */
#ifndef MUSTER__SLAB_H
#define MUSTER__SLAB_H

#include <string.h>
#include <sys/types.h>

#include <muster/region.h>

#include "activity.h"
#include "liveness.h"
#include "merge.h"

#define MUSTER__SLAB_WORDS_MAX (UINT64_C(1) << 27) /* in use in all banks of one slab */

enum muster__slab_state {
	MUSTER__SLAB_LIVE,
	MUSTER__SLAB_DEAD,        /* all its words are in `last` */
	MUSTER__SLAB_FOLDED,      /* the ledger has it; only its file is left */
	MUSTER__SLAB_QUARANTINED, /* nothing of it is believed */
};

/* Which pages of sketches a slab has, a private word per sketch of its catalogue, as of the last look; and of a dead one
 * these pages, one after another. */
struct muster__slab_sketches {
	uint64_t *directory;
	size_t count, capacity;
	uint32_t *first; /* the sketches' first pages, counted from `pages` */
	uint64_t *pages;
};

struct muster__slab {
	char *name; /* in the region's directory */
	uint64_t dev, ino;
	enum muster__slab_state state;
	enum muster_quarantine reason; /* when quarantined */
	bool passing;                  /* quarantined for want of descriptors or memory: look again */
	bool seen;                     /* by the scan of the directory that is under way */
	bool gone;                     /* the kernel says its owner is dead; the last words are to be taken */
	int fd;                        /* -1: own, dead or quarantined */
	uint16_t minor;
	struct muster__geometry geometry;
	struct muster__sketch_area sketch_area; /* count 0: none */
	struct muster__exemplar_area exemplars; /* 0 slots: it has none */
	struct muster__identity identity;
	struct muster__life life;
	const unsigned char *map; /* from the start of the file to the end of the last bank in use */
	size_t map_bytes;
	uint64_t banks_used;
	struct muster__activity_known activity;
	struct muster__import *import; /* the file is prometheus_client's, and `map` a private image of it; or NULL */
	struct muster__catalogue *catalogue;
	uint32_t bounds_noted; /* families whose bounds the region knows of, of an import or a ledger */
	/* dead: events, gauges, exemplars, then the banks one after another */
	uint64_t *last;
	struct muster__slab_sketches sketches; /* slab_sketches.c */
	/* what the ledger says of it; forgotten.c */
	uint64_t asked_bytes; /* its requests to forget before this place of the catalogue are met */
	struct muster__hidden *hidden;
	size_t hidden_count;
};

/* Open a slab, or with kind MUSTER__KIND_LEDGER a ledger, and judge its header.
 *   dir     the region; owner: its owner, who may own slabs beside root and this user
 *   ledger  what kind of file it has to be
 *   out     the slab, LIVE until it is asked for; QUARANTINED for a code MUSTER__BAD(...), and for want of
 *           descriptors or kernel memory, then `passing` and with reason OPEN
 * Returns 0; MUSTER__BAD(...); -EMFILE, -ENFILE; -ENOENT if it is gone, -ENOMEM: no slab. */
int muster__slab_open(int dir, const char *name, uid_t owner, bool ledger, struct muster__slab **out);
void muster__slab_destroy(struct muster__slab **slab);

/* Is it a file of prometheus_client's? Natives have no directory in their names. */
static inline bool muster__slab_imported(const struct muster__slab *slab)
{
	return strchr(slab->name, '/') != NULL;
}

/* A slab of that name, LIVE, without a file yet. Returns NULL without memory. */
struct muster__slab *muster__slab_alloc(const char *name);

/* Open the file of a slab: regular, and of the region's owner, this user or root. Fills in fd, dev, ino.
 * Returns 0; MUSTER__BAD(OPEN); -ENOENT, -ENOMEM, -EMFILE, -ENFILE. */
int muster__slab_file_open(int dir, const char *name, struct muster__slab *slab, uid_t owner, uint64_t *bytes);

/* Map a slab that is open, and begin at the root of the catalogues. Returns 0; MUSTER__BAD(...); -ENOMEM. */
int muster__slab_attach(struct muster__slab *slab, struct muster__catalogue *root);

/* Read and judge what was published since the last time.
 * Returns 0; MUSTER__BAD(...); -ENOMEM. */
int muster__slab_tail(struct muster__slab *slab, bool ledger);

/* The owner is dead and the catalogue is read to its end: take the last words, finish what it began, and
 * let go of the file. Returns 0; MUSTER__BAD(...); -ENOMEM, and nothing has changed. */
int muster__slab_finish(struct muster__slab *slab);

/* Unmap and close the file, and stop watching its owner. */
void muster__slab_let_go(struct muster__slab *slab);

/* The ledger has it: from here on only its file is left. */
void muster__slab_folded(struct muster__slab *slab);

/* Believe nothing of it any more; keeps name, inode and reason. */
void muster__slab_quarantine(struct muster__slab *slab, enum muster_quarantine reason);

/* slab_sketches.c: look which pages there are. Returns 0; MUSTER__BAD(SHRUNK); -ENOMEM. */
int muster__slab_sketches_look(struct muster__slab *slab);
/* How many of them were there at the last look. */
size_t muster__slab_sketches_pages(const struct muster__slab *slab);
/* Look for the last time, and take the pages. */
int muster__slab_sketches_take(struct muster__slab *slab);
void muster__slab_sketches_free(struct muster__slab *slab);
/* Tell where they are. */
void muster__slab_sketches_source(const struct muster__slab *slab, struct muster__source *out);

/* Where its words are. */
void muster__slab_source(const struct muster__slab *slab, bool ledger, struct muster__source *out);

/* header_check.c: judge a private copy of a header against the length of its file.
 * Returns 0 or MUSTER__BAD(...). */
int muster__header_check(const struct muster__header_shm *header, uint64_t file_bytes, bool ledger);

#endif
