/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_room.h - who gives way when there are too many.
 */
#ifndef MUSTER__HTTP_ROOM_H
#define MUSTER__HTTP_ROOM_H

#include "http_conn.h"

TAILQ_HEAD(muster__conns, muster__conn); /* the one that is longest in its phase first */

/* Of those that `may`, the first one of the address that has most of them. NULL: none may. */
struct muster__conn *muster__http_room_victim(const struct muster__conns *conns,
                                              bool (*may)(const struct muster__conn *conn));

/* How many may. */
unsigned muster__http_room_count(const struct muster__conns *conns, bool (*may)(const struct muster__conn *conn));

#endif
