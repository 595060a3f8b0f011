/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main.c - order_mgmt, the demo: reads the options and becomes the master of its workers.
 *
 *   muster_prefork() does the rest: it binds the addresses, forks the workers, which run server_run(),
 *   restarts those that die and serves the merged metrics of all of them, dead ones included.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "server.h"

#define LISTENERS_MAX 8

struct options {
	struct muster_prefork_opts prefork;
	const char *listen[LISTENERS_MAX + 1];
	size_t listen_count;
	enum loop_kind loop;
};

static const char usage[] = "order_mgmt [OPTION]...  an order-management service that shows its metrics\n"
							"  --listen ADDR    HOST:PORT, or unix:PATH; up to 8 times (127.0.0.1:8080)\n"
							"  --metrics ADDR   where Prometheus scrapes, or none (" MUSTER_METRICS_DEFAULT ")\n"
							"  --region DIR     shared directory of the workers (/dev/shm/muster-UID-order_mgmt)\n"
							"  --workers N      processes (4)\n"
							"  --loop KIND      auto, uring or epoll (epoll)\n"
							"  --help           this text\n";

static const struct option long_options[] = {
	{"listen", required_argument, NULL, 'l'},
	{"metrics", required_argument, NULL, 'm'},
	{"region", required_argument, NULL, 'r'},
	{"workers", required_argument, NULL, 'w'},
	{"loop", required_argument, NULL, 'o'},
	{"help", no_argument, NULL, 'h'},
	{0},
};

static int refuse_option(const char *option, const char *value, const char *limit)
{
	fprintf(stderr, "order_mgmt: %s %s: %s\n", option, value, limit);
	return EX_USAGE;
}

static int read_workers(struct options *options, const char *value)
{
	char *end;
	unsigned long count = strtoul(value, &end, 10);

	if (*value < '0' || *value > '9' || *end || count < 1 || count > MUSTER_WORKERS_MAX)
		return refuse_option("--workers", value, "must be a number from 1 to 1024");
	options->prefork.workers = (unsigned)count;
	return 0;
}

static int read_loop(struct options *options, const char *value)
{
	if (loop_kind_read(value, &options->loop))
		return 0;
	return refuse_option("--loop", value, "must be auto, uring or epoll");
}

static int read_listen(struct options *options, const char *value)
{
	if (options->listen_count == LISTENERS_MAX)
		return refuse_option("--listen", value, "at most 8 addresses");
	options->listen[options->listen_count++] = value;
	return 0;
}

static int read_option(struct options *options, int option)
{
	switch (option) {
	case 'l':
		return read_listen(options, optarg);
	case 'm':
		options->prefork.metrics = optarg;
		return 0;
	case 'r':
		options->prefork.region = optarg;
		return 0;
	case 'w':
		return read_workers(options, optarg);
	case 'o':
		return read_loop(options, optarg);
	case 'h':
		fputs(usage, stdout);
		exit(0);
	default:
		fputs("order_mgmt: see --help\n", stderr); /* getopt has named the option */
		return EX_USAGE;
	}
}

static int read_options(struct options *options, int argc, char **argv)
{
	int err = 0;

	for (int option; err == 0 && (option = getopt_long(argc, argv, "", long_options, NULL)) != -1;)
		err = read_option(options, option);
	if (err == 0 && optind < argc)
		err = refuse_option("argument", argv[optind], "none is expected");
	if (options->listen_count == 0)
		options->listen[options->listen_count++] = "127.0.0.1:8080";
	return err;
}

/* Better one message now than workers that die in a loop. */
static int check_loop(enum loop_kind kind)
{
	struct loop *loop;
	int refusal, err = loop_create(kind, &loop, &refusal);

	if (err < 0) {
		fprintf(stderr, "order_mgmt: --loop %s: %s; try --loop auto\n", loop_kind_names[kind], strerror(-err));
		return EX_UNAVAILABLE;
	}
	loop_destroy(&loop);
	return 0;
}

static int run_worker(const struct muster_worker *worker, void *ctx)
{
	const struct options *options = ctx;

	return server_run(worker, options->loop);
}

int main(int argc, char **argv)
{
	struct options options = {
		.prefork = {.name = "order_mgmt", .workers = 4, .worker = run_worker, .grace_seconds = SERVER_GRACE_SECONDS},
		.loop = LOOP_EPOLL,
	};
	int err = read_options(&options, argc, argv);

	if (err == 0)
		err = check_loop(options.loop);
	if (err != 0)
		return err;
	options.prefork.listen = options.listen;
	options.prefork.ctx = &options;
	return muster_prefork(&options.prefork);
}
