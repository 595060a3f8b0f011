/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who lives? Only the kernel's word counts: not a pid, a file, a clock or silence.
 */
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "reading.h"
#include "slab_forge.h"
#include "workers.h"

static void count_one(void *arg)
{
	(void)arg;
	muster_counter_inc(muster_counter_with(declare(MUSTER_COUNTER, 0, "runs_total", NULL)));
	muster_in_flight_begin(muster_in_flight_with(declare(MUSTER_IN_FLIGHT, 0, "flying", NULL)));
}

static void expect(struct muster_region *region, uint32_t live, uint32_t dead)
{
	assert_int_equal(muster_region_refresh(region), 0);
	assert_int_equal(stats_of(region).live, live);
	assert_int_equal(stats_of(region).dead, dead);
	assert_int_equal(told.count, 0);
	if (live + dead > 0)
		assert_int_equal(int_of(region, "runs_total", ""), live + dead);
}

static void killed_worker_is_dead_before_it_is_reaped(void **state)
{
	(void)state;
	siginfo_t info;
	int fds[4];
	pid_t pid = worker_start(count_one, NULL);
	struct muster_region *region = reader();

	expect(region, 1, 0);
	assert_int_equal(muster__region_pidfds(region, fds, 4), 1);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	struct pollfd p = {.fd = fds[0], .events = POLLIN};
	assert_int_equal(poll(&p, 1, 5000), 1);
	expect(region, 0, 1);
	assert_int_equal(muster__region_pidfds(region, fds, 4), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	expect(region, 0, 1);
	muster_region_destroy(&region);
}

static void stopped_worker_is_alive(void **state)
{
	(void)state;
	pid_t pid = worker_start(count_one, NULL);
	struct muster_region *region = reader();

	assert_int_equal(kill(pid, SIGSTOP), 0);
	assert_int_equal(waitpid(pid, NULL, WUNTRACED), pid);
	expect(region, 1, 0);
	muster_region_destroy(&region);
	region = reader();
	expect(region, 1, 0);
	muster_region_destroy(&region);
	worker_kill(pid);
}

/* How many records of the worker have returned. */
static unsigned long *acknowledged;

static void count_on(void *arg)
{
	muster_counter c = muster_counter_with(declare(MUSTER_COUNTER, 0, "runs_total", NULL));

	(void)arg;
	muster_counter_inc(c);
	worker_tell();
	for (unsigned long n = 1;; n++) {
		__atomic_store_n(acknowledged, n, __ATOMIC_RELEASE);
		muster_counter_inc(c);
	}
}

static unsigned long acknowledged_now(void)
{
	return __atomic_load_n(acknowledged, __ATOMIC_ACQUIRE);
}

static void a36_what_a_stopped_worker_recorded_is_exported_and_goes_on(void **state)
{
	(void)state;
	size_t folded = 99;

	acknowledged = mmap(NULL, sizeof *acknowledged, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(acknowledged, MAP_FAILED);
	pid_t pid = worker_start(count_on, NULL);
	struct muster_region *region = master();
	for (int i = 0; i < 3; i++) {
		assert_int_equal(kill(pid, SIGSTOP), 0);
		assert_int_equal(waitpid(pid, NULL, WUNTRACED), pid);
		unsigned long stopped_at = acknowledged_now();
		assert_int_equal(muster_region_refresh(region), 0);
		assert_int_equal(stats_of(region).live, 1);
		assert_in_range(int_of(region, "runs_total", ""), stopped_at, stopped_at + 1);
		assert_int_equal(muster__region_fold(region, &folded), 0);
		assert_int_equal(folded, 0);
		assert_int_equal(kill(pid, SIGCONT), 0);
		while (acknowledged_now() < stopped_at + 1000)
			sched_yield();
	}
	worker_kill(pid);
	assert_int_equal(muster_region_refresh(region), 0);
	assert_int_equal(stats_of(region).dead, 1);
	assert_in_range(int_of(region, "runs_total", ""), acknowledged_now(), acknowledged_now() + 1);
	muster_region_destroy(&region);
	(void)munmap(acknowledged, sizeof *acknowledged);
}

static void close_all(void *arg)
{
	count_one(arg);
	for (int fd = 3; fd < 64; fd++)
		if (fd != worker_ready)
			close(fd);
}

static void worker_that_closed_its_descriptors_is_alive(void **state)
{
	(void)state;
	pid_t pid = worker_start(close_all, NULL);
	struct muster_region *region = reader();

	expect(region, 1, 0);
	muster_region_destroy(&region);
	worker_kill(pid);
}

static void count_and_exec(void *arg)
{
	count_one(arg);
	/* stdin keeps it waiting; the test's end of `ready` closes by O_CLOEXEC after we told */
	fcntl(worker_ready, F_SETFD, FD_CLOEXEC);
	execl("/bin/sleep", "sleep", "100", NULL);
	_exit(93);
}

static void a33_worker_that_became_another_program_is_dead(void **state)
{
	(void)state;
	int fds[2];
	char byte;

	assert_int_equal(pipe(fds), 0);
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		worker_ready = fds[1];
		close(fds[0]);
		count_and_exec(NULL);
	}
	close(fds[1]);
	assert_int_equal(read(fds[0], &byte, 1), 0); /* end of file: exec has happened */
	close(fds[0]);
	struct muster_region *region = reader();
	expect(region, 0, 1);
	assert_int_equal(int_of(region, "flying", ""), 0);
	muster_region_destroy(&region);
	worker_kill(pid);
}

/* ---- identities that are not what they seem ----------------------------------------------- */

static struct forge forged;

static void forge_of(const struct muster__identity *who)
{
	forge_begin(&forged);
	forge_header(&forged)->identity = *who;
	forge_family(&forged, MUSTER_COUNTER, 0, "runs_total", NULL);
	*forge_int(&forged, 0, forge_series(&forged, NULL)->int_cell) = 1;
	forge_write(&forged, "slab.forged", true, FORGE_BYTES);
}

static struct muster__identity self(void)
{
	struct muster__identity who;

	muster__identity_read(&who);
	return who;
}

static void expect_once(uint32_t live, uint32_t dead)
{
	struct muster_region *region = reader();

	expect(region, live, dead);
	muster_region_destroy(&region);
}

static void a35_reused_pid_is_dead(void **state)
{
	(void)state;
	struct muster__identity who = self();

	who.pid = (uint32_t)getppid();
	who.start_ticks = 1; /* an earlier process with the parent's pid */
	forge_of(&who);
	expect_once(0, 1);
}

static void a23_any_pid_has_no_effect(void **state)
{
	(void)state;
	static const uint32_t pids[] = {0, 1, 0x7fffffff, 0x80000000, UINT32_MAX};
	struct muster__identity who = self();

	for (size_t i = 0; i < sizeof pids / sizeof *pids; i++) {
		who.pid = pids[i];
		forge_of(&who);
		expect_once(0, 1);
	}
	who.pid = (uint32_t)getpid(); /* the reader's own, but not the slab it writes */
	forge_of(&who);
	expect_once(0, 1);
}

static void other_boot_is_dead(void **state)
{
	(void)state;
	struct muster__identity who = self();

	who.boot_id[3] ^= 1;
	forge_of(&who);
	expect_once(0, 1);
}

/* ---- by the record lock ------------------------------------------------------------------- */

static void lock_forged(void *arg)
{
	struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	char path[200];

	(void)arg;
	(void)snprintf(path, sizeof path, "%s/slab.forged", support_region);
	int fd = open(path, O_RDWR);
	if (fd < 0 || fcntl(fd, F_SETLK, &whole) != 0)
		_exit(92);
}

static void expect_by_lock(const struct muster__identity *who)
{
	forge_of(who);
	expect_once(0, 1);
	pid_t pid = worker_start(lock_forged, NULL);
	struct muster_region *region = reader();
	expect(region, 1, 0);
	worker_kill(pid);
	expect(region, 0, 1);
	muster_region_destroy(&region);
}

static void other_namespace_lives_by_its_lock(void **state)
{
	(void)state;
	struct muster__identity who = self();

	who.pidns_ino ^= 1;
	expect_by_lock(&who);
	who = self();
	who.start_ticks = 0; /* the worker had no /proc */
	who.pid = (uint32_t)getppid();
	expect_by_lock(&who);
}

/* A worker in a pid namespace of its own; killed by closing the pipe it reads. */
static void a_real_worker_in_another_namespace_lives_by_its_lock(void **state)
{
	(void)state;
	int ready[2], end[2];
	char byte;

	assert_int_equal(pipe(ready), 0);
	assert_int_equal(pipe(end), 0);
	pid_t pid = fork();
	if (pid == 0) {
		close(end[1]);
		if (unshare(CLONE_NEWPID) != 0)
			_exit(77);
		pid_t inner = fork();
		if (inner == 0) {
			count_one(NULL);
			(void)!write(ready[1], "", 1);
			(void)!read(end[0], &byte, 1);
			_exit(0);
		}
		_exit(waitpid(inner, NULL, 0) == inner ? 0 : 91);
	}
	close(ready[1]);
	close(end[0]);
	ssize_t n = read(ready[0], &byte, 1);
	if (n == 1) {
		struct muster_region *region = reader();
		expect(region, 1, 0);
		close(end[1]);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		expect(region, 0, 1);
		muster_region_destroy(&region);
	} else {
		close(end[1]);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
	}
	close(ready[0]);
	if (n != 1)
		skip(); /* no right to make namespaces here */
}

/* ---- the reader as a worker --------------------------------------------------------------- */

static bool locked_by_another(void)
{
	bool found = false;
	DIR *dir = opendir(support_region);

	for (struct dirent *e; (e = readdir(dir));) {
		struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
		char path[400];
		(void)snprintf(path, sizeof path, "%s/%s", support_region, e->d_name);
		int fd = strncmp(e->d_name, "slab.", 5) == 0 ? open(path, O_RDONLY) : -1;
		found = found || (fd >= 0 && fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK);
		if (fd >= 0)
			close(fd);
	}
	closedir(dir);
	return found;
}

static void read_itself(void *arg)
{
	(void)arg;
	count_one(NULL);
	for (int i = 0; i < 3; i++) {
		struct muster_region *region;
		if (muster_region_open(support_region, &region) != 0 || muster_region_refresh(region) != 0)
			_exit(90);
		if (stats_of(region).live != 1 || int_of(region, "runs_total", "") != 1)
			_exit(89);
		muster_counter_inc(muster_counter_with(declare(MUSTER_COUNTER, 0, "later_total", "n"), i ? "x" : "y"));
		if (muster_region_refresh(region) != 0 || int_of(region, "later_total", i ? "x" : "y") < 1)
			_exit(88);
		muster_region_destroy(&region);
	}
}

static void reading_oneself_keeps_the_record_lock(void **state)
{
	(void)state;
	pid_t pid = worker_start(read_itself, NULL);

	assert_true(locked_by_another());
	worker_kill(pid);
	assert_false(locked_by_another());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(killed_worker_is_dead_before_it_is_reaped, setup, teardown),
		cmocka_unit_test_setup_teardown(stopped_worker_is_alive, setup, teardown),
		cmocka_unit_test_setup_teardown(a36_what_a_stopped_worker_recorded_is_exported_and_goes_on, setup, teardown),
		cmocka_unit_test_setup_teardown(worker_that_closed_its_descriptors_is_alive, setup, teardown),
		cmocka_unit_test_setup_teardown(a33_worker_that_became_another_program_is_dead, setup, teardown),
		cmocka_unit_test_setup_teardown(a35_reused_pid_is_dead, setup, teardown),
		cmocka_unit_test_setup_teardown(a23_any_pid_has_no_effect, setup, teardown),
		cmocka_unit_test_setup_teardown(other_boot_is_dead, setup, teardown),
		cmocka_unit_test_setup_teardown(other_namespace_lives_by_its_lock, setup, teardown),
		cmocka_unit_test_setup_teardown(a_real_worker_in_another_namespace_lives_by_its_lock, setup, teardown),
		cmocka_unit_test_setup_teardown(reading_oneself_keeps_the_record_lock, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
