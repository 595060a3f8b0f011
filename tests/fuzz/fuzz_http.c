/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_http.c - any bytes as what a client sends on one connection.
 *
 * They are parsed as http_conn.c does it, cut into reads in several ways: as a whole, byte by byte, and at
 * points that the input chooses. However they are cut, the requests and the answers they get are the same, in the same
 * format.
 */
#include "fuzz.h"
#include "runtime/http_conn.h"
#include "runtime/negotiate.h"
#include "runtime/query.h"

#define REQUESTS_MAX 64

struct outcome {
	bool refused;
	unsigned method;
	bool keep_alive;
	unsigned format;
	bool gzip;
	size_t names; /* wanted */
	size_t path_bytes;
	char path[MUSTER__HTTP_URL_BYTES_MAX];
};

struct talk {
	struct muster__request request;
	size_t count; /* of requests decided */
	bool over;    /* the server closes */
	struct outcome outcomes[REQUESTS_MAX];
};

/* What the page is to be. */
static void wanted_decided(const struct muster__request *request, struct outcome *o)
{
	struct muster__query names;
	size_t count;
	const char *text = muster__request_header(request, MUSTER__HEADER_ACCEPT, &count);

	o->format = muster__negotiated_key(muster__negotiate(text, count));
	FUZZ_REQUIRE(o->format < MUSTER__NEGOTIATED_MAX, "format %u", o->format);
	text = muster__request_header(request, MUSTER__HEADER_ACCEPT_ENCODING, &count);
	o->gzip = muster__negotiate_gzip(text, count);
	muster__request_query(request, &text, &count);
	FUZZ_REQUIRE(muster__query_read(text, count, "name[]", &names) == 0, "memory");
	o->names = names.count;
	for (size_t i = 0; i < names.count; i++)
		FUZZ_REQUIRE(strlen(names.values[i]) <= count, "a value longer than the query");
	muster__query_free(&names);
}

static void decided(struct talk *talk)
{
	struct outcome *o = &talk->outcomes[talk->count++];
	const char *path;
	size_t count;

	memset(o, 0, sizeof *o);
	o->keep_alive = muster__request_keep_alive(&talk->request);
	o->method = talk->request.status ? 0 : talk->request.parser.method;
	if (talk->request.status == 0 && !talk->request.has_body) {
		muster__request_path(&talk->request, &path, &count);
		FUZZ_REQUIRE(count == 0 ||
		                 (path >= talk->request.url && path + count <= talk->request.url + talk->request.url_count),
		             "a path that is no part of the URL");
		memcpy(o->path, path, count);
		o->path_bytes = count;
		wanted_decided(&talk->request, o);
	}
	/* Which of two mistakes is seen first depends on the cut. */
	o->refused = talk->request.status != 0;
	FUZZ_REQUIRE(!o->keep_alive || talk->request.complete, "keeps a connection without a request");
	talk->over = o->refused || talk->request.has_body || !o->keep_alive || talk->count == REQUESTS_MAX;
	muster__request_begin(&talk->request);
}

/* One read. */
static void hear(struct talk *talk, const uint8_t *data, size_t count)
{
	size_t used;

	while (count > 0 && !talk->over) {
		bool done = muster__request_feed(&talk->request, (const char *)data, count, &used);
		FUZZ_REQUIRE(used <= count, "%zu of %zu bytes used", used, count);
		FUZZ_REQUIRE(done || used == count, "bytes are left without a request: %zu of %zu", used, count);
		FUZZ_REQUIRE(talk->request.header_bytes <= MUSTER__HTTP_HEADER_BYTES_MAX &&
		                 talk->request.url_count <= MUSTER__HTTP_URL_BYTES_MAX,
		             "more than the limits");
		data += used;
		count -= used;
		if (done)
			decided(talk);
	}
}

/* How many bytes the next read gives; the mode chooses, or the bytes do. */
static size_t read_bytes(const uint8_t *data, size_t left, unsigned mode)
{
	static const size_t limits[] = {MUSTER__HTTP_READ_BYTES, 1};
	size_t n = mode < 2 ? limits[mode] : 1 + (data[0] * mode + (left > 1 ? data[1] : 0u)) % (mode * mode * 7);

	return n < left ? n : left;
}

static void talk_all(struct talk *talk, const uint8_t *data, size_t size, unsigned mode)
{
	talk->count = 0;
	talk->over = false;
	muster__request_begin(&talk->request);
	for (size_t n; size > 0 && !talk->over; data += n, size -= n) {
		n = read_bytes(data, size, mode);
		hear(talk, data, n);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct talk whole, cut;

	talk_all(&whole, data, size, 0);
	for (unsigned mode = 1; mode < 6; mode++) {
		talk_all(&cut, data, size, mode);
		FUZZ_REQUIRE(cut.count == whole.count, "%zu requests, not %zu, cut in way %u", cut.count, whole.count, mode);
		for (size_t i = 0; i < cut.count; i++)
			FUZZ_REQUIRE(memcmp(&cut.outcomes[i], &whole.outcomes[i], sizeof cut.outcomes[i]) == 0,
			             "request %zu: refused %d, not %d; path %zu bytes, not %zu; cut in way %u", i,
			             cut.outcomes[i].refused, whole.outcomes[i].refused, cut.outcomes[i].path_bytes,
			             whole.outcomes[i].path_bytes, mode);
	}
	return 0;
}
