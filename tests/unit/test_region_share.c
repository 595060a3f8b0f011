/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A region of root's that is shared with workers of another user: they are counted, and whatever they do in its
 * directory takes nothing from the master. Needs root.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sys/fsuid.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "folding.h"

#define WORKER 12345
#define GROUP 12346
#define STRANGER 12347

static void share(void)
{
	struct muster_region *region;

	assert_int_equal(muster_region_open(support_region, &region), 0);
	assert_int_equal(muster__region_lock(region), 0);
	assert_int_equal(muster__region_share(region, WORKER, GROUP), 0);
	muster_region_destroy(&region);
}

static int shared_setup(void **state)
{
	(void)state;
	region_make();
	if (geteuid() == 0)
		share();
	return 0;
}

/* What is left may be directories. */
static int shared_teardown(void **state)
{
	char command[100];

	(void)state;
	(void)snprintf(command, sizeof command, "rm -rf %s", support_region);
	return system(command);
}

static void needs_root(void)
{
	if (geteuid() != 0) {
		print_message("needs root\n");
		skip();
	}
}

static void become(uid_t uid)
{
	if (setgroups(0, NULL) != 0 || setresgid(GROUP, GROUP, GROUP) != 0 || setresuid(uid, uid, uid) != 0 ||
	    chdir(support_region) != 0)
		_exit(95);
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* another user, and it is forgotten */
}

static void count_as(void *arg)
{
	become(*(uid_t *)arg);
	count_two(NULL);
}

static int as_worker(void (*fn)(void))
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		become(WORKER);
		fn();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

/* ---- who is counted ----------------------------------------------------------------------- */

static void workers_of_the_user_are_counted_alive_and_dead(void **state)
{
	uid_t worker = WORKER;

	(void)state;
	needs_root();
	struct muster_region *region = master();
	pid_t pid = worker_start(count_as, &worker);
	assert_int_equal(muster_region_refresh(region), 0);
	expect_runs(region, 1);
	worker_kill(pid);
	assert_int_equal(muster_region_refresh(region), 0);
	assert_int_equal(fold(region), 1);
	assert_int_equal(files_named("slab."), 0);
	assert_int_equal(muster_region_refresh(region), 0);
	expect_runs(region, 1);
	muster_region_destroy(&region);
}

/* As in a container: root without CAP_LEASE. */
static void drop_cap_lease(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data) != 0)
		_exit(93);
	data[0].effective &= ~(1u << CAP_LEASE);
	data[0].permitted &= ~(1u << CAP_LEASE);
	if (syscall(SYS_capset, &header, data) != 0)
		_exit(94);
}

static void ask_who_writes(void)
{
	int fd = open_in_region("file", O_RDWR | O_CREAT);

	drop_cap_lease();
	if (fchown(fd, WORKER, GROUP) != 0)
		_exit(92);
	int reader = open_in_region("file", O_RDONLY);
	if (muster__life_file_left(reader))
		_exit(1);
	close(fd);
	if (!muster__life_file_left(reader))
		_exit(2);
	if (geteuid() != 0 || setfsuid((uid_t)-1) != 0)
		_exit(3);
}

static void root_without_cap_lease_knows_who_writes_a_workers_file(void **state)
{
	(void)state;
	needs_root();
	assert_int_equal(in_child(ask_who_writes), 0);
}

static void a_reader_needs_not_be_told_who_they_are(void **state)
{
	uid_t worker = WORKER;

	(void)state;
	needs_root();
	worker_live_and_die(count_as, &worker);
	assert_float_equal(value_of("runs_total"), 2, 0);
}

static void slabs_of_strangers_are_left_out(void **state)
{
	uid_t stranger = STRANGER;

	(void)state;
	needs_root();
	struct muster_region *region = master();
	worker_live_and_die(count_as, &stranger);
	assert_int_equal(muster_region_refresh(region), 0);
	assert_int_equal(told.count, 1);
	assert_int_equal(told.reason, MUSTER_QUARANTINE_OPEN);
	assert_null(series_of(region, "runs_total", ""));
	muster_region_destroy(&region);
}

static void what_a_worker_says_of_itself_is_not_believed(void **state)
{
	struct muster__sharing sharing = {0};

	(void)state;
	needs_root();
	int dir = open(support_region, O_RDONLY | O_DIRECTORY);
	assert_int_equal(unlinkat(dir, "workers", 0), 0);
	int fd = open_in_region("workers", O_WRONLY | O_CREAT);
	assert_int_equal(write(fd, "12347\n", 6), 6);
	assert_int_equal(fchown(fd, WORKER, GROUP), 0);
	muster__region_sharing_read(dir, &sharing);
	assert_int_equal(sharing.worker, 0);
	assert_false(sharing.shared);
	assert_int_equal(fchown(fd, 0, 0), 0);
	muster__region_sharing_read(dir, &sharing);
	assert_int_equal(sharing.worker, 12347);
	close(fd);
	close(dir);
}

/* ---- what workers may do ------------------------------------------------------------------ */

static void attack_masters_files(void)
{
	static const char *const names[] = {"ledger", "lock", "workers", "failures"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		int fd = open("mine", O_WRONLY | O_CREAT, 0600);
		close(fd);
		if (unlink(names[i]) == 0 || rename(names[i], "taken") == 0 || rename("mine", names[i]) == 0)
			_exit(1 + (int)i);
	}
	if (open("ledger", O_RDONLY) >= 0 || open("lock", O_RDWR) >= 0 || open("workers", O_RDWR) >= 0)
		_exit(10);
}

