/* SPDX-License-Identifier: Apache-2.0 */
/*
 * web_config.c - from YAML to a struct, by one table of keys for each section. Runs in the master, at its start and when
 * the file has changed.
 *
 * A key that is not in the table is refused, and so is one that is given twice: what protects a page must not be
 * misspelt. The file is small, its tree is walked to the depth of the tables only, and nothing of it is followed.
 */
#include "web_config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml.h>

struct reader {
	const char *file;
	yaml_document_t *document;
	struct muster__web_config *out;
	char *message;
	const char *section; /* being read */
};

struct key {
	const char *name;
	int (*set)(struct reader *r, const char *key, const yaml_node_t *value);
};

/* ---- refusing ----------------------------------------------------------------------------- */

static int refuse(const struct reader *r, const yaml_node_t *node, const char *key, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* `key` is cut: it may be any bytes of the file. */
static int refuse(const struct reader *r, const yaml_node_t *node, const char *key, const char *format, ...)
{
	bool inner = r->section && strcmp(r->section, key) != 0;
	int n = snprintf(r->message, MUSTER__WEB_MESSAGE_BYTES, "%.200s:%zu: %s%s%.60s: ", r->file,
	                 node->start_mark.line + 1, inner ? r->section : "", inner ? "." : "", key);
	va_list args;

	va_start(args, format);
	(void)vsnprintf(r->message + n, MUSTER__WEB_MESSAGE_BYTES - (size_t)n, format, args);
	va_end(args);
	return -EINVAL;
}

static int unknown_key(const struct reader *r, const yaml_node_t *node, const char *name, const struct key *keys)
{
	char known[240];
	size_t count = 0;

	known[0] = '\0';
	for (const struct key *key = keys; key->name; key++)
		count += (size_t)snprintf(known + count, sizeof known - count, "%s%s", key == keys ? "" : ", ", key->name);
	return refuse(r, node, name, "unknown key; there are %s", known);
}

/* ---- values ------------------------------------------------------------------------------- */

/* The text of a scalar, or NULL: a list, a mapping, or bytes with a NUL in them. */
static const char *scalar(const yaml_node_t *node)
{
	if (node->type != YAML_SCALAR_NODE)
		return NULL;
	const char *text = (const char *)node->data.scalar.value;
	return strlen(text) == node->data.scalar.length ? text : NULL;
}

/* Nothing, as in `key:`. */
static bool is_null(const yaml_node_t *node)
{
	const char *text = scalar(node);

	return text && node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	       (*text == '\0' || strcmp(text, "~") == 0 || strcmp(text, "null") == 0);
}

static int need_scalar(struct reader *r, const char *key, const yaml_node_t *node, const char **out)
{
	*out = is_null(node) ? "" : scalar(node);
	return *out ? 0 : refuse(r, node, key, "must be one text");
}

static int set_path(struct reader *r, const char *key, const yaml_node_t *node, char **out)
{
	const char *text, *slash = strrchr(r->file, '/');
	int rc = need_scalar(r, key, node, &text);

	if (rc != 0 || *text == '\0')
		return rc;
	if (asprintf(out, "%.*s%s", *text == '/' || slash == NULL ? 0 : (int)(slash - r->file + 1), r->file, text) >= 0)
		return 0;
	*out = NULL;
	return -ENOMEM;
}

static int set_list(struct reader *r, const char *key, const yaml_node_t *node, struct muster__web_list *out)
{
	if (is_null(node))
		return 0;
	if (node->type != YAML_SEQUENCE_NODE)
		return refuse(r, node, key, "must be a list, one \"- ...\" a line");
	for (yaml_node_item_t *item = node->data.sequence.items.start; item < node->data.sequence.items.top; item++) {
		const yaml_node_t *child = yaml_document_get_node(r->document, *item);
		const char *text = scalar(child);
		if (text == NULL || *text == '\0')
			return refuse(r, child, key, "each entry must be one text");
		if (out->count == MUSTER__WEB_LIST_MAX)
			return refuse(r, child, key, "at most %d entries", MUSTER__WEB_LIST_MAX);
		if ((out->items[out->count] = strdup(text)) == NULL)
			return -ENOMEM;
		out->count++;
	}
	return 0;
}

static int set_bool(struct reader *r, const char *key, const yaml_node_t *node, bool *out)
{
	const char *text;
	int rc = need_scalar(r, key, node, &text);

	if (rc != 0)
		return rc;
	*out = strcmp(text, "true") == 0;
	return *out || strcmp(text, "false") == 0 ? 0 : refuse(r, node, key, "%.60s: must be true or false", text);
}

/* ---- mappings ----------------------------------------------------------------------------- */

typedef int entry_fn(struct reader *r, const char *key, const yaml_node_t *key_node, const yaml_node_t *value,
                     void *ctx);

static bool stood_before(const struct reader *r, const yaml_node_pair_t *first, const yaml_node_pair_t *pair,
                         const char *name)
{
	for (; first < pair; first++) {
		const char *other = scalar(yaml_document_get_node(r->document, first->key));
		if (other && strcmp(other, name) == 0)
			return true;
	}
	return false;
}

/* Call `entry` for each key of a mapping, once. Nothing at all is a mapping without keys. */
static int each(struct reader *r, const char *key, const yaml_node_t *node, entry_fn *entry, void *ctx)
{
	int rc = 0;

	if (is_null(node))
		return 0;
	if (node->type != YAML_MAPPING_NODE)
		return refuse(r, node, key, "must be keys with values, one \"key: value\" a line");
	yaml_node_pair_t *first = node->data.mapping.pairs.start, *end = node->data.mapping.pairs.top;
	for (yaml_node_pair_t *pair = first; rc == 0 && pair < end; pair++) {
		const yaml_node_t *key_node = yaml_document_get_node(r->document, pair->key);
		const char *name = scalar(key_node);
		if (name == NULL)
			return refuse(r, key_node, key, "a key must be one text");
		if (pair - first >= MUSTER__WEB_USERS_MAX)
			return refuse(r, key_node, name, "at most %d keys in one place", MUSTER__WEB_USERS_MAX);
		if (stood_before(r, first, pair, name))
			return refuse(r, key_node, name, "is given twice; keep one");
		rc = entry(r, name, key_node, yaml_document_get_node(r->document, pair->value), ctx);
	}
	return rc;
}

static int entry_by_table(struct reader *r, const char *name, const yaml_node_t *key_node, const yaml_node_t *value,
                          void *keys)
{
	for (const struct key *key = keys; key->name; key++)
		if (strcmp(key->name, name) == 0)
			return key->set(r, name, value);
	return unknown_key(r, key_node, name, keys);
}

static int section(struct reader *r, const char *name, const yaml_node_t *node, const struct key *keys)
{
	const char *outer = r->section;

	r->section = name;
	int rc = each(r, name, node, entry_by_table, (void *)keys);
	r->section = outer;
	return rc;
}

/* ---- tls_server_config -------------------------------------------------------------------- */

static int set_cert_file(struct reader *r, const char *key, const yaml_node_t *node)
{
	return set_path(r, key, node, &r->out->cert_file);
}

static int set_key_file(struct reader *r, const char *key, const yaml_node_t *node)
{
	return set_path(r, key, node, &r->out->key_file);
}

static int set_client_ca_file(struct reader *r, const char *key, const yaml_node_t *node)
{
	return set_path(r, key, node, &r->out->client_ca_file);
}

static int set_inline(struct reader *r, const char *key, const yaml_node_t *node)
{
	return refuse(r, node, key, "is not read from here; put it into a file and name that with %s_file", key);
}

static int set_client_auth(struct reader *r, const char *key, const yaml_node_t *node)
{
	static const struct {
		const char *name;
		enum muster__client_auth auth;
	} rows[] = {
		{"", MUSTER__CLIENT_NONE},
		{"NoClientCert", MUSTER__CLIENT_NONE},
		{"RequestClientCert", MUSTER__CLIENT_REQUEST},
		{"RequireAnyClientCert", MUSTER__CLIENT_REQUIRE_ANY},
		{"RequireClientCert", MUSTER__CLIENT_REQUIRE_ANY}, /* its old name */
		{"VerifyClientCertIfGiven", MUSTER__CLIENT_VERIFY_IF_GIVEN},
		{"RequireAndVerifyClientCert", MUSTER__CLIENT_REQUIRE_AND_VERIFY},
	};
	const char *text;
	int rc = need_scalar(r, key, node, &text);

	for (size_t i = 0; rc == 0 && i < sizeof rows / sizeof *rows; i++)
		if (strcmp(rows[i].name, text) == 0) {
			r->out->client_auth = rows[i].auth;
			return 0;
		}
	return rc ? rc
	          : refuse(
					r, node, key,
					"%.60s: must be NoClientCert, RequestClientCert, RequireAnyClientCert, VerifyClientCertIfGiven or "
					"RequireAndVerifyClientCert",
					text);
}

static int set_sans(struct reader *r, const char *key, const yaml_node_t *node)
{
	return set_list(r, key, node, &r->out->sans);
}

static int set_ciphers(struct reader *r, const char *key, const yaml_node_t *node)
{
	return set_list(r, key, node, &r->out->ciphers);
}

static int set_curves(struct reader *r, const char *key, const yaml_node_t *node)
{
	return set_list(r, key, node, &r->out->curves);
}

static int set_prefer(struct reader *r, const char *key, const yaml_node_t *node)
{
	bool server = true;
	int rc = set_bool(r, key, node, &server);

	r->out->prefer_client_ciphers = !server;
	return rc;
}

static int set_version(struct reader *r, const char *key, const yaml_node_t *node, unsigned *out)
{
	const char *text;
	int rc = need_scalar(r, key, node, &text);

	if (rc == 0 && strcmp(text, "TLS12") == 0)
		*out = 2;
	else if (rc == 0 && strcmp(text, "TLS13") == 0)
		*out = 3;
	else if (rc == 0)
		rc = refuse(r, node, key, "%.60s: must be TLS12 or TLS13; older ones are not safe", text);
	return rc;
}

static int set_min_version(struct reader *r, const char *key, const yaml_node_t *node)
{
	return set_version(r, key, node, &r->out->min_minor);
}

static int set_max_version(struct reader *r, const char *key, const yaml_node_t *node)
{
	return set_version(r, key, node, &r->out->max_minor);
}

static const struct key tls_keys[] = {
	{"cert_file", set_cert_file},
	{"key_file", set_key_file},
	{"client_auth_type", set_client_auth},
	{"client_ca_file", set_client_ca_file},
	{"client_allowed_sans", set_sans},
	{"min_version", set_min_version},
	{"max_version", set_max_version},
	{"cipher_suites", set_ciphers},
	{"prefer_server_cipher_suites", set_prefer},
	{"curve_preferences", set_curves},
	{"cert", set_inline},
	{"key", set_inline},
	{"client_ca", set_inline},
	{NULL, NULL},
};

/* What has to go together. Without a verified certificate a list of CAs or of names would protect nothing. */
static int check_tls(struct reader *r, const yaml_node_t *node)
{
	const struct muster__web_config *c = r->out;
	bool verifies =
		c->client_auth == MUSTER__CLIENT_VERIFY_IF_GIVEN || c->client_auth == MUSTER__CLIENT_REQUIRE_AND_VERIFY;

	if (c->cert_file == NULL || c->key_file == NULL)
		return refuse(r, node, c->cert_file ? "key_file" : "cert_file", "is missing; name the PEM file");
	if (verifies && c->client_ca_file == NULL)
		return refuse(r, node, "client_ca_file", "is missing; name the CAs that client_auth_type is to believe");
	if (c->client_ca_file && c->client_auth == MUSTER__CLIENT_NONE)
		return refuse(r, node, "client_ca_file", "needs client_auth_type; set it to RequireAndVerifyClientCert");
	if (c->sans.count && c->client_auth != MUSTER__CLIENT_REQUIRE_AND_VERIFY)
		return refuse(r, node, "client_allowed_sans", "needs client_auth_type: RequireAndVerifyClientCert");
	if (c->min_minor > c->max_minor)
		return refuse(r, node, "min_version", "is greater than max_version; leave one out");
	return 0;
}

static int set_tls(struct reader *r, const char *key, const yaml_node_t *node)
{
	int rc = section(r, key, node, tls_keys);

	r->out->tls = node->type == YAML_MAPPING_NODE && node->data.mapping.pairs.top > node->data.mapping.pairs.start;
	if (rc != 0 || !r->out->tls)
		return rc;
	r->section = key;
	rc = check_tls(r, node);
	r->section = NULL;
	return rc;
}

/* ---- http_server_config ------------------------------------------------------------------- */

static int set_http2(struct reader *r, const char *key, const yaml_node_t *node)
{
	bool on;
	int rc = set_bool(r, key, node, &on);

	return rc == 0 && on ? refuse(r, node, key, "there is HTTP/1.1 only; write false, or leave it out") : rc;
}

static const struct header_row {
	const char *name;
	const char *values[3]; /* the ones that may be; none: any */
} header_rows[] = {
	{"Strict-Transport-Security", {NULL}},       {"X-Content-Type-Options", {"nosniff"}},
	{"X-Frame-Options", {"deny", "sameorigin"}}, {"X-XSS-Protection", {NULL}},
	{"Content-Security-Policy", {NULL}},
};

static bool header_may_be(const struct header_row *row, const char *text)
{
	for (const char *const *value = row->values; *value; value++)
		if (strcmp(*value, text) == 0)
			return true;
	return row->values[0] == NULL;
}

static bool is_field_value(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return false;
	return true;
}

static int header_entry(struct reader *r, const char *name, const yaml_node_t *key_node, const yaml_node_t *node,
                        void *ctx)
{
	const struct header_row *row = header_rows, *end = header_rows + sizeof header_rows / sizeof *header_rows;
	size_t count = strlen(r->out->headers), room = sizeof r->out->headers - count;
	const char *text;
	int rc = need_scalar(r, name, node, &text);

	(void)ctx;
	while (row < end && strcmp(row->name, name) != 0)
		row++;
	if (rc != 0 || *text == '\0')
		return rc;
	if (row == end)
		return refuse(r, key_node, name,
		              "cannot be set; Strict-Transport-Security, X-Content-Type-Options, "
		              "X-Frame-Options, X-XSS-Protection and Content-Security-Policy can");
	if (!header_may_be(row, text))
		return refuse(r, node, name, "%.60s: must be %s%s%s", text, row->values[0], row->values[1] ? " or " : "",
		              row->values[1] ? row->values[1] : "");
	if (!is_field_value(text))
		return refuse(r, node, name, "has a control character, which no header may; take it out");
	if ((size_t)snprintf(r->out->headers + count, room, "%s: %s\r\n", name, text) >= room)
		return refuse(r, node, name, "all headers have more than %zu bytes", sizeof r->out->headers - 1);
	return 0;
}

static int set_headers(struct reader *r, const char *key, const yaml_node_t *node)
{
	return each(r, key, node, header_entry, NULL);
}

static const struct key http_keys[] = {{"http2", set_http2}, {"headers", set_headers}, {NULL, NULL}};

static int set_http(struct reader *r, const char *key, const yaml_node_t *node)
{
	return section(r, key, node, http_keys);
}

/* ---- basic_auth_users --------------------------------------------------------------------- */

static bool is_bcrypt(const char *text)
{
	static const char alphabet[] = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

	return strlen(text) == MUSTER__WEB_BCRYPT_BYTES && text[0] == '$' && text[1] == '2' && strchr("aby", text[2]) &&
	       text[3] == '$' && strspn(text + 4, "0123456789") == 2 && text[6] == '$' && strspn(text + 7, alphabet) == 53;
}

/* The value is a secret: no message shows it. */
static int user_entry(struct reader *r, const char *name, const yaml_node_t *key_node, const yaml_node_t *node,
                      void *ctx)
{
	struct muster__web_user *user = &r->out->users[r->out->user_count];
	const char *text = scalar(node);

	(void)ctx;
	if (*name == '\0' || strchr(name, ':'))
		return refuse(r, key_node, name, "is no name of a user: empty, or with a colon, which ends it in a request");
	if (text == NULL || !is_bcrypt(text))
		return refuse(r, node, name, "is no bcrypt hash; make one with: htpasswd -nBC 10 \"\" | tr -d ':\\n'");
	int cost = atoi(text + 4);
	if (cost < 4 || cost > MUSTER__WEB_BCRYPT_COST_MAX)
		return refuse(r, node, name, "has bcrypt cost %d: must be 4 to %d; make one with: htpasswd -nBC 10", cost,
		              MUSTER__WEB_BCRYPT_COST_MAX);
	if ((user->name = strdup(name)) == NULL)
		return -ENOMEM;
	(void)memcpy(user->bcrypt, text, sizeof user->bcrypt);
	r->out->user_count++;
	return 0;
}

static int set_users(struct reader *r, const char *key, const yaml_node_t *node)
{
	r->section = key;
	int rc = each(r, key, node, user_entry, NULL);
	r->section = NULL;
	return rc;
}

/* ---- rate_limit --------------------------------------------------------------------------- */

/* Seconds of a duration as Go writes it: 1s, 500ms, 1m30s. Negative: it is none. */
static double duration(const char *text)
{
	static const struct {
		const char *name;
		double seconds;
	} units[] = {{"ns", 1e-9}, {"us", 1e-6}, {"ms", 1e-3}, {"s", 1}, {"m", 60}, {"h", 3600}};
	double sum = 0;

	if (strcmp(text, "0") == 0)
		return 0;
	for (bool any = false; *text || !any; any = true) {
		size_t digits = strspn(text, "0123456789."), letters = strspn(text + digits, "nsumh"), i = 0;
		char *end;
		double number = strtod(text, &end);
		while (i < 6 && (strlen(units[i].name) != letters || strncmp(units[i].name, text + digits, letters) != 0))
			i++;
		if (digits == 0 || end != text + digits || i == 6)
			return -1;
		sum += number * units[i].seconds;
		text += digits + letters;
	}
	return sum;
}

static int set_interval(struct reader *r, const char *key, const yaml_node_t *node)
{
	const char *text;
	int rc = need_scalar(r, key, node, &text);
	double seconds = rc == 0 ? duration(text) : 0;

	if (rc == 0 && !(seconds >= 0 && seconds <= 3600))
		return refuse(r, node, key, "%.60s: must be a time from 0 to 1h, as 500ms or 1s", text);
	r->out->interval_seconds = seconds;
	return rc;
}

static int set_burst(struct reader *r, const char *key, const yaml_node_t *node)
{
	const char *text;
	char *end;
	int rc = need_scalar(r, key, node, &text);
	unsigned long n = rc == 0 ? strtoul(text, &end, 10) : 1;

	if (rc == 0 && (*text < '0' || *text > '9' || *end || n < 1 || n > 1000000))
		return refuse(r, node, key, "%.60s: must be a number from 1 to 1000000", text);
	r->out->burst = (unsigned)n;
	return rc;
}

static const struct key rate_keys[] = {{"interval", set_interval}, {"burst", set_burst}, {NULL, NULL}};

static int set_rate(struct reader *r, const char *key, const yaml_node_t *node)
{
	return section(r, key, node, rate_keys);
}

/* ---- the file ----------------------------------------------------------------------------- */

static const struct key top_keys[] = {
	{"tls_server_config", set_tls},
	{"http_server_config", set_http},
	{"basic_auth_users", set_users},
	{"rate_limit", set_rate},
	{NULL, NULL},
};

static int read_document(struct reader *r)
{
	const yaml_node_t *root = yaml_document_get_root_node(r->document);

	return root ? each(r, "the file", root, entry_by_table, (void *)top_keys) : 0;
}

static int not_yaml(const char *file, const yaml_parser_t *parser, char *message)
{
	if (parser->error == YAML_MEMORY_ERROR)
		return -ENOMEM;
	(void)snprintf(message, MUSTER__WEB_MESSAGE_BYTES, "%.100s:%zu: is not YAML: %s", file,
	               parser->problem_mark.line + 1, parser->problem ? parser->problem : "bytes that are no text");
	return -EINVAL;
}

/* What stands behind a second "---" would never be read. */
static int refuse_second(struct reader *r, yaml_parser_t *parser)
{
	yaml_document_t second;

	r->section = NULL;
	if (!yaml_parser_load(parser, &second))
		return not_yaml(r->file, parser, r->message);
	const yaml_node_t *root = yaml_document_get_root_node(&second);
	int rc = root ? refuse(r, root, "---", "only one document may be in the file; take the others out") : 0;
	yaml_document_delete(&second);
	return rc;
}

int muster__web_config_parse(const char *name, const char *text, size_t count, struct muster__web_config *out,
                             char message[MUSTER__WEB_MESSAGE_BYTES])
{
	yaml_parser_t parser;
	yaml_document_t document;
	struct reader r = {.file = name, .document = &document, .out = out, .message = message};

	*out = (struct muster__web_config){.min_minor = 2, .max_minor = 3, .burst = 1};
	(void)snprintf(message, MUSTER__WEB_MESSAGE_BYTES, "%.100s: out of memory", name);
	if (!yaml_parser_initialize(&parser))
		return -ENOMEM;
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, count);
	int rc = yaml_parser_load(&parser, &document) ? 0 : not_yaml(name, &parser, message);
	if (rc == 0) {
		rc = read_document(&r);
		yaml_document_delete(&document);
		rc = rc == 0 ? refuse_second(&r, &parser) : rc;
	}
	yaml_parser_delete(&parser);
	return rc;
}

