/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slab_cases.h - hostile slabs with the reasons they are refused for.
 */
#ifndef TESTS_SLAB_CASES_H
#define TESTS_SLAB_CASES_H

#include "packed.h"

#define SLAB_CASE_GOOD (-1)

struct forge;

struct slab_case {
	const char *name;
	void (*change)(struct forge *f);   /* what is done to an honest slab */
	int reason;                        /* enum muster_quarantine; SLAB_CASE_GOOD: none */
	uint64_t bytes;                    /* of the file, at least */
	bool seal;                         /* with a checksum that is right */
	const struct packed_event *events; /* while it is followed */
	size_t event_count;
};

extern const struct slab_case slab_cases[], odd_cases[], native_cases[], exemplar_cases[], ledger_cases[];
extern const size_t slab_cases_count, odd_cases_count, native_cases_count, exemplar_cases_count, ledger_cases_count;

#endif
