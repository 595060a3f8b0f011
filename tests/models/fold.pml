/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fold.pml - two slabs whose owners die, two masters over one region that are killed at any step, and a reader.
 *
 *   master: muster__region_fold() of shm/fold.c: totals, muster__ledger_write, read back, renameat, unlinkat; each
 *           statement below is one system call or one step between two, and before each it may be killed
 *           in muster__region_lock() it waits here for its turn, where the real one refuses and is started again;
 *           it may have looked as a reader before it has the lock, as the new master of an upgrade does
 *   reader: muster__roll_settle() of shm/roll.c
 *
 * Holds: at the end of every look each slab is counted exactly once, and in the end no slab's file is left.
 *
 *   BREAK_LOCK     both masters fold at a time
 *   BREAK_ORDER    the slabs are unlinked before the ledger is renamed
 *   BREAK_LIST     the ledger does not list whom it has
 *   BREAK_PRUNE    who is listed but not yet unlinked is not listed again by the next ledger
 *   BREAK_HEIR     what the master knew as a reader is not held against the names that are there
 *   BREAK_SCAN     and who it found in the ledger then is not looked for again
 *   BREAK_SETTLE   the reader looks at the ledger once, whatever has changed meanwhile
 */
#define SLABS 2
#define ALL 3
#define CRASHES 2

typedef ledger_file { byte count[SLABS]; byte listed; byte version };

byte files = ALL;            /* names of slabs that are there */
byte alive = ALL;            /* their owners */
ledger_file ledger, beside;  /* beside: ledger.new */
bool lock;
byte crashes, looks;

inline copy(to, from)
{
	to.count[0] = from.count[0]; to.count[1] = from.count[1]; to.listed = from.listed; to.version = from.version
}

#define HAS(set, i) ((set >> i) & 1)
#define CRASH :: (crashes < CRASHES) -> crashes++; goto killed

proctype Master()
{
	byte dead, roll, i;

again:
	if
	:: roll = 0
	:: d_step { roll = files & ~(ledger.listed & ~alive) } /* a reader: it strikes the dead that are listed */
	fi;
#ifndef BREAK_LOCK
	atomic { !lock -> lock = true }
#endif
#ifdef BREAK_HEIR
	roll = roll | files;
#else
#ifndef BREAK_SCAN
	roll = files;
#else
	if
	:: roll != 0 -> roll = roll & files
	:: else -> roll = files
	fi;
#endif
#endif
	do
	:: roll == 0 -> break
	:: roll != 0 ->
		/* settle: those it lists are only to be unlinked */
		d_step { dead = roll & ~alive & ~ledger.listed }
		if CRASH :: skip fi;
		/* totals of ledger and dead; the identities of dead and of those whose file is still there */
		d_step {
			copy(beside, ledger);
			beside.version++;
#ifdef BREAK_PRUNE
			beside.listed = dead;
#else
			beside.listed = dead | (roll & ledger.listed);
#endif
#ifdef BREAK_LIST
			beside.listed = 0;
#endif
			i = 0;
			do
			:: i < SLABS -> beside.count[i] = beside.count[i] + HAS(dead, i); i++
			:: else -> break
			od;
			i = 0
		}
		if CRASH :: skip fi;
#ifdef BREAK_ORDER
		d_step { files = files & ~dead }
		if CRASH :: skip fi;
#endif
		if
		:: dead != 0 -> d_step { copy(ledger, beside) } /* renameat: the one switch */
		:: else
		fi;
		if CRASH :: skip fi;
		i = 0;
		do
		:: i < SLABS ->
#ifdef BREAK_LIST
			files = files & ~(dead & (1 << i));
#else
			files = files & ~(ledger.listed & (1 << i));
#endif
			i++;
			if CRASH :: skip fi
		:: else -> break
		od;
		roll = files /* scan */
	od;
	lock = false;
	goto done;
killed:
	lock = false; /* by the kernel */
	goto again;
done:
	skip
}

proctype Death()
{
	alive = alive & ~1;
	alive = alive & ~2
}

proctype Reader()
{
	byte seen, listed, count[SLABS], version, i, tries;

	do
	:: looks < 2 ->
		seen = files;                       /* scan, open, take the last words */
		tries = 0;
settle:
		skip;
		d_step { count[0] = ledger.count[0]; count[1] = ledger.count[1]; listed = ledger.listed; version = ledger.version }
		i = 0;
		do
		:: i < SLABS && HAS(seen, i) && HAS(listed, i) -> seen = seen & ~(1 << i); i++
		:: i < SLABS && HAS(seen, i) && !HAS(listed, i) ->
			if
			:: HAS(files, i) -> i++
			:: else -> /* the name is gone: the ledger must have it, look again */
				seen = seen & ~(1 << i);
#ifndef BREAK_SETTLE
				goto settle
#else
				i++
#endif
			fi
		:: i < SLABS && !HAS(seen, i) -> i++
		:: i == SLABS -> break
		od;
#ifndef BREAK_SETTLE
		if
		:: version != ledger.version -> goto settle /* muster__ledger_mark_read() */
		:: else
		fi;
#endif
		i = 0;
		do
		:: i < SLABS -> assert(count[i] + HAS(seen, i) == 1); i++
		:: else -> break
		od;
		i = 0;
		looks++
	:: else -> break
	od
}

init
{
	atomic { run Master(); run Master(); run Death(); run Reader() }
	(_nr_pr == 1);
	assert(files == 0 && ledger.count[0] == 1 && ledger.count[1] == 1)
}
