/* SPDX-License-Identifier: Apache-2.0 */
/*
 * description.c - checking the description of a family.
 *
 * A description is refused here, with its reason, rather than at the scrape: names and suffixes as
 * promlint and OpenMetrics want them. Runs in workers.
 */
#include "description.h"

#include <math.h>
#include <string.h>

#include "error.h"
#include "names.h"

static int check_name(const struct muster_opts *o, enum muster_type type)
{
	size_t bytes = o->name ? strlen(o->name) : 0;

	if (!muster__name_valid(o->name, bytes))
		return muster__error(MUSTER_ENAME, "metric name \"%.80s\": must be UTF-8 without colons, 1 to %d bytes",
		                     o->name ? o->name : "", MUSTER_NAME_BYTES_MAX);
	const char *wrong = muster__suffix_wrong(o->name, bytes, type);
	if (wrong == NULL)
		return 0;
	if (strcmp(wrong, "_info") == 0)
		return muster__error(MUSTER_ESUFFIX, "%.80s: an info's name ends in _info; rename it", o->name);
	if (type == MUSTER_COUNTER || type == MUSTER_REAL_COUNTER)
		return muster__error(MUSTER_ESUFFIX, "%.80s: %s", o->name,
		                     strcmp(wrong, "_total") == 0 ? "a counter's name ends in _total; rename it"
		                                                  : "the suffix is reserved for what encoders add; rename it");
	return muster__error(MUSTER_ESUFFIX,
	                     "%.80s: only a counter may end in _total and nothing in _bucket, _count, "
	                     "_sum or _created, found %s; rename it",
	                     o->name, wrong);
}

static int check_help(const struct muster_opts *o)
{
	size_t bytes = o->help ? strlen(o->help) : 0;

	if (bytes == 0 || bytes > MUSTER_HELP_BYTES_MAX || !muster__utf8_valid(o->help, bytes))
		return muster__error(MUSTER_EHELP, "%.80s: help has %zu bytes; write 1 to %d bytes of UTF-8", o->name, bytes,
		                     MUSTER_HELP_BYTES_MAX);
	return 0;
}

/* The unit is the last word of the name, before a counter's _total. */
static int check_unit(const struct muster_opts *o)
{
	size_t unit = o->unit ? strlen(o->unit) : 0, name = strlen(o->name);

	if (unit == 0)
		return 0;
	if (name > 6 && strcmp(o->name + name - 6, "_total") == 0)
		name -= 6;
	if (muster__unit_valid(o->unit, unit) && name > unit + 1 && o->name[name - unit - 1] == '_' &&
	    memcmp(o->name + name - unit, o->unit, unit) == 0)
		return 0;
	return muster__error(MUSTER_EUNIT, "%.80s: does not end in its unit \"%.40s\"; rename it or leave the unit out",
	                     o->name, o->unit);
}

static int check_labels(const struct muster_opts *o, enum muster_type type, size_t *count)
{
	size_t n = 0;

	for (; o->labels && o->labels[n]; n++) {
		const char *label = o->labels[n];
		if (n == MUSTER_LABELS_MAX)
			return muster__error(MUSTER_ELABEL, "%.80s: has more than %d labels", o->name, MUSTER_LABELS_MAX);
		if (!muster__label_name_valid(label, strlen(label), type, o->mode))
			return muster__error(MUSTER_ELABEL,
			                     "%.80s: label \"%.80s\": must be UTF-8 of 1 to %d bytes, not begin "
			                     "with __, not be le, quantile, nor pid in modes all and liveall",
			                     o->name, label, MUSTER_NAME_BYTES_MAX);
		for (size_t i = 0; i < n; i++)
			if (strcmp(o->labels[i], label) == 0)
				return muster__error(MUSTER_ELABEL, "%.80s: label \"%.80s\" is given twice", o->name, label);
	}
	*count = n;
	return 0;
}

static int check_bounds(const struct muster_opts *o, enum muster_type type)
{
	if (type != MUSTER_HISTOGRAM)
		return o->bounds || o->bounds_count
		           ? muster__error(MUSTER_EBOUNDS, "%.80s: only histograms have bounds", o->name)
		           : 0;
	if (o->bounds == NULL)
		return 0;
	if (o->bounds_count == 0 || o->bounds_count > MUSTER_BOUNDS_MAX)
		return muster__error(MUSTER_EBOUNDS, "%.80s: %zu bounds given; the limits are 1 and %d", o->name,
		                     o->bounds_count, MUSTER_BOUNDS_MAX);
	for (size_t i = 0; i < o->bounds_count; i++)
		if (!isfinite(o->bounds[i]) || (i > 0 && !(o->bounds[i] > o->bounds[i - 1])))
			return muster__error(MUSTER_EBOUNDS, "%.80s: bound %zu is %g; bounds are finite and ascend, +Inf is added",
			                     o->name, i + 1, o->bounds[i]);
	return 0;
}

