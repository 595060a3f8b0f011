/* SPDX-License-Identifier: Apache-2.0 */
/* load_target.h - where the load goes: this machine, and nowhere else. */
#ifndef ORDER_MGMT_LOAD_TARGET_H
#define ORDER_MGMT_LOAD_TARGET_H

#include <sys/socket.h>

struct load_target {
	const char *text; /* as given */
	struct sockaddr_storage address;
	socklen_t address_bytes;
};

/* Read HOST:PORT; HOST is localhost, an address of 127.0.0.0/8, or [::1].
 * Returns NULL, or what `text` should have been, `out` untouched. No name is ever resolved. */
const char *load_target_read(const char *text, struct load_target *out);

/* Begin to connect: the first send waits for the end of it. Returns the socket, or -errno. */
int load_target_connect(const struct load_target *target);

/* Whether somebody listens there now. Waits 5 s at most. Returns 0, or -errno. */
int load_target_probe(const struct load_target *target);

#endif
