/* SPDX-License-Identifier: Apache-2.0 */
/* Infos and sets of states: what is refused, what the page shows, what leaves with its worker. */
#include "workers.h"

static const char *const states[] = {"starting", "serving", "draining", NULL};
enum { STARTING, SERVING, DRAINING };

static struct muster_family *declare_set(enum muster_mode mode, const char *label)
{
	const char *const labels[] = {label, NULL};
	struct muster_opts o = {.name = "phase", .help = "Help.", .mode = mode, .labels = labels, .states = states};
	struct muster_family *family = NULL;

	if (muster_declare(MUSTER_STATESET, &o, &family) != 0)
		_exit(96);
	return family;
}

static int refused(enum muster_type type, struct muster_opts o)
{
	struct muster_family *family = NULL;
	int rc = muster_declare(type, &o, &family);

	assert_true((rc == 0) == (family != NULL));
	return rc;
}

static void descriptions_are_checked(void **state)
{
	const char *const label[] = {"version", NULL}, *const own[] = {"stage", NULL};
	const char *const twice[] = {"a", "b", "a", NULL}, *const empty[] = {"", NULL}, *const none[] = {NULL};
	struct muster_opts info = {.name = "build_info", .help = "Help.", .labels = label};
	struct muster_opts set = {.name = "stage", .help = "Help.", .mode = MUSTER_MAX, .states = states};
	struct muster_opts bad;

	(void)state;
	bad = info, bad.name = "build";
	assert_int_equal(refused(MUSTER_INFO, bad), MUSTER_ESUFFIX);
	bad = info, bad.labels = NULL;
	assert_int_equal(refused(MUSTER_INFO, bad), MUSTER_ELABEL);
	bad = info, bad.mode = MUSTER_LIVEMAX;
	assert_int_equal(refused(MUSTER_INFO, bad), MUSTER_EMODE);
	bad = info, bad.states = states;
	assert_int_equal(refused(MUSTER_INFO, bad), MUSTER_ESTATES);
	bad = set, bad.mode = MUSTER_SUM;
	assert_int_equal(refused(MUSTER_STATESET, bad), MUSTER_EMODE);
	bad = set, bad.labels = own;
	assert_int_equal(refused(MUSTER_STATESET, bad), MUSTER_ELABEL);
	for (int i = 0; i < 4; i++) {
		bad = set, bad.states = (const char *const *[]){NULL, none, twice, empty}[i];
		assert_int_equal(refused(MUSTER_STATESET, bad), MUSTER_ESTATES);
	}
	assert_int_equal(refused(MUSTER_STATESET, set), 0);
	assert_int_equal(refused(MUSTER_STATESET, set), 0);
	bad = set, bad.states = states + 1;
	assert_int_equal(refused(MUSTER_STATESET, bad), MUSTER_ECONFLICT);
	assert_int_equal(refused(MUSTER_INFO, info), 0);
}

static void say_version(void *arg)
{
	const char *const labels[] = {"version", "revision", NULL};
	struct muster_family *family = NULL;

	if (muster_declare(MUSTER_INFO, &(struct muster_opts){.name = "app_info", .help = "Help.", .labels = labels},
	                   &family) != 0)
		_exit(96);
	muster_info_set_with(family, (const char *)arg, "f00");
}

static void an_info_leaves_with_the_last_worker_that_said_it(void **state)
{
	(void)state;
	pid_t old = worker_start(say_version, "1"), new = worker_start(say_version, "2");
	worker_live_and_die(say_version, "2");
	char *text = scrape();

	assert_non_null(strstr(text, "# TYPE app_info gauge\n"));
	assert_true(value_in(text, "app_info{version=\"1\",revision=\"f00\"}") == 1);
	assert_true(value_in(text, "app_info{version=\"2\",revision=\"f00\"}") == 1);
	free(text);
	worker_kill(old);
	assert_true(isnan(value_of("app_info{version=\"1\",revision=\"f00\"}")));
	assert_true(value_of("app_info{version=\"2\",revision=\"f00\"}") == 1);
	worker_kill(new);
}

static void serve(void *arg)
{
	(void)arg;
	struct muster_family *set = declare_set(MUSTER_LIVEMAX, NULL);
	muster_stateset_select(set, NULL, 0, STARTING);
	muster_stateset_select(set, NULL, 0, SERVING);
	muster_stateset_select(set, NULL, 0, 3); /* no such state: counted, nothing changed */
}

static void drain(void *arg)
{
	(void)arg;
	muster_stateset_set(declare_set(MUSTER_LIVEMAX, NULL), NULL, 0, DRAINING, true);
}

static void states_of_all_workers_are_on_one_page(void **state)
{
	(void)state;
	pid_t serving = worker_start(serve, NULL), draining = worker_start(drain, NULL);
	char *text = scrape();

	assert_true(value_in(text, "phase{phase=\"starting\"}") == 0);
	assert_true(value_in(text, "phase{phase=\"serving\"}") == 1);
	assert_true(value_in(text, "phase{phase=\"draining\"}") == 1);
	assert_true(value_in(text, "muster_dropped_series_total{family=\"phase\",reason=\"label_values\"}") == 1);
	free(text);
	worker_kill(serving);
	assert_true(value_of("phase{phase=\"serving\"}") == 0);
	worker_kill(draining);
}

static void per_worker_with_a_label(void *arg)
{
	struct muster_str queue = muster_str("mail");

	(void)arg;
	muster_stateset_select(declare_set(MUSTER_LIVEALL, "queue"), &queue, 1, DRAINING);
}

static void states_of_each_worker_have_its_pid(void **state)
{
	char sample[100];

	(void)state;
	pid_t pid = worker_start(per_worker_with_a_label, NULL);
	(void)snprintf(sample, sizeof sample, "phase{queue=\"mail\",phase=\"draining\",pid=\"%d\"}", pid);
	assert_true(value_of(sample) == 1);
	worker_kill(pid);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(descriptions_are_checked, setup, teardown),
		cmocka_unit_test_setup_teardown(an_info_leaves_with_the_last_worker_that_said_it, setup, teardown),
		cmocka_unit_test_setup_teardown(states_of_all_workers_are_on_one_page, setup, teardown),
		cmocka_unit_test_setup_teardown(states_of_each_worker_have_its_pid, setup, teardown),
	};

	return cmocka_run_group_tests_name("states", tests, NULL, NULL);
}
