/* SPDX-License-Identifier: Apache-2.0 */
/*
 * intent.pml - an update of two words, interrupted by a signal handler that makes another one, killed at any store.
 *
 *   thread and handler: muster__own_observe(), muster__intent_commit() of record.h; muster__observe_slow() and
 *                       muster__bank_borrow() of shm/record.c and bank.c for the one that finds the intent taken
 *   reader:             bank_finish() of shm/slab_finish.c: replays an open intent on its private copy
 *
 * Holds: after any death both words say the same, and count every update that returned and at most the ones begun.
 *
 *   BREAK_BUSY     the intent is not claimed before the old values are loaded
 *   BREAK_REPLAY   the reader does not replay
 *   BREAK_OPEN     the intent is opened after the first cell is stored
 *   BREAK_VALUES   the intent is opened before its values are stored
 */
#define CLOSED 0
#define BUSY 1
#define OPEN 2

byte intent[2], new_int[2], new_real[2], cell_int[2], cell_real[2]; /* bank 0: the thread's; 1: borrowed */
byte begun, returned;
bool killed;

/* Or be killed before it; a kill ends thread and handler. */
#define STEP(s) if :: atomic { killed = true; goto dead } :: atomic { !killed -> s } fi

inline observe(bank, old_int, old_real)
{
	begun++;
#ifndef BREAK_BUSY
	STEP(intent[bank] = BUSY);
#endif
	STEP(old_int = cell_int[bank]);
	STEP(old_real = cell_real[bank]);
#ifdef BREAK_VALUES
	STEP(intent[bank] = OPEN);
#endif
	STEP(new_int[bank] = old_int + 1);
	STEP(new_real[bank] = old_real + 1);
#ifdef BREAK_OPEN
	STEP(cell_real[bank] = new_real[bank]);
	STEP(intent[bank] = OPEN);
#else
#ifndef BREAK_VALUES
	STEP(intent[bank] = OPEN);
#endif
	STEP(cell_real[bank] = new_real[bank]);
#endif
	STEP(cell_int[bank] = new_int[bank]);
	STEP(intent[bank] = CLOSED);
	if :: killed -> goto dead :: else -> returned++ fi
}

bool in_handler, handled;

/* Runs to its end once begun, as a handler does before the thread goes on. */
proctype Handler()
{
	byte bank, a, b;

	if
	:: killed -> goto dead
	:: atomic { !killed && !in_handler -> in_handler = true }
	fi;
	bank = (intent[0] == CLOSED -> 0 : 1);
	observe(bank, a, b);
dead:
	atomic { handled = true; in_handler = false }
}

proctype Thread() provided (!in_handler)
{
	byte a, b, n = 0;

	do
	:: n < 2 && !killed -> observe(0, a, b); n++
	:: else -> break
	od;
dead:
	skip
}

inline finish(bank)
{
	skip;
#ifndef BREAK_REPLAY
	if
	:: intent[bank] == OPEN -> cell_int[bank] = new_int[bank]; cell_real[bank] = new_real[bank]
	:: else
	fi
#endif
}

init
{
	atomic { run Thread(); run Handler() }
	(_nr_pr == 1);
	finish(0);
	finish(1);
	assert(cell_int[0] == cell_real[0] && cell_int[1] == cell_real[1]);
	assert(cell_int[0] + cell_int[1] >= returned && cell_int[0] + cell_int[1] <= begun)
}
