/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load_client.c - keeps the pace: request n is due at n / rate, on the next idle link in turn.
 *
 *   When no link is idle the load falls behind, and makes up for a tenth of a second of it at most: a
 *   service that was away is not met with a burst of all it has missed.
 */
#include "load_client.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "load_link.h"

#define NS_PER_S UINT64_C(1000000000)
#define BEHIND_NS_MAX (NS_PER_S / 10)
#define TICK_SECONDS_MAX 0.1 /* also how soon a signal is seen that came just before a wait */

struct client {
	struct load_pool pool; /* first: on_idle() finds the client by it */
	const struct load_options *options;
	struct load_mix mix;
	struct load_link *links;
	size_t turn; /* the link to try first */
	struct loop_timer tick;
	uint64_t gap_ns, due_ns, end_ns;
	bool ending;
};

static volatile sig_atomic_t signalled;

static void on_signal(int number)
{
	(void)number;
	signalled = 1;
}

static void signals_take(void)
{
	struct sigaction action = {.sa_handler = on_signal};

	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
}

static struct load_link *link_idle(struct client *client)
{
	for (size_t i = 0; i < client->options->connections; i++) {
		struct load_link *link = &client->links[client->turn];
		client->turn = (client->turn + 1) % client->options->connections;
		if (link->state == LOAD_LINK_IDLE)
			return link;
	}
	return NULL;
}

static bool is_over(const struct client *client, uint64_t now_ns)
{
	return signalled || now_ns >= client->end_ns || client->pool.tally->sent >= client->options->requests;
}

/* Send what is due. */
static void send_due(struct client *client, uint64_t now_ns)
{
	struct load_link *link;

	if (now_ns > client->due_ns + BEHIND_NS_MAX)
		client->due_ns = now_ns - BEHIND_NS_MAX;
	while (client->due_ns <= now_ns && !is_over(client, now_ns) && (link = link_idle(client))) {
		client->due_ns += client->gap_ns;
		load_link_request(link, &client->mix);
	}
}

static double tick_seconds(const struct client *client, uint64_t now_ns)
{
	double left = client->due_ns > now_ns ? (double)(client->due_ns - now_ns) / (double)NS_PER_S : TICK_SECONDS_MAX;

	return left < TICK_SECONDS_MAX ? left : TICK_SECONDS_MAX; /* behind: the next idle link comes first */
}

static void on_tick(struct loop_timer *timer)
{
	struct client *client = (struct client *)((char *)timer - offsetof(struct client, tick));
	uint64_t now_ns = load_now_ns();

	send_due(client, now_ns);
	client->ending = is_over(client, now_ns);
	if (!client->ending)
		loop_timer_set(client->pool.loop, &client->tick, tick_seconds(client, now_ns));
}

/* A link that fails at once is idle while send_due() still runs, which takes it up by itself; so nothing is
 * sent from here, the tick comes at once instead. */
static void on_idle(struct load_pool *pool)
{
	struct client *client = (struct client *)pool;

	if (client->tick.place && client->due_ns <= load_now_ns())
		loop_timer_set(pool->loop, &client->tick, 0);
}

static int client_create(struct client *client)
{
	client->links = calloc(client->options->connections, sizeof *client->links);
	if (!client->links)
		return -ENOMEM;
	for (size_t i = 0; i < client->options->connections; i++)
		load_link_init(&client->links[i], &client->pool);
	client->tick.fire = on_tick;
	return loop_timer_set(client->pool.loop, &client->tick, 0);
}

static void client_destroy(struct client *client)
{
	for (size_t i = 0; client->links && i < client->options->connections; i++)
		load_link_close(&client->links[i]);
	free(client->links);
}

int load_run(struct loop *loop, const struct load_options *options, struct load_tally *tally)
{
	uint64_t begin_ns = load_now_ns();
	struct client client = {
		.pool = {.loop = loop, .target = &options->target, .tally = tally, .on_idle = on_idle},
		.options = options,
		.mix = {.state = options->seed},
		.gap_ns = NS_PER_S / options->rate,
		.due_ns = begin_ns,
		.end_ns = begin_ns + options->seconds * NS_PER_S,
	};

	signals_take();
	int err = client_create(&client);
	while (err == 0 && (!client.ending || client.pool.busy))
		err = loop_turn(loop);
	tally->seconds = (double)(load_now_ns() - begin_ns) / (double)NS_PER_S;
	client_destroy(&client);
	return err;
}
