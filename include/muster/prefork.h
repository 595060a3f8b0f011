/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prefork.h - the pre-fork master as a library call (libmuster-master).
 *
 *   The caller's process becomes the master: it binds the listeners, forks the workers, restarts those
 *   that die, serves the merged metrics over HTTP, and stops on SIGTERM, SIGINT or SIGQUIT. The worker callback
 *   runs in the child with default signal dispositions, an empty signal mask and MUSTER_REGION set.
 *
 *   The master heeds the signals of gunicorn: HUP replaces the workers one after the other, TTIN and TTOU make
 *   one more or one less, WINCH ends them and keeps the master, USR1 goes to all workers. docs/running.md.
 *   USR2 starts the program anew, from the path it was started by, with the arguments, environment and directory of this
 *   process: the new master takes over the sockets and serves beside this one, until one of them is ended. So a program that
 *   is to be upgraded calls muster_prefork() whenever it is started, leaves descriptors above 2 open until then,
 *   opens with close-on-exec what is its own, and binds or locks nothing that its successor needs. Else: `no_upgrade`.
 *   Sockets that systemd passed (LISTEN_FDS) come before those of `listen`, and NOTIFY_SOCKET is told how it goes.
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
	const char *name;            /* names the region and the log lines; [A-Za-z0-9_.-]; NULL: "muster" */
	unsigned workers;            /* 1 .. MUSTER_WORKERS_MAX */
	const char *const *listen;   /* NULL-terminated "HOST:PORT", "[V6]:PORT", ":PORT" or "unix:PATH"; NULL: none */
	const char *metrics;         /* where to serve the scrape, as one `listen`; NULL: MUSTER_METRICS_DEFAULT;
	                               "none": nowhere; "systemd" or "systemd:NAME": on the passed socket that is named
	                               metrics, or NAME */
	unsigned metrics_mode;       /* of the socket file of `metrics`, as 0660; 0: what the umask leaves */
	const char *web_config_file; /* TLS, users and more of the scrape, in the format of Prometheus' exporters, read
	                                again when it has changed; NULL: plain HTTP for everybody. docs/serving.md */
	const char *region;          /* directory, created 0700 if missing; NULL: /dev/shm/muster-UID-NAME */
	int (*worker)(const struct muster_worker *worker, void *ctx); /* its return value is the exit status */
	void *ctx;
	char *const *argv;                /* instead of `worker`: execvp this, listeners passed as LISTEN_FDS */
	size_t series_max;                /* of the page, all workers together; 0: MUSTER_REGION_SERIES_MAX_DEFAULT */
	double grace_seconds;             /* from TERM to KILL at stop; 0: 10 */
	double restart_delay_seconds_max; /* ceiling of the exponential back-off of a worker that keeps dying; 0: 30 */
	/* If more workers than restart_budget die of their own accord within restart_budget_seconds, the master stops with
	 * EX_SOFTWARE, for systemd or whoever it is to see it. 0: it goes on, whatever happens */
	unsigned restart_budget;
	double restart_budget_seconds;
	double lifetime_seconds_max; /* a worker is replaced after 0.9 to 1 of it; 0: never */
	/* A worker is replaced when it has ended so many requests, and 0 to requests_jitter more, drawn for each. It has to tell
	 * them (muster/request.h). 0: any number */
	unsigned long long requests_max, requests_jitter;
	unsigned long long memory_bytes_max; /* a worker with more in RAM is told to end and restarted; 0: none */
	double heartbeat_seconds_max; /* a worker whose muster_heartbeat() was not heard for so long is aborted; 0: never */
	/* Executable to run before a worker is started, which waits for it: with MUSTER_WORKER_{SLOT,REASON}; if it fails or takes
	 * over 60 s, no worker is started, and it is tried again. NULL: none */
	const char *on_before_worker_start;
	const char *on_worker_start; /* executable to run then, with MUSTER_WORKER_{PID,SLOT,REASON}; NULL: none */
	const char *on_worker_exit;
	int reuse_port;   /* not 0: each worker has sockets of its own on the addresses of `listen`; no unix:PATH */
	int cpu_affinity; /* not 0: each worker keeps to one processor, by slot */
	/* "USER" or "USER:GROUP", names or numbers; the master is root. Workers become that user before any code of theirs
	 * runs, and the region is made theirs to attach to. NULL: they run as the master does */
	const char *worker_user;
	const char *pidfile;    /* made at start, locked, removed at end; NULL: none */
	const char *log_format; /* "text" or "json"; NULL: "text" */
	double pss_seconds;     /* read proportional memory (PSS) at most so often, which is slow; 0: never */
	/* Where prometheus_client of Python workers keeps its multiprocess files: read beside the slabs, and named to the
	 * workers by PROMETHEUS_MULTIPROC_DIR unless that is set. "multiproc": in the region. NULL: nowhere */
	const char *multiproc_dir;
	const char *multiproc_schema; /* a page that says what files of client_ruby there do not say; NULL: none */
	int multiproc_compact;        /* not 0: take files of the dead into the ledger, and delete them */
	int no_upgrade;               /* not 0: USR2 is refused */
	double drain_seconds; /* when the workers are gone, serve until scraped once, at most so long; 0: no longer */
};

/* Run a pre-fork server until it is told to stop.
 * Returns the exit status for main(): 0 after a clean stop, else a code of <sysexits.h>: EX_USAGE for
 *   options out of range, EX_NOINPUT or EX_CANTCREAT for the region, EX_CONFIG for the web configuration, EX_UNAVAILABLE
 *   for an address in use, EX_TEMPFAIL if another master serves the region or holds the pidfile, EX_NOUSER if
 *   worker_user is not known and EX_NOPERM if only root could obey it, EX_OSERR when fork or the loop fails,
 *   EX_SOFTWARE when the restart budget is spent, and 127 if `argv` cannot be found. The reason is one line on stderr.
 * Context: a process with one thread; call it once. Families may be declared before the call. */
int muster_prefork(const struct muster_prefork_opts *opts);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
