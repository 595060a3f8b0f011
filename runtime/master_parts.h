/* SPDX-License-Identifier: Apache-2.0 */
/*
 * master_parts.h - what the files of the master share: the one struct, and the steps of its life. Those that
 * return int return 0, or an exit status after a line in the log.
 */
#ifndef MUSTER__MASTER_PARTS_H
#define MUSTER__MASTER_PARTS_H

#include <stdbool.h>
#include <uv.h>

#include "handover.h"
#include "master.h"
#include "notify.h"
#include "pages.h"
#include "pidfile.h"
#include "program.h"
#include "saturation.h"
#include "signals.h"
#include "user.h"
#include "web.h"
#include "wrap.h"

struct before;
struct next;

struct master {
	const struct muster_prefork_opts *opts;
	const struct muster__server_opts *server;    /* NULL: none is wrapped */
	char path[MUSTER_REGION_PATH_BYTES_MAX + 1]; /* absolute */
	struct muster__program program;
	struct muster__handover handover; /* handover.from: the master before us, as long as it is there */
	struct before *before;            /* watches it */
	struct next *next;                /* the master that comes after us; NULL: none */
	struct muster__descriptors inherited;
	struct muster__user user; /* if opts->worker_user */
	struct muster_region *region;
	struct muster__self *self;
	struct muster__collector *collector;
	struct muster__saturation *saturation;
	uint64_t tree_read_ms; /* when `seen` was */
	struct muster__member_seen *seen;
	size_t seen_count;
	struct muster__supervisor *supervisor;
	struct muster__wrap *wrap;
	struct muster__notify *notify;
	struct muster__pidfile pidfile;
	struct muster__web *web;
	struct muster__http *http;
	struct muster__pages_ctx pages;
	struct muster__listener metrics, listeners[MUSTER__LISTENERS_MAX];
	int listen_fds[MUSTER__LISTENERS_MAX];
	size_t listener_count;
	struct muster__shards shards;
	char *listen_names;
	uv_loop_t loop;
	bool loop_made, stopping, draining, leaving;
	struct muster__signals signals;
	uv_timer_t drain;
	int exit_status;
};

/* master_region.c: what can be refused without a trace */
int muster__master_region_start(struct master *m);
int muster__master_pidfile_start(struct master *m);
int muster__master_listeners_open(struct master *m);
void muster__master_listeners_close(struct master *m);

/* master.c: serve the scrape on m->metrics, if it is open */
int muster__master_metrics_serve(struct master *m);

/* master_upgrade.c: a master that comes after us */
void muster__master_upgrade(struct master *m);
/* A child was reaped: was it that master? */
bool muster__master_next_reaped(void *ctx, pid_t pid, int wait_status);
pid_t muster__master_next_pid(const struct master *m); /* 0: none */
/* Stop watching it; when all else is undone, let it see that we are gone. Both accept that there is none. */
void muster__master_next_leave(struct master *m);
void muster__master_next_close(struct master *m);

/* master_succeed.c: the master before us, m->handover.from. Both accept that there is none. */
int muster__master_before_watch(struct master *m);
void muster__master_before_tell(struct master *m); /* we are ready */
void muster__master_before_close(struct master *m);

/* master_watch.c: what is told of the processes. The end accepts what was not started. */
int muster__master_watch_start(struct master *m);
void muster__master_watch_end(struct master *m);

/* master_stop.c: told by signals, or because nobody is left */
int muster__master_signals_start(struct master *m);
void muster__master_budget_spent(void *ctx);
/* Callbacks: the last worker is gone; the wrapped server and its tree are. */
void muster__master_workers_gone(void *ctx);
void muster__master_server_gone(void *ctx, int exit_status);

#endif
