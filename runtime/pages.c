/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pages.c - one function per page; the table at the end is what the server serves. Runs on the loop.
 */
#include "pages.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gzip.h"
#include "http_request.h"
#include "negotiate.h"
#include "query.h"

#define TEXT "text/plain; charset=utf-8"
#define HTML "text/html; charset=utf-8"

static void text_page(struct muster__page *page, int status, const char *text)
{
	*page = (struct muster__page){.status = status, .content_type = TEXT, .body = muster__http_text(text)};
}

/* ---- the scrape --------------------------------------------------------------------------- */

#define GZIP_KEY MUSTER__NEGOTIATED_MAX

static void names_read(const struct muster__request *request, struct muster__query *out)
{
	const char *query;
	size_t count;

	*out = (struct muster__query){0};
	muster__request_query(request, &query, &count);
	if (count)
		(void)muster__query_read(query, count, "name[]", out); /* without memory: the whole page */
}

/* On the machine itself nothing is won by making bytes fewer. */
static bool wants_gzip(const struct muster__request *request)
{
	size_t count;
	const char *value = muster__request_header(request, MUSTER__HEADER_ACCEPT_ENCODING, &count);

	return !request->local && muster__negotiate_gzip(value, count);
}

static struct muster__negotiated negotiated(const struct muster__request *request)
{
	size_t count;
	const char *value = muster__request_header(request, MUSTER__HEADER_ACCEPT, &count);

	return muster__negotiate(value, count);
}

static unsigned metrics_variant(const struct muster__request *request)
{
	struct muster__query names;

	names_read(request, &names);
	bool filtered = names.count > 0;
	muster__query_free(&names);
	return filtered ? MUSTER__VARIANT_ALONE
	                : muster__negotiated_key(negotiated(request)) + (wants_gzip(request) ? GZIP_KEY : 0);
}

static void pack(const struct muster__request *request, struct muster__page *page)
{
	if (!wants_gzip(request) || page->body->count < MUSTER__GZIP_BYTES_MIN ||
	    page->body->count > MUSTER__GZIP_BYTES_MAX)
		return;
	struct muster__body *packed = muster__gzip(page->body);
	if (packed == NULL)
		return;
	muster__body_release(page->body);
	page->body = packed;
	page->gzip = true;
}

static void render_metrics(void *ctx, const struct muster__request *request, struct muster__page *page)
{
	struct muster__pages_ctx *c = ctx;
	struct muster__negotiated chosen = negotiated(request);
	struct muster__query names;
	struct muster__body *body = NULL;

	names_read(request, &names);
	int rc = muster__collector_scrape(c->collector, (enum muster_format)muster__negotiated_format(chosen),
	                                  muster__negotiated_escaping(chosen), names.count ? names.values : NULL, &body);
	muster__query_free(&names);
	if (rc != 0) {
		text_page(page, 500, "the region cannot be read; the master's log says why\n");
		return;
	}
	*page = (struct muster__page){.status = 200, .content_type = muster__negotiated_type(chosen), .body = body};
	pack(request, page);
}

/* ---- the others --------------------------------------------------------------------------- */

static void render_healthy(void *ctx, const struct muster__request *request, struct muster__page *page)
{
	(void)ctx, (void)request;
	text_page(page, 200, "healthy\n");
}

static void render_ready(void *ctx, const struct muster__request *request, struct muster__page *page)
{
	const struct muster__pages_ctx *c = ctx;

	(void)request;
	text_page(page, c->ready ? 200 : 503, c->ready ? "ready\n" : "not ready: starting or stopping\n");
}

/* ---- the landing page --------------------------------------------------------------------- */

static const char home_head[] =
	"<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
	"<meta name=\"viewport\" content=\"width=device-width\">\n<title>%s - muster</title>\n"
	"<style>body{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:2rem auto;padding:0 1rem}"
	"table{border-collapse:collapse}td,th{padding:.1rem 1.2rem .1rem 0;text-align:right}</style>\n"
	"</head><body>\n<h1>%s</h1>\n<p>muster " MUSTER_VERSION "</p>\n"
	"<ul><li><a href=\"/metrics\">/metrics</a></li><li><a href=\"/-/healthy\">/-/healthy</a></li>"
	"<li><a href=\"/-/ready\">/-/ready</a></li></ul>\n";

static void escape(FILE *out, const char *text)
{
	for (; *text; text++)
		if (strchr("<>&\"'", *text))
			fprintf(out, "&#%d;", *text);
		else
			fputc(*text, out);
}

static void write_workers(FILE *out, const struct muster__supervisor *supervisor)
{
	size_t count = muster__supervisor_count(supervisor);

	if (count == 0)
		return;
	fputs("<h2>Workers</h2>\n<table><tr><th>slot<th>pid<th>running for<th>restarts\n", out);
	for (size_t i = 0; i < count; i++) {
		struct muster__worker_status status;
		muster__supervisor_status(supervisor, i, &status);
		fprintf(out, "<tr><td>%zu", i);
		if (status.pid)
			fprintf(out, "<td>%d<td>%.0f s", (int)status.pid, status.age_seconds);
		else
			fputs("<td>-<td>waiting", out);
		fprintf(out, "<td>%u\n", status.restarts);
	}
	fputs("</table>\n", out);
}

static void write_region(FILE *out, const struct muster__pages_ctx *c)
{
	struct muster_region_stats stats;

	muster__collector_stats(c->collector, &stats);
	fputs("<h2>Region</h2>\n<p><code>", out);
	escape(out, c->region);
	fprintf(out,
	        "</code></p>\n<p>Slabs at the last look: %u live (the master's among them), %u dead, %u quarantined; "
	        "%llu families, %llu series.</p>\n</body></html>\n",
	        stats.live, stats.dead, stats.quarantined, (unsigned long long)stats.families,
	        (unsigned long long)stats.series);
}

static void render_home(void *ctx, const struct muster__request *request, struct muster__page *page)
{
	const struct muster__pages_ctx *c = ctx;
	char *text = NULL;
	size_t count;
	FILE *out = open_memstream(&text, &count);

	(void)request;
	if (out == NULL)
		return;
	fprintf(out, home_head, c->name, c->name); /* the name's alphabet needs no escapes */
	write_workers(out, c->supervisor);
	write_region(out, c);
	if (fclose(out) == 0)
		*page = (struct muster__page){.status = 200, .content_type = HTML, .body = muster__http_text(text)};
	free(text);
}

const struct muster__route muster__pages[] = {
	{"/metrics", render_metrics, metrics_variant},
	{"/-/healthy", render_healthy, NULL},
	{"/-/ready", render_ready, NULL},
	{"/", render_home, NULL},
	{NULL, NULL, NULL},
};

void muster__pages_answered(void *ctx, int status)
{
	const struct muster__pages_ctx *c = ctx;

	muster__self_answered(c->self, status);
}

void muster__pages_closed(void *ctx, enum muster__http_closing reason)
{
	const struct muster__pages_ctx *c = ctx;

	muster__self_closed(c->self, reason);
}

void muster__pages_in_flight(void *ctx, unsigned requests)
{
	const struct muster__pages_ctx *c = ctx;

	muster__self_in_flight(c->self, requests);
}
