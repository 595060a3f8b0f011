/* SPDX-License-Identifier: Apache-2.0 */
/*
 * self_metrics.c - the master's own families, one row of a table each, and the events that move them.
 *
 * The master is a worker of its own region. All its gauges are of live modes, so that those of a master
 * that died leave the scrape. Series that an alert would name are created at once, so that they are 0
 * before the first event. process_cpu_seconds_total is a counter, so it is moved by differences; after a
 * restart of the master it goes on from where the last one stood.
 */
#include "self_metrics.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "death.h"
#include "log.h"
#include "oom.h"
#include "process_stats.h"
#include "shm/store.h"

/* id, type, mode, label, name, help */
#define FAMILIES(X)                                                                                                    \
	X(WORKERS, GAUGE, LIVESUM, "state", "muster_workers", "Slabs of other processes in the region, by state.")         \
	X(SLOTS, GAUGE, LIVESUM, "state", "muster_worker_slots",                                                           \
	  "Workers the master supervises: running, waiting to be restarted, or told to end and replaced.")                 \
	X(EXITS, COUNTER, 0, "reason", "muster_worker_exits_total",                                                        \
	  "Deaths of supervised processes, by exit code or signal.")                                                       \
	X(EXIT_CODES, COUNTER, 0, "code", "muster_worker_exit_codes_total",                                                \
	  "Deaths of supervised processes by exit, by their code other than 0.")                                           \
	X(OOM_KILLS, COUNTER, 0, "scope", "muster_oom_kills_total",                                                        \
	  "Processes killed by the kernel, out of memory, in this cgroup or the whole system.")                            \
	X(RECYCLES, COUNTER, 0, "reason", "muster_worker_recycles_total",                                                  \
	  "Workers told to end while the service goes on, by reason.")                                                     \
	X(KILLED, COUNTER, 0, NULL, "muster_killed_total", "Processes killed because they did not end in time.")           \
	X(ORPHANS, COUNTER, 0, NULL, "muster_orphans_reaped_total",                                                        \
	  "Dead processes reaped that the master had not started itself.")                                                 \
	X(SIGNALS, COUNTER, 0, "signal", "muster_signals_passed_total", "Signals passed on to the wrapped server.")        \
	X(UPGRADES, COUNTER, 0, "result", "muster_upgrades_total",                                                         \
	  "Upgrades of the master by USR2, by what became of them.")                                                       \
	X(HOOK_FAILURES, COUNTER, 0, "hook", "muster_hook_failures_total",                                                 \
	  "Hooks that could not be started, failed, or took too long.")                                                    \
	X(RESTARTS, COUNTER, 0, NULL, "muster_worker_restarts_total", "Workers started in place of one that died.")        \
	X(ANSWERS, COUNTER, 0, "code", "muster_http_requests_total", "Requests the master's HTTP server has answered.")    \
	X(IN_FLIGHT, GAUGE, LIVESUM, NULL, "muster_http_requests_in_flight",                                               \
	  "Requests being answered when the scrape was made, itself among them.")                                          \
	X(CLOSED, COUNTER, 0, "reason", "muster_http_connections_closed_total",                                            \
	  "Connections the HTTP server closed before their end, by reason.")                                               \
	X(WEB_READS, COUNTER, 0, "result", "muster_web_config_reads_total",                                                \
	  "Times the web configuration file was read: at the start, and when it or a file it names had changed.")          \
	X(WEB_GOOD, GAUGE, LIVEMAX, NULL, "muster_web_config_last_read_successful",                                        \
	  "Whether the web configuration that holds is that of the files as they are.")                                    \
	X(SCRAPES, COUNTER, 0, NULL, "muster_scrapes_total", "Scrapes made; requests that came together share one.")       \
	X(SCRAPE_DURATION, HISTOGRAM, 0, NULL, "muster_scrape_duration_seconds",                                           \
	  "Time to read all slabs and write the text, in seconds.")                                                        \
	X(QUARANTINED, COUNTER, 0, "reason", "muster_slabs_quarantined_total",                                             \
	  "Slabs found not to be believed, by reason.")                                                                    \
	X(FOLDS, COUNTER, 0, NULL, "muster_folds_total", "Times the ledger of dead workers was rewritten.")                \
	X(FOLD_FAILURES, COUNTER, 0, NULL, "muster_fold_failures_total",                                                   \
	  "Times the ledger could not be rewritten; nothing is lost, it is tried again.")                                  \
	X(FOLDED, COUNTER, 0, NULL, "muster_folded_slabs_total", "Slabs of dead workers taken into the ledger.")           \
	X(BUILD, GAUGE, LIVEMAX, "version", "muster_build_info", "Always 1; the version of the running master.")           \
	X(CPU, REAL_COUNTER, 0, NULL, "process_cpu_seconds_total", "CPU time used by the masters, in seconds.")            \
	X(OPEN_FDS, GAUGE, LIVESUM, NULL, "process_open_fds", "File descriptors the master has open.")                     \
	X(MAX_FDS, GAUGE, LIVESUM, NULL, "process_max_fds", "File descriptors the master may have open.")                  \
	X(VIRTUAL, GAUGE, LIVESUM, NULL, "process_virtual_memory_bytes", "Address space of the master, in bytes.")         \
	X(RESIDENT, GAUGE, LIVESUM, NULL, "process_resident_memory_bytes", "Memory of the master in RAM, in bytes.")       \
	X(THREADS, GAUGE, LIVESUM, NULL, "process_threads", "Threads of the master.")                                      \
	X(START, GAUGE, LIVEMAX, NULL, "process_start_time_seconds", "Unix time the master started, in seconds.")

