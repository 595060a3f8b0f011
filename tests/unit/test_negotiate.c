/* SPDX-License-Identifier: Apache-2.0 */
/* Which format a request gets, and which families. */
#include "support.h"

#include "runtime/negotiate.c"
#include "runtime/query.c"

#define PROTO "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
#define TEXT_4 "text/plain; version=0.0.4; charset=utf-8"
#define TEXT_1 "text/plain; version=1.0.0; charset=utf-8"
#define OPEN_1 "application/openmetrics-text; version=1.0.0; charset=utf-8"
#define OPEN_0 "application/openmetrics-text; version=0.0.1; charset=utf-8"
#define PROTO_TYPE "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
#define JSON_TYPE "application/json; charset=utf-8"

static const struct {
	const char *accept, *type;
} vectors[] = {
	{"", TEXT_4},
	{"*/*", TEXT_4},
	{"text/*", TEXT_4},
	{"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", TEXT_4},
	{"image/png", TEXT_4},
	{"text/plain", TEXT_4},
	{"text/plain;version=0.0.4", TEXT_4},
	{"text/plain;version=9", TEXT_4},
	{"TEXT/PLAIN; Version=0.0.4", TEXT_4},
	{"application/json", JSON_TYPE},
	{"application/openmetrics-text", OPEN_0},
	{"application/openmetrics-text;version=0.0.1", OPEN_0},
	{"application/openmetrics-text;version=1.0.0", OPEN_1},
	{"application/openmetrics-text; version=\"1.0.0\"", OPEN_1},
	{"application/openmetrics-text;version=2.0.0", TEXT_4},
	{"application/openmetrics-text;version=2.0.0,application/openmetrics-text;version=1.0.0;q=0.5", OPEN_1},
	/* Prometheus 2.42, and with native histograms; Prometheus 3 */
	{"application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
     "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
     OPEN_1},
	{PROTO ",application/openmetrics-text;version=1.0.0;q=0.8,application/openmetrics-text;version=0.0.1;q=0.75,"
           "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
     PROTO_TYPE},
	{"application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
     "application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,"
     "text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
     OPEN_1 "; escaping=allow-utf-8"},
	{"text/plain;version=1.0.0;escaping=allow-utf-8", TEXT_1 "; escaping=allow-utf-8"},
	{"text/plain;version=1.0.0;escaping=values", TEXT_1 "; escaping=values"},
	{"text/plain;version=1.0.0;escaping=dots", TEXT_1 "; escaping=dots"},
	{"text/plain;version=1.0.0;escaping=underscores", TEXT_1 "; escaping=underscores"},
	/* to those who ask for it, as client_golang does; Prometheus does so of the versions 1.0.0 only */
	{"text/plain;version=0.0.4;escaping=allow-utf-8", TEXT_4 "; escaping=allow-utf-8"},
	{"application/openmetrics-text;version=0.0.1;escaping=dots", OPEN_0 "; escaping=dots"},
	{PROTO ";escaping=allow-utf-8", PROTO_TYPE "; escaping=allow-utf-8"},
	/* has names as they are, whatever is asked for */
	{"application/json;escaping=values", JSON_TYPE},
	{"text/plain;version=1.0.0;escaping=bogus", TEXT_1 "; escaping=underscores"},
	/* without its parameters protobuf is something else */
	{"application/vnd.google.protobuf", TEXT_4},
	{"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=text", TEXT_4},
	{"application/vnd.google.protobuf;proto=Other;encoding=delimited,application/json;q=0.1", JSON_TYPE},
	/* weights */
	{"application/json;q=0.5,text/plain;q=0.6", TEXT_4},
	{"application/json;q=0.5,text/plain;q=0.5", JSON_TYPE},
	{"text/plain;q=0.5,application/json;q=0.5", TEXT_4},
	{"application/json;q=0", TEXT_4},
	{"application/json;q=0.000,text/plain;q=0.001", TEXT_4},
	{"application/json;q=1.001", TEXT_4},
	{"application/json;q=1.000", JSON_TYPE},
	{"application/json;q=-1", TEXT_4},
	{"application/json;q=x", TEXT_4},
	{"application/json;q=0.1234", TEXT_4},
	{"application/json ; q=0.3 , text/plain ; q=0.2", JSON_TYPE},
	/* broken */
	{",,;;,=,\"", TEXT_4},
	{"application/json;foo=\"a,b;q=0", JSON_TYPE},
	{"application/json;foo=\"a,b;q=0\"", JSON_TYPE},
	{"application/json;q", JSON_TYPE},
	{"\"application/json\"", TEXT_4},
};

