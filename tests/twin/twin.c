/* SPDX-License-Identifier: Apache-2.0 */
/*
 * twin.c - writers and a reader as threads of one process, over one mapping, for TSan.
 *
 * TSan sees a race only between two accesses of one address, so the reader must look at its slab where the
 * writers write it. Nothing in the library knows of that; the linker puts these wrappers in between:
 *   muster__own_slab_map   gives the writers' mapping to the reader, and munmap() leaves it
 *   muster__slab_back      clears the new space: its coming into being is a store that must be seen
 *   muster__bank_borrow, muster__bank_return   write a plain note on the bank while it is borrowed
 * So what the orders of docs/slab-format.md protect is plain memory here, and TSan reports each of them
 * that is missing: tests/twin/weaken takes them away one by one.
 *
 * twin [SCENARIO...] runs these, or all. It fails on a wrong total; TSan fails it on a report.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "shm/own_slab.h"
#include "shm/slab_file.h"
#include "shm/store.h"
#include <muster/region.h>

static void check(bool good, const char *what)
{
	if (!good) {
		(void)fprintf(stderr, "twin: %s: %s\n", what, muster_error_message());
		exit(1);
	}
}

/* ---- the wrappers ------------------------------------------------------------------------- */

int __real_muster__own_slab_map(uint64_t dev, uint64_t ino, const unsigned char **map, size_t *bytes);
int __wrap_muster__own_slab_map(uint64_t dev, uint64_t ino, const unsigned char **map, size_t *bytes);
int __real_munmap(void *map, size_t bytes);
int __wrap_munmap(void *map, size_t bytes);
int __real_muster__slab_back(uint64_t off, uint64_t bytes);
int __wrap_muster__slab_back(uint64_t off, uint64_t bytes);
uint64_t *__real_muster__bank_borrow(uint32_t *index);
uint64_t *__wrap_muster__bank_borrow(uint32_t *index);
void __real_muster__bank_return(uint32_t index);
void __wrap_muster__bank_return(uint32_t index);

static unsigned long looked, borrowed; /* relaxed: counted, never waited for */

int __wrap_muster__own_slab_map(uint64_t dev, uint64_t ino, const unsigned char **map, size_t *bytes)
{
	int rc = __real_muster__own_slab_map(dev, ino, map, bytes);

	if (rc != 0)
		return rc;
	(void)__real_munmap((void *)(uintptr_t)*map, *bytes);
	*map = muster__store.map;
	return 0;
}

int __wrap_munmap(void *map, size_t bytes)
{
	return map == muster__store.map ? 0 : __real_munmap(map, bytes);
}

int __wrap_muster__slab_back(uint64_t off, uint64_t bytes)
{
	int rc = __real_muster__slab_back(off, bytes);

	if (rc == 0)
		memset(muster__store.map + off, 0, bytes);
	return rc;
}

static uint64_t bank_note[MUSTER__BANKS_MAX];

uint64_t *__wrap_muster__bank_borrow(uint32_t *index)
{
	uint64_t *bank = __real_muster__bank_borrow(index);

	if (bank) {
		bank_note[*index]++;
		__atomic_fetch_add(&borrowed, 1, __ATOMIC_RELAXED);
	}
	return bank;
}

void __wrap_muster__bank_return(uint32_t index)
{
	bank_note[index]++;
	__real_muster__bank_return(index);
}

/* ---- the reader --------------------------------------------------------------------------- */

static char region_path[64];
static int stop; /* relaxed: it must order nothing */

static struct muster_region *region_open(void)
{
	struct muster_region *region;

	check(muster_region_open(region_path, &region) == 0, "open");
	return region;
}

static void *read_on(void *arg)
{
	struct muster_region *region = region_open();

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		const char *text;
		size_t bytes;
		check(muster_region_refresh(region) == 0, "refresh");
		check(muster_region_text(region, &text, &bytes) == 0, "text");
		__atomic_fetch_add(&looked, 1, __ATOMIC_RELAXED);
	}
	muster_region_destroy(&region);
	return arg;
}

