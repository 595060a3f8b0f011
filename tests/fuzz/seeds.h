/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seeds.h - first inputs of the fuzzers of HTTP, of the exposition, of imported files and of web configurations.
 */
#ifndef TESTS_SEEDS_H
#define TESTS_SEEDS_H

#include <stddef.h>

struct seed {
	const char *name, *bytes;
	size_t count;
	const char *more; /* NULL, or what comes behind them, */
	unsigned times;   /* so often, */
	const char *end;  /* and at the end */
};

extern const struct seed http_seeds[], exposition_seeds[], import_seeds[], web_seeds[];
extern const size_t http_seeds_count, exposition_seeds_count, import_seeds_count, web_seeds_count;

#endif
