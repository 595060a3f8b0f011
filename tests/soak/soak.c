/* SPDX-License-Identifier: Apache-2.0 */
/*
 * soak.c - a kill-loop with an oracle: soak MUSTER SECONDS SEED
 *
 * Workers with threads do random operations and acknowledge each one in memory they share with this process, after it
 * returned. Workers are SIGKILLed, SIGSTOPped and continued at random, the master is SIGKILLed and another one
 * started over the same region. At every scrape
 *
 *     acknowledged before it <= exported <= acknowledged after it + one for each thread that died or lives
 *
 * and count == +Inf, sum == count x the one value observed, and nothing is less than at any scrape before.
 * Exits 1 at the first sample that breaks this, with the seed.
 */
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <muster/muster.h>

#include "bench/common/master.h"

#define WORKERS 6
#define THREADS 3
#define LABELS 50
#define OBSERVED 0.25 /* in the bucket of .25; its multiples are exact */
#define FOLDED_TRIES 1000

/* What is done, and how it shows. One row per kind of operation that adds up. */
enum kind { COUNT, ADD, REAL, OBSERVE, SUMMARY, NATIVE, LABELLED, KINDS };
static const struct {
	const char *sample;
	double unit; /* one operation on the page */
	enum kind kind;
} samples[] = {
	{"soak_count_total", 1, COUNT},
	{"soak_add_total", 3, ADD},
	{"soak_real_total", 0.5, REAL},
	{"soak_observe_count", 1, OBSERVE},
	{"soak_observe_sum", OBSERVED, OBSERVE},
	{"soak_summary_seconds_count", 1, SUMMARY},
	{"soak_summary_seconds_sum", OBSERVED, SUMMARY},
	{"soak_native_count", 1, NATIVE},
	{"soak_labelled_total", 1, LABELLED},
};

#define SAMPLES (sizeof samples / sizeof *samples)

/* Written by one thread each; read here. */
struct acknowledged {
	_Atomic uint64_t done[KINDS];
	char line[64];
};

static struct acknowledged (*acknowledged)[THREADS];
static struct master master;
static unsigned long deaths; /* of threads */
static uint64_t seed;

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* ---- workers ------------------------------------------------------------------------------ */

static struct {
	struct muster_family *count, *add, *real, *observe, *summary, *native, *labelled, *flying, *gauges[10];
} f;

static struct muster_family *declare(enum muster_type type, enum muster_mode mode, const char *name, const char *label)
{
	const char *const labels[] = {label, NULL};
	const struct muster_opts opts = {.name = name, .help = "Soaked.", .mode = mode, .labels = labels};
	struct muster_family *family = NULL;

	if (muster_declare(type, &opts, &family) != 0)
		_exit(99);
	return family;
}

static void families_declare(void)
{
	char name[32];

	f.count = declare(MUSTER_COUNTER, 0, "soak_count_total", NULL);
	f.add = declare(MUSTER_COUNTER, 0, "soak_add_total", NULL);
	f.real = declare(MUSTER_REAL_COUNTER, 0, "soak_real_total", NULL);
	f.observe = declare(MUSTER_HISTOGRAM, 0, "soak_observe", NULL);
	f.summary = declare(MUSTER_SUMMARY, 0, "soak_summary_seconds", NULL);
	f.native = declare(MUSTER_NATIVE_HISTOGRAM, 0, "soak_native", NULL);
	f.labelled = declare(MUSTER_COUNTER, 0, "soak_labelled_total", "n");
	f.flying = declare(MUSTER_IN_FLIGHT, 0, "soak_flying", NULL);
	for (int mode = MUSTER_ALL; mode <= MUSTER_LIVEMOSTRECENT; mode++) {
		(void)snprintf(name, sizeof name, "soak_gauge_%d", mode);
		f.gauges[mode - MUSTER_ALL] = declare(MUSTER_GAUGE, (enum muster_mode)mode, name, NULL);
	}
}

static void operate(enum kind kind, uint64_t random)
{
	char label[8];

	switch (kind) {
	case COUNT:
		muster_counter_inc(muster_counter_with(f.count));
		break;
	case ADD:
		muster_counter_add(muster_counter_with(f.add), 3);
		break;
	case REAL:
		muster_real_counter_add(muster_real_counter_with(f.real), 0.5);
		break;
	case OBSERVE:
		muster_histogram_observe(muster_histogram_with(f.observe), OBSERVED);
		break;
	case SUMMARY:
		muster_summary_observe(muster_summary_with(f.summary), OBSERVED);
		break;
	case NATIVE: /* over so many powers of two that its buckets have to move */
		muster_native_histogram_observe(muster_native_histogram_with(f.native), ldexp(1, (int)(random % 80) - 40));
		break;
	default:
		(void)snprintf(label, sizeof label, "%u", (unsigned)(random % LABELS));
		muster_counter_inc(muster_counter_with(f.labelled, label));
	}
}

