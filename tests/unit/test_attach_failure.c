/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process that cannot make its slab runs on, and the region says that it could not and why.
 */
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include "shm/fold.h"

/* What the master does at start: the file to count in is reserved. */
static int region_setup(void **state)
{
	struct muster_region *region;

	(void)state;
	region_make();
	assert_int_equal(muster_region_open(support_region, &region), 0);
	assert_int_equal(muster__region_lock(region), 0);
	muster_region_destroy(&region);
	return 0;
}

static int region_teardown(void **state)
{
	(void)state;
	region_remove();
	return 0;
}

static double failures(const char *reason)
{
	char sample[100];

	(void)snprintf(sample, sizeof sample, "muster_attach_failures_total{reason=\"%s\"}", reason);
	char *page = scrape();
	double n = value_in(page, sample);
	free(page);
	return n;
}

static void record(const char *label)
{
	static const char *const labels[] = {"kind", NULL};
	const struct muster_opts opts = {.name = "things_total", .help = "Things.", .labels = labels};
	struct muster_family *family = NULL;

	(void)muster_declare(MUSTER_COUNTER, &opts, &family);
	muster_counter_inc(muster_counter_with(family, label));
}

/* ---- reasons ------------------------------------------------------------------------------ */

static void record_with_small_files(void)
{
	const struct rlimit file = {8192, 8192};

	assert_int_equal(setrlimit(RLIMIT_FSIZE, &file), 0);
	record("a");
}

static void a_limit_on_files_is_counted(void **state)
{
	(void)state;
	assert_int_equal(in_child(record_with_small_files), 0);
	assert_float_equal(failures("file_size"), 1, 0);
}

static void descriptors_allow(rlim_t count)
{
	const struct rlimit limit = {count, 64};

	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static void record_without_descriptors(void)
{
	int next = dup(0);

	close(next);
	descriptors_allow((rlim_t)next);
	record("a");
	descriptors_allow(64);
	record("b"); /* the slow path has a descriptor now, and counts what it could not */
	record("c");
}

static void want_of_descriptors_is_counted_once_there_is_one(void **state)
{
	(void)state;
	assert_int_equal(in_child(record_without_descriptors), 0);
	assert_float_equal(failures("no_descriptor"), 1, 0);
}

/* ---- a full file system ------------------------------------------------------------------- */

static void fill(const char *directory)
{
	static const char zeros[4096];
	char path[200];

	(void)snprintf(path, sizeof path, "%s/ballast", directory);
	int fd = open(path, O_WRONLY | O_CREAT, 0600);
	while (write(fd, zeros, sizeof zeros) > 0)
		;
	close(fd);
}

/* Runs with a mount namespace of its own; exits 77 if it may not. */
static void workers_on_a_full_tmpfs(void)
{
	struct muster_region *region;

	if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("tmpfs", support_region, "tmpfs", 0, "size=256k,mode=0700") != 0)
		_exit(77);
	assert_int_equal(muster_region_open(support_region, &region), 0);
	assert_int_equal(muster__region_lock(region), 0);
	fill(support_region);
	for (int i = 0; i < 3; i++)
		if (fork() == 0) {
			record("a");
			_exit(0);
		}
	while (wait(NULL) > 0)
		;
	if (failures("no_space") != 3)
		_exit(1);
	_exit(0);
}

static void a_full_file_system_is_counted(void **state)
{
	(void)state;
	int status = in_child(workers_on_a_full_tmpfs);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
		print_message("needs the right to mount a tmpfs\n");
		skip();
	}
	assert_int_equal(status, 0);
}

/* ---- the file itself ---------------------------------------------------------------------- */

static void counts_survive_the_next_master(void **state)
{
	struct muster_region *region;

	(void)state;
	assert_int_equal(in_child(record_with_small_files), 0);
	assert_int_equal(muster_region_open(support_region, &region), 0);
	assert_int_equal(muster__region_lock(region), 0);
	muster_region_destroy(&region);
	assert_float_equal(failures("file_size"), 1, 0);
}

static void a_file_that_is_none_is_left_out(void **state)
{
	char path[200];

	(void)state;
	(void)snprintf(path, sizeof path, "%s/failures", support_region);
	FILE *file = fopen(path, "w");
	for (int i = 0; i < 4096; i++)
		(void)fputc(0xff, file);
	fclose(file);
	assert_int_equal(in_child(record_with_small_files), 0);
	assert_float_equal(failures("file_size"), 0, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_limit_on_files_is_counted, region_setup, region_teardown),
		cmocka_unit_test_setup_teardown(want_of_descriptors_is_counted_once_there_is_one, region_setup,
	                                    region_teardown),
		cmocka_unit_test_setup_teardown(a_full_file_system_is_counted, region_setup, region_teardown),
		cmocka_unit_test_setup_teardown(counts_survive_the_next_master, region_setup, region_teardown),
		cmocka_unit_test_setup_teardown(a_file_that_is_none_is_left_out, region_setup, region_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
