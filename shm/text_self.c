/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text_self.c - what the store counts about itself, as text. Runs in readers.
 */
#include "text_self.h"

struct writing {
	struct muster__text_buffer *page;
	const char *name; /* of the counter, as the page spells it */
};

static void put_value(struct muster__text_buffer *page, const char *value)
{
	size_t count = strlen(value);
	char *at = muster__text_room(page, 2 * count);

	if (at)
		page->count = (size_t)(muster__text_escape(at, value, count, true) - page->bytes);
}

static void put_sample(void *ctx, const struct muster__store_counter *counter, const char *family, const char *reason,
                       uint64_t value)
{
	const struct writing *w = ctx;
	char number[20];

	(void)counter;
	muster__text_put(w->page, w->name);
	if (reason)
		muster__text_put(w->page, "{");
	if (family) {
		muster__text_put(w->page, "family=\"");
		put_value(w->page, family);
		muster__text_put(w->page, "\",");
	}
	if (reason) {
		muster__text_put(w->page, "reason=\"");
		muster__text_put(w->page, reason);
		muster__text_put(w->page, "\"}");
	}
	muster__text_put(w->page, " ");
	muster__text_put_bytes(w->page, number, muster__number_uint(number, value));
	muster__text_put(w->page, "\n");
}

void muster__text_put_self(const struct muster__making *m, enum muster__text_head head)
{
	char name[MUSTER__STORE_NAME_BYTES_MAX];
	struct writing w = {m->page, name};

	for (size_t i = 0; i < MUSTER__STORE_COUNTERS; i++) {
		const struct muster__store_counter *counter = &muster__store_counters[i];
		if (!muster__name_wanted(m, counter->name))
			continue;
		muster__store_name(counter, m->escaping, name);
		muster__text_put_head(m->page, head, name, counter->help, "", counter->type);
		muster__store_counter_walk(m, counter, put_sample, &w);
	}
}
