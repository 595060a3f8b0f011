/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Killing the writer at every instruction of every operation.
 *
 * A child prepares, stops, and runs one operation under ptrace; the parent lets it run N instructions,
 * SIGKILLs it, and reads the page: the operation is there wholly or not at all, and everything before it
 * is there. N = 0, 1, 2, ... until the child survives. An operation of many thousand instructions is
 * killed after each one that changed the region, and at some in between.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sys/personality.h>
#include <sys/ptrace.h>

#include "reading.h"
#include "shm/encode.h"
#include "shm/requests.h"
#include "shm/sketch.h"
#include "shm/store.h"

#include <muster/exemplar.h>

static const char *const label[] = {"kind", NULL};

static struct muster_family *family(enum muster_type type, const char *name, enum muster_mode mode, bool labelled)
{
	struct muster_family *f = NULL;
	struct muster_opts o = {.name = name, .help = "Help.", .mode = mode, .labels = labelled ? label : NULL};

	if (muster_declare(type, &o, &f) != 0)
		_exit(99);
	return f;
}

/* ---- the operations ----------------------------------------------------------------------- */

static muster_counter counter;
static muster_real_counter real_counter;
static muster_gauge gauge;
static muster_histogram histogram;
static muster_summary summary;
static muster_native_histogram native;
static muster_gauge level;
static muster_in_flight in_flight;
static struct muster_family *labelled;
static muster_summary quantiles;

static void prepare_all(void)
{
	counter = muster_counter_with(family(MUSTER_COUNTER, "c_total", 0, false));
	real_counter = muster_real_counter_with(family(MUSTER_REAL_COUNTER, "r_total", 0, false));
	gauge = muster_gauge_with(family(MUSTER_GAUGE, "g", MUSTER_MOSTRECENT, false));
	histogram = muster_histogram_with(family(MUSTER_HISTOGRAM, "h", 0, false));
	summary = muster_summary_with(family(MUSTER_SUMMARY, "s", 0, false));
	level = muster_gauge_with(family(MUSTER_GAUGE, "v", MUSTER_MAX, false));
	in_flight = muster_in_flight_with(family(MUSTER_IN_FLIGHT, "f", 0, false));
	labelled = family(MUSTER_COUNTER, "l_total", 0, true);
	muster_counter_add(counter, 3);
	muster_real_counter_add(real_counter, 1.5);
	muster_gauge_set(gauge, 3);
	muster_histogram_observe(histogram, 0.5);
	muster_histogram_observe(histogram, 2);
	muster_summary_observe(summary, 2);
	native = muster_native_histogram_with(family(MUSTER_NATIVE_HISTOGRAM, "x", 0, false));
	muster_native_histogram_observe(native, 1);
	muster_native_histogram_observe(native, 1.5);
	muster_gauge_set(level, 5);
	muster_in_flight_begin(in_flight);
	muster_counter_inc(muster_counter_with(labelled, "old"));
}

static void prepare_quantiles(void)
{
	static const double extremes[] = {0, 1};
	struct muster_opts o = {.name = "q", .help = "Help.", .quantiles = extremes, .quantiles_count = 2};
	struct muster_family *f = NULL;

	prepare_all();
	if (muster_declare(MUSTER_SUMMARY, &o, &f) != 0)
		_exit(99);
	quantiles = muster_summary_with(f);
	muster_summary_observe(quantiles, 2);
}

/* The only observation there was is of the epoch whose words it is now time to take over. */
static void prepare_epochs(void)
{
	prepare_quantiles();
	uint32_t bucket = muster__sketch_bucket(2), page = bucket / MUSTER__SKETCH_BUCKETS;
	uint64_t *words = muster__process()->sketch_pages + page * MUSTER__SKETCH_PAGE_WORDS + muster__sketch_word(bucket);
	uint64_t epoch = muster__sketch_epoch(muster__coarse_s(), MUSTER_WINDOW_S_DEFAULT) - MUSTER__SKETCH_SLOTS;

	for (uint64_t i = 0; i < MUSTER__SKETCH_SLOTS; i++) /* another one may begin meanwhile */
		words[(epoch + i) % MUSTER__SKETCH_SLOTS] =
			muster__sketch_word_of((epoch + i) & MUSTER__SKETCH_EPOCH_MASK, i == 0);
}

