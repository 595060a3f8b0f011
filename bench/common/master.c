/* SPDX-License-Identifier: Apache-2.0 */
/* master.c - see master.h. */
#include "master.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define START_TRIES 1000 /* 10 ms each */
#define ANSWER_SECONDS 30

static void fail(const char *what)
{
	(void)fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(1);
}

/* ---- region ------------------------------------------------------------------------------- */

void master_region_make(struct master *m, const char *binary)
{
	*m = (struct master){.binary = binary, .region = "/dev/shm/muster-bench-XXXXXX"};
	if (mkdtemp(m->region) == NULL || setenv("MUSTER_REGION", m->region, 1) != 0)
		fail(m->region);
	(void)snprintf(m->socket, sizeof m->socket, "%s.sock", m->region);
}

long region_files(const struct master *m, const char *prefix, long *bytes)
{
	DIR *dir = opendir(m->region);
	struct stat st;
	long files = 0;

	*bytes = 0;
	for (struct dirent *e; dir && (e = readdir(dir));) {
		if (strncmp(e->d_name, prefix, strlen(prefix)) != 0 || fstatat(dirfd(dir), e->d_name, &st, 0) != 0 ||
		    !S_ISREG(st.st_mode))
			continue;
		files++;
		*bytes += (long)st.st_blocks * 512;
	}
	if (dir)
		closedir(dir);
	return files;
}

void master_region_remove(struct master *m)
{
	DIR *dir = opendir(m->region);

	for (struct dirent *e; dir && (e = readdir(dir));)
		(void)unlinkat(dirfd(dir), e->d_name, 0);
	if (dir)
		closedir(dir);
	(void)rmdir(m->region);
	(void)unlink(m->socket);
}

/* ---- process ------------------------------------------------------------------------------ */

static void serve(const struct master *m)
{
	char metrics[100];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)snprintf(metrics, sizeof metrics, "unix:%s", m->socket);
	(void)unsetenv("MUSTER_REGION");
	execl(m->binary, "muster", "serve", "--region", m->region, "--metrics", metrics, (char *)NULL);
	_exit(127);
}

bool master_start(struct master *m)
{
	(void)unlink(m->socket);
	m->pid = fork();
	if (m->pid == 0)
		serve(m);
	for (int i = 0; i < START_TRIES; i++) {
		char *page = master_scrape(m);
		free(page);
		if (page)
			return true;
		if (waitpid(m->pid, NULL, WNOHANG) == m->pid)
			break;
		usleep(10000);
	}
	return false;
}

void master_end(struct master *m, int signal)
{
	kill(m->pid, signal);
	(void)waitpid(m->pid, NULL, 0);
	m->pid = 0;
}

long master_rss_kib(const struct master *m)
{
	char path[40], line[100];
	long kib = 0;

	(void)snprintf(path, sizeof path, "/proc/%d/status", (int)m->pid);
	FILE *status = fopen(path, "re");
	while (status && fgets(line, sizeof line, status))
		(void)sscanf(line, "VmRSS: %ld", &kib);
	if (status)
		fclose(status);
	return kib;
}

long master_fds(const struct master *m)
{
	char path[40];
	long n = -2; /* . and .. */

	(void)snprintf(path, sizeof path, "/proc/%d/fd", (int)m->pid);
	DIR *dir = opendir(path);
	while (dir && readdir(dir))
		n++;
	if (dir)
		closedir(dir);
	return n;
}

/* ---- scraping ----------------------------------------------------------------------------- */

static int connected(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct timeval patience = {ANSWER_SECONDS, 0};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

static char *read_all(int fd, size_t *count)
{
	size_t capacity = 1 << 16;
	char *bytes = malloc(capacity);
	ssize_t n;

	*count = 0;
	while (bytes && (n = read(fd, bytes + *count, capacity - *count - 1)) > 0) {
		*count += (size_t)n;
		if (*count + 1 == capacity)
			bytes = realloc(bytes, capacity *= 2);
	}
	if (bytes)
		bytes[*count] = '\0';
	return bytes;
}

/* The body of an answer that is whole and good, in place. */
static bool body_of(char *answer, size_t count)
{
	const char *length = strstr(answer, "ontent-Length: "), *body = strstr(answer, "\r\n\r\n");

	if (strncmp(answer, "HTTP/1.1 200 ", 13) != 0 || length == NULL || body == NULL)
		return false;
	body += 4;
	size_t have = count - (size_t)(body - answer);
	if (have != strtoul(length + 15, NULL, 10))
		return false;
	memmove(answer, body, have + 1);
	return true;
}

char *master_scrape(const struct master *m)
{
	static const char request[] = "GET /metrics HTTP/1.1\r\nHost: muster\r\nConnection: close\r\n\r\n";
	int fd = connected(m->socket);
	size_t count;

	if (fd < 0)
		return NULL;
	char *answer = NULL;
	if (send(fd, request, sizeof request - 1, MSG_NOSIGNAL) == sizeof request - 1)
		answer = read_all(fd, &count);
	close(fd);
	if (answer && !body_of(answer, count)) {
		free(answer);
		return NULL;
	}
	return answer;
}

double page_sum(const char *page, const char *sample)
{
	size_t n = strlen(sample);
	double sum = 0;

	for (const char *line = page; line && *line; line = strchr(line, '\n'), line += line != NULL)
		if (strncmp(line, sample, n) == 0 && (line[n] == ' ' || line[n] == '{' || line[n] == ',' || line[n] == '}')) {
			const char *end = strchr(line, '\n');
			const char *value = end;
			while (value && value > line && value[-1] != ' ')
				value--;
			sum += value ? strtod(value, NULL) : 0;
		}
	return sum;
}
