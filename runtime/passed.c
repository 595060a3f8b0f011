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

/* ---- the one for the metrics -------------------------------------------------------------- */

#define MEANT "systemd"

bool muster__passed_is_meant(const char *metrics)
{
	size_t count = strlen(MEANT);

	return strncmp(metrics, MEANT, count) == 0 && (metrics[count] == '\0' || metrics[count] == ':');
}

static const char *name_meant(const char *metrics)
{
	return metrics[strlen(MEANT)] == ':' ? metrics + strlen(MEANT ":") : "metrics";
}

/* The next name of a list with colons between; NULL at its end. */
static const char *name_next(const char **names, size_t *bytes)
{
	const char *name = *names;

	if (name == NULL)
		return NULL;
	*bytes = strcspn(name, ":");
	*names = name[*bytes] ? name + *bytes + 1 : NULL;
	return name;
}

/* How many are named so; where the first one is. */
static size_t name_find(const char *wanted, size_t *idx)
{
	const char *names = getenv("LISTEN_FDNAMES"), *name;
	size_t bytes, found = 0;

	for (size_t i = 0; (name = name_next(&names, &bytes)) != NULL; i++)
		if (bytes == strlen(wanted) && memcmp(name, wanted, bytes) == 0 && found++ == 0)
			*idx = i;
	return found;
}

/* The children get the others, and their names. */
static void name_forget(size_t idx)
{
	const char *names = getenv("LISTEN_FDNAMES"), *name;
	size_t bytes, count = 0;
	char *left = names ? malloc(strlen(names) + 1) : NULL;

	if (left == NULL)
		return;
	for (size_t i = 0; (name = name_next(&names, &bytes)) != NULL; i++) {
		if (i == idx)
			continue;
		if (count)
			left[count++] = ':';
		memcpy(left + count, name, bytes);
		count += bytes;
	}
	left[count] = '\0';
	(void)setenv("LISTEN_FDNAMES", left, 1);
	free(left);
}

static int listens(const char *metrics, int fd, struct muster__listener *out)
{
	if (muster__listener_passed(fd, out) == 0)
		return 0;
	return muster__refuse(EX_USAGE,
	                      "--metrics %s: descriptor %d is no listening stream socket; write ListenStream= and "
	                      "Accept=no",
	                      metrics, fd);
}

int muster__passed_pick(const char *metrics, bool only, struct muster__listener *list, size_t *count,
                        struct muster__listener *out)
{
	size_t idx = 0, found = name_find(name_meant(metrics), &idx);

	if (found == 0 && only && *count == 1 && strcmp(metrics, MEANT) == 0)
		found = 1;
	if (found != 1 || idx >= *count)
		return muster__refuse(EX_USAGE,
		                      "--metrics %s: %zu of %zu sockets passed by LISTEN_FDS are named %s; write "
		                      "FileDescriptorName=%s for one",
		                      metrics, found, *count, name_meant(metrics), name_meant(metrics));
	int status = listens(metrics, list[idx].fd, out);
	if (status != 0)
		return status;
	(*count)--;
	memmove(&list[idx], &list[idx + 1], (*count - idx) * sizeof *list);
	name_forget(idx);
	return 0;
}

int muster__passed_picked(const char *metrics, int fd, struct muster__listener *out)
{
	size_t idx;

	if (name_find(name_meant(metrics), &idx) == 1)
		name_forget(idx);
	return listens(metrics, fd, out);
}
