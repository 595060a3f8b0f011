/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Corners of the reader that one file alone does not reach: files of other users, two descriptions of one name,
 * a history shared by slabs of different sizes, slabs and ledgers that change between two looks.
 */
#include <errno.h>

#include "slab_honest.h"
#include "steady.h"

static struct forge forged;

static const char *path_of(const char *name)
{
	static char path[200];

	(void)snprintf(path, sizeof path, "%s/%s", support_region, name);
	return path;
}

static void forged_write(const char *name)
{
	forge_write(&forged, name, true, FORGE_BYTES);
}

/* Lives until the descriptor is closed. */
static int forged_own(const char *name)
{
	struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	memset(forge_header(&forged)->identity.boot_id, 0, 16);
	forge_header(&forged)->identity.pidns_ino = 1;
	forged_write(name);
	int fd = open(path_of(name), O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_OFD_SETLK, &whole), 0);
	return fd;
}

static void refresh(struct muster_region *region)
{
	assert_int_equal(muster_region_refresh(region), 0);
	steady_is_exact(region, "reader");
}

/* ---- one slab ----------------------------------------------------------------------------- */

static void a24_truncated_at_the_moment_of_death(void **state)
{
	(void)state;
	assert_int_equal(muster_guard_install(), 0);
	honest(&forged);
	int fd = forged_own("slab.forged");
	struct muster_region *region = reader();
	assert_int_equal(int_of(region, "good_total", ""), 7);
	assert_int_equal(ftruncate(fd, FORGE_BYTES - 32768), 0);
	close(fd);
	refresh(region);
	assert_int_equal(told.reason, MUSTER_QUARANTINE_SHRUNK);
	assert_int_equal(told.count, 1);
	muster_region_destroy(&region);
}

static void a24_truncated_where_it_says_it_has_grown(void **state)
{
	(void)state;
	assert_int_equal(muster_guard_install(), 0);
	honest(&forged);
	int fd = forged_own("slab.forged");
	struct muster_region *region = reader();
	again(&forged);
	assert_int_equal(pwrite(fd, forged.bytes, 4096, 0), 4096);
	assert_int_equal(ftruncate(fd, 4096), 0);
	refresh(region);
	assert_int_equal(told.reason, MUSTER_QUARANTINE_SHRUNK);
	assert_int_equal(told.count, 1);
	close(fd);
	muster_region_destroy(&region);
}

static void reads_its_own_slab(void)
{
	steady(NULL);
	struct muster_region *region = reader();
	/* The worker's, and its own. */
	exit(stats_of(region).live == 2 && int_of(region, "steady_total", "") == 10 ? 0 : 1);
}

static void own_slab_is_one_of_them(void **state)
{
	(void)state;
	assert_int_equal(in_child(reads_its_own_slab), 0);
}

/* ---- whose it is -------------------------------------------------------------------------- */

#define NOBODY 65534

static const struct owner_row {
	const char *name;
	uid_t directory, reader, file;
	bool sticky, believed;
} owner_rows[] = {
	{"root reads another's", 0, 0, NOBODY, false, false},
	{"another reads root's", NOBODY, NOBODY, 0, false, true},
	{"another reads its own in root's", 0, NOBODY, NOBODY, true, true},
	{"another reads a third's in root's", 0, NOBODY, NOBODY - 1, true, false},
};

static const struct owner_row *owner_row;

static void read_as_owner(void)
{
	if (seteuid(owner_row->reader) != 0)
		_exit(78);
	struct muster_region *region = reader();
	bool believed = told.count == 0 && int_of(region, "good_total", "") == 7;
	bool refused = told.count == 1 && told.reason == MUSTER_QUARANTINE_OPEN;
	muster_region_destroy(&region);
	_exit(owner_row->believed ? !believed : !refused); /* no leak check: it needs root */
}

static void a26_slabs_of_strangers_are_refused(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();                 /* it takes root to give files away */
	worker_kill(steady_worker); /* its slab is not for all these readers */
	region_remove();
	for (owner_row = owner_rows; owner_row < owner_rows + sizeof owner_rows / sizeof *owner_rows; owner_row++) {
		region_make();
		honest(&forged);
		forged_write("slab.forged");
		assert_int_equal(chmod(path_of("slab.forged"), 0644), 0);
		assert_int_equal(chown(path_of("slab.forged"), owner_row->file, owner_row->file), 0);
		assert_int_equal(chmod(support_region, owner_row->sticky ? 01777 : 0755), 0);
		assert_int_equal(chown(support_region, owner_row->directory, owner_row->directory), 0);
		int status = in_child(read_as_owner);
		if (status != 0)
			fail_msg("%s: wait status %#x", owner_row->name, status);
		region_remove();
	}
	region_make();
	steady_worker = worker_start(steady, NULL);
}

