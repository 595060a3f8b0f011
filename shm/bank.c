/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bank.c - which thread writes which bank.
 *
 * A thread claims a bank at its first record and keeps it until the kernel says the thread is gone; the
 * next claimer adopts it then. No destructor runs, so a thread may end in any way, and record until its
 * last instruction. A record that finds its thread's bank in the middle of another one, or its thread
 * without a bank, borrows one for the moment; some banks are never given to a thread for that.
 *
 * Invariant: owner[i] != 0 and no other thread's claim stands between that thread and bank i.
 */
#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "atomic.h"
#include "store.h"

#define BORROWED UINT32_C(0x80000000)
#define RETRY_AFTER 1024u /* records of a thread without a bank before it tries to claim again */

static __thread uint32_t retry_in __attribute__((tls_model("initial-exec")));

static uint32_t tid_self(void)
{
	return (uint32_t)syscall(SYS_gettid);
}

static bool thread_gone(uint32_t tid)
{
	return syscall(SYS_tgkill, getpid(), tid, 0) != 0 && errno == ESRCH;
}

/* A child of vfork() runs on its parent's memory and thread, but nobody would find its tid, nor it theirs,
 * among the threads of the process: it owns no bank and takes no part in adopting. */
static bool in_vfork(void)
{
	const struct muster__header_shm *header = muster__store_header();

	return header && header->identity.pid != (uint32_t)getpid();
}

/* A bank owned under this thread's own id, which has none, was left by a dead thread with the same id. A
 * bank borrowed under it is in use by what this signal handler interrupted. */
static bool owner_gone(uint32_t owner, uint32_t mark)
{
	return (owner == mark && !(mark & BORROWED)) || thread_gone(owner & ~BORROWED);
}

/* Take a bank that is free or whose owner is gone.
 * ORDER(bank-adopt) acquire; pairs with muster__bank_return and with the kernel's thread exit: the last
 * record is complete in memory. */
static bool take(struct muster__process *p, uint32_t index, uint32_t mark, bool adopt)
{
	uint32_t owner = __atomic_load_n(&p->owner[index], __ATOMIC_RELAXED);

	if (owner != 0 && !(adopt && owner_gone(owner, mark)))
		return false;
	return __atomic_compare_exchange_n(&p->owner[index], &owner, mark, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

/* The thread before may have been cancelled in the middle of a record: finish it, or forget that it was
 * begun. */
static void intent_settle(uint64_t *bank)
{
	uint64_t intent = muster__load_acquire(bank + MUSTER__WORD_INTENT);

	if (intent & MUSTER__INTENT_OPEN) {
		uint32_t int_word = (uint32_t)(intent >> 32) & INT32_MAX, real_word = (uint32_t)intent;
		muster__store_relaxed(bank + int_word, muster__load_relaxed(bank + MUSTER__WORD_INTENT_INT));
		muster__store_relaxed(bank + real_word, muster__load_relaxed(bank + MUSTER__WORD_INTENT_REAL));
	}
	muster__store_release(bank + MUSTER__WORD_INTENT, 0);
}

static uint32_t banks_used(void)
{
	struct muster__header_shm *header = muster__store_header();

	return header ? (uint32_t)muster__load_acquire(&header->banks_used) : 0;
}

/* Under the lock. Returns the index of a bank now marked with `mark`, or 0. */
static uint32_t take_any(struct muster__process *p, uint32_t mark, uint32_t limit)
{
	uint32_t used = banks_used();

	for (uint32_t i = 1; i < used && i < limit; i++)
		if (take(p, i, mark, true))
			return i;
	if (used == 0 || used >= limit || muster__store_add_bank() != 0)
		return 0;
	__atomic_store_n(&p->owner[used], mark, __ATOMIC_RELAXED);
	return used;
}

static uint64_t *claim(struct muster__process *p)
{
	uint32_t limit = muster__store.geometry.bank_count - MUSTER__BANKS_TRANSIENT;
	uint32_t index = in_vfork() ? 0 : take_any(p, tid_self(), limit);

	if (index == 0)
		return NULL;
	uint64_t *bank = muster__store_bank(index);
	intent_settle(bank);
	uint64_t **slot = &p->slot[p->slots][index];
	if (*slot != bank) /* else its last owner read it, at a time that orders nothing */
		*slot = bank;
	muster__bank_ref = slot;
	return bank;
}

uint64_t *muster__bank_own(void)
{
	struct muster__process *p = muster__attached();
	uint64_t *bank = *muster__bank_ref;

	if (bank)
		return bank;
	if (retry_in > 0) {
		retry_in--;
		return NULL;
	}
	sigset_t saved;
	int error = errno;
	muster__store_lock(&saved);
	bank = *muster__bank_ref; /* a signal handler may have claimed it */
	if (bank == NULL)
		bank = claim(p);
	if (bank == NULL)
		retry_in = RETRY_AFTER;
	muster__store_unlock(&saved);
	errno = error;
	return bank;
}

uint64_t *muster__bank_borrow(uint32_t *index)
{
	struct muster__process *p = muster__attached();
	uint32_t mark = tid_self() | BORROWED, used = banks_used();

	if (in_vfork())
		return NULL;
	for (uint32_t i = 1; i < used; i++)
		if (take(p, i, mark, false)) {
			*index = i;
			return muster__store_bank(i);
		}
	sigset_t saved;
	int error = errno;
	muster__store_lock(&saved);
	*index = take_any(p, mark, muster__store.geometry.bank_count);
	if (*index)
		intent_settle(muster__store_bank(*index));
	muster__store_unlock(&saved);
	errno = error;
	return *index ? muster__store_bank(*index) : NULL;
}

void muster__bank_return(uint32_t index)
{
	/* ORDER(bank-adopt) release; pairs with take(). Without it the next borrower could read old cells. */
	__atomic_store_n(&muster__process()->owner[index], 0, __ATOMIC_RELEASE);
}
