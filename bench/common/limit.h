/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limit.h - the bare work, for comparison: the instructions of an update, and a scrape that only sums, copies and
 * formats.
 */
#ifndef BENCH_LIMIT_H
#define BENCH_LIMIT_H

#include <stddef.h>
#include <stdint.h>

/* n times: load, add, store; a locked add; a compare-and-swap of a double. `word` is a uint64_t. */
void limit_add(void *word, uint64_t n);
void limit_locked_add(void *word, uint64_t n);
void limit_cas_double(void *word, uint64_t n);

struct limit {
	uint64_t *cells; /* workers x count */
	uint64_t *sums;  /* count */
	size_t workers, count, lines, prefix_bytes;
	char *prefix, *out;
};

/* `workers` arrays of `cells` words, and `lines` lines with a prefix of `prefix_bytes` each. */
void limit_make(struct limit *l, size_t workers, size_t cells, size_t lines, size_t prefix_bytes);
void limit_free(struct limit *l);

/* Sum all arrays, copy each line's prefix, format its number. `arg` is a struct limit. */
void limit_scrape(void *arg);

#endif