static int check_type(const struct muster_opts *o, enum muster_type type)
{
	if (type < MUSTER_COUNTER || type > MUSTER_NATIVE_HISTOGRAM)
		return muster__error(MUSTER_ETYPE, "%.80s: %d is no metric type", o->name, (int)type);
	if (type == MUSTER_INFO ? o->mode != 0 : !muster__mode_fits(type, o->mode))
		return muster__error(MUSTER_EMODE,
		                     "%.80s: mode %d; a gauge needs one of enum muster_mode, a state set ALL, LIVEALL, MAX or "
		                     "LIVEMAX, other types have none",
		                     o->name, (int)o->mode);
	return 0;
}

static int check_expiry(const struct muster_opts *o, enum muster_type type, size_t label_count)
{
	bool timestamped = o->mode == MUSTER_MOSTRECENT || o->mode == MUSTER_LIVEMOSTRECENT;
	bool expires = label_count > 0 && type != MUSTER_IN_FLIGHT && (type != MUSTER_GAUGE || timestamped);

	if (o->expiry_s > MUSTER_EXPIRY_S_MAX)
		return muster__error(MUSTER_EEXPIRY, "%.80s: expiry of %u s; at most %d s are allowed", o->name, o->expiry_s,
		                     MUSTER_EXPIRY_S_MAX);
	if (o->expiry_s > 0 && !expires)
		return muster__error(MUSTER_EEXPIRY,
		                     "%.80s: expiry of %u s, but a family without labels, of things in flight or of "
		                     "gauges in another mode than mostrecent and livemostrecent cannot expire; leave it out",
		                     o->name, o->expiry_s);
	return 0;
}

static bool state_known(const char *const *states, size_t count, const char *state)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(states[i], state) == 0)
			return true;
	return false;
}

static int check_states(const struct muster_opts *o, enum muster_type type)
{
	size_t n = 0;

	for (; o->states && o->states[n]; n++) {
		size_t bytes = strlen(o->states[n]);
		if (n == MUSTER_STATES_MAX || bytes == 0 || bytes > MUSTER_LABEL_VALUE_BYTES_MAX ||
		    !muster__utf8_valid(o->states[n], bytes) || state_known(o->states, n, o->states[n]))
			return muster__error(MUSTER_ESTATES,
			                     "%.80s: state %zu, \"%.80s\": states are 1 to %d different texts of UTF-8", o->name,
			                     n + 1, o->states[n], MUSTER_STATES_MAX);
	}
	if ((type == MUSTER_STATESET) == (n > 0))
		return 0;
	return muster__error(MUSTER_ESTATES, "%.80s: %zu states; a state set has them, and no other type", o->name, n);
}

static int check_quantiles(const struct muster_opts *o, enum muster_type type)
{
	if (o->quantiles == NULL && o->quantiles_count == 0 && o->window_s == 0)
		return 0;
	if (type != MUSTER_SUMMARY)
		return muster__error(MUSTER_EQUANTILES, "%.80s: only summaries have quantiles and a window of theirs", o->name);
	if (o->quantiles == NULL || o->quantiles_count == 0 || o->quantiles_count > MUSTER_QUANTILES_MAX)
		return muster__error(MUSTER_EQUANTILES, "%.80s: %zu quantiles given; the limits are 1 and %d", o->name,
		                     o->quantiles ? o->quantiles_count : 0, MUSTER_QUANTILES_MAX);
	for (size_t i = 0; i < o->quantiles_count; i++)
		if (!(o->quantiles[i] >= 0 && o->quantiles[i] <= 1) || (i > 0 && !(o->quantiles[i] > o->quantiles[i - 1])))
			return muster__error(MUSTER_EQUANTILES, "%.80s: quantile %zu is %g; quantiles are from 0 to 1 and ascend",
			                     o->name, i + 1, o->quantiles[i]);
	if (o->window_s != 0 && (o->window_s < MUSTER_WINDOW_S_MIN || o->window_s > MUSTER_WINDOW_S_MAX))
		return muster__error(MUSTER_EQUANTILES, "%.80s: window of %u s; the limits are %d and %d s", o->name,
		                     o->window_s, MUSTER_WINDOW_S_MIN, MUSTER_WINDOW_S_MAX);
	return 0;
}

