/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_request.h - one request, parsed as its bytes come.
 */
#ifndef MUSTER__HTTP_REQUEST_H
#define MUSTER__HTTP_REQUEST_H

#include <http_parser.h>
#include <stdbool.h>
#include <stddef.h>

#include "http.h"

/* Headers whose values are kept. Several of one name are one list, as RFC 9110, 5.3 has it. */
enum muster__http_header {
	MUSTER__HEADER_ACCEPT,
	MUSTER__HEADER_ACCEPT_ENCODING,
	MUSTER__HEADER_SCRAPE_TIMEOUT,
	MUSTER__HEADER_AUTHORIZATION,
	MUSTER__HEADER_COUNT,
	MUSTER__HEADER_OTHER = MUSTER__HEADER_COUNT,
};

struct muster__header_value {
	size_t count;
	bool too_long;
	char bytes[MUSTER__HTTP_VALUE_BYTES_MAX];
};

struct muster__request {
	bool local; /* from this machine; set by the connection, and kept */
	http_parser parser;
	char url[MUSTER__HTTP_URL_BYTES_MAX];
	size_t url_count, header_bytes;
	unsigned header_count;
	bool in_value, complete, has_body;
	int status;    /* 0, or the HTTP status that refuses it */
	char name[40]; /* of the header being read, in small letters */
	size_t name_count;
	enum muster__http_header header;
	struct muster__header_value values[MUSTER__HEADER_COUNT];
};

void muster__request_begin(struct muster__request *request);

/* Parse more bytes.
 *   used   how many belonged to this request
 * Returns true when the request is decided: complete, or refused with `status`. */
bool muster__request_feed(struct muster__request *request, const char *bytes, size_t count, size_t *used);

/* The path without query, as a slice of `url`. Sets status 400 if there is none. */
void muster__request_path(struct muster__request *request, const char **path, size_t *count);

/* The value of a header, "" if it was not sent, or was too long; not NUL-terminated. */
const char *muster__request_header(const struct muster__request *request, enum muster__http_header header,
                                   size_t *count);

/* The query, without its `?`, as a slice of `url`. */
void muster__request_query(const struct muster__request *request, const char **query, size_t *count);

bool muster__request_keep_alive(const struct muster__request *request);

#endif
