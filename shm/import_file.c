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
#define TAIL_TIMED 16 /* value and time: since 0.18 */
#define TAIL_PLAIN 8
#define PIECE_BYTES (UINT32_C(1) << 20) /* loaded at once; no entry is longer */

/* What an image has room for; memory that is not used is not taken. */
#define IMAGE_CATALOGUE_BYTES (UINT64_C(32) << 20)
#define IMAGE_INT_CELLS (1u << 18)
#define IMAGE_REAL_CELLS (1u << 17)
#define IMAGE_GAUGE_CELLS (1u << 17)

/* ---- the name ----------------------------------------------------------------------------- */

static const struct {
	const char *prefix;
	struct muster__import_name name;
} kinds[] = {
	{"counter_", {MUSTER_COUNTER, 0, 0}},
	{"histogram_", {MUSTER_HISTOGRAM, 0, 0}},
	{"summary_", {MUSTER_SUMMARY, 0, 0}},
	{"gauge_all_", {MUSTER_GAUGE, MUSTER_ALL, 0}},
	{"gauge_liveall_", {MUSTER_GAUGE, MUSTER_LIVEALL, 0}},
	{"gauge_min_", {MUSTER_GAUGE, MUSTER_MIN, 0}},
	{"gauge_livemin_", {MUSTER_GAUGE, MUSTER_LIVEMIN, 0}},
	{"gauge_max_", {MUSTER_GAUGE, MUSTER_MAX, 0}},
	{"gauge_livemax_", {MUSTER_GAUGE, MUSTER_LIVEMAX, 0}},
	{"gauge_sum_", {MUSTER_GAUGE, MUSTER_SUM, 0}},
	{"gauge_livesum_", {MUSTER_GAUGE, MUSTER_LIVESUM, 0}},
	{"gauge_mostrecent_", {MUSTER_GAUGE, MUSTER_MOSTRECENT, 0}},
	{"gauge_livemostrecent_", {MUSTER_GAUGE, MUSTER_LIVEMOSTRECENT, 0}},
};

static bool pid_read(const char *text, uint32_t *out)
{
	uint64_t pid = 0;

	for (; *text >= '0' && *text <= '9' && pid <= UINT32_MAX; text++)
		pid = pid * 10 + (uint64_t)(*text - '0');
	*out = (uint32_t)pid;
	return pid > 0 && pid <= UINT32_MAX && strcmp(text, ".db") == 0;
}

bool muster__import_name_read(const char *name, struct muster__import_name *out)
{
	size_t hidden = sizeof MUSTER__IMPORT_HIDDEN - 1;

	if (strncmp(name, MUSTER__IMPORT_HIDDEN, hidden) == 0) {
		name = strchr(name + hidden, '.');
		if (name == NULL)
			return false;
		name++;
	}
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		size_t n = strlen(kinds[i].prefix);
		if (strncmp(name, kinds[i].prefix, n) != 0)
			continue;
		*out = kinds[i].name;
		return pid_read(name + n, &out->pid);
	}
	return false;
}

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

static int image_make(struct muster__slab *slab)
{
	struct muster__geometry g = image_geometry();
	void *image = mmap(NULL, g.file_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (image == MAP_FAILED)
		return -ENOMEM;
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

/* Who the ledger will say it was: the file, by its place and the time it was made. */
static void identity_make(struct muster__slab *slab)
{
	struct statx sx;

	slab->identity = (struct muster__identity){
		.instance = slab->ino, .pidns_ino = slab->dev, .pid = slab->import->name.pid, .boot_id = "muster-import"};
	if (statx(slab->fd, "", AT_EMPTY_PATH, STATX_BTIME, &sx) == 0 && (sx.stx_mask & STATX_BTIME))
		slab->identity.start_ticks = (uint64_t)sx.stx_btime.tv_sec * 1000000000u + sx.stx_btime.tv_nsec;
}

int muster__import_open(int dir, const char *name, uid_t owner, struct muster__slab **out)
{
	const char *slash = strrchr(name, '/'), *base = slash ? slash + 1 : name;
	struct muster__slab *slab = muster__slab_alloc(name);

	if (slab == NULL || (slab->import = calloc(1, sizeof *slab->import)) == NULL) {
		muster__slab_destroy(&slab);
		return -ENOMEM;
	}
	(void)muster__import_name_read(base, &slab->import->name);
	slab->import->hidden = *base == '.';
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
	muster__import_entries_free(import);
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

static void values_load(void *ctx)
{
	const struct muster__import *import = ((struct loading *)ctx)->import;
	uint64_t *words = (uint64_t *)(void *)import->image;

	for (size_t i = 0; i < import->targets_count; i++) {
		const struct muster__import_target *t = &import->targets[i];
		uint64_t bits = real_word_load(import, t->off);
		switch (t->kind) {
		case MUSTER__IMPORT_INT:
			words[t->word] = whole(muster__double(bits));
			break;
		case MUSTER__IMPORT_REAL:
			words[t->word] = bits;
			break;
		case MUSTER__IMPORT_GAUGE:
			words[t->word] = bits ^ MUSTER__GAUGE_KEY;
			break;
		case MUSTER__IMPORT_RECENT:
			words[t->real_word] = bits;
			words[t->word] = whole(muster__double(real_word_load(import, t->off + 8)) * 1e9);
			break;
		}
	}
}

/* The version shows in what stands behind a key. Returns how many of the bytes are whole entries. */
static uint32_t entries_walk(struct muster__import *import, const unsigned char *bytes, uint32_t count)
{
	if (import->tail)
		return muster__import_walk(bytes, count, import->tail);
	uint32_t timed = muster__import_walk(bytes, count, TAIL_TIMED);
	uint32_t plain = muster__import_walk(bytes, count, TAIL_PLAIN);
	import->tail = timed >= plain ? TAIL_TIMED : TAIL_PLAIN;
	return timed >= plain ? timed : plain;
}

/* What is left behind the last whole entry begins the next bytes. */
static int entries_take(struct muster__import *import, const unsigned char *bytes, uint32_t count)
{
	uint32_t whole_bytes = entries_walk(import, bytes, count);

	if (whole_bytes == 0)
		return MUSTER__BAD(CATALOGUE);
	if (import->name.mode && muster__mode_timestamped(import->name.mode) && import->tail != TAIL_TIMED)
		return MUSTER__BAD(CATALOGUE);
	return muster__import_entries(import, bytes, import->used, whole_bytes);
}

/* Piece by piece: who lies about what is used gets no more memory for it than that. */
static int new_read(struct muster__slab *slab, uint32_t used)
{
	struct muster__import *import = slab->import;
	uint32_t left = used - import->used;
	struct loading l = {.import = import, .to = malloc(left < PIECE_BYTES ? left : PIECE_BYTES)};
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
	if (l.used > import->used)
		rc = new_read(slab, l.used);
	if (rc == 0 && muster__guard_run(import->file, import->file_bytes, values_load, &l) != 0)
		rc = MUSTER__BAD(SHRUNK);
	return rc;
}
