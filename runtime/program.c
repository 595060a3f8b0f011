/* SPDX-License-Identifier: Apache-2.0 */
/*
 * program.c - reads how this process was started from /proc/self and the auxiliary vector. Runs in the master.
 *
 * The path is the one that was executed, not what it led to: operators switch versions by a symbolic link. It is
 * believed if it leads to the file that runs; for a script it does not, and the interpreter's path, with the
 * script among the arguments, starts the same.
 */
#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#define ARGUMENTS_BYTES_MAX (8 << 20)

/* ---- path --------------------------------------------------------------------------------- */

static char *executed_path(void)
{
	const char *given = (const char *)getauxval(AT_EXECFN);
	char directory[PATH_MAX], *path = NULL;
	struct stat there, running;

	if (given == NULL)
		return NULL;
	if (*given == '/')
		path = strdup(given);
	else if (getcwd(directory, sizeof directory) == NULL || asprintf(&path, "%s/%s", directory, given) < 0)
		path = NULL;
	if (path && stat(path, &there) == 0 && stat("/proc/self/exe", &running) == 0 && there.st_dev == running.st_dev &&
	    there.st_ino == running.st_ino)
		return path;
	free(path);
	return NULL;
}

static char *running_path(void)
{
	char path[PATH_MAX];
	ssize_t count = readlink("/proc/self/exe", path, sizeof path);

	return count > 0 && count < (ssize_t)sizeof path ? strndup(path, (size_t)count) : NULL;
}

/* ---- arguments ---------------------------------------------------------------------------- */

/* A file that does not say how long it is. The text ends with two NULs. */
static char *read_all(const char *path, size_t *count)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *text = NULL;
	ssize_t got = fd < 0 ? -1 : 1;

	*count = 0;
	for (size_t room = 4096; got > 0 && room <= ARGUMENTS_BYTES_MAX; room *= 2) {
		char *more = realloc(text, room + 2);
		if (more == NULL)
			break;
		text = more;
		while (*count < room && (got = read(fd, text + *count, room - *count)) > 0)
			*count += (size_t)got;
	}
	if (fd >= 0)
		close(fd);
	if (got != 0) {
		free(text);
		return NULL;
	}
	text[*count] = text[*count + 1] = '\0';
	return text;
}

static int arguments_read(struct muster__program *p)
{
	size_t bytes, count = 0;

	p->arguments = read_all("/proc/self/cmdline", &bytes);
	if (p->arguments == NULL || bytes == 0)
		return -EIO;
	for (size_t i = 0; i < bytes; i++)
		count += p->arguments[i] == '\0';
	p->argv = calloc(count + 2, sizeof *p->argv);
	if (p->argv == NULL)
		return -ENOMEM;
	size_t n = 0;
	for (size_t at = 0; at < bytes; at += strlen(p->arguments + at) + 1)
		p->argv[n++] = p->arguments + at;
	return 0;
}

/* ---- environment -------------------------------------------------------------------------- */

static int environment_read(struct muster__program *p)
{
	size_t count = 0;

	while (environ && environ[count])
		count++;
	p->environment = calloc(count + 2, sizeof *p->environment);
	for (size_t i = 0; p->environment && i < count; i++, p->environment_count++)
		if ((p->environment[i] = strdup(environ[i])) == NULL)
			return -ENOMEM;
	return p->environment ? 0 : -ENOMEM;
}

int muster__program_read(struct muster__program *out)
{
	struct muster__program p = {.path = executed_path()};
	int rc = arguments_read(&p);

	if (p.path == NULL)
		p.path = running_path();
	if (rc == 0)
		rc = p.path ? environment_read(&p) : -ENOENT;
	if (rc != 0)
		muster__program_free(&p);
	else
		*out = p;
	return rc;
}

void muster__program_free(struct muster__program *p)
{
	for (size_t i = 0; i < p->environment_count; i++)
		free(p->environment[i]);
	free(p->environment);
	free(p->arguments);
	free(p->argv);
	free(p->path);
	*p = (struct muster__program){0};
}
