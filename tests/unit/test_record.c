/* SPDX-License-Identifier: Apache-2.0 */
/* Recording in workers: every type, fork, threads, signals, full slabs; read back from the page. */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include "support.h"

static const char *const label[] = {"kind", NULL};

static struct muster_family *family(enum muster_type type, const char *name, enum muster_mode mode, bool labelled)
{
	struct muster_family *f = NULL;
	struct muster_opts o = {.name = name, .help = "Help.", .mode = mode, .labels = labelled ? label : NULL};

	if (muster_declare(type, &o, &f) != 0) {
		(void)fprintf(stderr, "%s\n", muster_error_message());
		_exit(99);
	}
	return f;
}

static int limits_teardown(void **state)
{
	(void)state;
	region_remove();
	(void)unsetenv("MUSTER_SLAB_BYTES_MAX");
	return 0;
}

/* ---- every type --------------------------------------------------------------------------- */

static void record_every_type(void)
{
	muster_counter c = muster_counter_with(family(MUSTER_COUNTER, "c_total", 0, false));
	muster_real_counter r = muster_real_counter_with(family(MUSTER_REAL_COUNTER, "r_total", 0, false));
	muster_gauge g = muster_gauge_with(family(MUSTER_GAUGE, "g", MUSTER_SUM, false));
	muster_gauge recent = muster_gauge_with(family(MUSTER_GAUGE, "recent", MUSTER_MOSTRECENT, false));
	muster_histogram h = muster_histogram_with(family(MUSTER_HISTOGRAM, "h", 0, false));
	muster_summary s = muster_summary_with(family(MUSTER_SUMMARY, "s", 0, true), "x");

	muster_counter_inc(c);
	muster_counter_add(c, 41);
	muster_counter_add(c, (uint64_t)-1);
	muster_real_counter_add(r, 0.5);
	muster_real_counter_add(r, 0.25);
	muster_real_counter_add(r, -1);
	muster_real_counter_add(r, NAN);
	muster_gauge_set(g, 7);
	muster_gauge_inc(g);
	muster_gauge_sub(g, 0.5);
	muster_gauge_set(recent, 3);
	muster_gauge_set(recent, 4);
	muster_gauge_add(recent, 1);
	muster_histogram_observe(h, 0.005);
	muster_histogram_observe(h, 0.0051);
	muster_histogram_observe(h, 11);
	muster_summary_observe(s, 2);
	muster_summary_observe(s, 3.5);
	(void)kill(getpid(), SIGKILL);
}

static void every_type_survives_sigkill(void **state)
{
	(void)state;
	int status = in_child(record_every_type);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	char *page = scrape();
	assert_true(value_in(page, "c_total") == 42);
	assert_true(value_in(page, "r_total") == 0.75);
	assert_true(value_in(page, "g") == 7.5);
	assert_true(value_in(page, "recent") == 4);
	assert_true(value_in(page, "h_bucket{le=\"0.005\"}") == 1);
	assert_true(value_in(page, "h_bucket{le=\"0.01\"}") == 2);
	assert_true(value_in(page, "h_bucket{le=\"10.0\"}") == 2);
	assert_true(value_in(page, "h_bucket{le=\"+Inf\"}") == 3);
	assert_true(value_in(page, "h_count") == 3);
	assert_true(fabs(value_in(page, "h_sum") - 11.0101) < 1e-9);
	assert_true(value_in(page, "s_count{kind=\"x\"}") == 2);
	assert_true(value_in(page, "s_sum{kind=\"x\"}") == 5.5);
	assert_true(value_in(page, "muster_refused_updates_total{reason=\"negative\"}") == 2);
	assert_true(value_in(page, "muster_refused_updates_total{reason=\"not_finite\"}") == 1);
	assert_true(value_in(page, "muster_refused_updates_total{reason=\"mostrecent_add\"}") == 1);
	free(page);
}

