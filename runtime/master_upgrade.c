/* SPDX-License-Identifier: Apache-2.0 */
/*
 * master_upgrade.c - USR2: a new master of the program that is now at our path, beside us. Runs in the old master.
 *
 * The new master is our child. It inherits the listening sockets (handover.c) and one end of a stream; it says there
 * when it is ready, and sees there that we are gone. Until then we go on as before: our workers serve beside its
 * workers, we fold, and we serve the scrape, so there is one folder and one page at any time. Which of the two
 * ends is the operator's choice. If it is the new one, however it ends, we have lost nothing and go on.
 *
 * The program starts as we were started: path, arguments and environment, signal mask, ignored signals. All
 * descriptors of ours close at the exec, but those that are handed over.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "death.h"
#include "log.h"
#include "master_parts.h"

struct next {
	struct master *master;
	pid_t pid;
	int life;
	bool ready;
	uv_poll_t said;
};

static int fail(struct master *m, const char *what, int rc)
{
	muster__log(MUSTER__LOG_ERROR, "upgrade failed: %s: %s; this master goes on", what, strerror(-rc));
	muster__self_upgrade(m->self, "failed");
	return rc;
}

/* ---- what is handed over ------------------------------------------------------------------ */

static int add_shards(const struct master *m, struct muster__handover *h)
{
	const struct muster__shards *s = &m->shards;
	int rc = 0;

	for (unsigned slot = 1; slot < MUSTER_WORKERS_MAX; slot++)
		for (size_t i = s->passed; rc == 0 && s->fds[slot] && i < s->count; i++)
			rc = muster__handover_add(h, MUSTER__HANDED_SHARD, slot, s->fds[slot][i], m->opts->listen[i - s->passed]);
	return rc;
}

static int add_all(const struct master *m, struct muster__handover *h)
{
	size_t passed = m->shards.passed;
	int rc = 0, metrics = muster__http_fd(m->http);

	for (size_t i = 0; rc == 0 && i < m->listener_count; i++)
		rc = i < passed
		         ? muster__handover_add(h, MUSTER__HANDED_PASSED, (unsigned)i, m->listeners[i].fd, "")
		         : muster__handover_add(h, MUSTER__HANDED_LISTEN, 0, m->listeners[i].fd, m->opts->listen[i - passed]);
	if (rc == 0 && metrics >= 0)
		rc = muster__handover_add(h, MUSTER__HANDED_METRICS, 0, metrics, m->opts->metrics);
	return rc == 0 ? add_shards(m, h) : rc;
}

/* ---- in the new process, before its program ----------------------------------------------- */

struct starting {
	const struct master *master;
	const struct muster__handover *handover;
	int list;
	pid_t old;
	char variable[64];
};

static bool is_of_old(const struct starting *s, const char *variable)
{
	char watchdog[40];

	(void)snprintf(watchdog, sizeof watchdog, "WATCHDOG_PID=%d", (int)s->old);
	return strcmp(variable, watchdog) == 0;
}

static void environment_set(struct starting *s)
{
	char **environment = s->master->program.environment;
	size_t kept = 0;

	for (size_t i = 0; i < s->master->program.environment_count; i++)
		if (!is_of_old(s, environment[i]))
			environment[kept++] = environment[i];
	(void)snprintf(s->variable, sizeof s->variable, MUSTER__HANDOVER_VARIABLE "=%d:%d", (int)getpid(), s->list);
	environment[kept++] = s->variable;
	environment[kept] = NULL;
	environ = environment;
}

static void in_child(void *ctx)
{
	struct starting *s = ctx;

	for (size_t i = 0; i < s->handover->count; i++)
		(void)fcntl(s->handover->sockets[i].fd, F_SETFD, 0);
	(void)fcntl(s->handover->life, F_SETFD, 0);
	(void)fcntl(s->list, F_SETFD, 0);
	environment_set(s);
}

/* ---- starting it -------------------------------------------------------------------------- */

static int start_program(struct master *m, const struct muster__handover *h, int list, pid_t *out)
{
	struct starting s = {.master = m, .handover = h, .list = list, .old = getpid()};
	struct muster__child_plan plan = {.argv = m->program.argv,
	                                  .path = m->program.path,
	                                  .signals = &m->signals,
	                                  .in_child = in_child,
	                                  .in_child_ctx = &s};
	int rc = muster__descriptors_read(&plan.inherited); /* nothing to close before the exec does */

	if (rc == 0)
		rc = muster__child_fork(&plan, 0, out);
	muster__descriptors_free(&plan.inherited);
	return rc;
}

static int start_with(struct master *m, struct muster__handover *h, pid_t *out)
{
	int rc = add_all(m, h), list = rc == 0 ? muster__handover_write(h) : rc;

	if (list < 0)
		return fail(m, "cannot list the sockets", list);
	rc = start_program(m, h, list, out);
	close(list);
	return rc == 0 ? 0 : fail(m, m->program.path, rc);
}

