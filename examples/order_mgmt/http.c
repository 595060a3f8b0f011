/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http.c - a small strict reader over http-parser, and the answer writer.
 *
 *   http-parser judges the syntax; this file bounds every part and adds what RFC 9112 asks of a server:
 *   one Host field in HTTP/1.1, no other major version. Bodies are read and dropped. A parser is paused
 *   at the end of a message, so pipelined requests are taken one by one.
 */
#include "http.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static int refuse(struct http_request *request, unsigned status)
{
	request->refusal = status;
	return -1;
}

static void text_reset(struct http_text *text)
{
	text->count = 0;
	text->whole = true;
}

static void text_add(struct http_text *text, const char *bytes, size_t count)
{
	if (count > text->room - text->count) {
		text->whole = false;
		return;
	}
	memcpy(text->bytes + text->count, bytes, count);
	text->count += count;
}

static bool text_is(const struct http_text *text, const char *name)
{
	return text->whole && text->count == strlen(name) && strncasecmp(text->bytes, name, text->count) == 0;
}

/* ---- what the parser tells ---------------------------------------------------------------- */

static int on_url(http_parser *parser, const char *bytes, size_t count)
{
	struct http_request *request = parser->data;

	text_add(&request->target, bytes, count);
	return request->target.whole ? 0 : refuse(request, 414);
}

static int on_header_field(http_parser *parser, const char *bytes, size_t count)
{
	struct http_request *request = parser->data;

	if (!request->in_head)
		return 0; /* a trailer: nothing in it may change what the head said */
	if (request->value != &request->field) {
		request->value = &request->field;
		text_reset(&request->field);
	}
	text_add(&request->field, bytes, count);
	return 0;
}

/* The first piece of a value: the name before it is now whole. */
static struct http_text *value_begin(struct http_request *request)
{
	if (text_is(&request->field, "host"))
		request->host_count++;
	if (!text_is(&request->field, "authorization"))
		return NULL;
	request->authorization_count++;
	return &request->authorization;
}

static int on_header_value(http_parser *parser, const char *bytes, size_t count)
{
	struct http_request *request = parser->data;

	if (request->value == &request->field)
		request->value = value_begin(request);
	if (request->value && request->in_head)
		text_add(request->value, bytes, count);
	return 0;
}

static int on_headers_complete(http_parser *parser)
{
	struct http_request *request = parser->data;

	request->in_head = false;
	if (parser->http_major != 1)
		return refuse(request, 505);
	if (parser->http_minor >= 1 ? request->host_count != 1 : request->host_count > 1)
		return refuse(request, 400);
	return 0;
}

static int on_body(http_parser *parser, const char *bytes, size_t count)
{
	struct http_request *request = parser->data;

	(void)bytes;
	request->body_bytes += count;
	return request->body_bytes <= HTTP_BODY_BYTES_MAX ? 0 : refuse(request, 413);
}

static int on_message_complete(http_parser *parser)
{
	struct http_request *request = parser->data;

	request->state = HTTP_COMPLETE;
	/* After CONNECT or Upgrade the client would speak another protocol, which we do not. */
	request->keep_alive = http_should_keep_alive(parser) && !parser->upgrade;
	http_parser_pause(parser, 1);
	return 0;
}

static const http_parser_settings settings = {
	.on_url = on_url,
	.on_header_field = on_header_field,
	.on_header_value = on_header_value,
	.on_headers_complete = on_headers_complete,
	.on_body = on_body,
	.on_message_complete = on_message_complete,
};

/* ---- requests ----------------------------------------------------------------------------- */

void http_request_reset(struct http_request *request)
{
	http_parser_init(&request->parser, HTTP_REQUEST);
	request->parser.data = request;
	request->state = HTTP_PARTIAL;
	request->refusal = 0;
	request->keep_alive = false;
	request->target = (struct http_text){request->target_bytes, 0, sizeof request->target_bytes, true};
	request->authorization = (struct http_text){request->authorization_bytes, 0, AUTH_FIELD_BYTES_MAX, true};
	request->field = (struct http_text){request->field_bytes, 0, sizeof request->field_bytes, true};
	request->value = NULL;
	request->in_head = true;
	request->authorization_count = request->host_count = 0;
	request->head_bytes = request->body_bytes = 0;
}

bool http_request_begun(const struct http_request *request)
{
	return request->head_bytes > 0;
}

static unsigned status_of_error(const struct http_request *request)
{
	switch (HTTP_PARSER_ERRNO(&request->parser)) {
	case HPE_INVALID_METHOD:
		return 501;
	case HPE_INVALID_VERSION:
		return 505;
	case HPE_HEADER_OVERFLOW:
		return 431;
	default:
		return request->refusal ? request->refusal : 400;
	}
}

static size_t parse(struct http_request *request, const char *bytes, size_t count)
{
	size_t taken = http_parser_execute(&request->parser, &settings, bytes, count);

	if (request->state != HTTP_COMPLETE && HTTP_PARSER_ERRNO(&request->parser) != HPE_OK) {
		request->state = HTTP_REFUSED;
		request->refusal = status_of_error(request);
	}
	return taken;
}

/* No more of the head than its limit leaves. */
static size_t parse_head(struct http_request *request, const char *bytes, size_t count)
{
	size_t left = HTTP_HEAD_BYTES_MAX - request->head_bytes;
	size_t taken = parse(request, bytes, count < left ? count : left);

	request->head_bytes += taken;
	if (request->state == HTTP_PARTIAL && request->in_head && request->head_bytes == HTTP_HEAD_BYTES_MAX) {
		request->state = HTTP_REFUSED;
		request->refusal = 431;
	}
	return taken;
}

size_t http_request_feed(struct http_request *request, const char *bytes, size_t count)
{
	size_t taken = request->in_head ? parse_head(request, bytes, count) : 0;

	if (taken < count && request->state == HTTP_PARTIAL)
		taken += parse(request, bytes + taken, count - taken);
	return taken;
}

/* ---- answers ------------------------------------------------------------------------------ */

size_t http_answer_write(char *out, const struct http_answer *answer, bool keep_alive, bool head_only)
{
	int count = snprintf(out, HTTP_ANSWER_BYTES_MAX,
	                     "HTTP/1.1 %u %s\r\n"
	                     "Content-Type: text/plain; charset=utf-8\r\n"
	                     "Content-Length: %zu\r\n"
	                     "%s%s\r\n"
	                     "%s",
	                     answer->status, http_status_str((enum http_status)answer->status), strlen(answer->body),
	                     answer->fields, keep_alive ? "" : "Connection: close\r\n", head_only ? "" : answer->body);
	assert(count > 0 && count < HTTP_ANSWER_BYTES_MAX); /* the texts are the service's own */
	return (size_t)count;
}
