/* SPDX-License-Identifier: Apache-2.0 */
/*
 * descriptors.c - lists of open descriptors, so that a forked worker can close exactly the master's own.
 *
 * What the caller of muster_prefork() had open stays open in its workers; what the master opened since
 * (loop, signal pipe, HTTP clients, region, pidfds) must not: a client would hang on a copy it cannot
 * see, and the region's lock would outlive the master. Without /proc the numbers are tried one by one.
 */
#include "descriptors.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define TRIED_MAX 65536

static int append(struct muster__descriptors *list, int fd)
{
	if (list->count == list->capacity) {
		size_t capacity = list->capacity ? 2 * list->capacity : 64;
		int *fds = reallocarray(list->fds, capacity, sizeof *fds);
		if (fds == NULL)
			return -ENOMEM;
		list->fds = fds;
		list->capacity = capacity;
	}
	list->fds[list->count++] = fd;
	return 0;
}

static int compare(const void *a, const void *b)
{
	int x = *(const int *)a, y = *(const int *)b;

	return (x > y) - (x < y);
}

static int read_by_trying(struct muster__descriptors *list)
{
	long limit = sysconf(_SC_OPEN_MAX);
	int rc = 0;

	for (int fd = 0; rc == 0 && fd < TRIED_MAX && fd < limit; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			rc = append(list, fd);
	return rc;
}

static int read_from(DIR *dir, struct muster__descriptors *list)
{
	int rc = 0;

	for (struct dirent *entry; rc == 0 && (entry = readdir(dir)) != NULL;) {
		int fd = atoi(entry->d_name);
		if (entry->d_name[0] != '.' && fd != dirfd(dir))
			rc = append(list, fd);
	}
	if (rc == 0 && list->count)
		qsort(list->fds, list->count, sizeof *list->fds, compare);
	return rc;
}

int muster__descriptors_read(struct muster__descriptors *list)
{
	list->count = 0;
	DIR *dir = opendir("/proc/self/fd");
	if (dir == NULL)
		return read_by_trying(list);
	int rc = read_from(dir, list);
	closedir(dir);
	return rc;
}

static int is_in(int fd, const int *keep, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (keep[i] == fd)
			return 1;
	return 0;
}

void muster__descriptors_without(struct muster__descriptors *list, const int *keep, size_t count)
{
	size_t left = 0;

	for (size_t i = 0; i < list->count; i++)
		if (!is_in(list->fds[i], keep, count))
			list->fds[left++] = list->fds[i];
	list->count = left;
}

void muster__descriptors_free(struct muster__descriptors *list)
{
	free(list->fds);
	*list = (struct muster__descriptors){0};
}
