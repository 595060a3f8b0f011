/* SPDX-License-Identifier: Apache-2.0 */
/*
 * import_dir.c - the library's directory: which files came and went, and hiding those of the dead. Runs in readers;
 * only a master hides.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "error.h"
#include "fold.h"
#include "grow.h"
#include "import.h"
#include "roll.h"

/* How a file is called in the region: by the path of its directory, seen from there. */
static bool path_of(const struct muster_region *region, const char *base, char *out, size_t room)
{
	int n = snprintf(out, room, "%s/%s", region->import_path, base);

	return n > 0 && (size_t)n < room;
}

static struct muster__slab *slab_named(const struct muster_region *region, const char *name, uint64_t ino)
{
	for (size_t i = 0; i < region->slabs_count; i++) {
		struct muster__slab *slab = region->slabs[i];
		if (slab->ino == ino && strcmp(slab->name, name) == 0)
			return slab;
	}
	return NULL;
}

static int file_join(struct muster_region *region, int dir, const char *name, uint64_t ino, uid_t owner, bool *moved)
{
	struct muster__slab *slab = NULL;

	if (muster__grow(&region->slabs, &region->slabs_capacity, region->slabs_count + 1, sizeof *region->slabs) != 0)
		return -ENOMEM;
	int rc = muster__import_open(dir, name, owner, region->schema, &slab);
	if (rc == -EMFILE || rc == -ENFILE)
		region->import_error = rc; /* told; the next scan tries it again */
	if (slab == NULL)
		return rc == -ENOMEM ? rc : 0;
	slab->seen = *moved = true;
	if (slab->ino == 0)
		slab->ino = ino;
	region->slabs[region->slabs_count++] = slab;
	if (rc == 0 && muster__ledger_lists(region->ledger, &slab->identity)) {
		muster__slab_folded(slab);
		return 0;
	}
	if (rc == 0)
		return muster__slab_attach(slab, region->root);
	if (region->on_quarantine)
		region->on_quarantine(region->on_quarantine_ctx, slab->name, slab->reason);
	return 0;
}

static int entry_see(struct muster_region *region, int dir, const struct dirent *entry, uid_t owner, bool *moved)
{
	struct muster__import_name kind;
	char name[PATH_MAX];

	if (!muster__import_name_read(entry->d_name, &kind) || !path_of(region, entry->d_name, name, sizeof name))
		return 0;
	struct muster__slab *slab = slab_named(region, name, entry->d_ino);
	if (slab == NULL)
		return file_join(region, dir, name, entry->d_ino, owner, moved);
	slab->seen = true;
	return 0;
}

/* Somebody has deleted it: prometheus_client.multiprocess.mark_process_dead(), or a person. */
static void unseen_strike(struct muster_region *region, bool *moved)
{
	for (size_t i = region->slabs_count; i-- > 0;) {
		const struct muster__slab *slab = region->slabs[i];
		if (!muster__slab_imported(slab) || slab->seen || slab->state == MUSTER__SLAB_DEAD)
			continue;
		region->remake = *moved = true;
		muster__roll_strike(region, i);
	}
}

static int entries_see(struct muster_region *region, DIR *entries, uid_t owner, bool *moved)
{
	const struct dirent *entry;
	int rc = 0;

	for (size_t i = 0; i < region->slabs_count; i++)
		if (muster__slab_imported(region->slabs[i]))
			region->slabs[i]->seen = false;
	for (errno = 0; rc == 0 && (entry = readdir(entries)) != NULL; errno = 0)
		rc = entry_see(region, dirfd(entries), entry, owner, moved);
	if (rc == 0 && errno == 0) {
		unseen_strike(region, moved);
		region->import_read = true;
	}
	return rc;
}

/* A process of the library's is killed by SIGBUS if its file cannot grow; so this is told. */
static int room_error(int dir)
{
	struct statvfs fs;

	return fstatvfs(dir, &fs) == 0 && fs.f_blocks != 0 && fs.f_bavail == 0 ? -ENOSPC : 0;
}

bool muster__import_gone(const struct muster_region *region, const struct muster__slab *slab)
{
	struct stat st;

	return !muster__roll_named(region, slab) && fstatat(region->dir, region->import_path, &st, 0) == 0;
}

int muster__imports_scan(struct muster_region *region, bool *moved)
{
	struct stat st;

	region->import_read = false;
	if (region->import_path[0] == '\0')
		return 0;
	int fd = openat(region->dir, region->import_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *entries = fd >= 0 && fstat(fd, &st) == 0 ? fdopendir(fd) : NULL;
	region->import_error = entries ? room_error(fd) : -errno;
	if (entries == NULL) {
		if (fd >= 0)
			close(fd);
		return 0;
	}
	int rc = entries_see(region, entries, st.st_uid == region->owner ? region->sharing.worker : st.st_uid, moved);
	closedir(entries);
	return rc;
}

bool muster__import_hide(struct muster_region *region, struct muster__slab *slab)
{
	const char *base = strrchr(slab->name, '/') + 1;
	char hidden[NAME_MAX + 1], name[PATH_MAX];
	int n = snprintf(hidden, sizeof hidden, MUSTER__IMPORT_HIDDEN "%llx.%s", (unsigned long long)slab->ino, base);

	if (slab->import->hidden)
		return true;
	if (n < 0 || (size_t)n >= sizeof hidden || !path_of(region, hidden, name, sizeof name))
		return false;
	char *copy = strdup(name);
	if (copy == NULL || renameat2(region->dir, slab->name, region->dir, name, RENAME_NOREPLACE) != 0) {
		free(copy);
		return false;
	}
	free(slab->name);
	slab->name = copy;
	slab->import->hidden = true;
	return muster__import_left(slab);
}

int muster_region_import(struct muster_region *region, const char *path, int compact)
{
	if (strlen(path) >= sizeof region->import_path)
		return -ENAMETOOLONG;
	int fd = openat(region->dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return muster__error(-errno, "%s: %s; is it the directory in PROMETHEUS_MULTIPROC_DIR?", path,
		                     muster_strerror(-errno));
	close(fd);
	(void)strcpy(region->import_path, path);
	region->import_compact = compact != 0;
	return 0;
}

int muster_region_import_schema(struct muster_region *region, const char *path)
{
	struct muster__schema *schema = NULL;
	int rc = muster__schema_read(path, &schema);

	if (rc != 0)
		return rc;
	muster__schema_destroy(&region->schema);
	region->schema = schema;
	return 0;
}

int muster__region_import_error(const struct muster_region *region)
{
	return region->import_error;
}
