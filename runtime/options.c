/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options.c - one row per option: which commands take it, how its value is read, what --help says.
 *
 * `--name value` and `--name=value` are the same. Options end at `--` or at the first word that is none.
 */
#include "options.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "log.h"
#include "shm/fold.h"
#include "supervisor.h"

#define RUN MUSTER__COMMAND_RUN
#define SERVE MUSTER__COMMAND_SERVE
#define LOOK (MUSTER__COMMAND_CAT | MUSTER__COMMAND_CHECK)
#define GRACE_SECONDS_MIN 0.1
#define GRACE_SECONDS_MAX 3600.0
#define PSS_SECONDS_MIN 1.0
#define PSS_SECONDS_MAX 86400.0
#define LIFETIME_SECONDS_MIN 1.0
#define LIFETIME_SECONDS_MAX 86400.0
#define MEMORY_BYTES_MIN (1ull << 20)
#define MEMORY_BYTES_MAX (1ull << 40)
#define REQUESTS_MAX 1000000000ul
#define SERIES_MAX 2000000ul /* what a ledger takes */

struct row {
	const char *name, *value; /* value NULL: takes none */
	unsigned commands;
	int (*set)(struct muster__options *options, const char *name, const char *value);
	const char *help;
};

static int read_number(const char *name, const char *value, unsigned long max, unsigned long *out)
{
	char *end;
	unsigned long n = strtoul(value, &end, 10);

	if (*value < '0' || *value > '9' || *end || n < 1 || n > max)
		return muster__refuse(EX_USAGE, "%s %s: must be a number from 1 to %lu", name, value, max);
	*out = n;
	return 0;
}

static int set_workers(struct muster__options *o, const char *name, const char *value)
{
	unsigned long n = 0;
	int status = read_number(name, value, MUSTER_WORKERS_MAX, &n);

	if (status == 0)
		o->prefork.workers = (unsigned)n;
	return status;
}

static int set_listen(struct muster__options *o, const char *name, const char *value)
{
	if (o->listen_count == MUSTER__LISTENERS_MAX)
		return muster__refuse(EX_USAGE, "%s %s: at most %d may be given", name, value, MUSTER__LISTENERS_MAX);
	o->listen[o->listen_count++] = value;
	return 0;
}

static int set_metrics(struct muster__options *o, const char *name, const char *value)
{
	(void)name;
	o->prefork.metrics = value;
	return 0;
}

static int set_metrics_mode(struct muster__options *o, const char *name, const char *value)
{
	char *end;
	unsigned long mode = strtoul(value, &end, 8);

	if (*value < '0' || *value > '7' || *end || mode < 0100 || mode > 0777)
		return muster__refuse(EX_USAGE, "%s %s: must be an octal number from 100 to 777, as 660", name, value);
	o->prefork.metrics_mode = (unsigned)mode;
	return 0;
}

static int set_web_config(struct muster__options *o, const char *name, const char *value)
{
	if (*value == '\0')
		return muster__refuse(EX_USAGE, "%s: is empty; give a file, or leave the option out", name);
	o->prefork.web_config_file = value;
	return 0;
}

static int set_region(struct muster__options *o, const char *name, const char *value)
{
	if (*value == '\0')
		return muster__refuse(EX_USAGE, "%s: is empty; give a directory, or leave the option out", name);
	o->prefork.region = value;
	return 0;
}

static int set_name(struct muster__options *o, const char *name, const char *value)
{
	(void)name;
	o->prefork.name = value;
	return 0;
}

static int read_seconds(const char *name, const char *value, double min, double max, double *out)
{
	char *end;
	double seconds = strtod(value, &end);

	if (end == value || *end || !(seconds >= min && seconds <= max)) /* so NaN is refused */
		return muster__refuse(EX_USAGE, "%s %s: must be a number of seconds from %g to %g", name, value, min, max);
	*out = seconds;
	return 0;
}

/* A wrapped server is killed after a TERM only if a time was given. */
static int set_grace(struct muster__options *o, const char *name, const char *value)
{
	int status = read_seconds(name, value, GRACE_SECONDS_MIN, GRACE_SECONDS_MAX, &o->prefork.grace_seconds);

	o->server.term_seconds = o->prefork.grace_seconds;
	return status;
}

