/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http.c - the server: listener, all connections, routes, deadlines, the shared scrape. Runs on the loop.
 *
 * The list of connections is in the order in which each entered its phase. When there are too many, one that still owes
 * us a request gives way, of the address that most have come from. A page with variants is rendered after
 * the loop has read from all sockets, once for everybody who asked for that variant meanwhile: never from before a request
 * came, so a scrape shows all that was recorded before it was asked for.
 */
#include "http.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "http_room.h"
#include "http_status.h"
#include "web.h"

#define TICK_MS 250
#define LEAVE_TICK_MS 5
#define BACKLOG 1024
#define NO_MEMORY_MS 100 /* until it is tried again */

struct muster__http {
	uv_loop_t *loop;
	struct muster__http_opts opts;
	struct muster__listener listener;
	union {
		uv_handle_t handle;
		uv_stream_t stream;
		uv_tcp_t tcp;
		uv_pipe_t pipe;
	} uv;
	uv_timer_t tick, turn, leave;
	uv_check_t share;
	struct muster__conns conns;
	unsigned open, open_max; /* connections not closing */
	unsigned accepted;       /* in this turn */
	bool accept_left;        /* one more is there, for the next turn */
	bool closing;
	void (*left)(void *ctx); /* set: we are leaving */
	void *left_ctx;
	uint64_t leave_by_ms;
};

struct muster__body *muster__http_text(const char *text)
{
	struct muster__body *body = muster__body_create(strlen(text));

	if (body)
		memcpy(body->bytes, text, body->count);
	return body;
}

uv_loop_t *muster__http_loop(struct muster__http *http)
{
	return http->loop;
}

/* ---- answering ---------------------------------------------------------------------------- */

static void respond(struct muster__conn *conn, const struct muster__page *page)
{
	muster__conn_respond(conn, page, muster__web_headers(conn->http->opts.web));
}

static void respond_text(struct muster__conn *conn, int status, const char *text)
{
	struct muster__page page = {
		.status = status, .content_type = "text/plain; charset=utf-8", .body = muster__http_text(text)};

	respond(conn, &page);
}

static void respond_error(struct muster__conn *conn, int status)
{
	respond_text(conn, status, muster__http_status(status)->text);
}

/* In the words of Prometheus' client library for Go. */
static void respond_busy(struct muster__conn *conn, unsigned limit)
{
	char text[80];

	(void)snprintf(text, sizeof text, "Limit of concurrent requests reached (%u), try again later.\n", limit);
	respond_text(conn, 503, text);
}

static void respond_page(struct muster__conn *conn, struct muster__page *page)
{
	if (page->body)
		respond(conn, page);
	else
		respond_error(conn, 500);
}

static const struct muster__route *route_find(const struct muster__http *http, struct muster__request *request)
{
	const char *path;
	size_t count;

	muster__request_path(request, &path, &count);
	for (const struct muster__route *route = http->opts.routes; route->path; route++)
		if (strlen(route->path) == count && memcmp(route->path, path, count) == 0)
			return route;
	return NULL;
}

/* The status that refuses a request, or 0 and its route. */
static int route_request(const struct muster__http *http, struct muster__request *request,
                         const struct muster__route **out)
{
	unsigned method = request->parser.method;

	if (request->status)
		return request->status;
	*out = route_find(http, request);
	if (request->status)
		return request->status;
	if (*out == NULL)
		return 404;
	if (method != HTTP_GET && method != HTTP_HEAD)
		return 405;
	return request->has_body ? 400 : 0;
}

static void share_fired(uv_check_t *check);

/* The client may have an answer. */
static void serve(struct muster__conn *conn)
{
	struct muster__http *http = conn->http;
	const struct muster__route *route = NULL;
	struct muster__page page = {0};
	int status = route_request(http, &conn->request, &route);

	conn->keep_alive = conn->keep_alive && http->left == NULL;
	if (status) {
		respond_error(conn, status);
	} else if (route->variant) {
		conn->route = route;
		conn->variant = route->variant(&conn->request);
		muster__http_conn_phase(conn, MUSTER__CONN_WAITING, MUSTER__HTTP_WRITE_MS);
		uv_check_start(&http->share, share_fired);
	} else {
		route->render(http->opts.ctx, &conn->request, &page);
		respond_page(conn, &page);
	}
}

static void judged(struct muster__conn *conn, enum muster__verdict verdict)
{
	switch (verdict) {
	case MUSTER__AUTH_GOOD:
		serve(conn);
		break;
	case MUSTER__AUTH_LATER:
		muster__http_conn_phase(conn, MUSTER__CONN_CHECKING, MUSTER__HTTP_WRITE_MS);
		break;
	case MUSTER__AUTH_BUSY:
		respond_busy(conn, MUSTER__AUTH_WAITING_MAX);
		break;
	default:
		respond_error(conn, verdict == MUSTER__AUTH_LIMITED ? 429 : 401);
	}
}

