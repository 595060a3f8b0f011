/* SPDX-License-Identifier: Apache-2.0 */
/*
 * import_file.c - one file of the library's, followed while it grows. Runs in readers.
 *
 * The file is mapped and loaded guarded: first how much of it is used, then what is new, into private memory, where it
 * is judged; then every value by itself. Nothing read decides where to read but offsets that were checked.
 */
#include "import.h"

#include <fcntl.h>
#include <math.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "atomic.h"
#include "grow.h"
#include "guard.h"

#define HEAD_BYTES 8
#define PIECE_BYTES (UINT32_C(1) << 20) /* loaded at once; no entry is longer */

/* What an image has room for; memory that is not used is not taken. */
#define IMAGE_CATALOGUE_BYTES (UINT64_C(32) << 20)
#define IMAGE_INT_CELLS (1u << 18)
#define IMAGE_REAL_CELLS (1u << 17)
#define IMAGE_GAUGE_CELLS (1u << 17)

/* ---- the image ---------------------------------------------------------------------------- */

static struct muster__geometry image_geometry(void)
{
	struct muster__geometry g = {
		.catalogue_off = MUSTER__PAGE,
		.catalogue_bytes = IMAGE_CATALOGUE_BYTES,
		.gauge_off = MUSTER__PAGE + IMAGE_CATALOGUE_BYTES,
		.gauge_cells = IMAGE_GAUGE_CELLS,
		.int_cells = IMAGE_INT_CELLS,
		.real_cells = IMAGE_REAL_CELLS,
		.real_off = (MUSTER__WORD_CELLS + (uint64_t)IMAGE_INT_CELLS) * 8,
		.bank_count = 1,
	};

	g.bank_off = g.gauge_off + IMAGE_GAUGE_CELLS * UINT64_C(8);
	g.bank_stride = g.real_off + IMAGE_REAL_CELLS * UINT64_C(8);
	g.file_bytes = g.bank_off + g.bank_stride;
	return g;
}

