/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options.h - the command line of `muster`: one table of commands, one of options, read by the parser and
 * by --help.
 */
#ifndef MUSTER__OPTIONS_H
#define MUSTER__OPTIONS_H

#include <muster/prefork.h>
#include <muster/region.h>

#include "child.h"
#include "master.h"

struct muster__options {
	struct muster_prefork_opts prefork; /* as given; defaults are not filled in; workers 0: wrap a server */
	struct muster__server_opts server;
	const char *for_workers, *for_server; /* the option given last that needs N workers, or must have none */
	const char *listen[MUSTER__LISTENERS_MAX + 1];
	size_t listen_count;
	enum muster_format format;
	enum muster_escaping escaping;
};

struct muster__command {
	const char *name, *arguments, *help;
	unsigned bit;      /* which options it takes */
	int takes_command; /* what follows the options is a program to run */
	int (*run)(const struct muster__options *options);
};

/* Read the arguments behind the command's name.
 *   done   set to 1 if --help was answered and the program should end with 0
 * Returns 0, or EX_USAGE after a line in the log that names the option, its value and the limit. */
int muster__options_read(const struct muster__command *command, int argc, char **argv, struct muster__options *out,
                         int *done);

/* Print the help of one command. */
void muster__options_help(const struct muster__command *command);

enum { MUSTER__COMMAND_RUN = 1, MUSTER__COMMAND_SERVE = 2, MUSTER__COMMAND_CAT = 4, MUSTER__COMMAND_CHECK = 8 };

#endif
