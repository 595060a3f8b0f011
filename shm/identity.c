/* SPDX-License-Identifier: Apache-2.0 */
/*
 * identity.c - who a process is, as the kernel tells: pid, start time, boot, pid namespace. Read with
 * plain system calls, by a writer once per attach. What cannot be read stays 0, and readers then use the
 * record lock instead.
 */
#include "identity.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "store.h"

static size_t file_read(const char *path, char *out, size_t bytes_max)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, out, bytes_max - 1);

	if (fd >= 0)
		close(fd);
	out[n > 0 ? n : 0] = '\0';
	return n > 0 ? (size_t)n : 0;
}

uint64_t muster__start_ticks(uint32_t pid)
{
	char path[32] = "/proc/self/stat", text[1024];

	if (pid != 0)
		(void)snprintf(path, sizeof path, "/proc/%u/stat", pid);
	file_read(path, text, sizeof text);
	/* Counted from the last ')' because the second field may hold any byte. */
	char *at = strrchr(text, ')');
	for (int field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	return at ? strtoull(at + 1, NULL, 10) : 0;
}

static unsigned hex_digit(char c)
{
	return c <= '9' ? (unsigned)(c - '0') : (unsigned)((c | 0x20) - 'a' + 10);
}

static void boot_id(uint8_t out[16])
{
	char text[64];
	size_t digits = 0;

	file_read("/proc/sys/kernel/random/boot_id", text, sizeof text);
	memset(out, 0, 16);
	for (const char *c = text; *c && *c != '\n' && digits < 32; c++)
		if (*c != '-') {
			out[digits / 2] = (uint8_t)(out[digits / 2] << 4 | hex_digit(*c));
			digits++;
		}
}

void muster__identity_read(struct muster__identity *identity)
{
	struct stat st;

	memset(identity, 0, sizeof *identity);
	identity->pid = (uint32_t)getpid();
	identity->start_ticks = muster__start_ticks(0);
	boot_id(identity->boot_id);
	if (stat("/proc/self/ns/pid", &st) == 0)
		identity->pidns_ino = st.st_ino;
	if (getrandom(&identity->instance, sizeof identity->instance, GRND_NONBLOCK) != sizeof identity->instance)
		identity->instance = muster__unix_ns();
}

uint64_t muster__unix_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * UINT64_C(1000000000) + (uint64_t)ts.tv_nsec;
}