static void the_best_that_can_be_written_is_chosen(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
		struct muster__negotiated chosen = muster__negotiate(vectors[i].accept, strlen(vectors[i].accept));
		if (strcmp(muster__negotiated_type(chosen), vectors[i].type) != 0)
			fail_msg("Accept: %s gets %s", vectors[i].accept, muster__negotiated_type(chosen));
		assert_true(muster__negotiated_key(chosen) < MUSTER__NEGOTIATED_MAX);
	}
}

static void the_page_has_the_escaping_that_its_type_tells(void **state)
{
	static const struct {
		const char *accept;
		enum muster_escaping escaping;
	} rows_of[] = {
		{"", MUSTER_ESCAPING_UNDERSCORES},
		{"text/plain;escaping=underscores", MUSTER_ESCAPING_UNDERSCORES},
		{"text/plain;escaping=dots", MUSTER_ESCAPING_DOTS},
		{"text/plain;escaping=values", MUSTER_ESCAPING_VALUES},
		{"text/plain;escaping=allow-utf-8", MUSTER_ESCAPING_ALLOW_UTF_8},
		{"text/plain;escaping=bogus", MUSTER_ESCAPING_UNDERSCORES},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows_of / sizeof *rows_of; i++)
		assert_int_equal(muster__negotiated_escaping(muster__negotiate(rows_of[i].accept, strlen(rows_of[i].accept))),
		                 rows_of[i].escaping);
}

static bool gzip(const char *accept_encoding)
{
	return muster__negotiate_gzip(accept_encoding, strlen(accept_encoding));
}

static void gzip_is_used_where_it_is_accepted(void **state)
{
	(void)state;
	assert_true(gzip("gzip"));
	assert_true(gzip("deflate, GZIP;q=0.5, br"));
	assert_true(gzip("*"));
	assert_false(gzip(""));
	assert_false(gzip("identity"));
	assert_false(gzip("gzip;q=0"));
	assert_false(gzip("gzip;q=0, *"));
	assert_false(gzip("*;q=0"));
}

static void values_of_a_query_are_decoded(void **state)
{
	static const char query[] = "a=1&name[]=up&name%5B%5D=a%20b+c&x&name[]&name[]=%4&name[]=%zz&nam=no&name[]=&";
	static const char *const expected[] = {"up", "a b c", "", "%4", "%zz", ""};
	struct muster__query read;

	(void)state;
	assert_int_equal(muster__query_read(query, strlen(query), "name[]", &read), 0);
	assert_int_equal(read.count, sizeof expected / sizeof *expected);
	for (size_t i = 0; i < read.count; i++)
		assert_string_equal(read.values[i], expected[i]);
	assert_null(read.values[read.count]);
	muster__query_free(&read);
}

static void more_values_than_there_is_room_for_are_left_out(void **state)
{
	char query[8 * 600] = "";
	struct muster__query read;

	(void)state;
	for (int i = 0; i < 600; i++)
		strcat(query, "n=%41&");
	assert_int_equal(muster__query_read(query, strlen(query), "n", &read), 0);
	assert_int_equal(read.count, MUSTER__QUERY_VALUES_MAX);
	assert_string_equal(read.values[MUSTER__QUERY_VALUES_MAX - 1], "A");
	muster__query_free(&read);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_best_that_can_be_written_is_chosen),
		cmocka_unit_test(the_page_has_the_escaping_that_its_type_tells),
		cmocka_unit_test(gzip_is_used_where_it_is_accepted),
		cmocka_unit_test(values_of_a_query_are_decoded),
		cmocka_unit_test(more_values_than_there_is_room_for_are_left_out),
	};

	return cmocka_run_group_tests_name("negotiate", tests, NULL, NULL);
}
