/* SPDX-License-Identifier: Apache-2.0 */
/* load_mix.h - which call comes next: random, repeatable by its seed. */
#ifndef ORDER_MGMT_LOAD_MIX_H
#define ORDER_MGMT_LOAD_MIX_H

#include <stddef.h>
#include <stdint.h>

#define LOAD_REQUEST_BYTES_MAX 512

struct load_mix {
	uint64_t state; /* the seed, at first */
};

/* Write the next request. Returns its bytes; `out` holds LOAD_REQUEST_BYTES_MAX. */
size_t load_mix_next(struct load_mix *mix, char *out);

#endif
