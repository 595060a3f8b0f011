/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pidfile.h - one file that says which process is the master, true as long as it is locked.
 */
#ifndef MUSTER__PIDFILE_H
#define MUSTER__PIDFILE_H

#include <stdbool.h>

struct muster__pidfile {
	const char *path; /* NULL: none was made */
	int fd;           /* holds the lock */
	char *aside;      /* where it is now, if not at `path` */
};

/* Write our pid to `path`. A file that nobody has locked is of a process that died, and is replaced.
 *   path   kept, not copied
 *   out    untouched on failure
 * Returns 0, or a code of <sysexits.h> after one line in the log: EX_TEMPFAIL if a living process holds it,
 *   EX_NOINPUT if the file there holds something else than a pid, EX_CANTCREAT if none can be made. */
int muster__pidfile_create(const char *path, struct muster__pidfile *out);

/* Make room at `path` for the master that comes after us: ours is PATH.oldbin from now on. Accepts one that was not
 * made. Returns 0; -errno; -EBUSY if that name is held by a living process. */
int muster__pidfile_step_aside(struct muster__pidfile *pidfile);
/* Back to `path`, unless somebody else holds that. */
void muster__pidfile_step_back(struct muster__pidfile *pidfile);
/* Unlink the PATH.oldbin of a master that was killed. Returns false if one is there that a process still holds. */
bool muster__pidfile_clean(const struct muster__pidfile *pidfile);

/* Unlink it if it is still ours, and give up the lock. Safe to call again. */
void muster__pidfile_remove(struct muster__pidfile *pidfile);

#endif
