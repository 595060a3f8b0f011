/* SPDX-License-Identifier: Apache-2.0 */
/* A worker as somebody else writes it: only public headers, C11 or C++17, told by pkg-config how to link. */
#include <muster/muster.h>

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
	return muster_remove_with(calls, "c");
}
