/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slab.c - opening a slab file, mapping it, following what it publishes.
 *
 * Runs in readers. The file is opened without following links and without waiting (a FIFO or a device
 * planted under the name must do no harm) and mapped read-only up to the last bank in use. Loads from
 * the mapping run guarded. The last words of a dead slab are taken in slab_finish.c.
 */
#include "slab.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "atomic.h"
#include "grow.h"
#include "guard.h"
#include "import.h"
#include "own_slab.h"
#include "store.h"

#define CHUNK_BYTES (UINT64_C(1) << 20) /* of catalogue copied at a time, but at the first look; no record is longer */

_Static_assert(MUSTER__RECORD_BYTES_MAX <= CHUNK_BYTES, "a record fits a chunk");

/* ---- opening ------------------------------------------------------------------------------ */

static bool for_want_of_something(int code)
{
	return code == -EMFILE || code == -ENFILE;
}

int muster__slab_file_open(int dir, const char *name, struct muster__slab *slab, uid_t owner, uint64_t *bytes)
{
	struct stat st;

	slab->fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (slab->fd < 0)
		return errno == ENOENT || errno == ENOMEM || for_want_of_something(-errno) ? -errno : MUSTER__BAD(OPEN);
	if (fstat(slab->fd, &st) != 0 || !S_ISREG(st.st_mode) ||
	    (st.st_uid != owner && st.st_uid != geteuid() && st.st_uid != 0))
		return MUSTER__BAD(OPEN);
	slab->dev = st.st_dev;
	slab->ino = st.st_ino;
	*bytes = (uint64_t)st.st_size;
	return 0;
}

static int header_read(struct muster__slab *slab, uint64_t file_bytes, bool ledger)
{
	struct muster__header_shm header;

	if (slab->map)
		memcpy(&header, slab->map, sizeof header); /* our own */
	else if (pread(slab->fd, &header, sizeof header, 0) != (ssize_t)sizeof header)
		return MUSTER__BAD(SHORT);
	int rc = muster__header_check(&header, file_bytes, ledger);
	if (rc != 0)
		return rc;
	slab->minor = header.minor;
	slab->geometry = header.geometry;
	slab->sketch_area = header.minor >= 3 ? header.sketches : (struct muster__sketch_area){0};
	slab->exemplars = header.minor >= 4 ? header.exemplars : (struct muster__exemplar_area){0};
	slab->identity = header.identity;
	return 0;
}

