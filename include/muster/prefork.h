/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prefork.h - the pre-fork master as a library call (libmuster-master).
 *
 *   The caller's process becomes the master: it binds the listeners, forks the workers, restarts those
 *   that die, serves the merged metrics over HTTP, and stops on SIGTERM or SIGINT. The worker callback
 *   runs in the child with default signal dispositions, an empty signal mask and MUSTER_REGION set.
 */
#ifndef MUSTER_PREFORK_H
#define MUSTER_PREFORK_H

#include <stddef.h>

#include <muster/muster.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

#define MUSTER_WORKERS_MAX 1024
#define MUSTER_METRICS_DEFAULT "127.0.0.1:9464"

/* What a worker is given. */
struct muster_worker {
	unsigned slot;         /* 0 .. workers - 1; a restarted worker takes its predecessor's */
	const int *listen_fds; /* bound, listening, non-blocking sockets in the order of `listen` */
	size_t listen_count;
};

struct muster_prefork_opts {
	const char *name;          /* names the region and the log lines; [A-Za-z0-9_.-]; NULL: "muster" */
	unsigned workers;          /* 1 .. MUSTER_WORKERS_MAX */
	const char *const *listen; /* NULL-terminated "HOST:PORT", "[V6]:PORT", ":PORT" or "unix:PATH"; NULL: none */
	const char *metrics;       /* where to serve the scrape, as one `listen`; NULL: MUSTER_METRICS_DEFAULT;
	                               "none": nowhere */
	const char *region;        /* directory, created 0700 if missing; NULL: /dev/shm/muster-UID-NAME */
	int (*worker)(const struct muster_worker *worker, void *ctx); /* its return value is the exit status */
	void *ctx;
	char *const *argv;                /* instead of `worker`: execvp this, listeners passed as LISTEN_FDS */
	size_t series_max;                /* of the page, all workers together; 0: MUSTER_REGION_SERIES_MAX_DEFAULT */
	double grace_seconds;             /* from TERM to KILL at stop; 0: 10 */
	double restart_delay_seconds_max; /* ceiling of the exponential back-off of a worker that keeps dying; 0: 30 */
};

/* Run a pre-fork server until it is told to stop.
 * Returns the exit status for main(): 0 after a clean stop, else a code of <sysexits.h>: EX_USAGE for
 *   options out of range, EX_NOINPUT or EX_CANTCREAT for the region, EX_UNAVAILABLE for an address in
 *   use, EX_TEMPFAIL if another master serves the region, EX_OSERR when fork or the loop fails, and 127
 *   if `argv` cannot be found. The reason is one line on stderr.
 * Context: a process with one thread; call it once. Families may be declared before the call. */
int muster_prefork(const struct muster_prefork_opts *opts);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
