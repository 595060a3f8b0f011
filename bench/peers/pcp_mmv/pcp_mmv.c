/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pcp_mmv.c - the update cases of ../README.md with PCP's memory-mapped values, which are for one thread only.
 *
 * It has no histogram and writes no page: what is compared is read back from the mapped file. A series is an
 * instance named by both label values. PCP_TMP_DIR is the directory the driver gives.
 */
#include <sys/stat.h>
#include <unistd.h>

/* In this order: the second needs the first. */
#include <pcp/pmapi.h>

#include <pcp/mmv_stats.h>

#include "bench/peers/common/peer.h"

#define INDOM 1

static void *map;
static pmAtomValue *inc_value;
static char names[PEER_SERIES][48];

static void inc(uint64_t n)
{
	for (uint64_t i = 0; i < n; i++)
		mmv_inc(map, inc_value);
}

static void lookup(uint64_t n)
{
	for (uint64_t i = 0; i < n; i++)
		mmv_inc(map, mmv_lookup_value_desc(map, "requests", names[peer_order[i % PEER_ORDER]]));
}

static void page(FILE *out)
{
	(void)fprintf(out, "bench_inc_total %lu\n", (unsigned long)inc_value->ull);
	for (uint32_t s = 0; s < PEER_SERIES; s++)
		(void)fprintf(out, "bench_requests_total{path=\"%s\",method=\"%s\"} %lu\n", peer_paths[s / 4],
		              peer_methods[s % 4], (unsigned long)mmv_lookup_value_desc(map, "requests", names[s])->ull);
}

static mmv_registry_t *describe(void)
{
	static const pmUnits count = MMV_UNITS(0, 0, 1, 0, 0, PM_COUNT_ONE);
	mmv_registry_t *registry = mmv_stats_registry("muster_bench", 1, MMV_FLAG_PROCESS);

	(void)mmv_stats_add_indom(registry, INDOM, "requests", "Requests by path and method.");
	for (int s = 0; s < PEER_SERIES; s++) {
		(void)snprintf(names[s], sizeof names[s], "%s %s", peer_paths[s / 4], peer_methods[s % 4]);
		(void)mmv_stats_add_instance(registry, INDOM, s, names[s]);
	}
	(void)mmv_stats_add_metric(registry, "inc", 1, MMV_TYPE_U64, MMV_SEM_COUNTER, count, 0, "Benchmark.", "Benchmark.");
	(void)mmv_stats_add_metric(registry, "requests", 2, MMV_TYPE_U64, MMV_SEM_COUNTER, count, INDOM, "Benchmark.",
	                           "Benchmark.");
	return registry;
}

int main(void)
{
	static const struct peer_case cases[] = {{"inc", inc}, {"lookup", lookup}};
	char dir[400];

	peer_agree();
	(void)snprintf(dir, sizeof dir, "%s/mmv", pmGetConfig("PCP_TMP_DIR"));
	(void)mkdir(dir, 0700);
	map = mmv_stats_start(describe());
	if (map == NULL) {
		(void)fprintf(stderr, "mmv_stats_start: no file in %s\n", dir);
		return 1;
	}
	inc_value = mmv_lookup_value_desc(map, "inc", "");
	return peer_serve(cases, sizeof cases / sizeof *cases, page);
}
