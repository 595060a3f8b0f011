/* SPDX-License-Identifier: Apache-2.0 */
/* query.h - reads the query of a request target, strictly. */
#ifndef ORDER_MGMT_QUERY_H
#define ORDER_MGMT_QUERY_H

#include <stdbool.h>
#include <stddef.h>

/* A parameter and where its value goes: one of flag and seconds. */
struct query_param {
	const char *name;
	bool *flag;      /* true, false, 1, 0 */
	double *seconds; /* decimal, such as 0.25 */
};

/* Read name=value pairs joined by '&'. Every parameter may be left out, and keeps its value then.
 *   seconds_max   upper limit of every seconds parameter
 * Returns false for an unknown name, a repeated one, or a value out of range. */
bool query_read(const char *query, size_t count, const struct query_param *params, size_t param_count,
                double seconds_max);

#endif