static double value_of(const char *sample)
{
	struct muster_region *region = region_open();
	const char *text;
	size_t bytes, n = strlen(sample);
	double value = -1;

	check(muster_region_refresh(region) == 0, "refresh");
	check(muster_region_text(region, &text, &bytes) == 0, "text");
	char *page = strndup(text, bytes);
	for (char *line = page; line && *line; line = strchr(line, '\n'), line += line != NULL)
		if (strncmp(line, sample, n) == 0 && line[n] == ' ')
			value = strtod(line + n, NULL);
	free(page);
	muster_region_destroy(&region);
	return value;
}

static void expect(const char *sample, double value)
{
	double is = value_of(sample);

	if (is != value) {
		(void)fprintf(stderr, "twin: %s is %.17g, not %.17g\n", sample, is, value);
		exit(1);
	}
}

/* ---- threads ------------------------------------------------------------------------------ */

static pthread_t start(void *(*fn)(void *arg), void *arg)
{
	pthread_t thread;

	check(pthread_create(&thread, NULL, fn, arg) == 0, "pthread_create");
	return thread;
}

static void run(void *(*fn)(void *arg), size_t count)
{
	pthread_t threads[64];

	for (size_t i = 0; i < count; i++)
		threads[i] = start(fn, (void *)(uintptr_t)i);
	for (size_t i = 0; i < count; i++)
		(void)pthread_join(threads[i], NULL);
}

static struct muster_family *declare(enum muster_type type, enum muster_mode mode, const char *name, const char *label)
{
	const char *const labels[] = {label, NULL};
	struct muster_opts o = {.name = name, .help = "Help.", .mode = mode, .labels = labels, .series_max = 100000};
	struct muster_family *family = NULL;

	check(muster_declare(type, &o, &family) == 0, name);
	return family;
}

/* ---- scenarios ---------------------------------------------------------------------------- */

#define SERIES 1500
#define SERIES_THREADS 3

/* All threads look up the same new names: one creates each, the others find it. */
static void *find_series(void *arg)
{
	struct muster_family *family = declare(MUSTER_COUNTER, 0, "twin_found_total", "n");
	struct muster_family *spread = declare(MUSTER_HISTOGRAM, 0, "twin_found_seconds", "n");

	for (int i = 0; i < SERIES; i++) {
		char name[16];
		(void)snprintf(name, sizeof name, "%d", i);
		muster_counter_inc(muster_counter_with(family, name));
		if (i % 8 == 0)
			muster_histogram_observe(muster_histogram_with(spread, name), 0.25);
	}
	return arg;
}

static void series(void)
{
	run(find_series, SERIES_THREADS);
	for (int i = 0; i < SERIES; i += SERIES / 5) {
		char sample[64];
		(void)snprintf(sample, sizeof sample, "twin_found_total{n=\"%d\"}", i);
		expect(sample, SERIES_THREADS);
	}
	expect("twin_found_seconds_count{n=\"8\"}", SERIES_THREADS);
}

static muster_counter born;
static pthread_barrier_t barrier;

static void *be_born(void *arg)
{
	muster_counter_inc(born);
	(void)pthread_barrier_wait(&barrier);
	return arg;
}

#define BORN 20 /* more than there are banks yet, fewer than there may be */

/* New banks, and no record behind them that could order anything. The threads come slowly, one per look. */
static void banks(void)
{
	pthread_t threads[BORN];

	born = muster_counter_with(declare(MUSTER_COUNTER, 0, "twin_born_total", NULL));
	check(pthread_barrier_init(&barrier, NULL, BORN) == 0, "barrier");
	for (int i = 0; i < BORN; i++) {
		unsigned long before = __atomic_load_n(&looked, __ATOMIC_RELAXED);
		threads[i] = start(be_born, NULL);
		while (__atomic_load_n(&looked, __ATOMIC_RELAXED) < before + 2)
			usleep(200);
	}
	for (int i = 0; i < BORN; i++)
		(void)pthread_join(threads[i], NULL);
	expect("twin_born_total", BORN);
}

