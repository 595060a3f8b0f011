/* SPDX-License-Identifier: Apache-2.0 */
/*
 * collector.c - when to look at the region and when to fold. Runs in the master, on its loop.
 *
 * Deaths are noticed three ways: a child was reaped, a pidfd of the region became readable, a scrape or
 * the timer looked. Folds are batched: at most one per FOLD_GAP_MS, however many die. The pidfds are the
 * region's, which closes them as it likes, so they are watched through an epoll instance of our own
 * (closing removes them there) and never through the loop, which must not lose a descriptor unasked.
 */
#include "collector.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <muster/collector.h>

#include "log.h"
#include "shm/fold.h"

#define FOLD_GAP_MS 200
#define LOOK_MS 1000 /* how old the last look may get without a scrape */
#define FOLD_RETRY_MS 5000
#define PIDFDS_MAX 4096
#define QUARANTINE_LINES_MAX 20 /* logged per look; all are counted */

struct muster__collector {
	uv_loop_t *loop;
	struct muster_region *region;
	struct muster__self *self;
	uv_timer_t look, fold;
	uv_poll_t deaths;
	int epoll_fd;
	int fold_error;    /* of the last fold, so that a lasting one is logged once */
	int refresh_error; /* likewise */
	int import_error;  /* likewise */
	uint64_t looked_ms, folded_ms;
	unsigned quarantine_lines;
	int pidfds[PIDFDS_MAX];
};

static void watch_pidfds(struct muster__collector *c)
{
	size_t count = muster__region_pidfds(c->region, c->pidfds, PIDFDS_MAX);
	/* One shot, or one that is not folded yet would be reported on each turn of the loop. */
	struct epoll_event event = {.events = EPOLLIN | EPOLLONESHOT};

	for (size_t i = 0; i < count && i < PIDFDS_MAX; i++)
		(void)epoll_ctl(c->epoll_fd, EPOLL_CTL_ADD, c->pidfds[i], &event); /* EEXIST: watched already */
}

static void quarantined(void *ctx, const char *file, enum muster_quarantine reason)
{
	struct muster__collector *c = ctx;

	muster__self_quarantined(c->self, reason);
	if (c->quarantine_lines++ < QUARANTINE_LINES_MAX)
		muster__log(MUSTER__LOG_WARNING, "slab %s is left out: it %s", file, muster_quarantine_text(reason));
}

/* Log a lasting failure once, and its end. */
static void log_change(int *last, int rc, const char *what)
{
	if (rc != 0 && rc != *last)
		muster__log(MUSTER__LOG_ERROR, "%s: %s", what, muster_strerror(rc));
	else if (rc == 0 && *last != 0)
		muster__log(MUSTER__LOG_INFO, "%s: works again", what);
	*last = rc;
}

static int refresh(struct muster__collector *c)
{
	c->quarantine_lines = 0;
	int rc = muster_region_refresh(c->region);
	log_change(&c->refresh_error, rc, "reading the region");
	log_change(&c->import_error, muster__region_import_error(c->region), "the multiprocess directory");
	c->looked_ms = uv_now(c->loop);
	watch_pidfds(c);
	return rc;
}

/* ---- folding ------------------------------------------------------------------------------ */

static void fold_fired(uv_timer_t *timer)
{
	muster__collector_fold(timer->data);
}

static void fold_in(struct muster__collector *c, uint64_t gap_ms)
{
	uint64_t now = uv_now(c->loop), due = c->folded_ms + gap_ms;

	if (!uv_is_active((uv_handle_t *)&c->fold))
		uv_timer_start(&c->fold, fold_fired, due > now ? due - now : 0, 0);
}

void muster__collector_fold_soon(struct muster__collector *c)
{
	fold_in(c, FOLD_GAP_MS);
}

/* Fold the dead that the last refresh found, and forget what is to be forgotten. */
static void fold_found(struct muster__collector *c)
{
	size_t folded = 0;

	if (!muster__region_locked(c->region))
		return;
	muster__region_trim(c->region);
	(void)muster__region_expire(c->region); /* for want of memory they expire later */
	if (!muster__region_fold_due(c->region))
		return;
	int rc = muster__region_fold(c->region, &folded);
	log_change(&c->fold_error, rc, "folding the dead into the ledger");
	if (rc != 0)
		muster__self_fold_failed(c->self);
	else if (folded)
		muster__self_folded(c->self, folded);
}

