/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main.c - the `muster` command: finds the subcommand, reads its options, runs it.
 */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "cat.h"
#include "check.h"
#include "log.h"
#include "master.h"
#include "options.h"
#include "shm/fold.h"

static int run(const struct muster__options *options)
{
	return options->prefork.workers ? muster_prefork(&options->prefork)
	                                : muster__run_server(&options->prefork, &options->server);
}

static int serve(const struct muster__options *options)
{
	return muster__serve(&options->prefork);
}

/* What the options name. Returns 0, or an exit status after a line in the log. */
static int look_of(const struct muster__options *options, char path[MUSTER_REGION_PATH_BYTES_MAX + 1],
                   struct muster__look_opts *out)
{
	const struct muster_prefork_opts *o = &options->prefork;
	const char *name = o->name ? o->name : "muster";

	*out =
		(struct muster__look_opts){o->region ? o->region : path, o->multiproc_dir, o->multiproc_schema, o->series_max};
	if (o->region || muster__region_default_path(name, path) == 0)
		return 0;
	return muster__refuse(EX_USAGE, "--name %s: makes a path of more than %d bytes; take a shorter one", name,
	                      MUSTER_REGION_PATH_BYTES_MAX);
}

static int cat(const struct muster__options *options)
{
	char path[MUSTER_REGION_PATH_BYTES_MAX + 1];
	struct muster__look_opts look;
	int status = look_of(options, path, &look);

	return status ? status : muster__cat(&look, options->format, options->escaping);
}

static int check(const struct muster__options *options)
{
	char path[MUSTER_REGION_PATH_BYTES_MAX + 1];
	struct muster__look_opts look;
	int status = look_of(options, path, &look);

	return status ? status : muster__check(&look);
}

static const struct muster__command commands[] = {
	{"run", "[OPTION]... -- COMMAND [ARGUMENT]...",
     "Run a server with its workers, or N copies of a program, and serve their metrics.", MUSTER__COMMAND_RUN, 1, run},
	{"serve", "[OPTION]...", "Serve the metrics of workers that somebody else starts.", MUSTER__COMMAND_SERVE, 0,
     serve},
	{"cat", "[OPTION]...", "Print one scrape of a region, beside its master or without one.", MUSTER__COMMAND_CAT, 0,
     cat},
	{"check", "[OPTION]...", "Tell what is wrong with the metrics of a region, and why; ends with 3 if anything is.",
     MUSTER__COMMAND_CHECK, 0, check},
};
#define COMMANDS (sizeof commands / sizeof *commands)

static void help(FILE *out)
{
	(void)fprintf(out,
	              "muster COMMAND [OPTION]...\n  Metrics of pre-fork servers: all workers, living and dead, in one "
	              "scrape.\n\n");
	for (size_t i = 0; i < COMMANDS; i++)
		(void)fprintf(out, "  %-6s %s\n", commands[i].name, commands[i].help);
	(void)fprintf(out, "\n  muster COMMAND --help tells the options; muster --version the version.\n");
}

static int dispatch(const struct muster__command *command, int argc, char **argv)
{
	struct muster__options options = {0};
	int done = 0, status = muster__options_read(command, argc, argv, &options, &done);

	return status != 0 || done ? status : command->run(&options);
}

int main(int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : "";

	for (size_t i = 0; i < COMMANDS; i++)
		if (strcmp(word, commands[i].name) == 0)
			return dispatch(&commands[i], argc - 2, argv + 2);
	if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
		help(stdout);
		return 0;
	}
	if (strcmp(word, "--version") == 0) {
		(void)puts("muster " MUSTER_VERSION);
		return 0;
	}
	help(stderr);
	return *word ? muster__refuse(EX_USAGE, "%s: unknown command or option; the commands stand above", word) : EX_USAGE;
}
