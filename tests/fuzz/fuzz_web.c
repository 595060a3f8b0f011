/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_web.c - any bytes as a web configuration file, and as what a client sends as its user and password.
 *
 * A file that is taken keeps what the rest of the master relies on; one that is refused is refused with a sentence.
 */
#include "fuzz.h"

#include <errno.h>

#include "runtime/credentials.h"
#include "runtime/web_config.h"

/* Each line whole and by itself: or a value could bring a header of its own. */
static void headers_check(const char *text)
{
	for (const char *end; *text; text = end + 2) {
		end = strstr(text, "\r\n");
		FUZZ_REQUIRE(end && strchr(text, ':') < end, "a line that is no header");
		for (; text < end; text++)
			FUZZ_REQUIRE((unsigned char)*text >= 0x20 && *text != 0x7f, "control character %d", *text);
	}
}

static void list_check(const struct muster__web_list *list)
{
	FUZZ_REQUIRE(list->count <= MUSTER__WEB_LIST_MAX, "%zu entries", list->count);
	for (size_t i = 0; i < list->count; i++)
		FUZZ_REQUIRE(*list->items[i], "an empty entry");
}

static void config_check(const struct muster__web_config *c)
{
	FUZZ_REQUIRE(!c->tls || (c->cert_file && c->key_file), "TLS without files");
	FUZZ_REQUIRE(c->tls || (c->cert_file == NULL && c->client_auth == MUSTER__CLIENT_NONE), "files without TLS");
	FUZZ_REQUIRE((c->client_auth == MUSTER__CLIENT_NONE) <= (c->client_ca_file == NULL), "CAs and no question");
	FUZZ_REQUIRE(c->sans.count == 0 || c->client_auth == MUSTER__CLIENT_REQUIRE_AND_VERIFY, "names and no question");
	FUZZ_REQUIRE(c->min_minor >= 2 && c->min_minor <= c->max_minor && c->max_minor <= 3, "versions");
	FUZZ_REQUIRE(c->interval_seconds >= 0 && c->interval_seconds <= 3600 && c->burst >= 1, "rate");
	list_check(&c->sans);
	list_check(&c->ciphers);
	list_check(&c->curves);
	headers_check(c->headers);
	FUZZ_REQUIRE(c->user_count <= MUSTER__WEB_USERS_MAX, "%zu users", c->user_count);
	for (size_t i = 0; i < c->user_count; i++)
		FUZZ_REQUIRE(*c->users[i].name && !strchr(c->users[i].name, ':') &&
		                 strlen(c->users[i].bcrypt) == MUSTER__WEB_BCRYPT_BYTES,
		             "user %zu", i);
}

static void config_try(const char *text, size_t count)
{
	struct muster__web_config config;
	char message[MUSTER__WEB_MESSAGE_BYTES];
	int rc = muster__web_config_parse("dir/web.yml", text, count, &config, message);

	FUZZ_REQUIRE(rc == 0 || rc == -EINVAL, "code %d", rc);
	if (rc == 0)
		config_check(&config);
	else
		FUZZ_REQUIRE(strncmp(message, "dir/web.yml:", 12) == 0 && strlen(message) < sizeof message, "%s", message);
	muster__web_config_free(&config);
}

static void credentials_try(const char *text, size_t count)
{
	struct muster__credentials c;

	if (!muster__credentials_read(text, count, &c))
		return;
	FUZZ_REQUIRE(c.user == c.text && c.password == c.user + strlen(c.user) + 1, "user and password");
	FUZZ_REQUIRE(c.count == strlen(c.user) + 1 + strlen(c.password) && c.count < sizeof c.text, "%zu bytes", c.count);
	FUZZ_REQUIRE(strlen(c.password) <= MUSTER__PASSWORD_BYTES_MAX, "a long password");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = malloc(size ? size : 1); /* nothing behind it */

	FUZZ_REQUIRE(copy, "memory");
	if (size)
		memcpy(copy, data, size);
	if (size <= MUSTER__WEB_CONFIG_BYTES_MAX)
		config_try(copy, size);
	credentials_try(copy, size);
	free(copy);
	return 0;
}
