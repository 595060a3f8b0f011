/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pids that are really used again, and a boot id that is not the kernel's: neither says who lives.
 */
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>

#include "reading.h"
#include "slab_forge.h"
#include "workers.h"

#define CANNOT 77 /* exit status: no right to make namespaces here */

static void expect(struct muster_region *region, uint32_t live, uint32_t dead, int64_t runs)
{
	assert_int_equal(muster_region_refresh(region), 0);
	assert_int_equal(stats_of(region).live, live);
	assert_int_equal(stats_of(region).dead, dead);
	assert_int_equal(told.count, 0);
	assert_int_equal(int_of(region, "runs_total", ""), runs);
}

/* ---- a container with a boot id of its own ------------------------------------------------ */

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

static void another_boot_id_does_not_kill(void **state)
{
	(void)state;
	static struct forge forged;

	forge_begin(&forged);
	muster__identity_read(&forge_header(&forged)->identity);
	forge_header(&forged)->identity.boot_id[3] ^= 1;
	forge_family(&forged, MUSTER_COUNTER, 0, "runs_total", NULL);
	*forge_int(&forged, 0, forge_series(&forged, NULL)->int_cell) = 1;
	forge_write(&forged, "slab.forged", true, FORGE_BYTES);
	pid_t pid = worker_start(lock_forged, NULL);
	struct muster_region *region = reader();
	expect(region, 1, 0, 1);
	worker_kill(pid);
	expect(region, 0, 1, 1);
	muster_region_destroy(&region);
}

/* ---- reused pids -------------------------------------------------------------------------- */

static void count_one(void *arg)
{
	(void)arg;
	muster_counter_inc(muster_counter_with(declare(MUSTER_COUNTER, 0, "runs_total", NULL)));
}

static void nothing(void *arg)
{
	(void)arg;
}

/* A process with this pid. */
static pid_t start_as(pid_t pid, void (*fn)(void *arg))
{
	char text[16];
	int n = snprintf(text, sizeof text, "%d", pid - 1), fd = open("/proc/sys/kernel/ns_last_pid", O_WRONLY);

	if (fd < 0 || write(fd, text, (size_t)n) != n)
		_exit(CANNOT);
	close(fd);
	pid_t got = worker_start(fn, NULL);
	if (got != pid)
		_exit(94);
	return got;
}

static void must(struct muster_region *region, uint32_t live, uint32_t dead, int64_t runs, int line)
{
	if (muster_region_refresh(region) != 0 || stats_of(region).live != live || stats_of(region).dead != dead ||
	    int_of(region, "runs_total", "") != runs) {
		(void)fprintf(stderr, "line %d: %u live, %u dead, %lld runs\n", line, stats_of(region).live,
		              stats_of(region).dead, (long long)int_of(region, "runs_total", ""));
		_exit(1);
	}
}

/* As init of a pid namespace: a worker dies, others get its pid. */
static void reuse_pids(void)
{
	if (mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 || mount("proc", "/proc", "proc", 0, NULL) != 0)
		_exit(CANNOT);
	pid_t first = worker_start(count_one, NULL);
	struct muster_region *early = reader();
	must(early, 1, 0, 1, __LINE__);
	worker_kill(first);
	pid_t stranger = start_as(first, nothing);
	struct muster_region *late = reader();
	must(early, 0, 1, 1, __LINE__);
	must(late, 0, 1, 1, __LINE__);
	worker_kill(stranger);
	pid_t second = start_as(first, count_one);
	must(early, 1, 1, 2, __LINE__);
	must(late, 1, 1, 2, __LINE__);
	worker_kill(second);
	must(late, 0, 2, 2, __LINE__);
	_exit(0);
}

static void a35_a_pid_that_is_really_reused(void **state)
{
	(void)state;
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (unshare(CLONE_NEWPID | CLONE_NEWNS) != 0)
			_exit(CANNOT);
		if (fork() == 0)
			reuse_pids();
		_exit(wait(&status) > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == CANNOT)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(another_boot_id_does_not_kill, setup, teardown),
		cmocka_unit_test_setup_teardown(a35_a_pid_that_is_really_reused, setup, teardown),
	};

	return cmocka_run_group_tests_name("liveness, pids", tests, NULL, NULL);
}
