/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ledger_read.c - the totals of the dead, as a reader sees them: a slab that was dead from the start.
 *
 * A ledger never changes in place, so it is read whole, once. Another file under the name is another
 * ledger. Runs in readers and masters.
 */
#include <fcntl.h>
#include <sys/stat.h>

#include "forgotten.h"
#include "grow.h"
#include "roll.h"

int muster__ledger_read(struct muster_region *region, const char *name, struct muster__slab **out)
{
	struct muster__slab *ledger = NULL;
	int rc = muster__slab_open(region->dir, name, region->owner, true, &ledger);

	if (rc == 0)
		rc = muster__slab_attach(ledger, region->root);
	if (rc == 0)
		rc = muster__slab_tail(ledger, true);
	if (rc == 0)
		rc = muster__slab_finish(ledger);
	if (rc != 0)
		muster__slab_destroy(&ledger);
	else
		*out = ledger;
	return rc;
}

bool muster__ledger_lists(const struct muster__slab *ledger, const struct muster__identity *who)
{
	const struct muster__catalogue *node = ledger ? ledger->catalogue : NULL;

	for (; node; node = node->base)
		for (size_t i = 0; i < node->folded_count; i++)
			if (memcmp(node->folded + i, who, sizeof *who) == 0)
				return true;
	return false;
}

int muster__ledger_mark_read(const struct muster_region *region, struct muster__ledger_mark *mark)
{
	struct stat st;

	*mark = (struct muster__ledger_mark){0};
	if (fstatat(region->dir, MUSTER__LEDGER_NAME, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT ? 0 : -errno;
	*mark = (struct muster__ledger_mark){st.st_ino, st.st_mtim};
	return 0;
}

static bool mark_same(const struct muster__ledger_mark *a, const struct muster__ledger_mark *b)
{
	return a->ino == b->ino && a->written.tv_sec == b->written.tv_sec && a->written.tv_nsec == b->written.tv_nsec;
}

void muster__ledger_take(struct muster_region *region, struct muster__slab *ledger,
                         const struct muster__ledger_mark *mark)
{
	muster__slab_destroy(&region->ledger);
	region->ledger = ledger;
	region->ledger_mark = *mark;
	region->ledger_bad = false;
	for (size_t i = 0; i < region->slabs_count; i++)
		muster__forgotten_learn(region->slabs[i], ledger);
}

int muster__ledger_refresh(struct muster_region *region, bool *changed)
{
	struct muster__ledger_mark mark;
	struct muster__slab *ledger = NULL;
	int rc = muster__ledger_mark_read(region, &mark);

	*changed = rc == 0 && !mark_same(&mark, &region->ledger_mark);
	if (rc != 0 || !*changed)
		return rc;
	if (mark.ino != 0)
		rc = muster__ledger_read(region, MUSTER__LEDGER_NAME, &ledger);
	if (rc == -ENOENT)
		rc = 0; /* replaced meanwhile; the caller looks again */
	if (rc != 0 && !muster__is_bad(rc))
		return rc;
	muster__ledger_take(region, ledger, &mark);
	if (rc != 0) {
		region->ledger_bad = true;
		if (region->on_quarantine)
			region->on_quarantine(region->on_quarantine_ctx, MUSTER__LEDGER_NAME, muster__bad_reason(rc));
	}
	return 0;
}
