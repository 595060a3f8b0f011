/* SPDX-License-Identifier: Apache-2.0 */
/*
 * atomic.h - every access to a word of shared memory outside record.h goes through one of these.
 *
 * The words are _Atomic uint64_t in the layout and uint64_t where a bank is addressed by word; both are
 * the same lock-free 8 bytes (asserted in layout.h). Each ordered site names its tag and its partner,
 * see the table in docs/slab-format.md.
 */
#ifndef MUSTER__ATOMIC_H
#define MUSTER__ATOMIC_H

#include <stdint.h>

static inline uint64_t muster__load_relaxed(const void *word)
{
	return __atomic_load_n((const uint64_t *)word, __ATOMIC_RELAXED);
}

static inline uint64_t muster__load_acquire(const void *word)
{
	return __atomic_load_n((const uint64_t *)word, __ATOMIC_ACQUIRE);
}

static inline void muster__store_relaxed(void *word, uint64_t value)
{
	__atomic_store_n((uint64_t *)word, value, __ATOMIC_RELAXED);
}

static inline void muster__store_release(void *word, uint64_t value)
{
	__atomic_store_n((uint64_t *)word, value, __ATOMIC_RELEASE);
}

static inline void muster__add_relaxed(void *word, uint64_t n)
{
	__atomic_fetch_add((uint64_t *)word, n, __ATOMIC_RELAXED);
}

#endif
