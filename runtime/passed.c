/* SPDX-License-Identifier: Apache-2.0 */
/*
 * passed.c - LISTEN_FDS, LISTEN_PID, LISTEN_FDNAMES as the master finds them. What its children are told is
 * written in child.c.
 */
#include "passed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "child.h"
#include "log.h"

#define FIRST 3

void muster__passed_adopt(int fd, struct muster__listener *out)
{
	*out = (struct muster__listener){.fd = fd}; /* not is_unix: its file is not ours to unlink */
	(void)snprintf(out->text, sizeof out->text, "descriptor %d, passed by LISTEN_FDS", fd);
}

static int take_one(int fd, struct muster__listener *out)
{
	int flags = fcntl(fd, F_GETFD);

	if (flags < 0)
		return muster__refuse(EX_USAGE, "LISTEN_FDS: descriptor %d is not open; LISTEN_FDS counts them from %d on", fd,
		                      FIRST);
	(void)fcntl(fd, F_SETFD, flags | FD_CLOEXEC);
	muster__passed_adopt(fd, out);
	return 0;
}

int muster__passed_take(struct muster__listener *out, size_t *count)
{
	const char *fds = getenv("LISTEN_FDS"), *pid = getenv("LISTEN_PID");
	char *end;
	int status = 0;

	*count = 0;
	if (fds == NULL || pid == NULL || strtol(pid, NULL, 10) != getpid())
		return 0;
	unsigned long n = strtoul(fds, &end, 10);
	if (*fds < '0' || *fds > '9' || *end || n > MUSTER__LISTENERS_MAX)
		return muster__refuse(EX_USAGE, "LISTEN_FDS %s: must be a number from 0 to %d", fds, MUSTER__LISTENERS_MAX);
	for (; status == 0 && *count < n; (*count)++)
		status = take_one(FIRST + (int)*count, &out[*count]);
	return status;
}

char *muster__passed_names(size_t passed, size_t own)
{
	static const char ours[] = ":muster";
	const char *names = getenv("LISTEN_FDNAMES");

	if (passed == 0 || names == NULL)
		return NULL;
	char *all = malloc(strlen(names) + own * strlen(ours) + 1), *end = all;
	if (all == NULL)
		return NULL;
	end = stpcpy(end, names);
	while (own--)
		end = stpcpy(end, ours);
	return all;
}
