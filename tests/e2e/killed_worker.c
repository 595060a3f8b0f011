/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker that says what it has counted: killed_worker ACKS. It counts 30, then 1 for each SIGUSR1, and appends its pid
 * and the number to the file ACKS once that is recorded. SIGTERM ends it, but not in between.
 */
#include <muster/muster.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static int acknowledge(int acks, int n)
{
	char line[32];
	int bytes = snprintf(line, sizeof line, "%d %d\n", (int)getpid(), n);

	return write(acks, line, (size_t)bytes) == bytes ? 0 : 1;
}

int main(int argc, char **argv)
{
	const struct muster_opts opts = {.name = "calls_total", .help = "Counted."};
	struct muster_family *calls = NULL;
	int acks = argc > 1 ? open(argv[1], O_WRONLY | O_APPEND | O_CREAT, 0600) : -1, signal = 0;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	if (acks < 0 || muster_declare(MUSTER_COUNTER, &opts, &calls) != 0)
		return 2;
	for (int i = 0; i < 30; i++)
		muster_counter_inc(muster_counter_with(calls));
	if (acknowledge(acks, 30) != 0)
		return 2;
	while (sigwait(&set, &signal) == 0 && signal == SIGUSR1) {
		muster_counter_inc(muster_counter_with(calls));
		if (acknowledge(acks, 1) != 0)
			return 2;
	}
	return 0;
}
