/* SPDX-License-Identifier: Apache-2.0 */
/*
 * process_stats.h - what the kernel knows about the calling process.
 */
#ifndef MUSTER__PROCESS_STATS_H
#define MUSTER__PROCESS_STATS_H

struct muster__process_stats {
	double cpu_seconds; /* user and system, since the process began */
	double open_fds, max_fds;
	double virtual_bytes, resident_bytes;
	double threads;
	double start_unix_seconds;
};

/* Read them. What /proc does not tell stays 0.
 * Context: the master; opens and closes descriptors. */
void muster__process_stats_read(struct muster__process_stats *out);

#endif
