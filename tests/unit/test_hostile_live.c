/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker that does to its slab and to the region's directory what it likes, as fast as it can, while a master
 * scrapes: the honest worker counts exactly on each scrape, the reasons are those expected, nothing hangs.
 */
#include <errno.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>
#include <time.h>

#include "slab_honest.h"
#include "steady.h"

#define NAME "slab.forged"
#define SCRAPES 1000 /* masters, three scrapes each */
#define SECONDS_MAX 60

static struct forge forged;

static char *path_of(char *out, const char *name)
{
	(void)snprintf(out, 400, "%s/%s", support_region, name);
	return out;
}

static int64_t seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

/* A slab that lives as long as its lock is held, with two banks in use. */
static void forged_write(const char *name)
{
	honest(&forged);
	memset(forge_header(&forged)->identity.boot_id, 0, 16);
	forge_header(&forged)->identity.pidns_ino = 1;
	forge_header(&forged)->banks_used = 2;
	forge_write(&forged, name, true, FORGE_BYTES);
}

static int forged_own(const char *name)
{
	struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	char path[400];
	int fd = open(path_of(path, name), O_RDWR | O_CLOEXEC);

	if (fd < 0 || fcntl(fd, F_SETLK, &whole) != 0)
		_exit(84);
	return fd;
}

/* ---- what the worker does ----------------------------------------------------------------- */

static void check(bool done)
{
	if (!done)
		_exit(85);
}

/* Truncated to `bytes` and whole again. */
static void truncate_to(int fd, off_t bytes)
{
	check(ftruncate(fd, bytes) == 0);
	check(pwrite(fd, forged.bytes, FORGE_BYTES, 0) == FORGE_BYTES);
}

static void truncate_to_0(int fd)
{
	truncate_to(fd, 0);
}

static void truncate_to_page(int fd)
{
	truncate_to(fd, 4096);
}

static void punch(int fd, off_t at, off_t bytes)
{
	check(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at, bytes) == 0);
	check(pwrite(fd, forged.bytes, FORGE_BYTES, 0) == FORGE_BYTES);
}

static void punch_catalogue(int fd)
{
	punch(fd, 4096, FORGE_CATALOGUE);
}

static void punch_all(int fd)
{
	punch(fd, 0, FORGE_BYTES);
}

static void name_free(void)
{
	char path[400];

	check(unlink(path_of(path, NAME)) == 0 || errno == ENOENT || rmdir(path) == 0);
}

static void unlink_and_recreate(int fd)
{
	(void)fd;
	name_free();
	forge_write(&forged, NAME, true, FORGE_BYTES);
}

static void rename_over(int fd)
{
	char from[400], to[400];

	(void)fd;
	forge_write(&forged, ".other", true, 5000);
	check(rename(path_of(from, ".other"), path_of(to, NAME)) == 0);
}

static void directory(int fd)
{
	char path[400];

	(void)fd;
	name_free();
	check(mkdir(path_of(path, NAME), 0700) == 0);
}

static void fifo(int fd)
{
	char path[400];

	(void)fd;
	name_free();
	check(mkfifo(path_of(path, NAME), 0600) == 0);
}

/* /dev/zero, if we may. */
static void device(int fd)
{
	char path[400];

	(void)fd;
	name_free();
	check(mknod(path_of(path, NAME), S_IFCHR | 0600, makedev(1, 5)) == 0 || errno == EPERM);
}

static void symbolic_link(int fd)
{
	char path[400];

	(void)fd;
	name_free();
	forge_write(&forged, ".other", true, FORGE_BYTES); /* a good one, were it followed */
	check(symlink(".other", path_of(path, NAME)) == 0);
}

