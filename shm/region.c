/* SPDX-License-Identifier: Apache-2.0 */
/*
 * region.c - opening a region and bringing its view up to date.
 *
 * A refresh runs: scan, follow, settle (roll.c), map, add up, show. Only the first steps can fail, and
 * they leave the view as it was. Runs in readers and masters; one thread at a time.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "atomic.h"
#include "error.h"
#include "expiry.h"
#include "fold.h"
#include "grow.h"
#include "guard.h"
#include "import_schema.h"
#include "roll.h"

#define FLOOD_SHARE 4

/* ---- opening and closing ------------------------------------------------------------------ */

static struct muster_region *region_alloc(void)
{
	struct muster_region *region = calloc(1, sizeof *region);

	if (region == NULL)
		return NULL;
	region->dir = region->lock = -1;
	region->merge.series_max = MUSTER_REGION_SERIES_MAX_DEFAULT;
	region->merge.bounds = &region->bounds;
	const uint64_t exemplar_words = MUSTER__LEDGER_EXEMPLARS_MAX * MUSTER__EXEMPLAR_WORDS;
	region->ledger_max = (struct muster__ledger_size){
		.bytes = MUSTER__CATALOGUE_BYTES_MAX - MUSTER__LEDGER_EXEMPLARS_MAX * sizeof(struct muster__exemplars_shm),
		.words = (MUSTER__SLAB_WORDS_MAX - exemplar_words) / 2 - MUSTER__WORD_CELLS,
		.series = MUSTER__CATALOGUE_SERIES_MAX};
	if (muster__catalogue_create(&region->root) != 0) {
		free(region);
		return NULL;
	}
	muster__observer_init(&region->observer);
	return region;
}

/* A descriptor of its own for readdir(), whose position is nobody else's. */
static DIR *entries_open(int dir)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *entries = fd < 0 ? NULL : fdopendir(fd);

	if (fd >= 0 && entries == NULL)
		close(fd);
	return entries;
}

int muster_region_open(const char *path, struct muster_region **out)
{
	struct muster_region *region = region_alloc();

	if (region == NULL)
		return -ENOMEM;
	int rc = muster__region_dir_open(path, &region->dir, &region->owner);
	if (rc == 0) {
		(void)strcpy(region->path, path);
		muster__region_sharing_read(region->dir, &region->sharing);
		region->entries = entries_open(region->dir);
		if (region->entries == NULL)
			rc = muster__error(-errno, "region %s: %s", path, muster_strerror(-errno));
	}
	if (rc != 0)
		muster_region_destroy(&region);
	else
		*out = region;
	return rc;
}

static void view_forget(struct muster_region *region)
{
	free(region->page.bytes);
	region->page = (struct muster__text_buffer){0};
	muster__text_rests_clear(&region->rests);
	muster__merge_clear(&region->merge);
}

void muster_region_destroy(struct muster_region **at)
{
	struct muster_region *region = *at;

	*at = NULL;
	if (region == NULL)
		return;
	view_forget(region);
	muster__expiry_destroy(&region->expiry);
	while (region->slabs_count > 0)
		muster__roll_strike(region, region->slabs_count - 1);
	muster__slab_destroy(&region->ledger);
	muster__catalogue_release(&region->root);
	muster__bounds_free(&region->bounds);
	muster__schema_destroy(&region->schema);
	muster__index_clear(&region->by_name);
	free(region->slabs);
	free(region->polls);
	if (region->entries)
		closedir(region->entries);
	if (region->lock >= 0)
		close(region->lock);
	if (region->dir >= 0)
		close(region->dir);
	free(region);
}

void muster_region_series_max(struct muster_region *region, size_t series_max)
{
	region->merge.series_max = series_max;
}

void muster_region_on_quarantine(struct muster_region *region, muster_quarantine_fn *fn, void *ctx)
{
	region->on_quarantine = fn;
	region->on_quarantine_ctx = ctx;
}

/* ---- mapping ------------------------------------------------------------------------------ */

static bool is_counted(const struct muster__slab *slab)
{
	return slab->state == MUSTER__SLAB_LIVE || slab->state == MUSTER__SLAB_DEAD;
}

static void unmap_all(struct muster_region *region)
{
	if (region->ledger)
		muster__catalogue_unmap(region->ledger->catalogue);
	for (size_t i = 0; i < region->slabs_count; i++)
		muster__catalogue_unmap(region->slabs[i]->catalogue);
}

/* Something in the view is not to be believed any more, or is nobody's. */
static void view_remake(struct muster_region *region)
{
	view_forget(region);
	region->expired_count = 0;
	unmap_all(region);
	region->remake = region->bounds.changed = false;
}

