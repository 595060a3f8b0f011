/* SPDX-License-Identifier: Apache-2.0 */
/* A worker with a family of each type, and label values and numbers that are hard to write. Lives until it is killed. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <muster/static.h>

static const char *const label[] = {"path", NULL};
MUSTER_STATIC_FAMILY(calls, MUSTER_COUNTER, "calls_total", "Calls with \"quotes\",\n\\ and a newline.", label);
MUSTER_STATIC_FAMILY(app, MUSTER_INFO, "app_info", "What this is.", label);
MUSTER_STATIC_GAUGE_FAMILY(levels, "level", "Levels.", label, MUSTER_MAX);
MUSTER_STATIC_GAUGE_FAMILY(each, "each", "Of each worker.", NULL, MUSTER_ALL);
MUSTER_STATIC_REAL_COUNTER(busy, "busy_seconds_total", "Busy.");
MUSTER_STATIC_IN_FLIGHT(flying, "flying", "Begun, not ended.");
MUSTER_STATIC_SUMMARY(size, "size_bytes", "Sizes.");

static struct muster_family *declare(enum muster_type type, struct muster_opts o)
{
	struct muster_family *family = NULL;

	if (muster_declare(type, &o, &family) != 0)
		exit(1);
	return family;
}

static void label_values(void)
{
	static const char *const hard[] = {"plain",   "", "a\"b\\c\nd", "\xc3\xa9\xf0\x9f\x90\x98", "{x=\"y\"} 1 # EOF",
	                                   "\x01\x7f"};
	char *longest = malloc(MUSTER_LABEL_VALUE_BYTES_MAX + 1);

	for (size_t i = 0; i < sizeof hard / sizeof *hard; i++)
		muster_counter_add(muster_counter_with(calls, hard[i]), i + 1);
	memset(longest, '"', MUSTER_LABEL_VALUE_BYTES_MAX);
	longest[MUSTER_LABEL_VALUE_BYTES_MAX] = '\0';
	muster_counter_inc(muster_counter_with(calls, longest));
	muster_counter_inc(muster_counter_with(calls, "\xff\xfe")); /* no UTF-8: dropped, counted */
	muster_counter_add(muster_counter_with(calls, "large"), (UINT64_C(1) << 62) + 1);
}

static void numbers(void)
{
	static const double hard[] = {NAN, INFINITY, -INFINITY, -0.0, 5e-324, 1.7976931348623157e308, 0.1, 123456789, 1e21};
	char name[16];

	for (size_t i = 0; i < sizeof hard / sizeof *hard; i++) {
		(void)snprintf(name, sizeof name, "%zu", i);
		muster_gauge_set(muster_gauge_with(levels, name), hard[i]);
	}
}

/* 1 to 1000 ms by this process, 1001 to 2000 ms by one that is dead then. */
static void quantiles(void)
{
	static const double wanted[] = {0.5, 0.99};
	struct muster_opts o = {.name = "delay", .help = "Delays.", .quantiles = wanted, .quantiles_count = 2};
	muster_summary delay = muster_summary_with(declare(MUSTER_SUMMARY, o));
	pid_t pid = fork();

	for (int i = 1; i <= 1000; i++)
		muster_summary_observe(delay, pid == 0 ? 1 + 0.001 * i : 0.001 * i);
	if (pid == 0)
		_exit(0);
	if (waitpid(pid, NULL, 0) != pid)
		exit(1);
}

int main(void)
{
	static const char *const states[] = {"starting", "serving", NULL};

	label_values();
	numbers();
	muster_info_set_with(app, "1.2.3");
	muster_stateset_select(
		declare(MUSTER_STATESET,
	            (struct muster_opts){.name = "phase", .help = "Phase.", .mode = MUSTER_LIVEMAX, .states = states}),
		NULL, 0, 1);
	struct muster_family *wait =
		declare(MUSTER_HISTOGRAM, (struct muster_opts){.name = "wait_seconds", .help = "Waits.", .unit = "seconds"});
	for (int i = 0; i < 1000; i++)
		muster_histogram_observe(muster_histogram_with(wait), 0.001 * i);
	muster_summary_observe(size, 1500);
	quantiles();
	muster_real_counter_add(busy, 2.5);
	muster_in_flight_begin(flying);
	muster_gauge_set(muster_gauge_with(each), 4);
	puts("ready");
	(void)fflush(stdout);
	for (;;)
		pause();
}
