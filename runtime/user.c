/* SPDX-License-Identifier: Apache-2.0 */
/*
 * user.c - finding a user and its groups, and becoming it. The first runs in the master, the second in a worker
 * before its own code: groups, then the group, then the user, each of which needs the rights that the next one drops.
 */
#include "user.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "log.h"

#define NAME_BYTES_MAX 64

/* An identifier as a number. The largest is the system's word for "none". */
static bool read_number(const char *text, unsigned *out)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || n >= 0xffffffffUL)
		return false;
	*out = (unsigned)n;
	return true;
}

static int find_group(const char *text, gid_t *out)
{
	const struct group *g = getgrnam(text);

	if (g)
		*out = g->gr_gid;
	else if (!read_number(text, out))
		return muster__refuse(EX_NOUSER, "--worker-user: there is no group %s; see getent group", text);
	return 0;
}

/* `group` is "" if none was given. */
static int find(const char *name, const char *group, struct muster__user *out)
{
	const struct passwd *p = getpwnam(name);

	if (p == NULL && read_number(name, &out->uid))
		p = getpwuid(out->uid);
	else if (p == NULL)
		return muster__refuse(EX_NOUSER, "--worker-user: there is no user %s; see getent passwd", name);
	if (p == NULL && *group == '\0')
		return muster__refuse(EX_NOUSER, "--worker-user %s: has no entry in passwd; add its group: %s:GROUP", name,
		                      name);
	if (p) {
		out->uid = p->pw_uid;
		out->gid = p->pw_gid;
	}
	int status = *group ? find_group(group, &out->gid) : 0;
	out->groups[0] = out->gid;
	out->group_count = p ? MUSTER__USER_GROUPS_MAX : 1;
	if (status == 0 && p && getgrouplist(p->pw_name, out->gid, out->groups, &out->group_count) < 0)
		return muster__refuse(EX_NOUSER, "--worker-user %s: is in %d groups, at most %d are possible", name,
		                      out->group_count, MUSTER__USER_GROUPS_MAX);
	return status;
}

int muster__user_find(const char *text, struct muster__user *out)
{
	char name[NAME_BYTES_MAX + 1];
	const char *colon = strchr(text, ':'), *group = colon ? colon + 1 : "";
	size_t count = colon ? (size_t)(colon - text) : strlen(text);

	if (count == 0 || count > NAME_BYTES_MAX || (colon && *group == '\0'))
		return muster__refuse(EX_USAGE, "--worker-user %s: must be USER or USER:GROUP", text);
	if (geteuid() != 0)
		return muster__refuse(EX_NOPERM,
		                      "--worker-user %s: only root can let workers of another user in; leave it out, they run "
		                      "as uid %u",
		                      text, (unsigned)geteuid());
	memcpy(name, text, count);
	name[count] = '\0';
	int status = find(name, group, out);
	if (status == 0 && out->uid == 0)
		return muster__refuse(EX_USAGE, "--worker-user %s: is root, as muster is; leave it out", text);
	return status;
}

int muster__user_become(const struct muster__user *user)
{
	if (setgroups((size_t)user->group_count, user->groups) != 0 || setresgid(user->gid, user->gid, user->gid) != 0 ||
	    setresuid(user->uid, user->uid, user->uid) != 0)
		return -errno;
	return 0;
}
