/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls.c - OpenSSL over two memory BIOs. Runs on the loop.
 *
 * Bytes of the wire that were put and not used yet stay in from_wire, so whoever puts reads until -EAGAIN first, or
 * stops putting: then it holds one read of the socket at most.
 */
#include "tls.h"

#include <errno.h>
#include <limits.h>
#include <openssl/err.h>

int muster__tls_begin(SSL_CTX *context, struct muster__tls *out)
{
	struct muster__tls tls = {
		.ssl = SSL_new(context), .from_wire = BIO_new(BIO_s_mem()), .to_wire = BIO_new(BIO_s_mem())};

	if (tls.ssl == NULL || tls.from_wire == NULL || tls.to_wire == NULL) {
		SSL_free(tls.ssl);
		BIO_free(tls.from_wire);
		BIO_free(tls.to_wire);
		ERR_clear_error();
		return -ENOMEM;
	}
	BIO_set_mem_eof_return(tls.from_wire, -1); /* empty is not the end */
	SSL_set_bio(tls.ssl, tls.from_wire, tls.to_wire);
	SSL_set_accept_state(tls.ssl);
	*out = tls;
	return 0;
}

void muster__tls_end(struct muster__tls *tls)
{
	SSL_free(tls->ssl);
	*tls = (struct muster__tls){0};
}

int muster__tls_put(struct muster__tls *tls, const char *bytes, size_t count)
{
	return BIO_write(tls->from_wire, bytes, (int)count) == (int)count ? 0 : -ENOMEM;
}

ssize_t muster__tls_read(struct muster__tls *tls, char *out, size_t room)
{
	if (tls->failed)
		return -EPROTO;
	ERR_clear_error();
	int n = SSL_read(tls->ssl, out, room < INT_MAX ? (int)room : INT_MAX);
	if (n > 0)
		return n;
	switch (SSL_get_error(tls->ssl, n)) {
	case SSL_ERROR_WANT_READ:
		return -EAGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	default:
		tls->failed = true;
		return -EPROTO;
	}
}

int muster__tls_write(struct muster__tls *tls, const char *bytes, size_t count)
{
	size_t n;

	ERR_clear_error();
	if (!tls->failed && SSL_write_ex(tls->ssl, bytes, count, &n) == 1 && n == count)
		return 0;
	tls->failed = true;
	return -EPROTO;
}

void muster__tls_good_bye(struct muster__tls *tls)
{
	ERR_clear_error();
	if (!tls->failed)
		(void)SSL_shutdown(tls->ssl);
}

size_t muster__tls_waiting(const struct muster__tls *tls)
{
	return BIO_ctrl_pending(tls->to_wire);
}

size_t muster__tls_take(struct muster__tls *tls, char *out, size_t room)
{
	int n = BIO_read(tls->to_wire, out, (int)room);

	return n > 0 ? (size_t)n : 0;
}

bool muster__tls_is_shaking_hands(const struct muster__tls *tls)
{
	return tls->ssl && !SSL_is_init_finished(tls->ssl);
}

bool muster__tls_met_http(const struct muster__tls *tls)
{
	unsigned long error = ERR_peek_last_error();

	return tls->failed && ERR_GET_LIB(error) == ERR_LIB_SSL && ERR_GET_REASON(error) == SSL_R_HTTP_REQUEST;
}
