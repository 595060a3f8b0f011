/* SPDX-License-Identifier: Apache-2.0 */
/*
 * request.h - which workers are busy: a worker says when it begins a request and when it has ended it.
 *
 *     struct muster_request request = muster_request_begin();
 *     ...
 *     muster_request_end(request);
 *
 * That is all; these families, summed over workers, are on the page from then on:
 *
 *     muster_requests_total                       ended
 *     muster_requests_in_flight                   begun and not ended; those of a worker that dies leave with it
 *     muster_request_workers{state="busy|idle"}   workers with a request in flight, and without
 *     muster_busy_seconds_total                   time in which a worker had one, the running one included
 *     muster_longest_request_seconds              age of the oldest in flight
 *
 * Utilisation is rate(muster_busy_seconds_total[1m]) / sum(muster_request_workers). Requests may overlap and nest, in
 * one thread (an event loop) or many: a worker is busy while it has at least one. Of a worker that is killed in the
 * middle of a request, the time until a reader last saw it alive counts as busy.
 *
 * Not inline: a clock is read in any case, and so the words in the slab stay the library's own affair.
 */
#ifndef MUSTER_REQUEST_H
#define MUSTER_REQUEST_H

#include <muster/muster.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

#define MUSTER_REQUESTS_AGED_MAX 256 /* requests in flight in one process whose age is known; all are counted */

/* A request that was begun. Copy freely. All zero: none. */
struct muster_request {
	uint32_t place, generation;
};

/* Declare the families above, so that they are on the page, and this worker is idle, before its first request.
 * Returns 0, or as muster_declare().
 * Context: as muster_declare(). Optional; a worker that forks later need not say it again. */
int muster_requests_declare(void);

/* A request begins. Wait-free, no system call but the kernel's coarse clock, which is read without entering it; the
 * first call in a process attaches it and declares the families.
 * Returns what muster_request_end() is to be given.
 * Context: any thread; any signal handler after muster_requests_declare(). */
struct muster_request muster_request_begin(void);

/* The request has ended: once for each that was begun, in any thread of the process that began it. In a child that was
 * forked meanwhile it does nothing: the request is its parent's.
 * Context: any thread, any signal handler. Wait-free as muster_request_begin(). */
void muster_request_end(struct muster_request request);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
