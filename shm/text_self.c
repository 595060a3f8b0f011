/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text_self.c - what the store counts about itself, as text. Runs in readers.
 */
#include "text_self.h"

static void put_sample(void *ctx, const struct muster__store_counter *counter, const char *family, const char *reason,
                       uint64_t value)
{
	struct muster__text_buffer *page = ctx;
	char number[20];

	muster__text_put(page, counter->name);
	muster__text_put(page, "{");
	if (family) {
		muster__text_put(page, "family=\"");
		muster__text_put(page, family);
		muster__text_put(page, "\",");
	}
	muster__text_put(page, "reason=\"");
	muster__text_put(page, reason);
	muster__text_put(page, "\"} ");
	muster__text_put_bytes(page, number, muster__number_uint(number, value));
	muster__text_put(page, "\n");
}

void muster__text_put_self(const struct muster__making *m, enum muster__text_head head)
{
	for (size_t i = 0; i < MUSTER__STORE_COUNTERS; i++) {
		const struct muster__store_counter *counter = &muster__store_counters[i];
		if (!muster__family_wanted(m, counter->name))
			continue;
		muster__text_put_head(m->page, head, counter->name, counter->help, "", MUSTER_COUNTER);
		muster__store_counter_walk(m->view, counter, put_sample, m->page);
	}
}