/* Does it want more than its share of the region's series? */
static bool is_flood(const struct muster_region *region, const struct muster__slab *slab)
{
	return slab->catalogue->end.series > region->merge.series_max / FLOOD_SHARE;
}

static int map_some(struct muster_region *region, enum muster__slab_state state, bool floods)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < region->slabs_count; i++) {
		const struct muster__slab *slab = region->slabs[i];
		if (slab->state == state && is_flood(region, slab) == floods)
			rc = muster__catalogue_map(&region->merge, slab->catalogue);
	}
	return rc;
}

static int map_all(struct muster_region *region)
{
	int rc = region->ledger ? muster__catalogue_map(&region->merge, region->ledger->catalogue) : 0;

	/* The dead before the living: what is in totals already says how a family is described. But those who
	 * flood come last, so that the region's limit is theirs. */
	if (rc == 0)
		rc = map_some(region, MUSTER__SLAB_DEAD, false);
	if (rc == 0)
		rc = map_some(region, MUSTER__SLAB_LIVE, false);
	if (rc == 0)
		rc = map_some(region, MUSTER__SLAB_DEAD, true);
	return rc ? rc : map_some(region, MUSTER__SLAB_LIVE, true);
}

/* Is a family of the ledger left out, because a live worker described it otherwise before? */
static bool ledger_conflicts(const struct muster_region *region)
{
	return region->ledger && region->ledger->catalogue->mapping.conflicts > 0;
}

static int map(struct muster_region *region)
{
	bool before = region->merge.families_count == 0;
	struct muster__slab *ledger = region->ledger;
	int rc = ledger ? muster__bounds_note(&region->bounds, ledger->catalogue, &ledger->bounds_noted, 0) : 0;

	if (rc != 0)
		return rc;
	if (region->remake || region->bounds.changed) {
		view_remake(region);
		before = true;
	}
	rc = map_all(region);
	if (rc == 0 && !before && ledger_conflicts(region)) {
		view_remake(region);
		rc = map_all(region);
	}
	return rc;
}

/* ---- adding up ---------------------------------------------------------------------------- */

static size_t pids_count(const struct muster__slab *slab)
{
	size_t n = 0;

	for (const struct muster__catalogue *node = slab->catalogue; node; node = node->base)
		n += node->mapping.pids_count;
	return n;
}

static size_t pids_count_all(const struct muster_region *region)
{
	size_t n = region->ledger ? pids_count(region->ledger) : 0;

	for (size_t i = 0; i < region->slabs_count; i++)
		if (is_counted(region->slabs[i]))
			n += pids_count(region->slabs[i]);
	return n;
}

struct adding {
	struct muster__values *values;
	struct muster__source source;
	const struct muster__activity_places *places;
	const struct muster__requests_shm *requests; /* NULL: it has none that run */
	struct muster__activity_known *known;
};

static void add(void *ctx)
{
	const struct adding *a = ctx;
	struct muster__activity activity;

	muster__values_add(a->values, &a->source);
	if (a->requests == NULL)
		return;
	muster__activity_read(a->requests, a->known->alive_ns, a->known, &activity);
	muster__activity_add(a->values, a->places, &activity);
}

static int slab_add(struct muster_region *region, struct muster__slab *slab,
                    const struct muster__activity_places *places)
{
	struct adding a = {.values = &region->merge.values, .places = places, .known = &slab->activity};

	muster__roll_source(region, slab, &a.source);
	if (slab->state == MUSTER__SLAB_LIVE && slab->minor >= 1)
		a.requests = &((const struct muster__header_shm *)(const void *)slab->map)->requests;
	if (slab->state != MUSTER__SLAB_LIVE) {
		add(&a);
		return 0;
	}
	if (muster__guard_run(slab->map, slab->map_bytes, add, &a) != 0)
		return MUSTER__BAD(SHRUNK);
	return a.values->broken ? MUSTER__BAD(SERIES) : 0;
}

static int sketches_prepare(struct muster_region *region, const struct muster__slab *slab)
{
	struct muster__source source;

	if (slab->sketches.count == 0)
		return 0;
	muster__roll_source(region, slab, &source);
	return muster__sketches_prepare(&region->merge.values, &source);
}

static int sketches_prepare_all(struct muster_region *region)
{
	int rc = region->ledger ? sketches_prepare(region, region->ledger) : 0;

	for (size_t i = 0; rc == 0 && i < region->slabs_count; i++)
		if (is_counted(region->slabs[i]))
			rc = sketches_prepare(region, region->slabs[i]);
	return rc;
}

