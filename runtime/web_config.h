/* SPDX-License-Identifier: Apache-2.0 */
/*
 * web_config.h - the web configuration file of Prometheus' exporters, as muster understands it: TLS, users, headers, rate.
 *
 * Source: prometheus/exporter-toolkit, docs/web-configuration.md. What of it is refused: docs/serving.md.
 */
#ifndef MUSTER__WEB_CONFIG_H
#define MUSTER__WEB_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#define MUSTER__WEB_CONFIG_BYTES_MAX 65536 /* of the file */
#define MUSTER__WEB_USERS_MAX 64
#define MUSTER__WEB_LIST_MAX 32 /* entries of each list */
#define MUSTER__WEB_HEADER_BYTES_MAX 4096
#define MUSTER__WEB_BCRYPT_BYTES 60
#define MUSTER__WEB_BCRYPT_COST_MAX 16 /* seconds of a processor for each check */
#define MUSTER__WEB_MESSAGE_BYTES 512

enum muster__client_auth {
	MUSTER__CLIENT_NONE,
	MUSTER__CLIENT_REQUEST,
	MUSTER__CLIENT_REQUIRE_ANY,
	MUSTER__CLIENT_VERIFY_IF_GIVEN,
	MUSTER__CLIENT_REQUIRE_AND_VERIFY,
};

struct muster__web_list {
	char *items[MUSTER__WEB_LIST_MAX];
	size_t count;
};

struct muster__web_user {
	char *name;
	char bcrypt[MUSTER__WEB_BCRYPT_BYTES + 1];
};

struct muster__web_config {
	bool tls;
	char *cert_file, *key_file, *client_ca_file; /* relative ones are joined with the file's directory */
	enum muster__client_auth client_auth;
	unsigned min_minor, max_minor; /* of TLS 1.x */
	bool prefer_client_ciphers;
	struct muster__web_list sans, ciphers, curves; /* the names of the last two are those of Go */
	struct muster__web_user users[MUSTER__WEB_USERS_MAX];
	size_t user_count;
	char headers[MUSTER__WEB_HEADER_BYTES_MAX]; /* lines as they are sent, each ended by CR LF */
	double interval_seconds;                    /* of the rate limit; 0: none */
	unsigned burst;
};

/* Read the text of a file.
 *   name      of the file, for messages; relative paths in it are relative to its directory
 *   out       to be freed by muster__web_config_free(), whatever is returned
 *   message   on failure one line: file, line, key, what was refused, remedy
 * Returns 0, -EINVAL or -ENOMEM. */
int muster__web_config_parse(const char *name, const char *text, size_t count, struct muster__web_config *out,
                             char message[MUSTER__WEB_MESSAGE_BYTES]);

/* Read a file; as above. Also -errno if it cannot be read. */
int muster__web_config_read(const char *path, struct muster__web_config *out, char message[MUSTER__WEB_MESSAGE_BYTES]);

void muster__web_config_free(struct muster__web_config *config);

#endif
