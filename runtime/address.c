/* SPDX-License-Identifier: Apache-2.0 */
/*
 * address.c - reads an address, binds it, listens. Runs in the master before it forks.
 *
 * A host with several addresses is bound at the first that works. ":PORT" is every address of the
 * machine, IPv6 and IPv4 on one socket where the kernel has both.
 */
#include "address.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

#include "log.h"

#define BACKLOG 1024
#define UNIX_PREFIX "unix:"
#define FORMS "write HOST:PORT, [IPV6]:PORT, :PORT or unix:PATH"

static int exit_status(int error)
{
	return error == EACCES || error == EPERM ? EX_NOPERM : EX_UNAVAILABLE;
}

static const char *remedy(int error)
{
	switch (error) {
	case EADDRINUSE:
		return "stop who has it (ss -ltnp shows), or take another; port 0 picks a free one";
	case EADDRNOTAVAIL:
		return "this machine does not have the address";
	case EACCES:
		return "ports below 1024 and the directory of a socket file need permission";
	default:
		return FORMS;
	}
}

static int bind_refused(const char *what, const char *address, int error)
{
	return muster__refuse(exit_status(error), "%s %s: %s; %s", what, address, strerror(error), remedy(error));
}

static int socket_open(int family)
{
	return socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/* ---- unix:PATH ---------------------------------------------------------------------------- */

/* Nobody answers behind this socket file: its process died without unlinking it. */
static bool is_stale(const struct sockaddr_un *sun)
{
	struct stat st;

	if (lstat(sun->sun_path, &st) != 0 || !S_ISSOCK(st.st_mode))
		return false;
	int fd = socket_open(AF_UNIX);
	if (fd < 0)
		return false;
	bool refused = connect(fd, (const struct sockaddr *)sun, sizeof *sun) != 0 && errno == ECONNREFUSED;
	close(fd);
	return refused;
}

static int unix_bind(int fd, const struct sockaddr_un *sun)
{
	if (bind(fd, (const struct sockaddr *)sun, sizeof *sun) == 0)
		return 0;
	if (errno != EADDRINUSE || !is_stale(sun) || unlink(sun->sun_path) != 0)
		return -EADDRINUSE;
	return bind(fd, (const struct sockaddr *)sun, sizeof *sun) == 0 ? 0 : -errno;
}

static int unix_open(const char *what, const char *address, const char *path, struct muster__listener *out)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	struct stat st;

	if (*path == '\0' || strlen(path) >= sizeof sun.sun_path)
		return muster__refuse(EX_USAGE, "%s %s: the path must have 1 to %zu bytes; take a shorter one", what, address,
		                      sizeof sun.sun_path - 1);
	(void)memcpy(sun.sun_path, path, strlen(path) + 1);
	int fd = socket_open(AF_UNIX);
	if (fd < 0)
		return bind_refused(what, address, errno);
	int rc = unix_bind(fd, &sun);
	if (rc == 0 && (listen(fd, BACKLOG) != 0 || lstat(path, &st) != 0))
		rc = -errno;
	if (rc != 0) {
		close(fd);
		return bind_refused(what, address, -rc);
	}
	*out = (struct muster__listener){.fd = fd, .is_unix = true, .dev = st.st_dev, .ino = st.st_ino};
	(void)snprintf(out->text, sizeof out->text, UNIX_PREFIX "%s", path);
	return 0;
}

/* ---- HOST:PORT ---------------------------------------------------------------------------- */

/* Split "HOST:PORT" or "[V6]:PORT" in place; an empty host is NULL. Returns 0 or -EINVAL. */
static int split(char *text, const char **host, const char **port)
{
	char *colon = strrchr(text, ':');

	if (colon == NULL)
		return -EINVAL;
	*colon = '\0';
	*port = colon + 1;
	*host = *text ? text : NULL;
	if (*text == '[') {
		if (colon - text < 3 || colon[-1] != ']')
			return -EINVAL;
		colon[-1] = '\0';
		*host = text + 1;
	} else if (strchr(text, ':')) {
		return -EINVAL; /* an IPv6 address without brackets: where would its port begin? */
	}
	return 0;
}

static bool is_port(const char *text)
{
	char *end;
	unsigned long port = strtoul(text, &end, 10);

	return *text >= '0' && *text <= '9' && *end == '\0' && port <= 65535;
}

