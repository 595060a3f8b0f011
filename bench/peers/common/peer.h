/* SPDX-License-Identifier: Apache-2.0 */
/*
 * peer.h - what every C and C++ harness shares: the agreed series, values and orders, and the command loop.
 * README.md beside this folder tells the protocol; the harnesses in other languages repeat these few lines.
 */
#ifndef BENCH_PEER_H
#define BENCH_PEER_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PEER_BOUNDS 11
#define PEER_VALUES 4096
#define PEER_SERIES 4000
#define PEER_ORDER 16384
#define PEER_STEP 7919

static const double peer_bounds[PEER_BOUNDS] = {.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10};
static const char *const peer_methods[4] = {"GET", "POST", "PUT", "DELETE"};

static double peer_values[PEER_VALUES];
static uint32_t peer_order[PEER_ORDER];
static char peer_paths[PEER_SERIES / 4][32];

/* Park and Miller's generator: its products are exact in a double, so every language has it. */
static inline uint32_t peer_random(uint32_t *state)
{
	*state = (uint32_t)((uint64_t)*state * 16807 % 2147483647);
	return *state;
}

/* A value in bucket k; the last bucket is +Inf. */
static inline double peer_value(uint32_t k)
{
	return k < PEER_BOUNDS ? peer_bounds[k] * 0.99 : 20.0;
}

static inline void peer_agree(void)
{
	uint32_t state = 1;

	for (uint32_t i = 0; i < PEER_VALUES; i++)
		peer_values[i] = peer_value(peer_random(&state) % (PEER_BOUNDS + 1));
	for (uint32_t i = 0; i < PEER_ORDER; i++)
		peer_order[i] = peer_random(&state) % PEER_SERIES;
	for (uint32_t i = 0; i < PEER_SERIES / 4; i++)
		(void)snprintf(peer_paths[i], sizeof peer_paths[i], "/api/v1/resource/%u", i);
}

static inline uint64_t peer_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000U + (uint64_t)ts.tv_nsec;
}

struct peer_case {
	const char *name;
	void (*run)(uint64_t n);
};

/* Say that all is set up, then obey: "page" or "CASE N", one a line. */
static inline int peer_serve(const struct peer_case *cases, size_t count, void (*page)(FILE *out))
{
	char line[80], name[40];
	uint64_t n;

	(void)puts("ready");
	(void)fflush(stdout);
	while (fgets(line, sizeof line, stdin)) {
		if (strcmp(line, "page\n") == 0) {
			page(stdout);
			(void)puts(".");
		} else if (sscanf(line, "%39s %lu", name, &n) == 2) {
			for (size_t i = 0; i < count; i++) {
				if (strcmp(cases[i].name, name) != 0)
					continue;
				uint64_t start = peer_now_ns();
				cases[i].run(n);
				(void)printf("%lu\n", peer_now_ns() - start);
			}
		}
		(void)fflush(stdout);
	}
	return 0;
}

#endif
