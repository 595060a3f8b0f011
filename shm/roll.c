/* SPDX-License-Identifier: Apache-2.0 */
/*
 * roll.c - who is in the region, who lives, and who is already in the ledger.
 *
 * A reader beside a working master must count each slab either from its file or from the ledger. The
 * master renames the new ledger into place first and unlinks the slabs then. So a reader looks at the
 * living and the dead, then at the ledger, and starts over if the ledger is another than before: at the
 * end, who was alive after the ledger was read is not in it, and of the dead those are in it which it
 * lists, or whose names are gone. A reader that becomes the master has looked before it had the lock: it looks
 * once more. Imported files are renamed before they are folded, so a look at their directory may miss one, or see it under
 * two names: a reader looks at it again, after the ledger, until nothing has moved. Runs in readers and masters.
 */
#include "roll.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "forgotten.h"
#include "grow.h"
#include "import.h"
#include "requests.h"

#define SETTLE_TRIES 8
#define MTIME_SETTLED_NS INT64_C(100000000) /* coarser than any kernel's clock for file times */

/* ---- single slabs ------------------------------------------------------------------------- */

void muster__roll_quarantine(struct muster_region *region, struct muster__slab *slab, enum muster_quarantine reason)
{
	/* What is mapped into the view has its names there too. */
	if (slab->catalogue && slab->catalogue != region->root)
		region->remake = true;
	muster__slab_quarantine(slab, reason);
	if (region->on_quarantine)
		region->on_quarantine(region->on_quarantine_ctx, slab->name, reason);
}

void muster__roll_strike(struct muster_region *region, size_t i)
{
	muster__slab_destroy(&region->slabs[i]);
	region->slabs[i] = region->slabs[--region->slabs_count];
}

