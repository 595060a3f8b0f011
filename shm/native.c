/* SPDX-License-Identifier: Apache-2.0 */
/*
 * native.c - sums of native histograms: copying a bank's, bringing two to one schema and window, adding, taking away.
 */
#include "native.h"

#include <string.h>

#include "atomic.h"

/* A recorder changes a control word at most MUSTER__SCHEMA_STEPS times to lower the schema, and in between each time it
 * leaves half of what is free on either side: 11 times in 1024 buckets. */
#define COPIES_MAX 256

/* ---- windows ------------------------------------------------------------------------------ */

struct muster__native_range muster__native_range(const uint64_t *buckets, struct muster__native_shape shape,
                                                 int32_t start)
{
	uint32_t first = shape.per_sign, last = 0;

	for (uint32_t sign = 0; sign < shape.signs; sign++, buckets += shape.per_sign)
		for (uint32_t i = 0; i < shape.per_sign; i++)
			if (muster__load_relaxed(buckets + i) != 0) {
				first = i < first ? i : first;
				last = i > last ? i : last;
			}
	if (first == shape.per_sign)
		return (struct muster__native_range){1, 0};
	return (struct muster__native_range){start + (int32_t)first, start + (int32_t)last};
}

uint32_t muster__native_steps_needed(struct muster__native_range range, uint32_t per_sign)
{
	uint32_t steps = 0;

	while (muster__exponential_lower(range.high, steps) - muster__exponential_lower(range.low, steps) >=
	       (int32_t)per_sign)
		steps++;
	return steps;
}

/* ---- sums --------------------------------------------------------------------------------- */

static struct muster__native_range sum_range(uint64_t control)
{
	int32_t start = muster__native_start(control);

	return (struct muster__native_range){start, start + (int32_t)muster__native_count_field(control) - 1};
}

static bool is_empty(struct muster__native_range range)
{
	return range.low > range.high;
}

static void control_set(uint64_t *sum, uint32_t steps, struct muster__native_range range)
{
	uint32_t count = is_empty(range) ? 0 : (uint32_t)(range.high - range.low) + 1;

	sum[MUSTER__NATIVE_CONTROL] = muster__native_control(steps, 0, count, count ? range.low : 0);
}

/* All within what numbers can have? */
static bool range_possible(struct muster__native_range range, uint32_t steps)
{
	return range.low >= muster__exponential_lower(MUSTER__EXPONENTIAL_INDEX_MIN, steps) &&
	       range.high <= muster__exponential_lower(MUSTER__EXPONENTIAL_INDEX_MAX, steps);
}

static bool control_possible(uint64_t control)
{
	return muster__native_steps(control) <= MUSTER__SCHEMA_STEPS && control >> 32 < 2 * MUSTER__NATIVE_BIAS;
}

bool muster__native_valid(const uint64_t *sum, struct muster__native_shape shape)
{
	uint64_t control = sum[MUSTER__NATIVE_CONTROL];
	uint32_t steps = muster__native_steps(control), count = muster__native_count_field(control);
	const uint64_t *buckets = sum + MUSTER__NATIVE_BUCKETS;

	if (!control_possible(control) || muster__native_buffer(control) || count > shape.per_sign)
		return false;
	for (uint32_t sign = 0; sign < shape.signs; sign++, buckets += shape.per_sign)
		for (uint32_t i = count; i < shape.per_sign; i++)
			if (buckets[i] != 0)
				return false;
	return count == 0 || range_possible(sum_range(control), steps);
}

/* Move all buckets by `by` places up, each sign for itself. There is room. */
static void buckets_move(uint64_t *buckets, struct muster__native_shape shape, uint32_t count, uint32_t by)
{
	for (uint32_t sign = 0; by && sign < shape.signs; sign++, buckets += shape.per_sign) {
		memmove(buckets + by, buckets, count * sizeof *buckets);
		memset(buckets, 0, (by < count ? by : count) * sizeof *buckets);
	}
}

