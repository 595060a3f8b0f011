/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the names of a view's families are spelled by each scheme, and what happens where they meet. Views made by hand.
 *
 * What spells is compiled into this program with an allocator that can be told to fail.
 */
#include "support.h"

#include <errno.h>
#include <limits.h>

static long allocations_left = LONG_MAX; /* until one fails */

static void *failing_malloc(size_t bytes)
{
	return allocations_left-- > 0 ? malloc(bytes) : NULL;
}

static void *failing_calloc(size_t count, size_t bytes)
{
	return allocations_left-- > 0 ? calloc(count, bytes) : NULL;
}

#define malloc failing_malloc
#define calloc failing_calloc
#include "shm/meeting.c"
#include "shm/spelling.c"
#undef malloc
#undef calloc

enum { UNDERSCORES = MUSTER_ESCAPING_UNDERSCORES, DOTS, VALUES, UTF_8 };

/* ---- a view by hand ----------------------------------------------------------------------- */

#define ITEMS_MAX 16

static struct muster__view_family families[ITEMS_MAX], *family_order[ITEMS_MAX];
static struct muster__view view;

static int view_setup(void **state)
{
	(void)state;
	view = (struct muster__view){.families = family_order};
	return 0;
}

static int view_teardown(void **state)
{
	(void)state;
	allocations_left = LONG_MAX;
	for (size_t i = 0; i < view.family_count; i++)
		for (int k = 0; k < MUSTER_ESCAPING_COUNT; k++) {
			free(families[i].spelled[k]);
			free(families[i].rendered[k]);
		}
	return 0;
}

static struct muster__view_family *family(enum muster_type type, char *name, char **labels)
{
	size_t at = view.family_count++;
	struct muster__view_family *f = family_order[at] = &families[at];

	*f = (struct muster__view_family){.type = type, .name = name, .help = "", .unit = "", .labels = labels};
	while (labels && labels[f->label_count])
		f->label_count++;
	return f;
}

static const char *name_of(const struct muster__view_family *f, int escaping)
{
	assert_int_equal(muster__view_spell(&view, (enum muster_escaping)escaping), 0);
	return f->spelled[escaping]->name;
}

static const char *label_of(const struct muster__view_family *f, int escaping, uint32_t label)
{
	assert_int_equal(muster__view_spell(&view, (enum muster_escaping)escaping), 0);
	return f->spelled[escaping]->labels[label];
}

/* ---- families ----------------------------------------------------------------------------- */

static void each_scheme_spells_names(void **state)
{
	char *labels[] = {"code.class", "host", NULL};
	struct muster__view_family *f = family(MUSTER_GAUGE, "http.open_now", labels);

	(void)state;
	assert_string_equal(name_of(f, UNDERSCORES), "http_open_now");
	assert_string_equal(label_of(f, UNDERSCORES, 0), "code_class");
	assert_string_equal(label_of(f, UNDERSCORES, 1), "host");
	assert_string_equal(name_of(f, DOTS), "http_dot_open__now");
	assert_string_equal(label_of(f, DOTS, 0), "code_dot_class");
	assert_string_equal(name_of(f, VALUES), "U__http_2e_open__now");
	assert_string_equal(label_of(f, VALUES, 0), "U__code_2e_class");
	assert_string_equal(name_of(f, UTF_8), "http.open_now");
	assert_string_equal(label_of(f, UTF_8, 0), "code.class");
	for (int k = 0; k < MUSTER_ESCAPING_COUNT; k++) {
		assert_int_equal(f->spelled[k]->legacy, k != UTF_8);
		assert_int_equal(view.names_meeting[k], 0);
	}
}

static void one_new_label_makes_a_family_not_legacy(void **state)
{
	char *labels[] = {"code", "host.name", NULL};
	struct muster__view_family *f = family(MUSTER_GAUGE, "open", labels);

	(void)state;
	assert_string_equal(name_of(f, UTF_8), "open");
	assert_false(f->spelled[UTF_8]->legacy);
}

static void an_escaped_name_gives_way_to_an_old_one(void **state)
{
	struct muster__view_family *new = family(MUSTER_GAUGE, "a.b", NULL), *old = family(MUSTER_GAUGE, "a_b", NULL);

	(void)state;
	assert_string_equal(name_of(new, UNDERSCORES), "U__a_2e_b");
	assert_string_equal(name_of(old, UNDERSCORES), "a_b");
	assert_int_equal(view.names_meeting[UNDERSCORES], 1);
	assert_string_equal(name_of(new, DOTS), "a_dot_b");
	assert_string_equal(name_of(old, DOTS), "a__b");
	assert_int_equal(view.names_meeting[DOTS], 0);
}