static void every_bucket_is_found(void)
{
	double bounds[40];

	for (size_t count = 1; count <= 40; count++) {
		char name[16];
		struct muster_family *f;
		(void)snprintf(name, sizeof name, "h%zu", count);
		(void)muster_bounds_linear(1, 1, count, bounds);
		struct muster_opts o = {.name = name, .help = "Help.", .bounds = bounds, .bounds_count = count};
		if (muster_declare(MUSTER_HISTOGRAM, &o, &f) != 0)
			_exit(99);
		const struct muster__distribution *d = muster_histogram_with(f).desc;
		for (size_t i = 0; i < count; i++)
			if (muster__bucket(d, bounds[i]) != i || muster__bucket(d, bounds[i] + 0.5) != i + 1)
				_exit(98);
		if (muster__bucket(d, -INFINITY) != 0 || muster__bucket(d, INFINITY) != count ||
		    muster__bucket(d, NAN) != count)
			_exit(97);
	}
}

static void buckets_are_found_for_every_number_of_bounds(void **state)
{
	(void)state;
	assert_int_equal(in_child(every_bucket_is_found), 0);
}

static void declare_only(void)
{
	(void)family(MUSTER_COUNTER, "idle_total", 0, false);
	(void)family(MUSTER_HISTOGRAM, "idle_seconds", 0, false);
	(void)family(MUSTER_GAUGE, "idle", MUSTER_MIN, false);
}

static void unlabelled_families_are_at_zero_before_first_use(void **state)
{
	(void)state;
	assert_int_equal(in_child(declare_only), 0);
	char *page = scrape();
	assert_true(value_in(page, "idle_total") == 0);
	assert_true(value_in(page, "idle_seconds_count") == 0);
	assert_true(value_in(page, "idle") == 0);
	free(page);
}

/* ---- fork --------------------------------------------------------------------------------- */

static void wait_child(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
		_exit(96);
}

static long bare_fork(void)
{
	return syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
}

/* Parent and child record through the same handles, the child also after a bare clone(). */
static void fork_tree(void)
{
	struct muster_family *labelled = family(MUSTER_COUNTER, "tree_total", 0, true);
	muster_counter c = muster_counter_with(labelled, "old");
	muster_gauge low = muster_gauge_with(family(MUSTER_GAUGE, "low", MUSTER_MIN, false));
	muster_gauge all = muster_gauge_with(family(MUSTER_GAUGE, "each", MUSTER_ALL, false));

	muster_gauge_set(low, 5);
	muster_gauge_set(all, 1);
	muster_counter_add(c, 100);
	for (int i = 0; i < 4; i++) {
		pid_t pid = i % 2 ? (pid_t)bare_fork() : fork();
		if (pid == 0) {
			muster_counter_inc(c);
			muster_counter_inc(muster_counter_with(labelled, i % 2 ? "bare" : "new"));
			pid_t grandchild = fork();
			if (grandchild == 0) {
				muster_counter_add(c, 10);
				_exit(0);
			}
			wait_child(grandchild);
			_exit(0);
		}
		muster_counter_inc(c);
		wait_child(pid);
	}
	muster_counter_inc(c);
	char name[64];
	(void)snprintf(name, sizeof name, "each{pid=\"%d\"}", getpid());
	char *page = scrape();
	if (value_in(page, name) != 1)
		_exit(95);
	free(page);
}

static void children_count_in_slabs_of_their_own(void **state)
{
	(void)state;
	assert_int_equal(in_child(fork_tree), 0);
	char *page = scrape();
	assert_true(value_in(page, "tree_total{kind=\"old\"}") == 100 + 5 + 4 + 40);
	assert_true(value_in(page, "tree_total{kind=\"new\"}") == 2);
	assert_true(value_in(page, "tree_total{kind=\"bare\"}") == 2);
	assert_true(value_in(page, "low") == 5); /* not the children's untouched 0 */
	free(page);
}

/* ---- threads ------------------------------------------------------------------------------ */

#define PER_THREAD 2000

static muster_counter shared_counter;
static muster_histogram shared_histogram;
static muster_real_counter shared_real;
static muster_gauge shared_gauge;
static struct muster_family *shared_family;

static void *record_some(void *arg)
{
	(void)arg;
	for (int i = 0; i < PER_THREAD; i++) {
		muster_counter_inc(shared_counter);
		muster_histogram_observe(shared_histogram, 1);
		muster_real_counter_add(shared_real, 0.5);
		muster_gauge_inc(shared_gauge);
		char name[8];
		(void)snprintf(name, sizeof name, "%d", i % 50);
		muster_counter_inc(muster_counter_with(shared_family, name));
	}
	return NULL;
}