/* Long enough for several words, all of which differ. */
static struct muster_exemplar exemplar_of(char c)
{
	struct muster_exemplar e = {0};
	char id[33] = "";

	memset(id, c, 32);
	if (muster_exemplar_trace(&e, id, NULL) != 0)
		_exit(97);
	return e;
}

static struct muster_exemplar next_exemplar;

static void prepare_exemplars(void)
{
	struct muster_opts o = {.name = "e_total", .help = "Help.", .exemplars = true};
	struct muster_family *f = NULL;
	struct muster_exemplar e = exemplar_of('a');

	prepare_all();
	if (muster_declare(MUSTER_COUNTER, &o, &f) != 0)
		_exit(99);
	counter = muster_counter_with(f);
	muster_counter_add_with_exemplar(counter, 3, &e);
	next_exemplar = exemplar_of('b');
}

static void prepare_nothing(void)
{
}

static void *record_once(void *arg)
{
	(void)arg;
	muster_counter_inc(counter);
	return NULL;
}

/* A bank whose thread has ended; the main thread has none yet. */
static void prepare_orphan(void)
{
	pthread_t thread;

	counter = muster_counter_with(family(MUSTER_COUNTER, "c_total", 0, false));
	if (pthread_create(&thread, NULL, record_once, NULL) != 0 || pthread_join(thread, NULL) != 0)
		_exit(98);
}

static void op_counter(void)
{
	muster_counter_inc(counter);
}

static void op_real_counter(void)
{
	muster_real_counter_add(real_counter, 0.25);
}

static void op_gauge(void)
{
	muster_gauge_set(gauge, 4);
}

static void op_histogram(void)
{
	muster_histogram_observe(histogram, 0.25);
}

static void op_summary(void)
{
	muster_summary_observe(summary, 0.25);
}

static void op_native(void)
{
	muster_native_histogram_observe(native, 1.5);
}

/* The first value, and one for which the window has to be moved, or the schema lowered. */
static void prepare_native(void)
{
	native = muster_native_histogram_with(family(MUSTER_NATIVE_HISTOGRAM, "x", 0, false));
}

static void prepare_native_narrow(void)
{
	prepare_native();
	muster_native_histogram_observe(native, 1);
	muster_native_histogram_observe(native, 1);
}

static void op_native_move(void)
{
	muster_native_histogram_observe(native, 1.5);
}

static void op_native_lower(void)
{
	muster_native_histogram_observe(native, 1024);
}

static void op_quantiles(void)
{
	muster_summary_observe(quantiles, 2);
}

/* Its page is not there yet. */
static void op_quantiles_page(void)
{
	muster_summary_observe(quantiles, 0.25);
}

static void op_exemplar(void)
{
	muster_counter_add_with_exemplar(counter, 4, &next_exemplar);
}

static void op_level(void)
{
	muster_gauge_add(level, 2);
}

/* The thread runs as it likes beside the one that is stepped; both die at once. */
static void op_thread(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, record_once, NULL) != 0 || pthread_join(thread, NULL) != 0)
		_exit(98);
}

static void op_remove(void)
{
	(void)muster_remove_with(labelled, "old");
}

static void op_in_flight(void)
{
	muster_in_flight_end(in_flight);
}

static void op_series(void)
{
	muster_counter_inc(muster_counter_with(labelled, "new"));
}

static void op_family(void)
{
	muster_histogram_observe(muster_histogram_with(family(MUSTER_HISTOGRAM, "n", 0, false)), 0.25);
}

static void op_attach(void)
{
	muster_counter_inc(muster_counter_with(family(MUSTER_COUNTER, "c_total", 0, false)));
}

static void op_child(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	(void)waitpid(pid, NULL, 0);
	muster_counter_inc(counter);
}

