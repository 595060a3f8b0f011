/* SPDX-License-Identifier: Apache-2.0 */
/* load_options.c - options are table rows: a number and its limits, or a word with its own reader. */
#include "load_options.h"

#include <errno.h>
#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sysexits.h>

static const char usage[] = "order_load [OPTION]...  send random calls, some of which fail, to order_mgmt\n"
							"  --target ADDR     HOST:PORT, loopback only (127.0.0.1:8080)\n"
							"  --rate N          requests per second at most (200)\n"
							"  --seconds N       end after this time (10)\n"
							"  --requests N      or after this number (1000000000)\n"
							"  --connections N   requests in flight at most (8)\n"
							"  --seed N          the same seed gives the same calls (random)\n"
							"  --loop KIND       auto, uring or epoll (auto)\n"
							"  --help            this text\n"
							"SIGTERM and SIGINT end it early. Prints one line of JSON.\n";

static const struct number {
	const char *name;
	size_t offset;
	uint64_t min, max;
} numbers[] = {
	{"rate", offsetof(struct load_options, rate), 1, 100000},
	{"seconds", offsetof(struct load_options, seconds), 1, 86400},
	{"requests", offsetof(struct load_options, requests), 1, 1000000000},
	{"connections", offsetof(struct load_options, connections), 1, 1000},
	{"seed", offsetof(struct load_options, seed), 0, UINT64_MAX},
};

/* A number's value is its row. */
enum { NUMBER_COUNT = sizeof numbers / sizeof numbers[0], OPTION_TARGET, OPTION_LOOP, OPTION_HELP };

static const struct option long_options[] = {
	{"rate", required_argument, NULL, 0},
	{"seconds", required_argument, NULL, 1},
	{"requests", required_argument, NULL, 2},
	{"connections", required_argument, NULL, 3},
	{"seed", required_argument, NULL, 4},
	{"target", required_argument, NULL, OPTION_TARGET},
	{"loop", required_argument, NULL, OPTION_LOOP},
	{"help", no_argument, NULL, OPTION_HELP},
	{0},
};

static int refuse(const char *option, const char *value, const char *limit)
{
	fprintf(stderr, "order_load: %s %s: %s\n", option, value, limit);
	return EX_USAGE;
}

static int read_number(struct load_options *options, const struct number *number, const char *value)
{
	char *end;

	errno = 0;
	uint64_t read = strtoull(value, &end, 10);
	if (*value < '0' || *value > '9' || *end || errno || read < number->min || read > number->max) {
		fprintf(stderr, "order_load: --%s %s: must be a number from %ju to %ju\n", number->name, value,
		        (uintmax_t)number->min, (uintmax_t)number->max);
		return EX_USAGE;
	}
	memcpy((char *)options + number->offset, &read, sizeof read);
	return 0;
}

static int read_target(struct load_options *options, const char *value)
{
	const char *wrong = load_target_read(value, &options->target);

	return wrong ? refuse("--target", value, wrong) : 0;
}

static int read_loop(struct load_options *options, const char *value)
{
	if (loop_kind_read(value, &options->loop))
		return 0;
	return refuse("--loop", value, "must be auto, uring or epoll");
}

static int read_option(struct load_options *options, int option)
{
	if (option >= 0 && option < NUMBER_COUNT)
		return read_number(options, &numbers[option], optarg);
	switch (option) {
	case OPTION_TARGET:
		return read_target(options, optarg);
	case OPTION_LOOP:
		return read_loop(options, optarg);
	case OPTION_HELP:
		fputs(usage, stdout);
		exit(0);
	default:
		fputs("order_load: see --help\n", stderr); /* getopt has named the option */
		return EX_USAGE;
	}
}

int load_options_read(struct load_options *options, int argc, char **argv)
{
	int err = 0;

	*options = (struct load_options){.rate = 200, .seconds = 10, .requests = 1000000000, .connections = 8};
	if (getrandom(&options->seed, sizeof options->seed, GRND_NONBLOCK) < 0)
		options->seed = 0; /* as good as any: the summary names it */
	load_target_read("127.0.0.1:8080", &options->target);
	for (int option; err == 0 && (option = getopt_long(argc, argv, "", long_options, NULL)) != -1;)
		err = read_option(options, option);
	if (err == 0 && optind < argc)
		err = refuse("argument", argv[optind], "none is expected");
	return err;
}