static void shared_metrics(void)
{
	shared_counter = muster_counter_with(family(MUSTER_COUNTER, "t_total", 0, false));
	shared_histogram = muster_histogram_with(family(MUSTER_HISTOGRAM, "t_seconds", 0, false));
	shared_real = muster_real_counter_with(family(MUSTER_REAL_COUNTER, "t_bytes_total", 0, false));
	shared_gauge = muster_gauge_with(family(MUSTER_GAUGE, "t", MUSTER_SUM, false));
	shared_family = family(MUSTER_COUNTER, "t_kind_total", 0, true);
}

#define THREADS 200 /* more than banks */

static void many_threads(void)
{
	pthread_t threads[THREADS];

	shared_metrics();
	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, record_some, NULL) != 0)
			_exit(94);
	for (int i = 0; i < THREADS; i++)
		(void)pthread_join(threads[i], NULL);
}

static void more_threads_than_banks_lose_nothing(void **state)
{
	(void)state;
	assert_int_equal(in_child(many_threads), 0);
	char *page = scrape();
	assert_true(value_in(page, "t_total") == THREADS * PER_THREAD);
	assert_true(value_in(page, "t_seconds_count") == THREADS * PER_THREAD);
	assert_true(value_in(page, "t_seconds_sum") == THREADS * PER_THREAD);
	assert_true(value_in(page, "t_bytes_total") == THREADS * PER_THREAD * 0.5);
	assert_true(value_in(page, "t") == THREADS * PER_THREAD);
	assert_true(value_in(page, "t_kind_total{kind=\"7\"}") == THREADS * PER_THREAD / 50);
	free(page);
}

static void threads_one_after_another(void)
{
	pthread_t thread;
	struct stat st;
	char path[400];

	shared_metrics();
	for (int i = 0; i < 300; i++) {
		if (pthread_create(&thread, NULL, record_some, NULL) != 0)
			_exit(94);
		(void)pthread_join(thread, NULL);
	}
	DIR *dir = opendir(support_region);
	for (struct dirent *e; (e = readdir(dir));)
		if (strncmp(e->d_name, "slab.", 5) == 0) {
			(void)snprintf(path, sizeof path, "%s/%s", support_region, e->d_name);
			if (stat(path, &st) != 0 || st.st_blocks * 512 > 256 * 1024)
				_exit(93);
		}
	closedir(dir);
}

static void banks_of_ended_threads_are_adopted(void **state)
{
	(void)state;
	assert_int_equal(in_child(threads_one_after_another), 0);
	assert_true(value_of("t_total") == 300.0 * PER_THREAD);
	assert_true(value_of("t_seconds_sum") == 300.0 * PER_THREAD);
}

/* ---- signals ------------------------------------------------------------------------------ */

static volatile sig_atomic_t handled;

static void on_alarm(int sig)
{
	(void)sig;
	muster_counter_inc(shared_counter);
	muster_real_counter_add(shared_real, 0.5);
	muster_histogram_observe(shared_histogram, 1);
	muster_gauge_inc(shared_gauge);
	char name[2] = {(char)('a' + handled % 26), '\0'};
	muster_counter_inc(muster_counter_with(shared_family, name));
	handled++;
}

static void record_while_interrupted(void)
{
	struct itimerval often = {{0, 50}, {0, 50}};
	long n = 0;

	shared_metrics();
	(void)signal(SIGALRM, on_alarm);
	(void)setitimer(ITIMER_REAL, &often, NULL);
	while (handled < 3000) {
		char name[16];
		muster_counter_inc(shared_counter);
		muster_real_counter_add(shared_real, 0.5);
		muster_histogram_observe(shared_histogram, 1);
		muster_gauge_inc(shared_gauge);
		(void)snprintf(name, sizeof name, "%ld", n % 3000);
		muster_counter_inc(muster_counter_with(shared_family, name));
		n++;
	}
	(void)signal(SIGALRM, SIG_IGN);
	double sum = (double)(n + handled);
	char *page = scrape();
	if (value_in(page, "t_total") != sum || value_in(page, "t_seconds_count") != sum ||
	    value_in(page, "t_seconds_sum") != sum || value_in(page, "t_bytes_total") != sum / 2 ||
	    value_in(page, "t") != sum)
		_exit(92);
	free(page);
}

static void a_signal_handler_that_records_loses_nothing(void **state)
{
	(void)state;
	assert_int_equal(in_child(record_while_interrupted), 0);
}

