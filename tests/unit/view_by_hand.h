/* SPDX-License-Identifier: Apache-2.0 */
/* A view made by hand, for tests of encoders. */
#ifndef VIEW_BY_HAND_H
#define VIEW_BY_HAND_H

#include "support.h"

#include <errno.h>

#include "shm/encode.h"
#include "shm/layout.h"
#include "shm/merge.h"
#include "shm/spelling.h"
#include "shm/text_rests.h"

#define ITEMS_MAX 8

static uint64_t ints[2 * MUSTER_BOUNDS_MAX];
static double reals[ITEMS_MAX];
static struct muster__view_gauge gauges[ITEMS_MAX];
static struct muster__view_pid_sample pid_samples[ITEMS_MAX];
static struct muster__view_family families[ITEMS_MAX], *family_order[ITEMS_MAX];
static struct muster__view_series *series[ITEMS_MAX];
static uint32_t series_order[ITEMS_MAX][ITEMS_MAX];
static size_t series_count;
static struct muster__view view;
static struct muster__text_rests rests;
static struct muster__text_buffer buffer;
static enum muster_escaping escaping;

/* As muster_region_write() does it. */
static inline int written(void (*encoder)(const struct muster__making *m), const char **bytes, size_t *count)
{
	const struct muster__making making = {&buffer, &view, escaping, NULL, &rests};

	buffer.count = 0;
	buffer.failed = false;
	if (muster__view_spell(&view, making.escaping) != 0)
		return -ENOMEM;
	encoder(&making);
	if (buffer.failed)
		return -ENOMEM;
	*bytes = buffer.bytes;
	*count = buffer.count;
	return 0;
}

static inline void buffer_free(void)
{
	free(buffer.bytes);
	buffer = (struct muster__text_buffer){0};
}

static inline int page_setup(void **state)
{
	(void)state;
	memset(ints, 0, sizeof ints);
	memset(reals, 0, sizeof reals);
	memset(gauges, 0, sizeof gauges);
	series_count = 0;
	escaping = MUSTER_ESCAPING_UNDERSCORES;
	view = (struct muster__view){.families = family_order,
	                             .ints = ints,
	                             .reals = reals,
	                             .gauges = gauges,
	                             .real_count = ITEMS_MAX,
	                             .gauge_count = ITEMS_MAX,
	                             .pid_samples = pid_samples};
	return 0;
}

static inline void rendered_forget(void)
{
	memset(view.spelled_count, 0, sizeof view.spelled_count);
	for (size_t i = 0; i < view.family_count; i++) {
		for (int k = 0; k < MUSTER_ESCAPING_COUNT; k++) {
			free(families[i].rendered[k]);
			free(families[i].spelled[k]);
		}
		memset(families[i].rendered, 0, sizeof families[i].rendered);
		memset(families[i].spelled, 0, sizeof families[i].spelled);
	}
	memset(view.spelled_count, 0, sizeof view.spelled_count);
	muster__text_rests_clear(&rests);
}

static inline int page_teardown(void **state)
{
	(void)state;
	rendered_forget();
	muster__pool_clear(&view.pool);
	buffer_free();
	return 0;
}

/* Families must come sorted by name. */
static inline struct muster__view_family *family(enum muster_type type, char *name, char *help, char **labels)
{
	size_t at = view.family_count++;
	struct muster__view_family *f = family_order[at] = &families[at];

	*f = (struct muster__view_family){
		.type = type, .name = name, .help = help, .unit = "", .labels = labels, .series = series_order[at]};
	while (labels && labels[f->label_count])
		f->label_count++;
	return f;
}

/* The next series of a family; its values are all at index `at`. */
static inline struct muster__view_series *series_of(struct muster__view_family *f, struct muster_str *labels,
                                                    uint32_t at)
{
	uint32_t place;
	struct muster__view_series *s = muster__view_series_make(&view.pool, f, labels, &place);

	assert_non_null(s);
	f->series[f->series_count++] = place;
	series[series_count++] = s;
	s->int_at = s->real_at = at;
	return s;
}

static inline void gauge_is(uint32_t at, double value)
{
	gauges[at] = (struct muster__view_gauge){.value = value, .set = true};
}

#endif
