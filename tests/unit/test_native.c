/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Native histograms: buckets that move and become coarser while values come, in several threads and processes, are
 * those that follow from the list of values.
 */
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>

#include "folding.h"
#include "native_oracle.h"
#include "shm/family.h"

#define LEAST 0x1p-128

static struct muster_family *declare_native(const char *name, const char *label, struct muster_opts o)
{
	const char *const labels[] = {label, NULL};
	struct muster_family *family = NULL;

	o.name = name;
	o.help = "Help.";
	o.labels = labels;
	if (muster_declare(MUSTER_NATIVE_HISTOGRAM, &o, &family) != 0) {
		(void)fprintf(stderr, "%s\n", muster_error_message());
		_exit(96);
	}
	return family;
}

static void observe_all(muster_native_histogram h, const double *values, size_t count)
{
	for (size_t i = 0; i < count; i++)
		muster_native_histogram_observe(h, values[i]);
}

/* ---- one writer --------------------------------------------------------------------------- */

struct job {
	struct muster_opts opts;
	struct oracle values;
};

static void observe_job(void *arg)
{
	const struct job *job = arg;

	observe_all(muster_native_histogram_with(declare_native("n", NULL, job->opts)), job->values.values,
	            job->values.count);
}

static void expect_job(struct job *job, int schema_first)
{
	uint32_t per_sign = job->opts.buckets_max ? job->opts.buckets_max : MUSTER_BUCKETS_DEFAULT;

	region_make();
	worker_live_and_die(observe_job, job);
	struct muster_region *region = reader();
	double threshold = native_of(region, "n", "").zero_threshold, sum = 0;
	expect_native(region, "n", "", &job->values, oracle_schema(&job->values, schema_first, per_sign, threshold));
	for (size_t i = 0; i < job->values.count; i++)
		sum += job->values.values[i];
	assert_memory_equal(&sum, (double[]){real_of(region, "n", "")}, isnan(sum) ? 0 : sizeof sum);
	assert_int_equal(isnan(sum), isnan(real_of(region, "n", "")));
	muster_region_destroy(&region);
	region_remove();
}

static int ascending(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static int descending(const void *a, const void *b)
{
	return ascending(b, a);
}

/* Over a few buckets to over all numbers, in any order. */
static void buckets_are_those_of_the_values(void **state)
{
	static const double ranges[][2] = {{1, 1.01}, {1, 1.5}, {0.9, 2}, {1e-3, 10}, {1e-9, 1e9}, {0x1p-120, 0x1p1000}};
	static int (*const orders[])(const void *, const void *) = {NULL, ascending, descending};
	static struct job job;

	(void)state;
	for (size_t range = 0; range < sizeof ranges / sizeof *ranges; range++)
		for (size_t order = 0; order < sizeof orders / sizeof *orders; order++) {
			job = (struct job){.values.count = 700};
			spread(job.values.values, job.values.count, ranges[range][0], ranges[range][1], (unsigned)range + 1);
			if (orders[order])
				qsort(job.values.values, job.values.count, sizeof(double), orders[order]);
			expect_job(&job, 8);
		}
}

static void more_buckets_keep_them_finer(void **state)
{
	static const uint32_t most[] = {160, 161, 511, 1024};
	static struct job job;

	(void)state;
	for (size_t i = 0; i < sizeof most / sizeof *most; i++) {
		job = (struct job){.opts.buckets_max = most[i], .values.count = 500};
		spread(job.values.values, job.values.count, 1e-4, 1e2, 7);
		expect_job(&job, 8);
	}
}

static void a_bucket_factor_is_the_finest_to_begin_with(void **state)
{
	static const struct {
		double factor;
		int schema;
	} rows[] = {{1.0000001, 8}, {1.0028, 8}, {1.1, 3}, {1.09, 4}, {2, 0}, {3, 0}, {4, -1}, {65536, -4}, {1e300, -4}};
	static struct job job;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		job = (struct job){.opts.bucket_factor = rows[i].factor, .values = {3, {1, 1.001, 1.3}}};
		expect_job(&job, rows[i].schema);
	}
}

