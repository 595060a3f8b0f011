/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slab_file.c - the file behind a slab: complete before it has a name, backed before it is promised.
 *
 * O_TMPFILE, size, space, header, record lock, and only then linkat. Where the file system has no
 * O_TMPFILE or /proc is missing, a hidden name and a rename take their place. Runs in workers.
 */
#include "slab_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "atomic.h"
#include "error.h"

#define CATALOGUE_BYTES (UINT64_C(64) << 20)
#define GAUGE_CELLS (1u << 17)
#define INT_CELLS (1u << 20)
#define REAL_CELLS (1u << 17)
#define SKETCHES MUSTER_SKETCHES_MAX
#define EXEMPLARS (1u << 18)
#define SHRINK_MAX 8
#define CATALOGUE_BACKED_FIRST (UINT64_C(8) << 10)

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

/* ---- geometry ----------------------------------------------------------------------------- */

static uint64_t page_up(uint64_t bytes)
{
	return (bytes + MUSTER__PAGE - 1) / MUSTER__PAGE * MUSTER__PAGE;
}

static struct muster__geometry geometry_of(unsigned shrink, struct muster__exemplar_area *exemplars,
                                           struct muster__sketch_area *sketches)
{
	struct muster__geometry g = {
		.catalogue_off = MUSTER__PAGE,
		.catalogue_bytes = CATALOGUE_BYTES >> shrink,
		.gauge_cells = GAUGE_CELLS >> shrink,
		.int_cells = INT_CELLS >> shrink,
		.real_cells = REAL_CELLS >> shrink,
		.bank_count = shrink < 3 ? MUSTER__BANKS_MAX : MUSTER__BANKS_MAX >> 2,
	};
	g.gauge_off = g.catalogue_off + g.catalogue_bytes;
	*exemplars = (struct muster__exemplar_area){.off = page_up(g.gauge_off + (uint64_t)g.gauge_cells * 8),
	                                            .slots = EXEMPLARS >> shrink};
	*sketches = (struct muster__sketch_area){
		.off = page_up(exemplars->off + exemplars->slots * sizeof(struct muster__exemplar_shm)),
		.count = SKETCHES >> 2 * shrink};
	g.bank_off = sketches->off + muster__sketch_area_bytes(sketches->count);
	g.real_off = page_up((MUSTER__WORD_CELLS + (uint64_t)g.int_cells) * 8);
	g.bank_stride = page_up(g.real_off + (uint64_t)g.real_cells * 8);
	g.file_bytes = g.bank_off + g.bank_count * g.bank_stride;
	return g;
}