/* In place: no bucket moves up. */
static void buckets_lower(uint64_t *buckets, struct muster__native_shape shape, struct muster__native_range range,
                          uint32_t steps)
{
	int32_t low = muster__exponential_lower(range.low, steps);

	for (uint32_t sign = 0; steps && sign < shape.signs; sign++, buckets += shape.per_sign)
		for (int32_t index = range.low; index <= range.high; index++) {
			uint64_t n = buckets[index - range.low];
			buckets[index - range.low] = 0;
			buckets[muster__exponential_lower(index, steps) - low] += n;
		}
}

/* Lower a sum by steps, if there is anything in it. */
static void sum_lower(uint64_t *sum, struct muster__native_shape shape, uint32_t steps)
{
	uint64_t control = sum[MUSTER__NATIVE_CONTROL];
	struct muster__native_range range = sum_range(control);

	if (!is_empty(range)) {
		buckets_lower(sum + MUSTER__NATIVE_BUCKETS, shape, range, steps);
		range = muster__native_range_lower(range, steps);
	}
	control_set(sum, muster__native_steps(control) + steps, range);
}

static struct muster__native_range range_union(struct muster__native_range a, struct muster__native_range b)
{
	if (is_empty(a) || is_empty(b))
		return is_empty(a) ? b : a;
	return (struct muster__native_range){a.low < b.low ? a.low : b.low, a.high > b.high ? a.high : b.high};
}

/* The range of a sum at a lower schema. */
static struct muster__native_range range_at(uint64_t control, uint32_t steps)
{
	struct muster__native_range range = sum_range(control);

	return is_empty(range) ? range : muster__native_range_lower(range, steps - muster__native_steps(control));
}

/* Make a sum that of the lowest schema both have and of a window that holds both. */
static void sum_fit(uint64_t *sum, uint64_t other, struct muster__native_shape shape)
{
	uint64_t control = sum[MUSTER__NATIVE_CONTROL];
	uint32_t mine = muster__native_steps(control), steps = muster__native_steps(other);

	if (control == 0) {
		sum[MUSTER__NATIVE_CONTROL] = other & ~UINT64_C(16);
		return;
	}
	steps = mine > steps ? mine : steps;
	struct muster__native_range both = range_union(range_at(control, steps), range_at(other, steps));
	if (!is_empty(both)) {
		uint32_t more = muster__native_steps_needed(both, shape.per_sign);
		steps += more;
		both = muster__native_range_lower(both, more);
	}
	sum_lower(sum, shape, steps - mine);
	struct muster__native_range own = sum_range(sum[MUSTER__NATIVE_CONTROL]);
	if (!is_empty(own))
		buckets_move(sum + MUSTER__NATIVE_BUCKETS, shape, (uint32_t)(own.high - own.low) + 1,
		             (uint32_t)(own.low - both.low));
	control_set(sum, steps, both);
}

/* Add the other's buckets, each times `factor`. */
static void sum_merge(uint64_t *sum, const uint64_t *other, struct muster__native_shape shape, uint64_t factor)
{
	uint64_t control = other[MUSTER__NATIVE_CONTROL];
	struct muster__native_range range = sum_range(control);
	uint64_t *to = sum + MUSTER__NATIVE_BUCKETS;
	const uint64_t *from = other + MUSTER__NATIVE_BUCKETS;

	for (int word = MUSTER__NATIVE_ZERO; word < MUSTER__NATIVE_BUCKETS; word++)
		sum[word] += factor * other[word];
	if (control == 0)
		return;
	sum_fit(sum, control, shape);
	uint32_t steps = muster__native_steps(sum[MUSTER__NATIVE_CONTROL]) - muster__native_steps(control);
	int32_t start = muster__native_start(sum[MUSTER__NATIVE_CONTROL]);
	for (uint32_t sign = 0; sign < shape.signs; sign++, to += shape.per_sign, from += shape.per_sign)
		for (int32_t index = range.low; index <= range.high; index++)
			to[muster__exponential_lower(index, steps) - start] += factor * from[index - range.low];
}

