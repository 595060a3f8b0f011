/* SPDX-License-Identifier: Apache-2.0 */
/*
 * collect.c - the collectors of a process, and running them. Runs in workers and in the master.
 *
 * The list only grows. The lock is held for a step along it, never while a collector runs.
 */
#include <muster/collector.h>

#include <errno.h>
#include <unistd.h>

#include "error.h"
#include "family.h"

struct collector {
	struct collector *next;
	muster_collector_fn *fn;
	void *ctx;
};

/* A gauge and what computes it. */
struct function_gauge {
	muster_gauge gauge;
	muster_value_fn *fn;
	void *ctx;
};

static struct collector *first, **last = &first;
static pid_t collecting; /* a pid, not a flag: a child forked by a collector is not at it */

/* Memory of the process, under the store's lock. NULL if there is none. */
static void *memory(size_t bytes)
{
	sigset_t saved;

	muster__store_lock(&saved);
	void *p = muster__arena_alloc(bytes, 16);
	muster__store_unlock(&saved);
	return p;
}

static void enter(struct collector *collector)
{
	sigset_t saved;

	muster__store_lock(&saved);
	*last = collector;
	last = &collector->next;
	muster__store_unlock(&saved);
}

static struct collector *step(struct collector *const *link)
{
	sigset_t saved;

	muster__store_lock(&saved);
	struct collector *collector = *link;
	muster__store_unlock(&saved);
	return collector;
}

int muster_collector_add(muster_collector_fn *fn, void *ctx)
{
	struct collector *collector = memory(sizeof *collector);

	if (collector == NULL)
		return muster__error(MUSTER_EFULL, "no memory for another collector");
	*collector = (struct collector){.fn = fn, .ctx = ctx};
	enter(collector);
	return 0;
}

static void gauge_collect(void *ctx)
{
	const struct function_gauge *g = ctx;
	double x = g->fn(g->ctx);

	if (x == x)
		muster_gauge_set(g->gauge, x);
}

int muster_gauge_function(struct muster_family *family, const struct muster_str *values, size_t count,
                          muster_value_fn *fn, void *ctx)
{
	if (family == NULL || family->type != MUSTER_GAUGE)
		return muster__error(MUSTER_ETYPE, "a function gauge needs a family of gauges");
	int rc = muster__values_check(family, values, count);
	if (rc != 0)
		return rc;
	muster_gauge gauge = muster_gauge_get(family, values, count);
	struct function_gauge *g = gauge.desc ? memory(sizeof *g) : NULL;
	if (g == NULL)
		return MUSTER_EFULL; /* of a series that could not be had the message tells why */
	*g = (struct function_gauge){gauge, fn, ctx};
	return muster_collector_add(gauge_collect, g);
}

void muster_collect(void)
{
	pid_t pid = getpid(), before = __atomic_load_n(&collecting, __ATOMIC_RELAXED);

	if (before == pid || !__atomic_compare_exchange_n(&collecting, &before, pid, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		return;
	for (struct collector *c = step(&first); c; c = step(&c->next))
		c->fn(c->ctx);
	__atomic_store_n(&collecting, 0, __ATOMIC_RELEASE);
}
