/* SPDX-License-Identifier: Apache-2.0 */
/* load_mix.c - mostly good calls, and of each way to fail a few, so that every metric of the demo moves. */
#include "load_mix.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>

#define SLEEP_MS_MAX 20

static const struct kind {
	unsigned weight; /* of 100 */
	bool sleeps;     /* the target takes waits in ms, at most two */
	const char *target, *fields;
} kinds[] = {
	{30, false, "/hello", ""},
	{25, false, "/world", ""},
	{30, true, "/complex?db_sleep=0.%03u&srv_sleep=0.%03u", ""},
	{4, true, "/complex?is_db_error=true&db_sleep=0.%03u", ""},
	{4, true, "/complex?is_srv_error=true&db_sleep=0.%03u&srv_sleep=0.%03u", ""},
	{2, false, "/complex?is_db_error=maybe", ""},
	{2, false, "/hello", "Authorization: Basic ZGVtbzp3cm9uZw==\r\n"}, /* demo:wrong */
	{1, false, "/hello", "Authorization: Basic ?\r\n"},
	{2, false, "/nowhere", ""},
};

/* splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014). */
static uint64_t random_next(struct load_mix *mix)
{
	uint64_t z = mix->state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static const struct kind *kind_pick(struct load_mix *mix)
{
	unsigned left = (unsigned)(random_next(mix) % 100);
	const struct kind *kind = kinds;

	for (; left >= kind->weight; kind++)
		left -= kind->weight;
	return kind;
}

static unsigned sleep_ms(struct load_mix *mix)
{
	return (unsigned)(random_next(mix) % (SLEEP_MS_MAX + 1));
}

static void target_write(struct load_mix *mix, const struct kind *kind, char *out, size_t room)
{
	unsigned db_ms = kind->sleeps ? sleep_ms(mix) : 0, srv_ms = kind->sleeps ? sleep_ms(mix) : 0;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral" /* from the table above; unused arguments are no harm */
	snprintf(out, room, kind->target, db_ms, srv_ms);
#pragma GCC diagnostic pop
}

size_t load_mix_next(struct load_mix *mix, char *out)
{
	const struct kind *kind = kind_pick(mix);
	char target[128];

	target_write(mix, kind, target, sizeof target);
	int count =
		snprintf(out, LOAD_REQUEST_BYTES_MAX, "GET %s HTTP/1.1\r\nHost: order_mgmt\r\n%s\r\n", target, kind->fields);
	assert(count > 0 && count < LOAD_REQUEST_BYTES_MAX);
	return (size_t)count;
}