/* ---- no room, no region ------------------------------------------------------------------- */

static void flood(void)
{
	struct muster_opts o = {.name = "flood_total", .help = "Help.", .labels = label, .series_max = 1000000};
	struct muster_family *f;

	if (muster_declare(MUSTER_COUNTER, &o, &f) != 0)
		_exit(99);
	muster_counter first = muster_counter_with(f, "first");
	for (int i = 0; i < 20000; i++) {
		char name[16];
		(void)snprintf(name, sizeof name, "%d", i);
		muster_counter_inc(muster_counter_with(f, name));
		muster_counter_inc(first);
	}
}

static void a_full_slab_drops_series_and_counts_them(void **state)
{
	(void)state;
	assert_int_equal(setenv("MUSTER_SLAB_BYTES_MAX", "300000", 1), 0);
	assert_int_equal(in_child(flood), 0);
	assert_true(value_of("flood_total{kind=\"first\"}") == 20000);
	assert_true(value_of("flood_total{kind=\"0\"}") == 1);
	double dropped = value_of("muster_dropped_series_total{family=\"flood_total\",reason=\"slab_full\"}");
	assert_true(dropped > 10000 && dropped < 20000);
}

static void record_without_region(void)
{
	static const char *const bad[] = {"/nonexistent/region", "/etc/passwd", ""};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		pid_t pid = fork();
		if (pid == 0) {
			(void)setenv("MUSTER_REGION", bad[i], 1);
			muster_counter_inc(muster_counter_with(family(MUSTER_COUNTER, "c_total", 0, false)));
			_exit(0);
		}
		wait_child(pid);
	}
}

static void without_a_region_nothing_breaks(void **state)
{
	(void)state;
	assert_int_equal(in_child(record_without_region), 0);
}

static void record_under_limits(void)
{
	struct rlimit file = {1 << 20, 1 << 20}, space = {64 << 20, 64 << 20};

#if !defined(__SANITIZE_ADDRESS__)
	(void)setrlimit(RLIMIT_AS, &space);
#else
	(void)space;
#endif
	(void)setrlimit(RLIMIT_FSIZE, &file);
	for (int i = 0; i < 10; i++)
		muster_counter_inc(muster_counter_with(family(MUSTER_COUNTER, "limited_total", 0, false)));
}

static void small_resource_limits_do_not_kill(void **state)
{
	(void)state;
	assert_int_equal(in_child(record_under_limits), 0);
}

static void close_everything(void)
{
	muster_counter c = muster_counter_with(family(MUSTER_COUNTER, "closed_total", 0, false));
	struct muster_family *f = family(MUSTER_COUNTER, "closed_kind_total", 0, true);

	for (int fd = 3; fd < 64; fd++)
		(void)close(fd);
	/* Someone else's file under our old number must not grow. */
	char path[100];
	(void)snprintf(path, sizeof path, "%s/innocent", support_region);
	FILE *innocent = fopen(path, "w");
	for (int i = 0; i < 5000; i++) {
		char name[16];
		(void)snprintf(name, sizeof name, "%d", i);
		muster_counter_inc(muster_counter_with(f, name));
		muster_counter_inc(c);
	}
	struct stat st;
	if (fstat(fileno(innocent), &st) != 0 || st.st_size != 0)
		_exit(91);
	char *page = scrape();
	if (value_in(page, "closed_total") != 5000 || value_in(page, "closed_kind_total{kind=\"4999\"}") != 1)
		_exit(90);
	free(page);
}

static void a_worker_that_closes_all_descriptors_goes_on(void **state)
{
	(void)state;
	assert_int_equal(in_child(close_everything), 0);
	assert_true(value_of("closed_total") == 5000);
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, limits_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(every_type_survives_sigkill),
		test(buckets_are_found_for_every_number_of_bounds),
		test(unlabelled_families_are_at_zero_before_first_use),
		test(children_count_in_slabs_of_their_own),
		test(more_threads_than_banks_lose_nothing),
		test(banks_of_ended_threads_are_adopted),
		test(a_signal_handler_that_records_loses_nothing),
		test(a_full_slab_drops_series_and_counts_them),
		test(without_a_region_nothing_breaks),
		test(small_resource_limits_do_not_kill),
		test(a_worker_that_closes_all_descriptors_goes_on),
	};

	return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
