/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls.h - the TLS of one connection as a filter between bytes of the wire and bytes of the page. Does no I/O.
 */
#ifndef MUSTER__TLS_H
#define MUSTER__TLS_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct muster__tls {
	SSL *ssl;
	BIO *from_wire, *to_wire; /* the SSL's */
	bool failed;              /* nothing more can be said but what is in to_wire */
};

/* Server's side of a new connection. Returns 0 or -ENOMEM. */
int muster__tls_begin(SSL_CTX *context, struct muster__tls *out);
/* Safe to call again. */
void muster__tls_end(struct muster__tls *tls);

/* Take bytes from the wire. Returns 0 or -ENOMEM. */
int muster__tls_put(struct muster__tls *tls, const char *bytes, size_t count);

/* Read what the client said; shakes hands first. May leave bytes for the wire, whatever it returns.
 * Returns the number of bytes, 0 when the client has said good-bye, -EAGAIN when more is needed from the wire,
 *   -EPROTO when there is no going on: wrong bytes, or a client that is not let in. */
ssize_t muster__tls_read(struct muster__tls *tls, char *out, size_t room);

/* Turn bytes into bytes for the wire, all of them. Returns 0 or -EPROTO. */
int muster__tls_write(struct muster__tls *tls, const char *bytes, size_t count);

void muster__tls_good_bye(struct muster__tls *tls);

/* How many bytes are for the wire, and taking them. */
size_t muster__tls_waiting(const struct muster__tls *tls);
size_t muster__tls_take(struct muster__tls *tls, char *out, size_t room);

bool muster__tls_is_shaking_hands(const struct muster__tls *tls);

/* After -EPROTO: the client spoke HTTP, and no TLS at all. */
bool muster__tls_met_http(const struct muster__tls *tls);

#endif
