/* SPDX-License-Identifier: Apache-2.0 */
/*
 * handlers.h - what the service does with a request.
 *
 *   A call runs in steps. Where it would wait for the database or the audit service it says for how long,
 *   and the worker serves others meanwhile. Each call counts itself; exactly one answer per call_begin().
 */
#ifndef ORDER_MGMT_HANDLERS_H
#define ORDER_MGMT_HANDLERS_H

#include "http.h"
#include "metrics.h"

#define CALL_SLEEP_SECONDS_MAX 10.0
#define CALL_ANSWERED (-1.0)

struct call {
	struct http_answer answer; /* once answered */
	bool head_only;

	const char *method, *path; /* as labels */
	const struct endpoint *endpoint;
	struct muster_request request;
	struct muster_timer request_timer, step_timer;
	double (*resume)(struct call *call);
	bool is_srv_error, is_db_error;
	double db_sleep, srv_sleep; /* seconds */
};

/* Take a complete or refused request.
 * Returns CALL_ANSWERED, or the seconds to wait before call_resume(). The request is not needed after. */
double call_begin(struct call *call, const struct http_request *request);

/* The wait is over. Returns as call_begin(). */
double call_resume(struct call *call);

#endif