/* Gauges have no totals: they only must not disturb what has, and stay between 1 and 9. */
static void gauges_move(uint64_t random)
{
	muster_in_flight_begin(muster_in_flight_with(f.flying));
	muster_gauge_set(muster_gauge_with(f.gauges[random % 10]), (double)(1 + random / 16 % 9));
	muster_in_flight_end(muster_in_flight_with(f.flying));
}

static void *operate_for_ever(void *arg)
{
	struct acknowledged *mine = arg;
	uint64_t random = seed ^ (uint64_t)(uintptr_t)&random ^ (uint64_t)getpid() << 32;

	for (;;) {
		enum kind kind = (enum kind)(next_random(&random) % (KINDS + 1));
		if (kind == KINDS) {
			gauges_move(random / 256);
			continue;
		}
		operate(kind, random / 256);
		atomic_store_explicit(&mine->done[kind], atomic_load_explicit(&mine->done[kind], memory_order_relaxed) + 1,
		                      memory_order_release);
	}
	return NULL;
}

static pid_t worker_start(int slot)
{
	pthread_t thread;
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	families_declare();
	for (int i = 1; i < THREADS; i++)
		if (pthread_create(&thread, NULL, operate_for_ever, &acknowledged[slot][i]) != 0)
			_exit(98);
	(void)operate_for_ever(&acknowledged[slot][0]);
	_exit(0);
}

/* ---- the oracle --------------------------------------------------------------------------- */

static void acknowledged_sum(uint64_t *sum)
{
	memset(sum, 0, KINDS * sizeof *sum);
	for (int w = 0; w < WORKERS; w++)
		for (int t = 0; t < THREADS; t++)
			for (int k = 0; k < KINDS; k++)
				sum[k] += atomic_load_explicit(&acknowledged[w][t].done[k], memory_order_acquire);
}

static int broken(const char *what, double have, double least, double most)
{
	(void)fprintf(stderr, "soak: %s is %.17g, must be from %.17g to %.17g; seed %llu, %lu threads dead so far\n", what,
	              have, least, most, (unsigned long long)seed, deaths);
	return 1;
}

static int samples_check(const char *page, const uint64_t *before, const uint64_t *after, double *seen)
{
	double slack = (double)(deaths + WORKERS * THREADS);
	int bad = 0;

	for (size_t i = 0; i < SAMPLES; i++) {
		double have = page_sum(page, samples[i].sample), unit = samples[i].unit;
		double least = (double)before[samples[i].kind] * unit, most = ((double)after[samples[i].kind] + slack) * unit;
		least = least > seen[i] ? least : seen[i];
		if (have < least || have > most)
			bad |= broken(samples[i].sample, have, least, most);
		seen[i] = have;
	}
	return bad;
}

/* The buckets of one page agree. Count and sum of a living worker are read one after the other while it goes on,
 * so each is held against what was acknowledged; once all are dead, against one another. */
static int pairs_check(const char *page, bool quiet)
{
	double count = page_sum(page, "soak_observe_count"), inf = page_sum(page, "soak_observe_bucket{le=\"+Inf\"");
	double sum = page_sum(page, "soak_observe_sum"), summary = page_sum(page, "soak_summary_seconds_sum");
	int bad = 0;

	if (count != inf || count != page_sum(page, "soak_observe_bucket{le=\"0.25\""))
		bad |= broken("soak_observe_bucket{le=\"+Inf\"}", inf, count, count);
	if (quiet && sum != count * OBSERVED)
		bad |= broken("soak_observe_sum", sum, count * OBSERVED, count * OBSERVED);
	count = page_sum(page, "soak_summary_seconds_count");
	if (quiet && summary != count * OBSERVED)
		bad |= broken("soak_summary_seconds_sum", summary, count * OBSERVED, count * OBSERVED);
	return bad;
}

static int gauges_check(const char *page)
{
	double flying = page_sum(page, "soak_flying"), most = page_sum(page, "soak_gauge_5");
	int bad = 0;

	if (flying < 0 || flying > WORKERS * THREADS)
		bad |= broken("soak_flying", flying, 0, WORKERS * THREADS);
	if (most < 0 || most > 9)
		bad |= broken("soak_gauge_5", most, 0, 9);
	if (page_sum(page, "muster_slabs_quarantined_total") != 0)
		bad |= broken("muster_slabs_quarantined_total", page_sum(page, "muster_slabs_quarantined_total"), 0, 0);
	return bad;
}

