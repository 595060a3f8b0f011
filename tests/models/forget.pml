/* SPDX-License-Identifier: Apache-2.0 */
/*
 * forget.pml - a worker asks that a series be forgotten, goes on recording and dies; masters are killed at any step.
 *
 *   worker: muster_remove() of shm/forget.c appends the request with what it has
 *   master: muster__forgetting_apply() of shm/forgetting.c within a fold
 *
 * Holds: once the request is met, ledger and slab add up to what was recorded after it, also once the slab is folded.
 *
 *   BREAK_SAME     that the request is met is written after the ledger, not in it
 *   BREAK_HAD      what it has when the request is met is taken away, not what it had
 */
#define CRASHES 2
#define RECORDS 2

short total, next_total;
bool met, next_met, folded, next_folded, file = true, alive = true, asked;
byte value, had, since, crashes;

#define CRASH :: (crashes < CRASHES) -> crashes++; goto again

proctype Worker()
{
	byte n = 0;
	do
	:: n < RECORDS -> atomic { value++; n++ }
	:: true -> break
	od;
	atomic { asked = true; had = value };
	n = 0;
	do
	:: n < RECORDS -> atomic { value++; since++; n++ }
	:: true -> break
	od;
	alive = false
}

proctype Master()
{
	bool dead;

again:
	do
	:: folded && !file -> break
	:: folded && file -> file = false /* listed: only unlinked */
	:: !folded && (asked && !met || !alive) ->
		dead = !alive;
		if CRASH :: skip fi;
		d_step {
			next_total = total; next_met = met; next_folded = folded;
			if
			:: dead -> next_total = next_total + value; next_folded = true
			:: else
			fi;
			if
			:: asked && !met ->
#ifdef BREAK_HAD
				next_total = next_total - value;
#else
				next_total = next_total - had;
#endif
				next_met = true
			:: else
			fi
		}
		if CRASH :: skip fi;
#ifdef BREAK_SAME
		d_step { total = next_total; folded = next_folded }
		if CRASH :: skip fi;
		met = next_met
#else
		d_step { total = next_total; met = next_met; folded = next_folded } /* renameat */
#endif
		assert(!met || total + (folded -> 0 : value) == since || !asked)
	od
}

init
{
	atomic { run Worker(); run Master() }
	(_nr_pr == 1);
	assert(met && total == since)
}
