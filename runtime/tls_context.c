/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls_context.c - an OpenSSL context from a web configuration. Runs in the master, at its start and when a file has
 * changed.
 *
 * TLS 1.2 and 1.3, no renegotiation, no compression, HTTP/1.1 only. Sessions are kept in tickets, which end with the
 * context: a client that is not wanted any more cannot resume. Names of ciphers and curves are those that Go and so the
 * exporters' documentation use.
 */
#include "tls_context.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct maker {
	SSL_CTX *context;
	const struct muster__web_config *config;
	char *message;
};

static int refuse(struct maker *m, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int refuse(struct maker *m, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(m->message, MUSTER__WEB_MESSAGE_BYTES, format, args);
	va_end(args);
	return -EINVAL;
}

/* Why OpenSSL refused something; forgets it. */
static const char *reason(void)
{
	unsigned long error = ERR_peek_error();
	const char *text = ERR_reason_error_string(error);

	ERR_clear_error();
	return text ? text : "no reason given";
}

/* ---- certificate and key ------------------------------------------------------------------ */

/* A key with a passphrase is refused, instead of asking for it on the terminal. */
static int no_passphrase(char *out, int room, int writing, void *ctx)
{
	(void)out, (void)room, (void)writing, (void)ctx;
	return -1;
}

/* OpenSSL says of a missing file that the "system lib" failed. */
static const char *file_reason(const char *path)
{
	if (access(path, R_OK) == 0)
		return reason();
	ERR_clear_error();
	return strerror(errno);
}

static int use_certificate(struct maker *m)
{
	const struct muster__web_config *c = m->config;

	SSL_CTX_set_default_passwd_cb(m->context, no_passphrase);
	if (SSL_CTX_use_certificate_chain_file(m->context, c->cert_file) != 1)
		return refuse(m, "cert_file %.200s: %s; name a PEM file: the certificate, then those of its CAs", c->cert_file,
		              file_reason(c->cert_file));
	if (SSL_CTX_use_PrivateKey_file(m->context, c->key_file, SSL_FILETYPE_PEM) != 1)
		return refuse(m, "key_file %.200s: %s; name the PEM file of the key of %.200s, without a passphrase",
		              c->key_file, file_reason(c->key_file), c->cert_file);
	return 0;
}

/* ---- clients' certificates ---------------------------------------------------------------- */

static int ip_text(const ASN1_OCTET_STRING *ip, char out[INET6_ADDRSTRLEN])
{
	int bytes = ASN1_STRING_length(ip), family = bytes == 4 ? AF_INET : AF_INET6;

	return (bytes == 4 || bytes == 16) && inet_ntop(family, ASN1_STRING_get0_data(ip), out, INET6_ADDRSTRLEN);
}

static bool list_has(const struct muster__web_list *list, const char *text, size_t count)
{
	for (size_t i = 0; i < list->count; i++)
		if (strlen(list->items[i]) == count && memcmp(list->items[i], text, count) == 0)
			return true;
	return false;
}

static bool name_allowed(const struct muster__web_list *list, const GENERAL_NAME *name)
{
	char ip[INET6_ADDRSTRLEN];

	if (name->type == GEN_IPADD)
		return ip_text(name->d.iPAddress, ip) && list_has(list, ip, strlen(ip));
	if (name->type != GEN_DNS && name->type != GEN_EMAIL && name->type != GEN_URI)
		return false;
	return list_has(list, (const char *)ASN1_STRING_get0_data(name->d.ia5), (size_t)ASN1_STRING_length(name->d.ia5));
}

static bool certificate_allowed(const struct muster__web_list *list, const X509 *certificate)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	bool allowed = false;

	for (int i = 0; names && !allowed && i < sk_GENERAL_NAME_num(names); i++)
		allowed = name_allowed(list, sk_GENERAL_NAME_value(names, i));
	GENERAL_NAMES_free(names);
	return allowed;
}