/* Bind one of a host's addresses. Returns the descriptor or -errno. */
static int inet_bind(const struct addrinfo *ai, bool any_host, enum muster__sharing sharing)
{
	int on = 1, off = 0, fd = socket_open(ai->ai_family);

	if (fd < 0)
		return -errno;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (sharing == MUSTER__REUSE_PORT)
		(void)setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
	if (ai->ai_family == AF_INET6 && any_host)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
	if (bind(fd, ai->ai_addr, ai->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0) {
		int error = errno;
		close(fd);
		return -error;
	}
	return fd;
}

/* For any host, the IPv6 wildcard comes first: it takes IPv4 too. */
static int inet_bind_first(const struct addrinfo *list, bool any_host, enum muster__sharing sharing)
{
	int fd = -EADDRNOTAVAIL;

	for (int pass = any_host ? 0 : 1; pass < 2 && fd < 0; pass++)
		for (const struct addrinfo *ai = list; ai && fd < 0; ai = ai->ai_next)
			if (pass == 1 || ai->ai_family == AF_INET6)
				fd = inet_bind(ai, any_host, sharing);
	return fd;
}

static void inet_text(int fd, char *out, size_t room)
{
	struct sockaddr_storage ss = {0};
	socklen_t bytes = sizeof ss;
	char host[NI_MAXHOST], port[NI_MAXSERV];

	if (getsockname(fd, (struct sockaddr *)&ss, &bytes) != 0 ||
	    getnameinfo((struct sockaddr *)&ss, bytes, host, sizeof host, port, sizeof port,
	                NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		return;
	(void)snprintf(out, room, ss.ss_family == AF_INET6 ? "[%.100s]:%s" : "%.100s:%s", host, port);
}

static int inet_open(const char *what, const char *address, enum muster__sharing sharing, struct muster__listener *out)
{
	char text[MUSTER__ADDRESS_BYTES];
	const char *host, *port;
	struct addrinfo *list, hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};

	if ((size_t)snprintf(text, sizeof text, "%s", address) >= sizeof text || split(text, &host, &port) != 0)
		return muster__refuse(EX_USAGE, "%s %.160s: not an address; " FORMS, what, address);
	if (!is_port(port))
		return muster__refuse(EX_USAGE, "%s %s: the port must be a number from 0 to 65535", what, address);
	int rc = getaddrinfo(host, port, &hints, &list);
	if (rc != 0)
		return muster__refuse(EX_NOHOST, "%s %s: %s; " FORMS, what, address, gai_strerror(rc));
	int fd = inet_bind_first(list, host == NULL, sharing);
	freeaddrinfo(list);
	if (fd < 0)
		return bind_refused(what, address, -fd);
	*out = (struct muster__listener){.fd = fd};
	inet_text(fd, out->text, sizeof out->text);
	return 0;
}

/* ---- both --------------------------------------------------------------------------------- */

static bool is_unix(const char *address)
{
	return strncmp(address, UNIX_PREFIX, sizeof UNIX_PREFIX - 1) == 0;
}

static const char *path_of(const struct muster__listener *listener)
{
	return listener->text + sizeof UNIX_PREFIX - 1;
}

int muster__listener_open(const char *what, const char *address, enum muster__sharing sharing,
                          struct muster__listener *out)
{
	if (is_unix(address))
		return sharing == MUSTER__ALONE
		           ? unix_open(what, address, address + sizeof UNIX_PREFIX - 1, out)
		           : muster__refuse(EX_USAGE, "%s %s: cannot be shared by --reuse-port; take HOST:PORT", what, address);
	return inet_open(what, address, sharing, out);
}

void muster__listener_adopt(int fd, const char *address, struct muster__listener *out)
{
	*out = (struct muster__listener){.fd = fd, .is_unix = is_unix(address)};
	if (out->is_unix)
		(void)snprintf(out->text, sizeof out->text, "%s", address);
	else
		inet_text(fd, out->text, sizeof out->text);
}

void muster__listener_own(struct muster__listener *listener)
{
	struct stat st;

	if (!listener->is_unix || listener->is_foreign || listener->ino || lstat(path_of(listener), &st) != 0 ||
	    !S_ISSOCK(st.st_mode))
		return;
	listener->dev = st.st_dev;
	listener->ino = st.st_ino;
}

static int option_of(int fd, int option)
{
	int value = -1;
	socklen_t bytes = sizeof value;

	return getsockopt(fd, SOL_SOCKET, option, &value, &bytes) == 0 ? value : -1;
}

/* An abstract address begins with a NUL, which is written as @. */
static void unix_text(int fd, char *out, size_t room)
{
	struct sockaddr_un sun = {0};
	socklen_t bytes = sizeof sun;

	if (getsockname(fd, (struct sockaddr *)&sun, &bytes) != 0 || bytes <= sizeof sun.sun_family)
		bytes = sizeof sun.sun_family;
	bool abstract = bytes > sizeof sun.sun_family && sun.sun_path[0] == '\0';
	(void)snprintf(out, room, "unix:%s%.*s", abstract ? "@" : "", (int)(bytes - sizeof sun.sun_family) - abstract,
	               sun.sun_path + abstract);
}

int muster__listener_passed(int fd, struct muster__listener *out)
{
	int domain = option_of(fd, SO_DOMAIN);
	bool good = option_of(fd, SO_ACCEPTCONN) == 1 && option_of(fd, SO_TYPE) == SOCK_STREAM;

	if (!good || (domain != AF_UNIX && domain != AF_INET && domain != AF_INET6))
		return -ENOTSOCK;
	*out = (struct muster__listener){.fd = fd, .is_unix = domain == AF_UNIX, .is_foreign = true};
	if (out->is_unix)
		unix_text(fd, out->text, sizeof out->text);
	else
		inet_text(fd, out->text, sizeof out->text);
	return 0;
}

void muster__listener_leave(struct muster__listener *listener)
{
	listener->dev = 0;
	listener->ino = 0;
}

int muster__listener_again(const struct muster__listener *listener)
{
	struct sockaddr_storage ss = {0};
	socklen_t bytes = sizeof ss, only_bytes = sizeof(int);
	int only = 1;

	if (getsockname(listener->fd, (struct sockaddr *)&ss, &bytes) != 0)
		return -errno;
	(void)getsockopt(listener->fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, &only_bytes);
	struct addrinfo ai = {.ai_family = ss.ss_family, .ai_addr = (struct sockaddr *)&ss, .ai_addrlen = bytes};
	return inet_bind(&ai, ss.ss_family == AF_INET6 && !only, MUSTER__REUSE_PORT);
}

void muster__listener_unlink(const struct muster__listener *listener)
{
	struct stat st;
	const char *path = path_of(listener);

	if (listener->is_unix && lstat(path, &st) == 0 && st.st_dev == listener->dev && st.st_ino == listener->ino)
		(void)unlink(path);
}

void muster__listener_close(struct muster__listener *listener)
{
	if (listener->fd < 0)
		return;
	muster__listener_unlink(listener);
	close(listener->fd);
	listener->fd = -1;
}
