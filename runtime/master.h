/* SPDX-License-Identifier: Apache-2.0 */
/*
 * master.h - the master process: one region, its collector, its HTTP server, perhaps workers or a wrapped server.
 */
#ifndef MUSTER__MASTER_H
#define MUSTER__MASTER_H

#include <stdbool.h>

#include <muster/prefork.h>

/* How to run a server that has a master of its own. */
struct muster__server_opts {
	double term_seconds;  /* kill it so long after a TERM that was passed on; 0: it takes the time it takes */
	bool ready_when_told; /* ready when the server says READY=1, not when it was started */
};

/* Run until told to stop.
 *   opts     checked and complete: defaults filled in; workers == 0 without `server`: only aggregate and serve
 *   server   opts->argv is a server to wrap; NULL: it is what each worker runs
 * Returns the exit status for main(), as muster_prefork() does; with `server`, its exit status or 128 + signal. */
int muster__master_run(const struct muster_prefork_opts *opts, const struct muster__server_opts *server);

/* As muster_prefork(), without workers: aggregate and serve. Uses name, metrics, region, pidfile, log_format. */
int muster__serve(const struct muster_prefork_opts *opts);

/* As muster_prefork(), with the server opts->argv in place of workers. */
int muster__run_server(const struct muster_prefork_opts *opts, const struct muster__server_opts *server);

#endif
