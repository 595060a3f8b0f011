/* SPDX-License-Identifier: Apache-2.0 */
/*
 * program.h - how this process was started: by which path, with which arguments and environment.
 */
#ifndef MUSTER__PROGRAM_H
#define MUSTER__PROGRAM_H

#include <stddef.h>

struct muster__program {
	char *path; /* absolute; whatever file is there at the time is the program; NULL: not known */
	char **argv;
	char **environment; /* as it was; room for one more behind its end */
	size_t environment_count;
	char *arguments; /* what argv points into */
};

/* Read it from the kernel, before the environment is changed.
 * Returns 0; -errno or -ENOMEM, with nothing to free. */
int muster__program_read(struct muster__program *out);

/* Safe to call again. */
void muster__program_free(struct muster__program *program);

#endif
