/* SPDX-License-Identifier: Apache-2.0 */
/*
 * heartbeat.c - a word that changes while a worker's loop turns. Runs in workers.
 */
#include <muster/heartbeat.h>

#include "atomic.h"
#include "store.h"

void muster_heartbeat(void)
{
	uint64_t *word = muster__attached()->heartbeat;

	/* Two threads may store the same number: it is another one than before. 0 is kept for: never. */
	if (word)
		muster__store_relaxed(word, (muster__load_relaxed(word) + 1) | 1);
}
