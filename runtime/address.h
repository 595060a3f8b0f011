/* SPDX-License-Identifier: Apache-2.0 */
/*
 * address.h - listening sockets from what a person writes: "HOST:PORT", "[V6]:PORT", ":PORT", "unix:PATH".
 */
#ifndef MUSTER__ADDRESS_H
#define MUSTER__ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define MUSTER__ADDRESS_BYTES 160

struct muster__listener {
	int fd; /* bound, listening, non-blocking, close-on-exec; -1: closed */
	bool is_unix;
	char text[MUSTER__ADDRESS_BYTES]; /* the address really bound: port 0 is resolved */
	bool is_foreign;                  /* its file is somebody else's to unlink */
	dev_t dev;                        /* of the socket file, so that only ours is unlinked */
	ino_t ino;
};

enum muster__sharing { MUSTER__ALONE, MUSTER__REUSE_PORT };

/* Bind and listen. A socket file that nobody listens on any more is replaced.
 *   what      names the option in messages, such as "--listen"
 *   sharing   MUSTER__REUSE_PORT: more sockets will be bound to the address; not for unix:PATH
 *   out    untouched on failure
 * Returns 0, or a code of <sysexits.h> after one line in the log: EX_USAGE if the address cannot be read,
 *   EX_NOHOST if the host has no address, EX_UNAVAILABLE if it is in use or not of this machine, EX_NOPERM
 *   if this user may not bind it.
 * Context: the master, before it forks. May ask the resolver, which may block. */
int muster__listener_open(const char *what, const char *address, enum muster__sharing sharing,
                          struct muster__listener *out);

/* A listening socket that another master opened on this address. Its file stays the other's until
 * muster__listener_own(). */
void muster__listener_adopt(int fd, const char *address, struct muster__listener *out);
void muster__listener_own(struct muster__listener *listener);

/* A listening socket that was passed to us; its address is asked of the kernel. Returns 0, or -ENOTSOCK: it is no
 * listening stream socket. */
int muster__listener_passed(int fd, struct muster__listener *out);

/* Leave the socket file to another: it is not unlinked when the listener is closed. */
void muster__listener_leave(struct muster__listener *listener);

/* One more socket on the address of a listener opened with MUSTER__REUSE_PORT. Returns its descriptor or -errno. */
int muster__listener_again(const struct muster__listener *listener);

/* Unlink the socket file, if there is one and it is still the one that was made. */
void muster__listener_unlink(const struct muster__listener *listener);

/* Unlink and close. Safe to call again. */
void muster__listener_close(struct muster__listener *listener);

#endif
