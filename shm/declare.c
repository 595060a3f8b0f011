/* SPDX-License-Identifier: Apache-2.0 */
/*
 * declare.c - entering a family into the catalogue. Runs in workers.
 */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "attach_failure.h"
#include "description.h"
#include "error.h"
#include "family.h"

const double muster_bounds_default[11] = {.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10};
const double muster_bounds_http[14] = {.005, .01, .025, .05, .075, .1, .25, .5, .75, 1, 2.5, 5, 7.5, 10};

/* ---- building the record ------------------------------------------------------------------ */

static char *put(char *at, const void *bytes, size_t count)
{
	memcpy(at, bytes, count);
	return at + count;
}

static size_t length(const char *s)
{
	return s ? strlen(s) : 0;
}

/* What a record has as its bounds: of a histogram they are, of a native one its parameters, of a summary
 * its quantiles and their window. */
struct bounds {
	const double *at;
	uint32_t count;
	double own[MUSTER_QUANTILES_MAX + 1];
};

static void parameters_put(const struct muster_opts *o, struct bounds *out)
{
	out->own[MUSTER__NATIVE_THRESHOLD] = o->zero_threshold;
	out->own[MUSTER__NATIVE_BUCKETS_MAX] = o->buckets_max;
	out->own[MUSTER__NATIVE_SIGNED] = o->signed_values;
	out->count = MUSTER__NATIVE_PARAMETERS;
}

static void quantiles_put(const struct muster_opts *o, struct bounds *out)
{
	for (size_t i = 0; i < o->quantiles_count; i++)
		out->own[i] = o->quantiles[i] + 0.0; /* no -0 */
	out->own[o->quantiles_count] = o->window_s ? o->window_s : MUSTER_WINDOW_S_DEFAULT;
	out->count = (uint32_t)o->quantiles_count + 1;
}

static void bounds_of(const struct muster_opts *o, enum muster_type type, struct bounds *out)
{
	bool usual = o->bounds == NULL;

	out->at = out->own;
	out->count = 0;
	if (type == MUSTER_HISTOGRAM) {
		out->at = usual ? muster_bounds_default : o->bounds;
		out->count = usual ? 11 : (uint32_t)o->bounds_count;
	} else if (type == MUSTER_NATIVE_HISTOGRAM) {
		parameters_put(o, out);
	} else if (type == MUSTER_SUMMARY && o->quantiles) {
		quantiles_put(o, out);
	}
}

/* How far below the finest schema buckets are still no wider than the caller wants. */
static uint32_t steps_first(double factor)
{
	uint32_t steps = 0;

	while (factor > 1 && steps < MUSTER__SCHEMA_STEPS &&
	       muster__exponential_bound(1, MUSTER__SCHEMA_MAX - (int)steps - 1) <= factor)
		steps++;
	return steps;
}

static uint32_t record_bytes(const struct muster_opts *o, uint32_t bounds_count, size_t label_count)
{
	size_t bytes = sizeof(struct muster__family_shm) + bounds_count * sizeof(double) + strlen(o->name) +
	               strlen(o->help) + length(o->unit);

	for (size_t i = 0; i < label_count; i++)
		bytes += sizeof(uint16_t) + strlen(o->labels[i]);
	return muster__align8((uint32_t)bytes);
}

/* The record as it will be published, in the arena (whose memory is zero). The drop cells are the next
 * of the store. NULL if there is no memory. */
static struct muster__family_shm *record_make(const struct muster_opts *o, enum muster_type type, size_t label_count)
{
	struct bounds bounds;

	bounds_of(o, type, &bounds);
	uint32_t bytes = record_bytes(o, bounds.count, label_count);
	struct muster__family_shm *r = muster__arena_alloc(bytes, 16);
	if (r == NULL)
		return NULL;
	*r = (struct muster__family_shm){
		.record = {.bytes = bytes, .kind = MUSTER__RECORD_FAMILY},
		.family = muster__store.family_count,
		.type = (uint8_t)type,
		.mode = (uint8_t)o->mode,
		.label_count = (uint16_t)label_count,
		.bounds_count = bounds.count,
		.drop_cell = muster__store.int_used,
		.name_bytes = (uint16_t)strlen(o->name),
		.help_bytes = (uint16_t)strlen(o->help),
		.unit_bytes = (uint16_t)length(o->unit),
		.expiry_s = (uint16_t)o->expiry_s,
	};
	char *at = (char *)(r + 1);
	if (bounds.count)
		at = put(at, bounds.at, bounds.count * sizeof *bounds.at);
	at = put(at, o->name, r->name_bytes);
	at = put(at, o->help, r->help_bytes);
	if (r->unit_bytes)
		at = put(at, o->unit, r->unit_bytes);
	for (size_t i = 0; i < label_count; i++) {
		uint16_t n = (uint16_t)strlen(o->labels[i]);
		at = put(at, &n, sizeof n);
		at = put(at, o->labels[i], n);
	}
	return r;
}

