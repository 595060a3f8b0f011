/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conn.h - one client's connection: read a request, work on it, answer, again.
 *
 *   A connection has one thing to wait for at a time: bytes, a step of its call, room to send. Its one
 *   timer is the deadline of the first and last, and the wait of the second.
 */
#ifndef ORDER_MGMT_CONN_H
#define ORDER_MGMT_CONN_H

#include "handlers.h"
#include "loop.h"

#define CONN_IN_BYTES 4096

struct conn;

/* What the connections of a worker share. */
struct conn_pool {
	struct loop *loop;
	bool draining; /* every answer from now on is the last of its connection */
	size_t count;
	struct conn *first;
	void (*on_closed)(struct conn_pool *pool); /* one fewer */
};

/* Serve the client behind `fd`, which is taken over; it is closed if memory is short. */
void conn_start(struct conn_pool *pool, int fd);

/* Let every connection end: busy ones after their answer, idle ones soon. */
void conn_pool_drain(struct conn_pool *pool);

#endif
