/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_room.c - the choice is fair by address: a flood from one takes the room of that one, and not of others. Runs on
 * the loop.
 *
 * Addresses are counted in a table without chains: two that share a place may give way for each other, no more.
 */
#include "http_room.h"

#include <string.h>

#define PLACES 1024

static unsigned place_of(const unsigned char peer[16])
{
	uint32_t hash = 2166136261u; /* FNV-1a */

	for (int i = 0; i < 16; i++)
		hash = (hash ^ peer[i]) * 16777619u;
	return hash % PLACES;
}

struct muster__conn *muster__http_room_victim(const struct muster__conns *conns,
                                              bool (*may)(const struct muster__conn *conn))
{
	unsigned short counts[PLACES] = {0};
	struct muster__conn *conn, *found = NULL;

	TAILQ_FOREACH(conn, conns, link)
	if (may(conn))
		counts[place_of(conn->ticket.peer)]++;
	TAILQ_FOREACH(conn, conns, link)
	if (may(conn) && (found == NULL || counts[place_of(conn->ticket.peer)] > counts[place_of(found->ticket.peer)]))
		found = conn;
	return found;
}

unsigned muster__http_room_count(const struct muster__conns *conns, bool (*may)(const struct muster__conn *conn))
{
	const struct muster__conn *conn;
	unsigned count = 0;

	TAILQ_FOREACH(conn, conns, link)
	count += may(conn);
	return count;
}
