/* SPDX-License-Identifier: Apache-2.0 */
/*
 * churn.c - workers are born, record, and die, by the thousand: what of it stays in the master?
 *
 *   churn [WORKERS [kill|exit|mixed]]    up to WORKERS (10000) deaths, at 10^3, 10^4, ... one JSON line each
 *
 * Each worker attaches, counts 1 and observes once, in series it makes in an order of its own, and is killed or
 * exits. A real `muster serve` follows and folds, and is scraped meanwhile. Totals are printed beside what they have
 * to be; nothing is asserted.
 */
#include <libgen.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <muster/muster.h>

#include "bench/bench.h"
#include "bench/common/master.h"

#define SPAWNERS 2
#define SCRAPES 15
#define FOLDED_TRIES 6000 /* 10 ms each */

static struct master master;

/* ---- workers ------------------------------------------------------------------------------ */

/* In the child. */
static void live_and_die(unsigned long number, bool kill_me)
{
	static const char *const labels[] = {"kind", NULL};
	struct muster_opts co = {.name = "churn_total", .help = "Workers.", .labels = labels};
	struct muster_opts ho = {.name = "churn_seconds", .help = "Seconds.", .labels = labels};
	struct muster_family *c = NULL, *h = NULL;
	char kind[8];

	(void)muster_declare(MUSTER_COUNTER, &co, &c);
	(void)muster_declare(MUSTER_HISTOGRAM, &ho, &h);
	for (unsigned i = 0; i < number % 4; i++) {
		(void)snprintf(kind, sizeof kind, "%lu", (number * 7 + i * 3) % 10);
		(void)muster_counter_with(c, kind);
	}
	(void)snprintf(kind, sizeof kind, "%lu", number % 10);
	muster_counter_inc(muster_counter_with(c, kind));
	muster_histogram_observe(muster_histogram_with(h, kind), 0.25);
	if (kill_me)
		(void)kill(getpid(), SIGKILL);
	_exit(0);
}

static bool is_killed(const char *way, unsigned long number)
{
	return strcmp(way, "kill") == 0 || (strcmp(way, "mixed") == 0 && number % 2);
}

/* A process that has `count` workers, one after the other. */
static pid_t spawner_start(unsigned long first, unsigned long count, const char *way)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	for (unsigned long i = first; i < first + count; i++) {
		pid_t worker = fork();
		if (worker == 0)
			live_and_die(i, is_killed(way, i));
		(void)waitpid(worker, NULL, 0);
	}
	_exit(0);
}

/* ---- one step ----------------------------------------------------------------------------- */

struct watch {
	double before;
	unsigned long scrapes, decreased;
	double slowest_ms;
};

static void look(struct watch *w)
{
	double start = bench_now_ns();
	char *page = master_scrape(&master);

	if (page == NULL)
		return;
	double ms = (bench_now_ns() - start) * 1e-6, now = page_sum(page, "churn_total");
	w->slowest_ms = ms > w->slowest_ms ? ms : w->slowest_ms;
	w->decreased += now < w->before;
	w->before = now;
	w->scrapes++;
	free(page);
}

static void churn(unsigned long first, unsigned long count, const char *way, struct watch *w)
{
	pid_t spawners[SPAWNERS];
	const struct timespec pause = {0, 50000000};

	for (int i = 0; i < SPAWNERS; i++)
		spawners[i] = spawner_start(first + count / SPAWNERS * (unsigned)i, count / SPAWNERS, way);
	for (int left = SPAWNERS; left > 0;) {
		for (int i = 0; i < SPAWNERS; i++)
			if (spawners[i] > 0 && waitpid(spawners[i], NULL, WNOHANG) == spawners[i]) {
				spawners[i] = 0;
				left--;
			}
		look(w);
		(void)nanosleep(&pause, NULL);
	}
}

/* Until the master's own slab is the only one. */
static void folded_await(void)
{
	const struct timespec pause = {0, 10000000};
	long bytes;

	for (int i = 0; i < FOLDED_TRIES && region_files(&master, "slab.", &bytes) > 1; i++)
		(void)nanosleep(&pause, NULL);
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double scrape_ms(void)
{
	double ms[SCRAPES];

	for (int i = 0; i < SCRAPES; i++) {
		double start = bench_now_ns();
		free(master_scrape(&master));
		ms[i] = (bench_now_ns() - start) * 1e-6;
	}
	qsort(ms, SCRAPES, sizeof *ms, ascending);
	return ms[SCRAPES / 2];
}

static void print(unsigned long workers, const char *way, double seconds, const struct watch *w, unsigned long count)
{
	long bytes, ledger;
	long files = region_files(&master, "", &bytes);
	(void)region_files(&master, "ledger", &ledger);
	double median = scrape_ms();
	char *page = master_scrape(&master);

	(void)printf("{\"bench\":\"churn\",\"impl\":\"muster\",\"way\":\"%s\",\"dead_workers\":%lu,\"counted\":%.0f,"
	             "\"observed\":%.0f,\"decreased\":%lu,\"scrapes\":%lu,\"slowest_scrape_ms\":%.2f,\"scrape_ms\":%.3f,"
	             "\"master_rss_kib\":%ld,\"master_fds\":%ld,\"region_files\":%ld,\"region_bytes\":%ld,"
	             "\"ledger_bytes\":%ld,\"deaths_per_second\":%.0f}\n",
	             way, workers, page_sum(page, "churn_total"), page_sum(page, "churn_seconds_count"), w->decreased,
	             w->scrapes, w->slowest_ms, median, master_rss_kib(&master), master_fds(&master), files, bytes, ledger,
	             (double)count / seconds);
	(void)fflush(stdout);
	free(page);
}

int main(int argc, char **argv)
{
	unsigned long most = argc > 1 ? strtoul(argv[1], NULL, 10) : 10000, done = 0;
	const char *way = argc > 2 ? argv[2] : "mixed";
	static char binary[4200];
	struct watch w = {0};

	(void)snprintf(binary, sizeof binary, "%.4000s/../muster", argc > 0 ? dirname(strdup(argv[0])) : ".");
	master_region_make(&master, binary);
	if (!master_start(&master)) {
		(void)fprintf(stderr, "churn: %s serve does not start\n", binary);
		return 1;
	}
	for (unsigned long step = 1000; step <= most; step *= 10) {
		double start = bench_now_ns();
		unsigned long count = (step - done) / SPAWNERS * SPAWNERS;
		churn(done, count, way, &w);
		done += count;
		double seconds = (bench_now_ns() - start) * 1e-9;
		folded_await();
		print(done, way, seconds, &w, count);
	}
	master_end(&master, SIGTERM);
	master_region_remove(&master);
	return 0;
}
