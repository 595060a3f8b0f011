/* SPDX-License-Identifier: Apache-2.0 */
/*
 * auth.h - is this the password of this user? Answered at once if it was asked before and was; else by a thread.
 *
 *   One check runs at a time, so that a flood of wrong passwords costs one processor; the others wait in a bounded
 *   queue. Who was let in before never waits.
 */
#ifndef MUSTER__AUTH_H
#define MUSTER__AUTH_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>
#include <uv.h>

#include "credentials.h"
#include "web_config.h"

#define MUSTER__AUTH_WAITING_MAX 32
#define MUSTER__AUTH_KEY_BYTES 32

enum muster__verdict {
	MUSTER__AUTH_REFUSED,
	MUSTER__AUTH_GOOD,
	MUSTER__AUTH_LATER,   /* the ticket's callback tells */
	MUSTER__AUTH_BUSY,    /* too many wait */
	MUSTER__AUTH_LIMITED, /* of muster__web_admit(): more requests than the rate limit */
};

/* One question; part of the connection that asks. Zeros: none. */
struct muster__ticket {
	void (*answered)(struct muster__ticket *ticket, enum muster__verdict verdict);
	void *asker;
	TAILQ_ENTRY(muster__ticket) link;
	bool waiting, running;
	bool known; /* there is such a user */
	char bcrypt[MUSTER__WEB_BCRYPT_BYTES + 1];
	char password[MUSTER__PASSWORD_BYTES_MAX + 1];
	unsigned char key[MUSTER__AUTH_KEY_BYTES];
	unsigned char peer[16]; /* who asks: an address, or what stands for many of one owner */
};

struct muster__auth;

/* Returns 0 or -ENOMEM. */
int muster__auth_create(uv_loop_t *loop, struct muster__auth **out);

/* Ask by the value of an Authorization header (RFC 7617). `answered`, `asker` and `peer` of the ticket are set.
 * Returns the verdict; of LATER, the callback comes from the loop, with GOOD, REFUSED or BUSY, unless cancelled. */
enum muster__verdict muster__auth_ask(struct muster__auth *auth, const struct muster__web_config *config,
                                      const char *header, size_t count, struct muster__ticket *ticket);

/* Nobody wants to know any more. Safe without a question. */
void muster__auth_cancel(struct muster__auth *auth, struct muster__ticket *ticket);

/* All were cancelled; the loop must run to its end before `destroy`. Accepts NULL. */
void muster__auth_destroy(struct muster__auth **auth);

#endif
