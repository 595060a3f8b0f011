/* SPDX-License-Identifier: Apache-2.0 */
/*
 * master_watch.c - tells the saturation metrics which processes are the service's. Runs on the master's loop.
 *
 * A wrapped server's tree is found by a pass over all of /proc, so it is looked for once a second at most.
 */
#include <stdlib.h>
#include <string.h>

#include "master_parts.h"
#include "tree.h"

#define TREE_AGE_MS 1000

static void tree_look(struct master *m)
{
	struct muster__tree tree = {0};

	if (muster__tree_read(&tree) != 0)
		return;
	size_t count = tree.count < MUSTER__MEMBERS_MAX ? tree.count : MUSTER__MEMBERS_MAX;
	struct muster__member_seen *seen = count ? calloc(count, sizeof *seen) : NULL;
	for (size_t i = 0; seen && i < count; i++)
		seen[i] = (struct muster__member_seen){tree.processes[i].pid, MUSTER__WORKER_ANY};
	free(m->seen);
	m->seen = seen;
	m->seen_count = seen ? count : 0;
	m->tree_read_ms = uv_now(&m->loop);
	muster__tree_free(&tree);
}

static size_t processes(void *ctx, struct muster__member_seen *out, size_t max)
{
	struct master *m = ctx;

	if (m->supervisor)
		return muster__supervisor_members(m->supervisor, out, max);
	if (m->wrap == NULL)
		return 0;
	if (m->seen == NULL || uv_now(&m->loop) - m->tree_read_ms >= TREE_AGE_MS)
		tree_look(m);
	size_t count = m->seen_count < max ? m->seen_count : max;
	if (m->seen && count)
		memcpy(out, m->seen, count * sizeof *out);
	return count;
}

int muster__master_watch_start(struct master *m)
{
	struct muster__saturation_opts opts = {.region = m->region, .processes = processes, .ctx = m};

	if (m->opts->workers == 0 && m->server == NULL)
		return 0; /* the processes of others are theirs to tell of */
	opts.proportional_seconds = m->opts->pss_seconds;
	return muster__saturation_create(&opts, m->self, &m->saturation);
}

void muster__master_watch_end(struct master *m)
{
	muster__saturation_destroy(&m->saturation);
	free(m->seen);
	m->seen = NULL;
}
