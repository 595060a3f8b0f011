/* SPDX-License-Identifier: Apache-2.0 */
/* What the master reads of processes and of the out-of-memory killer: texts of the kernel, with names that processes chose. */
#include <errno.h>
#include <fcntl.h>

#include <sys/resource.h>
#include <time.h>

#include "runtime/members.h"
#include "runtime/oom.h"
#include "runtime/process_files.h"
#include "workers.h"

static void a_name_does_not_move_the_fields(void **state)
{
	static const char line[] =
		"7 (a) R 1 2) S (x) S 3 7 7 0 -1 4194304 100 200 1 2 150 50 30 20 20 0 5 0 12345 8192000 10 184467440";
	struct muster__process_reading r = {0};
	double tick = 1.0 / (double)sysconf(_SC_CLK_TCK);

	(void)state;
	assert_true(muster__process_parse_stat(line, &r));
	assert_int_equal(r.parent, 3);
	assert_false(r.ended);
	assert_int_equal(r.start_ticks, 12345);
	assert_true(fabs(r.self.user - 150 * tick) < 1e-9 && fabs(r.self.system - 50 * tick) < 1e-9);
	assert_true(fabs(r.waited.user - 30 * tick) < 1e-9 && fabs(r.waited.system - 20 * tick) < 1e-9);
	assert_true(r.threads == 5 && r.virtual_bytes == 8192000);
	assert_true(r.resident_bytes == 10.0 * (double)sysconf(_SC_PAGESIZE));
}

static void what_is_cut_off_is_refused(void **state)
{
	struct muster__process_reading r = {.threads = 9};

	(void)state;
	assert_false(muster__process_parse_stat("", &r));
	assert_false(muster__process_parse_stat("7 (name", &r));
	assert_false(muster__process_parse_stat("7 (name)", &r));
	assert_false(muster__process_parse_stat("7 (name) S 3 7 7 0 -1 0 0 0 0 0 1 1 1 1 20 0 5 0 12345", &r));
	assert_true(r.threads == 9);
}

static void switches_are_found(void **state)
{
	struct muster__process_reading r = {0};

	(void)state;
	muster__process_parse_status(
		"Name:\tvoluntary_ctxt_switches: 5\nvoluntary_ctxt_switches:\t17\nnonvoluntary_ctxt_switches:\t4\n", &r);
	assert_true(r.self.voluntary == 17 && r.self.involuntary == 4);
}

static void a_pid_used_again_is_another_process(void **state)
{
	struct muster__process_files files;
	struct muster__process_reading r;

	(void)state;
	muster__process_files_open(getpid(), false, &files);
	assert_int_equal(muster__process_files_read(&files, &r), 0);
	files.start_ticks--;
	assert_int_equal(muster__process_files_read(&files, &r), -ESRCH);
	muster__process_files_close(&files);
}

static void a_process_that_was_waited_for_is_gone(void **state)
{
	struct muster__process_files files;
	struct muster__process_reading r;
	pid_t pid = fork();

	(void)state;
	if (pid == 0)
		_exit(0);
	muster__process_files_open(pid, true, &files);
	do
		assert_int_equal(muster__process_files_read(&files, &r), 0);
	while (!r.ended);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(muster__process_files_read(&files, &r), -ESRCH);
	muster__process_files_close(&files);
}

/* ---- members ------------------------------------------------------------------------------ */

static double told; /* seconds of CPU */

static void spent(void *ctx, unsigned worker, const struct muster__spent *more)
{
	(void)ctx, (void)worker;
	told += more->user + more->system;
}

static void burn(void *arg)
{
	(void)arg;
	while (clock() < CLOCKS_PER_SEC / 5)
		;
}

static void what_another_master_has_told_is_not_told_again(void **state)
{
	struct muster__members all = {.spent = spent}, later = {.spent = spent, .since_ticks = ~0ull};
	struct muster__member_seen seen = {worker_start(burn, NULL), 0};
	struct rusage usage;

	(void)state;
	told = 0;
	assert_int_equal(muster__members_sample(&later, &seen, 1), 0);
	assert_true(told == 0);
	assert_int_equal(muster__members_sample(&all, &seen, 1), 0);
	assert_true(told >= 0.17);
	double before = told;
	kill(seen.pid, SIGKILL);
	assert_int_equal(wait4(seen.pid, NULL, 0, &usage), seen.pid);
	muster__members_reaped(&later, seen.pid, &usage);
	muster__members_reaped(&all, seen.pid, &usage);
	assert_true(told - before < 0.1);
	assert_int_equal(all.count, 0);
	muster__members_free(&all);
	muster__members_free(&later);
}

