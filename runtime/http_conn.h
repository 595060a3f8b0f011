/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_conn.h - one client of the HTTP server, and what the server lets it see.
 */
#ifndef MUSTER__HTTP_CONN_H
#define MUSTER__HTTP_CONN_H

#include <sys/queue.h>

#include "auth.h"
#include "http_request.h"
#include "transport.h"

#define MUSTER__HTTP_READ_BYTES 8192

/* A connection is in one phase; each has a deadline that no byte of the client moves. */
enum muster__conn_phase {
	MUSTER__CONN_IDLE,     /* no byte of a request yet */
	MUSTER__CONN_READING,  /* some bytes of one */
	MUSTER__CONN_CHECKING, /* the password */
	MUSTER__CONN_WAITING,  /* for a shared page */
	MUSTER__CONN_WRITING,
	MUSTER__CONN_LINGER, /* answered for good; reads on so that the answer is not lost to a reset */
	MUSTER__CONN_CLOSING,
};

struct muster__conn {
	struct muster__http *http;
	struct muster__transport transport;
	TAILQ_ENTRY(muster__conn) link;
	enum muster__conn_phase phase;
	uint64_t deadline_ms;
	struct muster__request request;
	const struct muster__route *route; /* while waiting, for this variant of it */
	unsigned variant;
	struct muster__ticket ticket;        /* while checking */
	struct muster__body *body, *headers; /* while writing */
	bool shared_body, keep_alive;
	size_t pending; /* bytes of `in` behind the request being answered */
	char head[512];
	char in[MUSTER__HTTP_READ_BYTES];
};

/* Accept one from the listener; with a context, by TLS. Returns 0, -errno or -ENOMEM. */
int muster__conn_accept(struct muster__http *http, uv_stream_t *listener, bool is_unix, SSL_CTX *tls);

/* Answer the request; takes the page's reference.
 *   headers   more lines, ended by an empty one; borrowed; NULL: none */
void muster__conn_respond(struct muster__conn *conn, const struct muster__page *page, struct muster__body *headers);

/* Drop the connection. Safe to call again. */
void muster__conn_close(struct muster__conn *conn);

/* The server's side. A connection calls these when it comes, changes its phase, has a request, is gone. */
void muster__http_conn_added(struct muster__http *http, struct muster__conn *conn);
void muster__http_conn_phase(struct muster__conn *conn, enum muster__conn_phase phase, uint64_t limit_ms);
void muster__http_conn_request(struct muster__conn *conn);
void muster__http_conn_not_tls(struct muster__conn *conn);
void muster__http_conn_tls_failed(struct muster__conn *conn);
void muster__http_conn_answered(struct muster__conn *conn, int status);
void muster__http_conn_removed(struct muster__conn *conn);
uv_loop_t *muster__http_loop(struct muster__http *http);

#endif
