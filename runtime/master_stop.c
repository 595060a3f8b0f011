/* SPDX-License-Identifier: Apache-2.0 */
/*
 * master_stop.c - what the master is told by signals, and how it comes to an end. Runs on its loop.
 *
 * A wrapped server gets the signals itself; for workers of our own they are orders, by the table below.
 */
#include <string.h>
#include <sysexits.h>

#include "log.h"
#include "master_parts.h"

#define SCRAPED_MS 1000 /* for the answer of the last scrape to get out */

static void stopped(void *ctx)
{
	struct master *m = ctx;

	muster__log(MUSTER__LOG_INFO, "stopped");
	uv_stop(&m->loop);
}

static void finish(struct master *m)
{
	pid_t next = muster__master_next_pid(m);

	if (m->leaving)
		return;
	m->leaving = true;
	if (next)
		muster__notify_tell(m->notify, "MAINPID=%d", (int)next);
	if (next && m->http)
		muster__http_leave(m->http, stopped, m);
	else
		stopped(m);
}

static void drain_fired(uv_timer_t *timer)
{
	finish(timer->data);
}

static void drain_scraped(void *ctx)
{
	struct master *m = ctx;

	muster__self_on_scrape(m->self, NULL, NULL);
	muster__log(MUSTER__LOG_INFO, "the final numbers were scraped");
	if (uv_timer_get_due_in(&m->drain) > SCRAPED_MS)
		uv_timer_start(&m->drain, drain_fired, SCRAPED_MS, 0);
}

void muster__master_workers_gone(void *ctx)
{
	struct master *m = ctx;

	muster__collector_fold(m->collector);
	if (m->opts->drain_seconds <= 0 || m->http == NULL || m->next) {
		finish(m);
		return;
	}
	m->draining = true;
	muster__log(MUSTER__LOG_INFO, "serving the final numbers for one scrape, at most %g s", m->opts->drain_seconds);
	muster__self_on_scrape(m->self, drain_scraped, m);
	uv_timer_start(&m->drain, drain_fired, (uint64_t)(m->opts->drain_seconds * 1000), 0);
}

/* Nothing new is taken on. */
static void stopping_begins(struct master *m)
{
	bool goes_on = m->next || m->handover.from;

	m->stopping = true;
	m->pages.ready = false;
	for (size_t i = 0; m->next && i < m->listener_count; i++)
		muster__listener_leave(&m->listeners[i]);
	muster__master_listeners_close(m);
	if (!goes_on)
		muster__notify_tell(m->notify, "STOPPING=1");
}

void muster__master_server_gone(void *ctx, int exit_status)
{
	struct master *m = ctx;

	m->exit_status = exit_status;
	stopping_begins(m);
	muster__master_workers_gone(m);
}

/* ---- signals ------------------------------------------------------------------------------ */

static void told_stop(struct master *m, int signo)
{
	muster__log(MUSTER__LOG_INFO, m->stopping ? "signal %d (SIG%s) again: hurrying" : "signal %d (SIG%s): stopping",
	            signo, sigabbrev_np(signo));
	if (m->draining) {
		finish(m);
		return;
	}
	stopping_begins(m);
	if (m->supervisor)
		muster__supervisor_stop(m->supervisor);
	else
		muster__master_workers_gone(m);
}

void muster__master_budget_spent(void *ctx)
{
	struct master *m = ctx;

	muster__log(MUSTER__LOG_ERROR, "more than %u workers died within %g s: stopping, with status %d",
	            m->opts->restart_budget, m->opts->restart_budget_seconds, EX_SOFTWARE);
	m->exit_status = EX_SOFTWARE;
	stopping_begins(m);
	muster__supervisor_stop(m->supervisor);
}

static void told_reload(struct master *m, int signo)
{
	if (m->supervisor == NULL) {
		told_stop(m, signo);
		return;
	}
	muster__log(MUSTER__LOG_INFO, "signal %d (SIGHUP): replacing the workers one after the other", signo);
	muster__notify_reloading(m->notify);
	muster__supervisor_reload(m->supervisor);
}

static void told_pass_on(struct master *m, int signo)
{
	if (m->supervisor)
		muster__supervisor_signal(m->supervisor, signo);
}

static void told_upgrade(struct master *m, int signo)
{
	(void)signo;
	muster__master_upgrade(m);
}

static void told_pause(struct master *m, int signo)
{
	(void)signo;
	if (m->supervisor)
		muster__supervisor_pause(m->supervisor);
}

static void told_more(struct master *m, int signo)
{
	(void)signo;
	if (m->supervisor)
		muster__supervisor_more(m->supervisor);
}

static void told_less(struct master *m, int signo)
{
	(void)signo;
	if (m->supervisor)
		muster__supervisor_less(m->supervisor);
}

static const struct order {
	int signo;
	bool from_terminal; /* heeded when a terminal sent it: a resize, say, is no order */
	void (*told)(struct master *m, int signo);
} orders[] = {
	{SIGTERM, true, told_stop},  {SIGINT, true, told_stop},      {SIGQUIT, true, told_stop},
	{SIGHUP, true, told_reload}, {SIGUSR1, false, told_pass_on}, {SIGWINCH, false, told_pause},
	{SIGTTIN, false, told_more}, {SIGTTOU, false, told_less},    {SIGUSR2, false, told_upgrade},
};

static void signal_came(void *ctx, const struct signalfd_siginfo *info)
{
	struct master *m = ctx;

	if (m->server && !m->draining) {
		muster__wrap_signal(m->wrap, info);
		return;
	}
	for (size_t i = 0; i < sizeof orders / sizeof *orders; i++)
		if (orders[i].signo == (int)info->ssi_signo && (orders[i].from_terminal || !muster__signal_is_kernels(info)) &&
		    (!m->draining || orders[i].told == told_stop))
			orders[i].told(m, orders[i].signo);
}

int muster__master_signals_start(struct master *m)
{
	sigset_t set;

	if (m->server)
		muster__signals_for_server(&set);
	else
		muster__signals_for_workers(&set);
	int rc = muster__signals_start(&m->loop, &set, signal_came, m, &m->signals);
	return rc == 0 ? 0 : muster__refuse(EX_OSERR, "cannot handle signals: %s", strerror(-rc));
}
