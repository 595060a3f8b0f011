/* SPDX-License-Identifier: Apache-2.0 */
/*
 * master.h - a real `muster serve` for benchmarks and the soak test: started, scraped over its UNIX socket, ended.
 */
#ifndef BENCH_MASTER_H
#define BENCH_MASTER_H

#include <stdbool.h>
#include <sys/types.h>

struct master {
	char region[64], socket[80];
	const char *binary; /* path of `muster` */
	pid_t pid;          /* 0: none */
};

/* A new region under /dev/shm, and MUSTER_REGION for this process's children. No master yet. */
void master_region_make(struct master *m, const char *binary);
/* Remove the region with all that is in it. */
void master_region_remove(struct master *m);

/* Start `muster serve` over the region and wait until it answers. Returns whether it does within 10 s. */
bool master_start(struct master *m);
/* Send it `signal` and wait for its end. */
void master_end(struct master *m, int signal);

/* One scrape, NUL-terminated; free() it. NULL if nothing whole came. */
char *master_scrape(const struct master *m);

/* The sum of the samples of a page whose text begins with `sample`; a sample name with its first labels. */
double page_sum(const char *page, const char *sample);

/* VmRSS in KiB, and the number of open descriptors. */
long master_rss_kib(const struct master *m);
long master_fds(const struct master *m);

/* Files of the region whose names begin with `prefix`, and the bytes they take. */
long region_files(const struct master *m, const char *prefix, long *bytes);

#endif
