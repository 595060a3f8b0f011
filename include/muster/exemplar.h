/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exemplar.h - from a number on a dashboard to one request behind it: counters and histogram buckets keep the labels of
 * their latest update, mostly the ids of its trace.
 *
 *     struct muster_exemplar exemplar = {0};
 *     muster_exemplar_traceparent(&exemplar, header);                  once per request
 *     muster_histogram_observe_with_exemplar(seconds, 0.3, &exemplar);
 *
 * For families declared with opts.exemplars. On the page of OpenMetrics, in protobuf and JSON, never in text 0.0.4, each
 * counter and bucket shows the newest exemplar of all workers, dead ones included.
 *
 * An exemplar may be lost, the update it comes with never is: what is not valid or too long, finds a family without
 * exemplars, or meets another thread at the same slot is dropped and counted in muster_dropped_exemplars_total{reason}.
 *
 * Source: OpenMetrics 1.0, Exemplars; W3C Trace Context, traceparent; OpenTelemetry metrics SDK, exemplar filter.
 */
#ifndef MUSTER_EXEMPLAR_H
#define MUSTER_EXEMPLAR_H

#include <muster/muster.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

#define MUSTER_EXEMPLAR_CODE_POINTS_MAX 128 /* of all its label names and values */

/* The labels of an exemplar, checked as they are added. Zero-initialise; copy freely; the fields are the library's. Without
 * labels it is none: the update counts as if there was no exemplar. */
struct muster_exemplar {
	uint64_t labels[MUSTER_EXEMPLAR_BYTES_MAX / 8]; /* as in the slab */
	uint16_t bytes, code_points;
	uint32_t refused; /* a label was: reason, plus 1 */
};

/* Add a label.
 *   name    [a-zA-Z_][a-zA-Z0-9_]*, not beginning with "__", not there yet
 *   value   UTF-8 without NUL
 * Returns 0; MUSTER_EEXEMPLAR if it is not valid, or if all labels together are longer than
 *   MUSTER_EXEMPLAR_CODE_POINTS_MAX or MUSTER_EXEMPLAR_BYTES_MAX. Then updates with this exemplar drop and count it.
 * Context: any thread, any signal handler. */
int muster_exemplar_label(struct muster_exemplar *exemplar, const char *name, struct muster_str value);

/* Add the labels trace_id and, unless it is NULL, span_id. As muster_exemplar_label(). */
int muster_exemplar_trace(struct muster_exemplar *exemplar, const char *trace_id, const char *span_id);

/* Add trace_id and span_id of a traceparent header if the trace is sampled. Of a trace that nobody keeps, and without
 * a header, nothing is added.
 *   header   its value, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"; no bytes: there is none
 * Returns 0; MUSTER_EEXEMPLAR if it is no traceparent, or as muster_exemplar_label().
 * Context: as muster_exemplar_label(). Source: W3C Trace Context, section 3.2. */
int muster_exemplar_traceparent(struct muster_exemplar *exemplar, struct muster_str header);

/* Update a counter or histogram, and keep the exemplar with the value that was added or observed. The update is that of
 * muster_counter_add() and so on, first and in any case.
 *   exemplar   NULL: none
 * Returns nothing and cannot fail. The exemplar needs no lock, allocation or system call but the clock (CLOCK_REALTIME,
 *   which is read without entering the kernel); the first in a thread asks for its id, and one that finds another
 *   thread's write unfinished asks whether that thread lives. No exemplar comes with a value that is not finite.
 * Context: any thread, any signal handler, before or after fork. */
void muster_counter_add_with_exemplar(muster_counter c, uint64_t n, const struct muster_exemplar *exemplar);
void muster_real_counter_add_with_exemplar(muster_real_counter c, double x, const struct muster_exemplar *exemplar);
void muster_histogram_observe_with_exemplar(muster_histogram h, double x, const struct muster_exemplar *exemplar);

static inline void muster_counter_inc_with_exemplar(muster_counter c, const struct muster_exemplar *exemplar)
{
	muster_counter_add_with_exemplar(c, 1, exemplar);
}

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
