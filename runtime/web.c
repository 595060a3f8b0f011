/* SPDX-License-Identifier: Apache-2.0 */
/*
 * web.c - the web configuration that holds, and the next one. Runs on the loop.
 *
 * A file may be seen while somebody writes it, and half of it may be a good file with half of the protection. So a new
 * state may add TLS, users and client certificates, and never take the last of them away: that needs a restart.
 */
#include "web.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>

#include "log.h"
#include "tls_context.h"

/* One reading of all files. */
struct state {
	struct muster__web_config config;
	SSL_CTX *tls;
	struct muster__body *headers;
};

enum { FILE_CONFIG, FILE_CERT, FILE_KEY, FILE_CA, FILES };

/* What a file was when it was read last; all zero: it was not there. */
struct stamp {
	dev_t dev;
	ino_t ino;
	off_t bytes;
	struct timespec modified, changed;
};

struct muster__web {
	const char *path;
	struct muster__self *self;
	struct muster__auth *auth;
	struct state state;
	char *files[FILES]; /* those of the last attempt; NULL: none */
	struct stamp stamps[FILES];
	double tokens; /* of the rate limit */
	uint64_t filled_ns;
};

/* ---- one reading -------------------------------------------------------------------------- */

static void state_free(struct state *state)
{
	muster__web_config_free(&state->config);
	SSL_CTX_free(state->tls);
	muster__body_release(state->headers);
	*state = (struct state){0};
}

static int headers_make(struct state *state)
{
	size_t count = strlen(state->config.headers);

	if (count == 0)
		return 0;
	if ((state->headers = muster__body_create(count + 2)) == NULL)
		return -ENOMEM;
	memcpy(state->headers->bytes, state->config.headers, count);
	memcpy(state->headers->bytes + count, "\r\n", 2);
	return 0;
}

/* What follows from a configuration that was read. */
static int state_complete(struct state *state, char *message)
{
	int rc = state->config.tls ? muster__tls_context_create(&state->config, &state->tls, message) : 0;

	return rc == 0 ? headers_make(state) : rc;
}

/* What the new state lacks, or NULL. */
static const char *protection_lost(const struct state *old, const struct state *new)
{
	if (old->tls && new->tls == NULL)
		return "TLS";
	if (old->config.user_count && new->config.user_count == 0)
		return "all users";
	if (new->config.client_auth < old->config.client_auth)
		return "its client_auth_type";
	return old->config.sans.count && new->config.sans.count == 0 ? "client_allowed_sans" : NULL;
}

/* ---- watching ----------------------------------------------------------------------------- */

static struct stamp stamp_of(const char *path)
{
	struct stat st;

	if (path == NULL || stat(path, &st) != 0)
		return (struct stamp){0};
	return (struct stamp){st.st_dev, st.st_ino, st.st_size, st.st_mtim, st.st_ctim};
}