static void negative_values_have_buckets_if_the_family_says_so(void **state)
{
	static struct job job;

	(void)state;
	job = (struct job){.opts.signed_values = true, .values.count = 600};
	spread(job.values.values, 300, 1e-3, 1, 1);
	spread(job.values.values + 300, 300, 1e-2, 1e2, 2);
	for (size_t i = 0; i < 300; i++)
		job.values.values[i] *= -1;
	expect_job(&job, 8);
	qsort(job.values.values, job.values.count, sizeof(double), ascending);
	expect_job(&job, 8);
}

static void what_is_no_matter_of_buckets_does_not_stretch_them(void **state)
{
	static struct job job;

	(void)state;
	job = (struct job){.opts.signed_values = true,
	                   .values = {14,
	                              {1, INFINITY, -INFINITY, INFINITY, 0, -0.0, 0x1p-1074, -0x1p-1074, LEAST, -LEAST,
	                               1.01, DBL_MIN, NAN, -NAN}}};
	expect_job(&job, 8);
}

static void all_finite_numbers_have_buckets(void **state)
{
	static struct job job;

	(void)state;
	job = (struct job){.opts = {.signed_values = true, .zero_threshold = MUSTER_ZERO_THRESHOLD_NONE},
	                   .values = {7, {0x1p-1074, DBL_MAX, -DBL_MAX, -0x1p-1074, 1, 0, nextafter(DBL_MIN, 0)}}};
	expect_job(&job, 8);
	job.values.count = 1;
	expect_job(&job, 8);
	job.values = (struct oracle){2, {0x1p-1070, 0x1p-1071}};
	expect_job(&job, 8);
}

static void a_zero_threshold_is_the_familys(void **state)
{
	static struct job job;

	(void)state;
	job = (struct job){.opts.zero_threshold = 0.5, .values = {5, {0.5, -0.5, nextafter(0.5, 1), 0.1, 1}}};
	expect_job(&job, 8);
}

static void observe_negative(void *arg)
{
	muster_native_histogram h = muster_native_histogram_with(declare_native("n", NULL, (struct muster_opts){0}));

	(void)arg;
	observe_all(h, (const double[]){-1, -INFINITY, -2 * LEAST, 2}, 4);
}

static void negative_values_are_refused_and_counted_else(void **state)
{
	(void)state;
	worker_live_and_die(observe_negative, NULL);
	struct muster_region *region = reader();
	static struct oracle two = {1, {2}};
	expect_native(region, "n", "", &two, 8);
	muster_region_destroy(&region);
	assert_true(value_of("muster_refused_updates_total{reason=\"negative\"}") == 3);
	assert_true(value_of("n_sum") == 2);
}

/* ---- many writers ------------------------------------------------------------------------- */

#define WORKERS 4

static const double scales[WORKERS][2] = {{1, 1.2}, {0.5, 40}, {1e-6, 1e3}, {1, 1.0001}};

static void observe_scale(void *arg)
{
	size_t i = (size_t)(uintptr_t)arg;
	double values[400];

	spread(values, 400, scales[i][0], scales[i][1], (unsigned)i);
	observe_all(muster_native_histogram_with(declare_native("n", NULL, (struct muster_opts){0})), values, 400);
}

static void oracle_scale(struct oracle *o, size_t i)
{
	double values[400];

	spread(values, 400, scales[i][0], scales[i][1], (unsigned)i);
	oracle_add(o, values, 400);
}

