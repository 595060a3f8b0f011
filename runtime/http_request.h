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

struct muster__request {
	http_parser parser;
	char url[MUSTER__HTTP_URL_BYTES_MAX];
	size_t url_count, header_bytes;
	unsigned header_count;
	bool in_value, complete, has_body;
	int status; /* 0, or the HTTP status that refuses it */
};

void muster__request_begin(struct muster__request *request);

/* Parse more bytes.
 *   used   how many belonged to this request
 * Returns true when the request is decided: complete, or refused with `status`. */
bool muster__request_feed(struct muster__request *request, const char *bytes, size_t count, size_t *used);

/* The path without query, as a slice of `url`. Sets status 400 if there is none. */
void muster__request_path(struct muster__request *request, const char **path, size_t *count);

bool muster__request_keep_alive(const struct muster__request *request);

#endif