static void escaped_names_that_meet_are_all_written_by_values(void **state)
{
	struct muster__view_family *a = family(MUSTER_GAUGE, "a-b", NULL), *b = family(MUSTER_GAUGE, "a.b", NULL),
							   *c = family(MUSTER_GAUGE, "a/b", NULL);

	(void)state;
	assert_string_equal(name_of(a, UNDERSCORES), "U__a_2d_b");
	assert_string_equal(name_of(b, UNDERSCORES), "U__a_2e_b");
	assert_string_equal(name_of(c, UNDERSCORES), "U__a_2f_b");
	assert_int_equal(view.names_meeting[UNDERSCORES], 3);
	assert_string_equal(name_of(a, DOTS), "U__a_2d_b");
	assert_string_equal(name_of(b, DOTS), "a_dot_b");
	assert_string_equal(name_of(c, DOTS), "U__a_2f_b");
}

/* By values, a name of the old alphabet is itself. */
static void dots_leave_an_old_name_that_meets(void **state)
{
	struct muster__view_family *new = family(MUSTER_GAUGE, "a-b", NULL), *old = family(MUSTER_GAUGE, "a_b", NULL);

	(void)state;
	assert_string_equal(name_of(new, DOTS), "U__a_2d_b");
	assert_string_equal(name_of(old, DOTS), "a_b");
}

static void names_of_samples_count(void **state)
{
	struct muster__view_family *waits = family(MUSTER_HISTOGRAM, "a.wait", NULL),
							   *counter = family(MUSTER_COUNTER, "b.calls_total", NULL),
							   *info = family(MUSTER_INFO, "c.build_info", NULL),
							   *summary = family(MUSTER_SUMMARY, "d.size", NULL);

	(void)state;
	(void)family(MUSTER_GAUGE, "a_wait_bucket", NULL);
	(void)family(MUSTER_GAUGE, "b_calls", NULL);
	(void)family(MUSTER_GAUGE, "c_build", NULL);
	(void)family(MUSTER_GAUGE, "d_size_created", NULL);
	assert_string_equal(name_of(waits, UNDERSCORES), "U__a_2e_wait");
	assert_string_equal(name_of(counter, UNDERSCORES), "U__b_2e_calls__total");
	assert_string_equal(name_of(info, UNDERSCORES), "U__c_2e_build__info");
	assert_string_equal(name_of(summary, UNDERSCORES), "U__d_2e_size");
	assert_int_equal(view.names_meeting[UNDERSCORES], 4);
}

static void the_stores_own_names_are_taken(void **state)
{
	struct muster__view_family *f = family(MUSTER_COUNTER, "muster_attach.failures_total", NULL);

	(void)state;
	assert_string_equal(name_of(f, UNDERSCORES), "U__muster__attach_2e_failures__total");
}

/* Somebody may have a name that looks like one written by values. */
static void a_name_written_by_values_gives_way_to_an_old_one(void **state)
{
	struct muster__view_family *old = family(MUSTER_GAUGE, "U__a_2e_b", NULL), *new = family(MUSTER_GAUGE, "a.b", NULL);

	(void)state;
	assert_string_equal(name_of(old, VALUES), "U__a_2e_b");
	assert_string_equal(name_of(new, VALUES), "U__U____a__2e__b");
	assert_int_equal(view.names_meeting[VALUES], 1);
	assert_string_equal(name_of(new, UNDERSCORES), "a_b");
	(void)family(MUSTER_GAUGE, "a_b", NULL);
	assert_string_equal(name_of(new, UNDERSCORES), "U__U____a__2e__b");
}

static void a_family_that_joins_changes_what_it_meets(void **state)
{
	struct muster__view_family *first = family(MUSTER_GAUGE, "a.b", NULL), *other = family(MUSTER_GAUGE, "c", NULL);

	(void)state;
	assert_string_equal(name_of(first, UNDERSCORES), "a_b");
	first->rendered[UNDERSCORES] = malloc(1);
	other->rendered[UNDERSCORES] = malloc(1);
	(void)family(MUSTER_GAUGE, "a_b", NULL);
	assert_string_equal(name_of(first, UNDERSCORES), "U__a_2e_b");
	assert_null(first->rendered[UNDERSCORES]);
	assert_non_null(other->rendered[UNDERSCORES]);
}

