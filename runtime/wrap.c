/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wrap.c - one server and its tree, from the first exec to the last process. Runs in the master, on its loop.
 *
 * The master is the subreaper (or process 1), so each process of the tree whose parent ended becomes our child:
 * daemons, orphans, the workers of a killed master. Hence "no child is left" is "the tree is gone", and
 * waitpid() says so. Which of them is the server:
 *
 *   main process                            what is left of its tree
 *   ended with 0, nobody told it to         supervised on: it daemonized, or was replaced by its successor
 *   ended with 0 after USR2 and then QUIT   likewise: that is how a binary upgrade ends
 *   ended after TERM, INT or QUIT           ended: TERM, after the grace period KILL
 *   failed, or was killed                   ended likewise: a server without its master must not linger
 *
 * The next main process is the one the server named (MAINPID), else our oldest child. The exit status is the
 * last main process's. Nothing is ever restarted here: the server does that, or whoever runs us.
 */
#include "wrap.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "death.h"
#include "log.h"
#include "tree.h"
#include "witness.h"

#define KILL_GAP_MS 100 /* between two rounds of KILL: the killed may have forked meanwhile */
#define KILL_ROUNDS 100
#define HURRY_MS 1000

struct muster__wrap {
	uv_loop_t *loop;
	struct muster__wrap_opts opts;
	struct muster__self *self;
	uv_signal_t child;
	uv_timer_t kill;
	struct muster__witness *witness;
	pid_t main, told; /* told: by MAINPID; 0: not told */
	int exit_status;
	bool stop_sent, upgrade_sent; /* to this main process */
	bool goes_on;                 /* the main process is gone, the rest is the server */
	bool ending;                  /* the main process is gone, the rest is told to end */
	unsigned kill_rounds;
};

/* ---- which process is the server ---------------------------------------------------------- */

/* Our oldest child, or the one that was named. 0 if nobody lives. */
static pid_t next_main(const struct muster__wrap *w, const struct muster__tree *tree)
{
	if (w->told && muster__tree_has(tree, w->told))
		return w->told;
	for (size_t i = 0; i < tree->count; i++)
		if (tree->processes[i].parent == getpid())
			return tree->processes[i].pid;
	return 0;
}

static void main_becomes(struct muster__wrap *w, pid_t pid)
{
	w->main = pid;
	w->stop_sent = w->upgrade_sent = false;
	muster__self_slots(w->self, (struct muster__self_slots){.running = pid != 0});
}

void muster__wrap_main_told(struct muster__wrap *w, pid_t pid)
{
	struct muster__tree tree = {0};

	if (muster__tree_read(&tree) == 0 && muster__tree_has(&tree, pid))
		w->told = pid;
	muster__tree_free(&tree);
	if (w->told != pid)
		muster__log(MUSTER__LOG_WARNING, "the server says its main process is %d, which is not one of its own: ignored",
		            (int)pid);
}

/* ---- ending the tree ---------------------------------------------------------------------- */

static void ended(struct muster__wrap *w)
{
	uv_timer_stop(&w->kill);
	uv_signal_stop(&w->child);
	muster__witness_finish(w->witness);
	w->opts.ended(w->opts.ctx, w->exit_status);
}

static void kill_fired(uv_timer_t *timer);
static void look_fired(uv_timer_t *timer);

static void kill_in(struct muster__wrap *w, uint64_t ms)
{
	uv_timer_start(&w->kill, kill_fired, ms, 0);
}

static void kill_fired(uv_timer_t *timer)
{
	struct muster__wrap *w = timer->data;
	struct muster__tree tree = {0};
	int rc = muster__tree_read(&tree);

	if (w->kill_rounds == 0) {
		muster__log(MUSTER__LOG_WARNING, "%zu processes did not end in time: killing them", tree.count);
		muster__self_killed(w->self, tree.count);
	}
	(void)muster__tree_signal(&tree, SIGKILL);
	if (rc != 0 && w->main)
		(void)kill(w->main, SIGKILL);
	if (++w->kill_rounds < KILL_ROUNDS) {
		kill_in(w, KILL_GAP_MS);
	} else {
		muster__log(MUSTER__LOG_ERROR, "%zu processes cannot be killed, the first is %d: left behind", tree.count,
		            tree.count ? (int)tree.processes[0].pid : 0);
		ended(w);
	}
	muster__tree_free(&tree);
}

/* From now on the clock runs. It runs already if the server was killed for not heeding a TERM. */
static void end_rest(struct muster__wrap *w, const struct muster__tree *tree)
{
	w->ending = true;
	if (w->kill_rounds)
		return;
	muster__log(MUSTER__LOG_INFO, "%zu processes of the server are left and told to end", tree->count);
	(void)muster__tree_signal(tree, SIGTERM);
	(void)muster__tree_signal(tree, SIGCONT);
	kill_in(w, (uint64_t)(w->opts.grace_seconds * 1000));
}

/* ---- reaping ------------------------------------------------------------------------------ */

static void main_died(struct muster__wrap *w, int status, bool oom)
{
	char how[MUSTER__DEATH_BYTES];

	muster__death_describe(status, oom, how);
	muster__log(MUSTER__LOG_INFO, "the server (pid %d) %s", (int)w->main, how);
	w->exit_status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	w->goes_on = w->exit_status == 0 && !w->stop_sent;
	main_becomes(w, 0);
}

static void go_on(struct muster__wrap *w, const struct muster__tree *tree)
{
	pid_t pid = next_main(w, tree);

	if (pid == 0) { /* they are there, waitpid() says so, but forked too fast for the list: look again */
		uv_timer_start(&w->kill, look_fired, KILL_GAP_MS, 0);
		return;
	}
	uv_timer_stop(&w->kill);
	main_becomes(w, pid);
	muster__log(MUSTER__LOG_INFO, "%zu of its processes live on: supervising them, pid %d as the server", tree->count,
	            (int)pid);
}

