/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The directory of a region: which are safe, and that one master serves it.
 */
#include <errno.h>
#include <sys/stat.h>

#include "reading.h"
#include "workers.h"

static void hold_lock(void *arg)
{
	struct muster_region *region;

	(void)arg;
	if (muster_region_open(support_region, &region) != 0 || muster__region_lock(region) != 0)
		_exit(85);
}

static void only_one_master_serves_a_region(void **state)
{
	(void)state;
	char pid_text[32];
	pid_t pid = worker_start(hold_lock, NULL);
	struct muster_region *region = reader();

	assert_int_equal(muster__region_lock(region), MUSTER_EBUSY);
	(void)snprintf(pid_text, sizeof pid_text, "pid %d;", (int)pid);
	assert_non_null(strstr(muster_error_message(), pid_text));
	worker_kill(pid);
	assert_int_equal(muster__region_lock(region), 0);
	assert_int_equal(muster__region_lock(region), 0);
	muster_region_destroy(&region);
}

static int open_code(const char *path)
{
	struct muster_region *region = NULL;
	int rc = muster_region_open(path, &region);

	muster_region_destroy(&region);
	return rc;
}

static void a26_unsafe_directories_are_refused(void **state)
{
	(void)state;
	char path[300];

	assert_int_equal(chmod(support_region, 0777), 0);
	assert_int_equal(open_code(support_region), MUSTER_EREGION);
	assert_non_null(strstr(muster_error_message(), "0777"));
	assert_int_equal(chmod(support_region, 0720), 0);
	assert_int_equal(open_code(support_region), MUSTER_EREGION);
	assert_int_equal(chmod(support_region, 0755), 0);
	assert_int_equal(open_code(support_region), 0);
	if (geteuid() == 0) {
		assert_int_equal(chmod(support_region, 01777), 0);
		assert_int_equal(open_code(support_region), 0);
		assert_int_equal(chmod(support_region, 0700), 0);
		assert_int_equal(chown(support_region, 12345, (gid_t)-1), 0);
		assert_int_equal(open_code(support_region), MUSTER_EREGION);
		assert_non_null(strstr(muster_error_message(), "12345"));
		assert_int_equal(chown(support_region, 0, (gid_t)-1), 0);
	}
	(void)snprintf(path, sizeof path, "%s-link", support_region);
	assert_int_equal(symlink(support_region, path), 0);
	assert_int_equal(open_code(path), -ENOTDIR);
	assert_int_equal(muster__region_create(path), -ENOTDIR);
	assert_int_equal(unlink(path), 0);
}

static void paths_are_checked(void **state)
{
	(void)state;
	char path[300], out[MUSTER_REGION_PATH_BYTES_MAX + 1];
	struct stat st;

	memset(path, 'x', sizeof path);
	path[0] = '/';
	path[MUSTER_REGION_PATH_BYTES_MAX + 1] = '\0';
	assert_int_equal(open_code(path), -ENAMETOOLONG);
	assert_int_equal(muster__region_create(path), -ENAMETOOLONG);
	assert_int_equal(muster__region_default_path(path, out), -ENAMETOOLONG);
	assert_non_null(strstr(muster_error_message(), "200"));
	assert_int_equal(muster__region_default_path("shop", out), 0);
	assert_non_null(strstr(out, "-shop"));
	(void)snprintf(path, sizeof path, "%s/inner", support_region);
	assert_int_equal(open_code(path), -ENOENT);
	assert_int_equal(muster__region_create(path), 0);
	assert_int_equal(muster__region_create(path), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(open_code(path), 0);
	assert_int_equal(rmdir(path), 0);
	(void)snprintf(path, sizeof path, "%s/lock", support_region);
	fclose(fopen(path, "w"));
	assert_int_equal(open_code(path), -ENOTDIR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(only_one_master_serves_a_region, setup, teardown),
		cmocka_unit_test_setup_teardown(a26_unsafe_directories_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(paths_are_checked, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