void muster__collector_fold(struct muster__collector *c)
{
	if (refresh(c) == 0)
		fold_found(c);
	uv_update_time(c->loop);
	c->folded_ms = uv_now(c->loop);
	if (c->fold_error)
		fold_in(c, FOLD_RETRY_MS);
}

static void look_fired(uv_timer_t *timer)
{
	struct muster__collector *c = timer->data;

	muster__self_look(c->self);
	if (uv_now(c->loop) - c->looked_ms >= LOOK_MS / 2)
		muster__collector_fold(c);
}

static void deaths_readable(uv_poll_t *poll, int status, int events)
{
	struct muster__collector *c = poll->data;
	struct epoll_event seen[64];

	(void)status, (void)events;
	if (epoll_wait(c->epoll_fd, seen, sizeof seen / sizeof *seen, 0) > 0)
		muster__collector_fold_soon(c);
}

/* ---- scraping ----------------------------------------------------------------------------- */

/* The master's gauges of the roll are themselves in the view: when they changed, look again. */
static int refresh_with_roll(struct muster__collector *c)
{
	struct muster_region_stats stats;
	int rc = refresh(c);

	if (rc != 0)
		return rc;
	muster_region_stats(c->region, &stats);
	if (muster__region_fold_due(c->region))
		muster__collector_fold_soon(c);
	return muster__self_roll(c->self, &stats) ? refresh(c) : 0;
}

static int body_from(const char *text, size_t count, struct muster__body **out)
{
	struct muster__body *body = muster__body_create(count);

	if (body == NULL)
		return -ENOMEM;
	memcpy(body->bytes, text, count);
	*out = body;
	return 0;
}

int muster__collector_scrape(struct muster__collector *c, enum muster_format format, enum muster_escaping escaping,
                             const char *const *names, struct muster__body **out)
{
	uint64_t start_ns = uv_hrtime();
	const char *text;
	size_t count;

	muster__self_scrape_begin(c->self);
	muster_collect();
	int rc = refresh_with_roll(c);
	if (rc == 0)
		rc = muster_region_write(c->region, format, escaping, names, &text, &count);
	if (rc == 0)
		rc = body_from(text, count, out);
	muster__self_scrape_end(c->self, (double)(uv_hrtime() - start_ns) * 1e-9);
	return rc;
}

void muster__collector_stats(const struct muster__collector *c, struct muster_region_stats *out)
{
	muster_region_stats(c->region, out);
}

/* ---- life --------------------------------------------------------------------------------- */

static int watch(struct muster__collector *c)
{
	c->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (c->epoll_fd < 0)
		return -errno;
	int rc = uv_poll_init(c->loop, &c->deaths, c->epoll_fd);
	if (rc != 0)
		close(c->epoll_fd);
	return rc;
}

int muster__collector_create(uv_loop_t *loop, struct muster_region *region, struct muster__self *self,
                             struct muster__collector **out)
{
	struct muster__collector *c = calloc(1, sizeof *c);

	if (c == NULL)
		return -ENOMEM;
	*c = (struct muster__collector){.loop = loop, .region = region, .self = self};
	int rc = watch(c);
	if (rc != 0) {
		free(c);
		return rc;
	}
	c->look.data = c->fold.data = c->deaths.data = c;
	uv_poll_start(&c->deaths, UV_READABLE, deaths_readable);
	uv_timer_init(loop, &c->fold);
	uv_timer_init(loop, &c->look);
	uv_timer_start(&c->look, look_fired, 0, LOOK_MS); /* at once: a dead master may have left some */
	muster_region_on_quarantine(region, quarantined, c);
	*out = c;
	return 0;
}

void muster__collector_close(struct muster__collector *c)
{
	if (c == NULL)
		return;
	uv_close((uv_handle_t *)&c->look, NULL);
	uv_close((uv_handle_t *)&c->fold, NULL);
	uv_close((uv_handle_t *)&c->deaths, NULL);
}

void muster__collector_destroy(struct muster__collector **collector)
{
	struct muster__collector *c = *collector;

	if (c == NULL)
		return;
	muster_region_on_quarantine(c->region, NULL, NULL);
	close(c->epoll_fd);
	free(c);
	*collector = NULL;
}
