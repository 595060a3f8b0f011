/* SPDX-License-Identifier: Apache-2.0 */
/*
 * states.c - setting infos and states: gauges whose labels carry the meaning. Runs in workers.
 */
#include "error.h"
#include "family.h"

static muster_gauge gauge_of(struct muster_family *family, enum muster_type type, const struct muster_str *values,
                             size_t count)
{
	const struct muster__series *series = muster__series_get(family, type, values, count);

	return (muster_gauge){series ? &series->gauge : NULL};
}

void muster_info_set(struct muster_family *family, const struct muster_str *values, size_t count)
{
	muster_gauge_set(gauge_of(family, MUSTER_INFO, values, count), 1);
}

/* The gauge of a state that there is. */
static muster_gauge state_gauge(struct muster_family *family, const struct muster_str *values, size_t count,
                                size_t state)
{
	struct muster_str all[MUSTER_LABELS_MAX];

	if (count)
		memcpy(all, values, count * sizeof *all);
	all[count] = family->states[state];
	return gauge_of(family, MUSTER_STATESET, all, count + 1);
}

static bool fits(struct muster_family *family, size_t count, size_t state)
{
	if (family == NULL)
		return false;
	if (state < family->states_count && count < MUSTER_LABELS_MAX)
		return true;
	(void)muster__error(MUSTER_ESTATES, "%.*s: state %zu of %zu label values; the family has %zu states",
	                    family->record->name_bytes, muster__family_name(family), state, count, family->states_count);
	(void)muster__series_drop(family, MUSTER__DROP_LABEL_VALUES);
	return false;
}

/* All states of a set stand on the page together. */
static void states_show(struct muster_family *family, const struct muster_str *values, size_t count)
{
	for (size_t i = 0; i < family->states_count; i++)
		muster_gauge_add(state_gauge(family, values, count, i), 0);
}

void muster_stateset_set(struct muster_family *family, const struct muster_str *values, size_t count, size_t state,
                         bool on)
{
	if (!fits(family, count, state))
		return;
	states_show(family, values, count);
	muster_gauge_set(state_gauge(family, values, count, state), on);
}

void muster_stateset_select(struct muster_family *family, const struct muster_str *values, size_t count, size_t state)
{
	if (!fits(family, count, state))
		return;
	muster_gauge_set(state_gauge(family, values, count, state), 1);
	for (size_t i = 0; i < family->states_count; i++)
		if (i != state)
			muster_gauge_set(state_gauge(family, values, count, i), 0);
}
