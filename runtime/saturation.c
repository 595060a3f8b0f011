/* SPDX-License-Identifier: Apache-2.0 */
/*
 * saturation.c - the families muster_worker_* (by worker) and muster_tree_* (all together), moved at each scrape before
 * the view is made. Runs in the master.
 *
 * A worker is named by the number of its slot, or for a wrapped server by the lowest free number, so that the page does
 * not grow with the workers that come and go: counters of a number go on with the next process that has it, and its
 * gauges are not there while no process has it.
 */
#include "saturation.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <muster/prefork.h>

#include "listen_queue.h"
#include "log.h"
#include "process_stats.h"
#include "shm/activity.h"
#include "shm/store.h"

#define SHARE 10.0        /* sampling takes at most one part in so many of the time, however often we are scraped */
#define ENTRIES_MAX 16384 /* of /proc/PID/fd listed in one scrape, on kernels that do not count them */

/* id, type, labels, name, help */
#define FAMILIES(X)                                                                                                    \
	X(CPU, REAL_COUNTER, worker_mode, "muster_worker_cpu_seconds_total",                                               \
	  "CPU time of the worker and of its children that have ended, in seconds.")                                       \
	X(SWITCHES, COUNTER, worker_kind, "muster_worker_context_switches_total",                                          \
	  "Times the worker's first thread gave up the processor, or was made to.")                                        \
	X(BUSY, REAL_COUNTER, worker, "muster_worker_busy_seconds_total", "Time with a request in flight, in seconds.")    \
	X(IN_FLIGHT, GAUGE, worker, "muster_worker_requests_in_flight", "Requests begun and not ended.")                   \
	X(LONGEST, GAUGE, worker, "muster_worker_longest_request_seconds",                                                 \
	  "Age of the oldest request in flight, in seconds.")                                                              \
	X(RESIDENT, GAUGE, worker, "muster_worker_resident_memory_bytes", "Memory in RAM, in bytes.")                      \
	X(PROPORTIONAL, GAUGE, worker, "muster_worker_proportional_memory_bytes",                                          \
	  "Memory in RAM, each shared page divided by those who share it, in bytes.")                                      \
	X(VIRTUAL, GAUGE, worker, "muster_worker_virtual_memory_bytes", "Address space, in bytes.")                        \
	X(OPEN_FDS, GAUGE, worker, "muster_worker_open_fds", "Open file descriptors.")                                     \
	X(MAX_FDS, GAUGE, worker, "muster_worker_max_fds", "File descriptors it may open.")                                \
	X(THREADS, GAUGE, worker, "muster_worker_threads", "Threads the worker has now.")                                  \
	X(PID, GAUGE, worker, "muster_worker_pid", "Its process id, as the master sees it.")                               \
	X(START, GAUGE, worker, "muster_worker_start_time_seconds", "Unix time the process started, in seconds.")          \
	X(TREE_CPU, REAL_COUNTER, mode, "muster_tree_cpu_seconds_total",                                                   \
	  "CPU time of all processes below the master, dead ones included, in seconds.")                                   \
	X(TREE_SWITCHES, COUNTER, kind, "muster_tree_context_switches_total",                                              \
	  "Times the first threads of these processes gave up the processor, or were made to.")                            \
	X(TREE_PROCESSES, GAUGE, none, "muster_tree_processes", "Processes below the master.")                             \
	X(TREE_RESIDENT, GAUGE, none, "muster_tree_resident_memory_bytes",                                                 \
	  "Memory of these processes in RAM, in bytes; shared pages count once for each.")                                 \
	X(TREE_PROPORTIONAL, GAUGE, none, "muster_tree_proportional_memory_bytes",                                         \
	  "Memory of these processes in RAM, in bytes; shared pages count once.")                                          \
	X(TREE_VIRTUAL, GAUGE, none, "muster_tree_virtual_memory_bytes", "Address space of these processes, in bytes.")    \
	X(TREE_OPEN_FDS, GAUGE, none, "muster_tree_open_fds", "File descriptors these processes have open.")               \
	X(TREE_THREADS, GAUGE, none, "muster_tree_threads", "Threads of these processes.")