/* One field after the other, between what it is and what it should not be. */
static void flip_fields(int fd)
{
	static const struct {
		size_t at, width;
		uint64_t value;
	} fields[] = {
		{256, 8, UINT64_MAX - 7},
		{256, 8, 8},
		{264, 8, 5},
		{264, 8, UINT64_MAX},
		{4096, 4, 0},
		{4096, 4, UINT32_MAX - 7},
		{4096 + 4, 2, MUSTER__RECORD_SERIES},
		{4096 + 12, 1, MUSTER_HISTOGRAM},
		{4096 + 14, 2, 32},
		{4096 + 16, 4, MUSTER_BOUNDS_MAX},
		{4096 + 20, 4, UINT32_MAX},
		{4096 + 24, 2, UINT16_MAX},
		{4096 + 26, 2, UINT16_MAX},
		{24, 8, UINT64_MAX},
		{56, 8, UINT64_MAX - 7},
		{FORGE_BYTES - 32768 + 16, 8, MUSTER__INTENT_OPEN | UINT64_C(5) << 33},
	};
	volatile unsigned char *map = mmap(NULL, FORGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	check(map != MAP_FAILED);
	for (unsigned n = 0;; n++) {
		size_t i = (n >> 6) % (sizeof fields / sizeof *fields);
		for (size_t k = 0; k < fields[i].width; k++)
			map[fields[i].at + k] = (unsigned char)(fields[i].value >> 8 * k);
		for (volatile int pause = 0; pause < 100; pause++)
			;
		for (size_t k = 0; k < fields[i].width; k++)
			map[fields[i].at + k] = forged.bytes[fields[i].at + k];
	}
}

/* ---- scraping meanwhile ------------------------------------------------------------------- */

#define REASON(id) (1u << MUSTER_QUARANTINE_##id)
/* Of a regular file that is something else at any moment. */
#define CONTENT                                                                                                        \
	(REASON(SHORT) | REASON(MAGIC) | REASON(HEADER) | REASON(CATALOGUE) | REASON(FAMILY) | REASON(SERIES) |            \
	 REASON(SHRUNK))

static const struct attack {
	const char *name;
	void (*act)(int fd);
	unsigned reasons; /* those that may be told */
	bool refused;     /* and one is, sooner or later */
} attacks[] = {
	{"a24_truncate_to_0", truncate_to_0, CONTENT, true},
	{"a24_truncate_to_page", truncate_to_page, CONTENT, true},
	{"a24_punch_catalogue", punch_catalogue, CONTENT, true},
	{"a24_punch_all", punch_all, CONTENT, true},
	{"a24_unlink_and_recreate", unlink_and_recreate, CONTENT, false},
	{"a24_rename_over", rename_over, REASON(SHORT), true},
	{"a24_directory", directory, REASON(OPEN), true},
	{"a24_fifo", fifo, REASON(OPEN), true},
	{"a24_device", device, REASON(OPEN), false},
	{"a24_symbolic_link", symbolic_link, REASON(OPEN), true},
	{"a19_fields_flip", flip_fields, CONTENT, true},
};

static unsigned reasons_told;

static void on_told(void *ctx, const char *file, enum muster_quarantine reason)
{
	(void)ctx;
	assert_string_equal(file, NAME);
	reasons_told |= 1u << reason;
}

static void act_forever(void *arg)
{
	const struct attack *attack = arg;
	int fd = forged_own(NAME);

	worker_tell();
	for (;;)
		attack->act(fd);
}

static void scrape_once(struct muster_region *region, const char *name)
{
	const char *text;
	size_t bytes;

	assert_int_equal(muster_region_refresh(region), 0);
	steady_is_exact(region, name);
	assert_int_equal(muster_region_text(region, &text, &bytes), 0);
}

/* Some scrapes by one master, which follows; then another, which begins anew. */
static void scrapes(const char *name)
{
	struct muster_region *region;

	assert_int_equal(muster_region_open(support_region, &region), 0);
	muster_region_on_quarantine(region, on_told, NULL);
	for (int i = 0; i < 3; i++)
		scrape_once(region, name);
	muster_region_destroy(&region);
}

static void attack_run(const struct attack *attack)
{
	union {
		const struct attack *attack;
		void *arg;
	} u = {attack};
	int64_t begin = seconds();

	forged_write(NAME);
	reasons_told = 0;
	pid_t pid = worker_start(act_forever, u.arg);
	for (int i = 0; i < SCRAPES || (attack->refused && reasons_told == 0 && i < 100 * SCRAPES); i++)
		scrapes(attack->name);
	worker_kill(pid);
	if ((reasons_told & ~attack->reasons) || (attack->refused && reasons_told == 0))
		fail_msg("%s: told reasons %#x, may be %#x", attack->name, reasons_told, attack->reasons);
	if (seconds() - begin > SECONDS_MAX)
		fail_msg("%s: takes %lld s", attack->name, (long long)(seconds() - begin));
	name_free();
}

static void a19_a24_changing_files_harm_nobody(void **state)
{
	(void)state;
	assert_int_equal(muster_guard_install(), 0);
	for (size_t i = 0; i < sizeof attacks / sizeof *attacks; i++)
		attack_run(attacks + i);
}

/* ---- the directory ------------------------------------------------------------------------ */

static void a26_a_second_name_of_a_slab_does_not_count(void **state)
{
	(void)state;
	char slab[400], name[400];
	DIR *dir = opendir(support_region);
	struct muster_region *region = master();

	for (const struct dirent *e; (e = readdir(dir));)
		if (strncmp(e->d_name, "slab.", 5) == 0)
			path_of(slab, e->d_name);
	closedir(dir);
	assert_int_equal(link(slab, path_of(name, "slab.again")), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(muster_region_refresh(region), 0);
		assert_int_equal(told.count, 1);
		assert_int_equal(told.reason, MUSTER_QUARANTINE_OPEN);
		steady_is_exact(region, "hard link");
	}
	muster_region_destroy(&region);
	/* Whichever name the next master sees first. */
	region = master();
	assert_int_equal(told.count, 1);
	steady_is_exact(region, "hard link");
	muster_region_destroy(&region);
	assert_int_equal(unlink(name), 0);
}

/* The region is the directory that was opened, whatever its name leads to now. */
static void a26_directory_replaced_after_the_check(void **state)
{
	(void)state;
	char aside[400];
	struct muster_region *region = master();

	(void)snprintf(aside, sizeof aside, "%s.aside", support_region);
	assert_int_equal(rename(support_region, aside), 0);
	assert_int_equal(mkdir(support_region, 0700), 0);
	forged_write(NAME);
	assert_int_equal(muster_region_refresh(region), 0);
	steady_is_exact(region, "another directory");
	assert_int_equal(told.count, 0);
	assert_null(series_of(region, "good_total", ""));
	muster_region_destroy(&region);
	name_free();
	assert_int_equal(rmdir(support_region), 0);
	assert_int_equal(rename(aside, support_region), 0);
}

static void as_nobody(void)
{
	char path[400];
	DIR *dir = opendir(support_region);

	for (const struct dirent *e; (e = readdir(dir));)
		if (strncmp(e->d_name, "slab.", 5) == 0)
			path_of(path, e->d_name);
	if (setgid(65534) != 0 || setuid(65534) != 0)
		_exit(77);
	if (open(path, O_RDONLY) >= 0 || errno != EACCES)
		_exit(1);
	(void)snprintf(path, sizeof path, "/proc/%d/mem", (int)steady_worker);
	if (open(path, O_RDWR) >= 0)
		_exit(2);
	(void)snprintf(path, sizeof path, "/proc/%d/map_files", (int)steady_worker);
	if (opendir(path) != NULL)
		_exit(3);
}

/* A sibling of the same user can do all it could do to the process itself; one of another user nothing. */
static void a30_other_users_reach_no_slab(void **state)
{
	(void)state;
	int status = in_child(as_nobody);

	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip(); /* it takes root to become another user */
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a19_a24_changing_files_harm_nobody, steady_setup, steady_teardown),
		cmocka_unit_test_setup_teardown(a26_a_second_name_of_a_slab_does_not_count, steady_setup, steady_teardown),
		cmocka_unit_test_setup_teardown(a26_directory_replaced_after_the_check, steady_setup, steady_teardown),
		cmocka_unit_test_setup_teardown(a30_other_users_reach_no_slab, steady_setup, steady_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
