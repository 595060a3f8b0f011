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

#include "log.h"

#define RUN MUSTER__COMMAND_RUN
#define SERVE MUSTER__COMMAND_SERVE
#define CAT MUSTER__COMMAND_CAT
#define GRACE_SECONDS_MIN 0.1
#define GRACE_SECONDS_MAX 3600.0
#define SERIES_MAX 2000000ul /* what a ledger takes */

struct row {
	const char *name, *value; /* value NULL: takes none */
	unsigned commands;
	int (*set)(struct muster__options *options, const char *name, const char *value);
	const char *help;
};

static int set_workers(struct muster__options *o, const char *name, const char *value)
{
	char *end;
	unsigned long n = strtoul(value, &end, 10);

	if (*value < '0' || *value > '9' || *end || n < 1 || n > MUSTER_WORKERS_MAX)
		return muster__refuse(EX_USAGE, "%s %s: must be a number from 1 to %d", name, value, MUSTER_WORKERS_MAX);
	o->prefork.workers = (unsigned)n;
	return 0;
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

static int set_grace(struct muster__options *o, const char *name, const char *value)
{
	char *end;
	double seconds = strtod(value, &end);

	if (end == value || *end || !(seconds >= GRACE_SECONDS_MIN && seconds <= GRACE_SECONDS_MAX))
		return muster__refuse(EX_USAGE, "%s %s: must be a number of seconds from %g to %g", name, value,
		                      GRACE_SECONDS_MIN, GRACE_SECONDS_MAX);
	o->prefork.grace_seconds = seconds;
	return 0;
}

static int set_series_max(struct muster__options *o, const char *name, const char *value)
{
	char *end;
	unsigned long n = strtoul(value, &end, 10);

	if (*value < '0' || *value > '9' || *end || n < 1 || n > SERIES_MAX)
		return muster__refuse(EX_USAGE, "%s %s: must be a number from 1 to %lu", name, value, SERIES_MAX);
	o->prefork.series_max = n;
	return 0;
}

static const struct row rows[] = {
	{"--workers", "N", RUN, set_workers, "processes to keep running, 1 to 1024 (1)"},
	{"--listen", "ADDR", RUN, set_listen, "socket to pass to the workers as LISTEN_FDS; may be repeated"},
	{"--metrics", "ADDR", RUN | SERVE, set_metrics, "where to serve the scrape, or none (" MUSTER_METRICS_DEFAULT ")"},
	{"--region", "DIR", RUN | SERVE | CAT, set_region, "shared directory (/dev/shm/muster-UID-NAME)"},
	{"--name", "NAME", RUN | SERVE | CAT, set_name, "names the region and the log lines (muster)"},
	{"--grace", "SECONDS", RUN, set_grace, "from TERM to KILL when stopping, 0.1 to 3600 (10)"},
	{"--series-max", "N", RUN | SERVE | CAT, set_series_max, "series on the page, 1 to 2000000 (1000000)"},
	{"--help", NULL, RUN | SERVE | CAT, NULL, "this text"},
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
	if (value == NULL)
		value = argv[++*i];
	if (value == NULL)
		return muster__refuse(EX_USAGE, "%s: needs a value: %s %s", row->name, row->name, row->value);
	return row->set(out, row->name, value);
}

int muster__options_read(const struct muster__command *command, int argc, char **argv, struct muster__options *out,
                         int *done)
{
	int i = 0, status = 0;

	out->prefork.workers = 1;
	for (; i < argc && argv[i][0] == '-' && strcmp(argv[i], "--") != 0; i++) {
		status = read_one(command, argv, &i, out, done);
		if (status != 0 || *done)
			return status;
	}
	if (i < argc && strcmp(argv[i], "--") == 0)
		i++;
	if (command->takes_command && i >= argc)
		return muster__refuse(EX_USAGE, "no command: say what the workers run, as in muster %s -- COMMAND",
		                      command->name);
	if (!command->takes_command && i < argc)
		return muster__refuse(EX_USAGE, "%s: muster %s takes no such argument; see --help", argv[i], command->name);
	out->prefork.argv = argv + i;
	out->prefork.listen = out->listen;
	return 0;
}

void muster__options_help(const struct muster__command *command)
{
	(void)printf("muster %s %s\n  %s\n\n", command->name, command->arguments, command->help);
	for (size_t i = 0; i < ROWS; i++)
		if (rows[i].commands & command->bit)
			(void)printf("  %-12s %-8s %s\n", rows[i].name, rows[i].value ? rows[i].value : "", rows[i].help);
	if (command->bit & (RUN | SERVE))
		(void)puts("\n  ADDR is HOST:PORT, [IPV6]:PORT, :PORT or unix:PATH; port 0 picks a free one.");
}