enum family_idx {
#define ROW(id, type, mode, label, name, help) FAMILY_##id,
	FAMILIES(ROW)
#undef ROW
		FAMILY_COUNT
};

enum { MODE_0 = 0, MODE_LIVESUM = MUSTER_LIVESUM, MODE_LIVEMAX = MUSTER_LIVEMAX };

static const struct family_row {
	enum muster_type type;
	int mode;
	const char *label, *name, *help;
} rows[] = {
#define ROW(id, type, mode, label, name, help) {MUSTER_##type, MODE_##mode, label, name, help},
	FAMILIES(ROW)
#undef ROW
};

/* Exposed at 0 before they happen. Other reasons appear with their first event. */
static const char *const exit_reasons[] = {"exit_0",  "exit_nonzero", "SIGKILL", "SIGTERM",
                                           "SIGSEGV", "SIGABRT",      "SIGBUS",  "oom"};
static const char *const recycle_reasons[] = {"reload",   "scale",  "pause",    "lifetime",
                                              "requests", "memory", "heartbeat"};

static const char *const upgrade_results[] = {"ready", "completed", "failed", "rolled_back", "refused"};

static const char *const closings[] = {
#define MUSTER__ROW(id, name) name,
	MUSTER__HTTP_CLOSINGS(MUSTER__ROW)
#undef MUSTER__ROW
};
static const char *const codes[] = {"200", "401", "500", "503"};

#define STATES 3
#define SLOT_STATES 3

struct muster__self {
	struct muster_family *families[FAMILY_COUNT];
	muster_gauge workers[STATES], slots[SLOT_STATES];
	double workers_shown[STATES];
	bool joined; /* our slab is one of the live ones */
	double cpu_seconds;
	struct muster__oom oom;
	void (*on_scrape)(void *ctx);
	void *on_scrape_ctx;
	void (*watch_scrape)(void *ctx);
	muster__self_reaped_fn *watch_reaped;
	void *watch_ctx;
};

static int declare(const struct family_row *row, struct muster_family **out)
{
	const char *labels[] = {row->label, NULL};
	struct muster_opts opts = {.name = row->name, .help = row->help, .labels = row->label ? labels : NULL};

	opts.mode = (enum muster_mode)row->mode;
	return muster_declare(row->type, &opts, out);
}

static void declare_all(struct muster__self *self)
{
	for (size_t i = 0; i < FAMILY_COUNT; i++)
		if (declare(&rows[i], &self->families[i]) != 0)
			muster__log(MUSTER__LOG_WARNING, "metric %s is not exported: %s", rows[i].name, muster_error_message());
}