static int unreadable(const char *path, int error, char *message)
{
	(void)snprintf(message, MUSTER__WEB_MESSAGE_BYTES,
	               "%.100s: cannot be read: %s; give the path of a file of at most %d bytes", path, strerror(error),
	               MUSTER__WEB_CONFIG_BYTES_MAX);
	return -error;
}

int muster__web_config_read(const char *path, struct muster__web_config *out, char message[MUSTER__WEB_MESSAGE_BYTES])
{
	char text[MUSTER__WEB_CONFIG_BYTES_MAX + 1];
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe must not hold the master up */

	*out = (struct muster__web_config){0};
	if (fd < 0)
		return unreadable(path, errno, message);
	ssize_t n = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? read(fd, text, sizeof text) : -1;
	int error = n < 0 ? EINVAL : (size_t)n == sizeof text ? EFBIG : 0;
	(void)close(fd);
	if (error)
		return unreadable(path, error, message);
	int rc = muster__web_config_parse(path, text, (size_t)n, out, message);
	explicit_bzero(text, (size_t)n);
	return rc;
}

static void list_free(struct muster__web_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i]);
}

void muster__web_config_free(struct muster__web_config *config)
{
	free(config->cert_file);
	free(config->key_file);
	free(config->client_ca_file);
	list_free(&config->sans);
	list_free(&config->ciphers);
	list_free(&config->curves);
	for (size_t i = 0; i < config->user_count; i++)
		free(config->users[i].name);
	*config = (struct muster__web_config){0};
}