static int set_drain(struct muster__options *o, const char *name, const char *value)
{
	return read_seconds(name, value, GRACE_SECONDS_MIN, GRACE_SECONDS_MAX, &o->prefork.drain_seconds);
}

static int set_pidfile(struct muster__options *o, const char *name, const char *value)
{
	if (*value == '\0')
		return muster__refuse(EX_USAGE, "%s: is empty; give a path, or leave the option out", name);
	o->prefork.pidfile = value;
	return 0;
}

/* At once, so that what is refused later is refused in that format. */
static int set_log_format(struct muster__options *o, const char *name, const char *value)
{
	bool json = strcmp(value, "json") == 0;

	if (!json && strcmp(value, "text") != 0)
		return muster__refuse(EX_USAGE, "%s %s: must be text or json", name, value);
	muster__log_json(json);
	o->prefork.log_format = value;
	return 0;
}

static int set_ready(struct muster__options *o, const char *name, const char *value)
{
	o->server.ready_when_told = strcmp(value, "told") == 0;
	o->for_server = name;
	if (o->server.ready_when_told || strcmp(value, "started") == 0)
		return 0;
	return muster__refuse(EX_USAGE, "%s %s: must be started or told", name, value);
}

static int set_pss(struct muster__options *o, const char *name, const char *value)
{
	return read_seconds(name, value, PSS_SECONDS_MIN, PSS_SECONDS_MAX, &o->prefork.pss_seconds);
}

static int set_max_lifetime(struct muster__options *o, const char *name, const char *value)
{
	o->for_workers = name;
	return read_seconds(name, value, LIFETIME_SECONDS_MIN, LIFETIME_SECONDS_MAX, &o->prefork.lifetime_seconds_max);
}

static int read_requests(struct muster__options *o, const char *name, const char *value, unsigned long long *out)
{
	unsigned long n = 0;
	int status = read_number(name, value, REQUESTS_MAX, &n);

	o->for_workers = name;
	if (status == 0)
		*out = n;
	return status;
}

static int set_max_requests(struct muster__options *o, const char *name, const char *value)
{
	return read_requests(o, name, value, &o->prefork.requests_max);
}

static int set_max_requests_jitter(struct muster__options *o, const char *name, const char *value)
{
	return read_requests(o, name, value, &o->prefork.requests_jitter);
}

/* "5/60": deaths and seconds. */
static int set_restart_budget(struct muster__options *o, const char *name, const char *value)
{
	char *end, *last = NULL;
	unsigned long n = strtoul(value, &end, 10);
	double seconds = *end == '/' ? strtod(end + 1, &last) : 0;

	o->for_workers = name;
	if (*value < '0' || *value > '9' || n < 1 || n > MUSTER__RESTART_BUDGET_MAX || last == NULL || last == end + 1 ||
	    *last || !(seconds >= LIFETIME_SECONDS_MIN && seconds <= LIFETIME_SECONDS_MAX))
		return muster__refuse(EX_USAGE, "%s %s: must be N/SECONDS, such as 10/60: 1 to %d deaths, 1 to %g seconds",
		                      name, value, MUSTER__RESTART_BUDGET_MAX, LIFETIME_SECONDS_MAX);
	o->prefork.restart_budget = (unsigned)n;
	o->prefork.restart_budget_seconds = seconds;
	return 0;
}

static int set_heartbeat(struct muster__options *o, const char *name, const char *value)
{
	o->for_workers = name;
	return read_seconds(name, value, LIFETIME_SECONDS_MIN, LIFETIME_SECONDS_MAX, &o->prefork.heartbeat_seconds_max);
}

/* "512M": K, M and G are powers of 1024. */
static int set_memory_limit(struct muster__options *o, const char *name, const char *value)
{
	static const char units[] = "KMG";
	char *end;
	unsigned long long n = strtoull(value, &end, 10);
	const char *unit = *end ? strchr(units, *end) : NULL;
	unsigned shift = unit ? 10 * (unsigned)(unit - units + 1) : 0;

	o->for_workers = name;
	if (*value < '0' || *value > '9' || (*end && (unit == NULL || end[1])) || n > MEMORY_BYTES_MAX >> shift ||
	    n << shift < MEMORY_BYTES_MIN)
		return muster__refuse(EX_USAGE, "%s %s: must be a number of bytes from 1M to 1024G; K, M, G may follow it",
		                      name, value);
	o->prefork.memory_bytes_max = n << shift;
	return 0;
}

