/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seeds.c - requests good and hostile (the attacks C04 to C08 of the threat list), and views for the encoder.
 *
 * A seed of the exposition is a row of instructions as fuzz_exposition.c reads them; any bytes are.
 */
#include "seeds.h"

#define TEXT(name, text)                                                                                               \
	{                                                                                                                  \
		name, text, sizeof text - 1, "", 0, ""                                                                         \
	}
#define TIMES(name, text, more, times, end)                                                                            \
	{                                                                                                                  \
		name, text, sizeof text - 1, more, times, end                                                                  \
	}

#define GET "GET /metrics HTTP/1.1\r\nHost: a\r\n"

const struct seed http_seeds[] = {
	TEXT("get", GET "\r\n"),
	TEXT("get_with_headers", GET "User-Agent: Prometheus/2.42.0\r\nAccept: text/plain;version=0.0.4;q=0.5,*/*;q=0.1\r\n"
                                 "Accept-Encoding: gzip\r\nX-Prometheus-Scrape-Timeout-Seconds: 10\r\n\r\n"),
	TEXT("head", "HEAD /metrics HTTP/1.1\r\nHost: a\r\n\r\n"),
	TEXT("query", "GET /metrics?name[]=a HTTP/1.1\r\nHost: a\r\n\r\n"),
	TEXT("query_escaped", "GET /metrics?name%5B%5D=a%zz&x&name[]=b+c%2 HTTP/1.1\r\nHost: a\r\n\r\n"),
	TEXT("accept_prometheus",
         GET "Accept: application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited,"
             "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.8,*/*;q=0.1\r\n\r\n"),
	TEXT("accept_odd",
         GET "Accept: text/plain;version=\"1.0\\\"0\";q=0.3;q=,;=,\r\naccept: application/json;q=1.000\r\n"
             "Accept-Encoding: *;q=0, gzip\r\n\r\n"),
	TIMES("accept_too_long", GET "Accept: ", "application/json,", 70, "\r\n\r\n"),
	TEXT("http_1_0", "GET /-/ready HTTP/1.0\r\n\r\n"),
	TEXT("close", GET "Connection: close\r\n\r\n"),
	TEXT("pipelined", GET "\r\nHEAD / HTTP/1.1\r\nHost: b\r\n\r\n" GET "Connection: close\r\n\r\n" GET "\r\n"),
	TIMES("c04_many_headers", GET, "A: b\r\n", 99, "\r\n"),
	TIMES("c04_too_many_headers", GET, "A:\r\n", 100, "\r\n"),
	TIMES("c04_long_header", GET "A: ", "0123456789012345", 1100, "\r\n\r\n"),
	TIMES("c04_long_url", "GET /", "0123456789012345", 128, " HTTP/1.1\r\n\r\n"),
	TEXT("c05_body", "POST /metrics HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello" GET "\r\n"),
	TEXT("c05_empty_body", "POST /metrics HTTP/1.1\r\nContent-Length: 0\r\n\r\n" GET "\r\n"),
	TEXT("c05_length_and_chunked",
         GET "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n"),
	TEXT("c05_two_lengths", GET "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello"),
	TEXT("c05_chunked_tab", GET "Transfer-Encoding: chunked\t\r\n\r\n0\r\n\r\n"),
	TEXT("c05_chunked_twice", GET "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"),
	TEXT("c05_identity", GET "Transfer-Encoding: identity\r\n\r\n" GET "\r\n"),
	TEXT("c07_bare_lf", "GET /metrics HTTP/1.1\nHost: a\n\n"),
	TEXT("c07_nul", "GET /met\0rics HTTP/1.1\r\nHost: \0\r\n\r\n"),
	TEXT("c07_obs_fold", GET "A: b\r\n c\r\n\td\r\n\r\n"),
	TEXT("c07_absolute", "GET http://a:9/metrics?x#y HTTP/1.1\r\nHost: a\r\n\r\n"),
	TEXT("c07_http_0_9", "GET /metrics\r\n"),
	TEXT("c07_http_2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
	TEXT("c07_upgrade",
         GET "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n" GET "\r\n"),
	TEXT("c07_connect", "CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n\x16\x03\x01"),
	TEXT("c07_options", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"),
	TEXT("c07_tls_hello", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 0123456789012345678901234567890"),
	TEXT("c08_double_slash", "GET //metrics HTTP/1.1\r\nHost: a\r\n\r\n"),
	TEXT("c08_dots", "GET /metrics/../-/ready HTTP/1.1\r\nHost: a\r\n\r\n"),
	TEXT("c08_percent", "GET /%2e%2e/metrics HTTP/1.1\r\nHost: a\r\n\r\n"),
	TEXT("no_spaces", "GET/metricsHTTP/1.1\r\n\r\n"),
	TEXT("blank_lines", "\r\n\r\n\r\n" GET "\r\n\r\n\r\n"),
};
const size_t http_seeds_count = sizeof http_seeds / sizeof *http_seeds;

/* Kind of family, label count, its name's number, help, then series: see family_take(). */
const struct seed exposition_seeds[] = {
	TEXT("empty", ""),
	TEXT("counter", "\x00\x00\x05\x04Help\x01\x00\x2a\x00\x00\x00\x00\x00\x00\x00"),
	TEXT("counter_labelled",
         "\x00\x02\x06\x04Help\x03\x01\x01\x61\x01\x62\xff\xff\xff\xff\xff\xff\xff\xff"
         "\x01\x05\"\\\n\r\t\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x09\x00\x00\x00\x00\x00\x00\x00"),
	TEXT("real_counter", "\x01\x00\x07\x08\\n\nhelp\"\x01\x01\x9a\x99\x99\x99\x99\x99\xb9\x3f"),
	TEXT(
		"gauge",
		"\x02\x01\x08\x01h\x02\x01\x01\x61\x00\x00\x00\x00\x00\x00\xf8\x7f\x01\x01\x62\x00\x00\x00\x00\x00\x00\xf0\xff"),
	TEXT("gauge_all", "\x03\x01\x08\x01h\x02\x01\x01\x61\x00\x00\x00\x00\x00\x00\xf0\x3f\x05\x00\x00\x00"),
	TEXT("in_flight", "\x04\x00\x09\x01h\x01\x01\xfe\xff\xff\xff\xff\xff\xff\xff"),
	TEXT("histogram",
         "\x05\x01\x0a\x01h\x02\x03\x05\x09\x01\x01\x01\x78\x01\x00\x00\x00\x02\x00\x00\x00\x03\x00\x00\x00"
         "\x00\x00\x00\x00\x00\x00\x04\x40"),
	TEXT("summary", "\x06\x00\x0b\x01h\x01\x01\x05\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x14\x40"),
	TEXT("native",
         "\x08\x01\x0a\x01h\x01\x01\x78\x01\x53\x03\xf0\xff\xff\xff\xff\xff\x0f\x00\x05\x00\x06\x00\x07\x00\x08"),
	TEXT("summary_quantiles", "\x06\x00\x0b\x01h\xf1\x05\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x14\x40"
                              "\x00\x00\x00\x00\x00\x00\xf8\x7f\x00\x00\x00\x00\x00\x00\x14\xc0"),
	TEXT("names", "\x02\x04\xc8\x01h\x00\x02\x04\xc9\x01h\x00\x05\x01\xca\x01h\x00\x02\x00\xcb\x01h\x01"
                  "\x00\x00\xcd\x01h\x01\x02\x00\xce\x01h\x01\x02\x01\xcf\x01h\x01\x01\x61"),
	TIMES("all_kinds", "", "\x05\x01\x0a\x01h\x03\x03\x05\x09\x06\x01\x02\x03\x04\x02\x01\x03", 40, ""),
};
const size_t exposition_seeds_count = sizeof exposition_seeds / sizeof *exposition_seeds;

/* Files of other client libraries, behind a byte that says how they are called. */
const struct
	seed
		import_seeds
			[] =
				{
					TEXT(
						"counter",
						"\000H\000\000\000\000\000\000\000-\000\000\000[\"c\", \"c_total\", {\"l\": \"\\u00fc\\\"\\n\"}, \"help\"]       \000\000\000\000\000\000\010@"),
					TEXT(
						"counter_folded",
						"\200`\000\000\000\000\000\000\000\034\000\000\000[\"c\", \"c_total\", {}, \"help\"]        \000\000\000\000\000\000\010@\030\000\000\000[\"d\", \"d_total\", {}, \"\"]    \000\000\000\000\000\000\020@"),
					TEXT(
						"counter_earliest",
						"\2000\000\000\000\000\000\000\000\024\000\000\000[\"c\", \"c_total\", {}]        \000\000\000\000\000\000\010@"),
					TEXT(
						"histogram",
						"\201\270\000\000\000\000\000\000\000\037\000\000\000[\"h\", \"h_sum\", {\"a\": \"b\"}, \"h\"]     \000\000\000\000\000\000\370?/\000\000\000[\"h\", \"h_bucket\", {\"a\": \"b\", \"le\": \"1.0\"}, \"h\"]     \000\000\000\000\000\000\360?0\000\000\000[\"h\", \"h_bucket\", {\"a\": \"b\", \"le\": \"+Inf\"}, \"h\"]    \000\000\000\000\000\000\000@"),
					TEXT(
						"summary",
						"\202X\000\000\000\000\000\000\000\031\000\000\000[\"s\", \"s_count\", {}, \"h\"]   \000\000\000\000\000\000\360?\027\000\000\000[\"s\", \"s_sum\", {}, \"h\"]     \000\000\000\000\000\000\010@"),
					TEXT(
						"gauge_all",
						"\2038\000\000\000\000\000\000\000\033\000\000\000[\"g\", \"g\", {\"k\": \"v\"}, \"h\"] \000\000\000\000\000\000\360\277\000\000\000\000\000\000\000\000"),
					TEXT(
						"gauge_recent",
						"\2050\000\000\000\000\000\000\000\023\000\000\000[\"g\", \"g\", {}, \"h\"] \000\000\000\000\000\000\034@\000\000\000@\374T\331A"),
					TEXT(
						"hidden",
						"\2070\000\000\000\000\000\000\000\031\000\000\000[\"c\", \"c_total\", {}, \"h\"]   \000\000\000\000\000\000\"@"),
					TEXT("empty", "\000"),
					TEXT(
						"zeros",
						"\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000"),
					TEXT(
						"surrogate_alone",
						"\000@\000\000\000\000\000\000\000&\000\000\000[\"c\", \"c_total\", {\"l\": \"\\ud83d\"}, \"h\"]      \000\000\000\000\000\000\360?"),
					TEXT(
						"used_beyond_the_end",
						"\000\000\020\000\000\000\000\000\000\031\000\000\000[\"c\", \"c_total\", {}, \"h\"]   \000\000\000\000\000\000\360?"),
					TEXT(
						"mmap_counter",
						"\200h\000\000\000\000\000\000\000!\000\000\000[\"c\",\"c\",[\"a\",\"b\"],[\"\303\274\\n\",null]]   \000\000\000\000\000\000\004@\034\000\000\000[\"c\",\"c\",[\"a\",\"b\"],[5,true]]        \000\000\000\000\000\000\360\077"),
					TEXT(
						"mmap_histogram",
						"\214\260\000\000\000\000\000\000\000\023\000\000\000[\"h\",\"h_sum\",[],[]] \000\000\000\000\000\000\010@\025\000\000\000[\"h\",\"h_count\",[],[]]       \000\000\000\000\000\000\000@ \000\000\000[\"h\",\"h_bucket\",[\"le\"],[\"+Inf\"]]    \000\000\000\000\000\000\000@\035\000\000\000[\"h\",\"h_bucket\",[\"le\"],[\"1\"]]       \000\000\000\000\000\000\360\077"),
					TEXT(
						"mmap_histogram_torn",
						"\014\310\000\000\000\000\000\000\000\037\000\000\000[\"h\",\"h_bucket\",[\"le\"],[\"0.5\"]]     \000\000\000\000\000\000\"@ \000\000\000[\"h\",\"h_bucket\",[\"le\"],[\"+Inf\"]]    \000\000\000\000\000\000\000@ \000\000\000[\"h\",\"h_bucket\",[\"le\"],[\"+Inf\"]]    \000\000\000\000\000\000\000@\035\000\000\000[\"h\",\"h_bucket\",[\"le\"],[\"1\"]]       \000\000\000\000\000\000\360\077"),
					TEXT(
						"mmap_gauge",
						"\0130\000\000\000\000\000\000\000\027\000\000\000[\"g\",\"g\",[\"pid\"],[\"7\"]]     \000\000\000\000\000\000\010@"),
					TEXT(
						"mmap_summary",
						"\216P\000\000\000\000\000\000\000\023\000\000\000[\"s\",\"s_sum\",[],[]] \000\000\000\000\000\000\010@\025\000\000\000[\"s\",\"s_count\",[],[]]       \000\000\000\000\000\000\000@"),
					TEXT(
						"mmap_names",
						"\204X\000\000\000\000\000\000\000\033\000\000\000[\"x_count\",\"x_count\",[],[]] \000\000\000\000\000\000\010@\025\000\000\000[\"ns:x\",\"ns:x\",[],[]]       \000\000\000\000\000\000\000@"),
					TEXT(
						"ruby_counter",
						"\210H\000\000\000\000\000\000\000\004\000\000\000    \000\000\000\000\000\000\360\077\000\000\000\000\000\000\360\077\024\000\000\000a=%C3%BC%26&b=x+y   \000\000\000\000\000\000\000@\000\000\000\000\000\000\360\077"),
					TEXT(
						"ruby_histogram",
						"\211\220\000\000\000\000\000\000\000\014\000\000\000k=v&le=1    \000\000\000\000\000\000\360\077\000\000\000\000\000\000\360\077\014\000\000\000k=v&le=sum  \000\000\000\000\000\000\000@\000\000\000\000\000\000\360\077\024\000\000\000k=v&le=%2BInf       \000\000\000\000\000\000\010@\000\000\000\000\000\000\360\077\014\000\000\000le=0.3      \000\000\000\000\000\000\360\077\000\000\000\000\000\000\360\077"),
					TEXT(
						"ruby_summary",
						"\011X\000\000\000\000\000\000\000\024\000\000\000quantile=sum        \000\000\000\000\000\000\360\077\000\000\000\000\000\000\360\077\024\000\000\000quantile=count      \000\000\000\000\000\000\000@\000\000\000\000\000\000\360\077"),
					TEXT(
						"ruby_gauge",
						"\212(\000\000\000\000\000\000\000\014\000\000\000pid=7       \000\000\000\000\000\000\360\077\000\000\000\000\000\000\360\077"),
					TEXT(
						"ruby_reserved",
						"\215 \000\000\000\000\000\000\000\004\000\000\000    \000\000\000\000\000\000\360\077\000\000\000\000\000\000\360\077"),
};
const size_t import_seeds_count = sizeof import_seeds / sizeof *import_seeds;

#define HASH "$2y$10$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG"
#define CERT "tls_server_config:\n  cert_file: c.pem\n  key_file: /k.pem\n"

const struct seed web_seeds[] = {
	TEXT("tls", CERT "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.pem\n"
                     "  client_allowed_sans: [a, 'b']\n  min_version: TLS12\n  max_version: TLS13\n"
                     "  cipher_suites:\n    - TLS_AES_128_GCM_SHA256\n  prefer_server_cipher_suites: true\n"
                     "  curve_preferences: [X25519, CurveP256]\n"),
	TEXT("http", "http_server_config:\n  http2: false\n  headers:\n    X-Frame-Options: deny\n"
                 "    X-Content-Type-Options: nosniff\n    Content-Security-Policy: \"a\\tb\"\n"),
	TEXT("users", "basic_auth_users:\n  a: " HASH "\n  b: \"" HASH "\"\n"),
	TEXT("rate", "rate_limit: {interval: 1m0.5s, burst: 20}\n"),
	TEXT("unknown_key", CERT "  cert: x\n"),
	TEXT("twice", "rate_limit:\nrate_limit:\n"),
	TEXT("aliases", "rate_limit: &a {interval: &b 1s}\nhttp_server_config: *a\nbasic_auth_users: {x: *b}\n"),
	TEXT("itself", "rate_limit: &a {interval: *a}\n"),
	TEXT("documents", "--- {}\n--- {}\n...\n"),
	TEXT("utf_16", "\xff\xfe{\0}\0"),
	TIMES("deep", "a: ", "[", 3000, ""),
	TIMES("wide", "basic_auth_users:\n", " x: y\n", 100, ""),
	TEXT("basic", "Basic cHJvbTpzZWNyZXQ="),
	TEXT("basic_nul", "basic cHJvbTpzAA=="),
	TEXT("basic_broken", "Basic cHJv=bTpz"),
	TIMES("basic_long", "Basic OmFh", "YWFh", 90, ""),
};
const size_t web_seeds_count = sizeof web_seeds / sizeof *web_seeds;
