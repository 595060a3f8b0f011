/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wrap_worker.c - a native worker inside a wrapped server's tree: adds argv[1] to a counter, and with a second
 * argument waits for a signal.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <muster/muster.h>

int main(int argc, char **argv)
{
	const struct muster_opts opts = {.name = "wrap_calls_total", .help = "Calls of all workers."};
	struct muster_family *calls;

	if (argc < 2 || muster_declare(MUSTER_COUNTER, &opts, &calls) != 0)
		return 1;
	muster_counter_add(muster_counter_with(calls), strtoull(argv[1], NULL, 10));
	printf("recorded\n");
	(void)fflush(stdout);
	if (argc > 2)
		(void)pause();
	return 0;
}
