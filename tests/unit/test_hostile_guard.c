/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guard takes only the faults of the slab that is being read; every other SIGBUS goes where it went before.
 */
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>

#include "shm/guard.h"
#include "support.h"

static sig_atomic_t volatile heard;

/* A mapped page that is no more. */
static volatile char *hole(void)
{
	FILE *file = tmpfile();
	volatile char *map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fileno(file), 0);

	if (map == MAP_FAILED)
		_exit(90);
	return map;
}

static void load(void *ctx)
{
	(void)*(volatile char *)ctx;
}

static void before_is(void (*handler)(int))
{
	struct sigaction action = {.sa_handler = handler};

	if (sigaction(SIGBUS, &action, NULL) != 0 || muster_guard_install() != 0)
		_exit(91);
}

static void hear(int number)
{
	heard = number;
}

static void hear_info(int number, siginfo_t *info, void *context)
{
	(void)info, (void)context;
	heard = number;
}

/* exit(), so that a coverage build writes its counts. */
static void done(bool good)
{
	exit(good ? 0 : 1);
}

static void contains_a_fault_of_the_mapping(void)
{
	volatile char *map = hole();

	before_is(SIG_DFL);
	done(muster__guard_run((const void *)map, 4096, load, (void *)map) == -EFAULT &&
	     muster__guard_run((const void *)map, 4096, load, &map) == 0);
}

static void leaves_a_fault_elsewhere(void)
{
	volatile char *map = hole();
	static char other[16];

	before_is(SIG_DFL);
	(void)muster__guard_run(other, sizeof other, load, (void *)map);
	done(false);
}

static void leaves_a_fault_outside_of_reading(void)
{
	volatile char *map = hole();

	before_is(SIG_DFL);
	load((void *)map);
	done(false);
}

static void cannot_ignore_a_fault(void)
{
	volatile char *map = hole();

	before_is(SIG_IGN);
	load((void *)map);
	done(false);
}

static void sent_and_default(void)
{
	before_is(SIG_DFL);
	(void)raise(SIGBUS);
	done(false);
}

static void sent_and_ignored(void)
{
	before_is(SIG_IGN);
	(void)raise(SIGBUS);
	done(true);
}

static void sent_to_a_handler(void)
{
	before_is(hear);
	(void)raise(SIGBUS);
	done(heard == SIGBUS);
}

static void sent_to_a_handler_with_information(void)
{
	struct sigaction action = {.sa_flags = SA_SIGINFO};

	action.sa_sigaction = hear_info;
	if (sigaction(SIGBUS, &action, NULL) != 0 || muster_guard_install() != 0 || muster_guard_install() != 0)
		_exit(91);
	(void)raise(SIGBUS);
	done(heard == SIGBUS);
}

static const char page[16];

static void raise_it(void *ctx)
{
	(void)ctx;
	(void)raise(SIGBUS);
}

/* A sent one says nothing about the mapping. */
static void sent_while_reading(void)
{
	before_is(hear);
	done(muster__guard_run(page, sizeof page, raise_it, NULL) == 0 && heard == SIGBUS);
}

static const struct {
	const char *name;
	void (*run)(void);
	bool dies;
} rows[] = {
	{"contains_a_fault_of_the_mapping", contains_a_fault_of_the_mapping, false},
	{"leaves_a_fault_elsewhere", leaves_a_fault_elsewhere, true},
	{"leaves_a_fault_outside_of_reading", leaves_a_fault_outside_of_reading, true},
	{"cannot_ignore_a_fault", cannot_ignore_a_fault, true},
	{"sent_and_default", sent_and_default, true},
	{"sent_and_ignored", sent_and_ignored, false},
	{"sent_to_a_handler", sent_to_a_handler, false},
	{"sent_to_a_handler_with_information", sent_to_a_handler_with_information, false},
	{"sent_while_reading", sent_while_reading, false},
};

static void sigbus_goes_where_it_belongs(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		int status = in_child(rows[i].run);
		if (rows[i].dies ? !WIFSIGNALED(status) || WTERMSIG(status) != SIGBUS : status != 0)
			fail_msg("%s: wait status %#x", rows[i].name, status);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sigbus_goes_where_it_belongs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
