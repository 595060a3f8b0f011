/* SPDX-License-Identifier: Apache-2.0 */
/*
 * transport.h - a client's bytes in and out, over TCP or a socket file, plain or by TLS: to its user all are the same.
 *
 *   Nothing is read unless asked for, and what is to be written is encrypted as the client takes it: a client costs one
 *   buffer, however slow it is and however long the page.
 */
#ifndef MUSTER__TRANSPORT_H
#define MUSTER__TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "tls.h"

#define MUSTER__TRANSPORT_CHUNK_BYTES 32768     /* encrypted at once */
#define MUSTER__TRANSPORT_WIRE_BYTES_MAX 262144 /* read by TLS between two writes: handshake, certificates, a request */
#define MUSTER__TRANSPORT_PARTS_MAX 3

/* Read callbacks get this where TLS was to be spoken, and HTTP came. The transport is plain from then on. */
#define MUSTER__TRANSPORT_NOT_TLS UV_EPROTONOSUPPORT
/* And this where TLS failed: if it was begun, with an alert that is on its way. */
#define MUSTER__TRANSPORT_TLS_FAILED UV_EPROTO

struct muster__transport;

struct muster__transport_calls {
	/* Bytes are in the buffer; or UV_EOF, or another error. Nothing is read after an error. */
	void (*have_read)(struct muster__transport *transport, ssize_t count);
	/* All was written, or an error. */
	void (*written)(struct muster__transport *transport, int status);
	/* The last call; the transport's memory may be freed. */
	void (*closed)(struct muster__transport *transport);
};

struct muster__transport {
	union {
		uv_handle_t handle;
		uv_stream_t stream;
		uv_tcp_t tcp;
		uv_pipe_t pipe;
	} uv;
	const struct muster__transport_calls *calls;
	void *owner;
	char *in; /* read into this */
	size_t in_bytes;
	uv_write_t write;
	uv_shutdown_t shutdown;
	struct muster__tls tls; /* ssl NULL: plain */
	bool reading, writing, flushing, shut, closing;
	size_t wire_bytes;
	uv_buf_t parts[MUSTER__TRANSPORT_PARTS_MAX]; /* not encrypted yet */
	char *out;                                   /* being flushed */
};

/* Begin on a loop; then the transport must be closed.
 *   context   NULL: plain
 *   in        room for what is read
 * Returns 0 or -ENOMEM. */
int muster__transport_begin(struct muster__transport *transport, uv_loop_t *loop, bool is_unix, SSL_CTX *context,
                            const struct muster__transport_calls *calls, void *owner, char *in, size_t in_bytes);

/* Take the connection a listener has. Returns 0 or -errno. */
int muster__transport_accept(struct muster__transport *transport, uv_stream_t *listener);

/* May call have_read at once. Returns 0 or -errno. */
int muster__transport_read_start(struct muster__transport *transport);
void muster__transport_read_stop(struct muster__transport *transport);

/* Write the parts, which must stay until `written`; one at a time. Returns 0 or -errno, then without `written`. */
int muster__transport_write(struct muster__transport *transport, const uv_buf_t *parts, size_t count);

/* Say good-bye, and read on to the end, without a call for bytes. Returns 0 or -errno. */
int muster__transport_shutdown(struct muster__transport *transport);

/* Safe to call again. */
void muster__transport_close(struct muster__transport *transport);

bool muster__transport_is_shaking_hands(const struct muster__transport *transport);

#endif