/* ---- what the page may say ---------------------------------------------------------------- */

static bool is(const char *page, const char *sample, double value)
{
	return fabs(value_in(page, sample) - value) < 1e-9;
}

/* All that prepare_all() recorded, but for the samples the operation changes. */
static bool base_holds(const char *page)
{
	return is(page, "l_total{kind=\"old\"}", 1) && value_in(page, "c_total") >= 3 && value_in(page, "r_total") >= 1.5 &&
	       value_in(page, "h_count") >= 2 && value_in(page, "h_bucket{le=\"+Inf\"}") == value_in(page, "h_count");
}

static bool page_counter(const char *page)
{
	return base_holds(page) && (is(page, "c_total", 3) || is(page, "c_total", 4));
}

static bool page_real_counter(const char *page)
{
	return base_holds(page) && (is(page, "r_total", 1.5) || is(page, "r_total", 1.75));
}

static bool page_gauge(const char *page)
{
	return base_holds(page) && (is(page, "g", 3) || is(page, "g", 4));
}

static bool page_histogram(const char *page)
{
	bool before = is(page, "h_count", 2) && is(page, "h_sum", 2.5) && is(page, "h_bucket{le=\"0.25\"}", 0);
	bool after = is(page, "h_count", 3) && is(page, "h_sum", 2.75) && is(page, "h_bucket{le=\"0.25\"}", 1);

	return base_holds(page) && (before || after);
}

static bool page_summary(const char *page)
{
	bool before = is(page, "s_count", 1) && is(page, "s_sum", 2);
	bool after = is(page, "s_count", 2) && is(page, "s_sum", 2.25);

	return base_holds(page) && (before || after);
}

/* The native histogram holds these values and no other, each in a bucket it is in. */
static bool native_holds(const double *values, size_t count)
{
	struct muster_region *region = reader();
	const struct muster__view_series *series = series_of(region, "x", "");
	struct muster__native_values n;
	double sum = 0;
	bool good = true;

	assert_non_null(series);
	muster__native_values(&region->merge.view, series, &n);
	for (uint32_t i = 0; i < n.used; i++) {
		double low = muster__exponential_bound(n.start + (int32_t)i - 1, n.schema);
		double high = muster__exponential_bound(n.start + (int32_t)i, n.schema);
		uint64_t wanted = 0;
		for (size_t k = 0; k < count; k++)
			wanted += values[k] > low && values[k] <= high;
		good &= n.buckets[0][i] == wanted;
	}
	for (size_t k = 0; k < count; k++)
		sum += values[k];
	good &= n.count == count && real_of(region, "x", "") == sum;
	muster_region_destroy(&region);
	return good;
}

static bool page_native(const char *page)
{
	static const double values[] = {1, 1.5, 1.5};

	return base_holds(page) && (native_holds(values, 2) || native_holds(values, 3));
}

static bool page_native_first(const char *page)
{
	static const double values[] = {1.5};

	(void)page;
	return native_holds(values, 0) || native_holds(values, 1);
}

static bool page_native_move(const char *page)
{
	static const double values[] = {1, 1, 1.5};

	(void)page;
	return native_holds(values, 2) || native_holds(values, 3);
}

static bool page_native_lower(const char *page)
{
	static const double values[] = {1, 1, 1024};

	(void)page;
	return native_holds(values, 2) || native_holds(values, 3);
}

static bool near(const char *page, const char *sample, double value)
{
	return fabs(value_in(page, sample) - value) < 0.011 * value;
}

/* The count comes first: the quantiles may lack the observation. */
static bool page_quantiles(const char *page)
{
	return base_holds(page) && (is(page, "q_count", 1) || is(page, "q_count", 2)) &&
	       near(page, "q{quantile=\"0.0\"}", 2) && near(page, "q{quantile=\"1.0\"}", 2);
}

static bool page_quantiles_page(const char *page)
{
	bool lower = is(page, "q_count", 2) && is(page, "q_sum", 2.25) && near(page, "q{quantile=\"0.0\"}", 0.25);

	return base_holds(page) && (page_quantiles(page) || (lower && near(page, "q{quantile=\"1.0\"}", 2)));
}

