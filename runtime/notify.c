/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notify.c - datagrams of "NAME=VALUE" lines to systemd, and from a wrapped server. Runs on the master's loop.
 *
 * The server's socket is abstract, so that it is reachable from a chroot, by another user, and leaves no file.
 * Whoever shares the network namespace could write there, so the kernel names each sender, and only we, root
 * and our descendants are listened to. Of what the server says, the lines of the table are passed on; MAINPID
 * is not: for systemd the master is the main process, which passes signals on and tells the exit status.
 *
 * The watchdog is pinged by the master while its loop turns. Once the server pings it, only the server does:
 * a server that hangs is then found by systemd as without us.
 */
#include "notify.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "tree.h"

#define MESSAGE_BYTES 4096
#define LINES_MAX 64

struct muster__notify {
	struct muster__notify_opts opts;
	struct sockaddr_un to;
	socklen_t to_bytes;
	int to_fd, from_fd;
	uv_poll_t from;
	uv_timer_t watchdog;
	uint64_t watchdog_usec;
	bool server_pings;
};

/* ---- to systemd --------------------------------------------------------------------------- */

static void send_text(const struct muster__notify *n, const char *text, size_t count)
{
	(void)sendto(n->to_fd, text, count, MSG_DONTWAIT | MSG_NOSIGNAL, (const struct sockaddr *)&n->to, n->to_bytes);
}

void muster__notify_tell(struct muster__notify *n, const char *format, ...)
{
	char text[MESSAGE_BYTES];
	va_list args;

	if (n == NULL || n->to_fd < 0 || n->opts.held)
		return;
	va_start(args, format);
	int count = vsnprintf(text, sizeof text, format, args);
	va_end(args);
	if (count > 0 && (size_t)count < sizeof text)
		send_text(n, text, (size_t)count);
}

void muster__notify_reloading(struct muster__notify *n)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	muster__notify_tell(n, "RELOADING=1\nMONOTONIC_USEC=%lld", now.tv_sec * 1000000LL + now.tv_nsec / 1000);
}

static void watchdog_fired(uv_timer_t *timer)
{
	struct muster__notify *n = timer->data;

	if (!n->server_pings)
		muster__notify_tell(n, "WATCHDOG=1");
}

/* ---- from the server ---------------------------------------------------------------------- */

static void heard_ready(struct muster__notify *n, const char *value)
{
	if (strcmp(value, "1") == 0 && n->opts.ready)
		n->opts.ready(n->opts.ctx);
}

static void heard_main_pid(struct muster__notify *n, const char *value)
{
	long pid = strtol(value, NULL, 10);

	if (pid > 0 && pid <= INT32_MAX && n->opts.main_pid)
		n->opts.main_pid(n->opts.ctx, (pid_t)pid);
}

static void heard_watchdog(struct muster__notify *n, const char *value)
{
	n->server_pings |= strcmp(value, "1") == 0;
}

/* What a server may say. What is not in the table is dropped: it names things of ours (MAINPID), or comes
 * with descriptors. */
static const struct word {
	const char *name;
	bool passed_on;
	void (*heard)(struct muster__notify *n, const char *value);
} words[] = {
	{"READY=", true, heard_ready},       {"RELOADING=", true, NULL},     {"MONOTONIC_USEC=", true, NULL},
	{"STOPPING=", true, NULL},           {"STATUS=", true, NULL},        {"ERRNO=", true, NULL},
	{"BUSERROR=", true, NULL},           {"EXIT_STATUS=", true, NULL},   {"EXTEND_TIMEOUT_USEC=", true, NULL},
	{"WATCHDOG=", true, heard_watchdog}, {"WATCHDOG_USEC=", true, NULL}, {"MAINPID=", false, heard_main_pid},
};

static const struct word *word_of(const char *line)
{
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strncmp(line, words[i].name, strlen(words[i].name)) == 0)
			return &words[i];
	return NULL;
}

static void heard(struct muster__notify *n, char *message)
{
	char passed[MESSAGE_BYTES] = "", *rest = message;
	size_t count = 0;

	for (char *line; (line = strsep(&rest, "\n")) != NULL;) {
		const struct word *word = word_of(line);
		if (word == NULL)
			continue;
		if (word->heard)
			word->heard(n, line + strlen(word->name));
		if (word->passed_on) /* never more than the message had */
			count += (size_t)snprintf(passed + count, sizeof passed - count, "%s%s", count ? "\n" : "", line);
	}
	if (count && n->to_fd >= 0)
		send_text(n, passed, count);
}

static bool is_trusted(const struct ucred *from)
{
	struct muster__tree tree = {0};

	if (from->uid == 0 || from->uid == geteuid())
		return true;
	bool below = muster__tree_read(&tree) == 0 && muster__tree_has(&tree, from->pid);
	muster__tree_free(&tree);
	return below;
}

