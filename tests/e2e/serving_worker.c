/* SPDX-License-Identifier: Apache-2.0 */
/* A worker that makes the page long: serving_worker COUNT. */
#include <stdio.h>
#include <stdlib.h>

#include <muster/static.h>

static const char *const label[] = {"path", NULL};
MUSTER_STATIC_FAMILY(calls, MUSTER_COUNTER, "calls_total", "Calls.", label);

int main(int argc, char **argv)
{
	char path[40];

	for (int i = 0; argc == 2 && i < atoi(argv[1]); i++) {
		(void)snprintf(path, sizeof path, "/shop/%d/order/by/customer", i);
		muster_counter_inc(muster_counter_with(calls, path));
	}
	return 0;
}
