/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ngx_http_muster_module.c - nginx counts its answers by status and the time they took, in each worker's slab.
 *
 *     load_module .../ngx_http_muster_module.so;
 *     http { muster on; }        also in a server or a location
 *
 * The master loads the module, and libmuster with it, before it forks: so the region's name is known when the workers
 * have cleared their environment. Each worker attaches after it has given up its rights (init_process). A request is
 * recorded in the log phase, which nginx runs once for each, also for those that were broken off.
 */
#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include <muster/muster.h>

#define STATUS_MIN 100
#define STATUS_MAX 599

typedef struct {
	ngx_flag_t on;
} location_conf;

extern ngx_module_t ngx_http_muster_module;

static struct muster_family *requests, *durations;
static muster_counter by_status[STATUS_MAX - STATUS_MIN + 1]; /* 0: not seen yet */
static muster_histogram duration;

/* ---- a worker ----------------------------------------------------------------------------- */

static const char *const labels[] = {"status", NULL};
static const double bounds[] = {0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10};
static const struct muster_opts requests_opts = {
	.name = "nginx_http_answers_total", .help = "Requests by the status of their answer.", .labels = labels};
static const struct muster_opts durations_opts = {
	.name = "nginx_http_answer_seconds",
	.help = "From the first byte of a request to the end of its answer.",
	.unit = "seconds",
	.bounds = bounds,
	.bounds_count = sizeof bounds / sizeof *bounds,
};

static ngx_int_t worker_starts(ngx_cycle_t *cycle)
{
	if (muster_attach() != 0)
		ngx_log_error(NGX_LOG_WARN, cycle->log, 0, "muster: %s", muster_error_message());
	if (muster_declare(MUSTER_COUNTER, &requests_opts, &requests) != 0 ||
	    muster_declare(MUSTER_HISTOGRAM, &durations_opts, &durations) != 0)
		ngx_log_error(NGX_LOG_ERR, cycle->log, 0, "muster: %s", muster_error_message());
	duration = muster_histogram_with(durations);
	return NGX_OK; /* without metrics, nginx serves on */
}

static muster_counter counter_of(ngx_uint_t status)
{
	char text[12];

	if (status < STATUS_MIN || status > STATUS_MAX)
		return muster_counter_with(requests, "other");
	muster_counter *counter = &by_status[status - STATUS_MIN];
	if (counter->word == 0) {
		*ngx_sprintf((u_char *)text, "%ui", status) = '\0';
		*counter = muster_counter_with(requests, text);
	}
	return *counter;
}

static ngx_int_t record(ngx_http_request_t *r)
{
	const location_conf *conf = ngx_http_get_module_loc_conf(r, ngx_http_muster_module);
	const ngx_time_t *now = ngx_timeofday();

	if (!conf->on)
		return NGX_OK;
	muster_counter_inc(counter_of(r->err_status ? r->err_status : r->headers_out.status));
	double seconds = (double)(now->sec - r->start_sec) + ((double)now->msec - (double)r->start_msec) / 1000;
	muster_histogram_observe(duration, seconds > 0 ? seconds : 0); /* the clock may have been set back */
	return NGX_OK;
}

/* ---- configuration ------------------------------------------------------------------------ */

static ngx_int_t configured(ngx_conf_t *cf)
{
	ngx_http_core_main_conf_t *core = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
	ngx_http_handler_pt *handler = ngx_array_push(&core->phases[NGX_HTTP_LOG_PHASE].handlers);

	if (handler == NULL)
		return NGX_ERROR;
	*handler = record;
	return NGX_OK;
}

static void *location_create(ngx_conf_t *cf)
{
	location_conf *conf = ngx_pcalloc(cf->pool, sizeof *conf);

	if (conf)
		conf->on = NGX_CONF_UNSET;
	return conf;
}

static char *location_merge(ngx_conf_t *cf, void *parent, void *child)
{
	const location_conf *outer = parent;
	location_conf *conf = child;

	(void)cf;
	ngx_conf_merge_value(conf->on, outer->on, 0);
	return NGX_CONF_OK;
}

static ngx_command_t commands[] = {
	{ngx_string("muster"), NGX_HTTP_MAIN_CONF | NGX_HTTP_SRV_CONF | NGX_HTTP_LOC_CONF | NGX_CONF_FLAG,
     ngx_conf_set_flag_slot, NGX_HTTP_LOC_CONF_OFFSET, offsetof(location_conf, on), NULL},
	ngx_null_command,
};

static ngx_http_module_t http_module = {
	.postconfiguration = configured,
	.create_loc_conf = location_create,
	.merge_loc_conf = location_merge,
};

ngx_module_t ngx_http_muster_module = {
	NGX_MODULE_V1, .ctx = &http_module, .commands = commands, .type = NGX_HTTP_MODULE, .init_process = worker_starts,
};
