/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fold.c - the dead become part of the ledger, exactly once.
 *
 *     1  totals of the ledger and the dead, in memory
 *     2  a new ledger with them, and with the identities of the dead, beside the old
 *     3  read it back, as the next master would
 *     4  rename it over the old: the one switch
 *     5  unlink the slabs it lists
 *
 * Killed before 4, nothing has changed; after 4, a slab that is still there is listed, and only unlinked.
 * An identity is listed until its file is gone. Runs in the master, which holds the region's lock.
 */
#include "fold.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"
#include "forgetting.h"
#include "grow.h"
#include "import.h"
#include "roll.h"

struct folding {
	struct muster_region *region;
	struct muster__values values;
	bool *families, *series, *kept;
	struct muster__identity *folded;
	size_t folded_count, left_out;
	struct muster__forgetting forgetting;
};

/* ---- 1: totals ---------------------------------------------------------------------------- */

static void marks_set(struct folding *f, const struct muster__slab *slab)
{
	for (const struct muster__catalogue *node = slab->catalogue; node; node = node->base) {
		for (uint32_t i = 0; i < node->mapping.families; i++)
			if (node->families[i].view)
				f->families[node->families[i].view->index] = true;
		for (uint32_t i = 0; i < node->mapping.series; i++)
			if (node->views[i])
				f->series[node->views[i] - 1] = true;
	}
}

static int slab_total(struct folding *f, const struct muster__slab *slab)
{
	struct muster__source source;

	muster__roll_source(f->region, slab, &source);
	int rc = muster__sketches_prepare(&f->values, &source);
	if (rc != 0)
		return rc;
	muster__values_add(&f->values, &source);
	marks_set(f, slab);
	return 0;
}

static bool is_dead(const struct muster__slab *slab)
{
	return slab->state == MUSTER__SLAB_DEAD;
}

static size_t pids_of(const struct muster__slab *slab)
{
	size_t n = 0;

	for (const struct muster__catalogue *node = slab->catalogue; node; node = node->base)
		n += node->mapping.pids_count;
	return n;
}

static int map(struct folding *f, size_t *pids)
{
	struct muster_region *region = f->region;
	int rc = 0;

	*pids = 0;
	if (region->ledger) {
		rc = muster__catalogue_map(&region->merge, region->ledger->catalogue);
		*pids += pids_of(region->ledger);
	}
	for (size_t i = 0; rc == 0 && i < region->slabs_count; i++)
		if (is_dead(region->slabs[i])) {
			rc = muster__catalogue_map(&region->merge, region->slabs[i]->catalogue);
			*pids += pids_of(region->slabs[i]);
		}
	return rc;
}

static size_t folded_before(const struct muster_region *region)
{
	size_t n = 0;

	for (const struct muster__catalogue *node = region->ledger ? region->ledger->catalogue : NULL; node;
	     node = node->base)
		n += node->folded_count;
	return n;
}

static int folding_alloc(struct folding *f, size_t pids)
{
	const struct muster__merge *merge = &f->region->merge;

	f->families = calloc(merge->families_count + 1, sizeof *f->families);
	f->series = calloc(merge->series_count + 1, sizeof *f->series);
	f->kept = calloc(merge->series_count + 1, sizeof *f->kept);
	f->folded = calloc(f->region->slabs_count + folded_before(f->region) + 1, sizeof *f->folded);
	if (f->families == NULL || f->series == NULL || f->kept == NULL || f->folded == NULL)
		return -ENOMEM;
	return muster__values_reserve(&f->values, merge, pids);
}

static void folding_free(struct folding *f)
{
	muster__values_destroy(&f->values);
	free(f->families);
	free(f->series);
	free(f->kept);
	free(f->folded);
	muster__forgetting_free(&f->forgetting);
}

/* What living workers have may keep the schema of a native histogram low. It stays so when they are gone, even if what
 * they had was forgotten meanwhile: to Prometheus a schema that rises is a reset. */
static void schemas_keep(struct folding *f)
{
	const struct muster__merge *merge = &f->region->merge;

	for (size_t i = 0; i < merge->series_count; i++) {
		const struct muster__view_series *s = muster__series_at(merge, i);
		if (s->family->type == MUSTER_NATIVE_HISTOGRAM)
			muster__native_lower_to(f->values.ints + s->int_at, merge->view.ints + s->int_at,
			                        muster__native_shape(s->family->bounds));
	}
}

static bool is_listed(const struct folding *f, const struct muster__identity *who)
{
	for (size_t i = 0; i < f->folded_count; i++)
		if (memcmp(f->folded + i, who, sizeof *who) == 0)
			return true;
	return false;
}

/* An identity is listed until its file is gone, which nobody knows of imported files where their directory is not read. */
static void imports_list(struct folding *f)
{
	const struct muster__slab *ledger = f->region->ledger;
	const struct muster__catalogue *node = ledger && !f->region->import_read ? ledger->catalogue : NULL;

	for (; node; node = node->base)
		for (size_t i = 0; i < node->folded_count; i++)
			if (muster__import_identity(&node->folded[i]) && !is_listed(f, &node->folded[i]))
				f->folded[f->folded_count++] = node->folded[i];
}

