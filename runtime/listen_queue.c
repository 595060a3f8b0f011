/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listen_queue.c - which listening sockets are the service's, and their queues as metrics, by address. Runs in the
 * master, at scrapes.
 *
 * Whose a socket is, /proc/PID/fd tells, which takes a system call for each descriptor of each process. So it is asked
 * when a socket is listed that was not there before, and else now and then; in between the answer is remembered by
 * inode. Several sockets on one address (SO_REUSEPORT) are one queue.
 */
#include "listen_queue.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "listen_sockets.h"
#include "log.h"
#include "shm/grow.h"
#include "shm/store.h"

#define ADDRESSES_MAX 256       /* shown at a time */
#define LINKS_MAX 8192          /* descriptors looked at in one search */
#define LINKS_EACH_MAX 1024     /* of one process: a server opens its listeners first */
#define SEARCH_GAP_SECONDS 1.0  /* at least, between two searches */
#define SEARCH_AGE_SECONDS 10.0 /* at most */

struct known {
	uint64_t inode;
	bool ours, listed;
	double drops; /* when last looked at; -1: not yet, so that those of another master's time are not counted again */
};

struct address {
	char text[MUSTER__LISTEN_ADDRESS_BYTES];
	double queue, backlog; /* backlog: -1 if not told */
	bool listed;
	muster_gauge queue_gauge, backlog_gauge;
	muster_counter drops;
};

struct muster__listen_queue {
	struct muster_family *queue, *backlog, *drops, *failures;
	struct muster__listen_sockets sockets;
	struct known *known; /* by inode */
	size_t known_count, known_capacity;
	struct address *addresses;
	size_t addresses_count, addresses_capacity;
	double searched; /* when; CLOCK_MONOTONIC */
	bool unsure;     /* there are sockets that came since */
	int told_error;
};

static double now_seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

/* ---- whose it is -------------------------------------------------------------------------- */

static int by_inode(const void *a, const void *b)
{
	uint64_t x = ((const struct known *)a)->inode, y = ((const struct known *)b)->inode;

	return (x > y) - (x < y);
}

static struct known *known_find(const struct muster__listen_queue *q, uint64_t inode)
{
	struct known key = {.inode = inode};

	return q->known_count ? bsearch(&key, q->known, q->known_count, sizeof key, by_inode) : NULL;
}

/* Keep those that are listed, and take in new ones. Returns whether there are any. */
static bool known_update(struct muster__listen_queue *q)
{
	size_t kept = 0, before;

	for (size_t i = 0; i < q->known_count; i++)
		q->known[i].listed = false;
	before = q->known_count;
	for (size_t i = 0; i < q->sockets.count; i++) {
		struct muster__listen_queue old = {.known = q->known, .known_count = before};
		struct known *k = known_find(&old, q->sockets.list[i].inode);
		if (k)
			k->listed = true;
		else if (muster__grow(&q->known, &q->known_capacity, q->known_count + 1, sizeof *q->known) == 0)
			q->known[q->known_count++] = (struct known){.inode = q->sockets.list[i].inode, .listed = true, .drops = -1};
	}
	bool any = q->known_count > before;
	for (size_t i = 0; i < q->known_count; i++)
		if (q->known[i].listed)
			q->known[kept++] = q->known[i];
	q->known_count = kept;
	if (kept > 1)
		qsort(q->known, kept, sizeof *q->known, by_inode);
	return any;
}

static void link_judge(struct muster__listen_queue *q, int dir, const char *name)
{
	char text[64];
	unsigned long long inode;
	ssize_t bytes = readlinkat(dir, name, text, sizeof text - 1);

	text[bytes > 0 ? bytes : 0] = '\0';
	if (sscanf(text, "socket:[%llu]", &inode) != 1)
		return;
	struct known *k = known_find(q, inode);
	if (k)
		k->ours = true;
}

static void process_search(struct muster__listen_queue *q, pid_t pid, size_t *budget)
{
	char path[32];
	size_t left = *budget < LINKS_EACH_MAX ? *budget : LINKS_EACH_MAX;

	(void)snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
	DIR *dir = opendir(path);
	if (dir == NULL) {
		if (errno == EACCES || errno == EPERM)
			muster_counter_inc(muster_counter_with(q->failures, "process"));
		return;
	}
	for (struct dirent *entry; left > 0 && (entry = readdir(dir)) != NULL; left--, (*budget)--)
		if (entry->d_name[0] != '.')
			link_judge(q, dirfd(dir), entry->d_name);
	closedir(dir);
}

static void search(struct muster__listen_queue *q, const pid_t *pids, size_t count)
{
	size_t budget = LINKS_MAX;

	for (size_t i = 0; i < q->known_count; i++)
		q->known[i].ours = false;
	for (size_t i = 0; i < count && budget > 0; i++)
		process_search(q, pids[i], &budget);
}

static void search_if_due(struct muster__listen_queue *q, const pid_t *pids, size_t count)
{
	double now = now_seconds(), age = q->searched > 0 ? now - q->searched : SEARCH_AGE_SECONDS;

	q->unsure = known_update(q) || q->unsure;
	if (age < (q->unsure ? SEARCH_GAP_SECONDS : SEARCH_AGE_SECONDS))
		return;
	search(q, pids, count);
	q->searched = now;
	q->unsure = false;
}