/* Descriptors that come along are closed by the kernel: there is no room for them. */
static ssize_t receive(int fd, char *message, size_t room, struct ucred *from)
{
	union {
		char bytes[CMSG_SPACE(sizeof(struct ucred))];
		struct cmsghdr align;
	} control;
	struct iovec iov = {.iov_base = message, .iov_len = room};
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
	ssize_t count = recvmsg(fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct cmsghdr *cmsg = count >= 0 ? CMSG_FIRSTHDR(&msg) : NULL;

	*from = (struct ucred){.uid = (uid_t)-1};
	if (cmsg && cmsg->cmsg_level == SOL_SOCKET && cmsg->cmsg_type == SCM_CREDENTIALS)
		memcpy(from, CMSG_DATA(cmsg), sizeof *from);
	return count;
}

static void from_readable(uv_poll_t *poll, int status, int events)
{
	struct muster__notify *n = poll->data;
	char message[MESSAGE_BYTES];
	struct ucred from;

	(void)status, (void)events;
	for (int i = 0; i < LINES_MAX; i++) { /* a flood waits for the next turn of the loop */
		ssize_t count = receive(n->from_fd, message, sizeof message - 1, &from);
		if (count < 0)
			return;
		message[count] = '\0';
		if (is_trusted(&from))
			heard(n, message);
	}
}

/* An address of the family alone makes the kernel pick a free abstract name. */
static int from_bind(struct muster__notify *n)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	socklen_t bytes = sizeof sun;
	int on = 1;

	n->from_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (n->from_fd < 0 || setsockopt(n->from_fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) != 0 ||
	    bind(n->from_fd, (struct sockaddr *)&sun, sizeof sun.sun_family) != 0 ||
	    getsockname(n->from_fd, (struct sockaddr *)&sun, &bytes) != 0)
		return -errno;
	size_t length = bytes - offsetof(struct sockaddr_un, sun_path);
	char name[sizeof sun.sun_path + 1] = "@";
	memcpy(name + 1, sun.sun_path + 1, length - 1);
	return setenv("NOTIFY_SOCKET", name, 1) == 0 ? 0 : -errno;
}

/* ---- life --------------------------------------------------------------------------------- */

static int parse_address(const char *text, struct muster__notify *n)
{
	size_t count = strlen(text);

	if ((*text != '/' && *text != '@') || count < 2 || count >= sizeof n->to.sun_path)
		return -EINVAL;
	n->to.sun_family = AF_UNIX;
	memcpy(n->to.sun_path, text, count);
	if (*text == '@')
		n->to.sun_path[0] = '\0';
	n->to_bytes = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + count);
	return 0;
}

/* As sd_watchdog_enabled(): the variables are for us if they name us or nobody. */
static uint64_t watchdog_usec(void)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");

	if (usec == NULL || (pid && strtol(pid, NULL, 10) != getpid()))
		return 0;
	return strtoull(usec, NULL, 10);
}

static void watchdog_start(struct muster__notify *n)
{
	uint64_t half_ms = n->watchdog_usec / 2000;

	if (n->watchdog_usec)
		uv_timer_start(&n->watchdog, watchdog_fired, 0, half_ms ? half_ms : 1);
}

static void handles_init(uv_loop_t *loop, struct muster__notify *n)
{
	uv_timer_init(loop, &n->watchdog);
	n->watchdog.data = n->from.data = n;
	if (!n->opts.held)
		watchdog_start(n);
}

void muster__notify_release(struct muster__notify *n)
{
	if (n == NULL || !n->opts.held)
		return;
	n->opts.held = false;
	watchdog_start(n);
}

static int to_open(const char *address, struct muster__notify *n)
{
	int rc = parse_address(address, n);

	if (rc == 0 && (n->to_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) < 0)
		rc = -errno;
	return rc;
}

static int sockets_open(uv_loop_t *loop, struct muster__notify *n, const char *address)
{
	int rc = address ? to_open(address, n) : 0;

	(void)unsetenv("NOTIFY_SOCKET");
	if (rc != 0 || !n->opts.from_server)
		return rc;
	rc = from_bind(n);
	if (rc == 0)
		rc = uv_poll_init(loop, &n->from, n->from_fd);
	if (rc == 0)
		(void)uv_poll_start(&n->from, UV_READABLE, from_readable); /* fails for closing handles only */
	return rc;
}

int muster__notify_create(uv_loop_t *loop, const struct muster__notify_opts *opts, struct muster__notify **out)
{
	const char *address = getenv("NOTIFY_SOCKET");
	struct muster__notify *n;

	if (address == NULL && !opts->always)
		return 0;
	if ((n = calloc(1, sizeof *n)) == NULL)
		return -ENOMEM;
	*n = (struct muster__notify){.opts = *opts, .to_fd = -1, .from_fd = -1, .watchdog_usec = watchdog_usec()};
	(void)unsetenv("WATCHDOG_USEC");
	(void)unsetenv("WATCHDOG_PID");
	int rc = sockets_open(loop, n, address);
	if (rc != 0) {
		muster__notify_destroy(&n);
		return rc;
	}
	handles_init(loop, n);
	*out = n;
	return 0;
}

void muster__notify_child(const struct muster__notify *n)
{
	char text[24];

	if (n == NULL || n->watchdog_usec == 0)
		return;
	(void)snprintf(text, sizeof text, "%llu", (unsigned long long)n->watchdog_usec);
	(void)setenv("WATCHDOG_USEC", text, 1);
	(void)snprintf(text, sizeof text, "%d", (int)getpid());
	(void)setenv("WATCHDOG_PID", text, 1);
}

void muster__notify_close(struct muster__notify *n)
{
	if (n == NULL)
		return;
	uv_close((uv_handle_t *)&n->watchdog, NULL);
	if (n->from_fd >= 0)
		uv_close((uv_handle_t *)&n->from, NULL);
}

void muster__notify_destroy(struct muster__notify **notify)
{
	struct muster__notify *n = *notify;

	if (n == NULL)
		return;
	if (n->to_fd >= 0)
		close(n->to_fd);
	if (n->from_fd >= 0)
		close(n->from_fd);
	free(n);
	*notify = NULL;
}
