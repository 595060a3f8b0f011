/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_conn.c - the life of one connection: read a request, answer it, the next one. Runs on the loop.
 *
 * While a request is answered nothing is read, so a client that pipelines costs one buffer. Every close by
 * us goes through shutdown and reading to the end: closing a socket with unread bytes would send a reset,
 * and the client would lose the answer that told it what was wrong. Whether there is TLS in between is the transport's.
 */
#include "http_conn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "http_status.h"

static void read_start(struct muster__conn *conn);

/* ---- leaving ------------------------------------------------------------------------------ */

static void closed(struct muster__transport *transport)
{
	struct muster__conn *conn = transport->owner;

	muster__http_conn_removed(conn);
	muster__body_release(conn->body);
	muster__body_release(conn->headers);
	explicit_bzero(conn, sizeof *conn); /* the password */
	free(conn);
}

void muster__conn_close(struct muster__conn *conn)
{
	if (conn->phase == MUSTER__CONN_CLOSING)
		return;
	muster__http_conn_phase(conn, MUSTER__CONN_CLOSING, 0);
	muster__transport_close(&conn->transport);
}

static void linger(struct muster__conn *conn)
{
	muster__http_conn_phase(conn, MUSTER__CONN_LINGER, MUSTER__HTTP_LINGER_MS);
	if (muster__transport_shutdown(&conn->transport) != 0)
		muster__conn_close(conn);
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
	muster__transport_read_stop(&conn->transport);
	conn->keep_alive = muster__request_keep_alive(&conn->request);
	muster__http_conn_request(conn);
	return true;
}

static void have_read(struct muster__transport *transport, ssize_t count)
{
	struct muster__conn *conn = transport->owner;

	if (count == MUSTER__TRANSPORT_NOT_TLS) {
		conn->keep_alive = false;
		muster__http_conn_not_tls(conn);
	} else if (count == MUSTER__TRANSPORT_TLS_FAILED) {
		muster__http_conn_tls_failed(conn);
		linger(conn); /* the alert is to arrive */
	} else if (count < 0) {
		muster__conn_close(conn);
	} else {
		(void)parse(conn, (size_t)count);
	}
}

static void read_start(struct muster__conn *conn)
{
	if (muster__transport_read_start(&conn->transport) != 0)
		muster__conn_close(conn);
}

/* ---- answering ---------------------------------------------------------------------------- */

static void written(struct muster__transport *transport, int status)
{
	struct muster__conn *conn = transport->owner;
	size_t pending = conn->pending;

	muster__body_release(conn->body);
	muster__body_release(conn->headers);
	conn->body = conn->headers = NULL;
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

/* All but the empty line at its end. */
static size_t head_write(struct muster__conn *conn, const struct muster__page *page)
{
	const struct muster__http_status *row = muster__http_status(page->status);
	char date[40];

	date_text(date, sizeof date);
	int count =
		snprintf(conn->head, sizeof conn->head,
	             "HTTP/1.1 %d %s\r\nDate: %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
	             "Cache-Control: no-store\r\n%s%sConnection: %s\r\n",
	             page->status, row->reason, date, page->content_type, page->body ? page->body->count : 0, row->headers,
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

void muster__conn_respond(struct muster__conn *conn, const struct muster__page *page, struct muster__body *headers)
{
	static char end[] = "\r\n";
	uv_buf_t parts[MUSTER__TRANSPORT_PARTS_MAX] = {uv_buf_init(conn->head, (unsigned)head_write(conn, page)),
	                                               uv_buf_init(end, sizeof end - 1)};
	unsigned count = 2;

	conn->body = page->body;
	conn->headers = headers ? muster__body_hold(headers) : NULL;
	if (headers)
		parts[1] = uv_buf_init(headers->bytes, (unsigned)headers->count);
	if (page->body && page->body->count && conn->request.parser.method != HTTP_HEAD)
		parts[count++] = uv_buf_init(page->body->bytes, (unsigned)page->body->count);
	muster__http_conn_answered(conn, page->status);
	muster__http_conn_phase(conn, MUSTER__CONN_WRITING, patience_ms(&conn->request));
	if (muster__transport_write(&conn->transport, parts, count) != 0)
		muster__conn_close(conn);
}

/* ---- coming ------------------------------------------------------------------------------- */

static const struct muster__transport_calls calls = {have_read, written, closed};

/* Whom the client belongs to, as far as an address tells: an IPv4 address, or the network of an IPv6 one. */
static void peer_of(const struct in6_addr *v6, unsigned char out[16])
{
	memset(out, 0, 16);
	memcpy(out, v6, IN6_IS_ADDR_V4MAPPED(v6) ? 16 : 8);
}

static struct in6_addr peer_address(const uv_tcp_t *tcp)
{
	struct sockaddr_storage peer = {0};
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)&peer;
	struct in6_addr out = IN6ADDR_ANY_INIT;
	int count = sizeof peer;

	if (uv_tcp_getpeername(tcp, (struct sockaddr *)&peer, &count) != 0)
		return out;
	if (peer.ss_family != AF_INET)
		return ((const struct sockaddr_in6 *)&peer)->sin6_addr;
	out.s6_addr[10] = out.s6_addr[11] = 0xff;
	memcpy(&out.s6_addr[12], &v4->sin_addr, 4);
	return out;
}

static bool is_loopback(const struct in6_addr *v6)
{
	return IN6_IS_ADDR_LOOPBACK(v6) || (IN6_IS_ADDR_V4MAPPED(v6) && v6->s6_addr[12] == 127);
}

/* What a client does not take waits with us, where it is shared, and not in the kernel, where each has its own. */
static void bound_unsent(const uv_tcp_t *tcp)
{
	int bytes = MUSTER__HTTP_UNSENT_BYTES_MAX;
	uv_os_fd_t fd;

	if (uv_fileno((const uv_handle_t *)tcp, &fd) == 0)
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &bytes, sizeof bytes);
}

static void know_peer(struct muster__conn *conn, bool is_unix)
{
	struct in6_addr address = is_unix ? in6addr_loopback : peer_address(&conn->transport.uv.tcp);

	conn->request.local = is_loopback(&address);
	peer_of(&address, conn->ticket.peer);
}

int muster__conn_accept(struct muster__http *http, uv_stream_t *listener, bool is_unix, SSL_CTX *tls)
{
	struct muster__conn *conn = calloc(1, sizeof *conn);

	if (conn == NULL || muster__transport_begin(&conn->transport, muster__http_loop(http), is_unix, tls, &calls, conn,
	                                            conn->in, sizeof conn->in) != 0) {
		free(conn);
		return -ENOMEM;
	}
	conn->http = http;
	muster__http_conn_added(http, conn);
	muster__request_begin(&conn->request);
	muster__http_conn_phase(conn, MUSTER__CONN_READING, MUSTER__HTTP_HEADER_MS);
	int rc = muster__transport_accept(&conn->transport, listener);
	if (rc == 0) {
		know_peer(conn, is_unix);
		if (!is_unix)
			bound_unsent(&conn->transport.uv.tcp);
		read_start(conn);
	} else {
		muster__conn_close(conn);
	}
	return rc;
}
