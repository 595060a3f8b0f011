/* SPDX-License-Identifier: Apache-2.0 */
/*
 * members.c - who spent what. Runs in the master, at scrapes and when children are waited for.
 *
 * The kernel adds what a process has spent to its parent's account when the parent waits for it, and to nobody's when
 * the parent does not care for its children. What was seen of a process while it lived is counted already; when it is
 * gone, it is owed by its nearest ancestor that lives: so much of what that one takes over is no news. A debt is
 * kept for one more sample, because the ancestor may have been read just before it waited; then it is dropped.
 * For our own children the kernel tells the account when we wait, to the last microsecond.
 */
#include "members.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "shm/grow.h"

#define KEPT_MAX 256 /* members whose files stay open: two descriptors each */

static double over_zero(double x)
{
	return x > 0 ? x : 0;
}

static struct muster__spent minus(struct muster__spent a, struct muster__spent b)
{
	return (struct muster__spent){over_zero(a.user - b.user), over_zero(a.system - b.system),
	                              over_zero(a.voluntary - b.voluntary), over_zero(a.involuntary - b.involuntary)};
}

static struct muster__spent plus(struct muster__spent a, struct muster__spent b)
{
	return (struct muster__spent){a.user + b.user, a.system + b.system, a.voluntary + b.voluntary,
	                              a.involuntary + b.involuntary};
}

static struct muster__spent cpu_of(const struct muster__member *m)
{
	return (struct muster__spent){.user = m->last.self.user + m->last.waited.user,
	                              .system = m->last.self.system + m->last.waited.system};
}

static void tell(const struct muster__members *members, unsigned worker, struct muster__spent more)
{
	if (more.user > 0 || more.system > 0 || more.voluntary > 0 || more.involuntary > 0)
		members->spent(members->ctx, worker, &more);
}

/* ---- the list ----------------------------------------------------------------------------- */

static int by_pid(const void *a, const void *b)
{
	pid_t x = ((const struct muster__member *)a)->files.pid, y = ((const struct muster__member *)b)->files.pid;

	return (x > y) - (x < y);
}

struct muster__member *muster__members_find(const struct muster__members *members, pid_t pid)
{
	struct muster__member key = {.files.pid = pid};

	return members->count ? bsearch(&key, members->list, members->count, sizeof key, by_pid) : NULL;
}

static unsigned number_free(const struct muster__members *members)
{
	bool taken[MUSTER__WORKER_NUMBERS] = {false};

	for (size_t i = 0; i < members->count; i++)
		if (members->list[i].worker < MUSTER__WORKER_NUMBERS)
			taken[members->list[i].worker] = true;
	for (unsigned i = 0; i < MUSTER__WORKER_NUMBERS; i++)
		if (!taken[i])
			return i;
	return MUSTER__WORKER_NONE;
}

static int join(struct muster__members *members, const struct muster__member_seen *seen)
{
	if (members->count == MUSTER__MEMBERS_MAX)
		return 0;
	if (muster__grow(&members->list, &members->capacity, members->count + 1, sizeof *members->list) != 0)
		return -ENOMEM;
	struct muster__member m = {.worker = seen->worker, .any = seen->worker == MUSTER__WORKER_ANY, .listed = true};
	if (m.any)
		m.worker = number_free(members);
	muster__process_files_open(seen->pid, members->count < KEPT_MAX, &m.files);
	members->list[members->count++] = m;
	return 0;
}

/* Mark those that are seen, and take in new ones; the list is sorted again afterwards. */
static int list_update(struct muster__members *members, const struct muster__member_seen *seen, size_t count)
{
	size_t before = members->count;
	int rc = 0;

	for (size_t i = 0; i < before; i++)
		members->list[i].listed = false;
	for (size_t i = 0; i < count && rc == 0; i++) {
		struct muster__members old = {.list = members->list, .count = before};
		struct muster__member *m = muster__members_find(&old, seen[i].pid);
		if (m == NULL) {
			rc = join(members, &seen[i]);
			continue;
		}
		m->listed = true;
		if (!m->any)
			m->worker = seen[i].worker;
	}
	if (members->count > 1)
		qsort(members->list, members->count, sizeof *members->list, by_pid);
	return rc;
}

