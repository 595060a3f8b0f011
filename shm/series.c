/* SPDX-License-Identifier: Apache-2.0 */
/*
 * series.c - find or create a series by its label values.
 *
 * Finding is a hash of the values and a probe of the family's table, without a lock. Creating takes cells
 * in the store, backs them in every bank, appends the record, and makes the series findable last. Runs in
 * workers, in any thread and in signal handlers.
 */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "family.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "atomic.h"
#include "attach_failure.h"
#include "error.h"
#include "names.h"

#define TABLE_SLOTS_FIRST 8u

/* ---- finding ------------------------------------------------------------------------------ */

/* Label values may come from the network: the seed keeps their collisions unpredictable. */
static uint64_t hash_seed;

static __attribute__((constructor(101))) void seed(void)
{
	if (getrandom(&hash_seed, sizeof hash_seed, GRND_NONBLOCK) != sizeof hash_seed)
		hash_seed = muster__unix_ns();
}

static uint64_t load8(const char *p)
{
	uint64_t u;

	memcpy(&u, p, sizeof u);
	return u;
}

static uint32_t load4(const char *p)
{
	uint32_t u;

	memcpy(&u, p, sizeof u);
	return u;
}

/* Both halves of a 128-bit product, folded. */
static uint64_t fold_multiply(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* One value into the hash: up to 16 bytes by two loads and a multiplication, longer ones by xxhash. */
static uint64_t hash_value(uint64_t hash, const char *p, size_t n)
{
	uint64_t a = 0, b = 0;

	if (n > 16)
		return XXH3_64bits_withSeed(p, n, hash);
	if (n >= 8) {
		a = load8(p);
		b = load8(p + n - 8);
	} else if (n >= 4) {
		a = load4(p);
		b = load4(p + n - 4);
	} else if (n > 0) {
		a = (uint64_t)(unsigned char)p[0] << 16 | (uint64_t)(unsigned char)p[n / 2] << 8 | (unsigned char)p[n - 1];
	}
	return fold_multiply(a ^ hash ^ UINT64_C(0x9e3779b97f4a7c15), b ^ n ^ UINT64_C(0xd6e8feb86659fd93));
}

static uint64_t hash_values(const struct muster_str *values, size_t count)
{
	uint64_t hash = hash_seed;

	for (size_t i = 0; i < count; i++)
		hash = hash_value(hash, values[i].bytes, values[i].count);
	return hash;
}

/* memcmp() == 0 without the call: label values are short, and two loads that overlap compare most. */
static bool bytes_equal(const char *a, const char *b, size_t n)
{
	if (n > 16)
		return memcmp(a, b, n) == 0;
	if (n >= 8)
		return ((load8(a) ^ load8(b)) | (load8(a + n - 8) ^ load8(b + n - 8))) == 0;
	if (n >= 4)
		return ((load4(a) ^ load4(b)) | (load4(a + n - 4) ^ load4(b + n - 4))) == 0;
	return n == 0 || (a[0] == b[0] && a[n / 2] == b[n / 2] && a[n - 1] == b[n - 1]);
}

static bool key_equals(const struct muster__series *series, const struct muster_str *values, size_t count)
{
	const char *key = series->key;

	for (size_t i = 0; i < count; i++) {
		uint16_t bytes;
		memcpy(&bytes, key, sizeof bytes);
		if (bytes != values[i].count || !bytes_equal(key + sizeof bytes, values[i].bytes, bytes))
			return false;
		key += sizeof bytes + bytes;
	}
	return true;
}

static struct muster__series *series_find(const struct muster_family *family, uint64_t hash,
                                          const struct muster_str *values, size_t count)
{
	/* ORDER(series-publish) acquire; pairs with table_insert and table_grow. */
	const struct muster__table *table = __atomic_load_n(&family->table, __ATOMIC_ACQUIRE);

	if (table == NULL)
		return NULL;
	for (uint32_t i = (uint32_t)hash & table->mask;; i = (i + 1) & table->mask) {
		struct muster__series *series = __atomic_load_n(&table->slots[i].series, __ATOMIC_ACQUIRE);
		if (series == NULL)
			return NULL;
		if (table->slots[i].hash == hash && key_equals(series, values, count))
			return series;
	}
}

struct muster__series *muster__series_find(const struct muster_family *family, const struct muster_str *values,
                                           size_t count)
{
	return series_find(family, hash_values(values, count), values, count);
}

/* ---- the table; under the lock ------------------------------------------------------------ */

static struct muster__table *table_alloc(uint32_t slots)
{
	struct muster__table *table = muster__arena_alloc(sizeof *table + slots * sizeof *table->slots, 16);

	if (table)
		table->mask = slots - 1;
	return table;
}

static void table_insert(struct muster__table *table, struct muster__series *series)
{
	uint32_t i = (uint32_t)series->hash & table->mask;

	while (table->slots[i].series)
		i = (i + 1) & table->mask;
	table->slots[i].hash = series->hash;
	/* ORDER(series-publish) release; pairs with series_find. Without it a finder could read an
	 * unfinished series. */
	__atomic_store_n(&table->slots[i].series, series, __ATOMIC_RELEASE);
	table->used++;
}

/* Readers may still walk the old table; it stays in the arena, and all of them together are smaller than
 * the newest. */
static bool table_make_room(struct muster_family *family)
{
	struct muster__table *old = family->table;

	if (old && (old->used + 1) * 2 <= old->mask + 1)
		return true;
	struct muster__table *table = table_alloc(old ? (old->mask + 1) * 2 : TABLE_SLOTS_FIRST);
	if (table == NULL)
		return false;
	for (uint32_t i = 0; old && i <= old->mask; i++)
		if (old->slots[i].series)
			table_insert(table, old->slots[i].series);
	__atomic_store_n(&family->table, table, __ATOMIC_RELEASE);
	return true;
}

/* ---- creating; under the lock ------------------------------------------------------------- */

/* Cells a series of this family takes in each area. */
struct cells {
	uint32_t ints, reals, gauges, sketches;
};

static struct cells cells_of(const struct muster_family *family)
{
	switch (family->type) {
	case MUSTER_COUNTER:
	case MUSTER_IN_FLIGHT:
		return (struct cells){.ints = 1};
	case MUSTER_REAL_COUNTER:
		return (struct cells){.reals = 1};
	case MUSTER_GAUGE:
	case MUSTER_INFO:
	case MUSTER_STATESET:
		return family->timestamped ? (struct cells){.ints = 1, .reals = 1} : (struct cells){.gauges = 1};
	case MUSTER_NATIVE_HISTOGRAM:
		return (struct cells){.ints = muster__native_bank_words(muster__native_shape(family->bounds)), .reals = 1};
	case MUSTER_HISTOGRAM:
	case MUSTER_SUMMARY:
		break;
	}
	return (struct cells){.ints = family->bounds_count + 1, .reals = 1, .sketches = family->window_s != 0};
}

static uint32_t int_word(uint32_t cell)
{
	return MUSTER__WORD_CELLS + cell;
}

static uint32_t real_word(uint32_t cell)
{
	return (uint32_t)(muster__store.geometry.real_off / 8) + cell;
}

static struct muster__native native_of(const struct muster_family *family)
{
	const struct muster__store *s = &muster__store;
	struct muster__native_shape shape = muster__native_shape(family->bounds);

	return (struct muster__native){.int_word = int_word(s->int_used),
	                               .real_word = real_word(s->real_used),
	                               .per_sign = shape.per_sign,
	                               .buffer_words = muster__native_buffer_words(shape),
	                               .zero_threshold = family->bounds[MUSTER__NATIVE_THRESHOLD],
	                               .steps_first = family->steps_first,
	                               .is_signed = shape.signs == 2};
}

/* Fill what the recorders need from the cells the store will take next. */
static void series_place(struct muster__series *series, const struct muster_family *family)
{
	const struct muster__store *s = &muster__store;

	series->word = family->type == MUSTER_REAL_COUNTER ? real_word(s->real_used) : int_word(s->int_used);
	if (muster__is_gauge(family->type))
		series->gauge =
			(struct muster__gauge){s->gauge_used, family->timestamped, int_word(s->int_used), real_word(s->real_used)};
	else if (family->type == MUSTER_NATIVE_HISTOGRAM)
		series->native = native_of(family);
	else if (family->type == MUSTER_HISTOGRAM || family->type == MUSTER_SUMMARY)
		series->distribution = (struct muster__distribution){.int_word = int_word(s->int_used),
		                                                     .real_word = real_word(s->real_used),
		                                                     .bounds_count = family->bounds_count,
		                                                     .pairs_count = family->pairs_count,
		                                                     .bounds = family->bounds,
		                                                     .sketch = family->window_s ? s->sketches_used + 1 : 0,
		                                                     .window_s = family->window_s};
}

/* Take the cells, publish the record. The store's counts move before the record does, so that cells of a
 * record that could not be published are lost and never shared. */
static int series_publish(struct muster_family *family, struct muster__series *series)
{
	struct muster__store *s = &muster__store;
	struct cells take = cells_of(family);
	uint32_t bytes = muster__align8((uint32_t)sizeof(struct muster__series_shm) + series->key_bytes);
	struct {
		struct muster__series_shm fixed;
		char key[1024 - sizeof(struct muster__series_shm)];
	} small;
	struct muster__series_shm *record = bytes <= sizeof small ? &small.fixed : muster__arena_alloc(bytes, 8);

	if (record == NULL ||
	    muster__store_reserve(s->int_used + take.ints, s->real_used + take.reals, s->gauge_used + take.gauges) != 0 ||
	    muster__store_reserve_sketches(s->sketches_used + take.sketches) != 0)
		return MUSTER_EFULL;
	memset(record, 0, bytes);
	record->record = (struct muster__record_shm){.bytes = bytes, .kind = MUSTER__RECORD_SERIES};
	record->family = family->ordinal;
	record->int_cell = take.gauges ? s->gauge_used : take.ints ? s->int_used : MUSTER__NO_CELL;
	record->real_cell = take.reals ? s->real_used : MUSTER__NO_CELL;
	record->created_unix_ns = muster__unix_ns();
	memcpy(record + 1, series->key, series->key_bytes);
	s->int_used += take.ints;
	s->real_used += take.reals;
	s->gauge_used += take.gauges;
	int rc = muster__store_append(&record->record);
	if (rc != 0)
		return rc;
	s->sketches_used += take.sketches; /* their numbers count published series */
	s->series_records++;
	muster__exemplar_slots_take(family, series);
	return 0;
}

static struct muster__series *series_alloc(uint64_t hash, const struct muster_str *values, size_t count)
{
	size_t bytes = 0;

	for (size_t i = 0; i < count; i++)
		bytes += sizeof(uint16_t) + values[i].count;
	struct muster__series *series = muster__arena_alloc(sizeof *series + bytes, 16);
	if (series == NULL)
		return NULL;
	char *key = series->key;
	for (size_t i = 0; i < count; i++) {
		uint16_t n = (uint16_t)values[i].count;
		memcpy(key, &n, sizeof n);
		memcpy(key + sizeof n, values[i].bytes, n);
		key += sizeof n + n;
	}
	series->hash = hash;
	series->key_bytes = (uint32_t)bytes;
	return series;
}

static struct muster__series *series_create(struct muster_family *family, uint64_t hash,
                                            const struct muster_str *values, size_t count)
{
	struct muster__series *series = table_make_room(family) ? series_alloc(hash, values, count) : NULL;

	if (series == NULL)
		return NULL;
	series_place(series, family);
	if (series_publish(family, series) != 0)
		return NULL;
	table_insert(family->table, series);
	__atomic_store_n(&family->series_count, family->series_count + 1, __ATOMIC_RELEASE);
	if (family->label_count > 0)
		__atomic_store_n(&muster__store.series_count, muster__store.series_count + 1, __ATOMIC_RELEASE);
	return series;
}

int muster__series_create_unlabelled(struct muster_family *family)
{
	return series_create(family, hash_values(NULL, 0), NULL, 0) ? 0 : MUSTER_EFULL;
}

/* ---- refusing ----------------------------------------------------------------------------- */

struct muster__series *muster__series_drop(struct muster_family *family, enum muster__drop reason)
{
	uint64_t *shared = muster__attached()->shared;

	if (shared)
		muster__add_relaxed(shared + family->drop_word + reason, 1);
	return NULL;
}

const char *muster__family_name(const struct muster_family *family)
{
	return (const char *)(family->record + 1) + family->record->bounds_count * sizeof(double);
}

int muster__values_check(const struct muster_family *family, const struct muster_str *values, size_t count)
{
	const char *name = muster__family_name(family);
	int name_bytes = family->record->name_bytes;

	if (count != family->label_count)
		return muster__error(MUSTER_ELABEL_VALUES, "%.*s: %zu label values given, the family has %u labels", name_bytes,
		                     name, count, family->label_count);
	for (size_t i = 0; i < count; i++) {
		if (values[i].count > MUSTER_LABEL_VALUE_BYTES_MAX)
			return muster__error(MUSTER_ELABEL_VALUES, "%.*s: value of label %zu has %zu bytes; the limit is %d",
			                     name_bytes, name, i + 1, values[i].count, MUSTER_LABEL_VALUE_BYTES_MAX);
		if (!muster__utf8_valid(values[i].bytes, values[i].count))
			return muster__error(MUSTER_ELABEL_VALUES, "%.*s: value of label %zu is not UTF-8 text without NUL",
			                     name_bytes, name, i + 1);
	}
	return 0;
}

static struct muster__series *refuse_limit(struct muster_family *family)
{
	(void)muster__error(MUSTER_EFAMILY_LIMIT, "%.*s: has its limit of %u series; raise series_max or drop a label",
	                    family->record->name_bytes, muster__family_name(family), family->series_max);
	return muster__series_drop(family, MUSTER__DROP_FAMILY_LIMIT);
}

static struct muster__series *refuse_process_limit(struct muster_family *family)
{
	(void)muster__error(
		MUSTER_EFAMILY_LIMIT,
		"%.*s: this process has its limit of %llu series in all families; raise MUSTER_SERIES_MAX or drop a label",
		family->record->name_bytes, muster__family_name(family), (unsigned long long)muster__store.series_max);
	return muster__series_drop(family, MUSTER__DROP_PROCESS_LIMIT);
}

static bool family_full(const struct muster_family *family)
{
	return family->series_count >= family->series_max;
}

static bool process_full(const struct muster_family *family)
{
	return family->label_count > 0 && muster__store.series_count >= muster__store.series_max;
}

/* The same without the lock, so that a flood of labels is refused cheaply.
 * ORDER(series-publish) acquire; pairs with series_create(): whoever sees the last one counted finds it. */
static bool looks_full(const struct muster_family *family)
{
	return __atomic_load_n(&family->series_count, __ATOMIC_ACQUIRE) >= family->series_max ||
	       (family->label_count > 0 &&
	        __atomic_load_n(&muster__store.series_count, __ATOMIC_ACQUIRE) >= muster__store.series_max);
}

static struct muster__series *refuse(struct muster_family *family)
{
	return family_full(family) ? refuse_limit(family) : refuse_process_limit(family);
}

/* ---- the whole ---------------------------------------------------------------------------- */

static struct muster__series *find_or_create(struct muster_family *family, uint64_t hash,
                                             const struct muster_str *values, size_t count)
{
	struct muster__series *series = series_find(family, hash, values, count);

	if (series)
		return series;
	if (family_full(family) || process_full(family))
		return refuse(family);
	series = series_create(family, hash, values, count);
	if (series == NULL) {
		(void)muster__error(MUSTER_EFULL, "%.*s: no room for another series in this process's slab",
		                    family->record->name_bytes, muster__family_name(family));
		return muster__series_drop(family, MUSTER__DROP_SLAB_FULL);
	}
	return series;
}

static struct muster__series *series_get_slow(struct muster_family *family, uint64_t hash,
                                              const struct muster_str *values, size_t count)
{
	sigset_t saved;
	int error = errno;

	if (muster__values_check(family, values, count) != 0)
		return muster__series_drop(family, MUSTER__DROP_LABEL_VALUES);
	(void)muster__attached();
	if (looks_full(family)) {
		struct muster__series *series = series_find(family, hash, values, count);
		return series ? series : refuse(family);
	}
	muster__store_lock(&saved);
	muster__attach_failure_retry();
	struct muster__series *series = find_or_create(family, hash, values, count);
	muster__store_unlock(&saved);
	errno = error;
	return series;
}

struct muster__series *muster__series_get(struct muster_family *family, enum muster_type type,
                                          const struct muster_str *values, size_t count)
{
	if (family == NULL)
		return NULL;
	if (family->type != type) {
		(void)muster__error(MUSTER_ETYPE, "%.*s: is of another type than the call", family->record->name_bytes,
		                    muster__family_name(family));
		return muster__series_drop(family, MUSTER__DROP_LABEL_VALUES);
	}
	uint64_t hash = hash_values(values, count);
	if (count == family->label_count) {
		struct muster__series *series = series_find(family, hash, values, count);
		if (series)
			return series;
	}
	return series_get_slow(family, hash, values, count);
}

/* ---- handles ------------------------------------------------------------------------------ */

#define WORD_HANDLE(kind, type)                                                                                        \
	muster_##kind muster_##kind##_get(struct muster_family *family, const struct muster_str *values, size_t count)     \
	{                                                                                                                  \
		const struct muster__series *series = muster__series_get(family, type, values, count);                         \
		return (muster_##kind){series ? series->word : MUSTER__WORD_SCRATCH_INT};                                      \
	}
#define DESC_HANDLE(kind, type, member)                                                                                \
	muster_##kind muster_##kind##_get(struct muster_family *family, const struct muster_str *values, size_t count)     \
	{                                                                                                                  \
		const struct muster__series *series = muster__series_get(family, type, values, count);                         \
		return (muster_##kind){series ? &series->member : NULL};                                                       \
	}

WORD_HANDLE(counter, MUSTER_COUNTER)
WORD_HANDLE(real_counter, MUSTER_REAL_COUNTER)
WORD_HANDLE(in_flight, MUSTER_IN_FLIGHT)
DESC_HANDLE(gauge, MUSTER_GAUGE, gauge)
DESC_HANDLE(histogram, MUSTER_HISTOGRAM, distribution)
DESC_HANDLE(summary, MUSTER_SUMMARY, distribution)
DESC_HANDLE(native_histogram, MUSTER_NATIVE_HISTOGRAM, native)