static void said(uv_poll_t *poll, int status, int events)
{
	struct next *next = poll->data;
	struct master *m = next->master;
	char byte;
	ssize_t count = read(next->life, &byte, 1);

	(void)status, (void)events;
	if (count < 0 && errno == EAGAIN)
		return;
	(void)uv_poll_stop(poll); /* at its end, the process is reaped */
	if (count != 1)
		return;
	next->ready = true;
	muster__self_upgrade(m->self, "ready");
	muster__log(
		MUSTER__LOG_INFO,
		"the new master (pid %d) is ready: end this one (pid %d) with TERM, or its workers first with WINCH; to "
		"go back, end the new one, and HUP this one",
		(int)next->pid, (int)getpid());
}

static struct next *next_create(struct master *m, int life)
{
	struct next *next = calloc(1, sizeof *next);

	if (next == NULL)
		return NULL;
	*next = (struct next){.master = m, .life = life};
	if (uv_poll_init(&m->loop, &next->said, life) != 0) {
		free(next);
		return NULL;
	}
	next->said.data = next;
	(void)uv_poll_start(&next->said, UV_READABLE, said); /* fails for closing handles only */
	return next;
}

static void closed(uv_handle_t *handle)
{
	struct next *next = handle->data;

	close(next->life);
	free(next);
}

static void next_drop(struct master *m)
{
	uv_close((uv_handle_t *)&m->next->said, closed);
	m->next = NULL;
}

static int start(struct master *m)
{
	struct muster__handover h = {.from = getpid()};
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0)
		return fail(m, "cannot make a socket", -errno);
	m->next = next_create(m, ends[0]);
	if (m->next == NULL) {
		close(ends[0]);
		close(ends[1]);
		return fail(m, "cannot watch a socket", -ENOMEM);
	}
	h.life = ends[1];
	int rc = start_with(m, &h, &m->next->pid);
	muster__handover_free(&h);
	close(ends[1]);
	if (rc != 0)
		next_drop(m);
	return rc;
}

/* ---- whether ------------------------------------------------------------------------------ */

/* Why there is no upgrade now, or "". */
static void refusal(const struct master *m, char *text, size_t room)
{
	*text = '\0';
	if (m->opts->no_upgrade)
		(void)snprintf(text, room, "this program has switched it off (no_upgrade); start it anew");
	else if (m->supervisor == NULL)
		(void)snprintf(text, room, "there are no workers of its own to serve meanwhile; start it anew");
	else if (m->stopping)
		(void)snprintf(text, room, "this master is stopping");
	else if (m->next)
		(void)snprintf(text, room, "a new master (pid %d) is there; end it, or this one, first", (int)m->next->pid);
	else if (m->handover.from)
		(void)snprintf(text, room, "the master before this one (pid %d) is there; end it first", (int)m->handover.from);
	else if (m->program.path == NULL)
		(void)snprintf(text, room, "/proc/self does not tell how this program was started; mount /proc");
}

void muster__master_upgrade(struct master *m)
{
	char why[160];

	refusal(m, why, sizeof why);
	if (*why) {
		muster__log(MUSTER__LOG_WARNING, "signal %d (SIGUSR2): no upgrade: %s", SIGUSR2, why);
		muster__self_upgrade(m->self, "refused");
		return;
	}
	int rc = muster__pidfile_step_aside(&m->pidfile);
	if (rc != 0) {
		(void)fail(m, "the pidfile cannot be renamed", rc);
		return;
	}
	if (start(m) != 0)
		muster__pidfile_step_back(&m->pidfile);
	else
		muster__log(MUSTER__LOG_INFO, "signal %d (SIGUSR2): started a new master (pid %d) of %s", SIGUSR2,
		            (int)m->next->pid, m->program.path);
}

bool muster__master_next_reaped(void *ctx, pid_t pid, int wait_status)
{
	struct master *m = ctx;
	char how[MUSTER__DEATH_BYTES];

	if (m->next == NULL || m->next->pid != pid)
		return false;
	muster__death_describe(wait_status, false, how);
	muster__log(MUSTER__LOG_ERROR, "%s: the new master (pid %d) %s; this master goes on",
	            m->next->ready ? "upgrade taken back" : "upgrade failed", (int)pid, how);
	muster__self_upgrade(m->self, m->next->ready ? "rolled_back" : "failed");
	muster__pidfile_step_back(&m->pidfile);
	next_drop(m);
	return true;
}

pid_t muster__master_next_pid(const struct master *m)
{
	return m->next ? m->next->pid : 0;
}

void muster__master_next_leave(struct master *m)
{
	if (m->next)
		uv_close((uv_handle_t *)&m->next->said, NULL);
}

/* Last of all: at the end of the stream the other takes the lock and serves. */
void muster__master_next_close(struct master *m)
{
	if (m->next == NULL)
		return;
	close(m->next->life);
	free(m->next);
	m->next = NULL;
}