static void gone_remove(struct muster__members *members)
{
	size_t kept = 0;

	for (size_t i = 0; i < members->count; i++) {
		if (members->list[i].gone)
			muster__process_files_close(&members->list[i].files);
		else
			members->list[kept++] = members->list[i];
	}
	members->count = kept;
}

void muster__members_free(struct muster__members *members)
{
	for (size_t i = 0; i < members->count; i++)
		muster__process_files_close(&members->list[i].files);
	free(members->list);
	members->list = NULL;
	members->count = members->capacity = 0;
}

/* ---- accounts ----------------------------------------------------------------------------- */

static void look(const struct muster__members *members, struct muster__member *m)
{
	struct muster__process_reading now;
	int rc = muster__process_files_read(&m->files, &now);

	m->gone = rc == -ESRCH;
	m->waited_before = m->last.waited;
	if (rc != 0) /* what cannot be read now is read later */
		return;
	if (!m->known && now.start_ticks < members->since_ticks)
		m->last = now;
	m->known = true;
	if (now.self.voluntary + now.self.involuntary == 0) { /* status could not be read */
		now.self.voluntary = m->last.self.voluntary;
		now.self.involuntary = m->last.self.involuntary;
	}
	tell(members, m->worker, minus(now.self, m->last.self));
	m->waited_before = m->last.waited;
	m->last = now;
}

static struct muster__member *living_ancestor(const struct muster__members *members, const struct muster__member *m)
{
	struct muster__member *up = muster__members_find(members, m->last.parent);

	for (size_t steps = 0; up && up->gone && steps < members->count; steps++)
		up = muster__members_find(members, up->last.parent);
	return up && !up->gone ? up : NULL;
}

/* What a process has taken over, less what is owed. Of the debt only that of this sample is kept. */
static void settle(const struct muster__members *members, struct muster__member *m, struct muster__spent owed_now)
{
	struct muster__spent news = minus(m->last.waited, m->waited_before);
	struct muster__spent left = minus(news, m->owed);

	tell(members, m->worker, minus(left, owed_now));
	m->owed = minus(owed_now, left);
}

static int settle_all(struct muster__members *members)
{
	struct muster__spent *owed = calloc(members->count + 1, sizeof *owed);

	if (owed == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < members->count; i++) {
		const struct muster__member *m = &members->list[i];
		struct muster__member *ancestor = m->gone ? living_ancestor(members, m) : NULL;
		if (ancestor)
			owed[ancestor - members->list] = plus(owed[ancestor - members->list], plus(cpu_of(m), m->owed));
	}
	for (size_t i = 0; i < members->count; i++)
		if (!members->list[i].gone)
			settle(members, &members->list[i], owed[i]);
	free(owed);
	return 0;
}

int muster__members_sample(struct muster__members *members, const struct muster__member_seen *seen, size_t count)
{
	int rc = list_update(members, seen, count);

	for (size_t i = 0; i < members->count; i++)
		look(members, &members->list[i]);
	int settled = settle_all(members);
	gone_remove(members);
	return rc ? rc : settled;
}

/* ---- our own children --------------------------------------------------------------------- */

/* Of the dead below `pid`, what was counted while they lived: their parents have waited for them. */
static struct muster__spent counted_below(struct muster__members *members, pid_t pid)
{
	struct muster__spent sum = {0};
	struct muster__process_reading now;

	for (size_t i = 0; i < members->count; i++) {
		struct muster__member *m = &members->list[i];
		if (m->gone || m->last.parent != pid || muster__process_files_read(&m->files, &now) != -ESRCH)
			continue;
		m->gone = true;
		sum = plus(plus(sum, cpu_of(m)), counted_below(members, m->files.pid));
	}
	return sum;
}

static double seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec * 1e-6;
}

void muster__members_reaped(struct muster__members *members, pid_t pid, const struct rusage *usage)
{
	struct muster__spent all = {.user = seconds(usage->ru_utime), .system = seconds(usage->ru_stime)};
	struct muster__member *m = muster__members_find(members, pid);

	if (m == NULL) { /* it was never seen alive */
		tell(members, MUSTER__WORKER_NONE, all);
		return;
	}
	m->gone = true;
	unsigned worker = m->worker;
	struct muster__spent counted = plus(cpu_of(m), m->owed);
	tell(members, worker, minus(all, plus(counted, counted_below(members, pid))));
	gone_remove(members);
}