void muster__native_add(uint64_t *sum, const uint64_t *other, struct muster__native_shape shape)
{
	sum_merge(sum, other, shape, 1);
}

void muster__native_take(uint64_t *sum, const uint64_t *other, struct muster__native_shape shape)
{
	sum_merge(sum, other, shape, UINT64_MAX);
}

void muster__native_lower_to(uint64_t *sum, const uint64_t *other, struct muster__native_shape shape)
{
	uint32_t mine = muster__native_steps(sum[MUSTER__NATIVE_CONTROL]);
	uint32_t steps = muster__native_steps(other[MUSTER__NATIVE_CONTROL]);

	if (sum[MUSTER__NATIVE_CONTROL] && other[MUSTER__NATIVE_CONTROL] && steps > mine)
		sum_lower(sum, shape, steps - mine);
}

void muster__native_limit(uint64_t *sum, uint64_t *other, struct muster__native_shape shape)
{
	if (other[MUSTER__NATIVE_CONTROL])
		sum_fit(sum, other[MUSTER__NATIVE_CONTROL], shape);
	if (sum[MUSTER__NATIVE_CONTROL])
		sum_fit(other, sum[MUSTER__NATIVE_CONTROL], shape);
	for (uint32_t i = MUSTER__NATIVE_ZERO; i < muster__native_sum_words(shape); i++)
		sum[i] = sum[i] < other[i] ? sum[i] : other[i];
}

/* ---- a bank ------------------------------------------------------------------------------- */

/* ORDER(native-window) acquire of the control; pairs with window_change(): the buffer it names is filled.
 * ORDER(native-refill) acquire of each bucket; pairs with the same: whoever sees a bucket of a later filling of
 * this buffer sees that the control has changed since. */
static bool copy_once(uint64_t *out, const uint64_t *bank, struct muster__native_shape shape)
{
	uint64_t control = muster__load_acquire(bank + MUSTER__NATIVE_CONTROL);
	uint32_t words = muster__native_buffer_words(shape);
	const uint64_t *from = bank + MUSTER__NATIVE_BUCKETS + muster__native_buffer(control) * words;

	out[MUSTER__NATIVE_CONTROL] = control;
	for (uint32_t i = 0; i < words; i++)
		out[MUSTER__NATIVE_BUCKETS + i] = muster__load_acquire(from + i);
	return muster__load_relaxed(bank + MUSTER__NATIVE_CONTROL) == control;
}

/* Begin at the lowest bucket in use. */
static void buckets_trim(uint64_t *buckets, struct muster__native_shape shape, uint32_t by)
{
	for (uint32_t sign = 0; by && sign < shape.signs; sign++, buckets += shape.per_sign) {
		memmove(buckets, buckets + by, (shape.per_sign - by) * sizeof *buckets);
		memset(buckets + shape.per_sign - by, 0, by * sizeof *buckets);
	}
}

bool muster__native_copy(uint64_t *out, const uint64_t *bank, struct muster__native_shape shape)
{
	int tries = 0;

	while (!copy_once(out, bank, shape))
		if (++tries == COPIES_MAX)
			return false;
	for (int word = MUSTER__NATIVE_ZERO; word < MUSTER__NATIVE_BUCKETS; word++)
		out[word] = muster__load_relaxed(bank + word);
	uint64_t control = out[MUSTER__NATIVE_CONTROL];
	uint32_t steps = muster__native_steps(control);
	int32_t start = muster__native_start(control);
	if (control == 0) {
		memset(out + MUSTER__NATIVE_BUCKETS, 0, muster__native_buffer_words(shape) * sizeof *out);
		return true;
	}
	if (!control_possible(control))
		return false;
	struct muster__native_range range = muster__native_range(out + MUSTER__NATIVE_BUCKETS, shape, start);
	if (!is_empty(range) && !range_possible(range, steps))
		return false;
	if (!is_empty(range))
		buckets_trim(out + MUSTER__NATIVE_BUCKETS, shape, (uint32_t)(range.low - start));
	control_set(out, steps, range);
	return true;
}
