/* SPDX-License-Identifier: Apache-2.0 */
/*
 * region_named.h - which region this process belongs to.
 */
#ifndef MUSTER__REGION_NAMED_H
#define MUSTER__REGION_NAMED_H

/* Its path, NULL or "" for none: the one that was named by a call, else by the environment as it is now, else as it
 * was when the library was loaded. Under the store's lock. */
const char *muster__region_named(void);

/* The environment is right from now on, for a master whose program named a region before. Under the store's lock. */
void muster__region_named_by_environment(void);

#endif
