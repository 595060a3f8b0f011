/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text_self.c - what the store counts about itself, summed over all workers by the view. Runs in readers.
 */
#include "text_self.h"

#include "layout.h"
#include "text_render.h"

static void put_sample(struct muster__text_buffer *page, const char *metric, const char *family, const char *reason,
                       uint64_t n)
{
	char number[20];

	muster__text_put(page, metric);
	muster__text_put(page, "{");
	if (family) {
		muster__text_put(page, "family=\"");
		muster__text_put(page, family);
		muster__text_put(page, "\",");
	}
	muster__text_put(page, "reason=\"");
	muster__text_put(page, reason);
	muster__text_put(page, "\"} ");
	muster__text_put_bytes(page, number, muster__number_uint(number, n));
	muster__text_put(page, "\n");
}

static void put_events(struct muster__text_buffer *page, const struct muster__view *view, const char *metric)
{
	static const struct {
		const char *metric, *reason;
	} rows[] = {
#define MUSTER__ROW(id, metric, reason) {metric, reason},
		MUSTER__EVENTS(MUSTER__ROW)
#undef MUSTER__ROW
	};

	for (int i = 0; i < MUSTER__EVENT_COUNT; i++)
		if (strcmp(rows[i].metric, metric) == 0)
			put_sample(page, metric, NULL, rows[i].reason, view->events[i]);
}

static void put_drops(struct muster__text_buffer *page, const struct muster__view *view, const char *metric)
{
	static const char *const reasons[] = {
#define MUSTER__ROW(id, reason) reason,
		MUSTER__DROPS(MUSTER__ROW)
#undef MUSTER__ROW
	};

	for (size_t i = 0; i < view->family_count; i++)
		for (int drop = 0; drop < MUSTER__DROP_COUNT; drop++)
			if (view->families[i]->drops[drop])
				put_sample(page, metric, view->families[i]->name, reasons[drop], view->families[i]->drops[drop]);
}

void muster__text_put_self(struct muster__text_buffer *page, const struct muster__view *view)
{
	static const struct {
		const char *metric, *help;
		void (*put)(struct muster__text_buffer *page, const struct muster__view *view, const char *metric);
	} rows[] = {
		{"muster_attach_failures_total", "Processes that could not make a slab and run uninstrumented.", put_events},
		{"muster_dropped_families_total", "Families that could not be declared or merged.", put_events},
		{"muster_dropped_series_total", "Lookups that got no series and recorded nothing.", put_drops},
		{"muster_left_out_series_total", "Series of workers left out of the page because the region is at its limit.",
	     put_events},
		{"muster_refused_updates_total", "Updates refused because the value made no sense.", put_events},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		muster__text_put_head(page, rows[i].metric, rows[i].help, "counter");
		rows[i].put(page, view, rows[i].metric);
	}
}
