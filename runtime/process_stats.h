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

/* Unix time of a number of clock ticks after boot, as in field 22 of /proc/PID/stat. 0 if it cannot be known. */
double muster__process_unix_seconds(unsigned long long ticks);

/* Read them. What /proc does not tell stays 0.
 * Context: the master; opens and closes descriptors. */
void muster__process_stats_read(struct muster__process_stats *out);

#endif
