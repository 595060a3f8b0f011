/* SPDX-License-Identifier: Apache-2.0 */
/* An index finds what joined it, however often it was made larger, and nothing else. */
#include "support.h"

#include <errno.h>

#include "shm/index.h"

#define ITEMS 5000u

static struct owner {
	struct muster__index index;
	uint32_t count;
	uint64_t (*hash)(uint32_t item);
	unsigned fills;
} owner;

static uint64_t hash_own(uint32_t item)
{
	return muster__hash(1, &item, sizeof item);
}

static uint64_t hash_shared(uint32_t item)
{
	return hash_own(item / 8);
}

static uint64_t hash_last(uint32_t item)
{
	(void)item;
	return UINT64_MAX;
}

/* Odd numbers only: they may be up to twice as many as there are items. */
static void fill(void *ctx)
{
	struct owner *o = ctx;

	o->fills++;
	for (uint32_t i = 0; i < o->count; i++)
		muster__index_add(&o->index, o->hash(i), 2 * i + 1);
}

static bool is(const void *ctx, uint32_t item)
{
	return *(const uint32_t *)ctx == item;
}

static uint32_t find(uint64_t hash, uint32_t item)
{
	return muster__index_find(&owner.index, hash, is, &item);
}

static void all_join(uint64_t (*hash)(uint32_t item), uint32_t count)
{
	owner = (struct owner){.hash = hash};
	for (; owner.count < count; owner.count++) {
		assert_int_equal(muster__index_reserve(&owner.index, owner.count + 1, fill, &owner), 0);
		muster__index_add(&owner.index, hash(owner.count), 2 * owner.count + 1);
	}
	for (uint32_t i = 0; i < count; i++)
		assert_int_equal(find(hash(i), 2 * i + 1), 2 * i + 1);
}

static void test_found_after_growing(void **state)
{
	(void)state;
	all_join(hash_own, ITEMS);
	assert_true(owner.fills > 1);
	assert_int_equal(find(hash_own(ITEMS), 2 * ITEMS + 1), MUSTER__INDEX_NONE);
	muster__index_clear(&owner.index);
	assert_int_equal(find(hash_own(0), 1), MUSTER__INDEX_NONE);
}

static void test_same_hash_told_apart(void **state)
{
	(void)state;
	all_join(hash_shared, ITEMS);
	muster__index_clear(&owner.index);
}

static void test_last_slots_go_on_at_the_first(void **state)
{
	(void)state;
	all_join(hash_last, 100);
	assert_int_equal(find(hash_last(0), 2), MUSTER__INDEX_NONE);
	muster__index_clear(&owner.index);
}

static void test_filled_once_when_told_how_many(void **state)
{
	(void)state;
	owner = (struct owner){.hash = hash_own};
	assert_int_equal(muster__index_reserve(&owner.index, ITEMS, fill, &owner), 0);
	for (uint32_t i = 0; i < ITEMS; i++) {
		assert_int_equal(muster__index_reserve(&owner.index, i + 1, fill, &owner), 0);
		muster__index_add(&owner.index, hash_own(i), i);
	}
	assert_int_equal(owner.fills, 1);
	assert_true(owner.index.slot_count <= ITEMS * 8 / 7 + 1);
	muster__index_clear(&owner.index);
}

static void test_too_many(void **state)
{
	(void)state;
	all_join(hash_own, 10);
	assert_int_equal(muster__index_reserve(&owner.index, UINT32_MAX, fill, &owner), -ENOMEM);
	assert_int_equal(find(hash_own(9), 19), 19);
	muster__index_clear(&owner.index);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_found_after_growing),
		cmocka_unit_test(test_same_hash_told_apart),
		cmocka_unit_test(test_last_slots_go_on_at_the_first),
		cmocka_unit_test(test_filled_once_when_told_how_many),
		cmocka_unit_test(test_too_many),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
