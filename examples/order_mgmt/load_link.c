/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load_link.c - IDLE -> SEND -> READ -> IDLE; PAUSE after a refused connection.
 *
 *   A deadline shuts the socket down; the operation outstanding then ends by itself, as in conn.c.
 */
#include "load_link.h"

#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define REQUEST_SECONDS 15.0 /* from the connect to the answer; calls of the mix take 40 ms */
#define PAUSE_SECONDS 0.1

uint64_t load_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

void load_link_close(struct load_link *link)
{
	if (link->io.fd >= 0)
		close(link->io.fd);
	link->io = (struct loop_io){.fd = -1, .done = link->io.done};
}

static void request_end(struct load_link *link, enum load_link_state state)
{
	struct load_pool *pool = link->pool;

	loop_timer_clear(pool->loop, &link->timer);
	link->state = state;
	pool->busy--;
	if (state == LOAD_LINK_PAUSE)
		loop_timer_set(pool->loop, &link->timer, PAUSE_SECONDS);
	else
		pool->on_idle(pool);
}

/* No answer will come. A connection that never carried a byte was refused: the service has seen nothing. */
static void request_fail(struct load_link *link)
{
	bool proven = link->proven;

	load_link_close(link);
	if (proven)
		link->pool->tally->broken++;
	else
		link->pool->tally->refused++;
	request_end(link, proven ? LOAD_LINK_IDLE : LOAD_LINK_PAUSE);
}

/* ---- the answer --------------------------------------------------------------------------- */

static int on_message_complete(http_parser *parser)
{
	struct load_link *link = parser->data;

	link->whole = true;
	http_parser_pause(parser, 1);
	return 0;
}

static const http_parser_settings settings = {.on_message_complete = on_message_complete};

static void answer_end(struct load_link *link)
{
	load_tally_answer(link->pool->tally, link->parser.status_code, load_now_ns() - link->begun_ns);
	if (!http_should_keep_alive(&link->parser))
		load_link_close(link);
	request_end(link, LOAD_LINK_IDLE);
}

static void read_more(struct load_link *link)
{
	loop_recv(link->pool->loop, &link->io, link->in, sizeof link->in);
}

static void on_read(struct load_link *link, size_t count)
{
	size_t taken = http_parser_execute(&link->parser, &settings, link->in, count);

	if (link->whole && taken == count)
		answer_end(link);
	else if (link->whole || HTTP_PARSER_ERRNO(&link->parser) != HPE_OK)
		request_fail(link); /* more than one answer, or none of HTTP */
	else
		read_more(link);
}

/* ---- the request -------------------------------------------------------------------------- */

static void send_rest(struct load_link *link)
{
	loop_send(link->pool->loop, &link->io, link->out + link->out_at, link->out_end - link->out_at);
}

static void on_sent(struct load_link *link, size_t count)
{
	link->proven = true;
	link->out_at += count;
	if (link->out_at < link->out_end) {
		send_rest(link);
		return;
	}
	link->state = LOAD_LINK_READ;
	read_more(link);
}

static void on_done(struct loop_io *io, int result)
{
	struct load_link *link = (struct load_link *)((char *)io - offsetof(struct load_link, io));

	if (result <= 0)
		request_fail(link);
	else if (link->state == LOAD_LINK_SEND)
		on_sent(link, (size_t)result);
	else
		on_read(link, (size_t)result);
}

static void on_timer(struct loop_timer *timer)
{
	struct load_link *link = (struct load_link *)((char *)timer - offsetof(struct load_link, timer));

	if (link->state != LOAD_LINK_PAUSE) {
		shutdown(link->io.fd, SHUT_RDWR);
		return;
	}
	link->state = LOAD_LINK_IDLE;
	link->pool->on_idle(link->pool);
}

/* The service closes connections that idle, and its worker may have died meanwhile: neither breaks a
 * request that is not yet sent. */
static bool stands(const struct load_link *link)
{
	char byte;

	return link->io.fd >= 0 && recv(link->io.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0;
}

static void open_anew(struct load_link *link)
{
	load_link_close(link);
	link->proven = false;
	link->pool->tally->connects++;
	int fd = load_target_connect(link->pool->target);
	link->io.fd = fd < 0 ? -1 : fd;
}

void load_link_init(struct load_link *link, struct load_pool *pool)
{
	link->io.fd = -1;
	link->io.done = on_done;
	link->timer.fire = on_timer;
	link->pool = pool;
}

void load_link_request(struct load_link *link, struct load_mix *mix)
{
	struct load_pool *pool = link->pool;

	pool->busy++;
	pool->tally->sent++;
	link->out_at = 0;
	link->out_end = load_mix_next(mix, link->out);
	link->whole = false;
	http_parser_init(&link->parser, HTTP_RESPONSE);
	link->parser.data = link;
	link->begun_ns = load_now_ns();
	link->state = LOAD_LINK_SEND;
	if (!stands(link))
		open_anew(link);
	if (link->io.fd < 0 || loop_timer_set(pool->loop, &link->timer, REQUEST_SECONDS) < 0)
		request_fail(link);
	else
		send_rest(link);
}
