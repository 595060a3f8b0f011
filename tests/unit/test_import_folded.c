/* SPDX-License-Identifier: Apache-2.0 */
/* Imported files are counted exactly once: whoever folds is killed, opens them again, or looks beside it. */
#include <sys/mman.h>

#include "folding.h"
#include "importing.h"
#include "killed.h"

static size_t files_left(void)
{
	size_t n = 0;
	DIR *dir = opendir(files);

	for (struct dirent *e; (e = readdir(dir));)
		n += strstr(e->d_name, ".db") != NULL;
	closedir(dir);
	return n;
}

static void counter_write(const char *name, double x)
{
	file_begin();
	entry("[\"c\", \"c_total\", {}, \"h\"]", x);
	file_write(name, 4096);
}

static void path_of(const char *name, char out[PATH_MAX + 64])
{
	(void)snprintf(out, PATH_MAX + 64, "%s/%s", files, name);
}

static struct muster_region *master_open(const char *path)
{
	struct muster_region *region = reader_open();

	assert_int_equal(muster__region_lock(region), 0);
	if (path)
		assert_int_equal(muster_region_import(region, path, 1), 0);
	assert_int_equal(muster_region_refresh(region), 0);
	return region;
}

static double total(struct muster_region *region)
{
	assert_int_equal(muster_region_refresh(region), 0);
	return value(region, "c_total");
}

/* ---- killed ------------------------------------------------------------------------------- */

static bool a_master_folds(void)
{
	struct muster_region *region;

	return muster_region_open(support_region, &region) == 0 && muster__region_lock(region) == 0 &&
	       muster_region_import(region, files, 1) == 0 && muster_region_refresh(region) == 0 &&
	       muster__region_fold(region, NULL) == 0;
}

static void master_killed_at_every_step_of_hiding_and_folding(void **state)
{
	(void)state;
	bool ended = false;
	double count = 0;
	char name[64];

	for (int n = 0; !ended; n++) {
		for (int i = 0; i < 2; i++) {
			(void)snprintf(name, sizeof name, "counter_%d.db", 100 + i);
			counter_write(name, 1);
			count++;
		}
		ended = killed_at(a_master_folds, n);
		struct muster_region *region = importing(files);
		assert_true(value(region, "c_total") == count);
		assert_int_equal(told.count, 0);
		muster_region_destroy(&region);
		region = master_open(files);
		assert_true(total(region) == count);
		(void)fold(region);
		assert_true(total(region) == count);
		assert_int_equal(files_left(), 0);
		muster_region_destroy(&region);
		assert_true(n < 3000);
	}
	assert_true(count > 100);
}

/* A file that a killed master has left is in the ledger: for a master that folds no files, too. */
static void a_file_of_the_ledger_counts_once_whoever_reads_it(void **state)
{
	char kept[PATH_MAX + 64], hidden[PATH_MAX + 128];
	struct stat st;

	(void)state;
	counter_write("counter_1.db", 5);
	path_of("counter_1.db", kept);
	assert_int_equal(stat(kept, &st), 0);
	(void)snprintf(hidden, sizeof hidden, "%s/aside", support_region);
	assert_int_equal(link(kept, hidden), 0); /* the file comes back, as if it had not been deleted */
	struct muster_region *region = master_open(files);
	assert_int_equal(fold(region), 1);
	assert_int_equal(files_left(), 0);
	muster_region_destroy(&region);
	assert_int_equal(rename(hidden, kept), 0);
	region = importing(files);
	assert_true(value(region, "c_total") == 5);
	muster_region_destroy(&region);
	region = reader_open();
	assert_int_equal(muster__region_lock(region), 0);
	assert_int_equal(muster_region_import(region, files, 0), 0);
	assert_true(total(region) == 5);
	muster_region_destroy(&region);
}

/* The directory is not there when the next master starts and folds; then it comes back, with a file of the ledger. */
static void a_directory_that_comes_back_brings_nobody_twice(void **state)
{
	char kept[PATH_MAX + 64], aside[PATH_MAX + 64], away[PATH_MAX + 64];

	(void)state;
	counter_write("counter_1.db", 5);
	path_of("counter_1.db", kept);
	(void)snprintf(aside, sizeof aside, "%s/aside", support_region);
	(void)snprintf(away, sizeof away, "%s/away", support_region);
	assert_int_equal(link(kept, aside), 0);
	struct muster_region *region = master_open(files);
	assert_int_equal(fold(region), 1);
	muster_region_destroy(&region);
	assert_int_equal(rename(aside, kept), 0);

	region = reader_open();
	assert_int_equal(muster__region_lock(region), 0);
	assert_int_equal(muster_region_import(region, files, 1), 0);
	assert_int_equal(rename(files, away), 0);
	worker_live_and_die(count_two, NULL);
	assert_true(total(region) == 5);
	assert_int_equal(fold(region), 1);
	assert_int_equal(rename(away, files), 0);
	assert_true(total(region) == 5);
	(void)fold(region);
	assert_true(total(region) == 5);
	assert_int_equal(files_left(), 0);
	muster_region_destroy(&region);
}

