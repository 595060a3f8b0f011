/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Folding where files are spoiled, left over, gone or find no space: totals stay exact, and the region does not grow.
 */
#include <sys/mman.h>
#include <sys/resource.h>

#include "folding.h"

/* ---- what nobody needs -------------------------------------------------------------------- */

static void garbage_write(int n)
{
	char path[200];

	(void)snprintf(path, sizeof path, "%s/slab.garbage%d", support_region, n);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	(void)fputs("not a slab", file);
	fclose(file);
}

/* A worker that leaves garbage and is started again must not fill the region; some is kept to be looked at. */
static void files_nobody_believes_do_not_pile_up(void **state)
{
	char path[200];

	(void)state;
	worker_live_and_die(count_two, NULL);
	for (int i = 0; i < 40; i++)
		garbage_write(i);
	(void)snprintf(path, sizeof path, "%s/slab.garbage99", support_region);
	int fd = open(path, O_RDWR | O_CREAT, 0600); /* somebody still writes */
	struct muster_region *region = master();
	assert_int_equal(told.count, 41);
	muster__region_trim(region);
	assert_int_equal(files_named("slab.garbage99"), 1);
	assert_in_range(files_named("slab.garbage"), MUSTER__QUARANTINED_KEPT, MUSTER__QUARANTINED_KEPT + 1);
	assert_int_equal(fold(region), 1);
	assert_int_equal(muster_region_refresh(region), 0);
	expect_runs(region, 1);
	assert_int_equal(told.count, 41); /* nobody is told of twice */
	close(fd);
	muster_region_destroy(&region);
}

static void odd_make(int i)
{
	char path[200], inner[210];

	(void)snprintf(path, sizeof path, "%s/slab.odd%d", support_region, i);
	(void)snprintf(inner, sizeof inner, "%s/x", path);
	if (i % 3 == 0)
		assert_int_equal(mkdir(path, 0700) | mkdir(inner, 0700), 0);
	else
		assert_int_equal(i % 3 == 1 ? mkfifo(path, 0600) : symlink("/etc/passwd", path), 0);
}

static void what_is_no_file_does_not_pile_up(void **state)
{
	char command[200];

	(void)state;
	worker_live_and_die(count_two, NULL);
	for (int i = 0; i < 60; i++)
		odd_make(i);
	struct muster_region *region = master();
	assert_int_equal(told.count, 60);
	muster__region_trim(region);
	assert_int_equal(files_named("slab.odd"), MUSTER__QUARANTINED_KEPT);
	assert_int_equal(stats_of(region).quarantined, MUSTER__QUARANTINED_KEPT);
	assert_int_equal(fold(region), 1);
	assert_int_equal(muster_region_refresh(region), 0);
	expect_runs(region, 1);
	assert_int_equal(told.count, 60);
	muster_region_destroy(&region);
	(void)snprintf(command, sizeof command, "rm -rf %s/slab.odd* %s/.foreign.*", support_region, support_region);
	assert_int_equal(system(command), 0);
}

/* Where slabs have a hidden name before they have theirs, a worker killed in between leaves it. */
static void slabs_that_never_got_their_name_are_removed(void **state)
{
	char link[200];

	(void)state;
	for (int i = 0; i < 3; i++)
		close(open_in_region(i ? (i == 1 ? ".new.1" : ".newer") : ".new.0", O_CREAT | O_RDWR));
	int fd = open_in_region(".new.2", O_CREAT | O_RDWR); /* is being made */
	assert_int_equal(ftruncate(fd, 8192), 0);
	void *map = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(map, MAP_FAILED);
	(void)snprintf(link, sizeof link, "%s/.new.link", support_region);
	assert_int_equal(symlink(".newer", link), 0);
	struct muster_region *region = reader();
	muster__region_trim(region); /* not the master */
	assert_int_equal(files_named(".new."), 4);
	muster_region_destroy(&region);
	region = master();
	muster__region_trim(region);
	assert_int_equal(files_named(".new."), 2);
	assert_int_equal(files_named(".new.2"), 1);
	close(fd); /* it is mapped still */
	muster__region_trim(region);
	assert_int_equal(files_named(".new.2"), 1);
	munmap(map, 8192);
	muster__region_trim(region);
	assert_int_equal(files_named(".new.2"), 0);
	assert_int_equal(files_named(".newer"), 1);
	assert_int_equal(told.count, 0);
	muster_region_destroy(&region);
}

/* ---- no space ----------------------------------------------------------------------------- */

static void failed_fold_loses_nothing(void **state)
{
	struct rlimit usual, none;

	(void)state;
	worker_live_and_die(count_two, NULL);
	struct muster_region *region = master();
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &usual), 0);
	none = (struct rlimit){0, usual.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	int rc = muster__region_fold(region, NULL);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &usual), 0);
	assert_int_equal(rc, -EMFILE);
	assert_non_null(strstr(muster_error_message(), "1 dead"));
	assert_int_equal(muster_region_refresh(region), 0);
	expect_runs(region, 1);
	assert_int_equal(fold(region), 1);
	assert_int_equal(muster_region_refresh(region), 0);
	expect_runs(region, 1);
	muster_region_destroy(&region);
}

