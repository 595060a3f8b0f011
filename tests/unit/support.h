/* SPDX-License-Identifier: Apache-2.0 */
/*
 * support.h - what unit tests share: a temporary region, a scrape of it, one value out of the scrape.
 */
#ifndef TESTS_SUPPORT_H
#define TESTS_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <muster/region.h>

static char support_region[64];

/* A fresh region, named by MUSTER_REGION for every child. Returns its path. */
__attribute__((unused)) static const char *region_make(void)
{
	strcpy(support_region, "/dev/shm/muster-test-XXXXXX");
	assert_non_null(mkdtemp(support_region));
	assert_int_equal(setenv("MUSTER_REGION", support_region, 1), 0);
	return support_region;
}

__attribute__((unused)) static void region_remove(void)
{
	DIR *dir = opendir(support_region);
	char path[400];

	for (struct dirent *e; dir && (e = readdir(dir));) {
		(void)snprintf(path, sizeof path, "%s/%s", support_region, e->d_name);
		(void)unlink(path);
	}
	if (dir)
		closedir(dir);
	(void)rmdir(support_region);
}

/* A region of its own for each test. */
__attribute__((unused)) static int setup(void **state)
{
	(void)state;
	region_make();
	return 0;
}

__attribute__((unused)) static int teardown(void **state)
{
	(void)state;
	region_remove();
	return 0;
}

/* Run fn in a child process and wait; the status is the child's wait status. */
__attribute__((unused)) static int in_child(void (*fn)(void))
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		fn();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

/* One scrape of the test's region, NUL-terminated; free() it. */
__attribute__((unused)) static char *scrape_as(enum muster_format format)
{
	struct muster_region *region;
	const char *text;
	size_t bytes;

	assert_int_equal(muster_region_open(support_region, &region), 0);
	assert_int_equal(muster_region_refresh(region), 0);
	assert_int_equal(muster_region_write(region, format, MUSTER_ESCAPING_UNDERSCORES, NULL, &text, &bytes), 0);
	char *copy = strndup(text, bytes);
	muster_region_destroy(&region);
	return copy;
}

__attribute__((unused)) static char *scrape(void)
{
	return scrape_as(MUSTER_FORMAT_TEXT);
}

/* The value of a sample, spelled as on the page ("name{a=\"b\"}"); NAN if it is not there. */
__attribute__((unused)) static double value_in(const char *text, const char *sample)
{
	size_t n = strlen(sample);

	for (const char *line = text; line && *line; line = strchr(line, '\n'), line += line != NULL)
		if (strncmp(line, sample, n) == 0 && line[n] == ' ')
			return strtod(line + n, NULL);
	return NAN;
}

/* What stands behind a sample and its value: " # {...} value", the time left out; "" if there is nothing. */
__attribute__((unused)) static const char *exemplar_in(const char *page, const char *sample)
{
	static char out[1024];
	size_t n = strlen(sample);

	for (const char *line = page; line && *line; line = strchr(line, '\n'), line += line != NULL) {
		if (strncmp(line, sample, n) != 0 || line[n] != ' ')
			continue;
		const char *end = strchr(line, '\n'), *mark = strstr(line, " # {");
		if (mark == NULL || mark > end)
			return "";
		while (*end != ' ')
			end--;
		(void)snprintf(out, sizeof out, "%.*s", (int)(end - mark), mark);
		return out;
	}
	return "no such sample";
}

__attribute__((unused)) static double value_of(const char *sample)
{
	char *text = scrape();
	double value = value_in(text, sample);

	free(text);
	return value;
}

#endif
