/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_request.c - http-parser with limits: length of the URL, bytes and number of headers, no body.
 * Source: RFC 9112; the limits are those of gunicorn, rounded.
 */
#include "http_request.h"

#include <ctype.h>
#include <string.h>

static int refuse(struct muster__request *request, int status)
{
	request->status = status;
	return -1; /* stops the parser */
}

static int url_more(http_parser *parser, const char *at, size_t count)
{
	struct muster__request *r = parser->data;

	if (count > sizeof r->url - r->url_count)
		return refuse(r, 414);
	memcpy(r->url + r->url_count, at, count);
	r->url_count += count;
	return 0;
}

static int header_field(http_parser *parser, const char *at, size_t count)
{
	struct muster__request *r = parser->data;

	if (r->in_value || r->header_count == 0) {
		r->header_count++;
		r->name_count = 0;
	}
	r->in_value = false;
	for (size_t i = 0; i < count && r->name_count <= sizeof r->name; i++, r->name_count++)
		if (r->name_count < sizeof r->name)
			r->name[r->name_count] = (char)tolower((unsigned char)at[i]);
	return r->header_count > MUSTER__HTTP_HEADERS_MAX ? refuse(r, 431) : 0;
}

static enum muster__http_header header_named(const char *name, size_t count)
{
	static const char *const names[] = {
		[MUSTER__HEADER_ACCEPT] = "accept",
		[MUSTER__HEADER_ACCEPT_ENCODING] = "accept-encoding",
		[MUSTER__HEADER_SCRAPE_TIMEOUT] = "x-prometheus-scrape-timeout-seconds",
		[MUSTER__HEADER_AUTHORIZATION] = "authorization",
	};

	for (int i = 0; i < MUSTER__HEADER_COUNT; i++)
		if (strlen(names[i]) == count && memcmp(names[i], name, count) == 0)
			return i;
	return MUSTER__HEADER_OTHER;
}

static void value_more(struct muster__header_value *value, const char *at, size_t count)
{
	value->too_long |= count > sizeof value->bytes - value->count;
	if (value->too_long)
		return;
	memcpy(value->bytes + value->count, at, count);
	value->count += count;
}

static int header_value(http_parser *parser, const char *at, size_t count)
{
	struct muster__request *r = parser->data;

	if (!r->in_value) {
		r->in_value = true;
		r->header = header_named(r->name, r->name_count);
		if (r->header != MUSTER__HEADER_OTHER && r->values[r->header].count)
			value_more(&r->values[r->header], ",", 1);
	}
	if (r->header != MUSTER__HEADER_OTHER)
		value_more(&r->values[r->header], at, count);
	return 0;
}

/* No page takes a body, so none is ever parsed: the connection ends after the answer. */
static int headers_complete(http_parser *parser)
{
	struct muster__request *r = parser->data;

	if (parser->http_major != 1)
		return refuse(r, 505);
	r->has_body = parser->uses_transfer_encoding || (parser->flags & F_CHUNKED) ||
	              ((parser->flags & F_CONTENTLENGTH) && parser->content_length > 0);
	return r->has_body ? -1 : 0;
}

static int message_complete(http_parser *parser)
{
	struct muster__request *r = parser->data;

	r->complete = true;
	http_parser_pause(parser, 1); /* what follows is the next request */
	return 0;
}

static const http_parser_settings settings = {
	.on_url = url_more,
	.on_header_field = header_field,
	.on_header_value = header_value,
	.on_headers_complete = headers_complete,
	.on_message_complete = message_complete,
};

void muster__request_begin(struct muster__request *r)
{
	http_parser_init(&r->parser, HTTP_REQUEST);
	r->parser.data = r;
	r->url_count = r->header_bytes = 0;
	r->header_count = 0;
	r->in_value = r->complete = r->has_body = false;
	r->status = 0;
	r->name_count = 0;
	for (int i = 0; i < MUSTER__HEADER_COUNT; i++) {
		r->values[i].count = 0;
		r->values[i].too_long = false;
	}
}

bool muster__request_feed(struct muster__request *r, const char *bytes, size_t count, size_t *used)
{
	size_t room = MUSTER__HTTP_HEADER_BYTES_MAX - r->header_bytes;

	*used = http_parser_execute(&r->parser, &settings, bytes, count < room ? count : room);
	r->header_bytes += *used;
	if (r->complete || r->has_body || r->status)
		return true;
	if (HTTP_PARSER_ERRNO(&r->parser) != HPE_OK)
		r->status = HTTP_PARSER_ERRNO(&r->parser) == HPE_HEADER_OVERFLOW ? 431 : 400;
	else if (r->header_bytes == MUSTER__HTTP_HEADER_BYTES_MAX)
		r->status = 431;
	return r->status != 0;
}

void muster__request_path(struct muster__request *r, const char **path, size_t *count)
{
	struct http_parser_url url;

	http_parser_url_init(&url);
	*path = "";
	*count = 0;
	if (http_parser_parse_url(r->url, r->url_count, r->parser.method == HTTP_CONNECT, &url) != 0) {
		r->status = 400;
	} else if (url.field_set & 1 << UF_PATH) {
		*path = r->url + url.field_data[UF_PATH].off;
		*count = url.field_data[UF_PATH].len;
	}
}

const char *muster__request_header(const struct muster__request *r, enum muster__http_header header, size_t *count)
{
	const struct muster__header_value *value = &r->values[header];

	*count = value->too_long ? 0 : value->count;
	return value->bytes;
}

void muster__request_query(const struct muster__request *r, const char **query, size_t *count)
{
	struct http_parser_url url;

	http_parser_url_init(&url);
	*query = "";
	*count = 0;
	if (http_parser_parse_url(r->url, r->url_count, r->parser.method == HTTP_CONNECT, &url) == 0 &&
	    (url.field_set & 1 << UF_QUERY)) {
		*query = r->url + url.field_data[UF_QUERY].off;
		*count = url.field_data[UF_QUERY].len;
	}
}

bool muster__request_keep_alive(const struct muster__request *r)
{
	return r->complete && !r->parser.upgrade && http_should_keep_alive(&r->parser);
}
