/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store.h - the writing side of one process, shared by the writer's files.
 *
 * Two pieces of state. `struct muster__process` lies in a page that a fork wipes (MADV_WIPEONFORK): who
 * owns which bank and where the banks are mapped. A zero there means "not attached in this process",
 * which is how a forked child finds out. `struct muster__store` is inherited: the geometry, the families,
 * which cells are taken. So handles stay valid, while the child gets a slab of its own.
 *
 * The lock guards all changes of the store. Signals are blocked while it is held, so a signal handler
 * never waits for the thread it interrupted; and fork waits for it (pthread_atfork), so a child never
 * inherits half a change.
 */
#ifndef MUSTER__STORE_H
#define MUSTER__STORE_H

#include <signal.h>
#include <stdbool.h>

#include "identity.h"
#include "layout.h"

#define MUSTER__BANKS_MAX 128
#define MUSTER__SLOT_SETS 3
#define MUSTER__BANKS_TRANSIENT 8 /* never owned for long: nested and late two-word records borrow them */

struct muster__process {
	/* What muster__bank_ref points to: one slot per bank. A child of a bare clone() keeps its parent's
	 * bank_ref, so it must not find a bank of another thread there: each attach uses the next set. */
	uint64_t *slot[MUSTER__SLOT_SETS][MUSTER__BANKS_MAX];
	uint64_t *gauges; /* what muster__gauges_ref points to */
	uint64_t *shared; /* bank 0 */
	uint64_t *sketch_directory, *sketch_pages;
	uint64_t *exemplars;
	struct muster__requests_shm *requests;
	uint64_t *heartbeat;
	uint32_t generation;               /* tells a request of this process from one its parent began; not 0 */
	uint32_t slots;                    /* the set in use */
	uint32_t attached;                 /* 0, 1; release: all of the above is set */
	uint32_t lock;                     /* futex: 0 free, 1 held, 2 held with waiters */
	uint32_t owner[MUSTER__BANKS_MAX]; /* 0, or the tid of the thread that writes the bank */
};

/* Areas of the slab that grow; all in bytes, multiples of MUSTER__PAGE. */
struct muster__backed {
	uint64_t catalogue, gauges, sketch_directory, exemplars;
	uint64_t bank_int;  /* from the start of every bank, control words included */
	uint64_t bank_real; /* from real_off of every bank */
};

struct muster__store {
	struct muster__geometry geometry; /* fixed at the first attach; handles depend on it */
	struct muster__sketch_area sketch_area;
	struct muster__exemplar_area exemplars;
	/* what is taken, whatever slab we are attached to */
	uint64_t catalogue_used;
	uint32_t int_used, real_used, gauge_used, sketches_used, exemplars_used;
	uint32_t family_count, series_count;
	uint32_t series_records;        /* published; those of families without labels too */
	struct muster_family *families; /* list, newest first */
	uint32_t generation;            /* attaches of this process and its ancestors */
	/* the present slab */
	unsigned char *map; /* geometry.file_bytes of it; NULL: no memory at all */
	int fd;             /* holds the record lock; -1: private memory */
	uint64_t dev, ino;  /* of fd; whoever closes all descriptors may reuse its number */
	struct muster__backed backed;
	uint64_t backed_bytes;
	uint64_t bytes_max;  /* MUSTER_SLAB_BYTES_MAX of the environment */
	uint64_t series_max; /* MUSTER_SERIES_MAX likewise; the families without labels are not counted */
};

extern struct muster__store muster__store;

/* The wiped page; made on first use, never NULL. */
struct muster__process *muster__process(void);

/* The same, attached: to the region, or to private memory. */
struct muster__process *muster__attached(void);

/* Move a process that works on private memory, with what it has recorded, into a region; for the master,
 * which is a worker of its own region. Also sets MUSTER_REGION for its children. The process has one
 * thread. Returns 0, -errno or MUSTER_EREGION with a message. */
int muster__region_join(const char *path);

/* Take the lock with all signals blocked; release restores them. */
void muster__store_lock(sigset_t *saved);
void muster__store_unlock(const sigset_t *saved);

/* As if the gauge had never been set: its sample leaves the page. Not for the mostrecent modes. */
void muster__gauge_unset(muster_gauge gauge);

/* Under the lock: make sure the present slab has these cells in every used bank. Returns 0, or
 * MUSTER_EFULL with nothing changed that anyone can see. */
int muster__store_reserve(uint32_t int_cells, uint32_t real_cells, uint32_t gauge_cells);
/* Under the lock: the same for the directory of this many sketches. */
int muster__store_reserve_sketches(uint32_t sketches);
/* Under the lock: back a page of a sketch and enter it in the directory. Returns 0 or MUSTER_EFULL. */
int muster__store_back_sketch(uint32_t sketch, uint32_t number);
/* The same for slots of exemplars. */
int muster__store_reserve_exemplars(uint32_t slots);
/* Under the lock: back one more bank and count it used. Returns 0 or MUSTER_EFULL. */
int muster__store_add_bank(void);
/* Under the lock: append a record (bytes a multiple of 8) and publish it. Returns 0 or MUSTER_EFULL. */
int muster__store_append(const struct muster__record_shm *record);

struct muster__header_shm *muster__store_header(void);
uint64_t *muster__store_bank(uint32_t index);

/* Count an event in the slab's header. Any thread, any signal handler. */
void muster__event(enum muster__event event);

/* The calling thread's bank, claimed if need be; NULL: use the shared bank. */
uint64_t *muster__bank_own(void);
/* Borrow a bank for one two-word record; NULL if none is free. Give it back with its index. */
uint64_t *muster__bank_borrow(uint32_t *index);
void muster__bank_return(uint32_t index);

/* A bank whose intent is closed, for one record of two words: the thread's own, else a borrowed one (*index != 0);
 * NULL: there is none. Tell when it is done. */
uint64_t *muster__two_word_bank(uint32_t *index);
void muster__two_word_done(uint32_t index);

/* Memory of the process for good, zeroed, from mmap, never malloc: usable in a signal handler. Under the
 * lock. Returns NULL when the system has none. */
void *muster__arena_alloc(size_t bytes, size_t align);

/* CLOCK_REALTIME in ns. */
uint64_t muster__unix_ns(void);

#endif