/* ---- opened again ------------------------------------------------------------------------- */

/* What another process does just before or after the file gets its hidden name. */
static void (*before_hiding)(void), (*after_hiding)(void);

int __real_renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags);
int __wrap_renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags);
int __wrap_renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
	void (*before)(void) = before_hiding, (*after)(void) = after_hiding;

	before_hiding = after_hiding = NULL;
	if (before)
		before();
	int rc = __real_renameat2(from_dir, from, to_dir, to, flags);
	if (after)
		after();
	return rc;
}

static int reopened = -1;

static void open_again(void)
{
	char path[PATH_MAX + 64];

	path_of("counter_7.db", path);
	reopened = open(path, O_RDWR | O_CLOEXEC);
	assert_true(reopened >= 0);
}

static void begin_anew(void)
{
	counter_write("counter_7.db", 10);
}

static void whose_file_is_opened_again_goes_on_in_it(void **state)
{
	double x = 8;

	(void)state;
	counter_write("counter_7.db", 5);
	uint32_t at = used - 8;
	before_hiding = open_again;
	struct muster_region *region = master_open(files);
	assert_null(before_hiding);
	assert_true(total(region) == 5);
	assert_int_equal(fold(region), 0); /* somebody can write it */
	assert_int_equal(pwrite(reopened, &x, sizeof x, at), sizeof x);
	assert_true(total(region) == 8);
	begin_anew(); /* and a third process, which does not find it any more */
	assert_true(total(region) == 18);
	close(reopened);
	assert_true(total(region) == 18);
	assert_int_equal(fold(region), 2);
	assert_true(total(region) == 18);
	assert_int_equal(files_left(), 0);
	muster_region_destroy(&region);
}

static void who_comes_after_the_hiding_begins_a_new_file(void **state)
{
	(void)state;
	counter_write("counter_7.db", 5);
	after_hiding = begin_anew;
	struct muster_region *region = master_open(files);
	assert_null(after_hiding);
	assert_int_equal(fold(region), 1);
	assert_true(total(region) == 15);
	assert_int_equal(fold(region), 1);
	assert_true(total(region) == 15);
	assert_int_equal(files_left(), 0);
	muster_region_destroy(&region);
}

/* ---- beside a master ---------------------------------------------------------------------- */

#define FILES 600

static _Atomic int *written;

static void files_come(void *arg)
{
	char name[64], from[PATH_MAX + 64], to[PATH_MAX + 64];

	(void)arg;
	worker_tell();
	for (int i = 0; i < FILES; i++) {
		(void)snprintf(name, sizeof name, "new_%d", i);
		counter_write(name, 1);
		path_of(name, from);
		(void)snprintf(name, sizeof name, "counter_%d.db", i + 1);
		path_of(name, to);
		assert_int_equal(rename(from, to), 0);
		atomic_fetch_add(written, 1);
	}
	_exit(0);
}

static void a_master_goes_on_folding(void *arg)
{
	struct muster_region *region = master_open(files);

	(void)arg;
	worker_tell();
	while (!(total(region) >= FILES) || files_left() > 0)
		(void)fold(region);
	muster_region_destroy(&region);
	_exit(0);
}

static void worker_join(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* Each look sees all that were complete before it, and none that was not begun after it. */
static void a_reader_beside_a_folding_master_misses_nobody(void **state)
{
	int looks = 0;

	(void)state;
	written = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(written != MAP_FAILED);
	pid_t master_pid = worker_start(a_master_goes_on_folding, NULL), writer = worker_start(files_come, NULL);
	for (bool more = true; more; looks++) {
		int before = atomic_load(written);
		struct muster_region *region = importing(files);
		double seen = value(region, "c_total");
		muster_region_destroy(&region);
		int after = atomic_load(written) + 1; /* one more may have its name already */
		if (before > 0)
			assert_in_range((int)seen, before, after);
		more = before < FILES || files_left() > 0;
	}
	worker_join(writer);
	worker_join(master_pid);
	print_message("%d looks\n", looks);
	munmap((void *)written, 4096);
}

int main(void)
{
#define ONE(test) cmocka_unit_test_setup_teardown(test, files_setup, files_teardown)
	const struct CMUnitTest tests[] = {
		ONE(master_killed_at_every_step_of_hiding_and_folding), ONE(a_file_of_the_ledger_counts_once_whoever_reads_it),
		ONE(a_directory_that_comes_back_brings_nobody_twice),   ONE(whose_file_is_opened_again_goes_on_in_it),
		ONE(who_comes_after_the_hiding_begins_a_new_file),      ONE(a_reader_beside_a_folding_master_misses_nobody),
	};

	return cmocka_run_group_tests_name("import_folded", tests, NULL, NULL);
}
