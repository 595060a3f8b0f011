/* SPDX-License-Identifier: Apache-2.0 */
/*
 * static.h - metrics beside the code that records them: declared at file scope, before main() runs.
 *
 *     MUSTER_STATIC_COUNTER(answered, "app_requests_total", "Requests answered.");
 *     ...
 *     muster_counter_inc(answered);
 *
 * Each macro defines a static handle, or family, and a constructor that declares it, as muster_declare() does; what is
 * refused there records into scratch memory and is counted in muster_dropped_families_total. The process attaches to its
 * region when it is loaded. Source: Prometheus "Writing client libraries", file-static metrics.
 */
#ifndef MUSTER_STATIC_H
#define MUSTER_STATIC_H

#include <muster/muster.h>

/* A family with label names, NULL-terminated; what needs more options is declared in code.
 * MUSTER_STATIC_FAMILY(by_code, MUSTER_COUNTER, "app_answers_total", "Answers by code.", labels); */
#define MUSTER_STATIC_FAMILY(variable, type, name, help, labels)                                                       \
	MUSTER__STATIC_FAMILY(variable, type, name, help, labels, (enum muster_mode)0)
#define MUSTER_STATIC_GAUGE_FAMILY(variable, name, help, labels, mode)                                                 \
	MUSTER__STATIC_FAMILY(variable, MUSTER_GAUGE, name, help, labels, mode)

#define MUSTER__STATIC_FAMILY(variable, type, name_, help_, labels_, mode_)                                            \
	static struct muster_family *variable;                                                                             \
	static __attribute__((constructor(102))) void variable##_declare(void)                                             \
	{                                                                                                                  \
		struct muster_opts opts;                                                                                       \
		memset(&opts, 0, sizeof opts);                                                                                 \
		opts.name = name_;                                                                                             \
		opts.help = help_;                                                                                             \
		opts.labels = labels_;                                                                                         \
		opts.mode = mode_;                                                                                             \
		(void)muster_declare(type, &opts, &variable);                                                                  \
	}                                                                                                                  \
	static_assert(sizeof variable > 0, "ends in a semicolon")

/* The one series of a family without labels. */
#define MUSTER_STATIC_COUNTER(variable, name, help)                                                                    \
	MUSTER__STATIC(counter, MUSTER_COUNTER, variable, name, help, (enum muster_mode)0)
#define MUSTER_STATIC_REAL_COUNTER(variable, name, help)                                                               \
	MUSTER__STATIC(real_counter, MUSTER_REAL_COUNTER, variable, name, help, (enum muster_mode)0)
#define MUSTER_STATIC_GAUGE(variable, name, help, mode) MUSTER__STATIC(gauge, MUSTER_GAUGE, variable, name, help, mode)
#define MUSTER_STATIC_IN_FLIGHT(variable, name, help)                                                                  \
	MUSTER__STATIC(in_flight, MUSTER_IN_FLIGHT, variable, name, help, (enum muster_mode)0)
#define MUSTER_STATIC_HISTOGRAM(variable, name, help) /* with muster_bounds_default */                                 \
	MUSTER__STATIC(histogram, MUSTER_HISTOGRAM, variable, name, help, (enum muster_mode)0)
#define MUSTER_STATIC_SUMMARY(variable, name, help)                                                                    \
	MUSTER__STATIC(summary, MUSTER_SUMMARY, variable, name, help, (enum muster_mode)0)
#define MUSTER_STATIC_NATIVE_HISTOGRAM(variable, name, help)                                                           \
	MUSTER__STATIC(native_histogram, MUSTER_NATIVE_HISTOGRAM, variable, name, help, (enum muster_mode)0)

#define MUSTER__STATIC(kind, type, variable, name, help, mode)                                                         \
	MUSTER__STATIC_FAMILY(variable##_family, type, name, help, NULL, mode);                                            \
	static muster_##kind variable;                                                                                     \
	static __attribute__((constructor)) void variable##_find(void)                                                     \
	{                                                                                                                  \
		variable = muster_##kind##_get(variable##_family, NULL, 0);                                                    \
	}                                                                                                                  \
	static_assert(sizeof variable > 0, "ends in a semicolon")

#ifndef __cplusplus
#include <assert.h> /* static_assert of C11 */
#endif

#endif
