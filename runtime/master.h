/* SPDX-License-Identifier: Apache-2.0 */
/*
 * master.h - the master process: one region, its collector, its HTTP server, perhaps a supervisor.
 */
#ifndef MUSTER__MASTER_H
#define MUSTER__MASTER_H

#include <muster/prefork.h>

/* Run until told to stop.
 *   opts   checked and complete: defaults filled in; workers == 0: only aggregate and serve
 * Returns the exit status for main(), as muster_prefork() does. */
int muster__master_run(const struct muster_prefork_opts *opts);

/* As muster_prefork(), without workers: aggregate and serve. Uses name, metrics and region. */
int muster__serve(const struct muster_prefork_opts *opts);

#endif
