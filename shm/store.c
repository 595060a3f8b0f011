/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store.c - the process's side of its slab: the page that a fork wipes, the lock, attaching, growing,
 * appending. Runs in workers, in any thread and in signal handlers; never allocates from malloc.
 *
 * Invariants: a record is published only after its cells are backed in every used bank. Whatever is
 * taken (cells, catalogue bytes) is taken in the inherited store before it is published in a slab.
 */
#include "store.h"

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "atomic.h"
#include "attach_failure.h"
#include "error.h"
#include "region_named.h"
#include "slab_file.h"

struct muster__store muster__store = {.fd = -1};

/* Pointers that lead nowhere, for threads and processes that have no bank yet. */
static uint64_t *const nowhere;

__thread uint64_t *const *muster__bank_ref __attribute__((tls_model("initial-exec"))) = &nowhere;
uint64_t *const *muster__gauges_ref = &nowhere;

/* ---- the page that a fork wipes ----------------------------------------------------------- */

static struct muster__process *page;
static struct muster__process unwiped; /* when the kernel gives no such page; cleared by hand */

static struct muster__process *page_map(void)
{
	_Static_assert(sizeof(struct muster__process) <= MUSTER__PAGE, "one page");
	void *p = mmap(NULL, MUSTER__PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return &unwiped;
	if (madvise(p, MUSTER__PAGE, MADV_WIPEONFORK) != 0) {
		munmap(p, MUSTER__PAGE);
		return &unwiped;
	}
	return p;
}

struct muster__process *muster__process(void)
{
	struct muster__process *p = __atomic_load_n(&page, __ATOMIC_ACQUIRE);

