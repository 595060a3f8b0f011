/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pidfile.h - one file that says which process is the master, true as long as it is locked.
 */
#ifndef MUSTER__PIDFILE_H
#define MUSTER__PIDFILE_H

struct muster__pidfile {
	const char *path; /* NULL: none was made */
	int fd;           /* holds the lock */
};

/* Write our pid to `path`. A file that nobody has locked is of a process that died, and is replaced.
 *   path   kept, not copied
 *   out    untouched on failure
 * Returns 0, or a code of <sysexits.h> after one line in the log: EX_TEMPFAIL if a living process holds it,
 *   EX_NOINPUT if the file there holds something else than a pid, EX_CANTCREAT if none can be made. */
int muster__pidfile_create(const char *path, struct muster__pidfile *out);

/* Unlink it if it is still ours, and give up the lock. Safe to call again. */
void muster__pidfile_remove(struct muster__pidfile *pidfile);

#endif