/* A new one takes the place of the one before, if there is one. */
static int image_make(struct muster__slab *slab)
{
	struct muster__geometry g = image_geometry();
	void *image = mmap(NULL, g.file_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (image == MAP_FAILED)
		return -ENOMEM;
	if (slab->import->image)
		munmap(slab->import->image, slab->map_bytes);
	(void)munlock(image, g.file_bytes); /* where mlockall(MCL_FUTURE) was called */
	struct muster__header_shm *h = image;
	h->geometry = g;
	atomic_store_explicit(&h->banks_used, 1, memory_order_relaxed);
	slab->geometry = g;
	slab->map = slab->import->image = image;
	slab->map_bytes = g.file_bytes;
	return 0;
}

/* ---- opening ------------------------------------------------------------------------------ */

static uint64_t nanoseconds(struct statx_timestamp t)
{
	return (uint64_t)t.tv_sec * 1000000000u + t.tv_nsec;
}

/* In place of a boot id. */
static const char imported_id[16] = "muster-import";

bool muster__import_identity(const struct muster__identity *who)
{
	return memcmp(who->boot_id, imported_id, sizeof imported_id) == 0;
}

/* Who the ledger will say it was: the file, by its place and the time it was made. A file system that does not know
 * that time knows at least when it was changed. */
static void identity_make(struct muster__slab *slab)
{
	struct statx sx = {0};

	slab->identity = (struct muster__identity){.instance = slab->ino, .pidns_ino = slab->dev};
	memcpy(slab->identity.boot_id, imported_id, sizeof imported_id);
	slab->import->born_ns = 1;
	if (statx(slab->fd, "", AT_EMPTY_PATH, STATX_BTIME | STATX_MTIME, &sx) != 0)
		return;
	if (sx.stx_mask & STATX_BTIME)
		slab->identity.start_ticks = slab->import->born_ns = nanoseconds(sx.stx_btime);
	else
		slab->import->born_ns = nanoseconds(sx.stx_mtime);
}

static void name_take(struct muster__import *import, const char *base, const struct muster__schema *schema)
{
	struct muster__import_name name = {0};

	(void)muster__import_name_read(base, &name);
	import->type = name.type;
	import->mode = name.mode;
	if (name.id_bytes)
		memcpy(import->id, name.id, name.id_bytes);
	if (name.metric_bytes)
		memcpy(import->metric, name.metric, name.metric_bytes);
	import->schema = muster__schema_find(schema, import->metric);
	import->hidden = *base == '.';
}

int muster__import_open(int dir, const char *name, uid_t owner, const struct muster__schema *schema,
                        struct muster__slab **out)
{
	const char *slash = strrchr(name, '/'), *base = slash ? slash + 1 : name;
	struct muster__slab *slab = muster__slab_alloc(name);

	if (slab == NULL || (slab->import = calloc(1, sizeof *slab->import)) == NULL) {
		muster__slab_destroy(&slab);
		return -ENOMEM;
	}
	name_take(slab->import, base, schema);
	uint64_t bytes;
	int rc = muster__slab_file_open(dir, base, slab, owner, &bytes);
	if (rc == 0)
		rc = image_make(slab);
	if (rc == 0)
		identity_make(slab);
	if (muster__is_bad(rc))
		muster__slab_quarantine(slab, muster__bad_reason(rc));
	else if (rc != 0)
		muster__slab_destroy(&slab);
	if (slab)
		*out = slab;
	return rc;
}

void muster__import_free(struct muster__import **at)
{
	struct muster__import *import = *at;

	*at = NULL;
	if (import == NULL)
		return;
	if (import->file)
		munmap((void *)(uintptr_t)import->file, import->file_bytes);
	muster__import_families_free(import);
	muster__import_children_free(import);
	free(import);
}

bool muster__import_left(const struct muster__slab *slab)
{
	return slab->fd < 0 || muster__life_file_left(slab->fd);
}

/* ---- following ---------------------------------------------------------------------------- */

/* Map the file as long as it is now. */
static int file_map(struct muster__slab *slab)
{
	struct muster__import *import = slab->import;
	struct stat st;

	if (fstat(slab->fd, &st) != 0 || st.st_size > MUSTER__IMPORT_FILE_BYTES_MAX)
		return MUSTER__BAD(BUDGET);
	size_t bytes = (size_t)st.st_size;
	if (bytes < import->used)
		return MUSTER__BAD(SHRUNK);
	if (bytes <= import->file_bytes || bytes < HEAD_BYTES)
		return 0;
	void *map = mmap(NULL, bytes, PROT_READ, MAP_SHARED, slab->fd, 0);
	if (map == MAP_FAILED)
		return -ENOMEM;
	if (import->file)
		munmap((void *)(uintptr_t)import->file, import->file_bytes);
	import->file = map;
	import->file_bytes = bytes;
	return 0;
}

struct loading {
	const struct muster__import *import;
	uint32_t used;
	unsigned char *to;
	uint32_t count;
};

/* Its first word: the bytes used, and zero. */
static void used_load(void *ctx)
{
	struct loading *l = ctx;

	l->used = (uint32_t)muster__load_acquire((const uint64_t *)(const void *)l->import->file);
}

static void bytes_load(void *ctx)
{
	struct loading *l = ctx;

	memcpy(l->to, l->import->file + l->import->used, l->count);
}

static uint64_t real_word_load(const struct muster__import *import, uint32_t off)
{
	return muster__load_relaxed((const uint64_t *)(const void *)(import->file + off));
}

/* A count of the library's is a double that was added to by one. */
static uint64_t whole(double x)
{
	return x >= 0 && x < 0x1p63 ? (uint64_t)x : 0;
}

/* Of a histogram whose buckets are cumulative. A reader sees an observation half written, and a process may die in it:
 * first it is in +Inf, then in the buckets from the lowest on. */
struct cumulative {
	bool all_known;
	uint64_t all, below;
};

static uint64_t count_at(const struct muster__import *import, uint32_t off)
{
	return off == MUSTER__IMPORT_NONE ? 0 : whole(muster__double(real_word_load(import, off)));
}

static uint64_t up_to(struct cumulative *c, uint64_t count)
{
	uint64_t before = c->below;

	if (count > c->below)
		c->below = c->all_known && count > c->all ? c->all : count;
	return c->below - before;
}

static void value_load(const struct muster__import *import, const struct muster__import_target *t, struct cumulative *c)
{
	uint64_t *words = (uint64_t *)(void *)import->image;

	switch (t->kind) {
	case MUSTER__IMPORT_INT:
		words[t->word] = count_at(import, t->off);
		break;
	case MUSTER__IMPORT_REAL:
		words[t->word] = real_word_load(import, t->off);
		break;
	case MUSTER__IMPORT_GAUGE:
		words[t->word] = real_word_load(import, t->off) ^ MUSTER__GAUGE_KEY;
		break;
	case MUSTER__IMPORT_RECENT:
		words[t->real_word] = real_word_load(import, t->off);
		words[t->word] = whole(muster__double(real_word_load(import, t->off + 8)) * 1e9);
		break;
	case MUSTER__IMPORT_SAMPLE:
		words[t->real_word] = real_word_load(import, t->off);
		words[t->word] = import->born_ns;
		break;
	case MUSTER__IMPORT_ALL:
		*c = (struct cumulative){.all_known = t->off != MUSTER__IMPORT_NONE, .all = count_at(import, t->off)};
		break;
	case MUSTER__IMPORT_UP_TO:
		words[t->word] = up_to(c, count_at(import, t->off));
		break;
	case MUSTER__IMPORT_BEYOND:
		words[t->word] = c->all_known ? c->all - c->below : 0;
		break;
	}
}

static void values_load(void *ctx)
{
	const struct muster__import *import = ((struct loading *)ctx)->import;
	struct cumulative c = {0};

	for (size_t i = 0; i < import->targets_count; i++)
		value_load(import, import->targets + i, &c);
}

/* The version shows in what stands behind a key. Returns how many of the bytes are whole entries. */
static uint32_t entries_walk(struct muster__import *import, const unsigned char *bytes, uint32_t count)
{
	if (import->tail)
		return muster__import_walk(import, bytes, count, import->tail);
	uint32_t timed = muster__import_walk(import, bytes, count, MUSTER__IMPORT_TAIL_TIMED);
	uint32_t plain = muster__import_walk(import, bytes, count, MUSTER__IMPORT_TAIL_PLAIN);
	import->tail = timed >= plain ? MUSTER__IMPORT_TAIL_TIMED : MUSTER__IMPORT_TAIL_PLAIN;
	return timed >= plain ? timed : plain;
}

/* What is left behind the last whole entry begins the next bytes. */
static int entries_take(struct muster__import *import, const unsigned char *bytes, uint32_t count)
{
	uint32_t whole_bytes = entries_walk(import, bytes, count);

	if (whole_bytes == 0)
		return MUSTER__BAD(CATALOGUE);
	if (muster__mode_timestamped(import->mode) && import->tail != MUSTER__IMPORT_TAIL_TIMED)
		return MUSTER__BAD(CATALOGUE);
	return muster__import_entries(import, bytes, import->used, whole_bytes);
}

/* Piece by piece: who lies about what is used gets no more memory for it than that. */
static int new_read(struct muster__slab *slab, uint32_t used)
{
	struct muster__import *import = slab->import;
	uint32_t left = used - import->used;
	struct loading l = {.import = import, .to = malloc(left < PIECE_BYTES ? left + 1u : PIECE_BYTES)};
	int rc = l.to ? 0 : -ENOMEM;

	while (rc == 0 && (left = used - import->used) > 0) {
		l.count = left < PIECE_BYTES ? left : PIECE_BYTES;
		rc = muster__guard_run(import->file, import->file_bytes, bytes_load, &l) == 0 ? 0 : MUSTER__BAD(SHRUNK);
		if (rc == 0)
			rc = entries_take(import, l.to, l.count);
	}
	free(l.to);
	return rc;
}

/* Begin the image anew: what was published of it does not fit what the file has now. */
static int image_restart(struct muster__slab *slab)
{
	struct muster__import *import = slab->import;
	struct muster__catalogue *root = slab->catalogue;
	int rc = image_make(slab);

	if (rc != 0)
		return rc;
	while (root->base)
		root = root->base;
	(void)muster__catalogue_hold(root);
	muster__catalogue_release(&slab->catalogue);
	slab->catalogue = root;
	slab->bounds_noted = 0;
	muster__import_families_free(import);
	muster__import_children_free(import);
	import->end = (struct muster__cursor){0};
	import->used = HEAD_BYTES;
	return 0;
}

static int grown_read(struct muster__slab *slab, uint32_t used)
{
	struct muster__import *import = slab->import;
	int rc = muster__import_gathers(import) ? image_restart(slab) : 0;

	if (rc == 0)
		rc = new_read(slab, used);
	return rc == 0 && import->gathered ? muster__import_publish(import) : rc;
}

int muster__import_follow(struct muster__slab *slab)
{
	struct muster__import *import = slab->import;
	struct loading l = {.import = import};
	int rc = file_map(slab);

	if (rc != 0 || import->file == NULL)
		return rc;
	if (muster__guard_run(import->file, import->file_bytes, used_load, &l) != 0)
		return MUSTER__BAD(SHRUNK);
	if (import->used == 0)
		import->used = HEAD_BYTES;
	if (l.used == 0 && import->used == HEAD_BYTES)
		return 0;                                                  /* nothing in it yet */
	if (l.used > import->file_bytes && (rc = file_map(slab)) != 0) /* it grows before more of it is used */
		return rc;
	if (l.used < import->used)
		return MUSTER__BAD(SHRUNK);
	if (l.used > import->file_bytes || l.used % 8 != 0)
		return MUSTER__BAD(SHORT);
	if (l.used > import->used || import->gathered)
		rc = grown_read(slab, l.used);
	if (rc == 0 && muster__guard_run(import->file, import->file_bytes, values_load, &l) != 0)
		rc = MUSTER__BAD(SHRUNK);
	return rc;
}