#define OCTAVES_OF_A_PAGE 4
#define PAGES 31 /* of each sign: all but the last, and the first from its middle on */

/* New pages of a sketch, one per look: nothing else is published then. */
static void sketches(void)
{
	static const double greatest[] = {1};
	struct muster_opts o = {.name = "twin_spread", .help = "Help.", .quantiles = greatest, .quantiles_count = 1};
	struct muster_family *family = NULL;
	double x = 0x1p-62;

	check(muster_declare(MUSTER_SUMMARY, &o, &family) == 0, o.name);
	muster_summary spread = muster_summary_with(family);
	for (int i = 0; i < 2 * PAGES; i++) {
		unsigned long before = __atomic_load_n(&looked, __ATOMIC_RELAXED);
		muster_summary_observe(spread, i % 2 ? -x : x);
		x *= i % 2 ? 1 << OCTAVES_OF_A_PAGE : 1;
		while (__atomic_load_n(&looked, __ATOMIC_RELAXED) < before + 2)
			usleep(200);
	}
	expect("twin_spread_count", 2 * PAGES);
	check(value_of("twin_spread{quantile=\"1.0\"}") > x / 17, "the greatest is not there");
}

static muster_summary late;

#define LATE 32 /* more than there are banks */
#define LATE_RECORDS 300

static void *come_late(void *arg)
{
	muster_counter_inc(born); /* claims, or finds that there is none */
	(void)pthread_barrier_wait(&barrier);
	for (int i = 0; i < LATE_RECORDS; i++)
		muster_summary_observe(late, 0.5);
	(void)pthread_barrier_wait(&barrier);
	return arg;
}

/* Threads without a bank borrow one after the other. */
static void borrow(void)
{
	born = muster_counter_with(declare(MUSTER_COUNTER, 0, "twin_born_total", NULL));
	late = muster_summary_with(declare(MUSTER_SUMMARY, 0, "twin_late_seconds", NULL));
	check(pthread_barrier_init(&barrier, NULL, LATE) == 0, "barrier");
	run(come_late, LATE);
	check(__atomic_load_n(&borrowed, __ATOMIC_RELAXED) > LATE_RECORDS, "too few banks were borrowed");
	expect("twin_late_seconds_count", LATE * LATE_RECORDS);
	expect("twin_late_seconds_sum", LATE * LATE_RECORDS * 0.5);
}

static muster_native_histogram wide;

#define WIDE_THREADS 4
#define WIDE_RECORDS 4000

/* The windows of each bank move, and schemas fall, while they are read. */
static void *spread_out(void *arg)
{
	double x = 1;

	for (int i = 0; i < WIDE_RECORDS; i++) {
		muster_native_histogram_observe(wide, x);
		x = i % 2 ? 1 / (x * 1.1) : 1 / x;
		if (i % 400 == 0)
			x = 1;
	}
	return arg;
}

static void windows(void)
{
	wide = muster_native_histogram_with(declare(MUSTER_NATIVE_HISTOGRAM, 0, "twin_wide", NULL));
	run(spread_out, WIDE_THREADS);
	expect("twin_wide_count", WIDE_THREADS * WIDE_RECORDS);
}

#define ALL_THREADS 4
#define ALL_ROUNDS 5
#define ALL_RECORDS 400