enum family_idx {
#define ROW(id, type, labels, name, help) FAMILY_##id,
	FAMILIES(ROW)
#undef ROW
		FAMILY_COUNT
};

static const char *const none[] = {NULL}, *const worker[] = {"worker", NULL}, *const mode[] = {"mode", NULL},
						 *const kind[] = {"kind", NULL}, *const worker_mode[] = {"worker", "mode", NULL},
						 *const worker_kind[] = {"worker", "kind", NULL};

static const struct {
	enum muster_type type;
	const char *const *labels;
	const char *name, *help;
} rows[] = {
#define ROW(id, type, labels, name, help) {MUSTER_##type, labels, name, help},
	FAMILIES(ROW)
#undef ROW
};

/* Gauges by worker, in the order of the table. */
#define GAUGE_FIRST FAMILY_IN_FLIGHT
#define GAUGES (FAMILY_START - FAMILY_IN_FLIGHT + 1)
#define ABSENT (-1.0) /* no gauge of ours is negative */

/* The series of one worker's number. */
struct worker_series {
	bool made, shown;
	muster_real_counter user, system, busy;
	muster_counter voluntary, involuntary;
	muster_gauge gauges[GAUGES];
};

struct muster__saturation {
	struct muster__saturation_opts opts;
	struct muster__self *self;
	struct muster_family *families[FAMILY_COUNT];
	struct muster__members members;
	struct muster__listen_queue *listeners;
	struct worker_series workers[MUSTER_WORKERS_MAX];
	struct muster__member_seen seen[MUSTER__MEMBERS_MAX];
	pid_t pids[MUSTER__MEMBERS_MAX];
	double sample_due;        /* when; CLOCK_MONOTONIC */
	double proportional_read; /* when; CLOCK_MONOTONIC */
	bool proportional_now;
};

/* ---- series ------------------------------------------------------------------------------- */

static void declare_all(struct muster__saturation *s)
{
	for (size_t i = 0; i < FAMILY_COUNT; i++) {
		struct muster_opts opts = {.name = rows[i].name, .help = rows[i].help, .labels = rows[i].labels};
		opts.mode = rows[i].type == MUSTER_GAUGE ? MUSTER_LIVESUM : 0;
		if ((i == FAMILY_PROPORTIONAL || i == FAMILY_TREE_PROPORTIONAL) && s->opts.proportional_seconds <= 0)
			continue;
		if (muster_declare(rows[i].type, &opts, &s->families[i]) != 0)
			muster__log(MUSTER__LOG_WARNING, "metric %s is not exported: %s", rows[i].name, muster_error_message());
	}
}

static struct worker_series *series_of(struct muster__saturation *s, unsigned number)
{
	char name[12];

	if (number >= MUSTER_WORKERS_MAX)
		return NULL;
	struct worker_series *w = &s->workers[number];
	if (w->made)
		return w;
	(void)snprintf(name, sizeof name, "%u", number);
	w->user = muster_real_counter_with(s->families[FAMILY_CPU], name, "user");
	w->system = muster_real_counter_with(s->families[FAMILY_CPU], name, "system");
	w->voluntary = muster_counter_with(s->families[FAMILY_SWITCHES], name, "voluntary");
	w->involuntary = muster_counter_with(s->families[FAMILY_SWITCHES], name, "involuntary");
	for (size_t i = 0; i < GAUGES; i++)
		w->gauges[i] = muster_gauge_with(s->families[GAUGE_FIRST + i], name);
	w->made = true;
	return w;
}

static void gauge_show(muster_gauge gauge, double value)
{
	if (value < 0)
		muster__gauge_unset(gauge);
	else
		muster_gauge_set(gauge, value);
}

/* ---- what was spent ----------------------------------------------------------------------- */

static void tree_spent(struct muster__saturation *s, const struct muster__spent *more)
{
	muster_real_counter_add(muster_real_counter_with(s->families[FAMILY_TREE_CPU], "user"), more->user);
	muster_real_counter_add(muster_real_counter_with(s->families[FAMILY_TREE_CPU], "system"), more->system);
	muster_counter_add(muster_counter_with(s->families[FAMILY_TREE_SWITCHES], "voluntary"), (uint64_t)more->voluntary);
	muster_counter_add(muster_counter_with(s->families[FAMILY_TREE_SWITCHES], "involuntary"),
	                   (uint64_t)more->involuntary);
}

