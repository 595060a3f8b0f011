/* SPDX-License-Identifier: Apache-2.0 */
/*
 * activity.c - from the words of request.c to values of the view. Runs in readers.
 *
 * Workers declare the families; their cells of what changes while a request runs stay 0, and what the words say now is
 * added to the view in their place. When a worker is dead, its busy seconds are stored in the cell of its private copy,
 * so that folding, the ledger and the encoders know no difference to another counter.
 * The words are hostile: any value is one, none is an index.
 */
#include "activity.h"

#include "atomic.h"
#include "guard.h"
#include "requests.h"
#include "roll.h"

#define IN_FLIGHT_MAX (UINT64_C(1) << MUSTER__BUSY_COUNT_BITS)

/* ---- the words ---------------------------------------------------------------------------- */

/* Shift left and back, arithmetically: the low `bits` as a signed number. */
static int64_t signed_bits(uint64_t word, unsigned bits)
{
	return (int64_t)(word << (64 - bits)) >> (64 - bits);
}

static uint64_t busy_units(uint64_t word, uint64_t now_ns)
{
	uint64_t count = (uint64_t)signed_bits(word, MUSTER__BUSY_COUNT_BITS);
	uint64_t sum = (word - count) >> MUSTER__BUSY_COUNT_BITS;
	int64_t units = signed_bits(sum + count * (now_ns >> MUSTER__BUSY_UNIT_BITS), 64 - MUSTER__BUSY_COUNT_BITS);

	return units > 0 ? (uint64_t)units : 0;
}

static double seconds_of(uint64_t units)
{
	return (double)(units << MUSTER__BUSY_UNIT_BITS) * 1e-9;
}

static double longest_seconds(const struct muster__requests_shm *r, uint64_t in_flight, uint64_t now_ns)
{
	uint64_t first = now_ns, seen = 0;

	for (uint32_t i = 0; i < MUSTER__REQUEST_PLACES && seen < in_flight; i++) {
		uint64_t begun_ns = muster__load_relaxed(&r->begun_ns[i]);
		seen += begun_ns != 0;
		if (begun_ns != 0 && begun_ns < first)
			first = begun_ns;
	}
	return (double)(now_ns - first) * 1e-9;
}

void muster__activity_read(const struct muster__requests_shm *r, uint64_t now_ns, struct muster__activity_known *known,
                           struct muster__activity *out)
{
	uint64_t in_flight = muster__load_relaxed(&r->in_flight),
			 units = busy_units(muster__load_relaxed(&r->busy), now_ns);

	if (in_flight >= IN_FLIGHT_MAX)
		in_flight = 0;
	if (units > known->busy_units)
		known->busy_units = units;
	*out = (struct muster__activity){.declared = muster__load_relaxed(&r->declared) != 0,
	                                 .in_flight = in_flight,
	                                 .busy_seconds = seconds_of(known->busy_units),
	                                 .longest_seconds = longest_seconds(r, in_flight, now_ns)};
}

double muster__activity_last(uint64_t busy, uint64_t last_ns, const struct muster__activity_known *known)
{
	uint64_t units = busy_units(busy, last_ns > known->alive_ns ? last_ns : known->alive_ns);

	return seconds_of(units > known->busy_units ? units : known->busy_units);
}

/* ---- the view ----------------------------------------------------------------------------- */

static struct muster__view_series *find(const struct muster__merge *merge, const char *name, enum muster_type type,
                                        const char *label)
{
	const struct muster__view_family *family = muster__view_family_find(merge, muster_str(name));
	struct muster_str value = muster_str(label);

	if (family == NULL || family->type != type || family->label_count != (label ? 1 : 0) ||
	    (type == MUSTER_GAUGE && muster__mode_per_pid(family->mode)))
		return NULL;
	return muster__view_series_find(merge, family, &value);
}

void muster__activity_find(const struct muster__merge *merge, struct muster__activity_places *out)
{
	*out = (struct muster__activity_places){
		.in_flight = find(merge, MUSTER__REQUESTS_IN_FLIGHT, MUSTER_IN_FLIGHT, NULL),
		.busy_seconds = find(merge, MUSTER__REQUESTS_BUSY, MUSTER_REAL_COUNTER, NULL),
		.longest = find(merge, MUSTER__REQUESTS_LONGEST, MUSTER_GAUGE, NULL),
		.workers_busy = find(merge, MUSTER__REQUESTS_WORKERS, MUSTER_GAUGE, "busy"),
		.workers_idle = find(merge, MUSTER__REQUESTS_WORKERS, MUSTER_GAUGE, "idle"),
	};
}

static struct muster__view_gauge *gauge_shown(struct muster__values *values, const struct muster__view_series *series)
{
	struct muster__view_gauge *gauge = values->gauges + series->gauge_at;

	gauge->set = true;
	return gauge;
}

