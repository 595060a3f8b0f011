/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_conn.c - the life of one connection: read a request, answer it, the next one. Runs on the loop.
 *
 * While a request is answered nothing is read, so a client that pipelines costs one buffer. Every close by
 * us goes through shutdown and reading to the end: closing a socket with unread bytes would send a reset,
 * and the client would lose the answer that told it what was wrong.
 */
#include "http_conn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void read_start(struct muster__conn *conn);

/* ---- leaving ------------------------------------------------------------------------------ */

static void closed(uv_handle_t *handle)
{
	struct muster__conn *conn = handle->data;

	muster__http_conn_removed(conn);
	muster__body_release(conn->body);
	free(conn);
}

void muster__conn_close(struct muster__conn *conn)
{
	if (conn->phase == MUSTER__CONN_CLOSING)
		return;
	muster__http_conn_phase(conn, MUSTER__CONN_CLOSING, 0);
	uv_close(&conn->uv.handle, closed);
}

static void shutdown_done(uv_shutdown_t *request, int status)
{
	if (status < 0 && status != UV_ECANCELED)
		muster__conn_close(request->data);
}

static void linger(struct muster__conn *conn)
{
	muster__http_conn_phase(conn, MUSTER__CONN_LINGER, MUSTER__HTTP_LINGER_MS);
	conn->shutdown.data = conn;
	if (uv_shutdown(&conn->shutdown, &conn->uv.stream, shutdown_done) != 0)
		muster__conn_close(conn);
	else
		read_start(conn);
}

/* ---- reading ------------------------------------------------------------------------------ */

static void next_request(struct muster__conn *conn)
{
	muster__request_begin(&conn->request);
	muster__http_conn_phase(conn, MUSTER__CONN_IDLE, MUSTER__HTTP_IDLE_MS);
}

/* Parse `count` bytes of the buffer. Returns true when they made a request, which is being answered. */
static bool parse(struct muster__conn *conn, size_t count)
{
	size_t used;

	if (conn->phase == MUSTER__CONN_IDLE)
		muster__http_conn_phase(conn, MUSTER__CONN_READING, MUSTER__HTTP_HEADER_MS);
	if (!muster__request_feed(&conn->request, conn->in, count, &used))
		return false;
	conn->pending = count - used;
	memmove(conn->in, conn->in + used, conn->pending);
	uv_read_stop(&conn->uv.stream);
	conn->keep_alive = muster__request_keep_alive(&conn->request);
	muster__http_conn_request(conn);
	return true;
}

static void give_buffer(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
	struct muster__conn *conn = handle->data;

	(void)suggested;
	*out = uv_buf_init(conn->in, sizeof conn->in);
}

static void have_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer)
{
	struct muster__conn *conn = stream->data;

	(void)buffer;
	if (count < 0)
		muster__conn_close(conn);
	else if (count > 0 && conn->phase != MUSTER__CONN_LINGER)
		(void)parse(conn, (size_t)count);
}

static void read_start(struct muster__conn *conn)
{
	if (uv_read_start(&conn->uv.stream, give_buffer, have_read) != 0)
		muster__conn_close(conn);
}

/* ---- answering ---------------------------------------------------------------------------- */

static void written(uv_write_t *write, int status)
{
	struct muster__conn *conn = write->data;
	size_t pending = conn->pending;

	if (conn->phase == MUSTER__CONN_CLOSING)
		return;
	muster__body_release(conn->body);
	conn->body = NULL;
	if (status < 0) {
		muster__conn_close(conn);
	} else if (!conn->keep_alive) {
		linger(conn);
	} else {
		conn->pending = 0;
		next_request(conn);
		if (pending == 0 || !parse(conn, pending))
			read_start(conn);
	}
}

