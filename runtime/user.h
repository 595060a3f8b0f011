/* SPDX-License-Identifier: Apache-2.0 */
/*
 * user.h - the user that workers run as, when the master is root: "USER", "USER:GROUP", names or numbers.
 */
#ifndef MUSTER__USER_H
#define MUSTER__USER_H

#include <sys/types.h>

#define MUSTER__USER_GROUPS_MAX 256

struct muster__user {
	uid_t uid;
	gid_t gid, groups[MUSTER__USER_GROUPS_MAX]; /* groups: all of them, as initgroups() would set */
	int group_count;
};

/* Look the user up, in the master, so that nobody has to after a fork.
 * Returns 0, or an exit status after a line in the log: no such user or group, root, or we are not root. */
int muster__user_find(const char *text, struct muster__user *out);

/* Become that user for good. Returns 0 or -errno. Context: a child before it runs a worker's code. */
int muster__user_become(const struct muster__user *user);

#endif
