/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who lives, when the reader and the worker do not see the same world: other pid and time namespaces,
 * clocks that lie, workers without descriptors.
 *
 * A worker here obeys single-byte commands on its stdin and answers each on its stdout, so that it can
 * close everything else. Where namespaces cannot be made, these tests are skipped.
 */
#include <fcntl.h>
#include <sched.h>
#include <sys/syscall.h>
#include <time.h>

#include "reading.h"
#include "workers.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif
#define CANNOT 77 /* exit status: no right to make namespaces here */

/* ---- a clock that lies -------------------------------------------------------------------- */

static time_t lie_s;

/* In place of libc's, for the whole program. */
int clock_gettime(clockid_t id, struct timespec *ts)
{
	int rc = (int)syscall(SYS_clock_gettime, id, ts);

	ts->tv_sec += lie_s;
	return rc;
}

/* ---- workers in other namespaces ---------------------------------------------------------- */

struct outsider {
	pid_t keeper;
	int command, reply, hold; /* a silent child lives until `hold` closes */
};

static void fork_silent(void)
{
	char byte;

	if (fork() == 0) {
		close(1);
		(void)!read(3, &byte, 1);
		_exit(0);
	}
}

static void obey(char command)
{
	switch (command) {
	case '+':
		muster_counter_inc(muster_counter_with(declare(MUSTER_COUNTER, 0, "runs_total", NULL)));
		break;
	case 'c':
		(void)syscall(SYS_close_range, 4, ~0U, 0);
		break;
	case 'f':
		fork_silent();
		break;
	case 'e':
		execl("/bin/cat", "cat", NULL);
		_exit(93);
	case 'k':
		(void)kill(getpid(), SIGKILL);
	}
}

static void work(void)
{
	char command;

	while (read(0, &command, 1) == 1) {
		obey(command);
		if (write(1, &command, 1) != 1)
			break;
	}
	_exit(0);
}

/* The keeper makes the namespaces, and an init for them that outlives the worker. */
static void keep(int namespaces)
{
	int offsets;

	if (namespaces && unshare(namespaces) != 0)
		_exit(CANNOT);
	if (namespaces & CLONE_NEWTIME) {
		offsets = open("/proc/self/timens_offsets", O_WRONLY);
		if (write(offsets, "boottime 100000 0\n", 18) != 18)
			_exit(CANNOT);
		close(offsets);
	}
	if (fork() == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (fork() == 0)
			work();
		for (int fd = 0; fd < 4; fd++)
			close(fd);
		while (wait(NULL) > 0)
			;
		_exit(0);
	}
	for (int fd = 0; fd < 4; fd++)
		close(fd);
	(void)wait(NULL);
	_exit(0);
}

/* Returns false when the worker is not there to answer. */
static bool tell(const struct outsider *o, char command)
{
	char answer = 0;

	return write(o->command, &command, 1) == 1 && read(o->reply, &answer, 1) == 1 && answer == command;
}

static void outsider_end(struct outsider *o)
{
	close(o->command);
	close(o->reply);
	close(o->hold);
	assert_int_equal(waitpid(o->keeper, NULL, 0), o->keeper);
}

/* A worker that has counted one; skips the test if there is none to be had. */
static void outsider_start(struct outsider *o, int namespaces)
{
	int command[2], reply[2], hold[2];

	assert_int_equal(pipe2(command, O_CLOEXEC), 0);
	assert_int_equal(pipe2(reply, O_CLOEXEC), 0);
	assert_int_equal(pipe2(hold, O_CLOEXEC), 0);
	o->keeper = fork();
	if (o->keeper == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		int high[3] = {fcntl(command[0], F_DUPFD, 20), fcntl(reply[1], F_DUPFD, 20), fcntl(hold[0], F_DUPFD, 20)};
		dup2(high[0], 0);
		dup2(high[1], 1);
		dup2(high[2], 3);
		(void)syscall(SYS_close_range, 4, ~0U, 0);
		keep(namespaces);
	}
	close(command[0]);
	close(reply[1]);
	close(hold[0]);
	o->command = command[1];
	o->reply = reply[0];
	o->hold = hold[1];
	(void)signal(SIGPIPE, SIG_IGN);
	if (!tell(o, '+')) {
		outsider_end(o);
		skip();
	}
}

/* ---- expectations ------------------------------------------------------------------------- */

static void expect(struct muster_region *region, uint32_t live, uint32_t dead, int64_t runs)
{
	assert_int_equal(muster_region_refresh(region), 0);
	assert_int_equal(stats_of(region).live, live);
	assert_int_equal(stats_of(region).dead, dead);
	assert_int_equal(told.count, 0);
	assert_int_equal(int_of(region, "runs_total", ""), runs);
}

/* A death takes the kernel a moment. */
static void expect_death(struct muster_region *region, int64_t runs)
{
	for (int i = 0; i < 5000 && stats_of(region).live > 0; i++) {
		usleep(1000);
		assert_int_equal(muster_region_refresh(region), 0);
	}
	expect(region, 0, 1, runs);
}

