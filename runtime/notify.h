/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notify.h - the service manager's notification protocol, both ways: what the master tells systemd, and a
 * socket where the wrapped server tells the master, which passes it on.
 *
 * Source: sd_notify(3), sd_watchdog_enabled(3).
 */
#ifndef MUSTER__NOTIFY_H
#define MUSTER__NOTIFY_H

#include <stdbool.h>
#include <sys/types.h>
#include <uv.h>

struct muster__notify;

struct muster__notify_opts {
	bool from_server;                       /* make a socket for a server and name it in NOTIFY_SOCKET */
	bool always;                            /* also if nobody has a NOTIFY_SOCKET for us */
	bool held;                              /* silent until muster__notify_release(): another is the main process */
	void (*ready)(void *ctx);               /* the server said READY=1 */
	void (*main_pid)(void *ctx, pid_t pid); /* the server said MAINPID= */
	void *ctx;
};

/* Take NOTIFY_SOCKET and the watchdog's variables out of the environment, and ping the watchdog if there is
 * one. Without NOTIFY_SOCKET, and not asked for `always`, *out stays NULL.
 * Returns 0; -EINVAL if the variable is no socket's name; -errno; -ENOMEM. */
int muster__notify_create(uv_loop_t *loop, const struct muster__notify_opts *opts, struct muster__notify **out);

/* Tell systemd lines of "NAME=VALUE". Never waits; what cannot be sent is lost. Accepts NULL. */
void muster__notify_tell(struct muster__notify *notify, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* "RELOADING=1" with the clock systemd wants beside it. Accepts NULL. */
void muster__notify_reloading(struct muster__notify *notify);

/* Speak, and ping the watchdog, from now on. Accepts NULL. */
void muster__notify_release(struct muster__notify *notify);

/* In a forked child of pid getpid(): the watchdog's variables as they were, for this process. */
void muster__notify_child(const struct muster__notify *notify);

/* Free; the loop must run until its handles are closed before `destroy`. Both accept NULL. */
void muster__notify_close(struct muster__notify *notify);
void muster__notify_destroy(struct muster__notify **notify);

#endif