/* ---- what is shown ------------------------------------------------------------------------ */

static struct address *address_get(struct muster__listen_queue *q, const char *text)
{
	for (size_t i = 0; i < q->addresses_count; i++)
		if (strcmp(q->addresses[i].text, text) == 0)
			return &q->addresses[i];
	if (q->addresses_count == ADDRESSES_MAX ||
	    muster__grow(&q->addresses, &q->addresses_capacity, q->addresses_count + 1, sizeof *q->addresses) != 0)
		return NULL;
	struct address *a = &q->addresses[q->addresses_count++];
	(void)strcpy(a->text, text);
	a->queue_gauge = muster_gauge_with(q->queue, text);
	a->backlog_gauge = muster_gauge_with(q->backlog, text);
	a->drops = muster_counter_with(q->drops, text);
	return a;
}

static void drops_count(struct known *k, const struct address *a, double drops)
{
	if (drops > k->drops && k->drops >= 0)
		muster_counter_add(a->drops, (uint64_t)(drops - k->drops));
	if (drops >= 0)
		k->drops = drops;
}

static void socket_add(struct muster__listen_queue *q, const struct muster__listen_socket *s)
{
	struct known *k = known_find(q, s->inode);
	struct address *a = k && k->ours ? address_get(q, s->address) : NULL;

	if (a == NULL)
		return;
	if (!a->listed)
		a->queue = a->backlog = 0;
	a->listed = true;
	a->queue += s->queue;
	a->backlog = s->backlog < 0 || a->backlog < 0 ? -1 : a->backlog + s->backlog;
	drops_count(k, a, s->drops);
}

static void address_show(const struct address *a)
{
	if (a->listed)
		muster_gauge_set(a->queue_gauge, a->queue);
	else
		muster__gauge_unset(a->queue_gauge);
	if (a->listed && a->backlog >= 0)
		muster_gauge_set(a->backlog_gauge, a->backlog);
	else
		muster__gauge_unset(a->backlog_gauge);
}

/* The first that is not there any more makes room for another. */
static void addresses_show(struct muster__listen_queue *q)
{
	size_t kept = 0;

	for (size_t i = 0; i < q->addresses_count; i++) {
		address_show(&q->addresses[i]);
		if (q->addresses[i].listed)
			q->addresses[kept++] = q->addresses[i];
	}
	q->addresses_count = kept;
}

static void failure_tell(struct muster__listen_queue *q)
{
	int error = q->sockets.diag_error;

	if (error)
		muster_counter_inc(muster_counter_with(q->failures, "sock_diag"));
	if (error && error != q->told_error)
		muster__log(MUSTER__LOG_WARNING,
		            "the kernel does not tell of listening sockets: %s; accept queues are read from /proc/net/tcp, "
		            "without backlogs and UNIX sockets",
		            strerror(-error));
	q->told_error = error;
}

void muster__listen_queue_sample(struct muster__listen_queue *q, const pid_t *pids, size_t count)
{
	(void)muster__listen_sockets_read(&q->sockets); /* for want of memory some are missing */
	failure_tell(q);
	search_if_due(q, pids, count);
	for (size_t i = 0; i < q->addresses_count; i++)
		q->addresses[i].listed = false;
	for (size_t i = 0; i < q->sockets.count; i++)
		socket_add(q, &q->sockets.list[i]);
	addresses_show(q);
}

/* ---- life --------------------------------------------------------------------------------- */

static void declare(enum muster_type type, const char *const *labels, const char *name, const char *help,
                    struct muster_family **out)
{
	struct muster_opts opts = {.name = name, .help = help, .labels = labels, .series_max = 4 * ADDRESSES_MAX};

	opts.mode = type == MUSTER_GAUGE ? MUSTER_LIVESUM : 0;
	if (muster_declare(type, &opts, out) != 0)
		muster__log(MUSTER__LOG_WARNING, "metric %s is not exported: %s", name, muster_error_message());
}

int muster__listen_queue_create(struct muster__listen_queue **out)
{
	static const char *const address[] = {"address", NULL}, *const reason[] = {"reason", NULL};
	struct muster__listen_queue *q = calloc(1, sizeof *q);

	if (q == NULL)
		return -ENOMEM;
	declare(MUSTER_GAUGE, address, "muster_listener_queue_length", "Connections that wait to be accepted.", &q->queue);
	declare(MUSTER_GAUGE, address, "muster_listener_backlog", "Connections that may wait to be accepted.", &q->backlog);
	declare(MUSTER_COUNTER, address, "muster_listener_drops_total",
	        "Connection attempts the kernel has dropped, mostly because the queue was full.", &q->drops);
	declare(MUSTER_COUNTER, reason, "muster_listener_failures_total",
	        "Scrapes for which listeners or their owners could not be found.", &q->failures);
	(void)muster_counter_with(q->failures, "sock_diag");
	(void)muster_counter_with(q->failures, "process");
	*out = q;
	return 0;
}

void muster__listen_queue_destroy(struct muster__listen_queue **at)
{
	struct muster__listen_queue *q = *at;

	*at = NULL;
	if (q == NULL)
		return;
	muster__listen_sockets_free(&q->sockets);
	free(q->known);
	free(q->addresses);
	free(q);
}
