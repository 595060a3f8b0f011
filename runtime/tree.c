/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree.c - who descends from us: one pass over /proc, then parents are followed upwards. Runs in the master,
 * when a server's first process has ended and when its tree is to be ended, so O(processes) is cheap enough.
 *
 * A list is old when it is made: who is on it may have ended. Their numbers are still theirs, though, as long
 * as their parent, or we as the subreaper, have not waited for them; and we wait only on this thread.
 * The parents that wait are in the same tree, and the window between list and kill is microseconds.
 */
#include "tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STAT_BYTES 1024

/* A file of /proc/PID that fits in `room`. Returns false if the process is gone. */
static bool read_stat(const char *pid, char text[STAT_BYTES])
{
	char path[32];

	(void)snprintf(path, sizeof path, "/proc/%.10s/stat", pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	ssize_t count = read(fd, text, STAT_BYTES - 1);
	close(fd);
	text[count > 0 ? count : 0] = '\0';
	return count > 0;
}

/* The name in parentheses may hold anything, so what follows is found from its last one. */
static bool parse_stat(const char *text, struct muster__tree_process *out)
{
	const char *behind = strrchr(text, ')');
	char state;
	int parent;

	if (behind == NULL ||
	    sscanf(behind + 1, " %c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu", &state,
	           &parent, &out->start) != 3)
		return false;
	out->pid = atoi(text);
	out->parent = parent;
	out->below = parent == getpid();
	return state != 'Z' && state != 'X';
}

static int append(struct muster__tree *tree, size_t *room, const struct muster__tree_process *process)
{
	if (tree->count == *room) {
		size_t more = *room ? 2 * *room : 128;
		void *grown = reallocarray(tree->processes, more, sizeof *process);
		if (grown == NULL)
			return -ENOMEM;
		tree->processes = grown;
		*room = more;
	}
	tree->processes[tree->count++] = *process;
	return 0;
}

static int read_all(struct muster__tree *tree)
{
	struct muster__tree_process process;
	char text[STAT_BYTES];
	size_t room = 0;
	int rc = 0;
	DIR *dir = opendir("/proc");

	if (dir == NULL)
		return -errno;
	for (struct dirent *entry; rc == 0 && (entry = readdir(dir)) != NULL;)
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' && read_stat(entry->d_name, text) &&
		    parse_stat(text, &process))
			rc = append(tree, &room, &process);
	closedir(dir);
	return rc;
}

static int by_pid(const void *a, const void *b)
{
	pid_t x = ((const struct muster__tree_process *)a)->pid, y = ((const struct muster__tree_process *)b)->pid;

	return (x > y) - (x < y);
}

static int by_age(const void *a, const void *b)
{
	const struct muster__tree_process *x = a, *y = b;

	return x->start != y->start ? (x->start > y->start) - (x->start < y->start) : by_pid(a, b);
}

static bool parent_is_below(const struct muster__tree *tree, const struct muster__tree_process *process)
{
	struct muster__tree_process key = {.pid = process->parent};
	const struct muster__tree_process *parent = bsearch(&key, tree->processes, tree->count, sizeof key, by_pid);

	return parent && parent->below;
}

/* Generation by generation, until a pass finds nobody new. */
static void mark_below(struct muster__tree *tree)
{
	for (bool more = true; more;) {
		more = false;
		for (size_t i = 0; i < tree->count; i++)
			if (!tree->processes[i].below && parent_is_below(tree, &tree->processes[i]))
				more = tree->processes[i].below = true;
	}
}

static void keep_below(struct muster__tree *tree)
{
	size_t kept = 0;

	for (size_t i = 0; i < tree->count; i++)
		if (tree->processes[i].below)
			tree->processes[kept++] = tree->processes[i];
	tree->count = kept;
}

int muster__tree_read(struct muster__tree *out)
{
	struct muster__tree tree = {0};
	int rc = read_all(&tree);

	if (rc != 0) {
		muster__tree_free(&tree);
		return rc;
	}
	if (tree.count) {
		qsort(tree.processes, tree.count, sizeof *tree.processes, by_pid);
		mark_below(&tree);
		keep_below(&tree);
	}
	if (tree.count)
		qsort(tree.processes, tree.count, sizeof *tree.processes, by_age);
	*out = tree;
	return 0;
}

void muster__tree_free(struct muster__tree *tree)
{
	free(tree->processes);
	*tree = (struct muster__tree){0};
}

bool muster__tree_has(const struct muster__tree *tree, pid_t pid)
{
	for (size_t i = 0; i < tree->count; i++)
		if (tree->processes[i].pid == pid)
			return true;
	return false;
}

size_t muster__tree_signal(const struct muster__tree *tree, int signo)
{
	size_t taken = 0;

	for (size_t i = 0; i < tree->count; i++)
		taken += kill(tree->processes[i].pid, signo) == 0;
	return taken;
}
