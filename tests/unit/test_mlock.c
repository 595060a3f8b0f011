/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Applications that lock all their memory, now and to come: a slab is sparse, and stays so.
 */
#include <grp.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "workers.h"

#define CANNOT 77
#define NOBODY 65534
#define BYTES_MAX (1 << 20) /* of a slab of a few series */
#define RSS_KIB_MAX (256 << 10)

static void lock_memory(void)
{
	if (mlockall(MCL_FUTURE) != 0)
		_exit(CANNOT);
}

static void record(void)
{
	muster_counter_inc(muster_counter_with(declare(MUSTER_COUNTER, 0, "runs_total", NULL)));
	muster_histogram_observe(muster_histogram_with(declare(MUSTER_HISTOGRAM, 0, "run_seconds", NULL)), 1);
}

/* What the slabs of the region take. */
static long slab_bytes(void)
{
	DIR *dir = opendir(support_region);
	char path[400];
	struct stat st;
	long bytes = 0;

	for (struct dirent *e; dir && (e = readdir(dir));) {
		(void)snprintf(path, sizeof path, "%s/%s", support_region, e->d_name);
		if (strncmp(e->d_name, "slab.", 5) == 0 && stat(path, &st) == 0)
			bytes += (long)st.st_blocks * 512;
	}
	closedir(dir);
	return bytes;
}

static void run(void (*fn)(void))
{
	int status = in_child(fn);

	if (WIFEXITED(status) && WEXITSTATUS(status) == CANNOT)
		skip();
	assert_int_equal(status, 0);
}

static void lock_and_record(void)
{
	lock_memory();
	record();
}

static void a_slab_of_locked_memory_is_small(void **state)
{
	(void)state;
	run(lock_and_record);
	assert_in_range(slab_bytes(), 1, BYTES_MAX);
	assert_true(value_of("runs_total") == 1);
}

static void lock_and_record_privately(void)
{
	struct rusage usage;

	(void)unsetenv("MUSTER_REGION");
	lock_memory();
	record();
	if (getrusage(RUSAGE_SELF, &usage) != 0 || usage.ru_maxrss > RSS_KIB_MAX)
		_exit(98);
}

static void private_memory_that_is_locked_is_small(void **state)
{
	(void)state;
	run(lock_and_record_privately);
}

static void lock_and_read(void)
{
	lock_memory();
	if (value_of("runs_total") != 1)
		_exit(98);
}

static void a_reader_that_locks_its_memory_fills_no_slab(void **state)
{
	(void)state;
	run(record);
	run(lock_and_read);
	assert_in_range(slab_bytes(), 1, BYTES_MAX);
}

static void be_nobody(void)
{
	struct rlimit little = {8 << 20, 8 << 20};

	if (setrlimit(RLIMIT_MEMLOCK, &little) != 0 || setgroups(0, NULL) != 0 || setgid(NOBODY) != 0 ||
	    setuid(NOBODY) != 0)
		_exit(CANNOT);
}

static void lock_little_and_record(void)
{
	be_nobody();
	lock_memory();
	record();
}

static void read_as_nobody(void)
{
	be_nobody();
	if (value_of("runs_total") != 1)
		_exit(98);
}

/* The usual limit of a user: only a slab of a small geometry can be mapped. */
static void a_small_limit_of_locked_memory_gives_a_small_geometry(void **state)
{
	(void)state;
	if (chown(support_region, NOBODY, NOBODY) != 0)
		skip();
	run(lock_little_and_record);
	run(read_as_nobody);
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_slab_of_locked_memory_is_small),
		test(private_memory_that_is_locked_is_small),
		test(a_reader_that_locks_its_memory_fills_no_slab),
		test(a_small_limit_of_locked_memory_gives_a_small_geometry),
	};

	return cmocka_run_group_tests_name("locked memory", tests, NULL, NULL);
}
