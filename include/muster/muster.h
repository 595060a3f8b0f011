/* SPDX-License-Identifier: Apache-2.0 */
/*
 * muster.h - what a worker links against: declare families, look up series, record.
 *
 *   caveats, read first
 *     fork      A child starts with an empty slab of its own on its first record; handles stay valid.
 *     signals   Every recorder and every lookup may be called from a signal handler.
 *     threads   Everything here may be called from any thread; no call takes a lock on a hot path.
 *     failure   Recording cannot fail. What cannot be stored is dropped and counted, see
 *               muster_dropped_series_total, muster_refused_updates_total, muster_attach_failures_total.
 *     export    Values are seen by others only when a region is named, by the environment as it was when the
 *               process recorded first, else as it was when the library was loaded: MUSTER_REGION=/dev/shm/...,
 *               or by muster_region_use(). Without one all calls work on private memory.
 *     budgets   A family holds at most its series_max series in a process; a process at most MUSTER_SERIES_MAX
 *               (environment, default 100,000) and MUSTER_SLAB_BYTES_MAX bytes of slab (default 268,435,456).
 *               What is beyond is refused and counted in muster_dropped_series_total{family,reason}.
 *
 * Errors: 0 is success; a negative errno is the operating system's word; MUSTER_E... are ours.
 * muster_strerror() names both; muster_error_message() is the whole sentence of the thread's last error.
 */
#ifndef MUSTER_MUSTER_H
#define MUSTER_MUSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

#define MUSTER_VERSION "0.1.0"

/* ---- errors ------------------------------------------------------------------------------- */

/* One row per code: name, number, text. The numbers are part of the ABI. */
#define MUSTER_ERRORS(X)                                                                                               \
	X(NAME, -5001, "metric name is not valid")                                                                         \
	X(SUFFIX, -5002, "metric name has a suffix its type must not have, or lacks one it must have")                     \
	X(HELP, -5003, "help text is missing or not valid UTF-8")                                                          \
	X(UNIT, -5004, "unit is not the last word of the metric name")                                                     \
	X(LABEL, -5005, "label name is not valid, reserved or repeated")                                                   \
	X(BOUNDS, -5006, "histogram bounds are not finite and strictly ascending, or too many")                            \
	X(MODE, -5007, "mode is missing, or not one its type can have")                                                    \
	X(TYPE, -5008, "type is unknown, or does not fit the call")                                                        \
	X(CONFLICT, -5009, "family exists already with another description")                                               \
	X(LABEL_VALUES, -5010, "label values do not fit the family, or are not valid UTF-8")                               \
	X(FAMILY_LIMIT, -5011, "family has reached its series limit")                                                      \
	X(FULL, -5012, "slab is full")                                                                                     \
	X(REGION, -5013, "region directory is not safe to use")                                                            \
	X(FORMAT, -5014, "file is not a slab this version can read")                                                       \
	X(BUSY, -5015, "region is already served by another master")                                                       \
	X(OPTION, -5016, "option is not valid")                                                                            \
	X(EXPIRY, -5017, "expiry is too long, or given to a family that cannot expire")                                    \
	X(STATES, -5018, "states are missing, repeated, not valid, or given to another type")                              \
	X(BUCKETS, -5019, "buckets of a native histogram are too few or too many, or given to another type")               \
	X(QUANTILES, -5020, "quantiles or their window are not valid, or given to another type")                           \
	X(EXEMPLAR, -5021, "exemplar is not valid, too long, or asked of a type that has none")

enum muster_error {
#define MUSTER__ROW(name, number, text) MUSTER_E##name = (number),
	MUSTER_ERRORS(MUSTER__ROW)
#undef MUSTER__ROW
};

/* Name a code returned by any muster function.
 *   code   0, a negative errno or a MUSTER_E... code
 * Returns a static string, never NULL.
 * Context: any thread, any signal handler (errno texts: any thread). */