/* One was cut short while it was read. Find all that are, so that this happens once. */
static void short_quarantine(struct muster_region *region, struct muster__slab *found)
{
	struct stat st;

	for (size_t i = 0; i < region->slabs_count; i++) {
		struct muster__slab *slab = region->slabs[i];
		if (slab->state != MUSTER__SLAB_LIVE || slab->import)
			continue;
		if (slab == found ||
		    (slab->fd >= 0 && fstat(slab->fd, &st) == 0 && (uint64_t)st.st_size < slab->geometry.file_bytes))
			muster__roll_quarantine(region, slab, MUSTER_QUARANTINE_SHRUNK);
	}
}

/* Returns 0; -EFAULT if a slab was quarantined, so that the values are not complete. */
static int add_all(struct muster_region *region)
{
	struct muster__activity_places places;

	muster__activity_find(&region->merge, &places);
	muster__values_clear(&region->merge.values, &region->merge);
	memcpy(region->merge.values.events, region->failures, sizeof region->failures);
	if (region->ledger)
		(void)slab_add(region, region->ledger, &places);
	for (size_t i = 0; i < region->slabs_count; i++) {
		struct muster__slab *slab = region->slabs[i];
		int rc = is_counted(slab) ? slab_add(region, slab, &places) : 0;
		if (rc == MUSTER__BAD(SHRUNK))
			short_quarantine(region, slab);
		else if (rc != 0)
			muster__roll_quarantine(region, slab, muster__bad_reason(rc));
		if (rc != 0)
			return -EFAULT;
	}
	return 0;
}

static int publish(struct muster_region *region)
{
	struct muster__source ledger;

	if (region->ledger == NULL)
		return muster__merge_publish(&region->merge, NULL);
	muster__slab_source(region->ledger, true, &ledger);
	return muster__merge_publish(&region->merge, &ledger);
}

static int merge_all(struct muster_region *region)
{
	int rc;

	do {
		rc = map(region);
		if (rc == 0)
			rc = muster__merge_reserve(&region->merge, pids_count_all(region));
		if (rc == 0)
			rc = sketches_prepare_all(region);
		if (rc == 0)
			rc = add_all(region);
	} while (rc == -EFAULT); /* each time there is a slab less */
	return rc == 0 ? publish(region) : rc;
}

/* ---- refreshing --------------------------------------------------------------------------- */

int muster_region_refresh(struct muster_region *region)
{
	int rc = muster__roll_scan(region);

	if (rc == 0)
		rc = muster__roll_follow(region);
	if (rc == 0)
		rc = muster__roll_settle(region);
	muster__failures_read(region);
	if (rc == 0)
		rc = merge_all(region);
	if (rc != 0)
		(void)muster__error(rc, "region %s: cannot be read: %s", region->path, muster_strerror(rc));
	return rc;
}

void muster_region_stats(const struct muster_region *region, struct muster_region_stats *out)
{
	*out = (struct muster_region_stats){.families = region->merge.families_count,
	                                    .series = region->merge.series_count,
	                                    .quarantined = region->ledger_bad};
	for (size_t i = 0; i < region->slabs_count; i++) {
		out->live += region->slabs[i]->state == MUSTER__SLAB_LIVE;
		out->dead += region->slabs[i]->state == MUSTER__SLAB_DEAD;
		out->quarantined += region->slabs[i]->state == MUSTER__SLAB_QUARANTINED;
	}
}

size_t muster__region_pidfds(const struct muster_region *region, int *fds, size_t count_max)
{
	size_t n = 0;

	for (size_t i = 0; i < region->slabs_count && n < count_max; i++)
		if (region->slabs[i]->state == MUSTER__SLAB_LIVE && region->slabs[i]->life.pidfd >= 0)
			fds[n++] = region->slabs[i]->life.pidfd;
	return n;
}

/* ---- heartbeats --------------------------------------------------------------------------- */

struct beat {
	const struct muster__header_shm *header;
	uint64_t word;
};

static void beat_load(void *ctx)
{
	struct beat *b = ctx;

	b->word = muster__load_relaxed((const uint64_t *)&b->header->heartbeat);
}

uint64_t muster__region_heartbeat(const struct muster_region *region, uint32_t pid)
{
	for (size_t i = 0; i < region->slabs_count; i++) {
		const struct muster__slab *slab = region->slabs[i];
		struct beat beat = {(const void *)slab->map, 0};
		if (slab->state != MUSTER__SLAB_LIVE || slab->import || slab->identity.pid != pid ||
		    slab->identity.pidns_ino != region->observer.self.pidns_ino)
			continue;
		return muster__guard_run(slab->map, slab->map_bytes, beat_load, &beat) == 0 ? beat.word : 0;
	}
	return 0;
}
