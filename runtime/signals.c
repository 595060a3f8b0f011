/* SPDX-License-Identifier: Apache-2.0 */
/*
 * signals.c - a signalfd on the master's loop. Runs in the master; its children get back the mask.
 */
#include "signals.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void muster__signals_for_workers(sigset_t *out)
{
	static const int told[] = {SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2, SIGWINCH, SIGTTIN, SIGTTOU};

	sigemptyset(out);
	for (size_t i = 0; i < sizeof told / sizeof *told; i++)
		sigaddset(out, told[i]);
}

void muster__signals_for_server(sigset_t *out)
{
	static const int own[] = {SIGKILL, SIGSTOP, SIGCHLD, SIGPIPE, SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS};

	sigfillset(out);
	for (size_t i = 0; i < sizeof own / sizeof *own; i++)
		sigdelset(out, own[i]);
}

static void readable(uv_poll_t *poll, int status, int events)
{
	struct muster__signals *s = poll->data;
	struct signalfd_siginfo info;

	(void)status, (void)events;
	while (s->watched && read(s->fd, &info, sizeof info) == sizeof info)
		s->fn(s->ctx, &info);
}

/* nohup and the like ignore SIGHUP for us and for all below. */
static bool is_ignored(int signo)
{
	struct sigaction sa;

	return sigaction(signo, NULL, &sa) == 0 && sa.sa_handler == SIG_IGN;
}

static void block(struct muster__signals *s, const sigset_t *set)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	sigset_t needed;

	sigemptyset(&needed);
	sigaddset(&needed, SIGCHLD);
	sigaddset(&needed, SIGBUS);
	sigaction(SIGPIPE, &ignore, &s->pipe_before);
	sigprocmask(SIG_BLOCK, set, &s->mask_before);
	sigprocmask(SIG_UNBLOCK, &needed, NULL); /* whoever started us may have blocked them */
}

int muster__signals_start(uv_loop_t *loop, const sigset_t *set, muster__signal_fn *fn, void *ctx,
                          struct muster__signals *out)
{
	sigset_t taken = *set;

	if (is_ignored(SIGHUP))
		sigdelset(&taken, SIGHUP);
	*out = (struct muster__signals){.fn = fn, .ctx = ctx};
	out->fd = signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK);
	if (out->fd < 0)
		return -errno;
	block(out, &taken);
	out->on = true;
	int rc = uv_poll_init(loop, &out->poll, out->fd);
	if (rc != 0)
		return rc;
	out->watched = true;
	out->poll.data = out;
	return uv_poll_start(&out->poll, UV_READABLE, readable);
}

void muster__signals_close(struct muster__signals *s)
{
	if (s->watched)
		uv_close((uv_handle_t *)&s->poll, NULL);
	s->watched = false;
}

void muster__signals_restore(struct muster__signals *s)
{
	struct signalfd_siginfo info;

	if (!s->on)
		return;
	while (read(s->fd, &info, sizeof info) == sizeof info)
		;
	close(s->fd);
	sigaction(SIGPIPE, &s->pipe_before, NULL);
	sigprocmask(SIG_SETMASK, &s->mask_before, NULL);
	s->on = false;
}

bool muster__signal_is_kernels(const struct signalfd_siginfo *info)
{
	return info->ssi_code == SI_KERNEL;
}

const char *muster__signal_name(int signo)
{
	static char text[24];
	const char *name = signo < SIGRTMIN ? sigabbrev_np(signo) : NULL;

	if (name)
		(void)snprintf(text, sizeof text, "SIG%s", name);
	else if (signo >= SIGRTMIN && signo <= SIGRTMAX)
		(void)snprintf(text, sizeof text, "SIGRTMIN+%d", signo - SIGRTMIN);
	else
		(void)snprintf(text, sizeof text, "signal_%d", signo);
	return text;
}
