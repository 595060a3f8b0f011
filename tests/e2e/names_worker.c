/* SPDX-License-Identifier: Apache-2.0 */
/* A worker whose names need UTF-8, some of which meet when they are escaped. Lives until it is killed. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <muster/muster.h>
#include <muster/record.h>

static struct muster_family *declare(enum muster_type type, struct muster_opts o)
{
	struct muster_family *family = NULL;

	if (muster_declare(type, &o, &family) != 0) {
		(void)fprintf(stderr, "%s: %s\n", o.name, muster_error_message());
		exit(1);
	}
	return family;
}

static void gauge(const char *name, double value)
{
	struct muster_opts o = {.name = name, .help = "A gauge.", .mode = MUSTER_LIVESUM};

	muster_gauge_set(muster_gauge_with(declare(MUSTER_GAUGE, o)), value);
}

int main(void)
{
	static const char *const methods[] = {"http.method", "\xe5\xa0\xb4\xe6\x89\x80", NULL};
	static const char *const meeting[] = {"x.y", "x_y", ".z", NULL};
	static const char *const states[] = {"up.there", "down", NULL};
	struct muster_family *requests =
		declare(MUSTER_COUNTER,
	            (struct muster_opts){.name = "http.server.requests_total", .help = "Requests.", .labels = methods});
	struct muster_family *durations =
		declare(MUSTER_HISTOGRAM,
	            (struct muster_opts){.name = "http.server.duration", .help = "Durations.", .labels = methods});
	struct muster_family *labels =
		declare(MUSTER_COUNTER, (struct muster_opts){.name = "labels_total", .help = "Labels.", .labels = meeting});

	muster_counter_add(muster_counter_with(requests, "GET", "\xe6\x9d\xb1\xe4\xba\xac"), 3);
	muster_counter_add(muster_counter_with(requests, "P\"\\\nOST", ""), 4);
	muster_histogram_observe(muster_histogram_with(durations, "GET", "x"), 0.3);
	muster_counter_add(muster_counter_with(labels, "1", "2", "3"), 5);
	gauge("\xe6\xb8\xa9\xe5\xba\xa6", 21.5);
	gauge("\xe5\x9c\xa7\xe5\x8a\x9b", 1013);
	gauge("a.b", 1);
	gauge("a-b", 2);
	gauge("a_b", 3);
	gauge("2xx", 4);
	gauge("odd \"name\" {of}\\\n=1", 5);
	muster_stateset_select(
		declare(
			MUSTER_STATESET,
			(struct muster_opts){.name = "phase.of-life", .help = "Phase.", .mode = MUSTER_LIVEMAX, .states = states}),
		NULL, 0, 0);
	puts("ready");
	(void)fflush(stdout);
	for (;;)
		pause();
}
