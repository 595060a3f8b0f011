/* SPDX-License-Identifier: Apache-2.0 */
/* limit.c - see limit.h. */
#include "bench/common/limit.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* ---- updates ------------------------------------------------------------------------------ */

void limit_add(void *word, uint64_t n)
{
	volatile uint64_t *w = word;

	for (uint64_t i = 0; i < n; i++)
		*w = *w + 1;
}

void limit_locked_add(void *word, uint64_t n)
{
	uint64_t *w = word;

	for (uint64_t i = 0; i < n; i++)
		__atomic_fetch_add(w, 1, __ATOMIC_RELAXED);
}

void limit_cas_double(void *word, uint64_t n)
{
	uint64_t *w = word;

	for (uint64_t i = 0; i < n; i++) {
		uint64_t old = __atomic_load_n(w, __ATOMIC_RELAXED), sum;
		do {
			double d;
			memcpy(&d, &old, sizeof d);
			d += 1;
			memcpy(&sum, &d, sizeof sum);
		} while (!__atomic_compare_exchange_n(w, &old, sum, 1, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
	}
}

/* ---- scrape ------------------------------------------------------------------------------- */

void limit_make(struct limit *l, size_t workers, size_t cells, size_t lines, size_t prefix_bytes)
{
	*l = (struct limit){.workers = workers, .count = cells, .lines = lines, .prefix_bytes = prefix_bytes};
	l->cells = mmap(NULL, workers * cells * 8, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	l->sums = malloc(cells * sizeof *l->sums);
	l->prefix = malloc(prefix_bytes);
	l->out = malloc(lines * (prefix_bytes + 24));
	if (l->cells == MAP_FAILED || l->sums == NULL || l->prefix == NULL || l->out == NULL)
		exit(1);
	memset(l->prefix, 'x', prefix_bytes);
	for (size_t i = 0; i < workers * cells; i++)
		l->cells[i] = i * 37 % 100000;
}

void limit_free(struct limit *l)
{
	munmap(l->cells, l->workers * l->count * 8);
	free(l->sums);
	free(l->prefix);
	free(l->out);
}

static size_t put_uint(char *out, uint64_t n)
{
	char digits[20];
	size_t count = 0;

	do
		digits[count++] = (char)('0' + n % 10);
	while (n /= 10);
	for (size_t i = 0; i < count; i++)
		out[i] = digits[count - 1 - i];
	return count;
}

void limit_scrape(void *arg)
{
	struct limit *l = arg;
	char *at = l->out;
	uint64_t *sums = l->sums;

	memset(sums, 0, l->count * sizeof *sums);
	for (size_t w = 0; w < l->workers; w++)
		for (size_t i = 0; i < l->count; i++)
			sums[i] += l->cells[w * l->count + i];
	for (size_t i = 0; i < l->lines; i++) {
		memcpy(at, l->prefix, l->prefix_bytes);
		at += l->prefix_bytes;
		at += put_uint(at, sums[i % l->count]);
		*at++ = '\n';
	}
}