static void sans_free(void *parent, void *data, CRYPTO_EX_DATA *all, int idx, long argl, void *argp)
{
	struct muster__web_list *list = data;

	(void)parent, (void)all, (void)idx, (void)argl, (void)argp;
	for (size_t i = 0; list && i < list->count; i++)
		free(list->items[i]);
	free(list);
}

static int context_idx(void)
{
	static int idx = -1;

	if (idx < 0)
		idx = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, sans_free);
	return idx;
}

/* Of each certificate of a chain; the client's own has depth 0. */
static int verified(int good, X509_STORE_CTX *store)
{
	const SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	const struct muster__web_list *sans = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), context_idx());

	if (!good || X509_STORE_CTX_get_error_depth(store) != 0 || sans == NULL)
		return good;
	if (certificate_allowed(sans, X509_STORE_CTX_get_current_cert(store)))
		return 1;
	X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
	return 0;
}

static int any_will_do(int good, X509_STORE_CTX *store)
{
	(void)good, (void)store;
	return 1;
}

/* The context outlives its configuration, so it has a list of its own. */
static int keep_sans(struct maker *m)
{
	struct muster__web_list *list;

	if (m->config->sans.count == 0)
		return 0;
	if ((list = calloc(1, sizeof *list)) == NULL)
		return -ENOMEM;
	for (; list->count < m->config->sans.count; list->count++)
		if ((list->items[list->count] = strdup(m->config->sans.items[list->count])) == NULL)
			break;
	if (list->count == m->config->sans.count && SSL_CTX_set_ex_data(m->context, context_idx(), list) == 1)
		return 0;
	sans_free(NULL, list, NULL, 0, 0, NULL);
	return -ENOMEM;
}

static int use_clients(struct maker *m)
{
	static const struct {
		int mode;
		int (*callback)(int good, X509_STORE_CTX *store);
	} rows[] = {
		[MUSTER__CLIENT_NONE] = {SSL_VERIFY_NONE, NULL},
		[MUSTER__CLIENT_REQUEST] = {SSL_VERIFY_PEER, any_will_do},
		[MUSTER__CLIENT_REQUIRE_ANY] = {SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, any_will_do},
		[MUSTER__CLIENT_VERIFY_IF_GIVEN] = {SSL_VERIFY_PEER, verified},
		[MUSTER__CLIENT_REQUIRE_AND_VERIFY] = {SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, verified},
	};
	const char *ca = m->config->client_ca_file;

	SSL_CTX_set_verify(m->context, rows[m->config->client_auth].mode, rows[m->config->client_auth].callback);
	if (ca == NULL)
		return 0;
	STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(ca);
	if (names == NULL || SSL_CTX_load_verify_file(m->context, ca) != 1) {
		sk_X509_NAME_pop_free(names, X509_NAME_free);
		return refuse(m, "client_ca_file %.200s: %s; name a PEM file of certificates", ca, file_reason(ca));
	}
	SSL_CTX_set_client_CA_list(m->context, names);
	return keep_sans(m);
}

/* ---- ciphers, curves, versions ------------------------------------------------------------ */

struct names {
	char text[1024]; /* joined by colons, as OpenSSL takes them */
	size_t count;
};

static int names_add(struct maker *m, struct names *names, const char *name)
{
	size_t room = sizeof names->text - names->count;
	int n = snprintf(names->text + names->count, room, "%s%s", names->count ? ":" : "", name);

	if ((size_t)n >= room)
		return refuse(m, "cipher_suites: too many; take some out");
	names->count += (size_t)n;
	return 0;
}