static int set_on_before_worker_start(struct muster__options *o, const char *name, const char *value)
{
	o->for_workers = name;
	o->prefork.on_before_worker_start = value;
	return 0;
}

static int set_on_worker_start(struct muster__options *o, const char *name, const char *value)
{
	o->for_workers = name;
	o->prefork.on_worker_start = value;
	return 0;
}

static int set_on_worker_exit(struct muster__options *o, const char *name, const char *value)
{
	o->for_workers = name;
	o->prefork.on_worker_exit = value;
	return 0;
}

static int set_reuse_port(struct muster__options *o, const char *name, const char *value)
{
	(void)value;
	o->for_workers = name;
	o->prefork.reuse_port = 1;
	return 0;
}

static int set_cpu_affinity(struct muster__options *o, const char *name, const char *value)
{
	(void)value;
	o->for_workers = name;
	o->prefork.cpu_affinity = 1;
	return 0;
}

static int set_series_max(struct muster__options *o, const char *name, const char *value)
{
	return read_number(name, value, SERIES_MAX, &o->prefork.series_max);
}

/* Which of the names a value is; count if it is none. */
static int name_find(const char *const *names, int count, const char *value)
{
	int i = 0;

	while (i < count && strcmp(names[i], value) != 0)
		i++;
	return i;
}

static int set_format(struct muster__options *o, const char *name, const char *value)
{
	static const char *const names[] = {
#define MUSTER__ROW(id, name) name,
		MUSTER_FORMATS(MUSTER__ROW)
#undef MUSTER__ROW
	};

	o->format = (enum muster_format)name_find(names, MUSTER_FORMAT_COUNT, value);
	if (o->format == MUSTER_FORMAT_COUNT)
		return muster__refuse(EX_USAGE, "%s %s: must be text, openmetrics, protobuf or json", name, value);
	return 0;
}

static int set_escaping(struct muster__options *o, const char *name, const char *value)
{
	static const char *const names[] = {
#define MUSTER__ROW(id, name) name,
		MUSTER_ESCAPINGS(MUSTER__ROW)
#undef MUSTER__ROW
	};

	o->escaping = (enum muster_escaping)name_find(names, MUSTER_ESCAPING_COUNT, value);
	if (o->escaping == MUSTER_ESCAPING_COUNT)
		return muster__refuse(EX_USAGE, "%s %s: must be underscores, dots, values or allow-utf-8", name, value);
	return 0;
}

static int set_multiproc_dir(struct muster__options *o, const char *name, const char *value)
{
	if (*value == '\0')
		return muster__refuse(EX_USAGE, "%s: is empty; give a directory, none, or leave the option out", name);
	o->prefork.multiproc_dir = value;
	return 0;
}

static int set_multiproc_schema(struct muster__options *o, const char *name, const char *value)
{
	(void)name;
	o->prefork.multiproc_schema = value;
	return 0;
}

static int set_worker_user(struct muster__options *o, const char *name, const char *value)
{
	(void)name;
	o->prefork.worker_user = value;
	return 0;
}

static int set_compact(struct muster__options *o, const char *name, const char *value)
{
	(void)name, (void)value;
	o->prefork.multiproc_compact = 1;
	return 0;
}