/* The main process is gone, others are not. */
static void main_missing(struct muster__wrap *w)
{
	struct muster__tree tree = {0};

	(void)muster__tree_read(&tree);
	if (w->goes_on)
		go_on(w, &tree);
	else
		end_rest(w, &tree);
	muster__tree_free(&tree);
}

static void look_fired(uv_timer_t *timer)
{
	main_missing(timer->data);
}

/* The shell that started us waits for its terminal. */
static void terminal_back(void)
{
	pid_t group = tcgetpgrp(STDIN_FILENO);

	if (group > 0 && group != getpgrp() && kill(-group, 0) != 0)
		(void)tcsetpgrp(STDIN_FILENO, getpgrp());
}

/* One of the server's own workers, for which the server has waited. */
static void other_ended(void *ctx, int status)
{
	struct muster__wrap *w = ctx;

	if (status == MUSTER__WITNESS_UNKNOWN)
		muster__self_worker_vanished(w->self);
	else
		(void)muster__self_worker_exited(w->self, status, w->kill_rounds > 0);
}

static void child_changed(uv_signal_t *signal, int signo)
{
	struct muster__wrap *w = signal->data;
	struct rusage usage;
	bool reaped = false;
	int status;
	pid_t pid;

	(void)signo;
	while ((pid = wait4(-1, &status, WNOHANG, &usage)) > 0) {
		reaped = true;
		muster__self_reaped(w->self, pid, &usage);
		muster__witness_reaped(w->witness, pid);
		bool oom = muster__self_worker_exited(w->self, status, w->kill_rounds > 0);
		if (pid == w->main)
			main_died(w, status, oom);
		else
			muster__self_orphan_reaped(w->self);
	}
	if (reaped)
		w->opts.died(w->opts.ctx);
	if (pid == 0 && w->main == 0 && !w->ending)
		main_missing(w);
	if (pid < 0 && errno == ECHILD) {
		terminal_back();
		ended(w);
	}
}

/* ---- signals ------------------------------------------------------------------------------ */

/* A value that came with sigqueue() goes with it. */
static int send_on(pid_t pid, const struct signalfd_siginfo *info)
{
	union sigval value = {.sival_ptr = (void *)(uintptr_t)info->ssi_ptr};

	return info->ssi_code == SI_QUEUE ? sigqueue(pid, (int)info->ssi_signo, value) : kill(pid, (int)info->ssi_signo);
}

static bool is_stop(uint32_t signo)
{
	return signo == SIGTERM || signo == SIGINT || signo == SIGQUIT;
}

static void remember(struct muster__wrap *w, uint32_t signo)
{
	if (signo == SIGUSR2)
		w->upgrade_sent = true;
	else if (is_stop(signo) && !(signo == SIGQUIT && w->upgrade_sent))
		w->stop_sent = true;
	if (signo == SIGTERM && w->opts.term_seconds > 0 && !uv_is_active((uv_handle_t *)&w->kill))
		kill_in(w, (uint64_t)(w->opts.term_seconds * 1000));
}

void muster__wrap_signal(struct muster__wrap *w, const struct signalfd_siginfo *info)
{
	const char *name = muster__signal_name((int)info->ssi_signo);

	if (w->main == 0) {
		if (w->ending && is_stop(info->ssi_signo)) {
			muster__log(MUSTER__LOG_INFO, "%s again: hurrying", name);
			if (uv_timer_get_due_in(&w->kill) > HURRY_MS)
				kill_in(w, HURRY_MS);
		}
		return;
	}
	remember(w, info->ssi_signo);
	if (send_on(w->main, info) != 0)
		muster__log(MUSTER__LOG_WARNING, "%s cannot be passed on to the server (pid %d): %s", name, (int)w->main,
		            strerror(errno));
	else
		muster__self_signal_passed(w->self, name);
}

/* ---- life --------------------------------------------------------------------------------- */

static int spawn(struct muster__wrap *w)
{
	pid_t pid = 0;
	int rc = muster__child_fork(&w->opts.plan, 0, &pid);

	if (rc == 0)
		main_becomes(w, pid);
	return rc;
}

int muster__wrap_start(uv_loop_t *loop, const struct muster__wrap_opts *opts, struct muster__self *self,
                       struct muster__wrap **out)
{
	struct muster__wrap *w = calloc(1, sizeof *w);

	if (w == NULL)
		return -ENOMEM;
	*w = (struct muster__wrap){.loop = loop, .opts = *opts, .self = self};
	uv_signal_init(loop, &w->child);
	uv_timer_init(loop, &w->kill);
	w->child.data = w->kill.data = w;
	*out = w; /* its handles are in the loop now */
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0)
		return -errno;
	int rc = muster__witness_create(loop, other_ended, w, &w->witness);
	if (rc == 0)
		rc = uv_signal_start(&w->child, child_changed, SIGCHLD);
	if (rc == 0)
		rc = spawn(w);
	if (rc == 0)
		muster__log(MUSTER__LOG_INFO, "server started: %s (pid %d)", w->opts.plan.argv[0], (int)w->main);
	return rc;
}

void muster__wrap_close(struct muster__wrap *w)
{
	if (w == NULL)
		return;
	uv_close((uv_handle_t *)&w->child, NULL);
	uv_close((uv_handle_t *)&w->kill, NULL);
	muster__witness_close(w->witness);
}

void muster__wrap_destroy(struct muster__wrap **wrap)
{
	if (*wrap) {
		muster__witness_destroy(&(*wrap)->witness);
		muster__descriptors_free(&(*wrap)->opts.plan.inherited);
	}
	free(*wrap);
	*wrap = NULL;
}
