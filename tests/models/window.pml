/* SPDX-License-Identifier: Apache-2.0 */
/*
 * window.pml - the buckets of a native histogram are moved while a reader copies them, and the writer may be killed.
 *
 *   writer: window_change() and own_observe() of shm/native_observe.c; its update of two words is that of intent.pml and
 *           one store here
 *   reader: muster__native_copy() of shm/native.c; of the living, that looks again when control has changed, and of
 *           the dead
 *
 * Values are of two kinds. Control counts the changes; the buffer that counts is control % 2, and kind k is in bucket
 * (k + control / 2) % 2 of it, so a buffer that is filled again has another meaning.
 *
 * Holds: of each kind a copy has all that was counted when it was begun, and none that was not begun when it ended.
 *
 *   BREAK_WINDOW   control is stored before the buffer it names is filled: without native-window
 *   BREAK_REFILL   a buffer is filled again before control names the other one: without native-refill of the writer
 *   BREAK_LATE     a bucket is loaded after control was loaded again: without native-refill of the reader
 *   BREAK_AGAIN    the reader does not look at control again
 *   BREAK_COPY     the window is changed in place
 */
#define CHANGES 3
#define BUCKET(c, k) (((c) % 2) * 2 + ((k) + (c) / 2) % 2)

byte control, bucket[4];
byte begun[2], returned[2];
bool killed;

#define STEP(s) if :: atomic { killed = true; goto dead } :: atomic { !killed -> s } fi

inline count(k)
{
	begun[k]++;
	STEP(bucket[BUCKET(control, k)] = bucket[BUCKET(control, k)] + 1);
	returned[k]++
}

#ifdef BREAK_COPY
#define TO(c, k) (((c) % 2) * 2 + ((k) + ((c) + 1) / 2) % 2)
#else
#define TO(c, k) BUCKET((c) + 1, k)
#endif

inline fill(c)
{
	kept[0] = bucket[BUCKET(c, 0)];
	kept[1] = bucket[BUCKET(c, 1)];
	STEP(bucket[TO(c, 0)] = 0);
	STEP(bucket[TO(c, 1)] = 0);
	STEP(bucket[TO(c, 0)] = kept[0]);
	STEP(bucket[TO(c, 1)] = kept[1])
}

proctype Writer()
{
	byte n, kept[2];

	count(0);
	count(0);
	count(1);
	do
	:: n < CHANGES ->
#ifdef BREAK_WINDOW
		STEP(control = n + 1);
		fill(n);
#else
		fill(n);
#ifdef BREAK_REFILL
		if :: n + 1 < CHANGES -> STEP(bucket[BUCKET(n + 2, 0)] = 0) /* of the next change */ :: else fi;
#endif
		STEP(control = n + 1);
#endif
		count(n % 2);
		n++
	:: else -> break
	od;
dead:
	skip
}

inline check(c, x, y)
{
	assert(x >= least[0] && x <= begun[0]);
	assert(y >= least[1] && y <= begun[1])
}

proctype Reader()
{
	byte c, x, y, least[2];

again:
	atomic { c = control; least[0] = returned[0]; least[1] = returned[1] }
	x = bucket[BUCKET(c, 0)];
#ifndef BREAK_LATE
	y = bucket[BUCKET(c, 1)];
#endif
#ifndef BREAK_AGAIN
	if
	:: c != control -> goto again
	:: else
	fi;
#endif
#ifdef BREAK_LATE
	y = bucket[BUCKET(c, 1)];
#endif
	atomic { check(c, x, y) }
}

init
{
	byte least[2];

	atomic { run Writer(); run Reader() }
	(_nr_pr == 1);
	least[0] = returned[0];
	least[1] = returned[1];
	atomic { check(control, bucket[BUCKET(control, 0)], bucket[BUCKET(control, 1)]) }
}