static int totals(struct folding *f)
{
	struct muster_region *region = f->region;
	size_t pids;
	int rc = map(f, &pids);

	if (rc == 0)
		rc = folding_alloc(f, pids);
	if (rc != 0)
		return rc;
	if (region->ledger) {
		rc = slab_total(f, region->ledger);
		/* They are not in the next ledger. */
		f->values.events[MUSTER__EVENT_FAMILY_CONFLICT] += region->ledger->catalogue->mapping.outdated;
	}
	memcpy(f->kept, f->series, region->merge.series_count * sizeof *f->kept);
	for (size_t i = 0; rc == 0 && i < region->slabs_count; i++) {
		const struct muster__slab *slab = region->slabs[i];
		if (is_dead(slab))
			rc = slab_total(f, slab);
		if (is_dead(slab) || slab->state == MUSTER__SLAB_FOLDED)
			f->folded[f->folded_count++] = slab->identity;
	}
	if (rc != 0)
		return rc;
	imports_list(f);
	muster__values_settle_pids(&f->values);
	schemas_keep(f);
	return muster__forgetting_apply(region, &f->values, f->families, f->series, &f->forgetting);
}

/* ---- 2 to 4: the switch ------------------------------------------------------------------- */

/* A ledger nobody can read is kept for people to look at. */
static int bad_ledger_aside(struct muster_region *region)
{
	char name[48] = MUSTER__LEDGER_NAME ".bad";

	if (!region->ledger_bad)
		return 0;
	int rc = renameat2(region->dir, MUSTER__LEDGER_NAME, region->dir, name, RENAME_NOREPLACE);
	for (unsigned n = 1; rc != 0 && errno == EEXIST && n < MUSTER__QUARANTINED_KEPT; n++) {
		(void)snprintf(name, sizeof name, MUSTER__LEDGER_NAME ".bad.%u", n);
		rc = renameat2(region->dir, MUSTER__LEDGER_NAME, region->dir, name, RENAME_NOREPLACE);
	}
	if (rc != 0 && errno == EEXIST) /* the first are kept, and the last */
		rc = renameat(region->dir, MUSTER__LEDGER_NAME, region->dir, name);
	if (rc != 0 && errno != ENOENT)
		return -errno;
	region->ledger_bad = false;
	return 0;
}

static int new_ledger_write(struct folding *f)
{
	const struct muster__ledger_content content = {
		.merge = &f->region->merge,
		.values = &f->values,
		.families = f->families,
		.series = f->series,
		.kept = f->kept,
		.size_max = &f->region->ledger_max,
		.folded = f->folded,
		.folded_count = f->folded_count,
		.forgetting = &f->forgetting,
		.writer = f->region->observer.self,
	};

	return muster__ledger_write(f->region->dir, &content, &f->left_out);
}

/* A worker may have made a directory of that name, before there was a ledger. */
static int ledger_rename(const struct muster_region *region)
{
	if (renameat(region->dir, MUSTER__LEDGER_NEW, region->dir, MUSTER__LEDGER_NAME) == 0)
		return 0;
	if (errno != EISDIR)
		return -errno;
	muster__region_name_clear(region->dir, MUSTER__LEDGER_NAME);
	return renameat(region->dir, MUSTER__LEDGER_NEW, region->dir, MUSTER__LEDGER_NAME) == 0 ? 0 : -errno;
}

static int switch_over(struct folding *f)
{
	struct muster_region *region = f->region;
	struct muster__slab *ledger = NULL;
	struct muster__ledger_mark mark = {0};
	int rc = new_ledger_write(f);

	if (rc != 0)
		return rc;
	rc = muster__ledger_read(region, MUSTER__LEDGER_NEW, &ledger);
	if (rc == 0)
		rc = bad_ledger_aside(region);
	if (rc == 0)
		rc = ledger_rename(region);
	if (rc != 0) {
		muster__slab_destroy(&ledger);
		(void)unlinkat(region->dir, MUSTER__LEDGER_NEW, 0);
		return rc;
	}
	(void)muster__ledger_mark_read(region, &mark);
	muster__ledger_take(region, ledger, &mark);
	return 0;
}

/* ---- 5: unlink ---------------------------------------------------------------------------- */

static void folded_unlink(struct muster_region *region)
{
	for (size_t i = region->slabs_count; i-- > 0;) {
		struct muster__slab *slab = region->slabs[i];
		if (slab->state != MUSTER__SLAB_FOLDED)
			continue;
		bool gone = muster__slab_imported(slab) ? muster__import_gone(region, slab) : !muster__roll_named(region, slab);
		if (gone || unlinkat(region->dir, slab->name, 0) == 0)
			muster__roll_strike(region, i);
	}
}

