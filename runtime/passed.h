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

/* Take the one for the metrics out of them, and its name out of LISTEN_FDNAMES.
 *   metrics   "systemd:NAME", or "systemd": the one named metrics
 *   only      if it is the only one, "systemd" means it, whatever its name
 * Returns 0, or EX_USAGE after one line in the log: there is none, or more than one, or it does not listen. */
int muster__passed_pick(const char *metrics, bool only, struct muster__listener *list, size_t *count,
                        struct muster__listener *out);

/* The same with one that the master before us took out: its name is there again. */
int muster__passed_picked(const char *metrics, int fd, struct muster__listener *out);

bool muster__passed_is_meant(const char *metrics);

/* LISTEN_FDNAMES for `passed` sockets as they were named and `own` ones behind them, or NULL if they have no
 * names or there is no memory. The caller frees it. */
char *muster__passed_names(size_t passed, size_t own);

#endif