const char *muster_strerror(int code);

/* The last failure of the calling thread as a whole sentence: what was refused, its value, the limit,
 * the remedy.
 * Returns a thread-local string, "" if nothing failed yet; valid until the thread's next failure.
 * Context: any thread. */
const char *muster_error_message(void);

/* ---- where to ----------------------------------------------------------------------------- */

/* Name the region, whatever MUSTER_REGION says: for servers that clear the environment, or a path inside a chroot.
 *   path   of its directory, absolute, seen from where this process will record first; copied
 * Returns 0; MUSTER_EOPTION if it is not absolute; -ENAMETOOLONG beyond 200 bytes; -EBUSY if this process records
 *   already, into another region or private memory.
 * Context: any thread. Children that are forked later inherit the name. */
int muster_region_use(const char *path);

/* Make this process's slab now and not at its first record: before it calls chroot() or gives up rights, or to be told
 * why it has none.
 * Returns 0, also if it had one; -ENOENT without a region's name or where there is no such directory; -EACCES if it must
 *   not write there; -ENOSPC, -ENOMEM, -EMFILE, -EFBIG for what was lacking; MUSTER_EREGION if everyone may write there.
 *   After a failure the process records into private memory, and the failure is counted.
 * Context: any thread; a forked child calls it for itself. */
int muster_attach(void);

/* ---- families ----------------------------------------------------------------------------- */

enum muster_type {
	MUSTER_COUNTER = 1,      /* whole events; uint64 */
	MUSTER_REAL_COUNTER = 2, /* real amounts >= 0, such as seconds or bytes; double */
	MUSTER_GAUGE = 3,        /* a value that goes up and down; double; needs a mode */
	MUSTER_IN_FLIGHT = 4,    /* a gauge of things begun and not ended; summed over live workers */
	MUSTER_HISTOGRAM = 5,    /* observations counted by upper bound, with their sum */
	MUSTER_SUMMARY = 6,      /* observations: count and sum, and quantiles if opts name some */
	MUSTER_INFO = 7,         /* text about a process, in labels, always 1; there while a process that set it lives */
	MUSTER_STATESET = 8,     /* named states, each 0 or 1, under a label of the family's name; needs a mode */
	MUSTER_NATIVE_HISTOGRAM = 9, /* observations in buckets of equal ratio, not chosen by bounds, and their sum */
};

/* How the gauges of several workers become one; the names are prometheus_client's. The live modes
 * count running workers only. ALL and LIVEALL keep one sample per worker under a `pid` label. */
enum muster_mode {
	MUSTER_ALL = 1,
	MUSTER_LIVEALL,
	MUSTER_MIN,
	MUSTER_LIVEMIN,
	MUSTER_MAX,
	MUSTER_LIVEMAX,
	MUSTER_SUM,
	MUSTER_LIVESUM,
	MUSTER_MOSTRECENT,
	MUSTER_LIVEMOSTRECENT,
};

#define MUSTER_NAME_BYTES_MAX 200
#define MUSTER_HELP_BYTES_MAX 4096
#define MUSTER_LABELS_MAX 32
#define MUSTER_LABEL_VALUE_BYTES_MAX 4096
#define MUSTER_BOUNDS_MAX 256
#define MUSTER_BUCKETS_DEFAULT 160 /* the fewest, too: all numbers fit, then by powers of 65536 */
#define MUSTER_BUCKETS_MAX 1024
#define MUSTER_ZERO_THRESHOLD_NONE (-1.0)
#define MUSTER_STATES_MAX 64
#define MUSTER_EXEMPLAR_BYTES_MAX 160 /* of its labels, two for each added */
#define MUSTER_SERIES_MAX_DEFAULT 10000
#define MUSTER_PROCESS_SERIES_MAX_DEFAULT                                                                              \
	100000 /* of all families of a process; MUSTER_SERIES_MAX in the environment */