/* Whoever dies first, and whatever is folded when. */
static void workers_of_different_scales_merge_exactly(void **state)
{
	static struct oracle all;

	(void)state;
	for (size_t first = 0; first < WORKERS; first++) {
		pid_t pids[WORKERS];
		region_make();
		struct muster_region *region = master();
		all.count = 0;
		for (size_t i = 0; i < WORKERS; i++) {
			pids[i] = worker_start(observe_scale, (void *)i);
			oracle_scale(&all, i);
			assert_int_equal(muster_region_refresh(region), 0);
			expect_native(region, "n", "", &all, oracle_schema(&all, 8, 160, LEAST));
		}
		for (size_t i = 0; i < WORKERS; i++) {
			worker_kill(pids[(first + i) % WORKERS]);
			assert_int_equal(muster_region_refresh(region), 0);
			expect_native(region, "n", "", &all, oracle_schema(&all, 8, 160, LEAST));
			if (i % 2 == first % 2)
				assert_int_equal(fold(region) > 0, true);
			struct muster_region *other = reader();
			expect_native(other, "n", "", &all, oracle_schema(&all, 8, 160, LEAST));
			muster_region_destroy(&other);
		}
		muster_region_destroy(&region);
		region_remove();
	}
}

#define MOVING 60 /* series, one after the other */
#define STEPS 120

static void moving_values(double *values)
{
	for (int i = 0; i < STEPS; i++)
		values[i] = i % 2 ? pow(1.15, i) : pow(1.15, -i);
}

static void observe_moving(void *arg)
{
	double values[STEPS];
	char name[16];

	(void)arg;
	moving_values(values);
	struct muster_family *family = declare_native("n", "kind", (struct muster_opts){0});
	muster_native_histogram_observe(muster_native_histogram_with(family, "0"), values[0]);
	worker_tell();
	for (int i = 0; i < MOVING; i++) {
		(void)snprintf(name, sizeof name, "%d", i);
		muster_native_histogram h = muster_native_histogram_with(family, name);
		observe_all(h, values + (i == 0), (size_t)(STEPS - (i == 0)));
	}
}

/* Whatever the reader sees of a series is what its first so many values are. */
static void a_reader_sees_moving_buckets_whole(void **state)
{
	static struct oracle o;
	char name[16];
	uint64_t seen;

	(void)state;
	for (int round = 0; round < 5; round++) {
		region_make();
		pid_t pid = worker_start(observe_moving, NULL);
		struct muster_region *region = reader();
		moving_values(o.values);
		do {
			assert_int_equal(muster_region_refresh(region), 0);
			seen = 0;
			for (int i = 0; i < MOVING; i++) {
				(void)snprintf(name, sizeof name, "%d", i);
				if (series_of(region, "n", name) == NULL)
					continue;
				struct muster__native_values n = native_of(region, "n", name);
				o.count = n.count;
				expect_native(region, "n", name, &o, n.schema);
				seen += n.count;
			}
		} while (seen < MOVING * STEPS);
		assert_int_equal(told.count, 0);
		muster_region_destroy(&region);
		worker_kill(pid);
		region_remove();
	}
}

static void a_childs_histogram_is_its_own(void *arg)
{
	muster_native_histogram h = muster_native_histogram_with(declare_native("n", NULL, (struct muster_opts){0}));

	observe_all(h, (const double[]){1, 1e6}, 2);
	if (fork() == 0) {
		muster_native_histogram_observe(h, 5);
		_exit(0);
	}
	(void)wait(NULL);
	(void)arg;
}

static void a_child_begins_with_no_buckets(void **state)
{
	static struct oracle three = {3, {1, 1e6, 5}};

	(void)state;
	worker_live_and_die(a_childs_histogram_is_its_own, NULL);
	struct muster_region *region = reader();
	expect_native(region, "n", "", &three, oracle_schema(&three, 8, 160, LEAST));
	muster_region_destroy(&region);
}

static void observe_other(void *arg)
{
	const struct muster_opts *o = arg;

	muster_native_histogram_observe(muster_native_histogram_with(declare_native("n", NULL, *o)), 1);
}

static void descriptions_that_differ_are_not_mixed(void **state)
{
	struct muster_opts others[] = {{.buckets_max = 200}, {.zero_threshold = 1e-9}, {.signed_values = true}},
					   usual = {.bucket_factor = 1.5};

	(void)state;
	struct muster_region *region = master();
	worker_live_and_die(observe_scale, (void *)0);
	assert_int_equal(muster_region_refresh(region), 0);
	assert_int_equal(fold(region), 1); /* what is in the ledger stands */
	muster_region_destroy(&region);
	worker_live_and_die(observe_other, &usual); /* how fine they are is everyone's own */
	for (size_t i = 0; i < 3; i++)
		worker_live_and_die(observe_other, others + i);
	assert_true(value_of("n_count") == 401);
	assert_true(value_of("muster_dropped_families_total{reason=\"conflict\"}") == 3);
}

