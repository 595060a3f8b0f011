/* SPDX-License-Identifier: Apache-2.0 */
/*
 * master.c - ties the parts of a master together: start them in order, run the loop, stop in order.
 *
 * Order of the start: what can be refused without a trace comes first (region, lock, addresses), the
 * workers last. Order of the stop: TERM to the workers and their listeners closed, so that new clients are
 * refused instead of left waiting; scrapes are served until the last worker is gone; then the dead are
 * folded, and the final numbers served once more if somebody wants them (drain). A wrapped server stops itself,
 * by the signals that are passed on to it. Each step needs only what was made before it, and undoes itself in
 * master_destroy().
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>
#include <uv.h>

#include "log.h"
#include "master_parts.h"
#include "shm/activity.h"
#include "shm/fold.h"

/* ---- metrics ------------------------------------------------------------------------------ */

static void tell_address(const struct master *m, const char *address, bool is_unix)
{
	bool tls = muster__web_tls(m->web) != NULL;

	if (is_unix)
		muster__log(MUSTER__LOG_INFO, "metrics on %s, path /metrics%s", address, tls ? ", by TLS" : "");
	else
		muster__log(MUSTER__LOG_INFO, "metrics on http%s://%s/metrics", tls ? "s" : "", address);
}

int muster__master_metrics_serve(struct master *m)
{
	struct muster__http_opts opts = {.routes = muster__pages,
	                                 .ctx = &m->pages,
	                                 .answered = muster__pages_answered,
	                                 .closed = muster__pages_closed,
	                                 .in_flight = muster__pages_in_flight,
	                                 .web = m->web};

	if (m->metrics.fd < 0)
		return 0;
	struct muster__listener listener = m->metrics;
	int rc = muster__http_create(&m->loop, &m->metrics, &opts, &m->http);
	if (rc != 0)
		return muster__refuse(EX_OSERR, "--metrics %s: %s", m->opts->metrics, strerror(-rc));
	tell_address(m, listener.text, listener.is_unix);
	return 0;
}

/* By the umask, so that the file has its mode from the first moment on. */
static int metrics_open(struct master *m)
{
	int fd = muster__handover_claim(&m->handover, MUSTER__HANDED_METRICS, 0, m->opts->metrics);

	if (fd >= 0) {
		muster__listener_adopt(fd, m->opts->metrics, &m->metrics);
		return 0;
	}
	mode_t before = m->opts->metrics_mode ? umask(~m->opts->metrics_mode & 0777) : 0;
	int status = muster__listener_open("--metrics", m->opts->metrics, MUSTER__ALONE, &m->metrics);
	if (m->opts->metrics_mode)
		umask(before);
	return status;
}

