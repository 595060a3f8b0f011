/* SPDX-License-Identifier: Apache-2.0 */
/*
 * heartbeat.h - a worker shows that its loop turns; a master with --heartbeat-timeout ends one that does not.
 *
 * Who never calls it is never watched. Who has called it once has to go on: in each turn of its loop, which has to turn
 * more often than the timeout also when there is nothing to do.
 */
#ifndef MUSTER_HEARTBEAT_H
#define MUSTER_HEARTBEAT_H

#include <muster/muster.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* One relaxed store into the slab; no system call, no clock. The first call of a process attaches it.
 * Context: any thread, any signal handler. */
void muster_heartbeat(void);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