static void create_series(struct muster__self *self)
{
	static const char *const states[STATES] = {"live", "dead", "quarantined"};
	static const char *const slot_states[SLOT_STATES] = {"running", "waiting", "leaving"};

	for (size_t i = 0; i < STATES; i++)
		muster_gauge_set(self->workers[i] = muster_gauge_with(self->families[FAMILY_WORKERS], states[i]), 0);
	for (size_t i = 0; i < SLOT_STATES; i++)
		muster_gauge_set(self->slots[i] = muster_gauge_with(self->families[FAMILY_SLOTS], slot_states[i]), 0);
	for (size_t i = 0; i < sizeof exit_reasons / sizeof *exit_reasons; i++)
		(void)muster_counter_with(self->families[FAMILY_EXITS], exit_reasons[i]);
	for (size_t i = 0; i < sizeof recycle_reasons / sizeof *recycle_reasons; i++)
		(void)muster_counter_with(self->families[FAMILY_RECYCLES], recycle_reasons[i]);
	for (size_t i = 0; i < sizeof upgrade_results / sizeof *upgrade_results; i++)
		(void)muster_counter_with(self->families[FAMILY_UPGRADES], upgrade_results[i]);
	for (int i = 0; i < MUSTER_QUARANTINE_COUNT; i++)
		(void)muster_counter_with(self->families[FAMILY_QUARANTINED],
		                          muster_quarantine_reason((enum muster_quarantine)i));
	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
		(void)muster_counter_with(self->families[FAMILY_ANSWERS], codes[i]);
	for (size_t i = 0; i < sizeof closings / sizeof *closings; i++)
		(void)muster_counter_with(self->families[FAMILY_CLOSED], closings[i]);
	muster_gauge_set(muster_gauge_with(self->families[FAMILY_BUILD], MUSTER_VERSION), 1);
}

int muster__self_create(const char *region, struct muster__self **out)
{
	struct muster__self *self = calloc(1, sizeof *self);

	if (self == NULL)
		return -ENOMEM;
	self->joined = muster__region_join(region) == 0;
	if (!self->joined)
		muster__log(MUSTER__LOG_WARNING, "the master's own metrics are not exported: %s", muster_error_message());
	declare_all(self);
	create_series(self);
	muster__oom_open(&self->oom);
	muster__self_look(self);
	*out = self;
	return 0;
}

void muster__self_destroy(struct muster__self **self)
{
	if (*self)
		muster__oom_close(&(*self)->oom);
	free(*self);
	*self = NULL;
}

static void count(struct muster__self *self, enum family_idx idx, uint64_t n)
{
	muster_counter_add(muster_counter_with(self->families[idx]), n);
}

static void show(struct muster__self *self, enum family_idx idx, double value)
{
	muster_gauge_set(muster_gauge_with(self->families[idx]), value);
}

static uint64_t monotonic_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

void muster__self_look(struct muster__self *self)
{
	muster_counter kills =
		muster_counter_with(self->families[FAMILY_OOM_KILLS], self->oom.system ? "system" : "cgroup");

	muster_counter_add(kills, muster__oom_look(&self->oom, monotonic_ms()));
}

static void count_code(struct muster__self *self, int wait_status)
{
	char code[12];

	if (!WIFEXITED(wait_status) || WEXITSTATUS(wait_status) == 0)
		return;
	(void)snprintf(code, sizeof code, "%d", WEXITSTATUS(wait_status));
	muster_counter_inc(muster_counter_with(self->families[FAMILY_EXIT_CODES], code));
}

bool muster__self_worker_exited(struct muster__self *self, int wait_status, bool ours)
{
	char reason[MUSTER__DEATH_BYTES];
	bool killed = WIFSIGNALED(wait_status) && WTERMSIG(wait_status) == SIGKILL && !ours;

	muster__self_look(self);
	bool oom = killed && muster__oom_claim(&self->oom);
	muster__death_reason(wait_status, oom, reason);
	muster_counter_inc(muster_counter_with(self->families[FAMILY_EXITS], reason));
	count_code(self, wait_status);
	return oom;
}

void muster__self_worker_vanished(struct muster__self *self)
{
	muster_counter_inc(muster_counter_with(self->families[FAMILY_EXITS], "unknown"));
}

void muster__self_worker_restarted(struct muster__self *self)
{
	count(self, FAMILY_RESTARTS, 1);
}

void muster__self_slots(struct muster__self *self, struct muster__self_slots slots)
{
	muster_gauge_set(self->slots[0], slots.running);
	muster_gauge_set(self->slots[1], slots.waiting);
	muster_gauge_set(self->slots[2], slots.leaving);
}

static void count_labelled(struct muster__self *self, enum family_idx idx, const char *label)
{
	muster_counter_inc(muster_counter_with(self->families[idx], label));
}

void muster__self_worker_recycled(struct muster__self *self, const char *reason)
{
	count_labelled(self, FAMILY_RECYCLES, reason);
}

void muster__self_killed(struct muster__self *self, size_t processes)
{
	count(self, FAMILY_KILLED, processes);
}

void muster__self_orphan_reaped(struct muster__self *self)
{
	count(self, FAMILY_ORPHANS, 1);
}

