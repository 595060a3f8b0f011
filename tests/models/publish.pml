/* SPDX-License-Identifier: Apache-2.0 */
/*
 * publish.pml - a series record is published by a machine whose stores may become visible in any order.
 *
 *   writer: series_publish() and muster__store_append() of shm/series.c and store.c: back the cells, write the
 *           record, release the length. A store waits in a buffer; it may leave it at any time, a release only when
 *           all before it have left.
 *   reader: lengths_load() and copy() of shm/slab.c; loads may be made early unless an acquire stands before them.
 *
 * Holds: a record that is seen is whole, and its cells are backed.
 *
 *   BREAK_RELEASE   the length is a plain store
 *   BREAK_ACQUIRE   the length is a plain load
 *   BREAK_BACK      the cells are backed after the record is published
 */
#define BACKED 0
#define BYTES 1
#define USED 2

bool memory[3], buffered[3], issued[3];

#ifdef BREAK_RELEASE
#define MAY_LEAVE(w) true
#else
#define MAY_LEAVE(w) (w != USED || !(buffered[BACKED] || buffered[BYTES]))
#endif

inline store(w) { atomic { buffered[w] = true; issued[w] = true } }
#define LEAVE(w) :: atomic { buffered[w] && MAY_LEAVE(w) -> buffered[w] = false; memory[w] = true }

proctype Buffer()
{
	do
	LEAVE(BACKED)
	LEAVE(BYTES)
	LEAVE(USED)
	:: memory[BACKED] && memory[BYTES] && memory[USED] -> break
	od
}

proctype Writer()
{
#ifndef BREAK_BACK
	store(BACKED);
	(memory[BACKED]); /* fallocate is a system call: it is done when it returns */
#endif
	store(BYTES);
	store(USED);
#ifdef BREAK_BACK
	store(BACKED)
#endif
}

proctype Reader()
{
	bool used, bytes, backed;

#ifdef BREAK_ACQUIRE
	bytes = memory[BYTES];
	backed = memory[BACKED];
	used = memory[USED];
#else
	used = memory[USED];
	bytes = memory[BYTES];
	backed = memory[BACKED];
#endif
	assert(!used || (bytes && backed))
}

init { atomic { run Buffer(); run Writer(); run Reader() } }