#define MUSTER_EXPIRY_S_MAX 65535
#define MUSTER_QUANTILES_MAX 16
#define MUSTER_WINDOW_S_DEFAULT 600
#define MUSTER_WINDOW_S_MIN 10
#define MUSTER_WINDOW_S_MAX 3600
#define MUSTER_SKETCHES_MAX 1024 /* series with quantiles in one process */

/* Description of a family. Zero-initialise, then fill; everything is copied. */
struct muster_opts {
	/* UTF-8 without colons, 1 to MUSTER_NAME_BYTES_MAX bytes; a counter's ends in _total, an info's in _info. Names that
	 * are not [a-zA-Z_][a-zA-Z0-9_]* are shown as they are to who asks for that, as Prometheus 3 does, and escaped to
	 * others: docs/exposition.md. */
	const char *name;
	const char *help; /* required, UTF-8, at most MUSTER_HELP_BYTES_MAX */
	const char *unit; /* base unit that ends the name (before _total), or NULL; [a-zA-Z_][a-zA-Z0-9_]* */
	/* NULL-terminated label names, or NULL for none: UTF-8, 1 to MUSTER_NAME_BYTES_MAX bytes, not beginning with "__", not
	 * le, quantile, nor pid in modes all and liveall. */
	const char *const *labels;
	enum muster_mode mode; /* MUSTER_GAUGE: required; MUSTER_STATESET: one of ALL, LIVEALL, MAX, LIVEMAX; others: 0 */
	const double *bounds;  /* MUSTER_HISTOGRAM only: upper bounds, +Inf left out; NULL: the default */
	size_t bounds_count;
	uint32_t series_max; /* series this family may hold in one process; 0: the default */
	/* Seconds after which a series whose value no worker changed is removed, at most MUSTER_EXPIRY_S_MAX; 0: never.
	 * For families with labels. Of gauges only those in the mostrecent modes, whose updates carry their time;
	 * in another mode nobody can tell an update to the same value from none. */
	uint32_t expiry_s;
	const char *const *states; /* MUSTER_STATESET only: their names, NULL-terminated; UTF-8 */
	/* MUSTER_NATIVE_HISTOGRAM only. Buckets are as fine as bucket_factor says, or 2^(1/256), until the values seen spread
	 * over more than buckets_max of them; then each two become one. Processes and threads may differ in that: the
	 * page has the coarsest of all. All but bucket_factor must be the same in all processes. */
	uint32_t buckets_max;  /* from MUSTER_BUCKETS_DEFAULT to MUSTER_BUCKETS_MAX, 0: the default */
	double bucket_factor;  /* each bound is at most this times the one before, > 1; 0: as fine as there is */
	double zero_threshold; /* numbers up to this count as 0; 0: 2^-128; MUSTER_ZERO_THRESHOLD_NONE: only 0 does */
	bool signed_values;    /* negative numbers have buckets, too, else they are refused and counted */
	/* MUSTER_SUMMARY only: the quantiles to show, each from 0 to 1, ascending, at most MUSTER_QUANTILES_MAX; NULL: none.
	 * They are those of all processes of the region together, living or dead, over the last window_s seconds and up to a
	 * third more (0: MUSTER_WINDOW_S_DEFAULT); NaN while there is no observation in that time. The q-quantile of n
	 * observations is shown for the ceil(q n)-th smallest, with a relative error of at most 1.1 %, if that is in
	 * magnitude from 6e-20 to 1.7e19; what is nearer to 0 is shown as 0, what is farther as an infinity. NaN is not among
	 * the observations.
	 * Memory: 4 KiB per process and series for each factor of 16 that observations of one sign have been in: 8 to 16
	 * KiB as a rule. A process killed in the middle of an observation may have it in the count and not in the
	 * quantiles. Source: Masson, Rim, Lee, "DDSketch", VLDB 2019. */
	const double *quantiles;
	size_t quantiles_count;
	uint32_t window_s; /* with quantiles: MUSTER_WINDOW_S_MIN to MUSTER_WINDOW_S_MAX; 0: the default */
	/* Counters, real counters and histograms: keep an exemplar with each series, or each bucket; exemplar.h. Costs 192
	 * bytes each in every process that has the series. The first declaration in a process decides. */
	bool exemplars;
};

