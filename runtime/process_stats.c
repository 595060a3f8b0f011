/* SPDX-License-Identifier: Apache-2.0 */
/*
 * process_stats.c - /proc/self and rusage of the master, in the units of the process_* metrics.
 * Source: Prometheus "Writing client libraries", section "Standard and runtime collectors"; proc(5).
 */
#include "process_stats.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "descriptors.h"

/* The whole of a small file as a string; "" if there is none. */
static void read_text(const char *path, char *out, size_t room)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? 0 : read(fd, out, room - 1);

	out[got > 0 ? got : 0] = '\0';
	if (fd >= 0)
		close(fd);
}

/* Field n of a /proc/PID/stat line, n >= 3. Field 2 is the program's name and may hold anything, even
 * spaces and parentheses, so counting begins behind its last parenthesis. */
static double stat_field(const char *line, int n)
{
	const char *at = strrchr(line, ')');

	for (int field = 2; at && field < n; field++)
		at = strchr(at + 1, ' ');
	return at ? strtod(at + 1, NULL) : 0;
}

static double boot_unix_seconds(void)
{
	char text[65536];

	read_text("/proc/stat", text, sizeof text);
	const char *line = strstr(text, "\nbtime ");
	return line ? strtod(line + sizeof "\nbtime " - 1, NULL) : 0;
}

static double cpu_seconds(void)
{
	struct rusage usage;

	if (getrusage(RUSAGE_SELF, &usage) != 0)
		return 0;
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

static double open_fds(void)
{
	struct muster__descriptors list = {0};
	double count = muster__descriptors_read(&list) == 0 ? (double)list.count : 0;

	muster__descriptors_free(&list);
	return count;
}

static double max_fds(void)
{
	struct rlimit limit;

	return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? (double)limit.rlim_cur : 0;
}

double muster__process_unix_seconds(unsigned long long ticks)
{
	static double boot; /* does not change while we live */

	if (boot == 0)
		boot = boot_unix_seconds();
	return boot + (double)ticks / (double)sysconf(_SC_CLK_TCK);
}

void muster__process_stats_read(struct muster__process_stats *out)
{
	char line[1024];

	read_text("/proc/self/stat", line, sizeof line);
	*out = (struct muster__process_stats){
		.cpu_seconds = cpu_seconds(),
		.open_fds = open_fds(),
		.max_fds = max_fds(),
		.virtual_bytes = stat_field(line, 23),
		.resident_bytes = stat_field(line, 24) * (double)sysconf(_SC_PAGESIZE),
		.threads = stat_field(line, 20),
		.start_unix_seconds = muster__process_unix_seconds((unsigned long long)stat_field(line, 22)),
	};
}