/* ---- two slabs ---------------------------------------------------------------------------- */

static void no_int_cells(struct muster__geometry *g)
{
	g->int_cells = 10;
}

static void no_real_cells(struct muster__geometry *g)
{
	g->real_cells = 0;
}

static void no_gauge_cells(struct muster__geometry *g)
{
	g->gauge_cells = 0;
}

/* What is good for one slab lies outside the areas of another with the same catalogue. */
static void shared_history_is_judged_by_each_geometry(void **state)
{
	(void)state;
	void (*const shrink[])(struct muster__geometry * g) = {no_int_cells, no_real_cells, no_gauge_cells};

	honest(&forged);
	forged_write("slab.1");
	for (size_t i = 0; i < 3; i++) {
		struct muster_region *region = reader();
		honest(&forged);
		shrink[i](&forge_header(&forged)->geometry);
		forged_write("slab.2");
		refresh(region);
		assert_int_equal(told.count, 1);
		assert_int_equal(told.reason, MUSTER_QUARANTINE_SERIES);
		assert_int_equal(int_of(region, "good_total", ""), 7);
		muster_region_destroy(&region);
		assert_int_equal(unlink(path_of("slab.2")), 0);
	}
}

static const char *const labels[] = {"a", "b", "c"};

/* Of gauges and histograms in this order, or in the other. */
static void in_order(struct forge *f, bool forth)
{
	forge_begin(f);
	forge_family(f, MUSTER_HISTOGRAM, 0, "sizes", "l");
	for (int i = 0; i < 3; i++)
		*forge_int(f, 0, forge_series(f, labels[forth ? i : 2 - i])->int_cell) = 1;
	forge_family(f, MUSTER_GAUGE, MUSTER_MOSTRECENT, "newest", "l");
	for (int i = 0; i < 3; i++)
		*forge_int(f, 0, forge_series(f, labels[forth ? i : 2 - i])->int_cell) = 1;
	forge_family(f, MUSTER_SUMMARY, 0, "times", "l");
	for (int i = 0; i < 3; i++)
		*forge_int(f, 0, forge_series(f, labels[forth ? i : 2 - i])->int_cell) = 1;
}

static void series_meet_whatever_their_order(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		in_order(&forged, i == 0);
		forged_write(i == 0 ? "slab.1" : "slab.2");
	}
	struct muster_region *region = reader();
	assert_int_equal(told.count, 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(int_of(region, "sizes", labels[i]), 2);
		assert_int_equal(int_of(region, "times", labels[i]), 2);
	}
	muster_region_destroy(&region);
}

/* Each row differs from the first in one part. */
static const struct description {
	enum muster_type type;
	enum muster_mode mode;
	const char *name, *label;
	uint32_t bounds_count;
	double bounds[2];
} descriptions[] =
	{
		{MUSTER_HISTOGRAM, 0, "it", "room", 2, {1, 2}},  {MUSTER_SUMMARY, 0, "it", "room", 0, {0}},
		{MUSTER_HISTOGRAM, 0, "it", NULL, 2, {1, 2}},    {MUSTER_HISTOGRAM, 0, "it", "path", 2, {1, 2}},
		{MUSTER_HISTOGRAM, 0, "it", "rooms", 2, {1, 2}}, {MUSTER_HISTOGRAM, 0, "it", "room", 1, {1}},
		{MUSTER_HISTOGRAM, 0, "it", "room", 2, {1, 3}},
},
  modes[] = {
	  {MUSTER_GAUGE, MUSTER_SUM, "it", "room", 0, {0}},
	  {MUSTER_GAUGE, MUSTER_MAX, "it", "room", 0, {0}},
};

static void describe(const struct description *d, const char *file)
{
	forge_begin(&forged);
	forge_family_full(&forged, d->type, d->mode, d->name, "Help.", d->label, d->bounds, d->bounds_count);
	forge_series(&forged, d->label ? "a" : NULL);
	forged_write(file);
}

static void conflict_expect(const struct description *first, const struct description *second, bool conflict)
{
	describe(first, "slab.1");
	struct muster_region *region = reader();
	describe(second, "slab.2");
	refresh(region);
	assert_int_equal(told.count, 0);
	assert_int_equal(region->merge.view.events[MUSTER__EVENT_FAMILY_CONFLICT], conflict);
	const struct muster__view_family *it = muster__view_family_find(&region->merge, muster_str("it"));
	assert_int_equal(it->type, first->type);
	assert_int_equal(it->mode, first->mode);
	assert_int_equal(it->series_count, 1);
	muster_region_destroy(&region);
	assert_int_equal(unlink(path_of("slab.2")), 0);
}

