/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load_tally.c - counts and quantiles in constant memory.
 *
 *   Latencies fall into slots of 32 per power of two, so a quantile is at most 1/32 too high.
 */
#include "load_tally.h"

#include <inttypes.h>

#define SLOTS_LOG2 5
#define SLOTS_PER_POWER (1u << SLOTS_LOG2)

_Static_assert((64 - SLOTS_LOG2 + 1) * SLOTS_PER_POWER <= LOAD_LATENCY_SLOTS, "every latency has a slot");

/* Below 2 * 32 a slot is its latency; above it keeps the six upper bits. */
static unsigned slot_of(uint64_t latency_ns)
{
	unsigned shift = 0;

	while (latency_ns >> shift >= 2 * SLOTS_PER_POWER)
		shift++;
	return shift * SLOTS_PER_POWER + (unsigned)(latency_ns >> shift);
}

/* The first latency beyond the slot, in ms. */
static double slot_end_ms(unsigned slot)
{
	unsigned shift = slot < SLOTS_PER_POWER ? 0 : slot / SLOTS_PER_POWER - 1;
	uint64_t upper = slot - shift * SLOTS_PER_POWER + 1;

	return (double)upper * (double)(UINT64_C(1) << shift) / 1e6;
}

void load_tally_answer(struct load_tally *tally, unsigned status, uint64_t latency_ns)
{
	tally->answered[status <= LOAD_STATUS_MAX ? status : 0]++;
	tally->latency_slots[slot_of(latency_ns)]++;
}

static uint64_t answered_sum(const struct load_tally *tally)
{
	uint64_t sum = 0;

	for (unsigned status = 0; status <= LOAD_STATUS_MAX; status++)
		sum += tally->answered[status];
	return sum;
}

/* The latency that `percent` of the answers did not exceed; 0 without answers. */
static double quantile_ms(const struct load_tally *tally, unsigned percent)
{
	uint64_t rank = (answered_sum(tally) * percent + 99) / 100, seen = 0;

	for (unsigned slot = 0; rank && slot < LOAD_LATENCY_SLOTS; slot++)
		if ((seen += tally->latency_slots[slot]) >= rank)
			return slot_end_ms(slot);
	return 0;
}

static void print_statuses(const struct load_tally *tally, FILE *out)
{
	const char *separator = "";

	fputs("\"status\":{", out);
	for (unsigned status = 0; status <= LOAD_STATUS_MAX; status++) {
		if (!tally->answered[status])
			continue;
		fprintf(out, "%s\"%u\":%" PRIu64, separator, status, tally->answered[status]);
		separator = ",";
	}
	fputs("}", out);
}

void load_tally_print(const struct load_tally *tally, uint64_t seed, FILE *out)
{
	fprintf(out, "{\"sent\":%" PRIu64 ",\"answered\":%" PRIu64 ",", tally->sent, answered_sum(tally));
	print_statuses(tally, out);
	fprintf(out, ",\"broken\":%" PRIu64 ",\"refused\":%" PRIu64 ",\"connects\":%" PRIu64, tally->broken, tally->refused,
	        tally->connects);
	fprintf(out, ",\"seconds\":%.3f,\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"seed\":%" PRIu64 "}\n", tally->seconds,
	        quantile_ms(tally, 50), quantile_ms(tally, 99), seed);
}