void muster__self_signal_passed(struct muster__self *self, const char *signal)
{
	count_labelled(self, FAMILY_SIGNALS, signal);
}

void muster__self_upgrade(struct muster__self *self, const char *result)
{
	count_labelled(self, FAMILY_UPGRADES, result);
}

void muster__self_hook_failed(struct muster__self *self, const char *hook)
{
	count_labelled(self, FAMILY_HOOK_FAILURES, hook);
}

void muster__self_quarantined(struct muster__self *self, enum muster_quarantine reason)
{
	muster_counter_inc(muster_counter_with(self->families[FAMILY_QUARANTINED], muster_quarantine_reason(reason)));
}

void muster__self_folded(struct muster__self *self, size_t slabs)
{
	count(self, FAMILY_FOLDS, 1);
	count(self, FAMILY_FOLDED, slabs);
}

void muster__self_closed(struct muster__self *self, enum muster__http_closing reason)
{
	muster_counter_inc(muster_counter_with(self->families[FAMILY_CLOSED], closings[reason]));
}

void muster__self_in_flight(struct muster__self *self, unsigned requests)
{
	show(self, FAMILY_IN_FLIGHT, requests);
}

void muster__self_web_read(struct muster__self *self, bool good)
{
	muster_counter failures = muster_counter_with(self->families[FAMILY_WEB_READS], "failure");

	muster_counter_inc(good ? muster_counter_with(self->families[FAMILY_WEB_READS], "success") : failures);
	show(self, FAMILY_WEB_GOOD, good);
}

void muster__self_answered(struct muster__self *self, int status)
{
	char code[12];

	(void)snprintf(code, sizeof code, "%d", status);
	muster_counter_inc(muster_counter_with(self->families[FAMILY_ANSWERS], code));
}

void muster__self_fold_failed(struct muster__self *self)
{
	count(self, FAMILY_FOLD_FAILURES, 1);
}

static void sample_process(struct muster__self *self)
{
	struct muster__process_stats stats;

	muster__process_stats_read(&stats);
	if (stats.cpu_seconds > self->cpu_seconds)
		muster_real_counter_add(muster_real_counter_with(self->families[FAMILY_CPU]),
		                        stats.cpu_seconds - self->cpu_seconds);
	self->cpu_seconds = stats.cpu_seconds;
	show(self, FAMILY_OPEN_FDS, stats.open_fds);
	show(self, FAMILY_MAX_FDS, stats.max_fds);
	show(self, FAMILY_VIRTUAL, stats.virtual_bytes);
	show(self, FAMILY_RESIDENT, stats.resident_bytes);
	show(self, FAMILY_THREADS, stats.threads);
	show(self, FAMILY_START, stats.start_unix_seconds);
}

void muster__self_scrape_begin(struct muster__self *self)
{
	count(self, FAMILY_SCRAPES, 1);
	sample_process(self);
	if (self->watch_scrape)
		self->watch_scrape(self->watch_ctx);
}

bool muster__self_roll(struct muster__self *self, const struct muster_region_stats *stats)
{
	uint32_t own = self->joined && stats->live ? 1 : 0;
	const double now[STATES] = {stats->live - own, stats->dead, stats->quarantined};
	bool changed = false;

	for (size_t i = 0; i < STATES; i++) {
		if (now[i] == self->workers_shown[i])
			continue;
		muster_gauge_set(self->workers[i], now[i]);
		self->workers_shown[i] = now[i];
		changed = true;
	}
	return changed;
}

void muster__self_scrape_end(struct muster__self *self, double seconds)
{
	muster_histogram_observe(muster_histogram_with(self->families[FAMILY_SCRAPE_DURATION]), seconds);
	if (self->on_scrape)
		self->on_scrape(self->on_scrape_ctx);
}

void muster__self_watch(struct muster__self *self, void (*scrape)(void *ctx), muster__self_reaped_fn *reaped, void *ctx)
{
	self->watch_scrape = scrape;
	self->watch_reaped = reaped;
	self->watch_ctx = ctx;
}

void muster__self_reaped(struct muster__self *self, pid_t pid, const struct rusage *usage)
{
	if (self->watch_reaped)
		self->watch_reaped(self->watch_ctx, pid, usage);
}

void muster__self_on_scrape(struct muster__self *self, void (*fn)(void *ctx), void *ctx)
{
	self->on_scrape = fn;
	self->on_scrape_ctx = ctx;
}
