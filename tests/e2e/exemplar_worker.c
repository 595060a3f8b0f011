/* SPDX-License-Identifier: Apache-2.0 */
/* exemplar_worker TRACEPARENT SECONDS: serves one request of that trace that took so long, then lives until it is killed. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <muster/exemplar.h>

static struct muster_family *declare(enum muster_type type, const char *name, const char *unit)
{
	struct muster_opts o = {.name = name, .help = "Help.", .unit = unit, .exemplars = true};
	struct muster_family *family = NULL;

	if (muster_declare(type, &o, &family) != 0)
		exit(1);
	return family;
}

int main(int argc, char **argv)
{
	muster_counter calls = muster_counter_with(declare(MUSTER_COUNTER, "calls_total", NULL));
	muster_histogram wait = muster_histogram_with(declare(MUSTER_HISTOGRAM, "wait_seconds", "seconds"));
	struct muster_exemplar exemplar = {0};

	if (argc != 3)
		return 64;
	if (muster_exemplar_traceparent(&exemplar, muster_str(argv[1])) != 0)
		(void)fprintf(stderr, "%s\n", muster_error_message());
	muster_counter_inc_with_exemplar(calls, &exemplar);
	muster_histogram_observe_with_exemplar(wait, strtod(argv[2], NULL), &exemplar);
	puts("ready");
	(void)fflush(stdout);
	for (;;)
		pause();
}