static void password_checked(struct muster__ticket *ticket, enum muster__verdict verdict)
{
	judged(ticket->asker, verdict);
}

void muster__http_conn_request(struct muster__conn *conn)
{
	struct muster__web *web = conn->http->opts.web;

	conn->shared_body = false;
	if (conn->request.status) {
		respond_error(conn, conn->request.status);
		return;
	}
	muster__web_look(web);
	conn->ticket.asker = conn;
	conn->ticket.answered = password_checked;
	judged(conn, muster__web_admit(web, &conn->request, &conn->ticket));
}

void muster__http_conn_not_tls(struct muster__conn *conn)
{
	respond_text(conn, 400, "this is plain HTTP, and here is TLS: use https://\n");
}

static void close_for(struct muster__conn *conn, enum muster__http_closing reason)
{
	const struct muster__http_opts *opts = &conn->http->opts;

	if (opts->closed)
		opts->closed(opts->ctx, reason);
	muster__conn_close(conn);
}

/* ---- the shared scrape -------------------------------------------------------------------- */

/* The answer of the oldest scrape still being sent, if that many are held; else NULL. Connections that
 * send one stand in the order of their scrapes. */
static const struct muster__body *oldest_of_too_many(const struct muster__http *http)
{
	const struct muster__conn *conn;
	const struct muster__body *oldest = NULL, *last = NULL;
	unsigned held = 0;

	TAILQ_FOREACH(conn, &http->conns, link)
	{
		if (conn->phase != MUSTER__CONN_WRITING || !conn->shared_body || conn->body == last)
			continue;
		last = conn->body;
		if (held++ == 0)
			oldest = last;
	}
	return held < MUSTER__HTTP_SCRAPES_HELD_MAX ? NULL : oldest;
}

/* Slow readers keep the answers of old scrapes in memory. Beyond the limit those of the oldest go. */
static void shed_slow_readers(struct muster__http *http)
{
	const struct muster__body *oldest = oldest_of_too_many(http);
	struct muster__conn *conn, *next;

	for (conn = oldest ? TAILQ_FIRST(&http->conns) : NULL; conn; conn = next) {
		next = TAILQ_NEXT(conn, link);
		if (conn->phase == MUSTER__CONN_WRITING && conn->shared_body && conn->body == oldest)
			close_for(conn, MUSTER__CLOSED_SLOW_READER);
	}
}

static bool gets_the_page_of(const struct muster__conn *conn, const struct muster__route *route, unsigned variant)
{
	return conn->phase == MUSTER__CONN_WAITING && conn->route == route && conn->variant == variant;
}

static void share_with(struct muster__conn *conn, struct muster__page *page)
{
	if (page->body)
		muster__body_hold(page->body);
	conn->shared_body = true;
	respond_page(conn, page);
}

/* Answer the connection, and all that wait for the same. */
static void share_page(struct muster__http *http, struct muster__conn *first)
{
	const struct muster__route *route = first->route;
	unsigned variant = first->variant;
	struct muster__conn *conn, *next;
	struct muster__page page = {0};

	route->render(http->opts.ctx, &first->request, &page);
	share_with(first, &page);
	for (conn = variant == MUSTER__VARIANT_ALONE ? NULL : TAILQ_FIRST(&http->conns); conn; conn = next) {
		next = TAILQ_NEXT(conn, link);
		if (gets_the_page_of(conn, route, variant))
			share_with(conn, &page);
	}
	muster__body_release(page.body);
}

/* Those whose page is for others too come first. */
static struct muster__conn *first_waiting(const struct muster__http *http)
{
	struct muster__conn *conn, *alone = NULL;

	TAILQ_FOREACH(conn, &http->conns, link)
	{
		if (conn->phase != MUSTER__CONN_WAITING)
			continue;
		if (conn->variant != MUSTER__VARIANT_ALONE)
			return conn;
		if (alone == NULL)
			alone = conn;
	}
	return alone;
}

static bool is_in_flight(const struct muster__conn *conn)
{
	return conn->phase == MUSTER__CONN_CHECKING || conn->phase == MUSTER__CONN_WAITING ||
	       conn->phase == MUSTER__CONN_WRITING;
}

