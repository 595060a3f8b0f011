/* SPDX-License-Identifier: Apache-2.0 */
/*
 * master_parts.h - what the files of the master share: the one struct, and the steps of its life. Those that
 * return int return 0, or an exit status after a line in the log.
 */
#ifndef MUSTER__MASTER_PARTS_H
#define MUSTER__MASTER_PARTS_H

#include <stdbool.h>
#include <uv.h>

#include "master.h"
#include "notify.h"
#include "pages.h"
#include "pidfile.h"
#include "saturation.h"
#include "signals.h"
#include "web.h"
#include "wrap.h"

struct master {
	const struct muster_prefork_opts *opts;
	const struct muster__server_opts *server;    /* NULL: none is wrapped */
	char path[MUSTER_REGION_PATH_BYTES_MAX + 1]; /* absolute */
	struct muster__descriptors inherited;
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
	bool loop_made, stopping, draining;
	struct muster__signals signals;
	uv_timer_t drain;
	int exit_status;
};

/* master_region.c: what can be refused without a trace */
int muster__master_region_start(struct master *m);
int muster__master_pidfile_start(struct master *m);
int muster__master_listeners_open(struct master *m);
void muster__master_listeners_close(struct master *m);

/* master_watch.c: what is told of the processes. The end accepts what was not started. */
int muster__master_watch_start(struct master *m);
void muster__master_watch_end(struct master *m);

/* master_stop.c: told by signals, or because nobody is left */
int muster__master_signals_start(struct master *m);
/* Callbacks: the last worker is gone; the wrapped server and its tree are. */
void muster__master_workers_gone(void *ctx);
void muster__master_server_gone(void *ctx, int exit_status);

#endif