static void what_openmetrics_leaves_of_a_name_may_be_taken(void **state)
{
	struct muster__view_family *counter = family(MUSTER_COUNTER, "a_total", NULL),
							   *free_one = family(MUSTER_COUNTER, "b_total", NULL);

	(void)state;
	assert_string_equal(name_of(counter, UNDERSCORES), "a_total");
	assert_false(counter->spelled[UNDERSCORES]->base_taken);
	(void)family(MUSTER_GAUGE, "a", NULL);
	for (int k = 0; k < MUSTER_ESCAPING_COUNT; k++) {
		(void)name_of(counter, k);
		assert_int_equal(counter->spelled[k]->base_taken, k != DOTS);
		assert_false(free_one->spelled[k]->base_taken);
	}
}

/* ---- name[] ------------------------------------------------------------------------------- */

static void families_are_found_by_their_name_or_that_of_a_sample(void **state)
{
	static const struct {
		const char *wanted;
		int families; /* bits: calls_total, wait */
	} rows[] = {
		{"calls_total", 1},
		{"calls", 1},
		{"calls_created", 1},
		{"wait", 2},
		{"wait_bucket", 2},
		{"wait_count", 2},
		{"wait_sum", 2},
		{"wait_created", 2},
		{"wait_total", 0},
		{"call", 0},
		{"", 0},
		{"calls_total_total", 0},
	};
	struct muster__view_family *calls = family(MUSTER_COUNTER, "calls_total", NULL);
	struct muster__view_family *wait = family(MUSTER_SUMMARY, "wait", NULL);

	(void)state;
	(void)name_of(calls, UNDERSCORES);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *const names[] = {rows[i].wanted, NULL};
		const struct muster__making making = {NULL, &view, MUSTER_ESCAPING_UNDERSCORES, names, NULL};
		assert_int_equal(muster__family_wanted(&making, calls), rows[i].families & 1);
		assert_int_equal(muster__family_wanted(&making, wait), rows[i].families >> 1);
		assert_false(muster__name_wanted(&making, muster__store_counters[0].name));
	}
}

/* Of name[]: who scrapes by a scheme knows names as they are spelled. */
static void a_family_is_wanted_by_either_of_its_names(void **state)
{
	static const char *const raw[] = {"a.calls_total", NULL}, *const spelled[] = {"a_calls_total", NULL},
							 *const base[] = {"a_calls", NULL}, *const other[] = {"a_dot_calls__total", NULL};
	struct muster__view_family *f = family(MUSTER_COUNTER, "a.calls_total", NULL);
	struct muster__making making = {NULL, &view, MUSTER_ESCAPING_UNDERSCORES, NULL, NULL};

	(void)state;
	(void)name_of(f, UNDERSCORES);
	assert_true(muster__family_wanted(&making, f));
	making.names = raw;
	assert_true(muster__family_wanted(&making, f));
	making.names = spelled;
	assert_true(muster__family_wanted(&making, f));
	making.names = base;
	assert_true(muster__family_wanted(&making, f));
	making.names = other;
	assert_false(muster__family_wanted(&making, f));
	making.escaping = MUSTER_ESCAPING_DOTS;
	(void)name_of(f, DOTS);
	assert_true(muster__family_wanted(&making, f));
}

/* ---- labels ------------------------------------------------------------------------------- */

static void labels_that_meet_are_written_by_values(void **state)
{
	char *labels[] = {"a.b", "a_b", "c-d", "c.d", "e.f", NULL};
	struct muster__view_family *f = family(MUSTER_GAUGE, "g", labels);

	(void)state;
	assert_string_equal(label_of(f, UNDERSCORES, 0), "U__a_2e_b");
	assert_string_equal(label_of(f, UNDERSCORES, 1), "a_b");
	assert_string_equal(label_of(f, UNDERSCORES, 2), "U__c_2d_d");
	assert_string_equal(label_of(f, UNDERSCORES, 3), "U__c_2e_d");
	assert_string_equal(label_of(f, UNDERSCORES, 4), "e_f");
	assert_int_equal(view.names_meeting[UNDERSCORES], 3);
}

static void no_label_becomes_a_reserved_one(void **state)
{
	char *labels[] = {"..a", "_b", NULL};
	struct muster__view_family *f = family(MUSTER_GAUGE, "g", labels);

	(void)state;
	assert_string_equal(label_of(f, UNDERSCORES, 0), "U___2e__2e_a");
	assert_string_equal(label_of(f, DOTS, 0), "_dot__dot_a");
	assert_string_equal(label_of(f, DOTS, 1), "_b");
}