static void expect_folded(struct muster_region *region, size_t folded)
{
	size_t count = 99;

	assert_int_equal(muster__region_fold(region, &count), 0);
	assert_int_equal(count, folded);
}

/* ---- without descriptors ------------------------------------------------------------------ */

/* Lock gone, pid unknown: only the mapping says that it lives. Folded now, the rest would be lost. */
static void closes_everything(int namespaces)
{
	struct outsider o;

	outsider_start(&o, namespaces);
	struct muster_region *region = master();
	expect(region, 1, 0, 1);
	assert_true(tell(&o, 'c'));
	expect(region, 1, 0, 1);
	expect_folded(region, 0);
	assert_true(tell(&o, '+'));
	expect(region, 1, 0, 2);
	muster_region_destroy(&region);
	region = master(); /* and one that comes later */
	expect(region, 1, 0, 2);
	assert_true(tell(&o, '+'));
	assert_false(tell(&o, 'k'));
	expect_death(region, 3);
	expect_folded(region, 1);
	assert_int_equal(muster_region_refresh(region), 0);
	assert_int_equal(int_of(region, "runs_total", ""), 3);
	muster_region_destroy(&region);
	outsider_end(&o);
}

static void a_worker_without_descriptors_lives(void **state)
{
	(void)state;
	closes_everything(0);
}

static void a_worker_without_descriptors_lives_for_other_pid_namespaces(void **state)
{
	(void)state;
	closes_everything(CLONE_NEWPID);
}

static void a_worker_without_descriptors_lives_for_other_time_namespaces(void **state)
{
	(void)state;
	closes_everything(CLONE_NEWTIME);
}

static void a_worker_in_another_time_namespace_lives(void **state)
{
	(void)state;
	struct outsider o;

	outsider_start(&o, CLONE_NEWTIME);
	struct muster_region *region = reader();
	expect(region, 1, 0, 1);
	assert_false(tell(&o, 'k'));
	expect_death(region, 1);
	muster_region_destroy(&region);
	outsider_end(&o);
}

/* A child that inherited the mapping might be the owner without its descriptors: in doubt it lives. */
static void in_doubt_a_slab_is_followed_and_not_folded(void **state)
{
	(void)state;
	struct outsider o;

	outsider_start(&o, CLONE_NEWPID);
	struct muster_region *region = master();
	assert_true(tell(&o, 'f'));
	assert_false(tell(&o, 'k'));
	expect(region, 1, 0, 1);
	expect_folded(region, 0);
	close(o.hold);
	o.hold = -1;
	expect_death(region, 1);
	muster_region_destroy(&region);
	outsider_end(&o);
}

/* In the same pid namespace there is no doubt. */
static void a_dead_worker_with_a_silent_child_is_dead(void **state)
{
	(void)state;
	struct outsider o;

	outsider_start(&o, 0);
	struct muster_region *region = reader();
	assert_true(tell(&o, 'f'));
	assert_false(tell(&o, 'k'));
	expect_death(region, 1);
	muster_region_destroy(&region);
	outsider_end(&o);
}

/* The mapping goes with the program; no need to wait for the next look at /proc/PID/maps. */
static void exec_without_descriptors_is_seen_at_once(void **state)
{
	(void)state;
	struct outsider o;
	char byte = 'x';

	outsider_start(&o, 0);
	struct muster_region *region = reader();
	assert_true(tell(&o, 'c'));
	expect(region, 1, 0, 1);
	assert_int_equal(write(o.command, "e", 1), 1);
	assert_int_equal(write(o.command, &byte, 1), 1);
	assert_int_equal(read(o.reply, &byte, 1), 1); /* cat answers: exec has happened */
	expect(region, 0, 1, 1);
	muster_region_destroy(&region);
	outsider_end(&o);
}

/* ---- clocks ------------------------------------------------------------------------------- */

static void clocks_that_jump_have_no_effect(void **state)
{
	(void)state;
	static const time_t lies[] = {0, 400000000, -400000000, 86400, 0};
	struct outsider o;

	outsider_start(&o, 0);
	struct muster_region *region = reader();
	for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
		lie_s = lies[i];
		expect(region, 1, 0, (int64_t)i + 1);
		assert_true(tell(&o, '+'));
	}
	lie_s = -400000000;
	assert_false(tell(&o, 'k'));
	expect_death(region, 6);
	muster_region_destroy(&region);
	outsider_end(&o);
	lie_s = 0;
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_worker_without_descriptors_lives),
		test(a_worker_without_descriptors_lives_for_other_pid_namespaces),
		test(a_worker_without_descriptors_lives_for_other_time_namespaces),
		test(a_worker_in_another_time_namespace_lives),
		test(in_doubt_a_slab_is_followed_and_not_folded),
		test(a_dead_worker_with_a_silent_child_is_dead),
		test(exec_without_descriptors_is_seen_at_once),
		test(clocks_that_jump_have_no_effect),
	};

	return cmocka_run_group_tests_name("liveness across spaces", tests, NULL, NULL);
}
