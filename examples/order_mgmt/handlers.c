/* SPDX-License-Identifier: Apache-2.0 */
/*
 * handlers.c - routes, credentials, and the one call that has something to wait for.
 *
 *   /complex is an order: a database call, then a call to the audit service. Both are played: the query
 *   says how long each takes and whether it fails. A failed step answers 500 at once.
 *   What the client chooses freely never becomes a label: an unknown method or path counts as "other".
 */
#include "handlers.h"

#include <string.h>

#include "query.h"

struct endpoint {
	const char *path;
	double (*run)(struct call *call, const char *query, size_t count);
	const char *body;
};

static const char *const known_methods[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};

static double answer(struct call *call, unsigned status, const char *body, const char *fields)
{
	call->answer = (struct http_answer){status, body, fields};
	metrics_request_end(call->request, call->method, call->path, status, call->request_timer);
	return CALL_ANSWERED;
}

/* ---- endpoints ---------------------------------------------------------------------------- */

static double audit_end(struct call *call)
{
	unsigned status = call->is_srv_error ? 500 : 200;

	metrics_audit(status, call->step_timer);
	return answer(call, status, call->is_srv_error ? "the audit service failed\n" : "order accepted\n", "");
}

static double database_end(struct call *call)
{
	/* 40001: serialization failure; 00000: successful completion (ISO 9075). */
	metrics_database(call->is_db_error ? "40001" : "00000", call->is_db_error ? 500 : 200, call->step_timer);
	if (call->is_db_error)
		return answer(call, 500, "the database failed\n", "");
	call->step_timer = muster_timer_start();
	call->resume = audit_end;
	return call->srv_sleep;
}

static double run_complex(struct call *call, const char *query, size_t count)
{
	const struct query_param params[] = {
		{"is_srv_error", .flag = &call->is_srv_error},
		{"is_db_error", .flag = &call->is_db_error},
		{"db_sleep", .seconds = &call->db_sleep},
		{"srv_sleep", .seconds = &call->srv_sleep},
	};
	if (!query_read(query, count, params, sizeof params / sizeof params[0], CALL_SLEEP_SECONDS_MAX))
		return answer(call, 400, "is_srv_error, is_db_error: true or false; db_sleep, srv_sleep: 0 to 10 seconds\n",
		              "");
	call->step_timer = muster_timer_start();
	call->resume = database_end;
	return call->db_sleep;
}

static double run_text(struct call *call, const char *query, size_t count)
{
	(void)query;
	(void)count;
	return answer(call, 200, call->endpoint->body, "");
}

static const struct endpoint endpoints[] = {
	{"/hello", run_text, "hello\n"},
	{"/world", run_text, "world\n"},
	{"/complex", run_complex, NULL},
};

/* ---- from request to endpoint ------------------------------------------------------------- */

static const char *method_label(const struct http_request *request)
{
	const char *method = http_method_str((enum http_method)request->parser.method);

	/* A refused request may have ended before its method did. */
	for (size_t i = 0; request->target.count && i < sizeof known_methods / sizeof known_methods[0]; i++)
		if (strcmp(method, known_methods[i]) == 0)
			return known_methods[i];
	return "other";
}

static const struct endpoint *endpoint_find(const char *path, size_t count)
{
	for (size_t i = 0; i < sizeof endpoints / sizeof endpoints[0]; i++)
		if (strlen(endpoints[i].path) == count && memcmp(path, endpoints[i].path, count) == 0)
			return &endpoints[i];
	return NULL;
}

/* No credentials are fine, the service is open; given ones have to be good. */
static double authenticate(struct call *call, const struct http_request *request)
{
	if (request->authorization_count == 0)
		return 0;
	enum auth auth = AUTH_MALFORMED;
	if (request->authorization_count == 1 && request->authorization.whole)
		auth = auth_check(request->authorization.bytes, request->authorization.count);
	if (auth == AUTH_GOOD)
		return 0;
	if (auth == AUTH_WRONG) {
		metrics_auth_wrong_creds();
		return answer(call, 401, "wrong user or password\n", "WWW-Authenticate: Basic realm=\"order_mgmt\"\r\n");
	}
	metrics_auth_error();
	return answer(call, 400, "the Authorization field is not Basic credentials\n", "");
}

static double refuse(struct call *call, unsigned status)
{
	return answer(call, status, "the request cannot be served\n", "");
}

static double dispatch(struct call *call, const struct http_request *request, const char *query, size_t count)
{
	if (request->state == HTTP_REFUSED)
		return refuse(call, request->refusal);
	double wait = authenticate(call, request);
	if (wait == CALL_ANSWERED)
		return wait;
	if (!call->endpoint)
		return answer(call, 404, "no such path; there are /hello, /world, /complex\n", "");
	if (strcmp(call->method, "GET") != 0 && !call->head_only)
		return answer(call, 405, "only GET and HEAD\n", "Allow: GET, HEAD\r\n");
	return call->endpoint->run(call, query, count);
}

double call_begin(struct call *call, const struct http_request *request)
{
	const char *target = request->target.bytes;
	const char *mark = memchr(target, '?', request->target.count);
	size_t path_count = mark ? (size_t)(mark - target) : request->target.count;

	memset(call, 0, sizeof *call);
	call->request_timer = muster_timer_start();
	call->request = metrics_request_begin();
	call->endpoint = endpoint_find(target, path_count);
	call->method = method_label(request);
	call->path = call->endpoint ? call->endpoint->path : "other";
	call->head_only = strcmp(call->method, "HEAD") == 0;
	size_t query_count = mark ? request->target.count - path_count - 1 : 0;
	double wait = dispatch(call, request, mark ? mark + 1 : "", query_count);
	return wait == 0 ? call_resume(call) : wait;
}

double call_resume(struct call *call)
{
	double wait;

	do
		wait = call->resume(call);
	while (wait == 0);
	return wait;
}
