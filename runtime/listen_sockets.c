/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listen_sockets.c - listening sockets by sock_diag(7), or where that is refused by /proc/net. Runs in the master.
 *
 * Asked for one state, the kernel goes through its table of listening sockets only, however many connections there are;
 * /proc/net/tcp shows them first, so reading ends with the first connection.
 */
#include "listen_sockets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "shm/grow.h"

#define ANSWER_BYTES 32768
#define LISTENING (1u << TCP_LISTEN) /* UNIX sockets have the same numbers for their states */

static struct muster__listen_socket *append(struct muster__listen_sockets *sockets)
{
	if (sockets->count == MUSTER__LISTEN_SOCKETS_MAX ||
	    muster__grow(&sockets->list, &sockets->capacity, sockets->count + 1, sizeof *sockets->list) != 0)
		return NULL;
	struct muster__listen_socket *s = &sockets->list[sockets->count++];
	*s = (struct muster__listen_socket){.backlog = -1, .drops = -1};
	return s;
}

static void ip_address(int family, const void *address, unsigned port, char out[MUSTER__LISTEN_ADDRESS_BYTES])
{
	char text[INET6_ADDRSTRLEN] = "";

	(void)inet_ntop(family, address, text, sizeof text);
	(void)snprintf(out, MUSTER__LISTEN_ADDRESS_BYTES, family == AF_INET6 ? "[%s]:%u" : "%s:%u", text, port);
}

/* A path is what the server chose: any bytes. An abstract name begins with a zero byte. */
static void unix_address(const char *name, size_t bytes, char out[MUSTER__LISTEN_ADDRESS_BYTES])
{
	size_t at = 0;

	if (bytes && name[0] != '\0')
		bytes = strnlen(name, bytes);
	for (size_t i = 0; i < bytes && at + 5 < MUSTER__LISTEN_ADDRESS_BYTES; i++) {
		unsigned char c = (unsigned char)name[i];
		if (i == 0 && c == '\0')
			out[at++] = '@';
		else if (c >= ' ' && c < 0x7f && c != '\\')
			out[at++] = (char)c;
		else
			at += (size_t)snprintf(out + at, 5, "\\x%02x", c);
	}
	out[at] = '\0';
}

/* ---- sock_diag ---------------------------------------------------------------------------- */

/* One kind of socket: what to ask, and how to read an answer. */
struct kind {
	int family;
	const void *request;
	size_t request_bytes;
	int (*read)(struct muster__listen_sockets *sockets, const struct nlmsghdr *message);
};

static const void *attribute(const struct nlmsghdr *message, size_t fixed, unsigned short type, size_t *bytes)
{
	const struct rtattr *attr = (const void *)((const char *)NLMSG_DATA(message) + NLMSG_ALIGN(fixed));
	int left = (int)message->nlmsg_len - (int)NLMSG_SPACE(fixed);

	for (; RTA_OK(attr, left); attr = RTA_NEXT(attr, left))
		if (attr->rta_type == type) {
			*bytes = RTA_PAYLOAD(attr);
			return RTA_DATA(attr);
		}
	*bytes = 0;
	return NULL;
}

static int tcp_read(struct muster__listen_sockets *sockets, const struct nlmsghdr *message)
{
	const struct inet_diag_msg *m = NLMSG_DATA(message);
	uint32_t memory[SK_MEMINFO_VARS];
	size_t bytes;

	if (message->nlmsg_len < NLMSG_LENGTH(sizeof *m) || m->idiag_state != TCP_LISTEN)
		return 0;
	struct muster__listen_socket *s = append(sockets);
	if (s == NULL)
		return -ENOMEM;
	s->inode = m->idiag_inode;
	s->queue = m->idiag_rqueue;
	s->backlog = m->idiag_wqueue;
	ip_address(m->idiag_family, m->id.idiag_src, ntohs(m->id.idiag_sport), s->address);
	const void *found = attribute(message, sizeof *m, INET_DIAG_SKMEMINFO, &bytes);
	if (found && bytes >= sizeof memory) {
		memcpy(memory, found, sizeof memory);
		s->drops = memory[SK_MEMINFO_DROPS];
	}
	return 0;
}

static int unix_read(struct muster__listen_sockets *sockets, const struct nlmsghdr *message)
{
	const struct unix_diag_msg *m = NLMSG_DATA(message);
	struct unix_diag_rqlen lengths;
	size_t bytes, name_bytes;

	if (message->nlmsg_len < NLMSG_LENGTH(sizeof *m) || m->udiag_state != TCP_LISTEN)
		return 0;
	const void *found = attribute(message, sizeof *m, UNIX_DIAG_RQLEN, &bytes);
	const char *name = attribute(message, sizeof *m, UNIX_DIAG_NAME, &name_bytes);
	if (found == NULL || bytes < sizeof lengths || name == NULL)
		return 0;
	struct muster__listen_socket *s = append(sockets);
	if (s == NULL)
		return -ENOMEM;
	memcpy(&lengths, found, sizeof lengths);
	s->inode = m->udiag_ino;
	s->queue = lengths.udiag_rqueue;
	s->backlog = lengths.udiag_wqueue;
	unix_address(name, name_bytes, s->address);
	return 0;
}

