/* SPDX-License-Identifier: Apache-2.0 */
/*
 * handover.h - what a master gives to the one that comes after it: its listening sockets, each with the words it was
 * asked for by, and a socket that shows when it is gone.
 */
#ifndef MUSTER__HANDOVER_H
#define MUSTER__HANDOVER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <muster/prefork.h>

#include "address.h"

#define MUSTER__HANDOVER_VARIABLE "MUSTER_HANDOVER" /* PID:FD, the process it is for and the list */

#define MUSTER__HANDED(X)                                                                                              \
	X(LISTEN, "listen")                                                                                                \
	X(METRICS, "metrics")                                                                                              \
	X(PASSED, "passed") /* the slot-th socket of LISTEN_FDS */                                                         \
	X(SHARD, "shard")   /* of one slot, SO_REUSEPORT */

enum muster__handed {
#define MUSTER__ROW(id, word) MUSTER__HANDED_##id,
	MUSTER__HANDED(MUSTER__ROW)
#undef MUSTER__ROW
		MUSTER__HANDED_COUNT
};

struct muster__handed_socket {
	enum muster__handed kind;
	unsigned slot;
	int fd;                              /* -1: claimed */
	char address[MUSTER__ADDRESS_BYTES]; /* as it was asked for, port 0 too; "": by whoever passed it */
};

struct muster__handover {
	pid_t from; /* the master that gives; 0: none */
	int life;   /* a stream to the other master: ends when that is gone; -1: none */
	struct muster__handed_socket *sockets;
	size_t count, capacity;
};

/* Add a socket that is to be handed over; its descriptor stays the caller's. Returns 0 or -ENOMEM. */
int muster__handover_add(struct muster__handover *handover, enum muster__handed kind, unsigned slot, int fd,
                         const char *address);

/* Write the list into a file in memory. Returns its descriptor, close-on-exec, or -errno. */
int muster__handover_write(const struct muster__handover *handover);

/* Take what the environment says we were given, if anything, and the variable out of the environment. All descriptors
 * are close-on-exec from now on.
 *   out   as all zero, life -1, if we were given nothing
 * Returns 0, or EX_USAGE after a line in the log: it is not what a master writes. */
int muster__handover_take(struct muster__handover *out);

/* Read the list; takes nothing. Returns false if a line of it breaks the format. */
bool muster__handover_parse(const char *text, struct muster__handover *out);

/* A socket of these words that nobody has claimed yet: the caller's from now on. Returns -1 if there is none. */
int muster__handover_claim(struct muster__handover *handover, enum muster__handed kind, unsigned slot,
                           const char *address);

/* Close what nobody has claimed. */
void muster__handover_drop(struct muster__handover *handover);

/* Forget the list without closing anything. */
void muster__handover_free(struct muster__handover *handover);

#endif
