/* SPDX-License-Identifier: Apache-2.0 */
/*
 * transport.c - libuv's streams, with or without TLS in between. Runs on the loop.
 *
 * By TLS, reading may have something to say (handshake, tickets, alerts), so there are two reasons to flush: that, and a
 * page. One flush is under way at a time. A client that makes us say things and does not take them is closed.
 */
#include "transport.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define RECORD_BYTES_MAX 16384

/* What came from a socket and is given to TLS at once: one for all connections. */
static char wire[16384];

static bool is_tls(const struct muster__transport *t)
{
	return t->tls.ssl != NULL;
}

/* ---- closing ------------------------------------------------------------------------------ */

static void closed(uv_handle_t *handle)
{
	struct muster__transport *t = handle->data;

	muster__tls_end(&t->tls);
	free(t->out);
	t->calls->closed(t);
}

void muster__transport_close(struct muster__transport *t)
{
	if (t->closing)
		return;
	t->closing = true;
	uv_close(&t->uv.handle, closed);
}

/* ---- writing ------------------------------------------------------------------------------ */

static void flush(struct muster__transport *t);

static void write_ended(struct muster__transport *t, int status)
{
	t->writing = false;
	t->calls->written(t, status);
}

static void plain_written(uv_write_t *write, int status)
{
	struct muster__transport *t = write->data;

	if (!t->closing)
		write_ended(t, status);
}

/* Encrypt a part, or the first of it. Returns 0 or -errno. */
static int encrypt_some(struct muster__transport *t, uv_buf_t *part)
{
	size_t count = part->len < RECORD_BYTES_MAX ? part->len : RECORD_BYTES_MAX;
	int rc = muster__tls_write(&t->tls, part->base, count);

	part->base += count;
	part->len -= count;
	return rc;
}

/* Encrypt until there is enough for the wire. Returns 0 or -errno. */
static int encrypt(struct muster__transport *t)
{
	int rc = 0;

	for (size_t i = 0; i < MUSTER__TRANSPORT_PARTS_MAX; i++)
		while (rc == 0 && t->parts[i].len && muster__tls_waiting(&t->tls) < MUSTER__TRANSPORT_CHUNK_BYTES)
			rc = encrypt_some(t, &t->parts[i]);
	return rc;
}

static void flush_failed(struct muster__transport *t, int status)
{
	if (t->writing)
		write_ended(t, status);
	else if (!t->shut)
		t->calls->have_read(t, status);
}

static void flushed(uv_write_t *write, int status)
{
	struct muster__transport *t = write->data;

	t->flushing = false;
	free(t->out);
	t->out = NULL;
	if (t->closing)
		return;
	if (status == 0 && t->writing)
		status = encrypt(t);
	if (status != 0)
		flush_failed(t, status);
	else if (muster__tls_waiting(&t->tls))
		flush(t);
	else if (t->writing)
		write_ended(t, 0);
}

static int flush_start(struct muster__transport *t)
{
	size_t count = muster__tls_waiting(&t->tls);

	if ((t->out = malloc(count)) == NULL)
		return -ENOMEM;
	uv_buf_t buffer = uv_buf_init(t->out, (unsigned)muster__tls_take(&t->tls, t->out, count));
	return uv_write(&t->write, &t->uv.stream, &buffer, 1, flushed);
}

/* Send what TLS has for the wire, now or after what is being sent. */
static void flush(struct muster__transport *t)
{
	if (t->flushing || muster__tls_waiting(&t->tls) == 0)
		return;
	int rc = flush_start(t);
	t->flushing = rc == 0;
	if (rc != 0) {
		free(t->out);
		t->out = NULL;
		flush_failed(t, rc);
	}
}

int muster__transport_write(struct muster__transport *t, const uv_buf_t *parts, size_t count)
{
	t->wire_bytes = 0;
	t->writing = true;
	if (!is_tls(t))
		return uv_write(&t->write, &t->uv.stream, parts, (unsigned)count, plain_written);
	memset(t->parts, 0, sizeof t->parts);
	memcpy(t->parts, parts, count * sizeof *parts);
	int rc = encrypt(t);
	if (rc == 0)
		flush(t);
	return rc;
}