/* Series that only dead workers' live gauges had stay in the view until it is made anew. */
static bool mostly_nobodys(const struct muster_region *region)
{
	size_t series = region->ledger ? region->ledger->catalogue->end.series : 0;

	for (size_t i = 0; i < region->slabs_count; i++)
		if (region->slabs[i]->catalogue)
			series += region->slabs[i]->catalogue->end.series;
	return region->merge.series_count > 2 * (series + 512);
}

/* ---- what nobody needs -------------------------------------------------------------------- */

/* Is it a regular file, the one with this inode unless that is 0, that nobody can write any more? */
static bool is_left(const struct muster_region *region, const char *name, uint64_t ino)
{
	struct stat st;
	int fd = openat(region->dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return false;
	bool left =
		fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (ino == 0 || st.st_ino == ino) && muster__life_file_left(fd);
	close(fd);
	return left;
}

/* A directory, a link, a FIFO: no worker's slab was ever that. */
static bool no_file_clear(const struct muster_region *region, const struct muster__slab *slab)
{
	struct stat st;

	if (muster__slab_imported(slab) || fstatat(region->dir, slab->name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
	    S_ISREG(st.st_mode) || st.st_ino != slab->ino)
		return false;
	muster__region_name_clear(region->dir, slab->name);
	return true;
}

/* Slabs that were to get their name by a rename, and whose maker was killed before it. Whoever still makes one has it
 * open for writing. */
static void nameless_unlink(struct muster_region *region)
{
	const struct dirent *entry;

	region->nameless = false;
	rewinddir(region->entries);
	while ((entry = readdir(region->entries)) != NULL) {
		if (!muster__roll_nameless(entry->d_name))
			continue;
		if (!is_left(region, entry->d_name, 0) || unlinkat(region->dir, entry->d_name, 0) != 0)
			region->nameless = true;
	}
}

void muster__region_trim(struct muster_region *region)
{
	size_t kept = 0;

	if (region->lock >= 0 && region->nameless)
		nameless_unlink(region);

	for (size_t i = region->slabs_count; region->lock >= 0 && i-- > 0;) {
		const struct muster__slab *slab = region->slabs[i];
		if (slab->state != MUSTER__SLAB_QUARANTINED || slab->passing ||
		    (muster__slab_imported(slab) && !region->import_compact) || kept++ < MUSTER__QUARANTINED_KEPT)
			continue;
		if (no_file_clear(region, slab) ||
		    (is_left(region, slab->name, slab->ino) && unlinkat(region->dir, slab->name, 0) == 0))
			muster__roll_strike(region, i);
	}
}

/* ---- the whole ---------------------------------------------------------------------------- */

/* Together the dead have more families than a ledger may hold. One of them has to go, or none could be folded ever
 * again. */
static void largest_quarantine(struct muster_region *region)
{
	struct muster__slab *largest = NULL;

	for (size_t i = 0; i < region->slabs_count; i++) {
		struct muster__slab *slab = region->slabs[i];
		if (is_dead(slab) && (largest == NULL || slab->catalogue->end.bytes > largest->catalogue->end.bytes))
			largest = slab;
	}
	if (largest)
		muster__roll_quarantine(region, largest, MUSTER_QUARANTINE_BUDGET);
}

/* Returns MUSTER__BAD(BUDGET) if there is a slab less now, and it should be tried again. */
static int fold_dead(struct muster_region *region, size_t dead)
{
	struct folding f = {.region = region};
	int rc = totals(&f);
	if (rc == 0)
		rc = switch_over(&f);
	bool fewer = f.forgetting.any || f.forgetting.dropped || f.left_out > 0;
	folding_free(&f);
	if (rc == MUSTER__BAD(BUDGET) && dead > 0) {
		largest_quarantine(region);
		return rc;
	}
	if (muster__is_bad(rc))
		rc = -EIO;
	if (rc != 0)
		return muster__error(rc, "region %s: cannot fold %zu dead workers: %s; they are kept, free space there",
		                     region->path, dead, muster_strerror(rc));
	for (size_t i = 0; i < region->slabs_count; i++)
		if (is_dead(region->slabs[i]))
			muster__slab_folded(region->slabs[i]);
	if (fewer || mostly_nobodys(region))
		region->remake = true;
	return 0;
}

static size_t dead_count(const struct muster_region *region)
{
	size_t n = 0;

	for (size_t i = 0; i < region->slabs_count; i++)
		n += is_dead(region->slabs[i]);
	return n;
}

bool muster__region_fold_due(const struct muster_region *region)
{
	return dead_count(region) > 0 || muster__forgetting_due(region);
}

int muster__region_fold(struct muster_region *region, size_t *folded)
{
	size_t dead;
	int rc;

	if (region->lock < 0)
		return muster__error(-EPERM, "region %s: only the master that holds its lock may fold", region->path);
	do {
		rc = !region->ledger_settled || region->remake ? muster_region_refresh(region) : 0;
		dead = dead_count(region);
		if (rc == 0 && muster__region_fold_due(region))
			rc = fold_dead(region, dead);
	} while (rc == MUSTER__BAD(BUDGET));
	if (rc != 0)
		return rc;
	folded_unlink(region);
	if (folded)
		*folded = dead;
	return 0;
}
