/* SPDX-License-Identifier: Apache-2.0 */
/*
 * muster_requests.c - an extension of Python that records requests with libmuster, for workers of gunicorn, uWSGI, ...
 *
 *     import muster_requests
 *     muster_requests.record(200, 0.012)
 *
 * Also with --preload: what the first process declares is valid in the workers it forks, and each has a slab of its own.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdio.h>

#include <muster/muster.h>

static struct muster_family *requests, *durations;
static muster_histogram duration;

/* record(status, seconds): count a request. The lookup of a known status takes no lock and no memory. */
static PyObject *record(PyObject *self, PyObject *args)
{
	char status[12];
	double seconds;
	int code;

	(void)self;
	if (!PyArg_ParseTuple(args, "id:record", &code, &seconds))
		return NULL;
	(void)snprintf(status, sizeof status, "%d", code);
	muster_counter_inc(muster_counter_with(requests, status));
	muster_histogram_observe(duration, seconds);
	Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
	{"record", record, METH_VARARGS, "record(status, seconds): count a request."},
	{NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
	.m_base = PyModuleDef_HEAD_INIT,
	.m_name = "muster_requests",
	.m_doc = "Requests, recorded in this process's slab.",
	.m_size = -1,
	.m_methods = methods,
};

static const char *const labels[] = {"status", NULL};
static const double bounds[] = {0.001, 0.01, 0.1, 1, 10};
static const struct muster_opts requests_opts = {
	.name = "wsgi_requests_total", .help = "Requests by status.", .labels = labels};
static const struct muster_opts durations_opts = {
	.name = "wsgi_request_seconds",
	.help = "How long requests took.",
	.unit = "seconds",
	.bounds = bounds,
	.bounds_count = sizeof bounds / sizeof *bounds,
};

PyMODINIT_FUNC PyInit_muster_requests(void)
{
	if (muster_declare(MUSTER_COUNTER, &requests_opts, &requests) != 0 ||
	    muster_declare(MUSTER_HISTOGRAM, &durations_opts, &durations) != 0) {
		PyErr_SetString(PyExc_ImportError, muster_error_message());
		return NULL;
	}
	duration = muster_histogram_with(durations);
	return PyModule_Create(&module);
}