/* Returns whether the page broke a promise. */
static int look(double *seen, bool quiet)
{
	uint64_t before[KINDS], after[KINDS];

	acknowledged_sum(before);
	char *page = master_scrape(&master);
	acknowledged_sum(after);
	if (page == NULL) {
		(void)fprintf(stderr, "soak: a scrape failed; seed %llu\n", (unsigned long long)seed);
		return 1;
	}
	int bad = samples_check(page, before, after, seen) | pairs_check(page, quiet) | gauges_check(page);
	if (bad)
		(void)fputs(page, stderr);
	free(page);
	return bad;
}

/* ---- the kill-loop ------------------------------------------------------------------------ */

struct tally {
	unsigned long scrapes, workers_killed, masters_killed, stops;
};

static void worker_kill(pid_t *pid)
{
	(void)kill(*pid, SIGKILL);
	(void)waitpid(*pid, NULL, 0);
	deaths += THREADS;
	*pid = 0;
}

static void nap_ms(uint64_t ms)
{
	const struct timespec pause = {(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};

	(void)nanosleep(&pause, NULL);
}

/* One blow at random. Returns whether the next master does not start. */
static int strike(pid_t *pids, uint64_t *random, struct tally *tally)
{
	uint64_t dice = next_random(random) % 100, slot = next_random(random) % WORKERS;

	if (dice < 50) {
		worker_kill(&pids[slot]);
		tally->workers_killed++;
		pids[slot] = worker_start((int)slot);
	} else if (dice < 70) {
		(void)kill(pids[slot], SIGSTOP);
		nap_ms(next_random(random) % 60);
		(void)kill(pids[slot], SIGCONT);
		tally->stops++;
	} else if (dice < 78) {
		master_end(&master, SIGKILL);
		tally->masters_killed++;
		if (!master_start(&master)) {
			(void)fprintf(stderr, "soak: the next master does not start; seed %llu\n", (unsigned long long)seed);
			return 1;
		}
	}
	return 0;
}

static double now_seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static void tell(const struct tally *t, const double *seen, double seconds)
{
	(void)printf(
		"soak: %.0f s, %lu scrapes, %lu workers and %lu masters killed, %lu stops, counted %.0f of the first kind\n",
		seconds, t->scrapes, t->workers_killed, t->masters_killed, t->stops, seen[0]);
	(void)fflush(stdout);
}

static int loop(pid_t *pids, double seconds, double *seen)
{
	double start = now_seconds(), told = start;
	uint64_t random = seed;
	struct tally tally = {0};
	int bad = 0;

	while (!bad && now_seconds() - start < seconds) {
		bad = strike(pids, &random, &tally);
		nap_ms(next_random(&random) % 30);
		bad = bad || look(seen, false);
		tally.scrapes++;
		if (now_seconds() - told >= 10) {
			told = now_seconds();
			tell(&tally, seen, told - start);
		}
	}
	tell(&tally, seen, now_seconds() - start);
	return bad;
}

/* Everybody is dead and folded: now sums are exact too. */
static int last_look(pid_t *pids, double *seen)
{
	long bytes;

	for (int w = 0; w < WORKERS; w++)
		worker_kill(&pids[w]);
	for (int i = 0; i < FOLDED_TRIES && region_files(&master, "slab.", &bytes) > 1; i++)
		nap_ms(10);
	return look(seen, true);
}

int main(int argc, char **argv)
{
	pid_t pids[WORKERS];
	double seen[SAMPLES] = {0};

	if (argc != 4) {
		(void)fprintf(stderr, "soak MUSTER SECONDS SEED\n");
		return 64;
	}
	seed = strtoull(argv[3], NULL, 10) | 1;
	acknowledged =
		mmap(NULL, WORKERS * sizeof *acknowledged, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	master_region_make(&master, argv[1]);
	if (acknowledged == MAP_FAILED || !master_start(&master))
		return 70;
	for (int w = 0; w < WORKERS; w++)
		pids[w] = worker_start(w);
	int bad = loop(pids, strtod(argv[2], NULL), seen);
	bad = last_look(pids, seen) || bad;
	master_end(&master, SIGTERM);
	master_region_remove(&master);
	(void)printf("soak: %s\n", bad ? "a promise is broken" : "every promise held");
	return bad;
}