static bool within(int resource, uint64_t bytes)
{
	struct rlimit limit;

	return getrlimit(resource, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY || bytes <= limit.rlim_cur;
}

/* Under mlockall(MCL_FUTURE) all of a mapping counts against RLIMIT_MEMLOCK, populated or not. */
static bool mappable(uint64_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		return false;
	munmap(p, bytes);
	return true;
}

/* Handles carry offsets, so the geometry is chosen once, at the first attach, to fit the limits of the
 * process: its children keep it. A quarter of the address space is the most a slab may ask for. */
static const struct muster__geometry *geometry(void)
{
	struct muster__geometry *g = &muster__store.geometry;

	for (unsigned shrink = 0; g->file_bytes == 0; shrink++) {
		struct muster__geometry choice = geometry_of(shrink, &muster__store.exemplars, &muster__store.sketch_area);
		bool fits = within(RLIMIT_FSIZE, choice.file_bytes) && within(RLIMIT_AS, choice.file_bytes * 4) &&
		            mappable(choice.file_bytes);
		if (fits || shrink == SHRINK_MAX)
			*g = choice;
	}
	return g;
}

/* ---- backing ------------------------------------------------------------------------------ */

static bool is_ours(int fd, uint64_t dev, uint64_t ino)
{
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 && st.st_dev == dev && st.st_ino == ino;
}

/* For file systems without fallocate. The range is a hole nobody uses yet. */
static int write_zeros(int fd, uint64_t off, uint64_t bytes)
{
	static const char zeros[MUSTER__PAGE];

	for (uint64_t done = 0; done < bytes;) {
		size_t n = bytes - done < sizeof zeros ? bytes - done : sizeof zeros;
		ssize_t put = pwrite(fd, zeros, n, (off_t)(off + done));
		if (put < 0 && errno != EINTR)
			return -errno;
		if (put > 0)
			done += (uint64_t)put;
	}
	return 0;
}

static int reserve(int fd, uint64_t off, uint64_t bytes)
{
	int rc;

	do
		rc = fallocate(fd, 0, (off_t)off, (off_t)bytes);
	while (rc != 0 && errno == EINTR);
	if (rc == 0)
		return 0;
	return errno == EOPNOTSUPP ? write_zeros(fd, off, bytes) : -errno;
}

int muster__slab_back(uint64_t off, uint64_t bytes)
{
	struct muster__store *s = &muster__store;
	int rc = 0;

	if (bytes == 0)
		return 0;
	if (s->backed_bytes + bytes > s->bytes_max)
		return -ENOSPC;
	if (s->fd >= 0) {
		/* Whoever closes all descriptors has closed ours: the mapping can still ask for pages. */
		if (is_ours(s->fd, s->dev, s->ino))
			rc = reserve(s->fd, off, bytes);
		else if (madvise(s->map + off, bytes, MADV_POPULATE_WRITE) != 0)
			rc = -errno;
	}
	if (rc == 0)
		s->backed_bytes += bytes;
	return rc;
}

/* ---- the mapping that is left ------------------------------------------------------------- */

struct muster__mapping muster__mapping_take(void)
{
	struct muster__store *s = &muster__store;
	struct muster__mapping old = {s->map, s->fd, s->dev, s->ino, s->backed, s->backed_bytes};

	s->map = NULL;
	s->fd = -1;
	return old;
}

void muster__mapping_restore(struct muster__mapping *old)
{
	struct muster__store *s = &muster__store;

	s->map = old->map;
	s->fd = old->fd;
	s->dev = old->dev;
	s->ino = old->ino;
	s->backed = old->backed;
	s->backed_bytes = old->backed_bytes;
	old->map = NULL;
	old->fd = -1;
}

void muster__mapping_drop(struct muster__mapping *old)
{
	if (old->map)
		munmap(old->map, muster__store.geometry.file_bytes);
	if (is_ours(old->fd, old->dev, old->ino))
		close(old->fd);
}

static void sketch_copy(const struct muster__mapping *old, uint32_t sketch)
{
	const struct muster__sketch_area *area = &muster__store.sketch_area;
	uint64_t have = ((const uint64_t *)(const void *)(old->map + area->off))[sketch];
	uint64_t off = area->off + muster__sketch_directory_bytes(area->count) + sketch * MUSTER__SKETCH_BYTES;

	for (uint32_t page = 0; page < MUSTER__SKETCH_PAGES; page++, off += MUSTER__PAGE)
		if ((have >> page & 1) && muster__store_back_sketch(sketch, page) == 0)
			memcpy(muster__store.map + off, old->map + off, MUSTER__PAGE);
}

void muster__mapping_copy_values(const struct muster__mapping *old)
{
	const struct muster__store *s = &muster__store;
	const struct muster__geometry *g = &s->geometry;
	const struct muster__header_shm *from = (const void *)old->map;

	if (from == NULL) /* there was no memory: nothing was recorded */
		return;
	uint64_t banks = muster__load_relaxed(&from->banks_used);
	for (uint64_t i = 0; i < banks && (i == 0 || muster__store_add_bank() == 0); i++) {
		uint64_t off = g->bank_off + i * g->bank_stride;
		memcpy(s->map + off, old->map + off, (MUSTER__WORD_CELLS + s->int_used) * 8);
		memcpy(s->map + off + g->real_off, old->map + off + g->real_off, s->real_used * 8);
	}
	memcpy(s->map + g->gauge_off, old->map + g->gauge_off, s->gauge_used * 8);
	for (uint32_t i = 0; i < s->sketches_used; i++)
		sketch_copy(old, i);
	memcpy(s->map + s->exemplars.off, old->map + s->exemplars.off,
	       s->exemplars_used * sizeof(struct muster__exemplar_shm));
	memcpy(muster__store_header()->events, from->events, sizeof from->events);
}

/* ---- making a slab ------------------------------------------------------------------------ */

static void header_fill(struct muster__header_shm *h)
{
	h->magic = MUSTER__MAGIC;
	h->major = MUSTER__FORMAT_MAJOR;
	h->minor = MUSTER__FORMAT_MINOR;
	h->word_bytes = 8;
	h->kind = MUSTER__KIND_SLAB;
	h->header_bytes = MUSTER__PAGE;
	h->byte_order = MUSTER__BYTE_ORDER;
	h->geometry = muster__store.geometry;
	h->sketches = muster__store.sketch_area;
	muster__identity_read(&h->identity);
	h->created_unix_ns = muster__unix_ns();
	h->exemplars = muster__store.exemplars;
	h->checksum = muster__header_checksum(h);
}

/* Back and fill what the store has taken already: the header, the inherited catalogue, the cells. */
static int fill(const struct muster__mapping *old)
{
	struct muster__store *s = &muster__store;
	const struct muster__geometry *g = &s->geometry;
	uint64_t first = s->catalogue_used + CATALOGUE_BACKED_FIRST;

	if (s->catalogue_used && old->map == NULL)
		return -ENOMEM; /* an ancestor had no memory to keep it in */

	s->backed = (struct muster__backed){.catalogue = page_up(first < g->catalogue_bytes ? first : g->catalogue_bytes)};
	s->backed_bytes = 0;
	int rc = muster__slab_back(0, g->catalogue_off + s->backed.catalogue);
	if (rc != 0)
		return rc;
	struct muster__header_shm *header = muster__store_header();
	if (muster__store_add_bank() != 0 || muster__store_reserve(s->int_used, s->real_used, s->gauge_used) != 0 ||
	    muster__store_reserve_sketches(s->sketches_used) != 0 ||
	    muster__store_reserve_exemplars(s->exemplars_used) != 0)
		return -ENOSPC;
	if (s->catalogue_used)
		memcpy(s->map + g->catalogue_off, old->map + g->catalogue_off, s->catalogue_used);
	header_fill(header);
	muster__store_release(&header->catalogue_used, s->catalogue_used);
	return 0;
}

/* A number above 0, else the default. */
static uint64_t budget_read(const char *name, uint64_t usual)
{
	const char *text = getenv(name);
	uint64_t n = text ? strtoull(text, NULL, 10) : 0;

	return n ? n : usual;
}

static void budgets_read(void)
{
	muster__store.bytes_max = budget_read("MUSTER_SLAB_BYTES_MAX", MUSTER__SLAB_BYTES_MAX_DEFAULT);
	muster__store.series_max = budget_read("MUSTER_SERIES_MAX", MUSTER_PROCESS_SERIES_MAX_DEFAULT);
}

/* After mlockall(MCL_FUTURE) a new mapping is locked and so filled, holes and all. Without access it is
 * not filled: it is unlocked in that state, and opened then. */
static int map(int flags, int fd)
{
	size_t bytes = geometry()->file_bytes;
	void *p = mmap(NULL, bytes, PROT_NONE, flags, fd, 0);

	if (p == MAP_FAILED)
		return -errno;
	(void)munlock(p, bytes);
	if (mprotect(p, bytes, PROT_READ | PROT_WRITE) != 0) {
		int rc = -errno;
		munmap(p, bytes);
		return rc;
	}
	muster__store.map = p;
	muster__store.fd = fd;
	budgets_read();
	return 0;
}

static void unmap(void)
{
	struct muster__store *s = &muster__store;

	if (s->map)
		munmap(s->map, s->geometry.file_bytes);
	s->map = NULL;
	s->fd = -1;
}

int muster__slab_create_private(const struct muster__mapping *old)
{
	int rc = map(MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);

	if (rc == 0)
		rc = fill(old);
	if (rc != 0)
		unmap();
	return rc;
}

/* A directory in which everyone may create and delete is not one to attach to. */
static int region_open(const char *region)
{
	struct stat st;
	int dir = open(region, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0)
		return muster__error(-errno, "region %.200s: %s; create it or let `muster` create it", region,
		                     strerrordesc_np(errno));
	if (fstat(dir, &st) == 0 && (st.st_mode & S_IWOTH) && !(st.st_mode & S_ISVTX)) {
		close(dir);
		return muster__error(MUSTER_EREGION, "region %.200s: mode %04o lets everyone write; chmod o-w it", region,
		                     st.st_mode & 07777);
	}
	return dir;
}

static int file_open(int dir, const char *hidden)
{
	int fd = openat(dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == ENOENT))
		fd = openat(dir, hidden, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0600);
	return fd < 0 ? -errno : fd;
}

