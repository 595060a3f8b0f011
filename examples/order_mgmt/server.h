/* SPDX-License-Identifier: Apache-2.0 */
/* server.h - a worker process of the service. */
#ifndef ORDER_MGMT_SERVER_H
#define ORDER_MGMT_SERVER_H

#include <muster/prefork.h>

#include "loop.h"

/* From TERM to the last connection: what is in flight is answered, and a client that is just sending on a
 * connection it believes open still gets its answer. Longer than a call's two longest waits. */
#define SERVER_GRACE_SECONDS 25.0

/* Serve until SIGTERM or SIGINT; then finish what is in flight.
 * Returns the exit status: 0, or a code of <sysexits.h> with the reason on stderr.
 * Context: a worker of muster_prefork(). */
int server_run(const struct muster_worker *worker, enum loop_kind kind);

#endif