/* ---- threads ------------------------------------------------------------------------------ */

#define THREADS 40 /* more than there are banks */
#define EACH 300

static muster_native_histogram shared_handle;
static pthread_barrier_t barrier;

static void thread_values(double *values, size_t thread)
{
	spread(values, EACH, 1e-3, thread % 3 ? 1 : 1e4, (unsigned)thread);
}

static void *observe_in_thread(void *arg)
{
	double values[EACH];

	thread_values(values, (size_t)(uintptr_t)arg);
	muster_native_histogram_observe(shared_handle, values[0]);
	(void)pthread_barrier_wait(&barrier);
	observe_all(shared_handle, values + 1, EACH - 1);
	(void)pthread_barrier_wait(&barrier);
	return NULL;
}

static void observe_in_threads(void *arg)
{
	struct rlimit small = {64 << 20, 64 << 20}; /* the geometry that fits it has 32 banks */
	pthread_t threads[THREADS];

	(void)arg;
	(void)setrlimit(RLIMIT_FSIZE, &small);
	shared_handle = muster_native_histogram_with(declare_native("n", NULL, (struct muster_opts){0}));
	if (muster__store.geometry.bank_count != 32 || pthread_barrier_init(&barrier, NULL, THREADS) != 0)
		_exit(95);
	for (size_t i = 0; i < THREADS; i++)
		if (pthread_create(threads + i, NULL, observe_in_thread, (void *)i) != 0)
			_exit(94);
	for (size_t i = 0; i < THREADS; i++)
		(void)pthread_join(threads[i], NULL);
}

static void threads_lose_nothing(void **state)
{
	static struct oracle all;
	double values[EACH];

	(void)state;
	worker_live_and_die(observe_in_threads, NULL);
	for (size_t i = 0; i < THREADS; i++) {
		thread_values(values, i);
		oracle_add(&all, values, EACH);
	}
	struct muster_region *region = reader();
	expect_native(region, "n", "", &all, oracle_schema(&all, 8, 160, LEAST));
	muster_region_destroy(&region);
}

/* ---- signals, and no bank to be had ------------------------------------------------------- */

static unsigned nested;

static void observe_in_handler(int sig)
{
	(void)sig;
	/* values the thread never has, further away each time: every window moves under its feet */
	muster_native_histogram_observe(shared_handle, ldexp(3, (int)(nested++ % 40)));
}

static void observe_while_interrupted(void *arg)
{
	struct itimerspec often = {{0, 20000}, {0, 20000}};
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
	unsigned *handled = arg;
	timer_t timer;

	shared_handle = muster_native_histogram_with(declare_native("n", NULL, (struct muster_opts){0}));
	(void)signal(SIGUSR1, observe_in_handler);
	if (timer_create(CLOCK_MONOTONIC, &event, &timer) != 0 || timer_settime(timer, 0, &often, NULL) != 0)
		_exit(93);
	for (unsigned i = 0; i < 100000 || __atomic_load_n(&nested, __ATOMIC_RELAXED) < 300; i++) {
		muster_native_histogram_observe(shared_handle, 1 + i % 1000 * 1e-3);
		*handled = i + 1;
	}
	(void)timer_delete(timer);
	(void)signal(SIGUSR1, SIG_IGN);
	handled[1] = nested;
}

static void a_signal_handler_that_observes_loses_nothing(void **state)
{
	unsigned *counts = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint64_t beyond = 0;

	(void)state;
	worker_live_and_die(observe_while_interrupted, counts);
	struct muster_region *region = reader();
	struct muster__native_values n = native_of(region, "n", "");
	assert_int_equal(n.count, counts[0] + (uint64_t)counts[1]);
	for (uint32_t i = 0; i < n.used; i++)
		if (muster__exponential_bound(n.start + (int32_t)i, n.schema) > 2)
			beyond += n.buckets[0][i];
	assert_int_equal(beyond, counts[1]);
	muster_region_destroy(&region);
	(void)munmap(counts, 4096);
}