bool muster__roll_named(const struct muster_region *region, const struct muster__slab *slab)
{
	struct stat st;

	if (fstatat(region->dir, slab->name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return errno != ENOENT; /* what cannot be asked has not changed */
	return st.st_ino == slab->ino;
}

void muster__roll_source(const struct muster_region *region, const struct muster__slab *slab,
                         struct muster__source *out)
{
	const struct muster__identity *self = &region->observer.self;

	muster__slab_source(slab, slab == region->ledger, out);
	if (memcmp(slab->identity.boot_id, self->boot_id, sizeof self->boot_id) != 0)
		out->sketch_directory = NULL;
}

bool muster__roll_nameless(const char *name)
{
	return strncmp(name, MUSTER__SLAB_HIDDEN, sizeof MUSTER__SLAB_HIDDEN - 1) == 0;
}

/* ---- coming ------------------------------------------------------------------------------- */

/* Begin to follow a slab whose header is good. */
static int slab_begin(struct muster_region *region, struct muster__slab *slab)
{
	slab->gone = !muster__life_begin(&slab->life, &region->observer, &slab->identity, slab->fd, slab->ino);
	return muster__slab_attach(slab, region->root);
}

/* A hard link to a slab that is counted already, which no worker makes. */
static bool is_second_name(const struct muster_region *region, const struct muster__slab *slab)
{
	struct stat st;

	if (slab->fd >= 0 && (fstat(slab->fd, &st) != 0 || st.st_nlink < 2))
		return false;
	for (size_t i = 0; i < region->slabs_count; i++) {
		const struct muster__slab *other = region->slabs[i];
		if (other->state != MUSTER__SLAB_QUARANTINED && other->dev == slab->dev && other->ino == slab->ino)
			return true;
	}
	return false;
}

/* `again`: it was quarantined for want of something, which has been told. */
static int slab_join(struct muster_region *region, const char *name, uint64_t ino, bool again)
{
	struct muster__slab *slab = NULL;

	if (muster__grow(&region->slabs, &region->slabs_capacity, region->slabs_count + 1, sizeof *region->slabs) != 0)
		return -ENOMEM;
	int rc = muster__slab_open(region->dir, name, region->sharing.worker, false, &slab);
	if (rc == 0 && is_second_name(region, slab)) {
		muster__slab_quarantine(slab, MUSTER_QUARANTINE_OPEN);
	} else if (rc == 0 && slab_begin(region, slab) != 0) {
		muster__slab_quarantine(slab, MUSTER_QUARANTINE_OPEN);
		slab->passing = true;
	}
	if (slab == NULL)
		return rc == -ENOENT ? 0 : rc;
	slab->seen = true;
	if (slab->ino == 0)
		slab->ino = ino;
	muster__forgotten_learn(slab, region->ledger);
	region->slabs[region->slabs_count++] = slab;
	if (slab->state == MUSTER__SLAB_QUARANTINED && !again && region->on_quarantine)
		region->on_quarantine(region->on_quarantine_ctx, slab->name, slab->reason);
	return 0;
}

/* ---- scanning ----------------------------------------------------------------------------- */

struct entry_wanted {
	const struct muster_region *region;
	const struct dirent *entry;
};

/* The same name and the same file: d_ino says so, or stat() where a file system has two answers. */
static bool entry_equals(const void *ctx, uint32_t item)
{
	const struct entry_wanted *wanted = ctx;
	const struct muster__slab *slab = wanted->region->slabs[item];

	return strcmp(slab->name, wanted->entry->d_name) == 0 &&
	       (slab->ino == wanted->entry->d_ino || muster__roll_named(wanted->region, slab));
}

static void names_index(void *owner)
{
	struct muster_region *region = owner;

	for (size_t i = 0; i < region->slabs_count; i++) {
		const char *name = region->slabs[i]->name;
		muster__index_add(&region->by_name, muster__hash(0, name, strlen(name)), (uint32_t)i);
	}
}

static int entry_see(struct muster_region *region, const struct dirent *entry)
{
	struct entry_wanted wanted = {region, entry};

	if (strncmp(entry->d_name, MUSTER__SLAB_PREFIX, sizeof MUSTER__SLAB_PREFIX - 1) != 0) {
		region->nameless = region->nameless || muster__roll_nameless(entry->d_name);
		return 0;
	}
	uint64_t hash = muster__hash(0, entry->d_name, strlen(entry->d_name));
	uint32_t item = muster__index_find(&region->by_name, hash, entry_equals, &wanted);
	if (item == MUSTER__INDEX_NONE)
		return slab_join(region, entry->d_name, entry->d_ino, false);
	region->slabs[item]->seen = true;
	return 0;
}

static int entries_see(struct muster_region *region)
{
	const struct dirent *entry;

	rewinddir(region->entries);
	for (errno = 0; (entry = readdir(region->entries)) != NULL; errno = 0) {
		int rc = entry_see(region, entry);
		if (rc != 0)
			return rc;
	}
	return -errno;
}

/* A file that is gone took nothing with it if there was nothing to believe, or the ledger has it. */
static void unseen_strike(struct muster_region *region)
{
	for (size_t i = region->slabs_count; i-- > 0;) {
		const struct muster__slab *slab = region->slabs[i];
		if (!slab->seen && !muster__slab_imported(slab) &&
		    (slab->state == MUSTER__SLAB_QUARANTINED || slab->state == MUSTER__SLAB_FOLDED))
			muster__roll_strike(region, i);
	}
}

/* Look again at those refused for want of something. */
static void passing_retry(struct muster_region *region)
{
	for (size_t i = region->slabs_count; i-- > 0;) {
		char name[NAME_MAX + 1];
		uint64_t ino = region->slabs[i]->ino;
		if (!region->slabs[i]->passing)
			continue;
		(void)strcpy(name, region->slabs[i]->name);
		muster__roll_strike(region, i);
		(void)slab_join(region, name, ino, true);
	}
}

/* Was the directory changed so long ago that another change would show as another time? */
static bool settled(const struct timespec *changed)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (now.tv_sec - changed->tv_sec) * INT64_C(1000000000) + (now.tv_nsec - changed->tv_nsec) > MTIME_SETTLED_NS;
}

int muster__roll_scan(struct muster_region *region)
{
	struct stat st;

	passing_retry(region);
	bool moved;
	int imported = muster__imports_scan(region, &moved);
	if (imported != 0)
		return imported;
	if (fstat(region->dir, &st) != 0)
		return -errno;
	if (st.st_mtim.tv_sec == region->scanned.tv_sec && st.st_mtim.tv_nsec == region->scanned.tv_nsec)
		return 0;
	region->scanned = (struct timespec){0};
	bool keep = settled(&st.st_mtim);
	for (size_t i = 0; i < region->slabs_count; i++)
		region->slabs[i]->seen = false;
	muster__index_clear(&region->by_name);
	int rc = muster__index_reserve(&region->by_name, region->slabs_count, names_index, region);
	if (rc == 0)
		rc = entries_see(region);
	if (rc != 0)
		return rc;
	unseen_strike(region);
	if (keep)
		region->scanned = st.st_mtim;
	return 0;
}

/* ---- following ---------------------------------------------------------------------------- */

/* Fills region->polls, one for each live slab in the order of the roll. */
static int life_poll(struct muster_region *region)
{
	nfds_t n = 0;

	if (muster__grow(&region->polls, &region->polls_capacity, region->slabs_count, sizeof *region->polls) != 0)
		return -ENOMEM;
	for (size_t i = 0; i < region->slabs_count; i++)
		if (region->slabs[i]->state == MUSTER__SLAB_LIVE)
			region->polls[n++] = (struct pollfd){.fd = region->slabs[i]->life.pidfd, .events = POLLIN};
	if (n > 0 && poll(region->polls, n, 0) < 0)
		memset(region->polls, 0, n * sizeof *region->polls); /* nobody is known to have died */
	return 0;
}

static int life_ask(struct muster_region *region)
{
	uint64_t now_ns = muster__coarse_ns();
	int rc = life_poll(region);
	const struct pollfd *p = region->polls;

	if (rc != 0)
		return rc;
	for (size_t i = 0; i < region->slabs_count; i++) {
		struct muster__slab *slab = region->slabs[i];
		if (slab->state != MUSTER__SLAB_LIVE)
			continue;
		bool readable = (p++)->revents & POLLIN;
		if (slab->import)
			slab->gone = muster__import_left(slab); /* it may be opened again */
		else if (!slab->gone)
			slab->gone = !muster__life_goes_on(&slab->life, &slab->identity, slab->fd, slab->ino, readable);
		if (!slab->gone)
			slab->activity.alive_ns = now_ns;
	}
	return 0;
}

/* Imported files of the dead are finished where they are folded then; else they are read on, as they may live again. */
static bool is_over(struct muster_region *region, struct muster__slab *slab)
{
	if (slab->gone && slab->import && !(region->import_compact && region->lock >= 0))
		return false;
	if (slab->gone && slab->import)
		slab->gone = muster__import_hide(region, slab);
	return slab->gone;
}

static int slab_follow(struct muster_region *region, struct muster__slab *slab)
{
	bool over = is_over(region, slab);
	int rc = slab->import ? muster__import_follow(slab) : 0;

	if (rc == 0)
		rc = muster__slab_tail(slab, false);
	if (rc == 0 && slab->import)
		rc = muster__bounds_note(&region->bounds, slab->catalogue, &slab->bounds_noted, slab->import->born_ns);
	if (rc == 0 && over)
		rc = muster__slab_finish(slab);
	if (muster__is_bad(rc))
		muster__roll_quarantine(region, slab, muster__bad_reason(rc));
	return muster__is_bad(rc) ? 0 : rc;
}

int muster__roll_follow(struct muster_region *region)
{
	int rc = life_ask(region);

	for (size_t i = 0; rc == 0 && i < region->slabs_count; i++)
		if (region->slabs[i]->state == MUSTER__SLAB_LIVE)
			rc = slab_follow(region, region->slabs[i]);
	return rc;
}

/* ---- settling with the ledger ------------------------------------------------------------- */

/* We are the master, and somebody folded before us: what is listed is only to be unlinked. */
static void listed_mark(struct muster_region *region)
{
	for (size_t i = 0; i < region->slabs_count; i++) {
		struct muster__slab *slab = region->slabs[i];
		if ((slab->state == MUSTER__SLAB_DEAD || slab->import) && muster__ledger_lists(region->ledger, &slab->identity))
			muster__slab_folded(slab);
	}
}

/* Returns whether a name was gone, so that the ledger must be looked at once more. */
static bool folded_strike(struct muster_region *region)
{
	bool any = false;

	for (size_t i = region->slabs_count; i-- > 0;) {
		struct muster__slab *slab = region->slabs[i];
		if (slab->import && muster__ledger_lists(region->ledger, &slab->identity))
			muster__slab_folded(slab); /* its file may still be there */
		if (slab->state != MUSTER__SLAB_DEAD)
			continue;
		bool listed = muster__ledger_lists(region->ledger, &slab->identity);
		bool named = listed || muster__roll_named(region, slab);
		any = any || !named;
		if (listed || !named)
			muster__roll_strike(region, i);
	}
	return any;
}

/* We were a reader until now, and somebody folded: whose name is gone is in the ledger, which no longer lists it. */
static void unnamed_strike(struct muster_region *region)
{
	for (size_t i = region->slabs_count; i-- > 0;) {
		const struct muster__slab *slab = region->slabs[i];
		if (slab->state == MUSTER__SLAB_DEAD &&
		    (muster__slab_imported(slab) ? muster__import_gone(region, slab) : !muster__roll_named(region, slab)))
			muster__roll_strike(region, i);
	}
}

static int settle_master(struct muster_region *region)
{
	bool changed;

	if (region->ledger_settled)
		return 0;
	int rc = muster__ledger_refresh(region, &changed);
	if (rc != 0)
		return rc;
	listed_mark(region);
	unnamed_strike(region);
	region->ledger_settled = true;
	return 0;
}

int muster__roll_settle(struct muster_region *region)
{
	bool again = true;
	int rc = 0;

	if (region->lock >= 0)
		return settle_master(region);
	for (int tries = 0; rc == 0 && again && tries < SETTLE_TRIES; tries++) {
		bool changed = false, moved = false;
		rc = muster__ledger_refresh(region, &changed);
		if (rc == 0)
			rc = muster__imports_scan(region, &moved);
		if (rc == 0 && (changed || moved))
			rc = muster__roll_follow(region);
		if (rc == 0)
			again = folded_strike(region) || changed || moved;
	}
	return rc;
}