static bool page_epochs(const char *page)
{
	bool none = isnan(value_in(page, "q{quantile=\"0.0\"}")) && isnan(value_in(page, "q{quantile=\"1.0\"}"));

	return base_holds(page) && ((none && (is(page, "q_count", 1) || is(page, "q_count", 2))) ||
	                            (is(page, "q_count", 2) && page_quantiles(page)));
}

static bool page_level(const char *page)
{
	return base_holds(page) && (is(page, "v", 5) || is(page, "v", 7));
}

static bool page_base(const char *page)
{
	return base_holds(page);
}

#define A8 "aaaaaaaa"
#define B8 "bbbbbbbb"

/* The old one, which is there until the update is, the new one, or none while it is written: never a part of each. */
static bool page_exemplar(const char *page)
{
	const char *got = exemplar_in(page, "e_total");
	bool old = strcmp(got, " # {trace_id=\"" A8 A8 A8 A8 "\"} 3") == 0;
	bool new = strcmp(got, " # {trace_id=\"" B8 B8 B8 B8 "\"} 4") == 0;

	return base_holds(page) &&
	       ((is(page, "e_total", 3) && old) || (is(page, "e_total", 7) && (old || new || *got == '\0')));
}

static bool page_series(const char *page)
{
	double value = value_in(page, "l_total{kind=\"new\"}");

	return base_holds(page) && (isnan(value) || value == 0 || value == 1);
}

static bool page_family(const char *page)
{
	double count = value_in(page, "n_count"), sum = value_in(page, "n_sum");

	return base_holds(page) &&
	       ((isnan(count) && isnan(sum)) || (count == 0 && sum == 0) || (count == 1 && sum == 0.25));
}

static bool page_attach(const char *page)
{
	double value = value_in(page, "c_total");

	return isnan(value) || value == 0 || value == 1;
}

static bool page_orphan(const char *page)
{
	return is(page, "c_total", 1) || is(page, "c_total", 2);
}

static const struct operation {
	const char *name;
	void (*prepare)(void);
	void (*run)(void);
	bool (*page_allowed)(const char *page);
} operations[] = {
	{"counter inc", prepare_all, op_counter, page_counter},
	{"real counter add", prepare_all, op_real_counter, page_real_counter},
	{"mostrecent gauge set", prepare_all, op_gauge, page_gauge},
	{"histogram observe", prepare_all, op_histogram, page_histogram},
	{"summary observe", prepare_all, op_summary, page_summary},
	{"native histogram observe", prepare_all, op_native, page_native},
	{"native histogram's first value", prepare_native, op_native, page_native_first},
	{"native histogram's window moves", prepare_native_narrow, op_native_move, page_native_move},
	{"native histogram's schema falls", prepare_native_narrow, op_native_lower, page_native_lower},
	{"summary with quantiles observe", prepare_quantiles, op_quantiles, page_quantiles},
	{"its first observation of an epoch", prepare_epochs, op_quantiles, page_epochs},
	{"its first observation of a page", prepare_quantiles, op_quantiles_page, page_quantiles_page},
	{"counter with exemplar", prepare_exemplars, op_exemplar, page_exemplar},
	{"gauge add", prepare_all, op_level, page_level},
	{"in flight end", prepare_all, op_in_flight, page_base},
	{"thread start and exit", prepare_all, op_thread, page_counter},
	{"request to remove a series", prepare_all, op_remove, page_base},
	{"series creation", prepare_all, op_series, page_series},
	{"family creation", prepare_all, op_family, page_family},
	{"attach", prepare_nothing, op_attach, page_attach},
	{"bank adoption", prepare_orphan, op_counter, page_orphan},
	{"fork", prepare_all, op_child, page_counter},
};

/* ---- stepping ----------------------------------------------------------------------------- */