/* TLS 1.3 has suites of its own, which are called the same everywhere. Those that are not named stay as they are. */
static int use_ciphers(struct maker *m)
{
	struct names old = {0}, new = {0};
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < m->config->ciphers.count; i++) {
		const char *name = m->config->ciphers.items[i], *ours = OPENSSL_cipher_name(name);
		if (strcmp(ours, "(NONE)") == 0)
			return refuse(m, "cipher_suites: %.100s: no such cipher; openssl ciphers -stdname lists them", name);
		rc = names_add(m, strncmp(ours, "TLS_", 4) == 0 ? &new : &old, ours);
	}
	if (rc == 0 && old.count && SSL_CTX_set_cipher_list(m->context, old.text) != 1)
		return refuse(m, "cipher_suites: %s; openssl ciphers -stdname lists those there are", reason());
	if (rc == 0 && new.count && SSL_CTX_set_ciphersuites(m->context, new.text) != 1)
		return refuse(m, "cipher_suites: %s; openssl ciphers -stdname lists those there are", reason());
	return rc;
}

static const char *curve_name(const char *of_go)
{
	static const char *const rows[][2] = {
		{"CurveP256", "P-256"}, {"CurveP384", "P-384"}, {"CurveP521", "P-521"}, {"X25519", "X25519"}};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (strcmp(rows[i][0], of_go) == 0)
			return rows[i][1];
	return NULL;
}

static int use_curves(struct maker *m)
{
	struct names names = {0};
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < m->config->curves.count; i++) {
		const char *name = curve_name(m->config->curves.items[i]);
		if (name == NULL)
			return refuse(m, "curve_preferences: %.100s: must be CurveP256, CurveP384, CurveP521 or X25519",
			              m->config->curves.items[i]);
		rc = names_add(m, &names, name);
	}
	if (rc == 0 && names.count && SSL_CTX_set1_groups_list(m->context, names.text) != 1)
		return refuse(m, "curve_preferences: %s; name each once", reason());
	return rc;
}

static int alpn_chosen(SSL *ssl, const unsigned char **out, unsigned char *out_count, const unsigned char *offered,
                       unsigned offered_count, void *ctx)
{
	static const unsigned char ours[] = "\x08http/1.1";
	unsigned char *chosen;

	(void)ssl, (void)ctx;
	if (SSL_select_next_proto(&chosen, out_count, ours, sizeof ours - 1, offered, offered_count) !=
	    OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

static int use_protocol(struct maker *m)
{
	static const unsigned char sessions[] = "muster";
	static const int versions[] = {[2] = TLS1_2_VERSION, [3] = TLS1_3_VERSION};
	const struct muster__web_config *c = m->config;

	SSL_CTX_set_options(m->context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
	                                    (c->prefer_client_ciphers ? 0 : SSL_OP_CIPHER_SERVER_PREFERENCE));
	SSL_CTX_set_mode(m->context, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_session_cache_mode(m->context, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_alpn_select_cb(m->context, alpn_chosen, NULL);
	if (SSL_CTX_set_session_id_context(m->context, sessions, sizeof sessions - 1) != 1 ||
	    SSL_CTX_set_min_proto_version(m->context, versions[c->min_minor]) != 1 ||
	    SSL_CTX_set_max_proto_version(m->context, versions[c->max_minor]) != 1)
		return refuse(m, "min_version, max_version: %s", reason());
	return 0;
}

int muster__tls_context_create(const struct muster__web_config *config, SSL_CTX **out,
                               char message[MUSTER__WEB_MESSAGE_BYTES])
{
	static int (*const steps[])(struct maker *) = {use_protocol, use_ciphers, use_curves, use_certificate, use_clients};
	struct maker m = {.config = config, .message = message};
	int rc = 0;

	(void)snprintf(message, MUSTER__WEB_MESSAGE_BYTES, "out of memory");
	ERR_clear_error();
	if (context_idx() < 0 || (m.context = SSL_CTX_new(TLS_server_method())) == NULL)
		return -ENOMEM;
	for (size_t i = 0; rc == 0 && i < sizeof steps / sizeof *steps; i++)
		rc = steps[i](&m);
	if (rc == 0)
		*out = m.context;
	else
		SSL_CTX_free(m.context);
	return rc;
}