static const struct row rows[] = {
	{"--workers", "N", RUN, set_workers,
     "copies of COMMAND to keep running, 1 to 1024 (it is one server, not restarted)"},
	{"--listen", "ADDR", RUN, set_listen, "socket to pass to the workers as LISTEN_FDS; may be repeated"},
	{"--metrics", "ADDR", RUN | SERVE, set_metrics, "where to serve the scrape, or none (" MUSTER_METRICS_DEFAULT ")"},
	{"--metrics-mode", "OCTAL", RUN | SERVE, set_metrics_mode, "of the socket file of --metrics unix:PATH (umask)"},
	{"--web-config-file", "FILE", RUN | SERVE, set_web_config,
     "TLS and users of the scrape, in the format of Prometheus' exporters (no)"},
	{"--region", "DIR", RUN | SERVE | LOOK, set_region, "shared directory (/dev/shm/muster-UID-NAME)"},
	{"--name", "NAME", RUN | SERVE | LOOK, set_name, "names the region and the log lines (muster)"},
	{"--grace", "SECONDS", RUN, set_grace, "from TERM to KILL when stopping, 0.1 to 3600 (10; a server: its own time)"},
	{"--drain", "SECONDS", RUN, set_drain, "serve the final numbers for one scrape, at most so long, 0.1 to 3600 (no)"},
	{"--ready", "WHEN", RUN, set_ready, "a server is ready when started, or when it told so by READY=1 (started)"},
	{"--pss", "SECONDS", RUN, set_pss, "read proportional memory of the processes, at most so often, 1 to 86400 (no)"},
	{"--max-lifetime", "SECONDS", RUN, set_max_lifetime, "replace a worker after 0.9 to 1 of it, 1 to 86400 (no)"},
	{"--restart-budget", "N/SECONDS", RUN, set_restart_budget,
     "stop with status 70 if more workers than N die in that time (no)"},
	{"--max-requests", "N", RUN, set_max_requests, "replace a worker that has told of so many, 1 to 1000000000 (no)"},
	{"--max-requests-jitter", "N", RUN, set_max_requests_jitter, "and of 0 to N more, drawn for each worker (0)"},
	{"--memory-limit", "BYTES", RUN, set_memory_limit, "restart a worker with more in RAM, 1M to 1024G (no)"},
	{"--heartbeat-timeout", "SECONDS", RUN, set_heartbeat,
     "abort a worker that beat once and then not for so long, 1 to 86400 (no)"},
	{"--on-before-worker-start", "PATH", RUN, set_on_before_worker_start,
     "run it with MUSTER_WORKER_SLOT, _REASON; no worker starts unless it ends with 0 (no)"},
	{"--on-worker-start", "PATH", RUN, set_on_worker_start, "run it with MUSTER_WORKER_PID, _SLOT, _REASON (no)"},
	{"--on-worker-exit", "PATH", RUN, set_on_worker_exit, "likewise (no)"},
	{"--reuse-port", NULL, RUN, set_reuse_port, "sockets of its own for each worker, by SO_REUSEPORT (no)"},
	{"--cpu-affinity", NULL, RUN, set_cpu_affinity, "keep each worker to one processor (no)"},
	{"--worker-user", "USER", RUN | SERVE, set_worker_user,
     "or USER:GROUP, by root: let their workers in; ours run as it (no)"},
	{"--multiproc-dir", "DIR", RUN | SERVE | LOOK, set_multiproc_dir,
     "prometheus_client's files, or none (run: $PROMETHEUS_MULTIPROC_DIR, else in the region; root needs --worker-user)"},
	{"--multiproc-schema", "FILE", RUN | SERVE | LOOK, set_multiproc_schema,
     "a page with types, bounds and aggregations of client_ruby's files (what can be told from them)"},
	{"--compact", NULL, RUN | SERVE, set_compact, "delete files of dead processes there, once they are in the ledger"},
	{"--pidfile", "PATH", RUN | SERVE, set_pidfile, "lock it and write the master's pid there (no)"},
	{"--log-format", "FORMAT", RUN | SERVE, set_log_format, "of the lines on stderr: text or json (text)"},
	{"--series-max", "N", RUN | SERVE | LOOK, set_series_max, "series on the page, 1 to 2000000 (1000000)"},
	{"--format", "FORMAT", MUSTER__COMMAND_CAT, set_format, "text, openmetrics, protobuf or json (text)"},
	{"--escaping", "SCHEME", MUSTER__COMMAND_CAT, set_escaping,
     "of names: underscores, dots, values or allow-utf-8 (underscores)"},
	{"--help", NULL, RUN | SERVE | LOOK, NULL, "this text"},
};
#define ROWS (sizeof rows / sizeof *rows)

static const struct row *row_find(const struct muster__command *command, const char *word, size_t count)
{
	for (size_t i = 0; i < ROWS; i++)
		if ((rows[i].commands & command->bit) && strlen(rows[i].name) == count &&
		    memcmp(rows[i].name, word, count) == 0)
			return &rows[i];
	return NULL;
}