/* As long as there is a master before us, that one serves. */
static int metrics_start(struct master *m)
{
	int status = 0;

	if (m->opts->web_config_file)
		status = muster__web_create(&m->loop, m->opts->web_config_file, m->self, &m->web);
	if (status != 0 || strcmp(m->opts->metrics, "none") == 0)
		return status;
	if (m->metrics.fd < 0)
		status = metrics_open(m);
	if (status == 0 && m->opts->metrics_mode && (!m->metrics.is_unix || m->metrics.is_foreign))
		status = muster__refuse(EX_USAGE,
		                        "--metrics-mode %o: is for a socket file that muster makes; take --metrics "
		                        "unix:PATH, or SocketMode= of systemd",
		                        m->opts->metrics_mode);
	return status == 0 && m->handover.from == 0 ? muster__master_metrics_serve(m) : status;
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

static void workers_reloaded(void *ctx)
{
	struct master *m = ctx;

	muster__notify_tell(m->notify, "READY=1");
}

static uint64_t worker_heartbeat(void *ctx, pid_t pid)
{
	const struct master *m = ctx;

	return muster__region_heartbeat(m->region, (uint32_t)pid);
}

static bool worker_requests(void *ctx, pid_t pid, uint64_t *ended)
{
	const struct master *m = ctx;

	return muster__region_requests_ended(m->region, pid, ended);
}

static struct muster__child_plan child_plan(struct master *m)
{
	return (struct muster__child_plan){.worker = m->opts->worker,
	                                   .ctx = m->opts->ctx,
	                                   .argv = m->opts->argv,
	                                   .listen_fds = m->listen_fds,
	                                   .listen_count = m->listener_count,
	                                   .listen_names = m->listen_names,
	                                   .inherited = m->inherited,
	                                   .shards = m->opts->reuse_port ? &m->shards : NULL,
	                                   .cpu_affinity = m->opts->cpu_affinity,
	                                   .user = m->opts->worker_user && m->server == NULL ? &m->user : NULL};
}

static int workers_start(struct master *m)
{
	struct muster__supervisor_opts opts = {
		.plan = child_plan(m),
		.workers = m->opts->workers,
		.grace_seconds = m->opts->grace_seconds,
		.restart_delay_seconds_max = m->opts->restart_delay_seconds_max,
		.restart_budget = m->opts->restart_budget,
		.restart_budget_seconds = m->opts->restart_budget_seconds,
		.spent = muster__master_budget_spent,
		.lifetime_seconds_max = m->opts->lifetime_seconds_max,
		.requests_max = m->opts->requests_max,
		.requests_jitter = m->opts->requests_jitter,
		.requests = worker_requests,
		.memory_max = m->opts->memory_bytes_max,
		.heartbeat_seconds_max = m->opts->heartbeat_seconds_max,
		.heartbeat = worker_heartbeat,
		.on_before_worker_start = m->opts->on_before_worker_start,
		.on_worker_start = m->opts->on_worker_start,
		.on_worker_exit = m->opts->on_worker_exit,
		.died = worker_died,
		.reaped = muster__master_next_reaped,
		.stopped = muster__master_workers_gone,
		.reloaded = workers_reloaded,
		.ctx = m,
	};

	if (m->opts->workers == 0 || m->server)
		return 0;
	int rc = muster__supervisor_start(&m->loop, &opts, m->self, &m->supervisor);
	if (m->supervisor)
		m->inherited = (struct muster__descriptors){0};
	if (rc != 0)
		return start_refused(m, rc);
	muster__log(MUSTER__LOG_INFO, "%u workers started, region %s", m->opts->workers, m->path);
	return 0;
}

/* ---- a wrapped server --------------------------------------------------------------------- */

static void server_ready(void *ctx)
{
	struct master *m = ctx;

	if (!m->stopping)
		m->pages.ready = true;
}

static void server_main_pid(void *ctx, pid_t pid)
{
	struct master *m = ctx;

	if (m->wrap)
		muster__wrap_main_told(m->wrap, pid);
}

static void server_in_child(void *ctx)
{
	const struct master *m = ctx;

	muster__notify_child(m->notify);
}

static int server_start(struct master *m)
{
	struct muster__wrap_opts opts = {
		.plan = child_plan(m),
		.grace_seconds = m->opts->grace_seconds,
		.died = worker_died,
		.ended = muster__master_server_gone,
		.ctx = m,
	};

	if (m->server == NULL)
		return 0;
	opts.term_seconds = m->server->term_seconds;
	opts.plan.signals = &m->signals;
	opts.plan.own_group = true;
	opts.plan.in_child = server_in_child;
	opts.plan.in_child_ctx = m;
	int rc = muster__wrap_start(&m->loop, &opts, m->self, &m->wrap);
	if (m->wrap)
		m->inherited = (struct muster__descriptors){0};
	return rc == 0 ? 0 : start_refused(m, rc);
}

/* ---- life --------------------------------------------------------------------------------- */

static int notify_start(struct master *m)
{
	struct muster__notify_opts opts = {.from_server = m->server != NULL,
	                                   .always = m->server && m->server->ready_when_told,
	                                   .held = m->handover.from != 0,
	                                   .ready = server_ready,
	                                   .main_pid = server_main_pid,
	                                   .ctx = m};
	int rc = muster__notify_create(&m->loop, &opts, &m->notify);

	return rc == 0
	           ? 0
	           : muster__refuse(EX_OSERR, "NOTIFY_SOCKET: cannot use it: %s; it must begin with / or @", strerror(-rc));
}

/* Started is ready, unless the server is to say so itself. */
static void tell_started(struct master *m)
{
	m->pages.ready = !(m->server && m->server->ready_when_told);
	muster__notify_tell(m->notify, "%sMAINPID=%d\nSTATUS=Serving metrics of region %s",
	                    m->pages.ready ? "READY=1\n" : "", (int)getpid(), m->path);
	muster__master_before_tell(m);
}

/* What is open now belongs to the caller and stays open in its workers. libuv's process-wide pipe must be
 * among it, so it is made first. */
static int remember_descriptors(struct master *m)
{
	int rc = uv_loop_init(&m->loop);

	if (rc == 0)
		rc = uv_loop_close(&m->loop);
	if (rc == 0)
		rc = muster__descriptors_read(&m->inherited);
	for (size_t i = 0; rc == 0 && i < m->handover.count; i++)
		muster__descriptors_without(&m->inherited, &m->handover.sockets[i].fd, 1);
	if (rc == 0)
		muster__descriptors_without(&m->inherited, &m->handover.life, 1);
	return rc;
}

static int loop_start(struct master *m)
{
	int rc = muster_guard_install();

	if (rc == 0)
		rc = uv_loop_init(&m->loop);
	m->loop_made = rc == 0;
	if (rc == 0)
		rc = uv_timer_init(&m->loop, &m->drain);
	m->drain.data = m;
	return rc == 0 ? muster__master_signals_start(m)
	               : muster__refuse(EX_OSERR, "cannot make the loop: %s", strerror(-rc));
}

static int collector_start(struct master *m)
{
	int rc = muster__self_create(m->path, &m->self);

	if (rc == 0)
		rc = muster__collector_create(&m->loop, m->region, m->self, &m->collector);
	if (rc == 0)
		rc = muster__master_watch_start(m);
	m->pages = (struct muster__pages_ctx){
		.name = m->opts->name, .region = m->path, .collector = m->collector, .self = m->self};
	return rc == 0 ? 0 : muster__refuse(EX_OSERR, "cannot watch the region: %s", strerror(-rc));
}

static int master_start(struct master *m)
{
	static int (*const steps[])(struct master *) = {muster__master_region_start,
	                                                muster__master_pidfile_start,
	                                                muster__master_listeners_open,
	                                                loop_start,
	                                                muster__master_before_watch,
	                                                collector_start,
	                                                metrics_start,
	                                                notify_start,
	                                                workers_start,
	                                                server_start};
	int status = muster__handover_take(&m->handover);

	if (status != 0)
		return status;
	(void)muster__program_read(&m->program); /* without it there is no upgrade, which is said when one is asked for */
	if (remember_descriptors(m) != 0)
		return muster__refuse(EX_OSERR, "cannot list the open files: %s", strerror(errno));
	for (size_t i = 0; status == 0 && i < sizeof steps / sizeof *steps; i++)
		status = steps[i](m);
	m->pages.supervisor = m->supervisor;
	muster__handover_drop(&m->handover);
	if (status == 0)
		tell_started(m);
	return status;
}

static void close_all(struct master *m)
{
	muster__master_before_close(m);
	muster__master_next_leave(m);
	muster__http_close(m->http);
	muster__collector_close(m->collector);
	muster__supervisor_close(m->supervisor);
	muster__wrap_close(m->wrap);
	muster__notify_close(m->notify);
	muster__signals_close(&m->signals);
	uv_close((uv_handle_t *)&m->drain, NULL);
}

static void master_destroy(struct master *m)
{
	muster__master_listeners_close(m);
	if (m->loop_made) {
		close_all(m);
		(void)uv_run(&m->loop, UV_RUN_DEFAULT);
		(void)uv_loop_close(&m->loop);
	}
	muster__signals_restore(&m->signals);
	muster__listener_close(&m->metrics);
	muster__http_destroy(&m->http);
	muster__web_destroy(&m->web);
	muster__supervisor_destroy(&m->supervisor);
	muster__wrap_destroy(&m->wrap);
	muster__notify_destroy(&m->notify);
	muster__collector_destroy(&m->collector);
	muster__master_watch_end(m);
	muster__self_destroy(&m->self);
	muster_region_destroy(&m->region);
	muster__descriptors_free(&m->inherited);
	muster__pidfile_remove(&m->pidfile);
	muster__master_next_close(m);
	muster__program_free(&m->program);
	free(m->listen_names);
	free(m);
}

int muster__master_run(const struct muster_prefork_opts *opts, const struct muster__server_opts *server)
{
	struct master *m = calloc(1, sizeof *m);

	if (m == NULL)
		return muster__refuse(EX_OSERR, "out of memory");
	m->opts = opts;
	m->server = server;
	m->metrics.fd = -1;
	muster__log_name(opts->name);
	muster__log_json(opts->log_format && strcmp(opts->log_format, "json") == 0);
	int status = master_start(m);
	if (status == 0) {
		(void)uv_run(&m->loop, UV_RUN_DEFAULT);
		status = m->exit_status;
	}
	master_destroy(m);
	return status;
}