/* ---- reading ------------------------------------------------------------------------------ */

/* What the user is told of an end. */
static ssize_t status_of_tls(struct muster__transport *t, ssize_t count)
{
	if (count != -EPROTO)
		return count ? count : UV_EOF;
	if (t->flushing || !muster__tls_met_http(&t->tls))
		return MUSTER__TRANSPORT_TLS_FAILED;
	muster__tls_end(&t->tls);
	return MUSTER__TRANSPORT_NOT_TLS;
}

/* Give the user what TLS makes of what is there, as long as it wants more. */
static void decrypt(struct muster__transport *t)
{
	while (t->reading && !t->closing) {
		ssize_t count = muster__tls_read(&t->tls, t->in, t->in_bytes);
		flush(t);
		if (t->flushing && muster__tls_waiting(&t->tls) > MUSTER__TRANSPORT_CHUNK_BYTES)
			count = UV_ENOBUFS;
		if (count == -EAGAIN || t->closing)
			return;
		if (count > 0) {
			t->calls->have_read(t, count);
			continue;
		}
		muster__transport_read_stop(t);
		t->calls->have_read(t, status_of_tls(t, count));
		return;
	}
}

static void give_buffer(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
	struct muster__transport *t = handle->data;

	(void)suggested;
	*out = is_tls(t) || t->shut ? uv_buf_init(wire, sizeof wire) : uv_buf_init(t->in, (unsigned)t->in_bytes);
}

static void tls_have_read(struct muster__transport *t, ssize_t count)
{
	t->wire_bytes += (size_t)count;
	int rc =
		t->wire_bytes > MUSTER__TRANSPORT_WIRE_BYTES_MAX ? UV_EMSGSIZE : muster__tls_put(&t->tls, wire, (size_t)count);
	if (rc != 0)
		t->calls->have_read(t, rc);
	else
		decrypt(t);
}

static void have_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer)
{
	struct muster__transport *t = stream->data;

	(void)buffer;
	if (count == 0 || (count > 0 && t->shut))
		return;
	if (count > 0 && is_tls(t))
		tls_have_read(t, count);
	else
		t->calls->have_read(t, count);
}

int muster__transport_read_start(struct muster__transport *t)
{
	t->reading = true;
	if (is_tls(t) && !t->shut)
		decrypt(t);
	return t->reading && !t->closing ? uv_read_start(&t->uv.stream, give_buffer, have_read) : 0;
}

void muster__transport_read_stop(struct muster__transport *t)
{
	t->reading = false;
	uv_read_stop(&t->uv.stream);
}

/* ---- coming and going --------------------------------------------------------------------- */

static void shutdown_done(uv_shutdown_t *request, int status)
{
	struct muster__transport *t = request->data;

	if (status < 0 && !t->closing)
		t->calls->have_read(t, status);
}

int muster__transport_shutdown(struct muster__transport *t)
{
	if (is_tls(t)) {
		muster__tls_good_bye(&t->tls);
		flush(t);
	}
	t->shut = true;
	int rc = t->closing ? 0 : uv_shutdown(&t->shutdown, &t->uv.stream, shutdown_done);
	return rc == 0 ? muster__transport_read_start(t) : rc;
}

int muster__transport_begin(struct muster__transport *t, uv_loop_t *loop, bool is_unix, SSL_CTX *context,
                            const struct muster__transport_calls *calls, void *owner, char *in, size_t in_bytes)
{
	struct muster__tls tls = {0};

	if (context && muster__tls_begin(context, &tls) != 0)
		return -ENOMEM;
	*t = (struct muster__transport){.calls = calls, .owner = owner, .in = in, .in_bytes = in_bytes, .tls = tls};
	if (is_unix)
		uv_pipe_init(loop, &t->uv.pipe, 0);
	else
		uv_tcp_init(loop, &t->uv.tcp);
	t->uv.handle.data = t->write.data = t->shutdown.data = t;
	return 0;
}

int muster__transport_accept(struct muster__transport *t, uv_stream_t *listener)
{
	return uv_accept(listener, &t->uv.stream);
}

bool muster__transport_is_shaking_hands(const struct muster__transport *t)
{
	return muster__tls_is_shaking_hands(&t->tls);
}