/* Descriptors run out: nobody is taken for dead, to be counted anew as another. */
static void who_cannot_be_read_now_is_not_gone(void **state)
{
	struct muster__members all = {.spent = spent};
	struct muster__member_seen seen = {worker_start(burn, NULL), 0};
	struct rlimit limit, none;

	(void)state;
	told = 0;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = (struct rlimit){0, limit.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	assert_int_equal(muster__members_sample(&all, &seen, 1), 0);
	assert_int_equal(all.count, 1);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_int_equal(muster__members_sample(&all, &seen, 1), 0);
	double before = told;
	assert_true(before >= 0.17);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	assert_int_equal(muster__members_sample(&all, &seen, 1), 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_int_equal(muster__members_sample(&all, &seen, 1), 0);
	assert_true(told - before < 0.1);
	worker_kill(seen.pid);
	assert_int_equal(muster__members_sample(&all, &seen, 1), 0);
	assert_int_equal(all.count, 0);
	muster__members_free(&all);
}

static void each_has_a_number_of_its_own(void **state)
{
	struct muster__members all = {.spent = spent};
	struct muster__member_seen seen[] = {{getpid(), MUSTER__WORKER_ANY}, {getppid(), MUSTER__WORKER_ANY}};

	(void)state;
	assert_int_equal(muster__members_sample(&all, seen, 2), 0);
	assert_int_equal(all.count, 2);
	assert_int_equal(all.list[0].worker + all.list[1].worker, 1);
	muster__members_free(&all);
}

/* ---- out of memory ------------------------------------------------------------------------ */

static void counts_of_the_killer_are_found(void **state)
{
	uint64_t count = 0;
	char path[16];

	(void)state;
	assert_true(muster__oom_parse("low 0\noom 9\noom_kill 3\noom_group_kill 1\n", &count));
	assert_int_equal(count, 3);
	assert_true(muster__oom_parse("nr_free_pages 1\noom_kill 18446744073709551615\n", &count));
	assert_int_equal(count, UINT64_MAX);
	assert_false(muster__oom_parse("oom_kill_disable 0\nunder_oom 0\n", &count));
	assert_true(muster__oom_cgroup("4:memory:/v1\n0::/a/b\n", path, sizeof path));
	assert_string_equal(path, "/a/b");
	assert_false(muster__oom_cgroup("4:memory:/v1\n", path, sizeof path));
	assert_false(muster__oom_cgroup("0::/longer-than-there-is-room\n", path, sizeof path));
}

static void count_is(int fd, const char *text)
{
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(pwrite(fd, text, strlen(text), 0), (ssize_t)strlen(text));
}

static void each_kill_explains_one_death_for_a_while(void **state)
{
	struct muster__oom oom = {.fd = open("/dev/shm", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600), .count = 5};

	(void)state;
	assert_true(oom.fd >= 0);
	count_is(oom.fd, "oom_kill 5\n");
	assert_int_equal(muster__oom_look(&oom, 100000), 0);
	assert_false(muster__oom_claim(&oom));
	count_is(oom.fd, "oom_kill 7\n");
	assert_int_equal(muster__oom_look(&oom, 101000), 2);
	assert_int_equal(muster__oom_look(&oom, 105000), 0);
	assert_true(muster__oom_claim(&oom));
	assert_true(muster__oom_claim(&oom));
	assert_false(muster__oom_claim(&oom));
	count_is(oom.fd, "oom_kill 8\n");
	assert_int_equal(muster__oom_look(&oom, 110000), 1);
	assert_int_equal(muster__oom_look(&oom, 130000), 0);
	assert_false(muster__oom_claim(&oom)); /* long ago: another's */
	count_is(oom.fd, "");
	assert_int_equal(muster__oom_look(&oom, 131000), 0);
	muster__oom_close(&oom);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_does_not_move_the_fields),
		cmocka_unit_test(what_is_cut_off_is_refused),
		cmocka_unit_test(switches_are_found),
		cmocka_unit_test(a_pid_used_again_is_another_process),
		cmocka_unit_test(a_process_that_was_waited_for_is_gone),
		cmocka_unit_test(what_another_master_has_told_is_not_told_again),
		cmocka_unit_test(who_cannot_be_read_now_is_not_gone),
		cmocka_unit_test(each_has_a_number_of_its_own),
		cmocka_unit_test(counts_of_the_killer_are_found),
		cmocka_unit_test(each_kill_explains_one_death_for_a_while),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