void muster__activity_add(struct muster__values *values, const struct muster__activity_places *places,
                          const struct muster__activity *a)
{
	if (!a->declared)
		return;
	if (places->in_flight)
		values->ints[places->in_flight->int_at] += a->in_flight;
	if (places->busy_seconds)
		muster__real_add_exact(values->high + places->busy_seconds->real_at,
		                       values->low + places->busy_seconds->real_at, a->busy_seconds);
	if (places->longest && a->longest_seconds > gauge_shown(values, places->longest)->value)
		values->gauges[places->longest->gauge_at].value = a->longest_seconds;
	if (places->workers_busy)
		gauge_shown(values, places->workers_busy)->value += a->in_flight != 0;
	if (places->workers_idle)
		gauge_shown(values, places->workers_idle)->value += a->in_flight == 0;
}

/* ---- the dead ----------------------------------------------------------------------------- */

static bool is_family(const struct muster__family_shm *record, const char *wanted, enum muster_type type)
{
	struct muster__family_parts parts;
	struct muster_str name = muster_str(wanted);

	return record->type == type && record->label_count == 0 && record->name_bytes == name.count &&
	       muster__family_parts(record, &parts) && memcmp(parts.name.bytes, name.bytes, name.count) == 0;
}

static const struct muster__series_shm no_series = {.int_cell = MUSTER__NO_CELL, .real_cell = MUSTER__NO_CELL};

static struct muster__series_shm series_of(const struct muster__catalogue *catalogue, uint32_t family)
{
	const struct muster__series_shm *series;
	struct muster__kept_cursor at;

	for (const struct muster__catalogue *node = catalogue; node; node = node->base) {
		muster__kept_begin(&at, &node->kept, 0);
		while ((series = muster__kept_series_next(&at)) != NULL)
			if (series->family == family)
				return *series;
	}
	return no_series;
}

/* The one series of a family without labels; without cells if a slab has none. */
static struct muster__series_shm series_named(const struct muster__catalogue *catalogue, const char *name,
                                              enum muster_type type)
{
	for (const struct muster__catalogue *node = catalogue; node; node = node->base)
		for (uint32_t i = 0; i < node->end.families - node->begin.families; i++)
			if (is_family((const void *)(node->kept.raw + node->families[i].off), name, type))
				return series_of(catalogue, node->begin.families + i);
	return no_series;
}

uint32_t muster__activity_cell(struct muster__catalogue *catalogue)
{
	return series_named(catalogue, MUSTER__REQUESTS_BUSY, MUSTER_REAL_COUNTER).real_cell;
}

/* ---- one worker --------------------------------------------------------------------------- */

/* The next slab of a process from `at` on: live, native, of our own pid namespace. It has two for a moment after an exec. */
static struct muster__slab *slab_next(const struct muster_region *region, pid_t pid, size_t *at)
{
	while (*at < region->slabs_count) {
		struct muster__slab *slab = region->slabs[(*at)++];
		if (slab->state == MUSTER__SLAB_LIVE && !slab->import && slab->minor >= 1 &&
		    slab->identity.pid == (uint32_t)pid && slab->identity.pidns_ino == region->observer.self.pidns_ino)
			return slab;
	}
	return NULL;
}

struct ending {
	struct muster__source source;
	uint32_t cell;
	uint64_t count;
};

static void add_ended(void *ctx)
{
	struct ending *e = ctx;

	for (size_t i = 0; i < e->source.bank_count; i++) {
		const uint64_t *bank = (const void *)(e->source.banks + i * e->source.bank_stride);
		e->count += muster__load_relaxed(bank + MUSTER__WORD_CELLS + e->cell);
	}
}

/* Adds to *out. Returns false if it tells no requests. */
static bool ended_of(const struct muster__slab *slab, uint64_t *out)
{
	struct ending e = {.cell = series_named(slab->catalogue, MUSTER__REQUESTS_ENDED, MUSTER_COUNTER).int_cell};

	if (e.cell == MUSTER__NO_CELL)
		return false;
	muster__slab_source(slab, false, &e.source);
	if (muster__guard_run(slab->map, slab->map_bytes, add_ended, &e) != 0)
		return false;
	*out += e.count;
	return true;
}

bool muster__region_requests_ended(const struct muster_region *region, pid_t pid, uint64_t *out)
{
	const struct muster__slab *slab;
	uint64_t ended = 0;
	bool tells = false;

	for (size_t at = 0; (slab = slab_next(region, pid, &at)) != NULL;)
		tells = ended_of(slab, &ended) || tells;
	if (tells)
		*out = ended;
	return tells;
}

struct reading {
	const struct muster__requests_shm *requests;
	uint64_t now_ns;
	struct muster__activity_known *known;
	struct muster__activity *out;
};

static void read_guarded(void *ctx)
{
	const struct reading *r = ctx;

	muster__activity_read(r->requests, r->now_ns, r->known, r->out);
}

bool muster__region_activity(struct muster_region *region, pid_t pid, struct muster__activity *out)
{
	struct muster__slab *slab;

	for (size_t at = 0; (slab = slab_next(region, pid, &at)) != NULL;) {
		struct muster__activity found = {0};
		struct reading reading = {&((const struct muster__header_shm *)(const void *)slab->map)->requests,
		                          muster__coarse_ns(), &slab->activity, &found};
		if (muster__guard_run(slab->map, slab->map_bytes, read_guarded, &reading) != 0 || !found.declared)
			continue;
		*out = found;
		return true;
	}
	return false;
}