/* Our own slab is never opened; see own_slab.h. Returns -ENOENT if it is another's. */
static int own_map(int dir, struct muster__slab *slab, uint64_t *bytes)
{
	struct stat st;

	if (fstatat(dir, slab->name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return -ENOENT;
	int rc = muster__own_slab_map(st.st_dev, st.st_ino, &slab->map, &slab->map_bytes);
	if (rc == -ENOENT)
		return rc;
	slab->dev = st.st_dev;
	slab->ino = st.st_ino;
	*bytes = slab->map_bytes;
	return rc;
}

struct muster__slab *muster__slab_alloc(const char *name)
{
	struct muster__slab *slab = calloc(1, sizeof *slab);
	char *copy = strdup(name);

	if (slab == NULL || copy == NULL) {
		free(slab);
		free(copy);
		return NULL;
	}
	slab->name = copy;
	slab->fd = -1;
	slab->life.pidfd = -1;
	return slab;
}

int muster__slab_open(int dir, const char *name, uid_t owner, bool ledger, struct muster__slab **out)
{
	struct muster__slab *slab = muster__slab_alloc(name);
	uint64_t bytes = 0;

	if (slab == NULL)
		return -ENOMEM;
	int own = ledger ? -ENOENT : own_map(dir, slab, &bytes);
	int rc = own == -ENOENT ? muster__slab_file_open(dir, name, slab, owner, &bytes) : own;
	if (rc == 0)
		rc = header_read(slab, bytes, ledger);
	if (muster__is_bad(rc) || for_want_of_something(rc) || own == -ENOMEM) {
		slab->passing = !muster__is_bad(rc);
		muster__slab_quarantine(slab, slab->passing ? MUSTER_QUARANTINE_OPEN : muster__bad_reason(rc));
	} else if (rc != 0) {
		muster__slab_destroy(&slab);
	}
	if (slab)
		*out = slab;
	return rc;
}

/* ---- letting go --------------------------------------------------------------------------- */

void muster__slab_let_go(struct muster__slab *slab)
{
	if (slab->map)
		munmap((void *)(uintptr_t)slab->map, slab->map_bytes);
	slab->map = NULL;
	if (slab->fd >= 0)
		close(slab->fd);
	slab->fd = -1;
	muster__life_end(&slab->life);
	muster__import_free(&slab->import);
}

void muster__slab_folded(struct muster__slab *slab)
{
	muster__slab_let_go(slab);
	muster__catalogue_release(&slab->catalogue);
	free(slab->last);
	slab->last = NULL;
	muster__slab_sketches_free(slab);
	slab->state = MUSTER__SLAB_FOLDED;
}

void muster__slab_quarantine(struct muster__slab *slab, enum muster_quarantine reason)
{
	struct stat st;

	if (slab->fd >= 0 && slab->ino == 0 && fstat(slab->fd, &st) == 0)
		slab->ino = st.st_ino;
	muster__slab_let_go(slab);
	muster__catalogue_release(&slab->catalogue);
	free(slab->last);
	muster__slab_sketches_free(slab);
	slab->last = NULL;
	slab->state = MUSTER__SLAB_QUARANTINED;
	slab->reason = reason;
}

void muster__slab_destroy(struct muster__slab **at)
{
	struct muster__slab *slab = *at;

	*at = NULL;
	if (slab == NULL)
		return;
	muster__slab_let_go(slab);
	muster__catalogue_release(&slab->catalogue);
	free(slab->last);
	muster__slab_sketches_free(slab);
	free(slab->hidden);
	free(slab->name);
	free(slab);
}

/* ---- mapping ------------------------------------------------------------------------------ */

static int map_banks(struct muster__slab *slab, uint64_t banks)
{
	const struct muster__geometry *g = &slab->geometry;
	size_t bytes = (size_t)(g->bank_off + banks * g->bank_stride);
	void *map;

	if (bytes <= slab->map_bytes)
		return 0;
	if (slab->map)
		map = mremap((void *)(uintptr_t)slab->map, slab->map_bytes, bytes, MREMAP_MAYMOVE);
	else
		map = mmap(NULL, bytes, PROT_NONE, MAP_SHARED, slab->fd, 0);
	if (map == MAP_FAILED)
		return -ENOMEM;
	if (slab->map == NULL) {
		/* Not to be locked and filled, holes and all, where mlockall(MCL_FUTURE) was called. */
		(void)munlock(map, bytes);
		if (mprotect(map, bytes, PROT_READ) != 0) {
			munmap(map, bytes);
			return -ENOMEM;
		}
	}
	slab->map = map;
	slab->map_bytes = bytes;
	return 0;
}

int muster__slab_attach(struct muster__slab *slab, struct muster__catalogue *root)
{
	slab->catalogue = muster__catalogue_hold(root);
	return map_banks(slab, 0);
}

/* ---- following ---------------------------------------------------------------------------- */

/* The two lengths that grow, loaded once each. */
struct lengths {
	const struct muster__header_shm *header;
	uint64_t catalogue_used, banks_used;
};

static void lengths_load(void *ctx)
{
	struct lengths *l = ctx;

	/* ORDER(publish) acquire; pairs with the writer's append. ORDER(bank-publish) acquire; pairs with its
	 * new bank. The catalogue first: a record's cells are backed in every bank that is seen later. */
	l->catalogue_used = muster__load_acquire(&l->header->catalogue_used);
	l->banks_used = muster__load_acquire(&l->header->banks_used);
}

static int lengths_check(const struct muster__slab *slab, const struct lengths *l)
{
	const struct muster__geometry *g = &slab->geometry;

	if (l->catalogue_used < slab->catalogue->end.bytes || l->banks_used < slab->banks_used)
		return MUSTER__BAD(SHRUNK);
	if (l->catalogue_used % 8 != 0 || l->catalogue_used > g->catalogue_bytes)
		return MUSTER__BAD(CATALOGUE);
	return l->banks_used > 0 && l->banks_used <= g->bank_count ? 0 : MUSTER__BAD(HEADER);
}

struct copying {
	const unsigned char *from;
	unsigned char *to;
	size_t bytes;
};

static void copy(void *ctx)
{
	const struct copying *c = ctx;

	memcpy(c->to, c->from, c->bytes);
}

static size_t chunk_bytes(uint64_t at, uint64_t end)
{
	return (size_t)(at == 0 || end - at < CHUNK_BYTES ? end - at : CHUNK_BYTES);
}

/* Copy, judge and enter at most one chunk. The first chunk of a slab is all there is, as others may have the same. */
static int chunk_read(struct muster__slab *slab, const struct muster__catalogue_rules *rules, unsigned char *chunk,
                      uint64_t end)
{
	uint64_t at = slab->catalogue->end.bytes;
	size_t bytes = chunk_bytes(at, end), adopted = 0, used;
	struct copying c = {slab->map + slab->geometry.catalogue_off + at, chunk, bytes};
	int rc = 0;

	if (muster__guard_run(slab->map, slab->map_bytes, copy, &c) != 0)
		return MUSTER__BAD(SHRUNK);
	if (!rules->unshared && at == 0)
		rc = muster__catalogue_adopt(&slab->catalogue, chunk, bytes, &adopted);
	if (rc == 0 && !muster__cursor_fits(&slab->catalogue->end, rules))
		return MUSTER__BAD(SERIES);
	if (rc == 0)
		rc = muster__catalogue_append(&slab->catalogue, rules, chunk + adopted, bytes - adopted, at + bytes < end,
		                              &used);
	return rc;
}

static int catalogue_read(struct muster__slab *slab, uint64_t end, bool ledger)
{
	const struct muster__catalogue_rules rules = {.geometry = &slab->geometry,
	                                              .sketches = slab->sketch_area.count,
	                                              .exemplars = slab->exemplars.slots,
	                                              .minor = slab->minor,
	                                              .ledger = ledger,
	                                              .unshared = ledger,
	                                              .imported = slab->import != NULL};
	uint64_t at = slab->catalogue->end.bytes;
	int rc = 0;

	if (at == end)
		return 0;
	unsigned char *chunk = malloc(chunk_bytes(at, end));
	if (chunk == NULL)
		return -ENOMEM;
	while (rc == 0 && slab->catalogue->end.bytes < end)
		rc = chunk_read(slab, &rules, chunk, end);
	free(chunk);
	return rc;
}

static bool within_budget(const struct muster__slab *slab)
{
	const struct muster__cursor *end = &slab->catalogue->end;
	uint64_t sketches = muster__slab_sketches_pages(slab) * MUSTER__SKETCH_PAGE_WORDS;

	return (MUSTER__WORD_CELLS + (uint64_t)end->ints + end->reals) * slab->banks_used + sketches +
	           (uint64_t)end->exemplars * MUSTER__EXEMPLAR_WORDS <=
	       MUSTER__SLAB_WORDS_MAX;
}

int muster__slab_tail(struct muster__slab *slab, bool ledger)
{
	struct lengths l = {.header = (const void *)slab->map};

	if (muster__guard_run(slab->map, slab->map_bytes, lengths_load, &l) != 0)
		return MUSTER__BAD(SHRUNK);
	int rc = lengths_check(slab, &l);
	if (rc == 0)
		rc = map_banks(slab, l.banks_used);
	if (rc != 0)
		return rc;
	slab->banks_used = l.banks_used;
	rc = catalogue_read(slab, l.catalogue_used, ledger);
	if (rc == 0)
		rc = muster__slab_sketches_look(slab);
	return rc == 0 && !within_budget(slab) ? MUSTER__BAD(BUDGET) : rc;
}

/* ---- where the words are ------------------------------------------------------------------ */

void muster__slab_source(const struct muster__slab *slab, bool ledger, struct muster__source *out)
{
	const struct muster__cursor *end = &slab->catalogue->end;
	const struct muster__geometry *g = &slab->geometry;

	*out = (struct muster__source){
		.catalogue = slab->catalogue,
		.bank_count = slab->banks_used,
		.pid = slab->identity.pid,
		.live = slab->state == MUSTER__SLAB_LIVE && !slab->gone,
		.ledger = ledger,
		.hidden = slab->hidden,
		.hidden_count = slab->hidden_count,
		.now_ns = end->exemplars ? muster__unix_ns() : 0,
	};
	if (slab->last) {
		out->events = slab->last;
		out->gauges = slab->last + MUSTER__EVENT_WORDS;
		out->exemplars = out->gauges + end->gauges;
		out->banks = (const unsigned char *)(out->exemplars + (size_t)end->exemplars * MUSTER__EXEMPLAR_WORDS);
		out->real_off = (MUSTER__WORD_CELLS + (size_t)end->ints) * 8;
		out->bank_stride = out->real_off + (size_t)end->reals * 8;
	} else {
		out->events = (const uint64_t *)(const void *)(slab->map + offsetof(struct muster__header_shm, events));
		out->gauges = (const uint64_t *)(const void *)(slab->map + g->gauge_off);
		if (slab->exemplars.slots) /* without, nobody has looked where they would be */
			out->exemplars = (const uint64_t *)(const void *)(slab->map + slab->exemplars.off);
		out->banks = slab->map + g->bank_off;
		out->real_off = (size_t)g->real_off;
		out->bank_stride = (size_t)g->bank_stride;
	}
	muster__slab_sketches_source(slab, out);
}