/* An info without labels would say nothing. */
static int check_info(const struct muster_opts *o, enum muster_type type, size_t label_count)
{
	if (type == MUSTER_INFO && label_count == 0)
		return muster__error(MUSTER_ELABEL, "%.80s: an info is nothing but its labels; give it one", o->name);
	return 0;
}

static int check_buckets(const struct muster_opts *o, enum muster_type type)
{
	if (type != MUSTER_NATIVE_HISTOGRAM)
		return o->buckets_max || o->bucket_factor != 0 || o->zero_threshold != 0 || o->signed_values
		           ? muster__error(MUSTER_EBUCKETS,
		                           "%.80s: only native histograms have buckets_max, bucket_factor, zero_threshold and "
		                           "signed_values",
		                           o->name)
		           : 0;
	if (o->buckets_max < MUSTER_BUCKETS_DEFAULT || o->buckets_max > MUSTER_BUCKETS_MAX)
		return muster__error(MUSTER_EBUCKETS, "%.80s: %u buckets; the limits are %d and %d", o->name, o->buckets_max,
		                     MUSTER_BUCKETS_DEFAULT, MUSTER_BUCKETS_MAX);
	if (o->bucket_factor != 0 && !(o->bucket_factor > 1))
		return muster__error(MUSTER_EBUCKETS, "%.80s: a bucket factor of %g; it has to be above 1", o->name,
		                     o->bucket_factor);
	if (!(o->zero_threshold >= 0) || !isfinite(o->zero_threshold))
		return muster__error(MUSTER_EBUCKETS,
		                     "%.80s: a zero threshold of %g; give a number above 0, 0 for 2^-128, or "
		                     "MUSTER_ZERO_THRESHOLD_NONE",
		                     o->name, o->zero_threshold);
	return 0;
}

static int check_exemplars(const struct muster_opts *o, enum muster_type type)
{
	if (o->exemplars && type != MUSTER_COUNTER && type != MUSTER_REAL_COUNTER && type != MUSTER_HISTOGRAM)
		return muster__error(MUSTER_EEXEMPLAR, "%.80s: only counters and histograms have exemplars; leave them out",
		                     o->name);
	return 0;
}

/* What is not the caller's to choose: the mode of an info, the label of the states; and what he left to us. */
static void complete(struct muster__description *d)
{
	if (d->type == MUSTER_NATIVE_HISTOGRAM) {
		double threshold = d->opts.zero_threshold;
		d->opts.buckets_max = d->opts.buckets_max ? d->opts.buckets_max : MUSTER_BUCKETS_DEFAULT;
		d->opts.zero_threshold = threshold == 0 ? 0x1p-128 : threshold == MUSTER_ZERO_THRESHOLD_NONE ? 0 : threshold;
	}
	if (d->type == MUSTER_INFO)
		d->opts.mode = MUSTER_LIVEMAX;
	if (d->type != MUSTER_STATESET)
		return;
	size_t n = 0;
	for (; n < MUSTER_LABELS_MAX && d->opts.labels && d->opts.labels[n]; n++)
		d->labels[n] = d->opts.labels[n];
	d->labels[n] = d->opts.name;
	d->opts.labels = d->labels;
}

int muster__description_check(struct muster__description *d)
{
	int rc = check_name(&d->opts, d->type);

	if (rc == 0)
		rc = check_type(&d->opts, d->type);
	if (rc != 0)
		return rc;
	complete(d);
	rc = check_help(&d->opts);
	if (rc == 0)
		rc = check_unit(&d->opts);
	if (rc == 0)
		rc = check_labels(&d->opts, d->type, &d->label_count);
	if (rc == 0)
		rc = check_info(&d->opts, d->type, d->label_count);
	if (rc == 0)
		rc = check_bounds(&d->opts, d->type);
	if (rc == 0)
		rc = check_quantiles(&d->opts, d->type);
	if (rc == 0)
		rc = check_states(&d->opts, d->type);
	if (rc == 0)
		rc = check_buckets(&d->opts, d->type);
	if (rc == 0)
		rc = check_exemplars(&d->opts, d->type);
	return rc ? rc : check_expiry(&d->opts, d->type, d->label_count);
}
