/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backing.pml - one thread publishes series while another claims a bank, on a machine that delays stores.
 *
 *   series: series_publish() of shm/series.c: muster__store_reserve() in every bank there is, then the record
 *   bank:   claim() of shm/bank.c, muster__store_add_bank() of store.c: back what is taken, then publish
 *   reader: lengths_load() of shm/slab.c, then every cell of every bank it has seen
 *
 * Both run under muster__store_lock(). A published length waits in its thread's store buffer, and has left it when the
 * lock is given back. Space is there when fallocate() returns.
 * Holds: every cell of a record that is seen is backed in every bank that is seen.
 *
 *   BREAK_MUTEX    the two do not exclude each other
 *   BREAK_BANKS    a series backs its cells in bank 0 only
 *   BREAK_CLAIM    a bank is published before it is backed
 */
#define SERIES 2
#define BANKS 2

typedef bank { bool cell[SERIES] };
bank backed[BANKS];
byte series, banks = 1;           /* what everyone sees */
byte own_series, own_banks = 1;   /* what the threads of the process have stored */
bool lock, series_late, bank_late; /* is such a store still in a buffer? */

#ifdef BREAK_MUTEX
#define LOCK
#define UNLOCK(late) !late
#else
#define LOCK atomic { !lock -> lock = true }
#define UNLOCK(late) atomic { !late -> lock = false }
#endif

proctype Buffers()
{
	do
	:: atomic { series_late -> series = own_series; series_late = false }
	:: atomic { bank_late -> banks = own_banks; bank_late = false }
	:: series == SERIES && banks == BANKS -> break
	od
}

proctype Series()
{
	byte b, n;

	do
	:: own_series < SERIES ->
		LOCK;
#ifdef BREAK_BANKS
		n = 1;
#else
		n = own_banks;
#endif
		b = 0;
		do
		:: b < n -> backed[b].cell[own_series] = true; b++
		:: else -> break
		od;
		atomic { own_series++; series_late = true }
		UNLOCK(series_late)
	:: else -> break
	od
}

proctype Claim()
{
	byte s, n;

	LOCK;
#ifdef BREAK_CLAIM
	atomic { own_banks++; bank_late = true }
#endif
	n = own_series;
	do
	:: s < n -> backed[1].cell[s] = true; s++
	:: else -> break
	od;
#ifndef BREAK_CLAIM
	atomic { own_banks++; bank_late = true }
#endif
	UNLOCK(bank_late)
}

proctype Reader()
{
	byte s, b, seen_series, seen_banks;

	seen_series = series;
	seen_banks = banks;
	do
	:: b < seen_banks && s < seen_series -> assert(backed[b].cell[s]); s++
	:: b < seen_banks && s == seen_series -> b++; s = 0
	:: b == seen_banks -> break
	od
}

init { atomic { run Buffers(); run Series(); run Claim(); run Reader() } }
