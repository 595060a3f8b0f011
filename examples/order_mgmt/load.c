/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load.c - order_load, the load generator beside the demo: reads the options, sends, prints a summary.
 *
 *   The summary is one line of JSON on stdout; what goes wrong is on stderr. It waits with the same loops
 *   as the service (loop.h). One process, one thread.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "load_client.h"

static int fail(const char *what, int err, const char *remedy, int status)
{
	fprintf(stderr, "order_load: %s: %s; %s\n", what, strerror(-err), remedy);
	return status;
}

static int run(struct loop *loop, const struct load_options *options)
{
	struct load_tally tally = {0};
	int err = load_run(loop, options, &tally);

	if (err < 0)
		return fail("the load broke off", err, "see the system's limits on memory", EX_OSERR);
	load_tally_print(&tally, options->seed, stdout);
	return fflush(stdout) == 0 ? 0 : fail("stdout", -errno, "the summary is lost", EX_IOERR);
}

int main(int argc, char **argv)
{
	struct load_options options;
	struct loop *loop;
	int refusal, status = load_options_read(&options, argc, argv);

	if (status != 0)
		return status;
	int err = load_target_probe(&options.target);
	if (err < 0)
		return fail(options.target.text, err, "start order_mgmt there, or name its address with --target",
		            EX_UNAVAILABLE);
	err = loop_create(options.loop, &loop, &refusal);
	if (err < 0)
		return fail("no event loop", err, "try --loop auto", EX_UNAVAILABLE);
	status = run(loop, &options);
	loop_destroy(&loop);
	return status;
}
