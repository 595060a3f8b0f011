/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listen_sockets.h - the listening sockets of this network namespace, as the kernel tells of them.
 */
#ifndef MUSTER__LISTEN_SOCKETS_H
#define MUSTER__LISTEN_SOCKETS_H

#include <stddef.h>
#include <stdint.h>

#define MUSTER__LISTEN_SOCKETS_MAX 4096
#define MUSTER__LISTEN_ADDRESS_BYTES 448 /* a socket path, each byte escaped */

struct muster__listen_socket {
	uint64_t inode;
	double queue;                               /* connections that wait to be accepted */
	double backlog, drops;                      /* how many may wait; what was dropped since it listens; -1: not told */
	char address[MUSTER__LISTEN_ADDRESS_BYTES]; /* "127.0.0.1:80", "[::]:80", a path, "@" and an abstract name */
};

struct muster__listen_sockets {
	struct muster__listen_socket *list;
	size_t count, capacity;
	int diag_error; /* of sock_diag; TCP is then read from /proc/net, UNIX sockets are not known */
};

/* Ask the kernel. Returns 0 or -ENOMEM: then some are missing. */
int muster__listen_sockets_read(struct muster__listen_sockets *out);
void muster__listen_sockets_free(struct muster__listen_sockets *sockets);

#endif