/* Read the option at argv[*i] with its value, and move *i to the last word used. */
static int read_one(const struct muster__command *command, char **argv, int *i, struct muster__options *out, int *done)
{
	const char *word = argv[*i], *equals = strchr(word, '='), *value = equals ? equals + 1 : NULL;
	size_t count = equals ? (size_t)(equals - word) : strlen(word);
	const struct row *row = row_find(command, word, count);

	if (row == NULL)
		return muster__refuse(EX_USAGE, "%.*s: unknown option; see muster %s --help", (int)count, word, command->name);
	if (row->set == NULL) {
		muster__options_help(command);
		*done = 1;
		return 0;
	}
	if (row->value == NULL && value)
		return muster__refuse(EX_USAGE, "%s: takes no value", row->name);
	if (value == NULL && row->value)
		value = argv[++*i];
	if (value == NULL && row->value)
		return muster__refuse(EX_USAGE, "%s: needs a value: %s %s", row->name, row->name, row->value);
	return row->set(out, row->name, value);
}

/* Some options mean something for N workers only, or for a wrapped server only. */
static int check_kind(const struct muster__options *o)
{
	if (o->for_workers && o->prefork.workers == 0)
		return muster__refuse(EX_USAGE, "%s: is for workers of muster's own; add --workers N, or leave it out",
		                      o->for_workers);
	if (o->prefork.requests_jitter && o->prefork.requests_max == 0)
		return muster__refuse(EX_USAGE,
		                      "--max-requests-jitter: adds to --max-requests; give that too, or leave this out");
	if (o->for_server && o->prefork.workers)
		return muster__refuse(EX_USAGE, "%s: is for a server with workers of its own; leave out --workers, or this",
		                      o->for_server);
	return 0;
}

/* The tree of a server gets a directory of ours unless it has one. Where root runs us only if it is said who is to write
 * there: workers may give up their rights. */
static void multiproc_complete(const struct muster__command *command, struct muster_prefork_opts *o)
{
	const char *named = getenv("PROMETHEUS_MULTIPROC_DIR");

	if (o->multiproc_dir && strcmp(o->multiproc_dir, "none") == 0) {
		o->multiproc_dir = NULL;
	} else if (command->bit == RUN && o->multiproc_dir) {
		o->multiproc_compact = 1;
	} else if (command->bit == RUN && named && *named) {
		o->multiproc_dir = named;
	} else if (command->bit == RUN && (geteuid() != 0 || o->worker_user)) {
		o->multiproc_dir = MUSTER__MULTIPROC_OWN;
		o->multiproc_compact = 1;
	}
}

int muster__options_read(const struct muster__command *command, int argc, char **argv, struct muster__options *out,
                         int *done)
{
	int i = 0, status = 0;

	for (; i < argc && argv[i][0] == '-' && strcmp(argv[i], "--") != 0; i++) {
		status = read_one(command, argv, &i, out, done);
		if (status != 0 || *done)
			return status;
	}
	if (i < argc && strcmp(argv[i], "--") == 0)
		i++;
	if (command->takes_command && i >= argc)
		return muster__refuse(EX_USAGE, "no command: say what is to run, as in muster %s -- COMMAND", command->name);
	if (!command->takes_command && i < argc)
		return muster__refuse(EX_USAGE, "%s: muster %s takes no such argument; see --help", argv[i], command->name);
	out->prefork.argv = argv + i;
	out->prefork.listen = out->listen;
	multiproc_complete(command, &out->prefork);
	return check_kind(out);
}

void muster__options_help(const struct muster__command *command)
{
	(void)printf("muster %s %s\n  %s\n\n", command->name, command->arguments, command->help);
	for (size_t i = 0; i < ROWS; i++)
		if (rows[i].commands & command->bit)
			(void)printf("  %-24s %-9s %s\n", rows[i].name, rows[i].value ? rows[i].value : "", rows[i].help);
	if (command->bit & (RUN | SERVE))
		(void)puts(
			"\n  ADDR is HOST:PORT, [IPV6]:PORT, :PORT or unix:PATH; port 0 picks a free one. --metrics may also\n"
			"  be systemd or systemd:NAME: the socket that was passed under the name metrics, or NAME.");
}
