/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attach.pml - a slab appears, its owner works, closes descriptors, dies; a master in another pid namespace judges.
 *
 *   writer: muster__slab_create() of shm/slab_file.c: file_open, file_size, fill, file_lock, file_name
 *   master: muster__life_begin(), muster__life_goes_on() of shm/liveness.c, then the fold
 *
 * Holds: whoever sees the name sees a whole slab; nobody who still writes is folded; who is dead is, in the end.
 *
 *   BREAK_HEADER   the name comes before the header is written
 *   BREAK_LOCK     the name comes before the record lock
 *   BREAK_LEASE    the lock alone decides, which closing any descriptor of the file gives up
 */
bool named, header, locked, mapped, alive = true, folded;
bool leases; /* does the file system have them? Without, a worker that closes all descriptors is not covered */
byte written, at_fold;

/* The kernel at a death: what is left of the process is gone at once, but its file. */
inline die() { d_step { alive = false; locked = false; mapped = false } }

proctype Writer()
{
	byte n = 0;
	do
	:: true -> die(); goto gone
	:: mapped = true; break
	od;
#ifdef BREAK_HEADER
	named = true;
#endif
	if :: die(); goto gone :: header = true fi;
#ifdef BREAK_LOCK
	named = true;
#endif
	if :: die(); goto gone :: locked = true fi;
	if :: die(); goto gone :: named = true fi;
	do
	:: n < 3 -> atomic { written++; n++ }
	:: locked && leases -> locked = false /* closes all descriptors; the mapping stays */
	:: die(); break
	od;
gone:
	skip
}

/* Dead: neither the lock nor anybody who can write, the second asked by a read lease. */
#ifdef BREAK_LEASE
#define JUDGED_DEAD (!locked)
#else
#define JUDGED_DEAD (!locked && !(leases && mapped))
#endif

proctype Master()
{
	do
	:: named && !folded ->
		assert(header);
		if
		:: atomic { JUDGED_DEAD -> folded = true; at_fold = written }
		:: else
		fi
	:: folded -> break
	:: !alive && !named -> break /* never seen, never anything recorded */
	od
}

init
{
	if :: leases = true :: leases = false fi;
	atomic { run Writer(); run Master() }
	(_nr_pr == 1);
	assert(!named || folded);
	assert(!folded || at_fold == written);
	assert(named || written == 0)
}
