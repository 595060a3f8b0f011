/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_status.c - the table of statuses. Runs on the loop.
 */
#include "http_status.h"

#include <stddef.h>

static const struct muster__http_status rows[] = {
	{500, "Internal Server Error", "", "out of memory\n"},
	{200, "OK", "", ""},
	{400, "Bad Request", "", "this is not a request without a body\n"},
	{401, "Unauthorized", "WWW-Authenticate: Basic realm=\"muster\", charset=\"UTF-8\"\r\n",
     "user and password, please\n"},
	{404, "Not Found", "", "no such page; / lists them\n"},
	{405, "Method Not Allowed", "Allow: GET, HEAD\r\n", "only GET and HEAD\n"},
	{414, "URI Too Long", "", "the URL has more than 2048 bytes\n"},
	{429, "Too Many Requests", "Retry-After: 1\r\n", "more requests than the rate limit of the web configuration\n"},
	{431, "Request Header Fields Too Large", "", "the headers have more than 16384 bytes or 100 lines\n"},
	{503, "Service Unavailable", "Retry-After: 1\r\n", "not now, try again later\n"},
	{505, "HTTP Version Not Supported", "", "only HTTP/1.x\n"},
};

const struct muster__http_status *muster__http_status(int status)
{
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (rows[i].status == status)
			return &rows[i];
	return rows;
}
