/* SPDX-License-Identifier: Apache-2.0 */
/*
 * forget.c - asking that a series be forgotten in the whole region. Runs in workers, under the store's lock.
 *
 * A process writes nobody's slab but its own, so it asks: a record in its catalogue names the series and what
 * the process itself has in it now. The master meets the request when it writes its next ledger (forgetting.c),
 * which takes away from the totals what was there; cells and handles stay as they are.
 */
#include <errno.h>
#include <string.h>

#include "atomic.h"
#include "error.h"
#include "family.h"

/* ---- what the process has ----------------------------------------------------------------- */

static uint32_t banks_used(void)
{
	return (uint32_t)muster__load_relaxed(&muster__store_header()->banks_used);
}

static uint64_t int_sum(uint32_t word)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < banks_used(); i++)
		sum += muster__load_relaxed(muster__store_bank(i) + word);
	return sum;
}

static uint64_t real_sum(uint32_t word)
{
	double sum = 0;

	for (uint32_t i = 0; i < banks_used(); i++)
		sum += muster__double(muster__load_relaxed(muster__store_bank(i) + word));
	return muster__bits(sum);
}

static uint16_t distribution_put(const struct muster__distribution *d, uint64_t *out)
{
	for (uint32_t i = 0; i <= d->bounds_count; i++)
		out[i] = int_sum(d->int_word + i);
	out[d->bounds_count + 1] = real_sum(d->real_word);
	return (uint16_t)(d->bounds_count + 2);
}

static uint16_t native_put(const struct muster__native *h, const struct muster_family *family, uint64_t *out)
{
	static uint64_t part[MUSTER__NATIVE_SUM_WORDS_MAX]; /* under the lock */
	struct muster__native_shape shape = muster__native_shape(family->bounds);
	uint32_t words = muster__native_sum_words(shape);

	memset(out, 0, words * sizeof *out);
	for (uint32_t i = 0; i < banks_used(); i++)
		if (muster__native_copy(part, muster__store_bank(i) + h->int_word, shape))
			muster__native_add(out, part, shape);
	out[words] = real_sum(h->real_word);
	return (uint16_t)(words + 1);
}

static uint16_t gauge_put(const struct muster__gauge *g, uint64_t *out)
{
	if (g->timestamped)
		return 0;
	out[0] = muster__load_relaxed(*muster__gauges_ref + g->word);
	return 1;
}

/* Returns how many words it put. */
static uint16_t values_put(const struct muster_family *family, const struct muster__series *series, uint64_t *out)
{
	switch (family->type) {
	case MUSTER_COUNTER:
	case MUSTER_IN_FLIGHT:
		out[0] = int_sum(series->word);
		return 1;
	case MUSTER_REAL_COUNTER:
		out[0] = real_sum(series->word);
		return 1;
	case MUSTER_GAUGE:
	case MUSTER_INFO:
	case MUSTER_STATESET:
		return gauge_put(&series->gauge, out);
	case MUSTER_NATIVE_HISTOGRAM:
		return native_put(&series->native, family, out);
	case MUSTER_HISTOGRAM:
	case MUSTER_SUMMARY:
		break;
	}
	return distribution_put(&series->distribution, out);
}

/* ---- the request -------------------------------------------------------------------------- */

/* Where a request is put together; under the lock. */
static union {
	struct muster__forget_shm fixed;
	char bytes[sizeof(struct muster__forget_shm) + 8 * (MUSTER__NATIVE_SUM_WORDS_MAX + 1) +
	           MUSTER_LABELS_MAX * (sizeof(uint16_t) + MUSTER_LABEL_VALUE_BYTES_MAX) + 8];
} request;

static uint64_t *request_begin(const struct muster_family *family, bool all)
{
	request.fixed = (struct muster__forget_shm){
		.record.kind = MUSTER__RECORD_FORGET,
		.family = family->ordinal,
		.all = all,
		.instance = muster__store_header()->identity.instance,
		.asked_unix_ns = muster__unix_ns(),
	};
	return (uint64_t *)(&request.fixed + 1);
}

static int request_append(const char *end)
{
	uint32_t bytes = (uint32_t)(end - request.bytes), whole = muster__align8(bytes);

	memset(request.bytes + bytes, 0, whole - bytes);
	request.fixed.record.bytes = whole;
	return muster__store_append(&request.fixed.record);
}

static char *values_copy(char *at, const struct muster_str *values, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		uint16_t n = (uint16_t)values[i].count;
		memcpy(at, &n, sizeof n);
		if (n)
			memcpy(at + sizeof n, values[i].bytes, n);
		at += sizeof n + n;
	}
	return at;
}

static int forget_one(const struct muster_family *family, const struct muster_str *values, size_t count)
{
	const struct muster__series *series = muster__series_find(family, values, count);
	uint64_t *words = request_begin(family, false);

	if (series)
		request.fixed.value_count = values_put(family, series, words);
	return request_append(values_copy((char *)(words + request.fixed.value_count), values, count));
}

/* Each series the process has by its key, so that its own values are exact; then all that others may have. */
static int forget_all(const struct muster_family *family)
{
	const struct muster__table *table = family->table;

	for (uint32_t i = 0; table && i <= table->mask; i++) {
		const struct muster__series *series = table->slots[i].series;
		if (series == NULL)
			continue;
		uint64_t *words = request_begin(family, false);
		request.fixed.value_count = values_put(family, series, words);
		char *at = (char *)(words + request.fixed.value_count);
		memcpy(at, series->key, series->key_bytes);
		int rc = request_append(at + series->key_bytes);
		if (rc != 0)
			return rc;
	}
	return request_append((char *)request_begin(family, true));
}

/* ---- the whole ---------------------------------------------------------------------------- */

static int check(const struct muster_family *family)
{
	if (family == NULL)
		return muster__error(MUSTER_ELABEL_VALUES, "no family given; nothing is removed");
	if (family->label_count == 0)
		return muster__error(
			MUSTER_ELABEL_VALUES,
			"%.*s: has no labels, so its one series is always shown; only series with labels are removed",
			family->record->name_bytes, muster__family_name(family));
	return 0;
}

static int ask(const struct muster_family *family, const struct muster_str *values, size_t count, bool all)
{
	sigset_t saved;
	int error = errno, rc = MUSTER_EFULL;

	(void)muster__attached();
	muster__store_lock(&saved);
	if (muster__store_header())
		rc = all ? forget_all(family) : forget_one(family, values, count);
	muster__store_unlock(&saved);
	errno = error;
	return rc == 0 ? 0
	               : muster__error(rc, "%.*s: no room in this process's slab to ask that series be removed",
	                               family->record->name_bytes, muster__family_name(family));
}

int muster_remove(struct muster_family *family, const struct muster_str *values, size_t count)
{
	int rc = check(family);

	if (rc == 0)
		rc = muster__values_check(family, values, count);
	return rc ? rc : ask(family, values, count, false);
}

int muster_clear(struct muster_family *family)
{
	int rc = check(family);

	return rc ? rc : ask(family, NULL, 0, true);
}
