/* SPDX-License-Identifier: Apache-2.0 */
/*
 * harness.c - what the machine itself takes, in the cases of ../README.md: the bare instructions of an update, and a
 * scrape that sums cells, copies prefixes and formats integers. It has no page.
 *
 *   limit update | scrape SERIES | workers COUNT COUNTERS
 */
#include "bench/common/limit.h"
#include "bench/peers/common/peer.h"

#define COPY_BYTES (1 << 20)
#define LINE_BYTES 60 /* a prefix, about as long as the harnesses' */

static uint64_t word __attribute__((aligned(64)));
static struct limit scraped;

static void add(uint64_t n)
{
	limit_add(&word, n);
}

static void locked(uint64_t n)
{
	limit_locked_add(&word, n);
}

static void cas_double(uint64_t n)
{
	limit_cas_double(&word, n);
}

static void copy(uint64_t n)
{
	static char from[COPY_BYTES], to[COPY_BYTES];

	for (uint64_t i = 0; i < n; i++) {
		memcpy(to, from, COPY_BYTES);
		__asm__ volatile("" : : "r"(to) : "memory");
	}
}

static void clock_read(uint64_t n)
{
	struct timespec ts;

	for (uint64_t i = 0; i < n; i++)
		clock_gettime(CLOCK_MONOTONIC, &ts);
}

static void scrape(uint64_t n)
{
	for (uint64_t i = 0; i < n; i++)
		limit_scrape(&scraped);
}

static void page(FILE *out)
{
	(void)out;
}

int main(int argc, char **argv)
{
	static const struct peer_case cases[] = {{"inc", add},   {"xadd", locked},      {"cas", cas_double},
	                                         {"copy", copy}, {"clock", clock_read}, {"scrape", scrape}};
	size_t first = argc > 2 ? (size_t)atoi(argv[2]) : 0, second = argc > 3 ? (size_t)atoi(argv[3]) : 0;

	if (second) /* cells: counters and 12 buckets and a sum per histogram; lines: a count too */
		limit_make(&scraped, first, second + second / 10 * 13, second + second / 10 * 14, LINE_BYTES);
	else if (first)
		limit_make(&scraped, 1, first, first, LINE_BYTES);
	return peer_serve(cases, sizeof cases / sizeof *cases, page);
}
