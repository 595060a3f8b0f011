/* SPDX-License-Identifier: Apache-2.0 */
/*
 * auth.c - basic authentication by bcrypt. Runs on the loop, but for compare(), which runs in a thread of libuv's pool.
 *
 * That thread calls crypt_r() and nothing else: the master may fork at any moment, and no lock of another library may
 * be held then. Successes are remembered as a keyed hash of user, password and bcrypt hash, so a changed password is not
 * believed from memory. A user who does not exist costs what the first one does.
 *
 * When too many wait, the last one of the address that has most waiting goes: a flood from one address cannot keep
 * others out.
 */
#include "auth.h"

#include <crypt.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include "credentials.h"

#define REMEMBERED 64

TAILQ_HEAD(tickets, muster__ticket);

struct muster__auth {
	uv_loop_t *loop;
	unsigned char secret[32];
	unsigned char good[REMEMBERED][MUSTER__AUTH_KEY_BYTES];
	size_t good_count, next; /* written next, round */
	struct tickets waiting;
	size_t waiting_count;
	/* the check that runs: the ticket may be gone before it is done */
	struct muster__ticket *asked_by;
	uv_work_t work;
	bool busy, matches;
	char password[MUSTER__PASSWORD_BYTES_MAX + 1], bcrypt[MUSTER__WEB_BCRYPT_BYTES + 1];
	struct crypt_data crypt;
};

static const struct muster__web_user *user_find(const struct muster__web_config *config, const char *name)
{
	for (size_t i = 0; i < config->user_count; i++)
		if (strcmp(config->users[i].name, name) == 0)
			return &config->users[i];
	return NULL;
}

/* ---- what was good before ----------------------------------------------------------------- */

static void key_make(const struct muster__auth *auth, const char *bcrypt, const struct muster__credentials *c,
                     unsigned char out[MUSTER__AUTH_KEY_BYTES])
{
	unsigned char text[MUSTER__WEB_BCRYPT_BYTES + MUSTER__CREDENTIALS_BYTES_MAX];

	memcpy(text, bcrypt, MUSTER__WEB_BCRYPT_BYTES);
	memcpy(text + MUSTER__WEB_BCRYPT_BYTES, c->text, c->count);
	HMAC(EVP_sha256(), auth->secret, sizeof auth->secret, text, MUSTER__WEB_BCRYPT_BYTES + c->count, out, NULL);
	OPENSSL_cleanse(text, sizeof text);
}

static bool was_good(const struct muster__auth *auth, const unsigned char key[MUSTER__AUTH_KEY_BYTES])
{
	bool found = false;

	for (size_t i = 0; i < auth->good_count; i++)
		found |= CRYPTO_memcmp(auth->good[i], key, MUSTER__AUTH_KEY_BYTES) == 0;
	return found;
}

static void remember(struct muster__auth *auth, const unsigned char key[MUSTER__AUTH_KEY_BYTES])
{
	memcpy(auth->good[auth->next], key, MUSTER__AUTH_KEY_BYTES);
	auth->next = (auth->next + 1) % REMEMBERED;
	if (auth->good_count < REMEMBERED)
		auth->good_count++;
}

/* ---- checking ----------------------------------------------------------------------------- */

static void compare(uv_work_t *work)
{
	struct muster__auth *auth = work->data;
	const char *made = crypt_r(auth->password, auth->bcrypt, &auth->crypt);
	unsigned char different = 0;

	auth->matches = false;
	if (made == NULL || strlen(made) != MUSTER__WEB_BCRYPT_BYTES)
		return;
	for (size_t i = 0; i < MUSTER__WEB_BCRYPT_BYTES; i++)
		different |= (unsigned char)(made[i] ^ auth->bcrypt[i]);
	auth->matches = different == 0;
}

static void compared(uv_work_t *work, int status);

static void ticket_end(struct muster__ticket *ticket)
{
	ticket->waiting = ticket->running = false;
	OPENSSL_cleanse(ticket->password, sizeof ticket->password);
}

static void ticket_leave(struct muster__auth *auth, struct muster__ticket *ticket)
{
	TAILQ_REMOVE(&auth->waiting, ticket, link);
	auth->waiting_count--;
	ticket->waiting = false;
}

static void answer(struct muster__ticket *ticket, enum muster__verdict verdict)
{
	ticket_end(ticket);
	ticket->answered(ticket, verdict);
}

static void check(struct muster__auth *auth, struct muster__ticket *ticket)
{
	memcpy(auth->password, ticket->password, sizeof auth->password);
	memcpy(auth->bcrypt, ticket->bcrypt, sizeof auth->bcrypt);
	OPENSSL_cleanse(ticket->password, sizeof ticket->password);
	ticket->running = true;
	auth->asked_by = ticket;
	auth->busy = true;
	(void)uv_queue_work(auth->loop, &auth->work, compare, compared); /* cannot fail: there is a function */
}

