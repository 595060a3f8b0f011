/* SPDX-License-Identifier: Apache-2.0 */
/* What is read from a web configuration file, and what is said of one that is wrong. */
#include "support.h"

#include "runtime/web_config.c"

#define HASH "$2y$10$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG"
#define CERT "tls_server_config:\n  cert_file: c.pem\n  key_file: k.pem\n"

static int parse(const char *text, struct muster__web_config *out, char *message)
{
	return muster__web_config_parse("/etc/muster/web.yml", text, strlen(text), out, message);
}

static void whole_file_is_read(void **state)
{
	static const char text[] =
		CERT "  client_auth_type: RequireAndVerifyClientCert\n"
			 "  client_ca_file: /ca.pem\n"
			 "  client_allowed_sans: [scraper, 10.0.0.1]\n"
			 "  min_version: TLS13\n"
			 "  max_version: TLS13\n"
			 "  cipher_suites:\n    - TLS_AES_128_GCM_SHA256\n"
			 "  prefer_server_cipher_suites: false\n"
			 "  curve_preferences: [X25519]\n"
			 "http_server_config:\n"
			 "  http2: false\n"
			 "  headers:\n    X-Frame-Options: deny\n    Content-Security-Policy: \"default-src 'none'\"\n"
			 "basic_auth_users:\n  a: " HASH "\n  b: " HASH "\n"
			 "rate_limit: {interval: 1m30s, burst: 7}\n";
	struct muster__web_config c;
	char message[MUSTER__WEB_MESSAGE_BYTES];

	(void)state;
	assert_int_equal(parse(text, &c, message), 0);
	assert_true(c.tls);
	assert_string_equal(c.cert_file, "/etc/muster/c.pem");
	assert_string_equal(c.key_file, "/etc/muster/k.pem");
	assert_string_equal(c.client_ca_file, "/ca.pem");
	assert_int_equal(c.client_auth, MUSTER__CLIENT_REQUIRE_AND_VERIFY);
	assert_int_equal(c.sans.count, 2);
	assert_string_equal(c.sans.items[1], "10.0.0.1");
	assert_int_equal(c.min_minor, 3);
	assert_string_equal(c.ciphers.items[0], "TLS_AES_128_GCM_SHA256");
	assert_true(c.prefer_client_ciphers);
	assert_string_equal(c.curves.items[0], "X25519");
	assert_string_equal(c.headers, "X-Frame-Options: deny\r\nContent-Security-Policy: default-src 'none'\r\n");
	assert_int_equal(c.user_count, 2);
	assert_string_equal(c.users[1].name, "b");
	assert_string_equal(c.users[1].bcrypt, HASH);
	assert_true(c.interval_seconds == 90);
	assert_int_equal(c.burst, 7);
	muster__web_config_free(&c);
}

static void nothing_is_plain_and_open(void **state)
{
	static const char *const texts[] = {
		"", "# nothing\n", "{}", "---\n", "tls_server_config:\nbasic_auth_users:\n", "tls_server_config: {}\n"};
	struct muster__web_config c;
	char message[MUSTER__WEB_MESSAGE_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		assert_int_equal(parse(texts[i], &c, message), 0);
		assert_false(c.tls);
		assert_int_equal(c.user_count, 0);
		muster__web_config_free(&c);
	}
}

static void path_without_directory_is_taken_as_it_is(void **state)
{
	struct muster__web_config c;
	char message[MUSTER__WEB_MESSAGE_BYTES];

	(void)state;
	assert_int_equal(muster__web_config_parse("web.yml", CERT, strlen(CERT), &c, message), 0);
	assert_string_equal(c.cert_file, "c.pem");
	muster__web_config_free(&c);
}

