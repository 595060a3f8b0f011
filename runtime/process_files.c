/* SPDX-License-Identifier: Apache-2.0 */
/*
 * process_files.c - reading and parsing files of /proc/PID; proc(5). Runs in the master.
 */
#include "process_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEXT_BYTES 4096

static int file_open(pid_t pid, const char *name)
{
	char path[48];

	(void)snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
	return open(path, O_RDONLY | O_CLOEXEC);
}

/* From a descriptor that is kept, or one for this time. Returns 0; -ESRCH if there is no such process; -errno. */
static int file_read(pid_t pid, const char *name, int kept, char text[TEXT_BYTES])
{
	int fd = kept >= 0 ? kept : file_open(pid, name);
	ssize_t count = fd < 0 ? -1 : pread(fd, text, TEXT_BYTES - 1, 0);
	int rc = count > 0 ? 0 : count == 0 || errno == ENOENT ? -ESRCH : -errno;

	if (fd >= 0 && kept < 0)
		close(fd);
	text[count > 0 ? count : 0] = '\0';
	return rc;
}

static int file_keep(pid_t pid, const char *name)
{
	struct rlimit limit;
	int fd = file_open(pid, name);

	if (fd >= 0 && getrlimit(RLIMIT_NOFILE, &limit) == 0 && (rlim_t)fd >= limit.rlim_cur / 2) {
		close(fd);
		fd = -1;
	}
	return fd;
}

void muster__process_files_open(pid_t pid, bool keep, struct muster__process_files *out)
{
	*out = (struct muster__process_files){.pid = pid, .stat = -1, .status = -1};
	if (keep) {
		out->stat = file_keep(pid, "stat");
		out->status = file_keep(pid, "status");
	}
}

void muster__process_files_close(struct muster__process_files *files)
{
	if (files->stat >= 0)
		close(files->stat);
	if (files->status >= 0)
		close(files->status);
	files->stat = files->status = -1;
}

/* ---- stat and status ---------------------------------------------------------------------- */

/* The name in parentheses may hold anything, so what follows is found from its last one. */
bool muster__process_parse_stat(const char *text, struct muster__process_reading *out)
{
	const char *behind = strrchr(text, ')');
	unsigned long user, system, pages;
	unsigned long long start, bytes;
	long waited_user, waited_system, threads;
	int parent;
	char state;

	if (behind == NULL ||
	    sscanf(behind + 1, " %c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %ld %ld %*d %*d %ld %*d %llu %llu %lu",
	           &state, &parent, &user, &system, &waited_user, &waited_system, &threads, &start, &bytes, &pages) != 10)
		return false;
	double tick = 1.0 / (double)sysconf(_SC_CLK_TCK);
	out->ended = state == 'Z' || state == 'X';
	out->parent = parent;
	out->self.user = (double)user * tick;
	out->self.system = (double)system * tick;
	out->waited = (struct muster__spent){.user = (double)waited_user * tick, .system = (double)waited_system * tick};
	out->threads = (double)threads;
	out->start_ticks = start;
	out->virtual_bytes = (double)bytes;
	out->resident_bytes = (double)pages * (double)sysconf(_SC_PAGESIZE);
	return true;
}

static void number_after(const char *text, const char *key, double *out)
{
	const char *at = strstr(text, key);

	if (at)
		*out = strtod(at + strlen(key), NULL);
}

void muster__process_parse_status(const char *text, struct muster__process_reading *out)
{
	number_after(text, "\nvoluntary_ctxt_switches:", &out->self.voluntary);
	number_after(text, "\nnonvoluntary_ctxt_switches:", &out->self.involuntary);
}

int muster__process_files_read(struct muster__process_files *files, struct muster__process_reading *out)
{
	struct muster__process_reading reading = {0};
	char text[TEXT_BYTES];
	int rc = file_read(files->pid, "stat", files->stat, text);

	if (rc == 0 && !muster__process_parse_stat(text, &reading))
		rc = -EIO;
	if (rc == 0 && files->start_ticks && files->start_ticks != reading.start_ticks)
		rc = -ESRCH; /* another process of that pid */
	if (rc != 0)
		return rc;
	files->start_ticks = reading.start_ticks;
	if (file_read(files->pid, "status", files->status, text) == 0)
		muster__process_parse_status(text, &reading);
	*out = reading;
	return 0;
}

/* ---- descriptors -------------------------------------------------------------------------- */

/* Kernels before 6.2 do not count for us. */
static double entries_count(const char *path, size_t *budget)
{
	DIR *dir = opendir(path);
	size_t count = 0;

	if (dir == NULL)
		return -1;
	for (struct dirent *entry; count < *budget && (entry = readdir(dir)) != NULL;)
		count += entry->d_name[0] != '.';
	closedir(dir);
	bool whole = count < *budget;
	*budget -= count;
	return whole ? (double)count : -1;
}

double muster__process_open_fds(pid_t pid, size_t *budget)
{
	char path[32];
	struct stat st;

	(void)snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
	if (stat(path, &st) != 0)
		return -1;
	return st.st_size > 0 ? (double)st.st_size : entries_count(path, budget);
}

/* prlimit() is for processes of our own user, and /proc tells everybody; but that takes ten times as long. */
double muster__process_max_fds(pid_t pid)
{
	struct rlimit limit;
	char text[TEXT_BYTES];
	double count = -1;

	if (prlimit(pid, RLIMIT_NOFILE, NULL, &limit) == 0)
		return (double)limit.rlim_cur;
	if (file_read(pid, "limits", -1, text) == 0)
		number_after(text, "\nMax open files", &count);
	return count;
}

/* ---- memory ------------------------------------------------------------------------------- */

double muster__process_proportional_bytes(pid_t pid)
{
	char text[TEXT_BYTES];
	double kilobytes = -1;

	if (file_read(pid, "smaps_rollup", -1, text) == 0)
		number_after(text, "\nPss:", &kilobytes);
	return kilobytes < 0 ? -1 : kilobytes * 1024;
}
