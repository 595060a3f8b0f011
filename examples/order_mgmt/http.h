/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http.h - one HTTP/1.1 request at a time, and the answer to it.
 *
 *   A request is fed as its bytes arrive. It ends complete, or refused with the status to answer; after a
 *   refusal the rest of the stream cannot be trusted and the connection closes.
 */
#ifndef ORDER_MGMT_HTTP_H
#define ORDER_MGMT_HTTP_H

#include <http_parser.h>
#include <stdbool.h>
#include <stddef.h>

#include "auth.h"

#define HTTP_TARGET_BYTES_MAX 1024
#define HTTP_HEAD_BYTES_MAX 8192
#define HTTP_BODY_BYTES_MAX 65536
#define HTTP_ANSWER_BYTES_MAX 1024

enum http_state { HTTP_PARTIAL, HTTP_COMPLETE, HTTP_REFUSED };

/* A bounded text collected from pieces; `whole` is false once a piece did not fit. */
struct http_text {
	char *bytes;
	size_t count, room;
	bool whole;
};

struct http_request {
	enum http_state state;
	unsigned refusal; /* status, if refused */
	bool keep_alive;
	struct http_text target, authorization;
	unsigned authorization_count; /* fields of that name */

	http_parser parser;
	struct http_text field;  /* name of the field being read */
	struct http_text *value; /* where its value goes, or NULL */
	bool in_head;            /* until the empty line */
	unsigned host_count;
	size_t head_bytes, body_bytes;
	char target_bytes[HTTP_TARGET_BYTES_MAX], authorization_bytes[AUTH_FIELD_BYTES_MAX], field_bytes[16];
};

/* Forget the last request and expect the next. */
void http_request_reset(struct http_request *request);

/* Feed bytes until the request ends. Returns how many were taken; the rest belongs to the next one. */
size_t http_request_feed(struct http_request *request, const char *bytes, size_t count);

/* Whether a byte of the request has come. */
bool http_request_begun(const struct http_request *request);

struct http_answer {
	unsigned status;
	const char *body;   /* text */
	const char *fields; /* more header lines, each ended by CRLF, or "" */
};

/* Write an answer. Returns its bytes; `out` holds HTTP_ANSWER_BYTES_MAX. */
size_t http_answer_write(char *out, const struct http_answer *answer, bool keep_alive, bool head_only);

#endif
