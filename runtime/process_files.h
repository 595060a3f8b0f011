/* SPDX-License-Identifier: Apache-2.0 */
/*
 * process_files.h - what /proc tells of one process, from files that are kept open: they stay those of that process, so
 * that a pid used again is not taken for it, and reading them takes half the time (bench/procfs.c).
 */
#ifndef MUSTER__PROCESS_FILES_H
#define MUSTER__PROCESS_FILES_H

#include <stdbool.h>
#include <sys/types.h>

/* Seconds, and how often it gave up the processor by itself and was made to. */
struct muster__spent {
	double user, system;
	double voluntary, involuntary;
};

struct muster__process_reading {
	unsigned long long start_ticks; /* after boot */
	pid_t parent;
	bool ended;                  /* a zombie: nobody has waited for it yet */
	struct muster__spent self;   /* switches: of the first thread */
	struct muster__spent waited; /* what it has taken over from children it has waited for; no switches */
	double virtual_bytes, resident_bytes, threads;
};

struct muster__process_files {
	pid_t pid;
	unsigned long long start_ticks; /* 0: not read yet */
	int stat, status;               /* -1: opened each time */
};

/* `keep`: with descriptors of its own, unless half of ours are in use. */
void muster__process_files_open(pid_t pid, bool keep, struct muster__process_files *out);
void muster__process_files_close(struct muster__process_files *files);

/* Returns 0; -ESRCH if the process is gone: somebody has waited for it; another -errno if that cannot be said now, for
 * want of descriptors, say. */
int muster__process_files_read(struct muster__process_files *files, struct muster__process_reading *out);

/* Parts of the text of /proc/PID/stat and status; what is not there stays. Returns false if it is no such text. */
bool muster__process_parse_stat(const char *text, struct muster__process_reading *out);
void muster__process_parse_status(const char *text, struct muster__process_reading *out);

/* How many descriptors are open; -1 if that cannot be known.
 *   budget   entries that may be listed where the kernel has no count; is lowered */
double muster__process_open_fds(pid_t pid, size_t *budget);

/* How many may be; -1 if that cannot be known. */
double muster__process_max_fds(pid_t pid);

/* Memory that is its own, and its share of what is shared; -1 if that cannot be known. The kernel walks all its pages. */
double muster__process_proportional_bytes(pid_t pid);

#endif