static bool time_same(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool stamp_same(const struct stamp *a, const struct stamp *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->bytes == b->bytes && time_same(&a->modified, &b->modified) &&
	       time_same(&a->changed, &b->changed);
}

static bool has_changed(const struct muster__web *web)
{
	for (int i = 0; i < FILES; i++) {
		struct stamp now = stamp_of(web->files[i]);
		if (!stamp_same(&now, &web->stamps[i]))
			return true;
	}
	return false;
}

/* To be called before the file is read: what is written meanwhile will be seen as a change. A file that the new
 * configuration does not name, because it cannot be read, say, is watched on. */
static void watch(struct muster__web *web, int idx, const char *path)
{
	char *copy = path ? strdup(path) : NULL;

	if (copy) {
		free(web->files[idx]);
		web->files[idx] = copy;
	}
	web->stamps[idx] = stamp_of(web->files[idx]);
}

/* ---- the state that holds ----------------------------------------------------------------- */

static int read_next(struct muster__web *web, struct state *next, char *message)
{
	watch(web, FILE_CONFIG, web->path);
	int rc = muster__web_config_read(web->path, &next->config, message);
	watch(web, FILE_CERT, next->config.cert_file);
	watch(web, FILE_KEY, next->config.key_file);
	watch(web, FILE_CA, next->config.client_ca_file);
	if (rc == 0)
		rc = state_complete(next, message);
	const char *lost = rc == 0 ? protection_lost(&web->state, next) : NULL;
	if (lost == NULL)
		return rc;
	(void)snprintf(message, MUSTER__WEB_MESSAGE_BYTES, "%.200s: is without %s now; that needs a restart", web->path,
	               lost);
	return -EPERM;
}

static int read_again(struct muster__web *web, char *message)
{
	struct state next = {0}, last = web->state;
	int rc = read_next(web, &next, message);

	if (rc == 0)
		web->state = next;
	state_free(rc == 0 ? &last : &next);
	return rc;
}

void muster__web_look(struct muster__web *web)
{
	char message[MUSTER__WEB_MESSAGE_BYTES];

	if (web == NULL || !has_changed(web))
		return;
	int rc = read_again(web, message);
	if (web->self)
		muster__self_web_read(web->self, rc == 0);
	if (rc == 0)
		muster__log(MUSTER__LOG_INFO, "%s: has changed, and was read again", web->path);
	else
		muster__log(MUSTER__LOG_ERROR, "%s; what held before it changed holds on", message);
}

SSL_CTX *muster__web_tls(const struct muster__web *web)
{
	return web ? web->state.tls : NULL;
}

struct muster__body *muster__web_headers(const struct muster__web *web)
{
	return web ? web->state.headers : NULL;
}

/* ---- who may ------------------------------------------------------------------------------ */

/* A bucket of `burst` tokens, filled by one each interval. */
static bool rate_allows(struct muster__web *web)
{
	const struct muster__web_config *c = &web->state.config;
	uint64_t now = uv_hrtime();

	if (c->interval_seconds == 0)
		return true;
	web->tokens += (double)(now - web->filled_ns) / 1e9 / c->interval_seconds;
	web->filled_ns = now;
	if (web->tokens > c->burst)
		web->tokens = c->burst;
	if (web->tokens < 1)
		return false;
	web->tokens--;
	return true;
}

enum muster__verdict muster__web_admit(struct muster__web *web, const struct muster__request *request,
                                       struct muster__ticket *ticket)
{
	size_t count;

	if (web == NULL)
		return MUSTER__AUTH_GOOD;
	if (!rate_allows(web))
		return MUSTER__AUTH_LIMITED;
	if (web->state.config.user_count == 0)
		return MUSTER__AUTH_GOOD;
	const char *header = muster__request_header(request, MUSTER__HEADER_AUTHORIZATION, &count);
	return muster__auth_ask(web->auth, &web->state.config, header, count, ticket);
}

void muster__web_cancel(struct muster__web *web, struct muster__ticket *ticket)
{
	if (web)
		muster__auth_cancel(web->auth, ticket);
}

/* ---- life --------------------------------------------------------------------------------- */

int muster__web_create(uv_loop_t *loop, const char *path, struct muster__self *self, struct muster__web **out)
{
	struct muster__web *web = calloc(1, sizeof *web);
	char message[MUSTER__WEB_MESSAGE_BYTES] = "out of memory";

	if (web == NULL)
		return muster__refuse(EX_OSERR, "--web-config-file %s: %s", path, message);
	*web = (struct muster__web){.path = path, .self = self, .filled_ns = uv_hrtime(), .tokens = 1e9};
	int rc = muster__auth_create(loop, &web->auth);
	if (rc == 0)
		rc = read_again(web, message);
	if (self && rc == 0)
		muster__self_web_read(self, true);
	if (rc != 0) {
		muster__web_destroy(&web);
		return muster__refuse(EX_CONFIG, "--web-config-file %s", message);
	}
	*out = web;
	return 0;
}

void muster__web_destroy(struct muster__web **web)
{
	if (*web == NULL)
		return;
	muster__auth_destroy(&(*web)->auth);
	state_free(&(*web)->state);
	for (int i = 0; i < FILES; i++)
		free((*web)->files[i]);
	free(*web);
	*web = NULL;
}