static void share_fired(uv_check_t *check)
{
	struct muster__http *http = check->data;
	unsigned alone = 0;

	uv_check_stop(check);
	shed_slow_readers(http);
	if (http->opts.in_flight)
		http->opts.in_flight(http->opts.ctx, muster__http_room_count(&http->conns, is_in_flight));
	for (struct muster__conn *conn = first_waiting(http); conn; conn = first_waiting(http))
		if (conn->variant == MUSTER__VARIANT_ALONE && alone++ >= MUSTER__HTTP_ALONE_MAX)
			respond_busy(conn, MUSTER__HTTP_ALONE_MAX);
		else
			share_page(http, conn);
}

/* ---- connections and their deadlines ------------------------------------------------------ */

/* To be idle for long, or to say nothing when all is said, is no offence. */
static void deadline_passed(struct muster__conn *conn)
{
	if (conn->phase == MUSTER__CONN_IDLE || conn->phase == MUSTER__CONN_LINGER)
		muster__conn_close(conn);
	else if (conn->phase != MUSTER__CONN_CLOSING)
		close_for(conn, conn->phase == MUSTER__CONN_READING ? MUSTER__CLOSED_SLOW_REQUEST : MUSTER__CLOSED_SLOW_READER);
}

static void tick_fired(uv_timer_t *timer)
{
	struct muster__http *http = timer->data;
	struct muster__conn *conn, *next;
	uint64_t now = uv_now(http->loop);

	for (conn = TAILQ_FIRST(&http->conns); conn; conn = next) {
		next = TAILQ_NEXT(conn, link);
		if (conn->deadline_ms <= now)
			deadline_passed(conn);
	}
}

static bool owes_a_request(const struct muster__conn *conn)
{
	return conn->phase == MUSTER__CONN_IDLE || conn->phase == MUSTER__CONN_READING ||
	       conn->phase == MUSTER__CONN_LINGER;
}

static bool is_open(const struct muster__conn *conn)
{
	return conn->phase != MUSTER__CONN_CLOSING;
}

/* A handshake costs the loop a signature: so many at most may be due in one turn. */
static bool is_shaking_hands(const struct muster__conn *conn)
{
	return conn->phase == MUSTER__CONN_READING && muster__transport_is_shaking_hands(&conn->transport);
}

/* Make room for one more, where most come from. */
static void make_room(struct muster__http *http)
{
	struct muster__conn *victim = muster__http_room_victim(&http->conns, owes_a_request);

	if (victim == NULL)
		victim = muster__http_room_victim(&http->conns, is_open);
	if (victim)
		close_for(victim, MUSTER__CLOSED_TOO_MANY);
}

static void bound_handshakes(struct muster__http *http)
{
	if (muster__http_room_count(&http->conns, is_shaking_hands) >= MUSTER__HTTP_HANDSHAKES_MAX)
		close_for(muster__http_room_victim(&http->conns, is_shaking_hands), MUSTER__CLOSED_TOO_MANY);
}

void muster__http_conn_added(struct muster__http *http, struct muster__conn *conn)
{
	if (http->open >= http->open_max)
		make_room(http);
	bound_handshakes(http);
	if (http->open++ == 0)
		uv_timer_start(&http->tick, tick_fired, TICK_MS, TICK_MS);
	TAILQ_INSERT_TAIL(&http->conns, conn, link);
}

void muster__http_conn_phase(struct muster__conn *conn, enum muster__conn_phase phase, uint64_t limit_ms)
{
	struct muster__http *http = conn->http;

	conn->phase = phase;
	conn->deadline_ms = uv_now(http->loop) + limit_ms;
	TAILQ_REMOVE(&http->conns, conn, link);
	TAILQ_INSERT_TAIL(&http->conns, conn, link);
	if (phase != MUSTER__CONN_CLOSING)
		return;
	muster__web_cancel(http->opts.web, &conn->ticket);
	if (--http->open == 0)
		uv_timer_stop(&http->tick);
}

void muster__http_conn_answered(struct muster__conn *conn, int status)
{
	const struct muster__http_opts *opts = &conn->http->opts;

	if (opts->answered)
		opts->answered(opts->ctx, status);
}

void muster__http_conn_tls_failed(struct muster__conn *conn)
{
	const struct muster__http_opts *opts = &conn->http->opts;

	if (opts->closed)
		opts->closed(opts->ctx, MUSTER__CLOSED_TLS);
}

void muster__http_conn_removed(struct muster__conn *conn)
{
	TAILQ_REMOVE(&conn->http->conns, conn, link);
}

static void connection_came(uv_stream_t *listener, int status);

/* What has been accepted was read meanwhile. */
static void next_turn(uv_timer_t *timer)
{
	struct muster__http *http = timer->data;
	bool left = http->accept_left;

	http->accepted = 0;
	http->accept_left = false;
	if (left)
		connection_came(&http->uv.stream, 0);
}

