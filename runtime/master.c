/* SPDX-License-Identifier: Apache-2.0 */
/*
 * master.c - ties the parts of a master together: start them in order, run the loop, stop in order.
 *
 * Order of the start: what can be refused without a trace comes first (region, lock, addresses), the
 * workers last. Order of the stop: TERM to the workers and their listeners closed, so that new clients are
 * refused instead of left waiting; scrapes are served until the last worker is gone; then the dead are
 * folded. Each step needs only what was made before it, and undoes itself in master_destroy().
 */
#include "master.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <uv.h>

#include "log.h"
#include "pages.h"
#include "shm/fold.h"

static const int stop_signals[] = {SIGTERM, SIGINT, SIGQUIT, SIGHUP};
#define STOP_SIGNALS (sizeof stop_signals / sizeof *stop_signals)

struct master {
	const struct muster_prefork_opts *opts;
	char path[MUSTER_REGION_PATH_BYTES_MAX + 1]; /* absolute */
	struct muster__descriptors inherited;
	struct muster_region *region;
	struct muster__self *self;
	struct muster__collector *collector;
	struct muster__supervisor *supervisor;
	struct muster__http *http;
	struct muster__pages_ctx pages;
	struct muster__listener metrics, listeners[MUSTER__LISTENERS_MAX];
	int listen_fds[MUSTER__LISTENERS_MAX];
	size_t listener_count;
	uv_loop_t loop;
	bool loop_made, signals_made, stopping;
	uv_signal_t signals[STOP_SIGNALS];
	struct sigaction sigpipe_before;
};

/* ---- region ------------------------------------------------------------------------------- */

static int region_refused(const char *path, int rc, const char *verb)
{
	int status = rc == MUSTER_EBUSY                       ? EX_TEMPFAIL
	             : rc == MUSTER_EREGION || rc == -ENOTDIR ? EX_NOINPUT
	             : rc == -ENAMETOOLONG                    ? EX_USAGE
	                                                      : EX_CANTCREAT;
	const char *sentence = muster_error_message();

	if (rc == MUSTER_EBUSY || rc == MUSTER_EREGION)
		return muster__refuse(status, "%s", sentence);
	if (rc == -ENAMETOOLONG)
		return muster__refuse(status, "--region %s: has %zu bytes, at most %d are allowed; take a shorter path", path,
		                      strlen(path), MUSTER_REGION_PATH_BYTES_MAX);
	return muster__refuse(status, "region %s: cannot %s it: %s; give a directory of yours with --region", path, verb,
	                      muster_strerror(rc));
}

static int region_path(struct master *m)
{
	if (m->opts->region == NULL)
		return muster__region_default_path(m->opts->name, m->path);
	if (strlen(m->opts->region) > MUSTER_REGION_PATH_BYTES_MAX)
		return -ENAMETOOLONG;
	(void)strcpy(m->path, m->opts->region);
	return 0;
}

/* Workers may change their directory, so they are told an absolute path. */
static int region_path_make_absolute(struct master *m)
{
	char *absolute = realpath(m->path, NULL);
	int rc = 0;

	if (absolute == NULL)
		return -errno;
	if (strlen(absolute) <= MUSTER_REGION_PATH_BYTES_MAX)
		(void)strcpy(m->path, absolute);
	else
		rc = -ENAMETOOLONG;
	free(absolute);
	return rc;
}

static int region_start(struct master *m)
{
	int rc = region_path(m);

	if (rc != 0)
		return region_refused(m->opts->region ? m->opts->region : m->opts->name, rc, "name");
	if ((rc = muster__region_create(m->path)) != 0)
		return region_refused(m->path, rc, "create");
	if ((rc = region_path_make_absolute(m)) != 0)
		return region_refused(m->path, rc, "resolve");
	if ((rc = muster_region_open(m->path, &m->region)) != 0)
		return region_refused(m->path, rc, "open");
	if (m->opts->series_max)
		muster_region_series_max(m->region, m->opts->series_max);
	if ((rc = muster__region_lock(m->region)) != 0)
		return region_refused(m->path, rc, "lock");
	return 0;
}

/* ---- addresses ---------------------------------------------------------------------------- */