/* All banks are in the middle of a record: what is left is the shared one. */
static void observe_without_a_bank(void *arg)
{
	const struct oracle *o = arg;
	struct muster__process *p = muster__attached();

	shared_handle = muster_native_histogram_with(declare_native("n", NULL, (struct muster_opts){0}));
	for (uint32_t i = 1; i < MUSTER__BANKS_MAX; i++)
		p->owner[i] = (uint32_t)getppid(); /* lives, and is no thread of ours: looks busy */
	muster__store.geometry.bank_count = (uint32_t)muster__store_header()->banks_used;
	observe_all(shared_handle, o->values, o->count);
	if (((struct muster__bank_shm *)(void *)muster__store_bank(0))->intent != 0 || *muster__bank_ref != NULL)
		_exit(92);
}

static void the_shared_bank_has_buckets_that_move(void **state)
{
	static struct oracle o = {500, {0}};

	(void)state;
	spread(o.values, o.count, 1e-6, 1e6, 3);
	worker_live_and_die(observe_without_a_bank, &o);
	struct muster_region *region = reader();
	expect_native(region, "n", "", &o, oracle_schema(&o, 8, 160, LEAST));
	muster_region_destroy(&region);
}

/* ---- pages -------------------------------------------------------------------------------- */

static void observe_for_pages(void *arg)
{
	muster_native_histogram two = muster_native_histogram_with(
		declare_native("two", "k", (struct muster_opts){.bucket_factor = 2, .signed_values = true}), "v");
	muster_native_histogram none = muster_native_histogram_with(
		declare_native("none", NULL, (struct muster_opts){.zero_threshold = MUSTER_ZERO_THRESHOLD_NONE}));

	(void)arg;
	(void)none;
	observe_all(two, (const double[]){1, 1.5, 2, 64, -3, 0, INFINITY, -INFINITY}, 8);
}

/* The page without what it says of the store and of times. */
static char *page_of(enum muster_format format, size_t *bytes)
{
	static const char *const names[] = {"two", "none", NULL};
	struct muster_region *region = reader();
	const char *page;

	for (size_t i = 0; i < region->merge.series_count; i++)
		muster__series_at(&region->merge, i)->created_unix_ns = UINT64_C(1500000000);
	assert_int_equal(muster_region_write(region, format, MUSTER_ESCAPING_UNDERSCORES, names, &page, bytes), 0);
	char *copy = malloc(*bytes + 1);
	memcpy(copy, page, *bytes);
	copy[*bytes] = '\0';
	muster_region_destroy(&region);
	return copy;
}

static void expect_page(enum muster_format format, const char *want)
{
	size_t bytes;
	char *page = page_of(format, &bytes);

	assert_string_equal(page, want);
	free(page);
}

static void text_has_the_count_of_all(void **state)
{
	(void)state;
	worker_live_and_die(observe_for_pages, NULL);
	expect_page(MUSTER_FORMAT_TEXT, "# HELP none Help.\n# TYPE none histogram\nnone_bucket{le=\"+Inf\"} 0\nnone_sum 0\n"
	                                "none_count 0\n# HELP two Help.\n# TYPE two histogram\n"
	                                "two_bucket{k=\"v\",le=\"+Inf\"} 8\ntwo_sum{k=\"v\"} NaN\ntwo_count{k=\"v\"} 8\n");
	expect_page(MUSTER_FORMAT_OPENMETRICS,
	            "# TYPE none histogram\n# HELP none Help.\nnone_bucket{le=\"+Inf\"} 0\nnone_sum 0\nnone_count 0\n"
	            "none_created 1.500\n# TYPE two histogram\n# HELP two Help.\ntwo_bucket{k=\"v\",le=\"+Inf\"} 8\n"
	            "two_sum{k=\"v\"} NaN\ntwo_count{k=\"v\"} 8\ntwo_created{k=\"v\"} 1.500\n# EOF\n");
}