static pid_t start_stopped(const struct operation *op)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		(void)personality(ADDR_NO_RANDOMIZE);
		op->prepare();
		(void)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		(void)raise(SIGSTOP);
		op->run();
		(void)raise(SIGSTOP);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
	return pid;
}

/* One instruction. Returns false when the operation has returned. A grandchild's end is not ours. */
static bool step(pid_t pid)
{
	int status, sig = 0;

	for (;;) {
		if (ptrace(PTRACE_SINGLESTEP, pid, NULL, sig) != 0 || waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
			return false;
		if (WSTOPSIG(status) == SIGTRAP)
			return true;
		if (WSTOPSIG(status) == SIGSTOP)
			return false;
		sig = WSTOPSIG(status);
	}
}

static void kill_and_reap(pid_t pid)
{
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
}

/* FNV over the parts of the slabs that small tests use. */
static uint64_t region_hash(void)
{
	static unsigned char block[1 << 16];
	uint64_t hash = 1469598103934665603u;
	DIR *dir = opendir(support_region);
	char path[400];

	for (struct dirent *e; dir && (e = readdir(dir));) {
		(void)snprintf(path, sizeof path, "%s/%s", support_region, e->d_name);
		int fd = strncmp(e->d_name, "slab.", 5) == 0 ? open(path, O_RDONLY) : -1;
		if (fd < 0)
			continue;
		for (off_t at = 0; (at = lseek(fd, at, SEEK_DATA)) >= 0;) {
			ssize_t n = pread(fd, block, sizeof block, at);
			for (ssize_t i = 0; i + 8 <= n; i += 8) {
				uint64_t word;
				memcpy(&word, block + i, 8);
				hash = (hash ^ word) * 1099511628211u;
			}
			at += n > 0 ? n : 1 << 16;
		}
		close(fd);
	}
	if (dir)
		closedir(dir);
	return hash;
}

#define STEPS_ALL 1500 /* kill at each of them up to here */
#define KILLS_MAX 400

/* After how many instructions to kill: all of a short operation; of a long one those that changed the
 * region, and every so many. Returns how many. */
static size_t kill_points(const struct operation *op, long *points)
{
	region_make();
	pid_t pid = start_stopped(op);
	uint64_t hash = region_hash();
	size_t count = 0;
	long n = 0;

	while (step(pid)) {
		uint64_t now = region_hash();
		n++;
		if (now != hash && count < KILLS_MAX)
			points[count++] = n;
		hash = now;
	}
	kill_and_reap(pid);
	region_remove();
	long stride = n <= STEPS_ALL ? 1 : n / 50;
	if (stride == 1)
		count = 0;
	for (long at = 0; at <= n && count < KILLS_MAX + STEPS_ALL; at += stride)
		points[count++] = at;
	return count;
}

static void kill_at(const struct operation *op, long instructions)
{
	region_make();
	pid_t pid = start_stopped(op);
	long n = 0;

	while (n < instructions && step(pid))
		n++;
	kill_and_reap(pid);
	char *page = scrape_as(MUSTER_FORMAT_OPENMETRICS);
	if (!op->page_allowed(page)) {
		(void)fprintf(stderr, "%s, killed after %ld instructions:\n%s", op->name, instructions, page);
		fail();
	}
	free(page);
	region_remove();
}

static void crash_every_store(void **state)
{
	static long points[KILLS_MAX + STEPS_ALL + 1];
	const struct operation *op = *state;
	size_t count = kill_points(op, points);

	assert_true(count > 0);
	for (size_t i = 0; i < count; i++)
		kill_at(op, points[i]);
	(void)fprintf(stderr, "%s: killed %zu times\n", op->name, count);
}

int main(void)
{
	enum { COUNT = sizeof operations / sizeof *operations };
	struct CMUnitTest tests[COUNT];

	for (size_t i = 0; i < COUNT; i++)
		tests[i] = (struct CMUnitTest){operations[i].name, crash_every_store, NULL, NULL, (void *)&operations[i]};
	return cmocka_run_group_tests_name("t_crash_every_store", tests, NULL, NULL);
}