static int listeners_open(struct master *m)
{
	const char *const *address = m->opts->listen;

	for (; address && *address; address++) {
		struct muster__listener *listener = &m->listeners[m->listener_count];
		int status = muster__listener_open("--listen", *address, listener);
		if (status != 0)
			return status;
		m->listen_fds[m->listener_count++] = listener->fd;
		muster__log(MUSTER__LOG_INFO, "listening on %s", listener->text);
	}
	return 0;
}

static void listeners_close(struct master *m)
{
	for (size_t i = 0; i < m->listener_count; i++)
		muster__listener_close(&m->listeners[i]);
	m->listener_count = 0;
}

static int metrics_start(struct master *m)
{
	char text[MUSTER__ADDRESS_BYTES];

	if (strcmp(m->opts->metrics, "none") == 0)
		return 0;
	int status = muster__listener_open("--metrics", m->opts->metrics, &m->metrics);
	if (status != 0)
		return status;
	(void)strcpy(text, m->metrics.text);
	bool is_unix = m->metrics.is_unix;
	int rc = muster__http_create(&m->loop, &m->metrics, muster__pages, &m->pages, &m->http);
	if (rc != 0)
		return muster__refuse(EX_OSERR, "--metrics %s: %s", m->opts->metrics, strerror(-rc));
	muster__log(MUSTER__LOG_INFO, is_unix ? "metrics on %s, path /metrics" : "metrics on http://%s/metrics", text);
	return 0;
}

/* ---- stopping ----------------------------------------------------------------------------- */

static void close_all(struct master *m)
{
	muster__http_close(m->http);
	muster__collector_close(m->collector);
	muster__supervisor_close(m->supervisor);
	for (size_t i = 0; m->signals_made && i < STOP_SIGNALS; i++)
		uv_close((uv_handle_t *)&m->signals[i], NULL);
}

static void workers_gone(void *ctx)
{
	struct master *m = ctx;

	muster__collector_fold(m->collector);
	muster__log(MUSTER__LOG_INFO, "stopped");
	uv_stop(&m->loop);
}

static void stop_asked(uv_signal_t *signal, int signo)
{
	struct master *m = signal->data;

	muster__log(MUSTER__LOG_INFO, m->stopping ? "signal %d (SIG%s) again: hurrying" : "signal %d (SIG%s): stopping",
	            signo, sigabbrev_np(signo));
	m->stopping = true;
	m->pages.ready = false;
	listeners_close(m);
	if (m->supervisor)
		muster__supervisor_stop(m->supervisor);
	else
		workers_gone(m);
}

/* nohup and the like ignore SIGHUP for us; that stays so. */
static bool is_ignored(int signo)
{
	struct sigaction sa;

	return sigaction(signo, NULL, &sa) == 0 && sa.sa_handler == SIG_IGN;
}

static int signals_start(struct master *m)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	int rc = 0;

	sigaction(SIGPIPE, &ignore, &m->sigpipe_before);
	for (size_t i = 0; i < STOP_SIGNALS; i++) {
		uv_signal_init(&m->loop, &m->signals[i]);
		m->signals[i].data = m;
		if (rc == 0 && !(stop_signals[i] == SIGHUP && is_ignored(SIGHUP)))
			rc = uv_signal_start(&m->signals[i], stop_asked, stop_signals[i]);
	}
	m->signals_made = true;
	return rc == 0 ? 0 : muster__refuse(EX_OSERR, "cannot handle signals: %s", strerror(-rc));
}

/* ---- workers ------------------------------------------------------------------------------ */

static void worker_died(void *ctx)
{
	struct master *m = ctx;

	muster__collector_fold_soon(m->collector);
}

static int start_refused(const struct master *m, int rc)
{
	const char *command = m->opts->argv ? m->opts->argv[0] : "";

	if (m->opts->argv && (rc == -ENOENT || rc == -ENOTDIR))
		return muster__refuse(127, "%s: command not found; check the name and PATH, or give its whole path", command);
	if (m->opts->argv && (rc == -EACCES || rc == -ENOEXEC))
		return muster__refuse(126, "%s: cannot be executed: %s; check its mode and first line", command, strerror(-rc));
	return muster__refuse(EX_OSERR, "cannot start %u workers: %s; see ulimit -u, or take fewer with --workers",
	                      m->opts->workers, strerror(-rc));
}

