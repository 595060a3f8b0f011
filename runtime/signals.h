/* SPDX-License-Identifier: Apache-2.0 */
/*
 * signals.h - the signals the master is sent, with who sent them.
 *
 *   They are blocked and read from a signalfd, not caught: so a signal of the terminal (a resize, a read in the
 *   background) can be told from one that somebody sent, the value of a queued one is not lost, and process 1
 *   of a container is sent those that have no handler, too.
 */
#ifndef MUSTER__SIGNALS_H
#define MUSTER__SIGNALS_H

#include <signal.h>
#include <stdbool.h>
#include <sys/signalfd.h>
#include <uv.h>

typedef void muster__signal_fn(void *ctx, const struct signalfd_siginfo *info);

struct muster__signals {
	uv_poll_t poll;
	int fd;
	sigset_t mask_before;
	struct sigaction pipe_before;
	bool on, watched;
	muster__signal_fn *fn;
	void *ctx;
};

/* Of what muster is told to do by signal; everything else keeps its disposition. */
void muster__signals_for_workers(sigset_t *out);
/* All that can be passed on unchanged: not KILL and STOP, not CHLD and PIPE, and not those by which the
 * kernel reports this process's own faults. */
void muster__signals_for_server(sigset_t *out);

/* Block `set` and call `fn` from the loop for each of it. SIGPIPE is ignored, SIGCHLD let in.
 * A SIGHUP that was ignored at the start (nohup) stays so.
 * Returns 0 or -errno. */
int muster__signals_start(uv_loop_t *loop, const sigset_t *set, muster__signal_fn *fn, void *ctx,
                          struct muster__signals *out);

/* Stop watching; the loop must run until the handle is closed before `restore`. */
void muster__signals_close(struct muster__signals *signals);
/* Mask and dispositions as they were. What came meanwhile is dropped: it was meant for the master. */
void muster__signals_restore(struct muster__signals *signals);

/* From a terminal or the kernel, not from a process. */
bool muster__signal_is_kernels(const struct signalfd_siginfo *info);

/* "SIGTERM", "SIGRTMIN+3", or the number. Static until the next call. */
const char *muster__signal_name(int signo);

#endif
