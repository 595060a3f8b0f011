/* SPDX-License-Identifier: Apache-2.0 */
/*
 * request_names.h - the families of requests, by which readers find where to put what they derive.
 */
#ifndef MUSTER__REQUEST_NAMES_H
#define MUSTER__REQUEST_NAMES_H

#define MUSTER__REQUESTS_ENDED "muster_requests_total"
#define MUSTER__REQUESTS_IN_FLIGHT "muster_requests_in_flight"
#define MUSTER__REQUESTS_BUSY "muster_busy_seconds_total"
#define MUSTER__REQUESTS_LONGEST "muster_longest_request_seconds"
#define MUSTER__REQUESTS_WORKERS "muster_request_workers" /* state = busy, idle */

#endif
