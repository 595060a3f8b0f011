/* SPDX-License-Identifier: Apache-2.0 */
/*
 * oom.c - counts of the kernel's out-of-memory killer. Runs in the master.
 *
 * A death by SIGKILL does not tell who sent it, but the killer counts what it does. The count rises before the victim is
 * gone, perhaps by seconds where it had much memory to give back, so a rise explains a death for some time.
 */
#include "oom.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RECENT_MS 10000
#define TEXT_BYTES 32768
#define PATH_BYTES 1024

bool muster__oom_parse(const char *text, uint64_t *out)
{
	for (const char *line = text; line; line = strchr(line, '\n'), line += line != NULL)
		if (strncmp(line, "oom_kill ", 9) == 0) {
			*out = strtoull(line + 9, NULL, 10);
			return true;
		}
	return false;
}

bool muster__oom_cgroup(const char *text, char *out, unsigned bytes)
{
	for (const char *line = text; line; line = strchr(line, '\n'), line += line != NULL) {
		if (strncmp(line, "0::/", 4) != 0)
			continue;
		size_t count = strcspn(line + 3, "\n");
		if (count >= bytes)
			return false;
		memcpy(out, line + 3, count);
		out[count] = '\0';
		return true;
	}
	return false;
}

static bool read_at(int fd, char text[TEXT_BYTES])
{
	ssize_t count = pread(fd, text, TEXT_BYTES - 1, 0);

	text[count > 0 ? count : 0] = '\0';
	return count > 0;
}

/* Open a file that has the count. Returns -1 if it has not. */
static int counter_open(const char *path, uint64_t *count)
{
	char text[TEXT_BYTES];
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd >= 0 && read_at(fd, text) && muster__oom_parse(text, count))
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

static int cgroup_open(uint64_t *count)
{
	char text[TEXT_BYTES] = "", path[PATH_BYTES], file[PATH_BYTES + 64];
	int self = open("/proc/self/cgroup", O_RDONLY | O_CLOEXEC);

	if (self < 0)
		return -1;
	bool found = read_at(self, text) && muster__oom_cgroup(text, path, sizeof path);
	close(self);
	if (!found)
		return -1;
	(void)snprintf(file, sizeof file, "/sys/fs/cgroup%s/memory.events", path);
	return counter_open(file, count);
}

void muster__oom_open(struct muster__oom *out)
{
	*out = (struct muster__oom){.fd = -1};
	out->fd = cgroup_open(&out->count);
	if (out->fd >= 0)
		return;
	out->system = true;
	out->fd = counter_open("/proc/vmstat", &out->count);
}

void muster__oom_close(struct muster__oom *oom)
{
	if (oom->fd >= 0)
		close(oom->fd);
	oom->fd = -1;
}

uint64_t muster__oom_look(struct muster__oom *oom, uint64_t now_ms)
{
	char text[TEXT_BYTES];
	uint64_t count, more = 0;

	if (oom->fd >= 0 && read_at(oom->fd, text) && muster__oom_parse(text, &count) && count > oom->count) {
		more = count - oom->count;
		oom->count = count;
	}
	if (now_ms - oom->risen_ms > RECENT_MS)
		oom->unclaimed = 0;
	if (more)
		oom->risen_ms = now_ms;
	oom->unclaimed += more;
	return more;
}

bool muster__oom_claim(struct muster__oom *oom)
{
	if (oom->unclaimed == 0)
		return false;
	oom->unclaimed--;
	return true;
}