/* ---- the family --------------------------------------------------------------------------- */

/* Bounds as the recorders want them: in fours, aligned, filled up with NaN. */
static int bounds_place(struct muster_family *family)
{
	uint32_t count = family->type == MUSTER_SUMMARY ? 0 : family->record->bounds_count, padded = (count + 3) / 4 * 4;
	double *bounds = muster__arena_alloc((padded + 1) * sizeof *bounds, 16);

	if (bounds == NULL)
		return MUSTER_EFULL;
	memcpy(bounds, family->record + 1, count * sizeof *bounds);
	for (uint32_t i = count; i < padded; i++)
		bounds[i] = NAN;
	family->bounds = bounds;
	family->bounds_count = count;
	family->pairs_count = padded / 2;
	return 0;
}

static int states_place(struct muster_family *family, const char *const *states)
{
	size_t count = 0;

	while (states && states[count])
		count++;
	family->states = muster__arena_alloc((count + 1) * sizeof *family->states, 16);
	if (family->states == NULL)
		return MUSTER_EFULL;
	for (; family->states_count < count; family->states_count++) {
		size_t bytes = strlen(states[family->states_count]);
		char *copy = muster__arena_alloc(bytes, 1);
		if (copy == NULL)
			return MUSTER_EFULL;
		memcpy(copy, states[family->states_count], bytes);
		family->states[family->states_count] = (struct muster_str){copy, bytes};
	}
	return 0;
}

static struct muster_family *family_make(const struct muster_opts *o, enum muster_type type, size_t label_count)
{
	struct muster_family *f = muster__arena_alloc(sizeof *f, 16);

	if (f == NULL)
		return NULL;
	f->type = type;
	if ((f->record = record_make(o, type, label_count)) == NULL || bounds_place(f) != 0 ||
	    states_place(f, o->states) != 0)
		return NULL;
	if (type == MUSTER_SUMMARY && f->record->bounds_count)
		f->window_s = o->window_s ? o->window_s : MUSTER_WINDOW_S_DEFAULT;
	f->ordinal = muster__store.family_count;
	f->steps_first = steps_first(o->bucket_factor);
	f->label_count = (uint32_t)label_count;
	f->series_max = label_count == 0 ? 1 : o->series_max ? o->series_max : MUSTER_SERIES_MAX_DEFAULT;
	f->timestamped = o->mode == MUSTER_MOSTRECENT || o->mode == MUSTER_LIVEMOSTRECENT;
	f->exemplars = o->exemplars;
	f->drop_word = MUSTER__WORD_CELLS + f->record->drop_cell;
	return f;
}

/* Two descriptions are one family if their records agree but for help and place. */
static bool same(const struct muster__family_shm *a, const struct muster__family_shm *b)
{
	const char *ta = (const char *)(a + 1), *tb = (const char *)(b + 1);
	size_t head = a->bounds_count * sizeof(double) + a->name_bytes;
	size_t tail_a = a->record.bytes - sizeof *a - head - a->help_bytes;
	size_t tail_b = b->record.bytes - sizeof *b - head - b->help_bytes;

	if (a->type != b->type || a->mode != b->mode || a->label_count != b->label_count ||
	    a->bounds_count != b->bounds_count || a->unit_bytes != b->unit_bytes)
		return false;
	/* Up to 7 zero bytes of padding follow; label lengths make the text before them unambiguous. */
	size_t tail = tail_a < tail_b ? tail_a : tail_b;
	return memcmp(ta, tb, head) == 0 && memcmp(ta + head + a->help_bytes, tb + head + b->help_bytes, tail) == 0;
}