static int workers_start(struct master *m)
{
	struct muster__supervisor_opts opts = {
		.plan = {.worker = m->opts->worker,
	             .ctx = m->opts->ctx,
	             .argv = m->opts->argv,
	             .listen_fds = m->listen_fds,
	             .listen_count = m->listener_count,
	             .inherited = m->inherited},
		.workers = m->opts->workers,
		.grace_seconds = m->opts->grace_seconds,
		.restart_delay_seconds_max = m->opts->restart_delay_seconds_max,
		.died = worker_died,
		.stopped = workers_gone,
		.ctx = m,
	};

	if (m->opts->workers == 0)
		return 0;
	int rc = muster__supervisor_start(&m->loop, &opts, m->self, &m->supervisor);
	if (m->supervisor)
		m->inherited = (struct muster__descriptors){0};
	if (rc != 0)
		return start_refused(m, rc);
	muster__log(MUSTER__LOG_INFO, "%u workers started, region %s", m->opts->workers, m->path);
	return 0;
}

/* ---- life --------------------------------------------------------------------------------- */

/* What is open now belongs to the caller and stays open in its workers. libuv's process-wide pipe must be
 * among it, so it is made first. */
static int remember_descriptors(struct master *m)
{
	int rc = uv_loop_init(&m->loop);

	if (rc == 0)
		rc = uv_loop_close(&m->loop);
	return rc == 0 ? muster__descriptors_read(&m->inherited) : rc;
}

static int loop_start(struct master *m)
{
	int rc = muster_guard_install();

	if (rc == 0)
		rc = uv_loop_init(&m->loop);
	m->loop_made = rc == 0;
	return rc == 0 ? signals_start(m) : muster__refuse(EX_OSERR, "cannot make the loop: %s", strerror(-rc));
}

static int collector_start(struct master *m)
{
	int rc = muster__self_create(m->path, &m->self);

	if (rc == 0)
		rc = muster__collector_create(&m->loop, m->region, m->self, &m->collector);
	m->pages = (struct muster__pages_ctx){.name = m->opts->name, .region = m->path, .collector = m->collector};
	return rc == 0 ? 0 : muster__refuse(EX_OSERR, "cannot watch the region: %s", strerror(-rc));
}

static int master_start(struct master *m)
{
	static int (*const steps[])(struct master *) = {region_start,    listeners_open, loop_start,
	                                                collector_start, metrics_start,  workers_start};
	int status = 0;

	if (remember_descriptors(m) != 0)
		return muster__refuse(EX_OSERR, "cannot list the open files: %s", strerror(errno));
	for (size_t i = 0; status == 0 && i < sizeof steps / sizeof *steps; i++)
		status = steps[i](m);
	m->pages.supervisor = m->supervisor;
	m->pages.ready = status == 0;
	return status;
}

static void master_destroy(struct master *m)
{
	listeners_close(m);
	if (m->loop_made) {
		close_all(m);
		(void)uv_run(&m->loop, UV_RUN_DEFAULT);
		(void)uv_loop_close(&m->loop);
		sigaction(SIGPIPE, &m->sigpipe_before, NULL);
	}
	muster__listener_close(&m->metrics);
	muster__http_destroy(&m->http);
	muster__supervisor_destroy(&m->supervisor);
	muster__collector_destroy(&m->collector);
	muster__self_destroy(&m->self);
	muster_region_destroy(&m->region);
	muster__descriptors_free(&m->inherited);
	free(m);
}

int muster__master_run(const struct muster_prefork_opts *opts)
{
	struct master *m = calloc(1, sizeof *m);

	if (m == NULL)
		return muster__refuse(EX_OSERR, "out of memory");
	m->opts = opts;
	m->metrics.fd = -1;
	muster__log_name(opts->name);
	int status = master_start(m);
	if (status == 0)
		(void)uv_run(&m->loop, UV_RUN_DEFAULT);
	master_destroy(m);
	return status;
}
