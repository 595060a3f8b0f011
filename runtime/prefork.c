/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prefork.c - the ways to be a master, with workers, without, and with a server that has its own: checks what
 * the caller asks for and fills in the defaults.
 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "child.h"
#include "log.h"
#include "master.h"
#include "supervisor.h"

#define NAME_BYTES_MAX 100
#define GRACE_SECONDS 10.0
#define RESTART_DELAY_SECONDS_MAX 30.0
#define SECONDS_MAX 86400.0
#define REQUESTS_MAX 1000000000000000ull

static bool is_name(const char *name)
{
	static const char alphabet[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
	size_t count = strlen(name);

	return count > 0 && count <= NAME_BYTES_MAX && strspn(name, alphabet) == count;
}

static int check_seconds(const char *what, double seconds)
{
	if (seconds >= 0 && seconds <= SECONDS_MAX) /* false for NaN */
		return 0;
	return muster__refuse(EX_USAGE, "%s %g: must be from 0 to %g seconds", what, seconds, SECONDS_MAX);
}

static int check_requests(const char *what, unsigned long long n)
{
	return n <= REQUESTS_MAX ? 0 : muster__refuse(EX_USAGE, "%s %llu: must be at most %llu", what, n, REQUESTS_MAX);
}

static int check_listen(const char *const *listen)
{
	size_t count = 0;

	while (listen && listen[count])
		count++;
	if (count <= MUSTER__LISTENERS_MAX)
		return 0;
	return muster__refuse(EX_USAGE, "%zu listen addresses: at most %d", count, MUSTER__LISTENERS_MAX);
}

static int check_name(const char *name)
{
	if (is_name(name))
		return 0;
	return muster__refuse(EX_USAGE, "name \"%s\": must be 1 to %d of the characters A-Z a-z 0-9 _ . -", name,
	                      NAME_BYTES_MAX);
}

static int check_hook(const char *what, const char *path)
{
	if (path == NULL || access(path, X_OK) == 0)
		return 0;
	return muster__refuse(EX_USAGE, "%s %s: %s; give the path of an executable file", what, path, strerror(errno));
}

static int check_log_format(const char *format)
{
	if (format == NULL || strcmp(format, "text") == 0 || strcmp(format, "json") == 0)
		return 0;
	return muster__refuse(EX_USAGE, "log_format %s: must be text or json", format);
}

static int check_life(const struct muster_prefork_opts *opts)
{
	int status = check_seconds("grace_seconds", opts->grace_seconds);

	if (status == 0)
		status = check_seconds("drain_seconds", opts->drain_seconds);
	if (status == 0)
		status = check_seconds("pss_seconds", opts->pss_seconds);
	if (status == 0)
		status = check_log_format(opts->log_format);
	return status == 0 ? check_listen(opts->listen) : status;
}

static int check_budget(const struct muster_prefork_opts *opts)
{
	if (opts->restart_budget > MUSTER__RESTART_BUDGET_MAX)
		return muster__refuse(EX_USAGE, "restart_budget %u: must be at most %d", opts->restart_budget,
		                      MUSTER__RESTART_BUDGET_MAX);
	return check_seconds("restart_budget_seconds", opts->restart_budget_seconds);
}

static int check_workers(const struct muster_prefork_opts *opts)
{
	if (opts->workers < 1 || opts->workers > MUSTER_WORKERS_MAX)
		return muster__refuse(EX_USAGE, "%u workers: must be from 1 to %d", opts->workers, MUSTER_WORKERS_MAX);
	if ((opts->worker == NULL) == (opts->argv == NULL || opts->argv[0] == NULL))
		return muster__refuse(EX_USAGE, "either a worker function or a command must be given");
	int status = check_life(opts);
	if (status == 0)
		status = check_seconds("restart_delay_seconds_max", opts->restart_delay_seconds_max);
	if (status == 0)
		status = check_seconds("lifetime_seconds_max", opts->lifetime_seconds_max);
	if (status == 0)
		status = check_seconds("heartbeat_seconds_max", opts->heartbeat_seconds_max);
	if (status == 0)
		status = check_budget(opts);
	if (status == 0)
		status = check_requests("requests_max", opts->requests_max);
	if (status == 0)
		status = check_requests("requests_jitter", opts->requests_jitter);
	if (status == 0)
		status = check_hook("on_before_worker_start", opts->on_before_worker_start);
	if (status == 0)
		status = check_hook("on_worker_start", opts->on_worker_start);
	return status == 0 ? check_hook("on_worker_exit", opts->on_worker_exit) : status;
}

static struct muster_prefork_opts complete(const struct muster_prefork_opts *given)
{
	struct muster_prefork_opts opts = *given;

	opts.name = opts.name ? opts.name : "muster";
	opts.metrics = opts.metrics ? opts.metrics : MUSTER_METRICS_DEFAULT;
	opts.grace_seconds = opts.grace_seconds != 0 ? opts.grace_seconds : GRACE_SECONDS;
	opts.restart_delay_seconds_max =
		opts.restart_delay_seconds_max != 0 ? opts.restart_delay_seconds_max : RESTART_DELAY_SECONDS_MAX;
	return opts;
}

int muster_prefork(const struct muster_prefork_opts *given)
{
	struct muster_prefork_opts opts = complete(given);
	int status = check_name(opts.name);

	if (status == 0)
		status = check_workers(&opts);
	return status == 0 ? muster__master_run(&opts, NULL) : status;
}

int muster__serve(const struct muster_prefork_opts *given)
{
	struct muster_prefork_opts opts = complete(given);
	int status = check_name(opts.name);

	opts.workers = 0;
	opts.listen = NULL;
	return status == 0 ? muster__master_run(&opts, NULL) : status;
}

int muster__run_server(const struct muster_prefork_opts *given, const struct muster__server_opts *server)
{
	struct muster_prefork_opts opts = complete(given);
	int status = check_name(opts.name);

	if (status == 0)
		status = check_life(&opts);
	return status == 0 ? muster__master_run(&opts, server) : status;
}