struct muster_family;

/* Declare a family, or find the one declared before with the same description. A family without
 * labels is exposed at 0 from now on.
 *   type    one of enum muster_type
 *   opts    its description, copied
 *   out     the family, valid for the life of the process and of its children; on failure it is
 *           untouched, and a NULL family is safe to use everywhere: its series are dropped
 * Returns 0; MUSTER_ENAME, ESUFFIX, EHELP, EUNIT, ELABEL, EBOUNDS, EMODE, ETYPE, EEXPIRY, ESTATES, EBUCKETS, EQUANTILES, EEXEMPLAR for a
 *   description that is not valid; MUSTER_ECONFLICT if the name stands for another description in this process;
 *   MUSTER_EFULL if the slab or the memory of the process has no room.
 * Context: any thread; before or after fork. Attaches the process to its region.
 * Source: Prometheus "Writing client libraries", promlint; OpenMetrics 1.0 section on names. */
int muster_declare(enum muster_type type, const struct muster_opts *opts, struct muster_family **out);

/* .005 .01 .025 .05 .1 .25 .5 1 2.5 5 10: what a histogram gets when no bounds are given. */
extern const double muster_bounds_default[11];
/* OpenTelemetry's http.server.request.duration: the default with .075 .75 7.5 added. */
extern const double muster_bounds_http[14];

/* Fill `out` with count bounds start, start + width, ... (seconds or any unit).
 * Returns 0, or MUSTER_EBOUNDS if width <= 0, count is 0 or above MUSTER_BOUNDS_MAX, or one is not finite.
 * Context: any. */
int muster_bounds_linear(double start, double width, size_t count, double *out);

/* Fill `out` with count bounds start, start * factor, ...
 * Returns 0, or MUSTER_EBOUNDS if start <= 0, factor <= 1, count is 0 or too large, or one is not finite.
 * Context: any. */
int muster_bounds_exponential(double start, double factor, size_t count, double *out);

/* ---- handles ------------------------------------------------------------------------------ */

/* A bound series. Copy freely; valid in every thread and in forked children. A zero handle, and the
 * handle of a series that could not be created, record into scratch memory. */
typedef struct {
	uint32_t word;
} muster_counter;
typedef struct {
	uint32_t word;
} muster_real_counter;
typedef struct {
	uint32_t word;
} muster_in_flight;
typedef struct {
	const struct muster__gauge *desc;
} muster_gauge;
typedef struct {
	const struct muster__distribution *desc;
} muster_histogram;
typedef struct {
	const struct muster__distribution *desc;
} muster_summary;
typedef struct {
	const struct muster__native *desc;
} muster_native_histogram;

/* One label value; not NUL-terminated. */
struct muster_str {
	const char *bytes;
	size_t count;
};

static inline struct muster_str muster_str(const char *s)
{
	struct muster_str r = {s, s ? strlen(s) : 0};
	return r;
}

/* Find or create the series with these label values.
 *   family  from muster_declare(); NULL gives a scratch handle
 *   values  one per label name, in the order declared; UTF-8, at most MUSTER_LABEL_VALUE_BYTES_MAX each
 *   count   how many; must equal the family's label count
 * Returns a handle, always usable. If the series could not be created it is a scratch handle, the drop
 *   is counted in muster_dropped_series_total{family,reason} and muster_error_message() tells why.
 * Context: any thread, any signal handler. Finding takes no lock; creating takes one in the process.
 * Keep the handle where you can: recording by handle is many times cheaper than finding it. */
