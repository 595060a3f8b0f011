// SPDX-License-Identifier: Apache-2.0
/*
 * prometheus_cpp.cc - the cases of ../README.md with prometheus-cpp.
 */
#include <string>

#include <prometheus/counter.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include "bench/peers/common/peer.h"

static prometheus::Registry registry;
static prometheus::Family<prometheus::Counter> *requests;
static prometheus::Counter *inc_counter;
static prometheus::Histogram *histogram;
static std::string paths[PEER_SERIES / 4], methods[4];

static prometheus::Family<prometheus::Counter> &counters(const char *name)
{
	return prometheus::BuildCounter().Name(name).Help("Benchmark.").Register(registry);
}

static void inc(uint64_t n)
{
	for (uint64_t i = 0; i < n; i++)
		inc_counter->Increment();
}

static void observe(uint64_t n)
{
	for (uint64_t i = 0; i < n; i++)
		histogram->Observe(peer_values[i % PEER_VALUES]);
}

static void lookup(uint64_t n)
{
	for (uint64_t i = 0; i < n; i++) {
		uint32_t s = peer_order[i % PEER_ORDER];
		requests->Add({{"path", paths[s / 4]}, {"method", methods[s % 4]}}).Increment();
	}
}

static std::string text()
{
	return prometheus::TextSerializer().Serialize(registry.Collect());
}

static void scrape(uint64_t n)
{
	for (uint64_t i = 0; i < n; i++)
		(void)text();
}

static void page(FILE *out)
{
	std::string bytes = text();

	(void)fwrite(bytes.data(), 1, bytes.size(), out);
}

static void update_setup()
{
	inc_counter = &counters("bench_inc_total").Add({});
	histogram = &prometheus::BuildHistogram()
	                 .Name("bench_observe_seconds")
	                 .Help("Benchmark.")
	                 .Register(registry)
	                 .Add({}, prometheus::Histogram::BucketBoundaries(peer_bounds, peer_bounds + PEER_BOUNDS));
	for (int i = 0; i < PEER_SERIES / 4; i++)
		paths[i] = peer_paths[i];
	for (int i = 0; i < 4; i++)
		methods[i] = peer_methods[i];
	for (int s = 0; s < PEER_SERIES; s++)
		requests->Add({{"path", paths[s / 4]}, {"method", methods[s % 4]}});
}

int main(int argc, char **argv)
{
	static const struct peer_case cases[] = {
		{"inc", inc}, {"observe", observe}, {"lookup", lookup}, {"scrape", scrape}};
	int count = argc > 2 ? atoi(argv[2]) : 0;

	peer_agree();
	requests = &counters("bench_requests_total");
	if (argc > 1 && strcmp(argv[1], "update") == 0)
		update_setup();
	for (int i = 0; i < count; i++)
		requests->Add({{"path", "/api/v1/resource/" + std::to_string(i)}, {"method", i & 1 ? "GET" : "POST"}})
			.Increment(static_cast<double>(i) * PEER_STEP);
	return peer_serve(cases, sizeof cases / sizeof *cases, page);
}
