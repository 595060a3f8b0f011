/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load_tally.h - what came of the requests.
 *
 *   At the end sent == answered + broken + refused. The service has counted every answered request, may
 *   have counted a broken one, and has never seen a refused one.
 */
#ifndef ORDER_MGMT_LOAD_TALLY_H
#define ORDER_MGMT_LOAD_TALLY_H

#include <stdint.h>
#include <stdio.h>

#define LOAD_STATUS_MAX 999
#define LOAD_LATENCY_SLOTS 2048

struct load_tally {
	uint64_t sent;
	uint64_t answered[LOAD_STATUS_MAX + 1];
	uint64_t broken;   /* the connection broke, timed out or talked nonsense before the whole answer */
	uint64_t refused;  /* no connection was to be had */
	uint64_t connects; /* connections begun: more than --connections when some had to be replaced */
	double seconds;
	uint64_t latency_slots[LOAD_LATENCY_SLOTS]; /* see load_tally.c */
};

void load_tally_answer(struct load_tally *tally, unsigned status, uint64_t latency_ns);

/* One line of JSON. */
void load_tally_print(const struct load_tally *tally, uint64_t seed, FILE *out);

#endif
