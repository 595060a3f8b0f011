/* SPDX-License-Identifier: Apache-2.0 */
/* A worker as somebody else writes it: only public headers, C11 or C++17, told by pkg-config how to link. */
#include <muster/collector.h>
#include <muster/static.h>

static const char *const code_labels[] = {"code", NULL};
MUSTER_STATIC_FAMILY(by_code, MUSTER_COUNTER, "answers_total", "Answers.", code_labels);
MUSTER_STATIC_GAUGE(level, "level", "Level.", MUSTER_MAX);

static double measure(void *ctx)
{
	return *(const double *)ctx;
}

int main(void)
{
	static const char *const labels[] = {"kind", NULL};
	static struct muster_opts opts; /* all zero, in both languages */
	struct muster_family *calls = NULL, *wait = NULL;

	opts.name = "calls_total";
	opts.help = "Calls.";
	opts.labels = labels;
	if (muster_declare(MUSTER_COUNTER, &opts, &calls) != 0)
		return 1;
	opts.name = "wait_seconds";
	opts.help = "Waits.";
	opts.unit = "seconds";
	if (muster_declare(MUSTER_HISTOGRAM, &opts, &wait) != 0)
		return 2;
	muster_counter_add(muster_counter_with(calls, "a"), 3);
	muster_histogram_observe(muster_histogram_with(wait, "a"), 0.3);
	muster_counter_inc(muster_counter_with(calls, "b"));
	muster_counter_inc(muster_counter_with(by_code, "200"));
	muster_gauge_set(level, 4);
	static double depth = 8;
	opts.name = "depth";
	opts.help = "Depth.";
	opts.unit = NULL;
	opts.mode = MUSTER_MAX;
	struct muster_family *depths = NULL;
	struct muster_str kind = muster_str("a");
	if (muster_declare(MUSTER_GAUGE, &opts, &depths) != 0 ||
	    muster_gauge_function(depths, &kind, 1, measure, &depth) != 0)
		return 3;
	muster_collect();
	return muster_remove_with(calls, "c");
}
