/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http.h - a small HTTP/1.1 server for a handful of pages, on the master's loop.
 *
 *   Bounded whatever a client does: connections, bytes of a request, time to send one, time to take an
 *   answer, distinct scrapes still being sent. Who is over a limit is answered or dropped; who keeps to
 *   them is served meanwhile.
 */
#ifndef MUSTER__HTTP_H
#define MUSTER__HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "address.h"
#include "body.h"

struct muster__web;

#define MUSTER__HTTP_CONNECTIONS_MAX 256 /* and no more than half of the descriptors this process may have */
#define MUSTER__HTTP_HANDSHAKES_MAX 128  /* of TLS, under way */
#define MUSTER__HTTP_ACCEPTS_MAX 32      /* in one turn of the loop */
#define MUSTER__HTTP_URL_BYTES_MAX 2048
#define MUSTER__HTTP_HEADER_BYTES_MAX 16384
#define MUSTER__HTTP_HEADERS_MAX 100
#define MUSTER__HTTP_VALUE_BYTES_MAX 1024         /* of one header that is kept; a longer one counts as not sent */
#define MUSTER__HTTP_SCRAPES_HELD_MAX 8           /* answers of different scrapes still being sent */
#define MUSTER__HTTP_ALONE_MAX 8                  /* pages made in one turn of the loop for one client each */
#define MUSTER__HTTP_UNSENT_BYTES_MAX (256 << 10) /* of a connection, in the kernel */
#define MUSTER__HTTP_HEADER_MS 10000 /* from the first byte, or the connect, to the last header; with TLS's handshake */
#define MUSTER__HTTP_IDLE_MS 120000
#define MUSTER__HTTP_WRITE_MS 30000
#define MUSTER__HTTP_LINGER_MS 1000
#define MUSTER__HTTP_LEAVE_MS 1000

struct muster__page {
	int status;
	const char *content_type;
	bool gzip;                 /* the body is */
	struct muster__body *body; /* one reference, given away; NULL: no memory, answered with 500 */
};

struct muster__request;

struct muster__route {
	const char *path;
	void (*render)(void *ctx, const struct muster__request *request, struct muster__page *page);
	/* Requests of one turn of the loop that ask for the same variant get the same page. NULL: each gets its own. */
	unsigned (*variant)(const struct muster__request *request);
};

#define MUSTER__VARIANT_ALONE (~0u) /* like no other request */

/* A text body. Returns NULL without memory. */
struct muster__body *muster__http_text(const char *text);

/* Why a connection was closed that had not come to its end. */
#define MUSTER__HTTP_CLOSINGS(X)                                                                                       \
	X(TOO_MANY, "too_many")         /* the oldest one, for a new one */                                                \
	X(SLOW_REQUEST, "slow_request") /* no whole request in time */                                                     \
	X(SLOW_READER, "slow_reader")   /* an answer not taken in time, or too many old ones held */                       \
	X(TLS, "tls")                   /* no TLS, or a client that is not let in */

enum muster__http_closing {
#define MUSTER__ROW(id, name) MUSTER__CLOSED_##id,
	MUSTER__HTTP_CLOSINGS(MUSTER__ROW)
#undef MUSTER__ROW
		MUSTER__CLOSING_COUNT
};

struct muster__http_opts {
	const struct muster__route *routes; /* ends with a path of NULL; lives as long as the server */
	struct muster__web *web;            /* what stands before them; borrowed; NULL: nothing */
	void *ctx;                          /* of the routes, and of what is told; each may be NULL */
	void (*answered)(void *ctx, int status);
	void (*closed)(void *ctx, enum muster__http_closing reason);
	void (*in_flight)(void *ctx, unsigned requests); /* before pages are made */
};

struct muster__http;

/* Serve on a listener. Its descriptor becomes the server's, which leaves -1 there.
 * Returns 0 or -errno; then the descriptor is the caller's as before. */
int muster__http_create(uv_loop_t *loop, struct muster__listener *listener, const struct muster__http_opts *opts,
                        struct muster__http **out);

/* The descriptor of the listener; -1: closed. */
int muster__http_fd(const struct muster__http *http);

/* Leave the listener, and its socket file, to another process: accept nobody any more, answer those that are asking
 * and close. Calls `left` from the loop when that is done, after MUSTER__HTTP_LEAVE_MS at most. */
void muster__http_leave(struct muster__http *http, void (*left)(void *ctx), void *ctx);

/* Free; the loop must run until the handles are closed before `destroy`. Both accept NULL. */
void muster__http_close(struct muster__http *http);
void muster__http_destroy(struct muster__http **http);

#endif
