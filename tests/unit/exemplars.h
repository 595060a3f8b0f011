/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exemplars.h - recording with exemplars, and finding them on the page.
 */
#ifndef TESTS_EXEMPLARS_H
#define TESTS_EXEMPLARS_H

#include <muster/exemplar.h>

#include "folding.h"
#include "isolated.h"
#include "shm/store.h"

/* ---- families and pages ------------------------------------------------------------------- */

static const double two_bounds[] = {1, 2};
static const char *const kind_label[] = {"kind", NULL};

static inline struct muster_family *declare_some(enum muster_type type, const char *name, bool exemplars, bool labelled)
{
	struct muster_family *family = NULL;
	struct muster_opts o = {
		.name = name, .help = "Help.", .labels = labelled ? kind_label : NULL, .exemplars = exemplars};

	if (type == MUSTER_HISTOGRAM)
		o.bounds = two_bounds, o.bounds_count = 2;
	if (muster_declare(type, &o, &family) != 0)
		_exit(96);
	return family;
}

static inline struct muster_exemplar traced(const char *id)
{
	struct muster_exemplar e = {0};

	if (muster_exemplar_trace(&e, id, NULL) != 0)
		_exit(95);
	return e;
}

static inline void count(const char *id, uint64_t n)
{
	struct muster_exemplar e = traced(id);

	muster_counter_add_with_exemplar(muster_counter_with(declare_some(MUSTER_COUNTER, "c_total", true, false)), n, &e);
}

static inline void observe(const char *id, double x)
{
	struct muster_exemplar e = traced(id);
	struct muster_family *family = declare_some(MUSTER_HISTOGRAM, "h", true, false);

	muster_histogram_observe_with_exemplar(muster_histogram_with(family), x, &e);
}

static inline void count_a(void *arg)
{
	count(arg, 1);
}

/* A page of the region as it was refreshed last; free() it. */
static inline char *page_of(struct muster_region *region, enum muster_format format)
{
	const char *text;
	size_t bytes;

	assert_int_equal(muster_region_write(region, format, MUSTER_ESCAPING_UNDERSCORES, NULL, &text, &bytes), 0);
	return strndup(text, bytes);
}

static inline void assert_exemplar(const char *sample, const char *expected)
{
	char *page = scrape_as(MUSTER_FORMAT_OPENMETRICS);

	assert_string_equal(exemplar_in(page, sample), expected);
	free(page);
}

static inline void assert_dropped(const char *reason, double n)
{
	char sample[80];

	(void)snprintf(sample, sizeof sample, "muster_dropped_exemplars_total{reason=\"%s\"}", reason);
	assert_true(value_of(sample) == n);
}

#endif