static void json_has_the_buckets(void **state)
{
	(void)state;
	worker_live_and_die(observe_for_pages, NULL);
	expect_page(
		MUSTER_FORMAT_JSON,
		"[{\"name\":\"none\",\"help\":\"Help.\",\"type\":\"HISTOGRAM\",\"metrics\":[{\"labels\":{},\"schema\":8,"
		"\"zero_threshold\":0,\"zero_count\":0,\"buckets\":[],\"count\":0,\"sum\":0,\"created\":1.5}]},"
		"{\"name\":\"two\",\"help\":\"Help.\",\"type\":\"HISTOGRAM\",\"metrics\":[{\"labels\":{\"k\":\"v\"},\"schema\":0,"
		"\"zero_threshold\":2.938735877055719e-39,\"zero_count\":1,\"buckets\":["
		"[1,\"-Inf\",-1.7976931348623157e+308,1],[1,-4,-2,1],[3,-2.938735877055719e-39,2.938735877055719e-39,1],"
		"[0,0.5,1,1],[0,1,2,2],[0,32,64,1],[0,1.7976931348623157e+308,\"+Inf\",1]],"
		"\"count\":8,\"sum\":\"NaN\",\"created\":1.5}]}]\n");
}

/* By hand, after metrics.proto and protobuf's encoding. */
static void protobuf_has_spans_and_deltas(void **state)
{
	static const unsigned char none[] = {
		0x08, 0x00,                                                 /* sample_count 0 */
		0x11, 0,    0,    0,    0,    0,    0,    0,    0,          /* sample_sum 0 */
		0x28, 0x10,                                                 /* schema 8 */
		0x31, 0,    0,    0,    0,    0,    0,    0,    0,          /* zero_threshold 0 */
		0x38, 0x00,                                                 /* zero_count 0 */
		0x62, 0x04, 0x08, 0x00, 0x10, 0x00,                         /* positive_span: a sign that it is a native one */
		0x7a, 0x08, 0x08, 0x01, 0x10, 0x80, 0xca, 0xb5, 0xee, 0x01, /* created 1 s, 500000000 ns */
	};
	static const unsigned char two[] = {
		0x28, 0x00,                                           /* schema 0 */
		0x31, 0,    0,    0,    0,    0,    0,    0xf0, 0x37, /* zero_threshold 2^-128 */
		0x38, 0x01,                                           /* zero_count 1 */
		0x4a, 0x04, 0x08, 0x04, 0x10, 0x01,                   /* negative_span at 2: one */
		0x4a, 0x05, 0x08, 0xfc, 0x0f, 0x10, 0x01,             /* 1022 on, at 1025: the infinite */
		0x52, 0x02, 0x02, 0x00,                               /* negative_delta 1, 0 */
		0x62, 0x04, 0x08, 0x00, 0x10, 0x02,                   /* positive_span at 0: two */
		0x62, 0x04, 0x08, 0x08, 0x10, 0x01,                   /* 4 on, at 6: one */
		0x62, 0x05, 0x08, 0xf4, 0x0f, 0x10, 0x01,             /* 1018 on, at 1025 */
		0x6a, 0x04, 0x02, 0x02, 0x01, 0x00,                   /* positive_delta 1, 1, -1, 0 */
	};
	size_t bytes;

	(void)state;
	worker_live_and_die(observe_for_pages, NULL);
	char *page = page_of(MUSTER_FORMAT_PROTOBUF, &bytes);
	assert_non_null(memmem(page, bytes, none, sizeof none));
	assert_non_null(memmem(page, bytes, two, sizeof two));
	free(page);
}

/* ---- what may be declared ----------------------------------------------------------------- */

static int refused(enum muster_type type, struct muster_opts o)
{
	struct muster_family *family = NULL;

	o.help = "Help.";
	if (o.name == NULL)
		o.name = "d";
	int rc = muster_declare(type, &o, &family);
	assert_true((rc == 0) == (family != NULL));
	return rc;
}