static void a26_a_worker_cannot_take_or_replace_the_masters_files(void **state)
{
	uid_t worker = WORKER;

	(void)state;
	needs_root();
	struct muster_region *region = master();
	worker_live_and_die(count_as, &worker);
	assert_int_equal(muster_region_refresh(region), 0);
	assert_int_equal(fold(region), 1);
	assert_int_equal(as_worker(attack_masters_files), 0);
	muster_region_destroy(&region);
}

static void file_remove(const char *name)
{
	char path[200];

	(void)snprintf(path, sizeof path, "%s/%s", support_region, name);
	assert_int_equal(unlink(path), 0);
}

static void plant(void)
{
	static const char *const dirs[] = {".ledger.new", ".failures.new", ".workers.new"};
	char path[64];

	if (mkfifo("lock", 0666) != 0 || symlink("/etc/passwd", "failures") != 0 || mkdir("ledger", 0700) != 0 ||
	    mkdir("ledger/x", 0700) != 0)
		_exit(1);
	for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++) {
		(void)snprintf(path, sizeof path, "%s/x", dirs[i]);
		if (mkdir(dirs[i], 0700) != 0 || mkdir(path, 0700) != 0)
			_exit(2);
	}
}

static void expect_masters(const char *name)
{
	char path[200];
	struct stat st;

	(void)snprintf(path, sizeof path, "%s/%s", support_region, name);
	assert_int_equal(lstat(path, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_int_equal(st.st_uid, 0);
}

static void a26_what_was_planted_under_the_masters_names_is_out_of_its_way(void **state)
{
	uid_t worker = WORKER;

	(void)state;
	needs_root();
	file_remove("lock");
	file_remove("failures");
	assert_int_equal(as_worker(plant), 0);
	share();
	struct muster_region *region = master();
	worker_live_and_die(count_as, &worker);
	assert_int_equal(muster_region_refresh(region), 0);
	assert_int_equal(fold(region), 1);
	expect_masters("lock");
	expect_masters("failures");
	expect_masters("ledger");
	assert_int_equal(muster_region_refresh(region), 0);
	expect_runs(region, 1);
	muster_region_destroy(&region);
}

static void plant_new_ledger(void)
{
	if (mkdir(".ledger.new", 0700) != 0 || mkdir(".ledger.new/x", 0700) != 0 || mkdir("ledger", 0700) != 0)
		_exit(1);
}

static void a_worker_cannot_keep_a_running_master_from_folding(void **state)
{
	uid_t worker = WORKER;

	(void)state;
	needs_root();
	struct muster_region *region = master();
	worker_live_and_die(count_as, &worker);
	assert_int_equal(muster_region_refresh(region), 0);
	assert_int_equal(as_worker(plant_new_ledger), 0);
	assert_int_equal(fold(region), 1);
	expect_masters("ledger");
	muster_region_destroy(&region);
}

static void a_ledger_of_a_workers_is_not_believed(void **state)
{
	uid_t worker = WORKER;
	char path[200];

	(void)state;
	needs_root();
	worker_live_and_die(count_as, &worker);
	struct muster_region *region = master();
	assert_int_equal(fold(region), 1);
	muster_region_destroy(&region);
	(void)snprintf(path, sizeof path, "%s/ledger", support_region);
	region = reader();
	expect_runs(region, 1);
	muster_region_destroy(&region);
	assert_int_equal(chown(path, WORKER, GROUP), 0);
	region = reader();
	assert_null(series_of(region, "runs_total", ""));
	assert_int_equal(told.reason, MUSTER_QUARANTINE_OPEN);
	assert_string_equal(told.file, "ledger");
	muster_region_destroy(&region);
}

/* ---- failures ----------------------------------------------------------------------------- */

static void count_with_small_files(void)
{
	const struct rlimit file = {8192, 8192};

	if (setrlimit(RLIMIT_FSIZE, &file) != 0)
		_exit(1);
	count_two(NULL);
}

static void a_worker_of_another_user_that_cannot_make_a_slab_is_counted(void **state)
{
	(void)state;
	needs_root();
	struct muster_region *region = master();
	assert_int_equal(as_worker(count_with_small_files), 0);
	assert_float_equal(value_of("muster_attach_failures_total{reason=\"file_size\"}"), 1, 0);
	muster_region_destroy(&region);
}

/* The file was made by a master that shared with nobody. */
static void failures_are_counted_also_if_the_region_was_not_shared_before(void **state)
{
	(void)state;
	needs_root();
	assert_int_equal(chmod(support_region, 0700), 0);
	file_remove("workers");
	file_remove("failures");
	struct muster_region *region = master();
	muster_region_destroy(&region);
	share();
	region = master();
	assert_int_equal(as_worker(count_with_small_files), 0);
	assert_float_equal(value_of("muster_attach_failures_total{reason=\"file_size\"}"), 1, 0);
	muster_region_destroy(&region);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, shared_setup, shared_teardown)
	const struct CMUnitTest tests[] = {
		TEST(workers_of_the_user_are_counted_alive_and_dead),
		TEST(root_without_cap_lease_knows_who_writes_a_workers_file),
		TEST(a_reader_needs_not_be_told_who_they_are),
		TEST(slabs_of_strangers_are_left_out),
		TEST(what_a_worker_says_of_itself_is_not_believed),
		TEST(a26_a_worker_cannot_take_or_replace_the_masters_files),
		TEST(a26_what_was_planted_under_the_masters_names_is_out_of_its_way),
		TEST(a_worker_cannot_keep_a_running_master_from_folding),
		TEST(a_ledger_of_a_workers_is_not_believed),
		TEST(a_worker_of_another_user_that_cannot_make_a_slab_is_counted),
		TEST(failures_are_counted_also_if_the_region_was_not_shared_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
