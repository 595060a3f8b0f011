/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree.h - the processes below this one, as /proc shows them.
 */
#ifndef MUSTER__TREE_H
#define MUSTER__TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct muster__tree_process {
	pid_t pid, parent;
	unsigned long long start; /* clock ticks after boot */
	bool below;               /* a descendant of ours */
};

struct muster__tree {
	struct muster__tree_process *processes; /* living descendants, the oldest first; zombies are none */
	size_t count;
};

/* List the living descendants of the calling process.
 * Returns 0; -errno if /proc cannot be read; -ENOMEM. */
int muster__tree_read(struct muster__tree *out);
void muster__tree_free(struct muster__tree *tree);

/* Is `pid` one of them? */
bool muster__tree_has(const struct muster__tree *tree, pid_t pid);

/* Send a signal to all of them. Returns how many took it. */
size_t muster__tree_signal(const struct muster__tree *tree, int signo);

#endif
