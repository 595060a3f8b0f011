/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listen_queue.h - how full the accept queues of the service are, without its help.
 */
#ifndef MUSTER__LISTEN_QUEUE_H
#define MUSTER__LISTEN_QUEUE_H

#include <stddef.h>
#include <sys/types.h>

struct muster__listen_queue;

/* Declare muster_listener_*. Returns 0 or -ENOMEM. */
int muster__listen_queue_create(struct muster__listen_queue **out);
void muster__listen_queue_destroy(struct muster__listen_queue **queue);

/* Show the queues of the sockets that these processes listen on. */
void muster__listen_queue_sample(struct muster__listen_queue *queue, const pid_t *pids, size_t count);

#endif