muster_counter muster_counter_get(struct muster_family *family, const struct muster_str *values, size_t count);
muster_real_counter muster_real_counter_get(struct muster_family *family, const struct muster_str *values,
                                            size_t count);
muster_gauge muster_gauge_get(struct muster_family *family, const struct muster_str *values, size_t count);
muster_in_flight muster_in_flight_get(struct muster_family *family, const struct muster_str *values, size_t count);
muster_histogram muster_histogram_get(struct muster_family *family, const struct muster_str *values, size_t count);
muster_summary muster_summary_get(struct muster_family *family, const struct muster_str *values, size_t count);
muster_native_histogram muster_native_histogram_get(struct muster_family *family, const struct muster_str *values,
                                                    size_t count);

/* Remove the series with these label values in every process of the region.
 *   family, values, count   as above; the family has labels
 * It leaves the page, and what was recorded until now is forgotten, exactly as of this call for this process, as of
 * the master's next look (within about a second) for all others. Handles stay valid everywhere: the series
 * comes back with the next record anyone makes, counting from 0, a gauge with its next change.
 * Returns 0, also if there is no such series; MUSTER_ELABEL_VALUES if the family has no labels or the values do not
 *   fit it; MUSTER_EFULL if the slab has no room for the request.
 * Context: any thread. Takes a lock in the process. A region without a master forgets when one comes. */
int muster_remove(struct muster_family *family, const struct muster_str *values, size_t count);

/* Remove all series of a family with labels, whichever process has them. As muster_remove(). */
int muster_clear(struct muster_family *family);

/* Say what this process is: a series of a MUSTER_INFO family, such as app_build_info{version="1.2"} 1. It leaves the
 * page when no living process has said it.
 *   family, values, count   as above; the family has labels
 * Returns nothing and cannot fail; a series that could not be created is dropped and counted, as by muster_gauge_get().
 * Context: as muster_gauge_get().
 * Source: OpenMetrics 1.0, Info. */
void muster_info_set(struct muster_family *family, const struct muster_str *values, size_t count);

/* Enter or leave one state of a MUSTER_STATESET. States that were never set are 0.
 *   family, values, count   as above; the label of the states is not among the values
 *   state   index into opts.states; one out of range is refused and counted as a dropped series
 *   on      true: 1, false: 0
 * Context: as muster_gauge_get(). Source: OpenMetrics 1.0, StateSet. */
void muster_stateset_set(struct muster_family *family, const struct muster_str *values, size_t count, size_t state,
                         bool on);

/* Be in this state and in no other. The new state is entered before the old one is left, so that a process killed
 * between the two was in both rather than in none. As muster_stateset_set(). */
void muster_stateset_select(struct muster_family *family, const struct muster_str *values, size_t count, size_t state);

/* muster_counter_with(family, "GET", "200"), muster_remove_with(family, "GET", "200"), muster_info_set_with(): the same with C strings, 0 to 8 of them. */
#ifndef __cplusplus
#define muster_counter_with(...) MUSTER__WITH(muster_counter_get, __VA_ARGS__)
#define muster_real_counter_with(...) MUSTER__WITH(muster_real_counter_get, __VA_ARGS__)
#define muster_gauge_with(...) MUSTER__WITH(muster_gauge_get, __VA_ARGS__)
#define muster_in_flight_with(...) MUSTER__WITH(muster_in_flight_get, __VA_ARGS__)
#define muster_histogram_with(...) MUSTER__WITH(muster_histogram_get, __VA_ARGS__)
#define muster_summary_with(...) MUSTER__WITH(muster_summary_get, __VA_ARGS__)
#define muster_native_histogram_with(...) MUSTER__WITH(muster_native_histogram_get, __VA_ARGS__)
#define muster_remove_with(...) MUSTER__WITH(muster_remove, __VA_ARGS__)
#define muster_info_set_with(...) MUSTER__WITH(muster_info_set, __VA_ARGS__)
#define MUSTER__PICK(f, a, b, c, d, e, g, h, i, n, ...) MUSTER__WITH##n
#define MUSTER__WITH(get, ...) MUSTER__PICK(__VA_ARGS__, 8, 7, 6, 5, 4, 3, 2, 1, 0, )(get, __VA_ARGS__)
#define MUSTER__V(...)                                                                                                 \
	(const struct muster_str[])                                                                                        \
	{                                                                                                                  \
		__VA_ARGS__                                                                                                    \
	}
