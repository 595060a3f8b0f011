/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load_link.h - one connection to the service: a request, its answer, the next.
 *
 *   It is opened for its first request, and anew for the next one after it was closed or broke.
 */
#ifndef ORDER_MGMT_LOAD_LINK_H
#define ORDER_MGMT_LOAD_LINK_H

#include <http_parser.h>

#include "load_mix.h"
#include "load_tally.h"
#include "load_target.h"
#include "loop.h"

enum load_link_state {
	LOAD_LINK_IDLE,
	LOAD_LINK_SEND,
	LOAD_LINK_READ,
	LOAD_LINK_PAUSE, /* was refused, tries again soon */
};

struct load_link;

/* What the links of a load share. */
struct load_pool {
	struct loop *loop;
	const struct load_target *target;
	struct load_tally *tally;
	void (*on_idle)(struct load_pool *pool); /* a link has become idle */
	size_t busy;                             /* links with a request under way */
};

struct load_link {
	struct loop_io io; /* fd -1: not open */
	struct loop_timer timer;
	struct load_pool *pool;
	enum load_link_state state;
	bool proven; /* something was sent on this connection, so it stood */
	http_parser parser;
	bool whole; /* the answer */
	uint64_t begun_ns;
	size_t out_at, out_end;
	char out[LOAD_REQUEST_BYTES_MAX], in[4096];
};

void load_link_init(struct load_link *link, struct load_pool *pool);
void load_link_close(struct load_link *link);

/* Send the mix's next request on an idle link. */
void load_link_request(struct load_link *link, struct load_mix *mix);

/* CLOCK_MONOTONIC. */
uint64_t load_now_ns(void);

#endif