static const struct {
	const char *text, *message; /* what it has in it, behind the file's name */
} refused[] = {
	{"tls_server: 1\n",
     ":1: tls_server: unknown key; there are tls_server_config, http_server_config, basic_auth_users"},
	{CERT "  cert_flie: x\n", ":4: tls_server_config.cert_flie: unknown key; there are cert_file, key_file,"},
	{CERT "  cert_file: x\n", ":4: tls_server_config.cert_file: is given twice; keep one"},
	{"tls_server_config:\n  cert_file: c.pem\n", ":2: tls_server_config.key_file: is missing; name the PEM file"},
	{"tls_server_config:\n  min_version: TLS13\n", "tls_server_config.cert_file: is missing"},
	{"tls_server_config: yes\n", ":1: tls_server_config: must be keys with values"},
	{CERT "  cert: PEM\n", ":4: tls_server_config.cert: is not read from here; put it into a file"},
	{CERT "  min_version: TLS10\n", ":4: tls_server_config.min_version: TLS10: must be TLS12 or TLS13"},
	{CERT "  min_version: TLS13\n  max_version: TLS12\n", "min_version: is greater than max_version"},
	{CERT "  client_auth_type: Sometimes\n", "client_auth_type: Sometimes: must be NoClientCert,"},
	{CERT "  client_auth_type: RequireAndVerifyClientCert\n", "client_ca_file: is missing; name the CAs"},
	{CERT "  client_ca_file: ca.pem\n", "client_ca_file: needs client_auth_type"},
	{CERT "  client_auth_type: RequireAnyClientCert\n  client_allowed_sans: [a]\n",
     "client_allowed_sans: needs client_auth_type: RequireAndVerifyClientCert"},
	{CERT "  cipher_suites: TLS_AES_128_GCM_SHA256\n", "cipher_suites: must be a list"},
	{CERT "  cipher_suites: [[a]]\n", "cipher_suites: each entry must be one text"},
	{CERT "  prefer_server_cipher_suites: maybe\n", "prefer_server_cipher_suites: maybe: must be true or false"},
	{"http_server_config: {http2: true}\n", "http_server_config.http2: there is HTTP/1.1 only; write false"},
	{"http_server_config: {headers: {Server: x}}\n", "Server: cannot be set; Strict-Transport-Security,"},
	{"http_server_config: {headers: {X-Frame-Options: allow}}\n", "X-Frame-Options: allow: must be deny or sameorigin"},
	{"http_server_config: {headers: {X-XSS-Protection: \"a\\r\\nb: c\"}}\n", "has a control character"},
	{"basic_auth_users:\n  a: secret\n", ":2: basic_auth_users.a: is no bcrypt hash; make one with: htpasswd"},
	{"basic_auth_users:\n  a:\n", ":2: basic_auth_users.a: is no bcrypt hash"},
	{"basic_auth_users:\n  \"a:b\": " HASH "\n", "is no name of a user"},
	{"basic_auth_users:\n  a: $2y$31$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG\n",
     "has bcrypt cost 31: must be 4 to 16"},
	{"basic_auth_users:\n  a: $2x$10$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG\n", "is no bcrypt hash"},
	{"rate_limit: {interval: soon}\n", "rate_limit.interval: soon: must be a time from 0 to 1h, as 500ms or 1s"},
	{"rate_limit: {interval: 2h}\n", "rate_limit.interval: 2h: must be"},
	{"rate_limit: {interval: 1s, burst: 0}\n", "rate_limit.burst: 0: must be a number from 1 to 1000000"},
	{"a: [\n", ":2: is not YAML: "},
	{"\xff\xfe\xff", "is not YAML: "},
	{"[a]\n", ":1: the file: must be keys with values"},
	{"{}\n---\nbasic_auth_users:\n  a: " HASH "\n", ":3: ---: only one document may be in the file"},
	{"\"a\\0b\": 1\n", "a key must be one text"},
};

static void wrong_file_is_refused_with_line_key_and_remedy(void **state)
{
	struct muster__web_config c;
	char message[MUSTER__WEB_MESSAGE_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
		assert_int_equal(parse(refused[i].text, &c, message), -EINVAL);
		if (strncmp(message, "/etc/muster/web.yml:", 20) != 0 || strstr(message, refused[i].message) == NULL)
			fail_msg("%zu: \"%s\" is not in \"%s\"", i, refused[i].message, message);
		muster__web_config_free(&c);
	}
}

static void secret_is_in_no_message(void **state)
{
	struct muster__web_config c;
	char message[MUSTER__WEB_MESSAGE_BYTES];

	(void)state;
	assert_int_equal(parse("basic_auth_users:\n  a: topsecret\n", &c, message), -EINVAL);
	assert_null(strstr(message, "topsecret"));
	muster__web_config_free(&c);
}

static void number_of_keys_and_entries_is_bounded(void **state)
{
	char text[MUSTER__WEB_CONFIG_BYTES_MAX], message[MUSTER__WEB_MESSAGE_BYTES];
	struct muster__web_config c;
	int n = sprintf(text, "basic_auth_users:\n");

	(void)state;
	for (int i = 0; i < MUSTER__WEB_USERS_MAX; i++)
		n += sprintf(text + n, "  u%d: " HASH "\n", i);
	assert_int_equal(parse(text, &c, message), 0);
	assert_int_equal(c.user_count, MUSTER__WEB_USERS_MAX);
	muster__web_config_free(&c);
	(void)sprintf(text + n, "  one_more: " HASH "\n");
	assert_int_equal(parse(text, &c, message), -EINVAL);
	assert_non_null(strstr(message, "one_more: at most 64 keys in one place"));
	muster__web_config_free(&c);
	n = sprintf(text, CERT "  cipher_suites:\n");
	for (int i = 0; i <= MUSTER__WEB_LIST_MAX; i++)
		n += sprintf(text + n, "    - c%d\n", i);
	assert_int_equal(parse(text, &c, message), -EINVAL);
	assert_non_null(strstr(message, "cipher_suites: at most 32 entries"));
	muster__web_config_free(&c);
}

static void what_is_no_small_file_is_refused(void **state)
{
	struct muster__web_config c;
	char message[MUSTER__WEB_MESSAGE_BYTES];

	(void)state;
	assert_int_equal(muster__web_config_read("/nonexistent/web.yml", &c, message), -ENOENT);
	assert_non_null(strstr(message, "/nonexistent/web.yml: cannot be read: No such file or directory; give the path"));
	assert_int_equal(muster__web_config_read("/dev/zero", &c, message), -EINVAL);
	assert_int_equal(muster__web_config_read("/proc/self", &c, message), -EINVAL);
	assert_int_equal(muster__web_config_read("/proc/self/exe", &c, message), -EFBIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_file_is_read),
		cmocka_unit_test(nothing_is_plain_and_open),
		cmocka_unit_test(path_without_directory_is_taken_as_it_is),
		cmocka_unit_test(wrong_file_is_refused_with_line_key_and_remedy),
		cmocka_unit_test(secret_is_in_no_message),
		cmocka_unit_test(number_of_keys_and_entries_is_bounded),
		cmocka_unit_test(what_is_no_small_file_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