	if (p)
		return p;
	struct muster__process *mine = page_map(), *none = NULL;
	if (!__atomic_compare_exchange_n(&page, &none, mine, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
		if (mine != &unwiped)
			munmap(mine, MUSTER__PAGE);
		return none;
	}
	__atomic_store_n(&muster__gauges_ref, &mine->gauges, __ATOMIC_RELEASE);
	return mine;
}

/* ---- the lock ----------------------------------------------------------------------------- */

static void futex(uint32_t *word, int op, uint32_t value)
{
	syscall(SYS_futex, word, op | FUTEX_PRIVATE_FLAG, value, NULL, NULL, 0);
}

static int cancel_saved; /* of the holder */

/* The kernel's call: libc's leaves out the signal by which a thread is cancelled asynchronously. */
static void signals_mask(int how, const sigset_t *set, sigset_t *old)
{
	syscall(SYS_rt_sigprocmask, how, set, old, _NSIG / 8);
}

void muster__store_lock(sigset_t *saved)
{
	sigset_t all;
	uint32_t *lock = &muster__process()->lock, free_word = 0;
	int cancel = PTHREAD_CANCEL_ENABLE;

	memset(&all, 0xff, sizeof all); /* sigfillset() leaves it out too */
	sigemptyset(saved);
	signals_mask(SIG_BLOCK, &all, saved);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	if (!__atomic_compare_exchange_n(lock, &free_word, 1, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		while (__atomic_exchange_n(lock, 2, __ATOMIC_ACQUIRE) != 0)
			futex(lock, FUTEX_WAIT, 2);
	cancel_saved = cancel;
}

void muster__store_unlock(const sigset_t *saved)
{
	uint32_t *lock = &muster__process()->lock;
	int cancel = cancel_saved;

	if (__atomic_exchange_n(lock, 0, __ATOMIC_RELEASE) == 2)
		futex(lock, FUTEX_WAKE, 1);
	pthread_setcancelstate(cancel, NULL);
	signals_mask(SIG_SETMASK, saved, NULL);
}

/* ---- fork --------------------------------------------------------------------------------- */

static sigset_t fork_saved;

static void fork_prepare(void)
{
	sigset_t saved;

	muster__store_lock(&saved);
	fork_saved = saved;
}

static void fork_parent(void)
{
	sigset_t saved = fork_saved;

	muster__store_unlock(&saved);
}

static void fork_child(void)
{
	sigset_t saved = fork_saved;

	if (page == &unwiped)
		memset(&unwiped, 0, sizeof unwiped);
	muster__bank_ref = &nowhere;
	pthread_setcancelstate(cancel_saved, NULL);
	signals_mask(SIG_SETMASK, &saved, NULL);
}

static __attribute__((constructor(101))) void start(void)
{
	pthread_atfork(fork_prepare, fork_parent, fork_child);
}

/* ---- attaching ---------------------------------------------------------------------------- */

struct muster__header_shm *muster__store_header(void)
{
	return (struct muster__header_shm *)(void *)muster__store.map;
}

uint64_t *muster__store_bank(uint32_t index)
{
	const struct muster__geometry *g = &muster__store.geometry;

	return (uint64_t *)(void *)(muster__store.map + g->bank_off + index * g->bank_stride);
}

static uint64_t *sketch_directory(void)
{
	return (uint64_t *)(void *)(muster__store.map + muster__store.sketch_area.off);
}

/* Point the wiped page at the present slab; last, so that an attached process has all of it. */
static void publish(struct muster__process *p)
{
	const struct muster__store *s = &muster__store;

	if (s->map) {
		p->shared = muster__store_bank(0);
		p->sketch_directory = sketch_directory();
		p->sketch_pages = p->sketch_directory + muster__sketch_directory_bytes(s->sketch_area.count) / 8;
		p->exemplars = (uint64_t *)(void *)(s->map + s->exemplars.off);
		p->requests = &muster__store_header()->requests;
		p->heartbeat = (uint64_t *)&muster__store_header()->heartbeat;
		__atomic_store_n(&p->gauges, (uint64_t *)(void *)(s->map + s->geometry.gauge_off), __ATOMIC_RELAXED);
	}
	p->slots = muster__store.generation++ % MUSTER__SLOT_SETS;
	p->generation = muster__store.generation;
	__atomic_store_n(&p->attached, 1, __ATOMIC_RELEASE);
}

static int attach_result; /* of this process's attach, or of its ancestor's */

static void attach(struct muster__process *p)
{
	const char *region = muster__region_named();
	struct muster__mapping old = muster__mapping_take();

	attach_result = *region ? muster__slab_create(region, &old) : -ENOENT;
	if (*region && attach_result != 0)
		muster__attach_failure(attach_result, old.fd >= 0 ? (void *)old.map : NULL);
	if (muster__store.map == NULL) {
		if (old.fd < 0 && old.map)
			muster__mapping_restore(&old);
		else
			(void)muster__slab_create_private(&old);
	}
	muster__mapping_drop(&old);
	publish(p);
}

struct muster__process *muster__attached(void)
{
	struct muster__process *p = muster__process();

	if (__atomic_load_n(&p->attached, __ATOMIC_ACQUIRE))
		return p;
	sigset_t saved;
	int error = errno;
	muster__store_lock(&saved);
	if (!p->attached)
		attach(p);
	muster__store_unlock(&saved);
	errno = error;
	return p;
}

int muster_attach(void)
{
	sigset_t saved;

	(void)muster__attached();
	muster__store_lock(&saved);
	bool unnamed = *muster__region_named() == '\0';
	muster__store_unlock(&saved);
	if (attach_result == -ENOENT && unnamed)
		return muster__error(-ENOENT, "no region is named; set MUSTER_REGION, or call muster_region_use() before");
	return attach_result;
}

int muster__region_join(const char *path)
{
	struct muster__process *p = muster__attached();
	sigset_t saved;
	int rc = 0;

	if (setenv("MUSTER_REGION", path, 1) != 0)
		return -ENOMEM;
	muster__store_lock(&saved);
	muster__region_named_by_environment();
	if (muster__store.fd < 0) {
		struct muster__mapping old = muster__mapping_take();
		rc = muster__slab_create(path, &old);
		if (rc == 0)
			muster__mapping_copy_values(&old);
		else
			muster__mapping_restore(&old);
		muster__mapping_drop(&old);
		memset(p->owner, 0, sizeof p->owner);
		memset(p->slot, 0, sizeof p->slot);
		publish(p);
	}
	muster__store_unlock(&saved);
	return rc;
}

/* ---- growing ------------------------------------------------------------------------------ */

/* How far to back an area that needs `need` bytes and has `have`: a quarter more than it had, in pages. */
static uint64_t grown(uint64_t need, uint64_t have)
{
	uint64_t bytes = need > have + have / 4 ? need : have + have / 4;

	return (bytes + MUSTER__PAGE - 1) / MUSTER__PAGE * MUSTER__PAGE;
}

static uint64_t at_most(uint64_t bytes, uint64_t limit)
{
	return bytes < limit ? bytes : limit;
}

/* Grow one area that every used bank has. */
static int grow_banks(uint64_t area_off, uint64_t need, uint64_t limit, uint64_t *have)
{
	const struct muster__geometry *g = &muster__store.geometry;
	uint64_t want = at_most(grown(need, *have), limit);

	if (need <= *have)
		return 0;
	if (need > limit)
		return MUSTER_EFULL;
	uint64_t banks = muster__load_relaxed(&muster__store_header()->banks_used);
	for (uint64_t i = 0; i < banks; i++)
		if (muster__slab_back(g->bank_off + i * g->bank_stride + area_off + *have, want - *have) != 0)
			return MUSTER_EFULL;
	*have = want;
	return 0;
}

static int grow_area(uint64_t off, uint64_t need, uint64_t limit, uint64_t *have)
{
	uint64_t want = at_most(grown(need, *have), limit);

	if (need <= *have)
		return 0;
	if (need > limit || muster__slab_back(off + *have, want - *have) != 0)
		return MUSTER_EFULL;
	*have = want;
	return 0;
}

int muster__store_reserve(uint32_t int_cells, uint32_t real_cells, uint32_t gauge_cells)
{
	const struct muster__geometry *g = &muster__store.geometry;
	struct muster__backed *have = &muster__store.backed;

	if (muster__store.map == NULL)
		return MUSTER_EFULL;
	if (grow_banks(0, (MUSTER__WORD_CELLS + (uint64_t)int_cells) * 8, g->real_off, &have->bank_int) != 0 ||
	    grow_banks(g->real_off, (uint64_t)real_cells * 8, (uint64_t)g->real_cells * 8, &have->bank_real) != 0)
		return MUSTER_EFULL;
	return grow_area(g->gauge_off, (uint64_t)gauge_cells * 8, (uint64_t)g->gauge_cells * 8, &have->gauges);
}

int muster__store_reserve_sketches(uint32_t sketches)
{
	struct muster__store *s = &muster__store;

	if (s->map == NULL)
		return MUSTER_EFULL;
	return grow_area(s->sketch_area.off, (uint64_t)sketches * 8, (uint64_t)s->sketch_area.count * 8,
	                 &s->backed.sketch_directory);
}

int muster__store_back_sketch(uint32_t sketch, uint32_t number)
{
	const struct muster__sketch_area *area = &muster__store.sketch_area;
	uint64_t *word = sketch_directory() + sketch, bit = UINT64_C(1) << number;
	uint64_t off = area->off + muster__sketch_directory_bytes(area->count) + sketch * MUSTER__SKETCH_BYTES +
	               number * (uint64_t)MUSTER__PAGE;

	if (muster__load_relaxed(word) & bit)
		return 0; /* another thread came before */
	if (muster__slab_back(off, MUSTER__PAGE) != 0)
		return MUSTER_EFULL;
	/* ORDER(sketch-page) release; pairs with the reader's acquire: the page is backed. Without it a reader could touch
	 * a hole. */
	muster__store_release(word, muster__load_relaxed(word) | bit);
	return 0;
}

int muster__store_reserve_exemplars(uint32_t slots)
{
	const struct muster__store *s = &muster__store;
	const uint64_t slot_bytes = sizeof(struct muster__exemplar_shm);

	if (s->map == NULL)
		return MUSTER_EFULL;
	return grow_area(s->exemplars.off, slots * slot_bytes, s->exemplars.slots * slot_bytes,
	                 &muster__store.backed.exemplars);
}

int muster__store_add_bank(void)
{
	const struct muster__geometry *g = &muster__store.geometry;
	const struct muster__backed *have = &muster__store.backed;
	struct muster__header_shm *header = muster__store_header();

	if (header == NULL)
		return MUSTER_EFULL;
	uint64_t index = muster__load_relaxed(&header->banks_used);
	uint64_t off = g->bank_off + index * g->bank_stride;
	if (index >= g->bank_count || muster__slab_back(off, have->bank_int) != 0 ||
	    (have->bank_real && muster__slab_back(off + g->real_off, have->bank_real) != 0))
		return MUSTER_EFULL;
	/* ORDER(bank-publish) release; pairs with the reader's acquire: the bank is backed. Without it a
	 * reader could touch a hole. */
	muster__store_release(&header->banks_used, index + 1);
	return 0;
}

int muster__store_append(const struct muster__record_shm *record)
{
	struct muster__store *s = &muster__store;
	const struct muster__geometry *g = &s->geometry;

	if (s->map == NULL ||
	    grow_area(g->catalogue_off, s->catalogue_used + record->bytes, g->catalogue_bytes, &s->backed.catalogue) != 0)
		return MUSTER_EFULL;
	memcpy(s->map + g->catalogue_off + s->catalogue_used, record, record->bytes);
	s->catalogue_used += record->bytes;
	/* ORDER(publish) release; pairs with the catalogue tail's acquire: the bytes are there, and the
	 * record's cells are backed. Without it a reader could see a record of zeros. */
	muster__store_release(&muster__store_header()->catalogue_used, s->catalogue_used);
	return 0;
}

void muster__event(enum muster__event event)
{
	(void)muster__attached();
	if (muster__store_header())
		muster__add_relaxed(&muster__store_header()->events[event], 1);
}