static bool same_states(const struct muster_family *a, const struct muster_family *b)
{
	for (size_t i = 0; i < a->states_count && i < b->states_count; i++)
		if (a->states[i].count != b->states[i].count ||
		    memcmp(a->states[i].bytes, b->states[i].bytes, a->states[i].count) != 0)
			return false;
	return a->states_count == b->states_count;
}

static struct muster_family *family_find(const char *name)
{
	size_t bytes = strlen(name);

	for (struct muster_family *f = muster__store.families; f; f = f->next) {
		if (f->record->name_bytes == bytes && memcmp(muster__family_name(f), name, bytes) == 0)
			return f;
	}
	return NULL;
}

/* Enter a new family. Its cells and its number are taken before its record is published. */
static int family_publish(struct muster_family *f)
{
	struct muster__store *s = &muster__store;

	if (muster__store_reserve(s->int_used + MUSTER__DROP_CELLS, s->real_used, s->gauge_used) != 0)
		return MUSTER_EFULL;
	s->int_used += MUSTER__DROP_CELLS;
	int rc = muster__store_append(&f->record->record);
	if (rc != 0)
		return rc;
	s->family_count++;
	f->next = s->families;
	s->families = f;
	return 0;
}

static int declare_locked(const struct muster__description *d, struct muster_family **out)
{
	struct muster_family *old = family_find(d->opts.name), *f = family_make(&d->opts, d->type, d->label_count);

	if (f == NULL)
		return MUSTER_EFULL;
	if (old && !(same(old->record, f->record) && same_states(old, f)))
		return MUSTER_ECONFLICT;
	if (old) {
		*out = old;
		return 0;
	}
	int rc = family_publish(f);
	if (rc == 0 && d->label_count == 0)
		rc = muster__series_create_unlabelled(f);
	if (rc == 0)
		*out = f;
	return rc;
}

static enum muster__event event_of(int code)
{
	return code == MUSTER_ECONFLICT ? MUSTER__EVENT_FAMILY_CONFLICT
	       : code == MUSTER_EFULL   ? MUSTER__EVENT_FAMILY_FULL
	                                : MUSTER__EVENT_FAMILY_INVALID;
}

int muster_declare(enum muster_type type, const struct muster_opts *opts, struct muster_family **out)
{
	struct muster__description d = {.type = type, .opts = *opts};
	sigset_t saved;
	int error = errno, rc = muster__description_check(&d);

	if (rc == 0) {
		(void)muster__attached();
		muster__store_lock(&saved);
		muster__attach_failure_retry();
		rc = declare_locked(&d, out);
		muster__store_unlock(&saved);
		if (rc == MUSTER_ECONFLICT)
			(void)muster__error(
				rc,
				"%.80s: declared before with another type, mode, unit, labels, bounds, buckets, quantiles or states; "
				"make the descriptions equal or choose another name",
				opts->name);
		else if (rc == MUSTER_EFULL)
			(void)muster__error(rc,
			                    "%.80s: no room for another family in this process's slab; raise "
			                    "MUSTER_SLAB_BYTES_MAX or free space in the region",
			                    opts->name);
	}
	if (rc != 0)
		muster__event(event_of(rc));
	errno = error;
	return rc;
}

/* ---- bounds ------------------------------------------------------------------------------- */

static int bounds_error(const char *what, size_t count)
{
	return muster__error(MUSTER_EBOUNDS, "%s bounds, %zu of them: give 1 to %d, a step that ascends, all finite", what,
	                     count, MUSTER_BOUNDS_MAX);
}

int muster_bounds_linear(double start, double width, size_t count, double *out)
{
	if (!(width > 0) || !isfinite(start) || count == 0 || count > MUSTER_BOUNDS_MAX ||
	    !isfinite(start + width * (double)(count - 1)))
		return bounds_error("linear", count);
	for (size_t i = 0; i < count; i++)
		out[i] = start + width * (double)i;
	return 0;
}

int muster_bounds_exponential(double start, double factor, size_t count, double *out)
{
	double last = start;

	for (size_t i = 1; i < count && i < MUSTER_BOUNDS_MAX; i++)
		last *= factor;
	if (!(start > 0) || !(factor > 1) || count == 0 || count > MUSTER_BOUNDS_MAX || !isfinite(last))
		return bounds_error("exponential", count);
	for (size_t i = 0; i < count; i++)
		out[i] = i == 0 ? start : out[i - 1] * factor;
	return 0;
}