/* Every recorder; each thread has its own family too, and some declare the same. */
static void *record_all(void *arg)
{
	char name[32];

	(void)snprintf(name, sizeof name, "twin_own_%d_total", (int)(uintptr_t)arg);
	struct muster_family *own = declare(MUSTER_COUNTER, 0, name, "n");
	muster_counter c = muster_counter_with(declare(MUSTER_COUNTER, 0, "twin_total", NULL));
	muster_real_counter r = muster_real_counter_with(declare(MUSTER_REAL_COUNTER, 0, "twin_bytes_total", NULL));
	muster_gauge sum = muster_gauge_with(declare(MUSTER_GAUGE, MUSTER_SUM, "twin_level", NULL));
	muster_gauge all = muster_gauge_with(declare(MUSTER_GAUGE, MUSTER_ALL, "twin_all", "n"), "x");
	muster_gauge recent = muster_gauge_with(declare(MUSTER_GAUGE, MUSTER_MOSTRECENT, "twin_recent", NULL));
	muster_in_flight f = muster_in_flight_with(declare(MUSTER_IN_FLIGHT, 0, "twin_flying", NULL));
	muster_histogram h = muster_histogram_with(declare(MUSTER_HISTOGRAM, 0, "twin_seconds", NULL));

	for (int i = 0; i < ALL_RECORDS; i++) {
		muster_in_flight_begin(f);
		muster_counter_inc(c);
		muster_counter_add(c, UINT64_MAX); /* refused */
		muster_real_counter_add(r, 0.25);
		muster_gauge_inc(sum);
		muster_gauge_set(all, i);
		muster_gauge_set(recent, i);
		muster_histogram_observe(h, 1);
		(void)snprintf(name, sizeof name, "%d", i % 100);
		muster_counter_inc(muster_counter_with(own, name));
		muster_in_flight_end(f);
	}
	return arg;
}

/* Threads end without being waited for by those that take their banks. */
static void *record_in_a_row(void *arg)
{
	for (int i = 0; i < ALL_ROUNDS; i++)
		(void)pthread_join(start(record_all, arg), NULL);
	return arg;
}

static void everything(void)
{
	const double records = ALL_THREADS * ALL_ROUNDS * ALL_RECORDS;

	run(record_in_a_row, ALL_THREADS);
	expect("twin_total", records);
	expect("twin_bytes_total", records / 4);
	expect("twin_level", records);
	expect("twin_seconds_count", records);
	expect("twin_seconds_sum", records);
	expect("twin_flying", 0);
	expect("twin_own_1_total{n=\"7\"}", ALL_ROUNDS * ALL_RECORDS / 100);
	expect("muster_refused_updates_total{reason=\"negative\"}", records);
}

static const struct {
	const char *name;
	void (*run)(void);
} scenarios[] = {
	{"banks", banks},           {"sketches", sketches}, {"series", series},
	{"everything", everything}, {"borrow", borrow},     {"windows", windows},
};

/* ---- the program -------------------------------------------------------------------------- */

static bool wanted(const char *name, int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], name) == 0)
			return true;
	return argc == 1;
}

/* Attached, with a bank, before the reader comes: it finds a slab. */
static void begin(void)
{
	struct rlimit small = {64 << 20, 64 << 20}; /* the geometry that fits it has 32 banks */

	strcpy(region_path, "/dev/shm/muster-twin-XXXXXX");
	check(mkdtemp(region_path) != NULL, "mkdtemp");
	check(setenv("MUSTER_REGION", region_path, 1) == 0, "setenv");
	check(setrlimit(RLIMIT_FSIZE, &small) == 0, "setrlimit");
	muster_counter_inc(muster_counter_with(declare(MUSTER_COUNTER, 0, "twin_runs_total", NULL)));
	check(muster__store.fd >= 0 && muster__store.geometry.bank_count == 32, "no slab of 32 banks");
}

static void region_remove(void)
{
	char command[128];

	(void)snprintf(command, sizeof command, "rm -rf %s", region_path);
	check(system(command) == 0, "rm");
}

int main(int argc, char **argv)
{
	begin();
	(void)atexit(region_remove);
	for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++) {
		if (!wanted(scenarios[i].name, argc, argv))
			continue;
		__atomic_store_n(&stop, 0, __ATOMIC_RELAXED);
		pthread_t reader = start(read_on, NULL);
		scenarios[i].run();
		__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
		(void)pthread_join(reader, NULL);
		(void)printf("ok %s, read %lu times\n", scenarios[i].name, __atomic_load_n(&looked, __ATOMIC_RELAXED));
	}
	return 0;
}
