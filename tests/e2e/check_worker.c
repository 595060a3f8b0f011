/* SPDX-License-Identifier: Apache-2.0 */
/* A worker whose metrics have every fault `muster check` knows, one a family; with "fine", one that has none; with
 * "per_worker", one with a gauge of each worker. */
#include <stdio.h>

#include <muster/muster.h>

static struct muster_family *declare(enum muster_type type, struct muster_opts o)
{
	struct muster_family *family = NULL;

	o.help = o.help ? o.help : "Counted for a test.";
	(void)muster_declare(type, &o, &family);
	return family;
}

static void faults(void)
{
	static const char *const user[] = {"user", NULL}, *const job[] = {"job", NULL}, *const camel[] = {"userName", NULL};
	static const double low[] = {0.001, 0.002};
	char id[16];

	muster_counter_inc(muster_counter_with(declare(MUSTER_COUNTER, (struct muster_opts){.name = "a_counter_total"})));
	muster_counter_inc(
		muster_counter_with(declare(MUSTER_COUNTER, (struct muster_opts){.name = "b_total", .labels = camel}), "x"));
	muster_counter_inc(
		muster_counter_with(declare(MUSTER_COUNTER, (struct muster_opts){.name = "c_milliseconds_total"})));
	muster_counter_inc(muster_counter_with(declare(MUSTER_COUNTER, (struct muster_opts){.name = "d_ms_total"})));
	muster_counter_inc(
		muster_counter_with(declare(MUSTER_COUNTER, (struct muster_opts){.name = "e_total", .labels = job}), "x"));
	muster_counter_inc(muster_counter_with(declare(MUSTER_COUNTER, (struct muster_opts){.name = "scrape_f_total"})));
	muster_counter_inc(
		muster_counter_with(declare(MUSTER_COUNTER, (struct muster_opts){.name = "g_total", .help = "g_total"})));
	struct muster_family *users =
		declare(MUSTER_COUNTER, (struct muster_opts){.name = "h_total", .labels = user, .series_max = 2200});
	for (int i = 0; i < 2300; i++) {
		(void)snprintf(id, sizeof id, "%d", 1000000 + i);
		muster_counter_inc(muster_counter_with(users, id));
	}
	(void)declare(MUSTER_COUNTER, (struct muster_opts){.name = "i_total", .labels = user});
	(void)declare(MUSTER_HISTOGRAM, (struct muster_opts){.name = "j_seconds"});
	struct muster_family *slow =
		declare(MUSTER_HISTOGRAM, (struct muster_opts){.name = "k_seconds", .bounds = low, .bounds_count = 2});
	for (int i = 0; i < 200; i++)
		muster_histogram_observe(muster_histogram_with(slow), 5);
	(void)declare(MUSTER_COUNTER, (struct muster_opts){.name = "no_suffix"});
	static const char *const meeting[] = {"http.code", "http_code", "line\nBreak", NULL};
	struct muster_opts l = {.name = "l.dur.milliseconds_total", .labels = meeting};
	muster_counter_inc(muster_counter_with(declare(MUSTER_COUNTER, l), "a", "b", "c"));
	muster_counter_inc(muster_counter_with(declare(MUSTER_COUNTER, (struct muster_opts){.name = "m.x_total"})));
	muster_counter_inc(muster_counter_with(declare(MUSTER_COUNTER, (struct muster_opts){.name = "m_x_total"})));
}

static void per_worker(void)
{
	struct muster_opts o = {.name = "level", .mode = MUSTER_ALL};

	muster_gauge_set(muster_gauge_with(declare(MUSTER_GAUGE, o)), 1);
}

int main(int argc, char **argv)
{
	if (argc < 2)
		faults();
	else if (strcmp(argv[1], "per_worker") == 0)
		per_worker();
	else
		muster_counter_inc(muster_counter_with(declare(MUSTER_COUNTER, (struct muster_opts){.name = "fine_total"})));
	return 0;
}
