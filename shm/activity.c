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

static bool is_busy_family(const struct muster__family_shm *record)
{
	struct muster__family_parts parts;
	struct muster_str name = muster_str(MUSTER__REQUESTS_BUSY);

	return record->type == MUSTER_REAL_COUNTER && record->label_count == 0 && record->name_bytes == name.count &&
	       muster__family_parts(record, &parts) && memcmp(parts.name.bytes, name.bytes, name.count) == 0;
}

static uint32_t series_cell(const struct muster__catalogue *catalogue, uint32_t family)
{
	for (const struct muster__catalogue *node = catalogue; node; node = node->base)
		for (uint32_t i = 0; i < node->end.series - node->begin.series; i++)
			if (muster__series_record(node, i)->family == family)
				return muster__series_record(node, i)->real_cell;
	return MUSTER__NO_CELL;
}

uint32_t muster__activity_cell(struct muster__catalogue *catalogue)
{
	for (const struct muster__catalogue *node = catalogue; node; node = node->base)
		for (uint32_t i = 0; i < node->end.families - node->begin.families; i++)
			if (is_busy_family((const void *)(node->bytes + node->families[i].off)))
				return series_cell(catalogue, node->begin.families + i);
	return MUSTER__NO_CELL;
}

/* ---- one worker --------------------------------------------------------------------------- */

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
	struct muster__activity found = {0};

	for (size_t i = 0; i < region->slabs_count; i++) {
		struct muster__slab *slab = region->slabs[i];
		if (slab->state != MUSTER__SLAB_LIVE || slab->identity.pid != (uint32_t)pid || slab->minor < 1 ||
		    slab->identity.pidns_ino != region->observer.self.pidns_ino)
			continue;
		struct reading reading = {&((const struct muster__header_shm *)(const void *)slab->map)->requests,
		                          muster__coarse_ns(), &slab->activity, &found};
		if (muster__guard_run(slab->map, slab->map_bytes, read_guarded, &reading) != 0 || !found.declared)
			continue;
		*out = found;
		return true;
	}
	return false;
}
