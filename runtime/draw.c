/* SPDX-License-Identifier: Apache-2.0 */
/*
 * draw.c - draws from the kernel's random numbers. Runs in the master.
 */
#include "draw.h"

#include <sys/random.h>

uint64_t muster__draw(uint64_t max)
{
	uint64_t random = 0;

	(void)getrandom(&random, sizeof random, GRND_NONBLOCK);
	return max == UINT64_MAX ? random : (uint64_t)(((unsigned __int128)random * (max + 1)) >> 64);
}