static const char *reason(int status)
{
	static const struct {
		int status;
		const char *text;
	} rows[] = {
		{200, "OK"},
		{400, "Bad Request"},
		{404, "Not Found"},
		{405, "Method Not Allowed"},
		{414, "URI Too Long"},
		{431, "Request Header Fields Too Large"},
		{503, "Service Unavailable"},
		{505, "HTTP Version Not Supported"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (rows[i].status == status)
			return rows[i].text;
	return "Internal Server Error";
}

/* IMF-fixdate, in English whatever the program's locale is. */
static void date_text(char *out, size_t room)
{
	static const char days[] = "SunMonTueWedThuFriSat", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	time_t now = time(NULL);
	struct tm tm;

	gmtime_r(&now, &tm);
	(void)snprintf(out, room, "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT", days + 3 * tm.tm_wday, tm.tm_mday,
	               months + 3 * tm.tm_mon, tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

static size_t head_write(struct muster__conn *conn, const struct muster__page *page)
{
	char date[40];

	date_text(date, sizeof date);
	int count = snprintf(conn->head, sizeof conn->head,
	                     "HTTP/1.1 %d %s\r\nDate: %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
	                     "Cache-Control: no-store\r\n%s%sConnection: %s\r\n\r\n",
	                     page->status, reason(page->status), date, page->content_type,
	                     page->body ? page->body->count : 0, page->status == 405 ? "Allow: GET, HEAD\r\n" : "",
	                     page->gzip ? "Content-Encoding: gzip\r\n" : "", conn->keep_alive ? "keep-alive" : "close");

	return (size_t)count < sizeof conn->head ? (size_t)count : sizeof conn->head - 1;
}

/* A scraper that gives up earlier says so: then nobody waits for the answer. */
static uint64_t patience_ms(const struct muster__request *request)
{
	size_t count;
	const char *value = muster__request_header(request, MUSTER__HEADER_SCRAPE_TIMEOUT, &count);
	char text[24] = "";

	if (count >= sizeof text)
		return MUSTER__HTTP_WRITE_MS;
	memcpy(text, value, count);
	double seconds = strtod(text, NULL);
	return seconds > 0 && seconds * 1000 < MUSTER__HTTP_WRITE_MS ? (uint64_t)(seconds * 1000) + 1
	                                                             : MUSTER__HTTP_WRITE_MS;
}

void muster__conn_respond(struct muster__conn *conn, const struct muster__page *page)
{
	uv_buf_t buffers[2] = {uv_buf_init(conn->head, (unsigned)head_write(conn, page))};
	unsigned count = 1;

	conn->body = page->body;
	if (page->body && page->body->count && conn->request.parser.method != HTTP_HEAD)
		buffers[count++] = uv_buf_init(page->body->bytes, (unsigned)page->body->count);
	muster__http_conn_answered(conn, page->status);
	muster__http_conn_phase(conn, MUSTER__CONN_WRITING, patience_ms(&conn->request));
	conn->write.data = conn;
	if (uv_write(&conn->write, &conn->uv.stream, buffers, count, written) != 0)
		muster__conn_close(conn);
}

/* ---- coming ------------------------------------------------------------------------------- */

static bool is_loopback(const uv_tcp_t *tcp)
{
	struct sockaddr_storage peer = {0};
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)&peer;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&peer;
	int count = sizeof peer;

	if (uv_tcp_getpeername(tcp, (struct sockaddr *)&peer, &count) != 0)
		return false;
	if (peer.ss_family == AF_INET)
		return ntohl(v4->sin_addr.s_addr) >> 24 == 127;
	return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr) ||
	       (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr) && v6->sin6_addr.s6_addr[12] == 127);
}

int muster__conn_accept(struct muster__http *http, uv_stream_t *listener, bool is_unix)
{
	struct muster__conn *conn = calloc(1, sizeof *conn);

	if (conn == NULL)
		return -ENOMEM;
	conn->http = http;
	if (is_unix)
		uv_pipe_init(muster__http_loop(http), &conn->uv.pipe, 0);
	else
		uv_tcp_init(muster__http_loop(http), &conn->uv.tcp);
	conn->uv.handle.data = conn;
	muster__http_conn_added(http, conn);
	muster__request_begin(&conn->request);
	muster__http_conn_phase(conn, MUSTER__CONN_READING, MUSTER__HTTP_HEADER_MS);
	int rc = uv_accept(listener, &conn->uv.stream);
	conn->request.local = is_unix || (rc == 0 && is_loopback(&conn->uv.tcp));
	if (rc == 0)
		read_start(conn);
	else
		muster__conn_close(conn);
	return rc;
}