static int file_size(int fd)
{
	struct stat st;

	if (!within(RLIMIT_FSIZE, muster__store.geometry.file_bytes))
		return -EFBIG; /* ftruncate would raise SIGXFSZ */
	if (ftruncate(fd, (off_t)muster__store.geometry.file_bytes) != 0 || fstat(fd, &st) != 0)
		return -errno;
	muster__store.dev = st.st_dev;
	muster__store.ino = st.st_ino;
	return 0;
}

static int file_lock(int fd)
{
	struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	return fcntl(fd, F_SETLK, &whole) == 0 ? 0 : -errno;
}

/* Give the finished file its name. A file with a hidden name is renamed, any other linked. */
static int file_name(int dir, int fd, const char *hidden, const char *name)
{
	char self[32];

	if (renameat(dir, hidden, dir, name) == 0)
		return 0;
	(void)snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
	if (linkat(AT_FDCWD, self, dir, name, AT_SYMLINK_FOLLOW) == 0)
		return 0;
	return linkat(fd, "", dir, name, AT_EMPTY_PATH) == 0 ? 0 : -errno;
}

static int create_in(int dir, int fd, const struct muster__mapping *old, const char *hidden)
{
	char name[64];
	int rc = file_size(fd);

	if (rc == 0)
		rc = map(MAP_SHARED, fd);
	if (rc == 0)
		rc = fill(old);
	if (rc == 0)
		rc = file_lock(fd);
	if (rc == 0) {
		const struct muster__identity *id = &muster__store_header()->identity;
		(void)snprintf(name, sizeof name, MUSTER__SLAB_PREFIX "%x.%llx.%llx", id->pid,
		               (unsigned long long)id->start_ticks, (unsigned long long)id->instance);
		rc = file_name(dir, fd, hidden, name);
	}
	return rc;
}

int muster__slab_create(const char *region, const struct muster__mapping *old)
{
	char hidden[32];
	uint64_t salt = 0;
	int dir = region_open(region);

	if (dir < 0)
		return dir;
	(void)geometry();
	(void)!getrandom(&salt, sizeof salt, GRND_NONBLOCK);
	(void)snprintf(hidden, sizeof hidden, MUSTER__SLAB_HIDDEN "%llx", (unsigned long long)salt);
	int fd = file_open(dir, hidden), rc = fd;
	if (fd >= 0) {
		rc = create_in(dir, fd, old, hidden);
		if (rc != 0) {
			unmap();
			(void)unlinkat(dir, hidden, 0);
			close(fd);
		}
	}
	close(dir);
	if (rc < 0)
		return muster__error(rc, "region %.200s: cannot create a slab: %s; free space there or raise the limit", region,
		                     muster_strerror(rc));
	return 0;
}