/* libuv accepts as long as there is somebody. In a flood, those who came first would have to give way before we have
 * read what they want; so the rest waits in the kernel until they were. A connection that is not taken stops libuv. */
static void connection_came(uv_stream_t *listener, int status)
{
	struct muster__http *http = listener->data;

	if (status != 0)
		return;
	muster__web_look(http->opts.web);
	if (http->accepted == 0)
		uv_timer_start(&http->turn, next_turn, 0, 0);
	http->accept_left = http->accepted++ == MUSTER__HTTP_ACCEPTS_MAX;
	if (!http->accept_left &&
	    muster__conn_accept(http, listener, http->listener.is_unix, muster__web_tls(http->opts.web)) == -ENOMEM) {
		http->accept_left = true;
		uv_timer_start(&http->turn, next_turn, NO_MEMORY_MS, 0);
	}
}

/* ---- life --------------------------------------------------------------------------------- */

static int listen_start(struct muster__http *http)
{
	int rc;

	if (http->listener.is_unix) {
		uv_pipe_init(http->loop, &http->uv.pipe, 0);
		rc = uv_pipe_open(&http->uv.pipe, http->listener.fd);
	} else {
		uv_tcp_init(http->loop, &http->uv.tcp);
		rc = uv_tcp_open(&http->uv.tcp, http->listener.fd);
	}
	http->uv.handle.data = http;
	return rc == 0 ? uv_listen(&http->uv.stream, BACKLOG, connection_came) : rc;
}

/* Who has no descriptor left cannot even refuse a client, so the limit on them comes into it. */
static unsigned connections_max(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur / 2 >= MUSTER__HTTP_CONNECTIONS_MAX)
		return MUSTER__HTTP_CONNECTIONS_MAX;
	return limit.rlim_cur < 4 ? 2 : (unsigned)limit.rlim_cur / 2;
}

int muster__http_create(uv_loop_t *loop, struct muster__listener *listener, const struct muster__http_opts *opts,
                        struct muster__http **out)
{
	struct muster__http *http = calloc(1, sizeof *http);

	if (http == NULL)
		return UV_ENOMEM;
	*http = (struct muster__http){.loop = loop, .opts = *opts, .listener = *listener, .open_max = connections_max()};
	TAILQ_INIT(&http->conns);
	uv_timer_init(loop, &http->tick);
	uv_timer_init(loop, &http->turn);
	uv_timer_init(loop, &http->leave);
	uv_check_init(loop, &http->share);
	http->tick.data = http->turn.data = http->leave.data = http->share.data = http;
	*out = http;
	listener->fd = -1;
	return listen_start(http);
}

int muster__http_fd(const struct muster__http *http)
{
	return http && http->left == NULL ? http->listener.fd : -1;
}

/* Somebody has asked, or may be about to: its connection is new. */
static bool is_asking(const struct muster__conn *conn)
{
	return conn->phase == MUSTER__CONN_READING || is_in_flight(conn);
}

static void leave_fired(uv_timer_t *timer)
{
	struct muster__http *http = timer->data;

	if (uv_now(http->loop) < http->leave_by_ms && muster__http_room_count(&http->conns, is_asking))
		return;
	uv_timer_stop(timer);
	http->left(http->left_ctx);
}

void muster__http_leave(struct muster__http *http, void (*left)(void *ctx), void *ctx)
{
	muster__listener_leave(&http->listener);
	next_turn(&http->turn); /* who was left for it is here already */
	uv_timer_stop(&http->turn);
	uv_close(&http->uv.handle, NULL);
	http->left = left;
	http->left_ctx = ctx;
	http->leave_by_ms = uv_now(http->loop) + MUSTER__HTTP_LEAVE_MS;
	uv_timer_start(&http->leave, leave_fired, LEAVE_TICK_MS, LEAVE_TICK_MS);
}

void muster__http_close(struct muster__http *http)
{
	struct muster__conn *conn, *next;

	if (http == NULL || http->closing)
		return;
	http->closing = true;
	muster__listener_unlink(&http->listener); /* its descriptor is the handle's */
	for (conn = TAILQ_FIRST(&http->conns); conn; conn = next) {
		next = TAILQ_NEXT(conn, link);
		muster__conn_close(conn);
	}
	if (http->left == NULL)
		uv_close(&http->uv.handle, NULL);
	uv_close((uv_handle_t *)&http->leave, NULL);
	uv_close((uv_handle_t *)&http->tick, NULL);
	uv_close((uv_handle_t *)&http->turn, NULL);
	uv_close((uv_handle_t *)&http->share, NULL);
}

void muster__http_destroy(struct muster__http **http)
{
	free(*http);
	*http = NULL;
}