static void spent(void *ctx, unsigned number, const struct muster__spent *more)
{
	struct muster__saturation *s = ctx;
	const struct worker_series *w = series_of(s, number);

	tree_spent(s, more);
	if (w == NULL)
		return;
	muster_real_counter_add(w->user, more->user);
	muster_real_counter_add(w->system, more->system);
	muster_counter_add(w->voluntary, (uint64_t)more->voluntary);
	muster_counter_add(w->involuntary, (uint64_t)more->involuntary);
}

/* ---- requests ----------------------------------------------------------------------------- */

/* Also the last time before the words of a worker that has ended go into the ledger. */
static bool requests_sample(struct muster__saturation *s, struct muster__member *m, struct muster__activity *out)
{
	struct worker_series *w = series_of(s, m->worker);
	char name[12];

	if (!muster__region_activity(s->opts.region, m->files.pid, out))
		return false;
	if (w == NULL)
		return true;
	(void)snprintf(name, sizeof name, "%u", m->worker);
	w->busy = muster_real_counter_with(s->families[FAMILY_BUSY], name);
	if (m->busy_seconds == 0 && m->last.start_ticks < s->members.since_ticks)
		m->busy_seconds = out->busy_seconds;
	if (out->busy_seconds > m->busy_seconds)
		muster_real_counter_add(w->busy, out->busy_seconds - m->busy_seconds);
	m->busy_seconds = out->busy_seconds;
	return true;
}

/* ---- one process -------------------------------------------------------------------------- */

static void measure(struct muster__saturation *s, struct muster__member *m, size_t *entries, double values[GAUGES])
{
	struct muster__activity activity = {0};
	bool tells = requests_sample(s, m, &activity);

#define VALUE(id) values[FAMILY_##id - GAUGE_FIRST]
	VALUE(IN_FLIGHT) = tells ? (double)activity.in_flight : ABSENT;
	VALUE(LONGEST) = tells ? activity.longest_seconds : ABSENT;
	VALUE(RESIDENT) = m->last.resident_bytes;
	VALUE(PROPORTIONAL) = s->proportional_now ? muster__process_proportional_bytes(m->files.pid) : ABSENT;
	VALUE(VIRTUAL) = m->last.virtual_bytes;
	VALUE(OPEN_FDS) = muster__process_open_fds(m->files.pid, entries);
	VALUE(MAX_FDS) = muster__process_max_fds(m->files.pid);
	VALUE(THREADS) = m->last.threads;
	VALUE(PID) = (double)m->files.pid;
	VALUE(START) = muster__process_unix_seconds(m->last.start_ticks);
}

static void worker_show(struct muster__saturation *s, unsigned number, const double values[GAUGES])
{
	struct worker_series *w = series_of(s, number);

	for (size_t i = 0; w && i < GAUGES; i++)
		if (GAUGE_FIRST + i != FAMILY_PROPORTIONAL || s->proportional_now)
			gauge_show(w->gauges[i], values[i]);
	if (w)
		w->shown = true;
}

static void sum_add(double sums[GAUGES], const double values[GAUGES])
{
	for (size_t i = 0; i < GAUGES; i++)
		sums[i] += values[i] > 0 ? values[i] : 0;
}

static void tree_show(struct muster__saturation *s, size_t processes, const double sums[GAUGES])
{
	static const struct {
		enum family_idx tree, from;
	} sum_rows[] = {{FAMILY_TREE_RESIDENT, FAMILY_RESIDENT},
	                {FAMILY_TREE_VIRTUAL, FAMILY_VIRTUAL},
	                {FAMILY_TREE_OPEN_FDS, FAMILY_OPEN_FDS},
	                {FAMILY_TREE_THREADS, FAMILY_THREADS},
	                {FAMILY_TREE_PROPORTIONAL, FAMILY_PROPORTIONAL}};

	muster_gauge_set(muster_gauge_with(s->families[FAMILY_TREE_PROCESSES]), (double)processes);
	for (size_t i = 0; i < sizeof sum_rows / sizeof *sum_rows; i++)
		if (sum_rows[i].from != FAMILY_PROPORTIONAL || s->proportional_now)
			muster_gauge_set(muster_gauge_with(s->families[sum_rows[i].tree]), sums[sum_rows[i].from - GAUGE_FIRST]);
}

