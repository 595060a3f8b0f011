/* SPDX-License-Identifier: Apache-2.0 */
/*
 * region.h - the read side: open a region, merge its slabs into a view, write an exposition.
 *
 *   A region is a directory (on tmpfs) holding one slab per worker and the ledger of the dead. Reading
 *   needs no permission but to read, takes no lock that a worker knows of, and trusts nothing it reads.
 *   An object here belongs to one thread at a time. Nothing here folds or deletes: that is the master's.
 *
 *   A slab may be truncated by its owner while it is read; the kernel then raises SIGBUS. A program that
 *   reads regions of workers it does not trust calls muster_guard_install() once at start.
 */
#ifndef MUSTER_REGION_H
#define MUSTER_REGION_H

#include <stddef.h>
#include <stdint.h>

#include <muster/muster.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

#define MUSTER_REGION_PATH_BYTES_MAX 200
#define MUSTER_REGION_SERIES_MAX_DEFAULT 1000000

/* Why a slab is not believed. The first word is the `reason` label of muster_slabs_quarantined_total. */
#define MUSTER_QUARANTINES(X)                                                                                          \
	X(OPEN, "open", "cannot be opened, is no file of the region's owner or workers' user, or a second name of one")    \
	X(SHORT, "short", "is smaller than its header or its geometry says")                                               \
	X(MAGIC, "magic", "is not a slab")                                                                                 \
	X(VERSION, "version", "has a format version this reader does not know")                                            \
	X(MACHINE, "machine", "has another word size or byte order")                                                       \
	X(HEADER, "header", "has a damaged header or an impossible geometry")                                              \
	X(CATALOGUE, "catalogue", "has a catalogue record that breaks the format")                                         \
	X(FAMILY, "family", "describes a family no worker could have declared")                                            \
	X(SERIES, "series", "has a series with impossible labels or cells, or twice")                                      \
	X(BUDGET, "budget", "holds more families, series or bytes than a slab may")                                        \
	X(SHRUNK, "shrunk", "was truncated while it was read, or its published length went back")

enum muster_quarantine {
#define MUSTER__ROW(id, reason, text) MUSTER_QUARANTINE_##id,
	MUSTER_QUARANTINES(MUSTER__ROW)
#undef MUSTER__ROW
		MUSTER_QUARANTINE_COUNT
};

struct muster_region;

/* Open the region in directory `path`.
 *   out   the region; free with muster_region_destroy(); untouched on failure
 * Returns 0; -ENOENT, -ENOTDIR, -EACCES from the kernel; -ENAMETOOLONG if path has more than
 *   MUSTER_REGION_PATH_BYTES_MAX bytes; MUSTER_EREGION if others than its owner may write to it, or
 *   its owner is neither this user nor root; -ENOMEM.
 * Context: any thread. Opens file descriptors (O_CLOEXEC). */
int muster_region_open(const char *path, struct muster_region **out);

/* Close a region and forget its view; accepts NULL and nulls the pointer. */
void muster_region_destroy(struct muster_region **region);

/* Told of each slab when it is quarantined: its file name and why. */
typedef void muster_quarantine_fn(void *ctx, const char *file, enum muster_quarantine reason);
void muster_region_on_quarantine(struct muster_region *region, muster_quarantine_fn *fn, void *ctx);

/* The `reason` label and the sentence ("<file> " + text) of a quarantine. Static strings. */
const char *muster_quarantine_reason(enum muster_quarantine reason);
const char *muster_quarantine_text(enum muster_quarantine reason);

/* How many series the view may hold, all families and workers together; before the first refresh. What is
 * beyond is left out and counted in muster_left_out_series_total. Default MUSTER_REGION_SERIES_MAX_DEFAULT. */
void muster_region_series_max(struct muster_region *region, size_t series_max);

/* Read files of prometheus_client, prometheus-client-mmap and client_ruby beside the slabs: what PROMETHEUS_MULTIPROC_DIR
 * names. Each is a worker's; whoever can still write one is alive.
 *   path      of the directory, absolute, or seen from the region
 *   compact   not 0, in the master: take files of the dead into the ledger, and delete them; else they are only read
 * Returns 0; -ENAMETOOLONG beyond MUSTER_REGION_PATH_BYTES_MAX; -errno if it cannot be read now. */
