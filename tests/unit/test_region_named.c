/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which region a process records into: named by the environment, one that is cleared, or a call; and before and after
 * a chroot.
 */
#include <errno.h>
#include <fcntl.h>

#include "workers.h"

static void count(void)
{
	muster_counter_inc(muster_counter_with(declare(MUSTER_COUNTER, 0, "runs_total", NULL)));
}

static void needs_root(void)
{
	if (geteuid() != 0) {
		print_message("needs root\n");
		skip();
	}
}

static double runs(void)
{
	double n = value_of("runs_total");

	return isnan(n) ? 0 : n;
}

/* ---- names -------------------------------------------------------------------------------- */

/* This program again, as main() has it. */
static void exec_to_clear(void)
{
	execl("/proc/self/exe", "test_region_named", "clear", NULL);
	_exit(99);
}

static void environment_cleared_after_start_makes_no_difference(void **state)
{
	(void)state;
	assert_int_equal(in_child(exec_to_clear), 0);
	assert_float_equal(runs(), 1, 0);
}

static void use_another(void)
{
	(void)setenv("MUSTER_REGION", "/nonexistent", 1);
	if (muster_region_use(support_region) != 0)
		_exit(1);
	count();
	if (fork() == 0) { /* inherits it */
		count();
		_exit(0);
	}
	while (wait(NULL) > 0)
		;
}

static void a_call_wins_over_the_environment(void **state)
{
	(void)state;
	assert_int_equal(in_child(use_another), 0);
	assert_float_equal(runs(), 2, 0);
}

static void use_wrongly(void)
{
	char path[300];

	memset(path, 'x', sizeof path);
	path[0] = '/';
	path[201] = '\0';
	if (muster_region_use("region") != MUSTER_EOPTION || muster_region_use("") != MUSTER_EOPTION ||
	    muster_region_use(path) != -ENAMETOOLONG)
		_exit(1);
	count();
	if (muster_region_use("/dev/shm") != -EBUSY || strstr(muster_error_message(), support_region) == NULL)
		_exit(2);
	if (muster_region_use(support_region) != 0)
		_exit(3);
}

static void a_name_that_cannot_be_used_is_refused(void **state)
{
	(void)state;
	assert_int_equal(in_child(use_wrongly), 0);
	assert_float_equal(runs(), 1, 0);
}

/* ---- attaching ---------------------------------------------------------------------------- */

static void attach_here(void)
{
	if (muster_attach() != 0 || muster_attach() != 0)
		_exit(1);
}

static void attach_nowhere(void)
{
	(void)setenv("MUSTER_REGION", "", 1);
	if (muster_attach() != -ENOENT || strstr(muster_error_message(), "muster_region_use()") == NULL)
		_exit(1);
}

static void attach_elsewhere(void)
{
	(void)setenv("MUSTER_REGION", "/nonexistent", 1);
	if (muster_attach() != -ENOENT || strstr(muster_error_message(), "/nonexistent") == NULL)
		_exit(1);
}

static void attach_without_rights(void)
{
	if (setresuid(12345, 12345, 12345) != 0 || muster_attach() != -EACCES)
		_exit(1);
	count(); /* goes on */
}

static void attaching_tells_why_not(void **state)
{
	(void)state;
	assert_int_equal(in_child(attach_here), 0);
	assert_int_equal(in_child(attach_nowhere), 0);
	assert_int_equal(in_child(attach_elsewhere), 0);
	if (geteuid() == 0)
		assert_int_equal(in_child(attach_without_rights), 0);
}

/* ---- chroot ------------------------------------------------------------------------------- */

static void jail(const char *path)
{
	if (chroot(path) != 0 || chdir("/") != 0)
		_exit(77);
}

static void attach_then_chroot(void)
{
	if (muster_attach() != 0)
		_exit(1);
	jail("/proc");
	count();
	if (access("/self", F_OK) != 0)
		_exit(2);
}

static void who_attaches_before_a_chroot_is_counted(void **state)
{
	(void)state;
	needs_root();
	assert_int_equal(in_child(attach_then_chroot), 0);
	assert_float_equal(runs(), 1, 0);
}

static void chroot_then_record(void)
{
	count();
	if (fork() == 0) {
		jail("/proc");
		count();
		_exit(0);
	}
	while (wait(NULL) > 0)
		;
}

static void who_cannot_attach_after_a_chroot_is_counted_as_a_failure(void **state)
{
	(void)state;
	needs_root();
	assert_int_equal(in_child(chroot_then_record), 0);
	char *page = scrape();
	assert_float_equal(value_in(page, "runs_total"), 1, 0);
	assert_float_equal(value_in(page, "muster_attach_failures_total{reason=\"refused\"}"), 1, 0);
	free(page);
}

static void chroot_to_the_region(void)
{
	char name[64];

	(void)snprintf(name, sizeof name, "%s", strrchr(support_region, '/'));
	count();
	if (fork() == 0) {
		jail("/dev/shm");
		if (muster_region_use(name) != 0 || muster_attach() != 0)
			_exit(1);
		count();
		_exit(0);
	}
	int status = -1;
	if (wait(&status) < 0 || status != 0)
		_exit(2);
}

static void a_region_inside_the_chroot_is_named_from_there(void **state)
{
	(void)state;
	needs_root();
	assert_int_equal(in_child(chroot_to_the_region), 0);
	assert_float_equal(runs(), 2, 0);
}

/* No descriptor that is a directory: by one, whoever breaks into a worker gets out of its chroot. */
static void look_for_directories(void)
{
	struct stat st;

	count();
	for (int fd = 3; fd < 100; fd++)
		if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
			_exit(1);
}

static void no_directory_stays_open(void **state)
{
	(void)state;
	assert_int_equal(in_child(look_for_directories), 0);
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "clear") == 0) {
		(void)clearenv();
		count();
		return 0;
	}
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(environment_cleared_after_start_makes_no_difference, setup, teardown),
		cmocka_unit_test_setup_teardown(a_call_wins_over_the_environment, setup, teardown),
		cmocka_unit_test_setup_teardown(a_name_that_cannot_be_used_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(attaching_tells_why_not, setup, teardown),
		cmocka_unit_test_setup_teardown(who_attaches_before_a_chroot_is_counted, setup, teardown),
		cmocka_unit_test_setup_teardown(who_cannot_attach_after_a_chroot_is_counted_as_a_failure, setup, teardown),
		cmocka_unit_test_setup_teardown(a_region_inside_the_chroot_is_named_from_there, setup, teardown),
		cmocka_unit_test_setup_teardown(no_directory_stays_open, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
