/* SPDX-License-Identifier: Apache-2.0 */
/*
 * requests.h - what writers and readers of requests agree on beside the layout: the families, by whose names readers find
 * where to put what they derive, and the clock.
 */
#ifndef MUSTER__REQUESTS_H
#define MUSTER__REQUESTS_H

#include <stdint.h>
#include <time.h>

#define MUSTER__REQUESTS_ENDED "muster_requests_total"
#define MUSTER__REQUESTS_IN_FLIGHT "muster_requests_in_flight"
#define MUSTER__REQUESTS_BUSY "muster_busy_seconds_total"
#define MUSTER__REQUESTS_LONGEST "muster_longest_request_seconds"
#define MUSTER__REQUESTS_WORKERS "muster_request_workers" /* state = busy, idle */

/* With another clock a reader would show more of a running request than what it was. */
static inline uint64_t muster__coarse_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return (uint64_t)ts.tv_sec * UINT64_C(1000000000) + (uint64_t)ts.tv_nsec;
}

/* In whole seconds. */
static inline uint64_t muster__coarse_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return (uint64_t)ts.tv_sec;
}

#endif