/* However little may be written: nothing is lost, nothing is left, and it is done once there is room. */
static void fold_without_space_leaves_nothing(void **state)
{
	(void)state;
	struct rlimit usual, less;
	int failed = 0, rc = -1;

	worker_live_and_die(count_two, NULL);
	pid_t pid = worker_start(count_two, NULL);
	struct muster_region *region = master();
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &usual), 0);
	void (*before)(int) = signal(SIGXFSZ, SIG_IGN);
	for (rlim_t bytes = 0; rc != 0; bytes += 1024) {
		less = (struct rlimit){.rlim_cur = bytes, .rlim_max = usual.rlim_max};
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &less), 0);
		rc = muster__region_fold(region, NULL);
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &usual), 0);
		assert_true(rc == 0 || rc == -EFBIG);
		failed += rc != 0;
		assert_int_equal(files_named("."), 2);
		assert_int_equal(files_named("slab."), rc == 0 ? 1 : 2);
		assert_int_equal(muster_region_refresh(region), 0);
		expect_runs(region, 2);
	}
	assert_true(failed > 4);
	(void)signal(SIGXFSZ, before);
	worker_kill(pid);
	muster_region_destroy(&region);
}

/* ---- the ledger --------------------------------------------------------------------------- */

/* What may stand under the ledger's name, and why it is not believed. */
static void ledger_cut(int fd)
{
	assert_int_equal(ftruncate(fd, 4096), 0);
}

static void ledger_of_other_version(int fd)
{
	struct muster__header_shm h;

	assert_int_equal(pread(fd, &h, sizeof h, 0), sizeof h);
	h.major++;
	h.checksum = muster__header_checksum(&h);
	assert_int_equal(pwrite(fd, &h, sizeof h, 0), sizeof h);
}

static void ledger_torn(int fd)
{
	char zeros[64] = {0};

	assert_int_equal(pwrite(fd, zeros, sizeof zeros, 4096), sizeof zeros);
}

static void ledger_of_text(int fd)
{
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(pwrite(fd, "ZZZ", 3, 0), 3);
}

/* The next master counts the living and the newly dead, all of them. */
static void bad_ledger_is_kept_aside(void **state)
{
	static const struct {
		void (*spoil)(int fd);
		enum muster_quarantine reason;
	} cases[] = {
		{ledger_of_text, MUSTER_QUARANTINE_SHORT},
		{ledger_cut, MUSTER_QUARANTINE_SHORT},
		{ledger_torn, MUSTER_QUARANTINE_CATALOGUE},
		{ledger_of_other_version, MUSTER_QUARANTINE_VERSION},
	};

	(void)state;
	pid_t pid = worker_start(count_two, NULL);
	for (size_t i = 0; i < 3 * MUSTER__QUARANTINED_KEPT; i++) {
		worker_live_and_die(count_two, NULL);
		struct muster_region *region = master();
		(void)fold(region);
		muster_region_destroy(&region);
		int fd = open_in_region("ledger", O_RDWR);
		cases[i % 4].spoil(fd);
		close(fd);
		worker_live_and_die(count_two, NULL);
		region = master();
		assert_int_equal(told.count, 1);
		assert_string_equal(told.file, "ledger");
		assert_int_equal(told.reason, cases[i % 4].reason);
		assert_int_equal(stats_of(region).quarantined, 1);
		expect_runs(region, 2);
		assert_int_equal(fold(region), 1);
		assert_int_equal(muster_region_refresh(region), 0);
		assert_int_equal(stats_of(region).quarantined, 0);
		expect_runs(region, 2);
		assert_int_equal(files_named("ledger.bad"), i < MUSTER__QUARANTINED_KEPT ? i + 1 : MUSTER__QUARANTINED_KEPT);
		muster_region_destroy(&region);
	}
	worker_kill(pid);
}

/* ---- the directory ------------------------------------------------------------------------ */

static void vanished_slab_of_a_live_worker_still_counts_for_the_master(void **state)
{
	(void)state;
	pid_t pid = worker_start(count_two, NULL);
	struct muster_region *region = master();
	region_remove(); /* unlinks what is in it; the directory goes too */
	assert_int_equal(mkdir(support_region, 0700), 0);
	assert_int_equal(muster_region_refresh(region), 0);
	expect_runs(region, 1);
	worker_kill(pid);
	assert_int_equal(muster_region_refresh(region), 0);
	expect_runs(region, 1);
	assert_int_equal(muster__region_fold(region, NULL), -ENOENT);
	assert_int_equal(muster_region_refresh(region), 0);
	expect_runs(region, 1);
	muster_region_destroy(&region);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(files_nobody_believes_do_not_pile_up, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_no_file_does_not_pile_up, setup, teardown),
		cmocka_unit_test_setup_teardown(slabs_that_never_got_their_name_are_removed, setup, teardown),
		cmocka_unit_test_setup_teardown(failed_fold_loses_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(fold_without_space_leaves_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(bad_ledger_is_kept_aside, setup, teardown),
		cmocka_unit_test_setup_teardown(vanished_slab_of_a_live_worker_still_counts_for_the_master, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