static int ask(int fd, const struct kind *kind)
{
	struct nlmsghdr head = {.nlmsg_len = (uint32_t)NLMSG_LENGTH(kind->request_bytes),
	                        .nlmsg_type = SOCK_DIAG_BY_FAMILY,
	                        .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP};
	char message[256] = {0};

	memcpy(message, &head, sizeof head);
	memcpy(message + NLMSG_HDRLEN, kind->request, kind->request_bytes);
	return send(fd, message, head.nlmsg_len, 0) < 0 ? -errno : 0;
}

/* Returns 1: there is more; 0: that was all; -errno. */
static int messages_read(struct muster__listen_sockets *sockets, const struct kind *kind, const char *answer,
                         ssize_t count)
{
	int rc = 0, left = (int)count, error;

	for (const struct nlmsghdr *m = (const void *)answer; NLMSG_OK(m, (unsigned)left); m = NLMSG_NEXT(m, left)) {
		if (m->nlmsg_type == NLMSG_DONE)
			return rc;
		if (m->nlmsg_type == NLMSG_ERROR) {
			memcpy(&error, NLMSG_DATA(m), sizeof error);
			return error ? error : -EIO;
		}
		if (m->nlmsg_type == SOCK_DIAG_BY_FAMILY && rc == 0)
			rc = kind->read(sockets, m);
	}
	return rc ? rc : 1;
}

static int dump(int fd, struct muster__listen_sockets *sockets, const struct kind *kind)
{
	_Alignas(struct nlmsghdr) char answer[ANSWER_BYTES];
	int rc = ask(fd, kind);

	for (int more = 1; rc == 0 && more;) {
		ssize_t count = recv(fd, answer, sizeof answer, 0);
		more = count > 0 ? messages_read(sockets, kind, answer, count) : count < 0 ? -errno : -EIO;
		rc = more < 0 ? more : 0;
	}
	return rc;
}

static int diag_read(struct muster__listen_sockets *sockets)
{
	const struct inet_diag_req_v2 v4 = {.sdiag_family = AF_INET,
	                                    .sdiag_protocol = IPPROTO_TCP,
	                                    .idiag_ext = 1u << (INET_DIAG_SKMEMINFO - 1),
	                                    .idiag_states = LISTENING};
	struct inet_diag_req_v2 v6 = v4;
	const struct unix_diag_req local = {
		.sdiag_family = AF_UNIX, .udiag_states = LISTENING, .udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_RQLEN};
	const struct kind kinds[] = {{AF_INET, &v4, sizeof v4, tcp_read},
	                             {AF_INET6, &v6, sizeof v6, tcp_read},
	                             {AF_UNIX, &local, sizeof local, unix_read}};
	const struct timeval patience = {.tv_sec = 1};
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG), rc = fd < 0 ? -errno : 0;

	v6.sdiag_family = AF_INET6;
	if (rc == 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds && rc == 0; i++) {
		rc = dump(fd, sockets, &kinds[i]);
		if (rc == -ENOENT) /* no such kind in this kernel */
			rc = 0;
	}
	if (fd >= 0)
		close(fd);
	return rc;
}

/* ---- /proc/net ---------------------------------------------------------------------------- */

/* "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000003 00:00000000 00000000     0        0 12345 ...": words of the
 * address in the machine's byte order. Returns 1: a listening one; 0: not; -ENOMEM. */
static int line_parse(struct muster__listen_sockets *sockets, const char *line)
{
	uint32_t words[4] = {0};
	char address[33];
	unsigned port, state, queue;
	unsigned long long inode;

	if (sscanf(line, " %*u: %32[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*x:%x %*x:%*x %*x %*u %*u %llu", address, &port,
	           &state, &queue, &inode) != 5 ||
	    state != TCP_LISTEN)
		return 0;
	size_t count = strlen(address) / 8;
	for (size_t i = 0; i < count; i++)
		(void)sscanf(address + 8 * i, "%8x", &words[i]);
	struct muster__listen_socket *s = append(sockets);
	if (s == NULL)
		return -ENOMEM;
	s->inode = inode;
	s->queue = queue;
	ip_address(count == 4 ? AF_INET6 : AF_INET, words, port, s->address);
	return 1;
}

static int proc_read(struct muster__listen_sockets *sockets, const char *path)
{
	FILE *file = fopen(path, "re");
	char line[512];
	int rc = 1;

	if (file == NULL)
		return 0;
	(void)fgets(line, sizeof line, file); /* names of the columns */
	while (rc == 1 && fgets(line, sizeof line, file))
		rc = line_parse(sockets, line);
	(void)fclose(file);
	return rc < 0 ? rc : 0;
}

/* ---- both --------------------------------------------------------------------------------- */

int muster__listen_sockets_read(struct muster__listen_sockets *out)
{
	out->count = 0;
	int rc = diag_read(out);
	out->diag_error = rc == -ENOMEM ? 0 : rc;
	if (rc == 0 || rc == -ENOMEM)
		return rc;
	out->count = 0;
	rc = proc_read(out, "/proc/net/tcp");
	return rc ? rc : proc_read(out, "/proc/net/tcp6");
}

void muster__listen_sockets_free(struct muster__listen_sockets *sockets)
{
	free(sockets->list);
	*sockets = (struct muster__listen_sockets){0};
}