static void the_label_of_states_is_called_as_their_family(void **state)
{
	char *labels[] = {"a.b", NULL};
	struct muster__view_family *f = family(MUSTER_STATESET, "a.b", labels);

	(void)state;
	assert_string_equal(label_of(f, UNDERSCORES, 0), "a_b");
	(void)family(MUSTER_GAUGE, "a_b", NULL);
	assert_string_equal(label_of(f, UNDERSCORES, 0), "U__a_2e_b");
	assert_string_equal(name_of(f, UNDERSCORES), "U__a_2e_b");
	assert_int_equal(view.names_meeting[UNDERSCORES], 1);
}

/* ---- want of memory ----------------------------------------------------------------------- */

static void without_memory_nothing_changes(void **state)
{
	char *labels[] = {"a.b", "a_b", NULL};
	struct muster__view_family *f = family(MUSTER_GAUGE, "a.b", labels);
	long n = 0;

	(void)state;
	assert_string_equal(name_of(f, UNDERSCORES), "a_b");
	(void)family(MUSTER_GAUGE, "a_b", labels);
	for (int rc = -ENOMEM; rc != 0; n++) {
		assert_string_equal(f->spelled[UNDERSCORES]->name, "a_b");
		allocations_left = n;
		rc = muster__view_spell(&view, MUSTER_ESCAPING_UNDERSCORES);
		assert_true(rc == 0 || rc == -ENOMEM);
	}
	assert_true(n > 4);
	assert_string_equal(f->spelled[UNDERSCORES]->name, "U__a_2e_b");
}

/* ---- any names ---------------------------------------------------------------------------- */

static bool taken(const char *name, size_t besides, int escaping)
{
	for (size_t i = 0; i < view.family_count; i++)
		if (i != besides && strcmp(families[i].spelled[escaping]->name, name) == 0)
			return true;
	return false;
}

static void all_are_told_apart(int escaping)
{
	char name[8192];

	for (size_t i = 0; i < view.family_count; i++) {
		const char *own = name_of(&families[i], escaping);
		assert_false(taken(own, i, escaping));
		assert_true(escaping == UTF_8 || families[i].spelled[escaping]->legacy);
		for (size_t k = 0; families[i].type == MUSTER_HISTOGRAM && k < MUSTER__SAMPLE_SUFFIXES; k++) {
			(void)snprintf(name, sizeof name, "%s%s", own, muster__sample_suffixes[k].suffix);
			assert_false(taken(name, i, escaping));
		}
	}
}

/* Short names of few pieces, among them those that escaping makes, so that they meet often. */
static void any_names_are_told_apart(void **state)
{
	static const char *const pieces[] = {"_", ".", "-", "a", "U__", "_2e_", "_dot_", "2e", "1", "__"};
	static char names[ITEMS_MAX][64];

	for (unsigned seed = 1; seed <= 20000; seed++) {
		(void)view_setup(state);
		srandom(seed);
		for (size_t i = 0; i < 8; i++) {
			names[i][0] = '\0';
			for (long n = random() % 4 + 1; n > 0; n--)
				strcat(names[i], pieces[random() % (long)(sizeof pieces / sizeof *pieces)]);
			bool twice = false;
			for (size_t k = 0; k < i; k++)
				twice |= strcmp(names[k], names[i]) == 0;
			strcat(names[i], twice ? (char[]){'x', (char)('a' + i), '\0'} : "");
			(void)family(i % 2 ? MUSTER_HISTOGRAM : MUSTER_GAUGE, names[i], NULL);
		}
		for (int k = 0; k < MUSTER_ESCAPING_COUNT; k++)
			all_are_told_apart(k);
		(void)view_teardown(state);
	}
	view.family_count = 0;
}

#define ONE(test) cmocka_unit_test_setup_teardown(test, view_setup, view_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ONE(each_scheme_spells_names),
		ONE(one_new_label_makes_a_family_not_legacy),
		ONE(an_escaped_name_gives_way_to_an_old_one),
		ONE(escaped_names_that_meet_are_all_written_by_values),
		ONE(dots_leave_an_old_name_that_meets),
		ONE(names_of_samples_count),
		ONE(the_stores_own_names_are_taken),
		ONE(a_name_written_by_values_gives_way_to_an_old_one),
		ONE(a_family_that_joins_changes_what_it_meets),
		ONE(what_openmetrics_leaves_of_a_name_may_be_taken),
		ONE(families_are_found_by_their_name_or_that_of_a_sample),
		ONE(a_family_is_wanted_by_either_of_its_names),
		ONE(labels_that_meet_are_written_by_values),
		ONE(no_label_becomes_a_reserved_one),
		ONE(the_label_of_states_is_called_as_their_family),
		ONE(without_memory_nothing_changes),
		ONE(any_names_are_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
