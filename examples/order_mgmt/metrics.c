/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metrics.c - the families of the service, all declared here and nowhere else.
 *
 *   Every worker declares them when it starts, so that they stand on the scrape, at 0, before the first
 *   request. Series without labels keep their handle; those with labels are found by value each time, a
 *   lookup without a lock. Label values come from fixed sets (handlers.c), never from the client.
 */
#include "metrics.h"

#include <stdio.h>

static struct {
	struct muster_family *duration, *audit_duration, *database_duration;
	muster_in_flight in_progress;
	muster_counter auth_errors, auth_wrong_creds;
} metrics;

static const char *const duration_labels[] = {"method", "path", "status_code", NULL};
static const char *const audit_labels[] = {"status_code", NULL};
static const char *const database_labels[] = {"sql_state", "status_code", NULL};

static struct muster_family *in_progress, *auth_errors, *auth_wrong_creds;

static const struct {
	enum muster_type type;
	struct muster_family **family;
	struct muster_opts opts;
} families[] = {
	{MUSTER_SUMMARY,
     &metrics.duration,
     {.name = "order_mgmt_duration_seconds",
      .help = "Time from a complete request to its answer.",
      .unit = "seconds",
      .labels = duration_labels}},
	{MUSTER_SUMMARY,
     &metrics.audit_duration,
     {.name = "order_mgmt_audit_duration_seconds",
      .help = "Time of calls to the audit service.",
      .unit = "seconds",
      .labels = audit_labels}},
	{MUSTER_HISTOGRAM,
     &metrics.database_duration,
     {.name = "order_mgmt_database_duration_seconds",
      .help = "Time of database calls.",
      .unit = "seconds",
      .labels = database_labels}},
	{MUSTER_IN_FLIGHT, &in_progress, {.name = "order_mgmt_in_progress", .help = "Requests being worked on now."}},
	{MUSTER_COUNTER,
     &auth_errors,
     {.name = "auth_errors_total", .help = "Requests whose credentials could not be read."}},
	{MUSTER_COUNTER,
     &auth_wrong_creds,
     {.name = "auth_wrong_creds_total", .help = "Requests with a wrong user or password."}},
};

int metrics_declare(void)
{
	for (size_t i = 0; i < sizeof families / sizeof families[0]; i++) {
		int err = muster_declare(families[i].type, &families[i].opts, families[i].family);
		if (err < 0)
			return err;
	}
	metrics.in_progress = muster_in_flight_with(in_progress);
	metrics.auth_errors = muster_counter_with(auth_errors);
	metrics.auth_wrong_creds = muster_counter_with(auth_wrong_creds);
	return muster_requests_declare();
}

struct status_text {
	char digits[12];
};

static struct status_text status_text(unsigned status)
{
	struct status_text text;

	snprintf(text.digits, sizeof text.digits, "%u", status);
	return text;
}

struct muster_request metrics_request_begin(void)
{
	muster_in_flight_begin(metrics.in_progress);
	return muster_request_begin();
}

void metrics_request_end(struct muster_request request, const char *method, const char *path, unsigned status,
                         struct muster_timer timer)
{
	struct status_text code = status_text(status);

	muster_summary_observe_timer(muster_summary_with(metrics.duration, method, path, code.digits), timer);
	muster_in_flight_end(metrics.in_progress);
	muster_request_end(request);
}

void metrics_database(const char *sql_state, unsigned status, struct muster_timer timer)
{
	struct status_text code = status_text(status);

	muster_histogram_observe_timer(muster_histogram_with(metrics.database_duration, sql_state, code.digits), timer);
}

void metrics_audit(unsigned status, struct muster_timer timer)
{
	struct status_text code = status_text(status);

	muster_summary_observe_timer(muster_summary_with(metrics.audit_duration, code.digits), timer);
}

void metrics_auth_error(void)
{
	muster_counter_inc(metrics.auth_errors);
}

void metrics_auth_wrong_creds(void)
{
	muster_counter_inc(metrics.auth_wrong_creds);
}
