/* SPDX-License-Identifier: Apache-2.0 */
/*
 * master_region.c - the master's first steps: its region, its pidfile, the sockets of its workers. Nothing here
 * needs the loop, and what is refused leaves no trace. Runs in the master.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "log.h"
#include "look.h"
#include "master_parts.h"
#include "passed.h"
#include "shm/fold.h"

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

/* ---- prometheus_client's files ------------------------------------------------------------ */

static int multiproc_refused(const char *path, int rc)
{
	return muster__refuse(EX_NOINPUT, "--multiproc-dir %s: %s; give a directory the workers can write, or none", path,
	                      rc == -ENAMETOOLONG ? "the path is too long" : strerror(-rc));
}

/* One in the region, and one we have made, is to be written to by the workers. */
static int multiproc_share(const struct master *m, const char *path, bool ours)
{
	return m->opts->worker_user && ours ? muster__region_share_dir(path, m->user.gid) : 0;
}

/* Its absolute path, made if it is ours to make. Returns 0 or -errno. */
static int multiproc_path(const struct master *m, char path[PATH_MAX])
{
	bool in_region = strcmp(m->opts->multiproc_dir, MUSTER__MULTIPROC_OWN) == 0, ours = in_region;
	char wanted[PATH_MAX];
	int n = snprintf(wanted, sizeof wanted, "%s%s%s", in_region ? m->path : "", in_region ? "/" : "",
	                 m->opts->multiproc_dir);

	if (n < 0 || (size_t)n >= sizeof wanted)
		return -ENAMETOOLONG;
	if (m->opts->multiproc_compact && mkdir(wanted, 0700) == 0)
		ours = true;
	else if (m->opts->multiproc_compact && errno != EEXIST)
		return -errno;
	if (m->opts->multiproc_compact && access(wanted, R_OK | W_OK | X_OK) != 0)
		return -errno;
	int rc = multiproc_share(m, wanted, ours);
	return rc != 0 ? rc : realpath(wanted, path) ? 0 : -errno;
}

static int multiproc_start(struct master *m)
{
	char path[PATH_MAX];

	if (m->opts->multiproc_dir == NULL)
		return 0;
	int status = muster__schema_take(m->region, m->opts->multiproc_schema);
	if (status != 0)
		return status;
	int rc = multiproc_path(m, path);
	if (rc == 0)
		rc = muster_region_import(m->region, path, m->opts->multiproc_compact);
	if (rc != 0)
		return multiproc_refused(m->opts->multiproc_dir, rc);
	(void)setenv("PROMETHEUS_MULTIPROC_DIR", path, 0);
	(void)setenv("prometheus_multiproc_dir", path, 0); /* its name before 0.10 */
	return 0;
}

static int region_make(struct master *m)
{
	int rc = m->opts->worker_user ? muster__user_find(m->opts->worker_user, &m->user) : 0;

	if (rc != 0)
		return rc;
	if ((rc = muster__region_create(m->path)) != 0)
		return region_refused(m->path, rc, "create");
	return 0;
}

/* A directory above the region may be closed to the workers: then they run uninstrumented, and cannot say so. */
static void reach_check(const struct master *m)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		if (muster__user_become(&m->user) != 0)
			_exit(0);
		_exit(access(m->path, W_OK | X_OK) == 0 ? 0 : errno);
	}
	if (pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) != 0)
		muster__log(
			MUSTER__LOG_WARNING,
			"region %s: --worker-user %s cannot get there: %s; take a directory that it can, such as the usual one",
			m->path, m->opts->worker_user, strerror(WEXITSTATUS(status)));
}

static int region_share(struct master *m)
{
	if (m->opts->worker_user == NULL)
		return 0;
	int rc = muster__region_share(m->region, m->user.uid, m->user.gid);
	if (rc != 0)
		return region_refused(m->path, rc, "share");
	reach_check(m);
	return 0;
}

int muster__master_region_start(struct master *m)
{
	int rc = region_path(m);

	if (rc != 0)
		return region_refused(m->opts->region ? m->opts->region : m->opts->name, rc, "name");
	if ((rc = region_make(m)) != 0)
		return rc;
	if ((rc = region_path_make_absolute(m)) != 0)
		return region_refused(m->path, rc, "resolve");
	if ((rc = muster_region_open(m->path, &m->region)) != 0)
		return region_refused(m->path, rc, "open");
	if (m->opts->series_max)
		muster_region_series_max(m->region, m->opts->series_max);
	if (m->handover.from == 0 && (rc = muster__region_lock(m->region)) != 0)
		return region_refused(m->path, rc, "lock");
	if ((rc = region_share(m)) != 0)
		return rc;
	return multiproc_start(m);
}

