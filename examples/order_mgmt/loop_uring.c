/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loop_uring.c - the io_uring back-end: operations are handed to the kernel, completions come back.
 *
 *   Older kernels do not wait for a socket that says O_NONBLOCK, so connections do not say it. The listener
 *   does and is not ours to change; where an accept answers EAGAIN, it is polled first. Accepts are single, not multishot: each goes to the end of the kernel's queue, so the
 *   workers that share the listener take turns.
 *
 *   Receives and accepts are submitted together at the next wait. A send is submitted at once: its request
 *   is counted by then, and of what a worker has counted no more than one answer may be unsent if it dies.
 */
#include "loop_backend.h"

#include <errno.h>
#include <liburing.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>

#define SUBMISSIONS 256
/* A connection has one operation outstanding, so this many completions never overflow (server.c bounds
 * the connections). */
#define COMPLETIONS 4096

static const int ops_needed[] = {IORING_OP_ACCEPT, IORING_OP_RECV, IORING_OP_SEND, IORING_OP_POLL_ADD,
                                 IORING_OP_ASYNC_CANCEL};

static bool ring_suffices(struct io_uring *ring)
{
	struct io_uring_probe *probe = io_uring_get_probe_ring(ring);

	if (!probe)
		return false;
	/* Without FAST_POLL each waiting receive would hold a kernel thread. */
	bool good = (ring->features & IORING_FEAT_FAST_POLL) && (ring->features & IORING_FEAT_NODROP);
	for (size_t i = 0; i < sizeof ops_needed / sizeof ops_needed[0]; i++)
		good = good && io_uring_opcode_supported(probe, ops_needed[i]);
	io_uring_free_probe(probe);
	return good;
}

static int uring_open(void **out)
{
	struct io_uring *ring = malloc(sizeof *ring);

	if (!ring)
		return -ENOMEM;
	struct io_uring_params params = {.flags = IORING_SETUP_CQSIZE, .cq_entries = COMPLETIONS};
	int err = io_uring_queue_init_params(SUBMISSIONS, ring, &params);
	if (err == 0 && !ring_suffices(ring)) {
		io_uring_queue_exit(ring);
		err = -EOPNOTSUPP;
	}
	if (err < 0) {
		free(ring);
		return err;
	}
	*out = ring;
	return 0;
}

static void uring_close(void *p)
{
	io_uring_queue_exit(p);
	free(p);
}

/* A submission entry. The queue is only full until it is submitted. */
static struct io_uring_sqe *entry(struct io_uring *ring)
{
	struct io_uring_sqe *sqe;

	while (!(sqe = io_uring_get_sqe(ring)))
		io_uring_submit(ring);
	return sqe;
}

static void uring_start(void *p, struct loop_io *io)
{
	struct io_uring *ring = p;
	struct io_uring_sqe *sqe = entry(ring);

	if (io->op == LOOP_ACCEPT && io->attached)
		io_uring_prep_poll_add(sqe, io->fd, POLLIN);
	else if (io->op == LOOP_ACCEPT)
		io_uring_prep_accept(sqe, io->fd, NULL, NULL, SOCK_CLOEXEC);
	else if (io->op == LOOP_RECV)
		io_uring_prep_recv(sqe, io->fd, io->bytes, io->count, 0);
	else
		io_uring_prep_send(sqe, io->fd, io->bytes, io->count, MSG_NOSIGNAL);
	io_uring_sqe_set_data(sqe, io);
	if (io->op == LOOP_SEND)
		io_uring_submit(ring);
}

static void uring_cancel_accept(void *p, struct loop_io *io)
{
	struct io_uring_sqe *sqe = entry(p);

	io_uring_prep_cancel(sqe, io, 0);
	io_uring_sqe_set_data(sqe, NULL);
}

/* Whether an accept has to go round again: from a refused accept to a poll, from the poll to the accept. */
static bool accept_again(struct loop_io *io, int result)
{
	if (io->op != LOOP_ACCEPT)
		return false;
	bool polled = io->attached;
	io->attached = !polled && result == -EAGAIN;
	return io->attached || (polled && result >= 0);
}

static void on_completion(struct io_uring *ring, struct loop_io *io, int result)
{
	if (!io)
		return; /* of the cancellation itself */
	if (result == -EINTR || accept_again(io, result))
		uring_start(ring, io);
	else
		loop_io_done(io, result);
}

static int uring_wait(void *p, const struct timespec *timeout)
{
	struct io_uring *ring = p;
	struct __kernel_timespec limit = {0};
	struct io_uring_cqe *cqe;

	if (timeout) {
		limit.tv_sec = timeout->tv_sec;
		limit.tv_nsec = timeout->tv_nsec;
	}
	int err = io_uring_submit_and_wait_timeout(ring, &cqe, 1, timeout ? &limit : NULL, NULL);
	while (io_uring_peek_cqe(ring, &cqe) == 0) {
		struct loop_io *io = io_uring_cqe_get_data(cqe);
		int result = cqe->res;
		io_uring_cqe_seen(ring, cqe);
		on_completion(ring, io, result);
	}
	return err == -EBUSY || err == -EAGAIN || err > 0 ? 0 : err;
}

const struct loop_backend loop_uring = {
	.name = "io_uring",
	.open = uring_open,
	.close = uring_close,
	.start = uring_start,
	.cancel_accept = uring_cancel_accept,
	.wait = uring_wait,
};
