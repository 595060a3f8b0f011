/* SPDX-License-Identifier: Apache-2.0 */
/*
 * passed.h - sockets that systemd, or whoever does it the same way, has opened for us.
 *
 * Source: sd_listen_fds(3).
 */
#ifndef MUSTER__PASSED_H
#define MUSTER__PASSED_H

#include <stddef.h>

#include "address.h"

/* Take the descriptors that LISTEN_FDS promises, if LISTEN_PID is ours.
 *   out     room for MUSTER__LISTENERS_MAX; their descriptors are close-on-exec from now on
 *   count   how many
 * Returns 0, or EX_USAGE after one line in the log: the variable is no number, or too many, or a descriptor is
 * not open. */
int muster__passed_take(struct muster__listener *out, size_t *count);

/* One of them that the master before us took. */
void muster__passed_adopt(int fd, struct muster__listener *out);

/* LISTEN_FDNAMES for `passed` sockets as they were named and `own` ones behind them, or NULL if they have no
 * names or there is no memory. The caller frees it. */
char *muster__passed_names(size_t passed, size_t own);

#endif
