/* SPDX-License-Identifier: Apache-2.0 */
/*
 * region_fuzz.h - a region with an honest dead worker in it, read by a master; for the harnesses of files.
 */
#ifndef TESTS_REGION_FUZZ_H
#define TESTS_REGION_FUZZ_H

#include "fuzz.h"
#include "shm/fold.h"

#define REGION_FILE_BYTES_MAX (UINT64_C(1) << 20) /* of a file made from an input */

/* A region that holds the honest slab and nothing else. Returns its directory's descriptor; made once. */
int region_fuzz_dir(void);
void region_fuzz_clear(void);

/* A master's first look. told counts quarantines. */
struct muster_region *region_fuzz_open(void);
extern int region_fuzz_told;

/* Refresh, write the page and check it. Returns the honest counter's value on it, -1 if it is not there. */
long long region_fuzz_look(struct muster_region *region);

/* What the honest worker counted. */
#define REGION_HONEST 7

#endif