static void numbers_unshow(struct muster__saturation *s)
{
	for (size_t n = 0; n < MUSTER_WORKERS_MAX; n++) {
		struct worker_series *w = &s->workers[n];
		for (size_t i = 0; w->made && !w->shown && i < GAUGES; i++)
			muster__gauge_unset(w->gauges[i]);
		w->shown = false;
	}
}

/* ---- a scrape ----------------------------------------------------------------------------- */

static double clock_seconds(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static void proportional_due(struct muster__saturation *s)
{
	double now = clock_seconds(CLOCK_MONOTONIC);

	s->proportional_now = s->opts.proportional_seconds > 0 &&
	                      (s->proportional_read == 0 || now - s->proportional_read >= s->opts.proportional_seconds);
	if (s->proportional_now)
		s->proportional_read = now;
}

static void sample(struct muster__saturation *s)
{
	size_t count = s->opts.processes(s->opts.ctx, s->seen, MUSTER__MEMBERS_MAX), entries = ENTRIES_MAX, listed = 0;
	double values[GAUGES], sums[GAUGES] = {0};

	(void)muster__members_sample(&s->members, s->seen, count); /* for want of memory some are left out */
	proportional_due(s);
	for (size_t i = 0; i < s->members.count; i++) {
		struct muster__member *m = &s->members.list[i];
		if (!m->listed || !m->known || m->last.ended)
			continue;
		measure(s, m, &entries, values);
		worker_show(s, m->worker, values);
		sum_add(sums, values);
		s->pids[listed++] = m->files.pid;
	}
	tree_show(s, listed, sums);
	numbers_unshow(s);
	muster__listen_queue_sample(s->listeners, s->pids, listed);
}

static void scrape_begins(void *ctx)
{
	struct muster__saturation *s = ctx;
	double begin = clock_seconds(CLOCK_MONOTONIC);

	if (begin < s->sample_due)
		return;
	sample(s);
	double end = clock_seconds(CLOCK_MONOTONIC);
	s->sample_due = end + SHARE * (end - begin);
}

static void reaped(void *ctx, pid_t pid, const struct rusage *usage)
{
	struct muster__saturation *s = ctx;
	struct muster__member *m = muster__members_find(&s->members, pid);
	struct muster__activity activity;

	if (m)
		(void)requests_sample(s, m, &activity);
	muster__members_reaped(&s->members, pid, usage);
}

/* ---- life --------------------------------------------------------------------------------- */

int muster__saturation_create(const struct muster__saturation_opts *opts, struct muster__self *self,
                              struct muster__saturation **out)
{
	struct muster__saturation *s = calloc(1, sizeof *s);

	if (s == NULL)
		return -ENOMEM;
	s->opts = *opts;
	s->self = self;
	s->members.spent = spent;
	s->members.ctx = s;
	s->members.since_ticks = (unsigned long long)(clock_seconds(CLOCK_BOOTTIME) * (double)sysconf(_SC_CLK_TCK));
	if (muster__listen_queue_create(&s->listeners) != 0) {
		free(s);
		return -ENOMEM;
	}
	declare_all(s);
	tree_spent(s, &(struct muster__spent){0});
	muster__self_watch(self, scrape_begins, reaped, s);
	*out = s;
	return 0;
}

void muster__saturation_destroy(struct muster__saturation **at)
{
	struct muster__saturation *s = *at;

	*at = NULL;
	if (s == NULL)
		return;
	muster__self_watch(s->self, NULL, NULL, NULL);
	muster__listen_queue_destroy(&s->listeners);
	muster__members_free(&s->members);
	free(s);
}