int muster_region_import(struct muster_region *region, const char *path, int compact);

/* Say what files of client_ruby's DirectFileStore, which may be in that directory too, do not say: types, help, bounds and
 * aggregations. Before the first refresh.
 *   path   a page in text format, as the application itself exports it, of which the TYPE and HELP lines count and the
 *          bounds of buckets; and lines "# AGGREGATION metric sum", or max, min, all, most_recent
 * Returns 0; -errno if it cannot be read; MUSTER_EOPTION if a line is none of these, see muster_error_message(). */
int muster_region_import_schema(struct muster_region *region, const char *path);

/* Bring the view up to date: find new slabs, ask the kernel who lives, read new catalogue records, sum
 * all values. Cost is O(live cells), whoever died before.
 * Returns 0; -ENOMEM (the view is the one before); -errno if the directory cannot be read.
 * Context: the thread that owns the region. Never waits for a worker. */
int muster_region_refresh(struct muster_region *region);

/* How a view is written. Every format has the same families and values: families by name, series by label values. */
#define MUSTER_FORMATS(X)                                                                                              \
	X(TEXT, "text")               /* Prometheus text 0.0.4 */                                                          \
	X(OPENMETRICS, "openmetrics") /* OpenMetrics 1.0.0, with the time each series was created */                       \
	X(PROTOBUF, "protobuf")       /* io.prometheus.client.MetricFamily messages, each behind its length */             \
	X(JSON, "json")               /* one array of families, for scripts; docs/exposition.md */

enum muster_format {
#define MUSTER__ROW(id, name) MUSTER_FORMAT_##id,
	MUSTER_FORMATS(MUSTER__ROW)
#undef MUSTER__ROW
		MUSTER_FORMAT_COUNT
};

/* How names of metrics and labels that are not of the old alphabet, [a-zA-Z_][a-zA-Z0-9_]*, are written. JSON has all
 * names as they are. Where names meet after escaping: docs/exposition.md. */
#define MUSTER_ESCAPINGS(X)                                                                                            \
	X(UNDERSCORES, "underscores") /* _ for each character that does not fit */                                         \
	X(DOTS, "dots")               /* . as _dot_, _ as __, and __ for each other one; in all names */                   \
	X(VALUES, "values")           /* U__ and then _HEX_ for each one, _ as __: can be turned back */                   \
	X(ALLOW_UTF_8, "allow-utf-8") /* as they are, quoted in text */

enum muster_escaping {
#define MUSTER__ROW(id, name) MUSTER_ESCAPING_##id,
	MUSTER_ESCAPINGS(MUSTER__ROW)
#undef MUSTER__ROW
		MUSTER_ESCAPING_COUNT
};

/* Write the view.
 *   names         NULL, or NULL-terminated: only families of these names, or that have samples of these names
 *   page, bytes   valid until the next call on this region; not NUL-terminated
 * Returns 0; -ENOMEM; MUSTER_EOPTION if there is no such format or escaping.
 * Source: Prometheus exposition formats; OpenMetrics 1.0.0; io/prometheus/client/metrics.proto; Prometheus, UTF-8
 *   escaping schemes. */
int muster_region_write(struct muster_region *region, enum muster_format format, enum muster_escaping escaping,
                        const char *const *names, const char **page, size_t *bytes);

/* The same in text 0.0.4, all of it, names with underscores. */
int muster_region_text(struct muster_region *region, const char **text, size_t *bytes);

/* The value of one sample, for tests of what a program records.
 *   sample   as it stands on the page before its value: "app_requests_total{code=\"200\"}"
 *   value    untouched on failure
 * Returns 0; -ENOENT if there is no such sample; -ENOMEM. */
int muster_region_value(struct muster_region *region, const char *sample, double *value);

/* What the last refresh found. */
struct muster_region_stats {
	uint32_t live, dead, quarantined; /* slabs now in the region */
	uint64_t families, series;        /* in the view */
};
void muster_region_stats(const struct muster_region *region, struct muster_region_stats *out);

/* Install a SIGBUS handler that turns a fault inside a slab being read into a quarantine and passes
 * every other SIGBUS to the handler that was there before.
 * Returns 0 or -errno. Context: once, at start, before threads. */
int muster_guard_install(void);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
