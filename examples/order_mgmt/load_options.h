/* SPDX-License-Identifier: Apache-2.0 */
/* load_options.h - what order_load is told: where, how fast, how long. Every load has an end. */
#ifndef ORDER_MGMT_LOAD_OPTIONS_H
#define ORDER_MGMT_LOAD_OPTIONS_H

#include <stdint.h>

#include "load_target.h"
#include "loop.h"

struct load_options {
	struct load_target target;
	uint64_t rate, seconds, requests, connections, seed;
	enum loop_kind loop;
};

/* Returns 0, or EX_USAGE with the option, its value and the limit on stderr. --help ends the process. */
int load_options_read(struct load_options *options, int argc, char **argv);

#endif