#define MUSTER__S muster_str
#define MUSTER__WITH0(g, f) g(f, NULL, 0)
#define MUSTER__WITH1(g, f, a) g(f, MUSTER__V(MUSTER__S(a)), 1)
#define MUSTER__WITH2(g, f, a, b) g(f, MUSTER__V(MUSTER__S(a), MUSTER__S(b)), 2)
#define MUSTER__WITH3(g, f, a, b, c) g(f, MUSTER__V(MUSTER__S(a), MUSTER__S(b), MUSTER__S(c)), 3)
#define MUSTER__WITH4(g, f, a, b, c, d) g(f, MUSTER__V(MUSTER__S(a), MUSTER__S(b), MUSTER__S(c), MUSTER__S(d)), 4)
#define MUSTER__WITH5(g, f, a, b, c, d, e)                                                                             \
	g(f, MUSTER__V(MUSTER__S(a), MUSTER__S(b), MUSTER__S(c), MUSTER__S(d), MUSTER__S(e)), 5)
#define MUSTER__WITH6(g, f, a, b, c, d, e, h)                                                                          \
	g(f, MUSTER__V(MUSTER__S(a), MUSTER__S(b), MUSTER__S(c), MUSTER__S(d), MUSTER__S(e), MUSTER__S(h)), 6)
#define MUSTER__WITH7(g, f, a, b, c, d, e, h, i)                                                                       \
	g(f, MUSTER__V(MUSTER__S(a), MUSTER__S(b), MUSTER__S(c), MUSTER__S(d), MUSTER__S(e), MUSTER__S(h), MUSTER__S(i)), 7)
#define MUSTER__WITH8(g, f, a, b, c, d, e, h, i, j)                                                                    \
	g(f,                                                                                                               \
	  MUSTER__V(MUSTER__S(a), MUSTER__S(b), MUSTER__S(c), MUSTER__S(d), MUSTER__S(e), MUSTER__S(h), MUSTER__S(i),      \
	            MUSTER__S(j)),                                                                                         \
	  8)
#else
extern "C++" {
#define MUSTER__WITH(kind)                                                                                             \
	inline muster_##kind muster_##kind##_with(struct muster_family *f)                                                 \
	{                                                                                                                  \
		return muster_##kind##_get(f, NULL, 0);                                                                        \
	}                                                                                                                  \
	template <class... S> inline muster_##kind muster_##kind##_with(struct muster_family *f, S... s)                   \
	{                                                                                                                  \
		const struct muster_str v[] = {muster_str(s)...};                                                              \
		return muster_##kind##_get(f, v, sizeof...(s));                                                                \
	}
MUSTER__WITH(counter)
MUSTER__WITH(real_counter)
MUSTER__WITH(gauge)
MUSTER__WITH(in_flight)
MUSTER__WITH(histogram)
MUSTER__WITH(summary)
MUSTER__WITH(native_histogram)
#undef MUSTER__WITH
template <class... S> inline int muster_remove_with(struct muster_family *f, S... s)
{
	const struct muster_str v[] = {muster_str(s)...};
	return muster_remove(f, v, sizeof...(s));
}
template <class... S> inline void muster_info_set_with(struct muster_family *f, S... s)
{
	const struct muster_str v[] = {muster_str(s)...};
	muster_info_set(f, v, sizeof...(s));
}
}
#endif

#include <muster/record.h>

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
