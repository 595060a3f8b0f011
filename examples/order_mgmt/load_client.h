/* SPDX-License-Identifier: Apache-2.0 */
/* load_client.h - a load from its first request to its last answer. */
#ifndef ORDER_MGMT_LOAD_CLIENT_H
#define ORDER_MGMT_LOAD_CLIENT_H

#include "load_options.h"
#include "load_tally.h"

/* Send until the time or the number is reached, or SIGTERM or SIGINT comes; then wait for what is under way.
 * Returns 0, or -errno if the loop broke or memory is short. */
int load_run(struct loop *loop, const struct load_options *options, struct load_tally *tally);

#endif
