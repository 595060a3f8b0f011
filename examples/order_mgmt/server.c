/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server.c - a worker: its loop, its listeners, its end.
 *
 *   Listeners are shared with the other workers. A signal handler may not touch the loop, so it sends one
 *   byte through a socket pair that the loop listens to. From then on nothing new is accepted; the worker
 *   leaves when its last connection does.
 */
#include "server.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#include "conn.h"

#define CONNS_MAX 1000
#define ACCEPT_PAUSE_SECONDS 0.1 /* when descriptors or memory have run out */

struct server;

struct listener {
	struct loop_io io;
	struct loop_timer pause;
	struct server *server;
	bool accepting;
};

struct server {
	struct conn_pool pool; /* first: on_closed() finds the server by it */
	struct loop *loop;
	struct listener *listeners;
	size_t listener_count;
	struct loop_io wake;
	char wake_byte;
};

static int wake_fds[2] = {-1, -1}; /* the handler's end, the loop's end */

/* ---- listeners ---------------------------------------------------------------------------- */

static void listener_accept(struct listener *listener)
{
	struct server *server = listener->server;

	if (listener->accepting || listener->pause.place || server->pool.draining || server->pool.count >= CONNS_MAX)
		return;
	listener->accepting = true;
	loop_accept(server->loop, &listener->io);
}

static void accept_all(struct server *server)
{
	for (size_t i = 0; i < server->listener_count; i++)
		listener_accept(&server->listeners[i]);
}

static void on_pause_over(struct loop_timer *timer)
{
	listener_accept((struct listener *)((char *)timer - offsetof(struct listener, pause)));
}

/* This worker is done with the listener. Once all are, and the master, new clients are refused at once
 * instead of waiting for nobody. */
static void listener_close(struct listener *listener)
{
	if (listener->io.fd >= 0)
		close(listener->io.fd);
	listener->io.fd = -1;
}

/* A connection, one that broke before we took it, or nothing left to take it with. */
static void on_accepted(struct loop_io *io, int result)
{
	struct listener *listener = (struct listener *)((char *)io - offsetof(struct listener, io));
	bool exhausted = result == -EMFILE || result == -ENFILE || result == -ENOBUFS || result == -ENOMEM;

	listener->accepting = false;
	if (result >= 0)
		conn_start(&listener->server->pool, result);
	else if (exhausted)
		loop_timer_set(listener->server->loop, &listener->pause, ACCEPT_PAUSE_SECONDS);
	if (listener->server->pool.draining)
		listener_close(listener);
	else
		listener_accept(listener);
}

/* Serve the clients that have connected by now, then accept no more. */
static void listener_drain(struct listener *listener)
{
	struct server *server = listener->server;

	for (int fd; server->pool.count < CONNS_MAX && (fd = accept4(listener->io.fd, NULL, NULL, SOCK_CLOEXEC)) >= 0;)
		conn_start(&server->pool, fd);
	loop_timer_clear(server->loop, &listener->pause);
	if (listener->accepting)
		loop_cancel_accept(server->loop, &listener->io);
	else
		listener_close(listener);
}

static void on_conn_closed(struct conn_pool *pool)
{
	accept_all((struct server *)pool);
}

static int listeners_create(struct server *server, const struct muster_worker *worker)
{
	server->listeners = calloc(worker->listen_count + 1, sizeof *server->listeners);
	if (!server->listeners)
		return -ENOMEM;
	server->listener_count = worker->listen_count;
	for (size_t i = 0; i < worker->listen_count; i++) {
		struct listener *listener = &server->listeners[i];
		listener->io.fd = worker->listen_fds[i];
		listener->io.done = on_accepted;
		listener->pause.fire = on_pause_over;
		listener->server = server;
	}
	return 0;
}

/* ---- the end ------------------------------------------------------------------------------ */

static void on_signal(int number)
{
	int saved = errno;

	(void)number;
	send(wake_fds[0], "", 1, MSG_DONTWAIT | MSG_NOSIGNAL); /* full means: told already */
	errno = saved;
}

static void on_wake(struct loop_io *io, int result)
{
	struct server *server = (struct server *)((char *)io - offsetof(struct server, wake));

	(void)result;
	conn_pool_drain(&server->pool);
	for (size_t i = 0; i < server->listener_count; i++)
		listener_drain(&server->listeners[i]);
}

static int wake_create(struct server *server)
{
	struct sigaction action = {.sa_handler = on_signal};

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, wake_fds) < 0)
		return -errno;
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	server->wake = (struct loop_io){.fd = wake_fds[1], .done = on_wake};
	return 0;
}

static bool server_busy(const struct server *server)
{
	if (!server->pool.draining || server->pool.count)
		return true;
	for (size_t i = 0; i < server->listener_count; i++)
		if (server->listeners[i].accepting)
			return true;
	return false;
}

/* ---- the worker --------------------------------------------------------------------------- */

static int fail(const char *what, const char *why, int status)
{
	fprintf(stderr, "order_mgmt: %s: %s\n", what, why);
	return status;
}

static int server_loop(struct server *server, const struct muster_worker *worker)
{
	int err = listeners_create(server, worker);

	if (err == 0)
		err = wake_create(server);
	if (err < 0)
		return fail("cannot start a worker", strerror(-err), EX_OSERR);
	server->pool.loop = server->loop;
	server->pool.on_closed = on_conn_closed;
	loop_recv(server->loop, &server->wake, &server->wake_byte, 1);
	accept_all(server);
	while (err == 0 && server_busy(server))
		err = loop_turn(server->loop);
	return err < 0 ? fail("the event loop broke", strerror(-err), EX_OSERR) : 0;
}

/* One line per worker says what it waits with, and why not with io_uring. */
static void announce(const struct muster_worker *worker, const struct loop *loop, int refusal)
{
	if (refusal < 0)
		fprintf(stderr, "order_mgmt: worker %u serves with %s, io_uring is refused: %s\n", worker->slot,
		        loop_name(loop), strerror(-refusal));
	else
		fprintf(stderr, "order_mgmt: worker %u serves with %s\n", worker->slot, loop_name(loop));
}

int server_run(const struct muster_worker *worker, enum loop_kind kind)
{
	struct server server = {0};
	int refusal;

	if (metrics_declare() < 0)
		return fail("cannot declare metrics", muster_error_message(), EX_SOFTWARE);
	int err = loop_create(kind, &server.loop, &refusal);
	if (err < 0)
		return fail("no event loop", strerror(-err), EX_OSERR);
	announce(worker, server.loop, refusal);
	int status = server_loop(&server, worker);
	loop_destroy(&server.loop);
	free(server.listeners);
	close(wake_fds[0]);
	close(wake_fds[1]);
	return status;
}
