/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conn.c - the life of a connection.
 *
 *   READ -> WORK -> SEND -> READ ... -> LINGER -> gone. A request is counted when its answer is ready, just
 *   before it is sent: what a client has seen answered is always on the scrape.
 *   A deadline shuts the socket down; the operation outstanding then ends by itself and the connection is
 *   closed where it ends. Nothing else frees a connection.
 *   LINGER: after the last answer the peer's remaining bytes are read and dropped, for a close with
 *   unread bytes would reset the connection and could take the answer with it (RFC 9112, 9.6).
 */
#include "conn.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define IDLE_SECONDS 15.0
#define REQUEST_SECONDS 10.0 /* from its first byte to its last */
#define SEND_SECONDS 10.0
#define LINGER_SECONDS 1.0
#define DRAIN_SECONDS 0.5 /* what an idle connection still gets once the worker is told to stop */

enum conn_state { CONN_READ, CONN_WORK, CONN_SEND, CONN_LINGER };

struct conn {
	struct loop_io io;
	struct loop_timer timer;
	struct conn_pool *pool;
	struct conn *next, **link;
	enum conn_state state;
	bool expired; /* the deadline has shut the socket down */
	bool keep_alive;
	struct call call;
	struct http_request request;
	size_t in_at, in_end, out_at, out_end;
	char in[CONN_IN_BYTES], out[HTTP_ANSWER_BYTES_MAX];
};

#define conn_of(member_ptr, member) ((struct conn *)((char *)(member_ptr)-offsetof(struct conn, member)))

static void conn_close(struct conn *conn)
{
	struct conn_pool *pool = conn->pool;

	loop_timer_clear(pool->loop, &conn->timer);
	close(conn->io.fd);
	*conn->link = conn->next;
	if (conn->next)
		conn->next->link = conn->link;
	free(conn);
	pool->count--;
	pool->on_closed(pool);
}

/* The heap has a place for a timer that was set before, so only the first set can fail; conn_start()
 * checks that one. */
static void deadline(struct conn *conn, double seconds)
{
	loop_timer_set(conn->pool->loop, &conn->timer, seconds);
}

static void read_more(struct conn *conn)
{
	conn->in_at = conn->in_end = 0;
	loop_recv(conn->pool->loop, &conn->io, conn->in, sizeof conn->in);
}

static void linger(struct conn *conn)
{
	conn->state = CONN_LINGER;
	shutdown(conn->io.fd, SHUT_WR);
	deadline(conn, LINGER_SECONDS);
	read_more(conn);
}

static void send_rest(struct conn *conn)
{
	loop_send(conn->pool->loop, &conn->io, conn->out + conn->out_at, conn->out_end - conn->out_at);
}

static void send_answer(struct conn *conn)
{
	conn->state = CONN_SEND;
	conn->keep_alive = conn->request.keep_alive && !conn->pool->draining;
	conn->out_at = 0;
	conn->out_end = http_answer_write(conn->out, &conn->call.answer, conn->keep_alive, conn->call.head_only);
	deadline(conn, SEND_SECONDS);
	send_rest(conn);
}

static void work(struct conn *conn, double wait)
{
	conn->state = CONN_WORK;
	if (wait == CALL_ANSWERED)
		send_answer(conn);
	else
		deadline(conn, wait);
}

/* Take the next request from the bytes at hand, or read more of it. */
static void next_request(struct conn *conn)
{
	bool begun = http_request_begun(&conn->request);

	conn->state = CONN_READ;
	conn->in_at += http_request_feed(&conn->request, conn->in + conn->in_at, conn->in_end - conn->in_at);
	if (conn->request.state != HTTP_PARTIAL) {
		work(conn, call_begin(&conn->call, &conn->request));
		return;
	}
	if (!begun && http_request_begun(&conn->request))
		deadline(conn, REQUEST_SECONDS);
	read_more(conn);
}

static void idle(struct conn *conn)
{
	http_request_reset(&conn->request);
	deadline(conn, conn->pool->draining ? DRAIN_SECONDS : IDLE_SECONDS);
	if (conn->in_at < conn->in_end) {
		next_request(conn); /* pipelined */
		return;
	}
	conn->state = CONN_READ;
	read_more(conn);
}

static void on_sent(struct conn *conn, size_t count)
{
	conn->out_at += count;
	if (conn->out_at < conn->out_end)
		send_rest(conn);
	else if (conn->keep_alive)
		idle(conn);
	else
		linger(conn);
}

static void on_done(struct loop_io *io, int result)
{
	struct conn *conn = conn_of(io, io);

	if (result <= 0 || conn->expired) {
		conn_close(conn);
	} else if (conn->state == CONN_SEND) {
		on_sent(conn, (size_t)result);
	} else if (conn->state == CONN_LINGER) {
		read_more(conn);
	} else {
		conn->in_end = (size_t)result;
		next_request(conn);
	}
}

static void on_timer(struct loop_timer *timer)
{
	struct conn *conn = conn_of(timer, timer);

	if (conn->state == CONN_WORK) {
		work(conn, call_resume(&conn->call));
		return;
	}
	conn->expired = true;
	shutdown(conn->io.fd, SHUT_RDWR);
}

static void pool_add(struct conn_pool *pool, struct conn *conn)
{
	conn->pool = pool;
	conn->next = pool->first;
	conn->link = &pool->first;
	if (pool->first)
		pool->first->link = &conn->next;
	pool->first = conn;
	pool->count++;
}

void conn_start(struct conn_pool *pool, int fd)
{
	struct conn *conn = calloc(1, sizeof *conn);

	if (!conn) {
		close(fd);
		return;
	}
	conn->io.fd = fd;
	conn->io.done = on_done;
	conn->timer.fire = on_timer;
	pool_add(pool, conn);
	if (loop_timer_set(pool->loop, &conn->timer, IDLE_SECONDS) < 0)
		conn_close(conn); /* never without a deadline */
	else
		idle(conn);
}

void conn_pool_drain(struct conn_pool *pool)
{
	pool->draining = true;
	for (struct conn *conn = pool->first; conn; conn = conn->next)
		if (conn->state == CONN_READ && !http_request_begun(&conn->request))
			deadline(conn, DRAIN_SECONDS);
}