/* ---- addresses ---------------------------------------------------------------------------- */

int muster__master_pidfile_start(struct master *m)
{
	int status = m->opts->pidfile ? muster__pidfile_create(m->opts->pidfile, &m->pidfile) : 0;

	if (status == 0 && m->handover.from == 0)
		(void)muster__pidfile_clean(&m->pidfile);
	return status;
}

/* Those of LISTEN_FDS, from the master before us. */
static void passed_adopt(struct master *m)
{
	int fd;

	while (m->listener_count < MUSTER__LISTENERS_MAX &&
	       (fd = muster__handover_claim(&m->handover, MUSTER__HANDED_PASSED, (unsigned)m->listener_count, "")) >= 0)
		muster__passed_adopt(fd, &m->listeners[m->listener_count++]);
}

/* Before the children are told of the others. Without children, the only one needs no name. */
static int passed_metrics(struct master *m)
{
	int fd = muster__handover_claim(&m->handover, MUSTER__HANDED_METRICS, 0, m->opts->metrics);

	int status = fd >= 0 ? muster__passed_picked(m->opts->metrics, fd, &m->metrics)
	                     : muster__passed_pick(m->opts->metrics, m->opts->workers == 0 && m->server == NULL,
	                                           m->listeners, &m->listener_count, &m->metrics);
	if (status == 0)
		muster__descriptors_without(&m->inherited, &m->metrics.fd, 1);
	return status;
}

/* Those of systemd first, as it numbers them. */
static int passed_take(struct master *m)
{
	int status = 0;

	if (m->handover.from)
		passed_adopt(m);
	else
		status = muster__passed_take(m->listeners, &m->listener_count);
	if (status == 0 && muster__passed_is_meant(m->opts->metrics))
		status = passed_metrics(m);
	for (size_t i = 0; i < m->listener_count; i++) {
		m->listen_fds[i] = m->listeners[i].fd;
		muster__log(MUSTER__LOG_INFO, "listening on %s", m->listeners[i].text);
	}
	return status;
}

static int listener_open(struct master *m, const char *address, struct muster__listener *out)
{
	int fd = muster__handover_claim(&m->handover, MUSTER__HANDED_LISTEN, 0, address);

	if (fd < 0)
		return muster__listener_open("--listen", address, m->opts->reuse_port ? MUSTER__REUSE_PORT : MUSTER__ALONE,
		                             out);
	muster__listener_adopt(fd, address, out);
	return 0;
}

static int shards_adopt(struct master *m)
{
	int rc =
		m->opts->reuse_port ? muster__shards_adopt(&m->shards, &m->handover, m->opts->listen, m->opts->workers) : 0;

	return rc == 0 ? 0 : muster__refuse(EX_OSERR, "cannot take over the sockets of each worker: %s", strerror(-rc));
}

int muster__master_listeners_open(struct master *m)
{
	const char *const *address = m->opts->listen;
	int passed = passed_take(m);
	size_t passed_count = m->listener_count;

	if (passed != 0)
		return passed;
	for (; address && *address; address++) {
		if (m->listener_count == MUSTER__LISTENERS_MAX)
			return muster__refuse(EX_USAGE, "--listen %s: at most %d sockets, %zu were passed by LISTEN_FDS", *address,
			                      MUSTER__LISTENERS_MAX, passed_count);
		struct muster__listener *listener = &m->listeners[m->listener_count];
		int status = listener_open(m, *address, listener);
		if (status != 0)
			return status;
		m->listen_fds[m->listener_count++] = listener->fd;
		muster__log(MUSTER__LOG_INFO, "listening on %s", listener->text);
	}
	m->shards = (struct muster__shards){
		.listeners = m->listeners, .listen_fds = m->listen_fds, .passed = passed_count, .count = m->listener_count};
	m->listen_names = muster__passed_names(passed_count, m->listener_count - passed_count);
	return shards_adopt(m);
}

void muster__master_listeners_close(struct master *m)
{
	muster__shards_close(&m->shards);
	for (size_t i = 0; i < m->listener_count; i++)
		muster__listener_close(&m->listeners[i]);
	m->listener_count = 0;
}
