/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load_target.c - a load generator aimed at somebody else's machine is a weapon, so only loopback is
 * accepted, and only as an address: a name could resolve to anything.
 */
#include "load_target.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HOST_BYTES_MAX 63
#define PROBE_SECONDS 5

static bool port_read(const char *text, in_port_t *out)
{
	size_t digits = strspn(text, "0123456789");
	unsigned long port = strtoul(text, NULL, 10);

	if (digits == 0 || digits > 5 || text[digits] != '\0' || port < 1 || port > 65535)
		return false;
	*out = htons((uint16_t)port);
	return true;
}

static const char *v4_read(const char *host, in_port_t port, struct load_target *out)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = port};

	if (inet_pton(AF_INET, strcmp(host, "localhost") == 0 ? "127.0.0.1" : host, &in.sin_addr) != 1)
		return "must be localhost:PORT, 127.x.x.x:PORT or [::1]:PORT";
	if (ntohl(in.sin_addr.s_addr) >> 24 != IN_LOOPBACKNET)
		return "is not loopback, and load is sent to this machine only; use an address of 127.0.0.0/8 or [::1]";
	memcpy(&out->address, &in, sizeof in);
	out->address_bytes = sizeof in;
	return NULL;
}

static const char *v6_read(const char *host, in_port_t port, struct load_target *out)
{
	struct sockaddr_in6 in = {.sin6_family = AF_INET6, .sin6_port = port};

	if (inet_pton(AF_INET6, host, &in.sin6_addr) != 1)
		return "must be localhost:PORT, 127.x.x.x:PORT or [::1]:PORT";
	if (!IN6_IS_ADDR_LOOPBACK(&in.sin6_addr))
		return "is not loopback, and load is sent to this machine only; use an address of 127.0.0.0/8 or [::1]";
	memcpy(&out->address, &in, sizeof in);
	out->address_bytes = sizeof in;
	return NULL;
}

const char *load_target_read(const char *text, struct load_target *out)
{
	const char *colon = strrchr(text, ':');
	bool bracketed = text[0] == '[' && colon && colon[-1] == ']';
	char host[HOST_BYTES_MAX + 1];
	in_port_t port;

	if (!colon || colon - text > HOST_BYTES_MAX)
		return "must be localhost:PORT, 127.x.x.x:PORT or [::1]:PORT";
	if (!port_read(colon + 1, &port))
		return "must end in :PORT, a number from 1 to 65535";
	size_t count = (size_t)(colon - text) - (bracketed ? 2 : 0);
	memcpy(host, text + bracketed, count);
	host[count] = '\0';
	const char *wrong = bracketed ? v6_read(host, port, out) : v4_read(host, port, out);
	if (!wrong)
		out->text = text;
	return wrong;
}

/* A socket that is connecting although it waits like any other: io_uring wants it without O_NONBLOCK, and
 * neither loop has an operation to connect. */
int load_target_connect(const struct load_target *target)
{
	int fd = socket(target->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&target->address, target->address_bytes) == 0 || errno == EINPROGRESS) {
		fcntl(fd, F_SETFL, 0);
		return fd;
	}
	int err = -errno;
	close(fd);
	return err;
}

int load_target_probe(const struct load_target *target)
{
	struct timeval limit = {.tv_sec = PROBE_SECONDS};
	int fd = socket(target->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
	int err = connect(fd, (const struct sockaddr *)&target->address, target->address_bytes) < 0 ? -errno : 0;
	close(fd);
	return err;
}