/* Those whose question was answered meanwhile need no thread. */
static void check_next(struct muster__auth *auth)
{
	struct muster__ticket *ticket;

	while (!auth->busy && (ticket = TAILQ_FIRST(&auth->waiting)) != NULL) {
		ticket_leave(auth, ticket);
		if (ticket->known && was_good(auth, ticket->key))
			answer(ticket, MUSTER__AUTH_GOOD);
		else
			check(auth, ticket);
	}
}

static void compared(uv_work_t *work, int status)
{
	struct muster__auth *auth = work->data;
	struct muster__ticket *ticket = auth->asked_by;

	auth->busy = false;
	auth->asked_by = NULL;
	OPENSSL_cleanse(auth->password, sizeof auth->password);
	OPENSSL_cleanse(&auth->crypt, sizeof auth->crypt);
	if (ticket) {
		bool good = status == 0 && auth->matches && ticket->known;
		if (good)
			remember(auth, ticket->key);
		answer(ticket, good ? MUSTER__AUTH_GOOD : MUSTER__AUTH_REFUSED);
	}
	check_next(auth);
}

/* ---- waiting ------------------------------------------------------------------------------ */

static size_t waiting_of(const struct muster__auth *auth, const unsigned char peer[16])
{
	const struct muster__ticket *ticket;
	size_t count = 0;

	TAILQ_FOREACH(ticket, &auth->waiting, link)
	count += memcmp(ticket->peer, peer, sizeof ticket->peer) == 0;
	return count;
}

/* The last one of the address with most. */
static struct muster__ticket *one_of_most(const struct muster__auth *auth)
{
	struct muster__ticket *ticket, *found = NULL;
	size_t most = 0;

	TAILQ_FOREACH(ticket, &auth->waiting, link)
	{
		size_t count = waiting_of(auth, ticket->peer);
		if (count >= most) {
			most = count;
			found = ticket;
		}
	}
	return found;
}

static enum muster__verdict wait_for(struct muster__auth *auth, struct muster__ticket *ticket)
{
	if (auth->waiting_count == MUSTER__AUTH_WAITING_MAX) {
		struct muster__ticket *other = one_of_most(auth);
		if (waiting_of(auth, other->peer) <= waiting_of(auth, ticket->peer) + 1)
			return MUSTER__AUTH_BUSY;
		ticket_leave(auth, other);
		answer(other, MUSTER__AUTH_BUSY);
	}
	TAILQ_INSERT_TAIL(&auth->waiting, ticket, link);
	auth->waiting_count++;
	ticket->waiting = true;
	check_next(auth);
	return MUSTER__AUTH_LATER;
}

enum muster__verdict muster__auth_ask(struct muster__auth *auth, const struct muster__web_config *config,
                                      const char *header, size_t count, struct muster__ticket *ticket)
{
	struct muster__credentials c;
	enum muster__verdict verdict = MUSTER__AUTH_REFUSED;

	if (muster__credentials_read(header, count, &c)) {
		const struct muster__web_user *user = user_find(config, c.user);
		ticket->known = user != NULL;
		memcpy(ticket->bcrypt, user ? user->bcrypt : config->users[0].bcrypt, sizeof ticket->bcrypt);
		memcpy(ticket->password, c.password, strlen(c.password) + 1);
		key_make(auth, ticket->bcrypt, &c, ticket->key);
		verdict = user && was_good(auth, ticket->key) ? MUSTER__AUTH_GOOD : wait_for(auth, ticket);
	}
	if (verdict != MUSTER__AUTH_LATER)
		ticket_end(ticket);
	OPENSSL_cleanse(&c, sizeof c);
	return verdict;
}

void muster__auth_cancel(struct muster__auth *auth, struct muster__ticket *ticket)
{
	if (ticket->waiting)
		ticket_leave(auth, ticket);
	if (ticket->running)
		auth->asked_by = NULL;
	ticket_end(ticket);
}

/* ---- life --------------------------------------------------------------------------------- */

int muster__auth_create(uv_loop_t *loop, struct muster__auth **out)
{
	struct muster__auth *auth = calloc(1, sizeof *auth);

	if (auth == NULL || RAND_bytes(auth->secret, sizeof auth->secret) != 1) {
		free(auth);
		return -ENOMEM;
	}
	auth->loop = loop;
	auth->work.data = auth;
	TAILQ_INIT(&auth->waiting);
	*out = auth;
	return 0;
}

void muster__auth_destroy(struct muster__auth **auth)
{
	if (*auth)
		OPENSSL_cleanse(*auth, sizeof **auth);
	free(*auth);
	*auth = NULL;
}
