/* SPDX-License-Identifier: Apache-2.0 */
/*
 * master_succeed.c - the master before us, which started us by USR2 and gave us its sockets. Runs in the new master.
 *
 * As long as it is there it has the region's lock and serves the scrape; our workers serve beside its workers. When it
 * is gone, however it ended, the stream that we share ends. Then we serve the scrape, on the same socket, where
 * clients have been queued meanwhile, and take the lock. The lock is never waited for in the kernel: it may be
 * somebody else's by then, and the workers need us.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "log.h"
#include "master_parts.h"
#include "shm/fold.h"

#define LOCK_MS 20
#define LOCK_MS_MAX 1000 /* when it has tried for long */
#define LOCK_PATIENCE_MS 2000

struct before {
	struct master *master;
	int life;
	uv_poll_t gone;
	uv_timer_t lock;
	uint64_t since_ms;
	bool told; /* that the lock cannot be had */
};

static void locked(struct master *m)
{
	muster__self_upgrade(m->self, "completed");
	muster__log(MUSTER__LOG_INFO, "upgrade completed: folding the dead of region %s from now on", m->path);
	muster__collector_fold_soon(m->collector);
}

/* Its lock and its pidfile. The kernel lets go of what a killed process had one after the other. */
static void inherit(uv_timer_t *timer)
{
	struct before *b = timer->data;
	struct master *m = b->master;
	uint64_t waited_ms = uv_now(&m->loop) - b->since_ms;
	bool cleaned = muster__pidfile_clean(&m->pidfile) || waited_ms >= LOCK_PATIENCE_MS;
	bool had = muster__region_locked(m->region), have = muster__region_lock(m->region) == 0;

	if (have && !had)
		locked(m);
	if (have && cleaned)
		return;
	if (!have && waited_ms >= LOCK_PATIENCE_MS && !b->told) {
		muster__log(MUSTER__LOG_WARNING, "the dead are not folded: %s; trying on", muster_error_message());
		b->told = true;
	}
	uv_timer_start(timer, inherit, waited_ms < LOCK_PATIENCE_MS ? LOCK_MS : LOCK_MS_MAX, 0);
}

static void files_own(struct master *m)
{
	for (size_t i = 0; i < m->listener_count; i++)
		muster__listener_own(&m->listeners[i]);
	muster__listener_own(&m->metrics);
}

static void succeed(struct before *b)
{
	struct master *m = b->master;

	muster__log(MUSTER__LOG_INFO, "the master before this one (pid %d) is gone", (int)m->handover.from);
	m->handover.from = 0;
	files_own(m);
	(void)muster__master_metrics_serve(m); /* it has said why not; the workers go on */
	muster__notify_release(m->notify);
	muster__notify_tell(m->notify, "READY=1\nMAINPID=%d\nSTATUS=Serving metrics of region %s", (int)getpid(), m->path);
	b->since_ms = uv_now(&m->loop);
	inherit(&b->lock);
}

static void gone(uv_poll_t *poll, int status, int events)
{
	struct before *b = poll->data;
	char byte;
	ssize_t count = read(b->life, &byte, 1);

	(void)status, (void)events;
	if (count > 0 || (count < 0 && errno == EAGAIN))
		return;
	(void)uv_poll_stop(poll);
	succeed(b);
}

int muster__master_before_watch(struct master *m)
{
	if (m->handover.from == 0)
		return 0;
	struct before *b = calloc(1, sizeof *b);
	int rc = b ? uv_poll_init(&m->loop, &b->gone, m->handover.life) : UV_ENOMEM;
	if (rc != 0) {
		free(b);
		return muster__refuse(EX_OSERR, "cannot watch the master before this one: %s", strerror(-rc));
	}
	b->master = m;
	b->life = m->handover.life;
	b->gone.data = b->lock.data = b;
	uv_timer_init(&m->loop, &b->lock);
	m->before = b;
	return 0;
}

void muster__master_before_tell(struct master *m)
{
	if (m->before == NULL)
		return;
	muster__log(MUSTER__LOG_INFO,
	            "ready beside the master before this one (pid %d), which serves the metrics until it ends",
	            (int)m->handover.from);
	(void)!write(m->before->life, "r", 1);
	(void)uv_poll_start(&m->before->gone, UV_READABLE, gone); /* fails for closing handles only */
}

static void closed(uv_handle_t *handle)
{
	struct before *b = handle->data;

	close(b->life);
	free(b);
}

void muster__master_before_close(struct master *m)
{
	if (m->before == NULL)
		return;
	uv_close((uv_handle_t *)&m->before->gone, NULL);
	uv_close((uv_handle_t *)&m->before->lock, closed);
	m->before = NULL;
}