static void descriptions_are_checked(void **state)
{
	static const struct muster_opts bad[] = {
		{.buckets_max = 159},   {.buckets_max = 1025},    {.bucket_factor = 1},         {.bucket_factor = -2},
		{.bucket_factor = NAN}, {.zero_threshold = -0.5}, {.zero_threshold = INFINITY}, {.zero_threshold = NAN},
	};

	(void)state;
	(void)unsetenv("MUSTER_REGION");
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(refused(MUSTER_NATIVE_HISTOGRAM, bad[i]), MUSTER_EBUCKETS);
	assert_int_equal(refused(MUSTER_HISTOGRAM, (struct muster_opts){.buckets_max = 160}), MUSTER_EBUCKETS);
	assert_int_equal(refused(MUSTER_COUNTER, (struct muster_opts){.name = "d_total", .signed_values = true}),
	                 MUSTER_EBUCKETS);
	assert_int_equal(refused(MUSTER_NATIVE_HISTOGRAM, (struct muster_opts){.bounds = muster_bounds_default}),
	                 MUSTER_EBOUNDS);
	assert_int_equal(refused(MUSTER_NATIVE_HISTOGRAM, (struct muster_opts){.mode = MUSTER_SUM}), MUSTER_EMODE);
	assert_int_equal(refused(MUSTER_NATIVE_HISTOGRAM, (struct muster_opts){.buckets_max = 300}), 0);
	assert_int_equal(refused(MUSTER_NATIVE_HISTOGRAM, (struct muster_opts){.buckets_max = 300, .bucket_factor = 2}), 0);
	assert_int_equal(refused(MUSTER_NATIVE_HISTOGRAM, (struct muster_opts){.buckets_max = 301}), MUSTER_ECONFLICT);
	assert_int_equal(refused(MUSTER_HISTOGRAM, (struct muster_opts){0}), MUSTER_ECONFLICT);
}

static void a_full_slab_drops_native_series(void **state)
{
	struct muster_opts o = {.buckets_max = 1024, .signed_values = true, .series_max = 10000};

	(void)state;
	(void)unsetenv("MUSTER_REGION");
	struct muster_family *family = declare_native("many", "kind", o);
	int made = 0;
	for (char name[16]; made < 1000; made++) {
		(void)snprintf(name, sizeof name, "%d", made);
		muster_native_histogram h = muster_native_histogram_with(family, name);
		muster_native_histogram_observe(h, made);
		if (h.desc == NULL)
			break;
	}
	assert_in_range(made, 200, 300); /* 4101 words of 2^20 */
	muster_native_histogram_observe((muster_native_histogram){NULL}, 1);
}

#define TEST(fn) cmocka_unit_test(fn)
#define TEST_REGION(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(buckets_are_those_of_the_values),
		TEST(more_buckets_keep_them_finer),
		TEST(a_bucket_factor_is_the_finest_to_begin_with),
		TEST(negative_values_have_buckets_if_the_family_says_so),
		TEST(what_is_no_matter_of_buckets_does_not_stretch_them),
		TEST(all_finite_numbers_have_buckets),
		TEST(a_zero_threshold_is_the_familys),
		TEST_REGION(negative_values_are_refused_and_counted_else),
		TEST(workers_of_different_scales_merge_exactly),
		TEST(a_reader_sees_moving_buckets_whole),
		TEST_REGION(a_child_begins_with_no_buckets),
		TEST_REGION(descriptions_that_differ_are_not_mixed),
		TEST_REGION(threads_lose_nothing),
		TEST_REGION(a_signal_handler_that_observes_loses_nothing),
		TEST_REGION(the_shared_bank_has_buckets_that_move),
		TEST_REGION(text_has_the_count_of_all),
		TEST_REGION(json_has_the_buckets),
		TEST_REGION(protobuf_has_spans_and_deltas),
		TEST(descriptions_are_checked),
		TEST(a_full_slab_drops_native_series),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