static void a17_any_other_description_is_a_conflict(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof descriptions / sizeof *descriptions; i++)
		conflict_expect(descriptions, descriptions + i, i > 0);
	conflict_expect(modes, modes + 1, true);
}

static void a18_a_name_as_long_as_the_encoders_is_no_conflict(void **state)
{
	(void)state;
	forge_begin(&forged);
	forge_family(&forged, MUSTER_COUNTER, 0, "muster_dropped_seriez_total", NULL);
	*forge_int(&forged, 0, forge_series(&forged, NULL)->int_cell) = 3;
	forged_write("slab.forged");
	struct muster_region *region = reader();
	assert_int_equal(int_of(region, "muster_dropped_seriez_total", ""), 3);
	muster_region_destroy(&region);
}

/* ---- ledgers ------------------------------------------------------------------------------ */

static void ledger_write(uint64_t value)
{
	honest(&forged);
	forge_header(&forged)->kind = MUSTER__KIND_LEDGER;
	*forge_int(&forged, 0, 4) = value;
	forged_write("ledger");
}

static void ledger_touch(time_t seconds, long ns)
{
	const struct timespec times[] = {{seconds, ns}, {seconds, ns}};

	assert_int_equal(utimensat(AT_FDCWD, path_of("ledger"), times, 0), 0);
}

/* No master writes one in place; a reader that sees it looks again. */
static void ledger_is_read_when_it_is_another(void **state)
{
	(void)state;
	static const struct {
		time_t seconds;
		long ns;
	} times[] = {{1000, 1}, {1000, 2}, {2000, 2}};

	struct muster_region *region = reader();
	for (uint64_t i = 0; i < 3; i++) {
		ledger_write(10 + i);
		ledger_touch(times[i].seconds, times[i].ns);
		refresh(region);
		assert_int_equal(int_of(region, "good_total", ""), (int64_t)(10 + i));
	}
	assert_int_equal(unlink(path_of("ledger")), 0);
	refresh(region);
	assert_int_equal(int_of(region, "good_total", "") <= 0, 1);
	muster_region_destroy(&region);
}

static void bad_ledger_without_anybody_to_tell(void **state)
{
	(void)state;
	forge_begin(&forged);
	forge_write(&forged, "ledger", true, 100);
	struct muster_region *region = reader_open();
	muster_region_on_quarantine(region, NULL, NULL);
	refresh(region);
	assert_int_equal(stats_of(region).quarantined, 1);
	muster_region_destroy(&region);
}

static void every_reason_has_its_words(void **state)
{
	(void)state;
	for (int i = 0; i < MUSTER_QUARANTINE_COUNT; i++) {
		assert_true(strlen(muster_quarantine_reason((enum muster_quarantine)i)) > 3);
		assert_true(strlen(muster_quarantine_text((enum muster_quarantine)i)) > 10);
	}
	assert_string_equal(muster_quarantine_reason((enum muster_quarantine)MUSTER_QUARANTINE_COUNT), "unknown");
	assert_string_equal(muster_quarantine_text((enum muster_quarantine) - 1), "is refused for an unknown reason");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a24_truncated_at_the_moment_of_death, steady_setup, steady_teardown),
		cmocka_unit_test_setup_teardown(a24_truncated_where_it_says_it_has_grown, steady_setup, steady_teardown),
		cmocka_unit_test_setup_teardown(own_slab_is_one_of_them, steady_setup, steady_teardown),
		cmocka_unit_test_setup_teardown(a26_slabs_of_strangers_are_refused, steady_setup, steady_teardown),
		cmocka_unit_test_setup_teardown(shared_history_is_judged_by_each_geometry, steady_setup, steady_teardown),
		cmocka_unit_test_setup_teardown(series_meet_whatever_their_order, steady_setup, steady_teardown),
		cmocka_unit_test_setup_teardown(a17_any_other_description_is_a_conflict, steady_setup, steady_teardown),
		cmocka_unit_test_setup_teardown(a18_a_name_as_long_as_the_encoders_is_no_conflict, steady_setup,
	                                    steady_teardown),
		cmocka_unit_test_setup_teardown(ledger_is_read_when_it_is_another, steady_setup, steady_teardown),
		cmocka_unit_test_setup_teardown(bad_ledger_without_anybody_to_tell, steady_setup, steady_teardown),
		cmocka_unit_test(every_reason_has_its_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
