/* SPDX-License-Identifier: Apache-2.0 */
/* metrics.h - what the service measures. Worker processes only; metrics_declare() first. */
#ifndef ORDER_MGMT_METRICS_H
#define ORDER_MGMT_METRICS_H

#include <muster/muster.h>
#include <muster/request.h>

/* Declare every family. Returns 0, or muster's code; muster_error_message() has the sentence. */
int metrics_declare(void);

struct muster_request metrics_request_begin(void);
/* The answer is ready: it leaves the in-flight gauge and enters the durations together. */
void metrics_request_end(struct muster_request request, const char *method, const char *path, unsigned status,
                         struct muster_timer timer);

void metrics_database(const char *sql_state, unsigned status, struct muster_timer timer);
void metrics_audit(unsigned status, struct muster_timer timer);
void metrics_auth_error(void);
void metrics_auth_wrong_creds(void);

#endif
