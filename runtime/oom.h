/* SPDX-License-Identifier: Apache-2.0 */
/*
 * oom.h - was it the kernel, out of memory, that killed a worker?
 */
#ifndef MUSTER__OOM_H
#define MUSTER__OOM_H

#include <stdbool.h>
#include <stdint.h>

struct muster__oom {
	int fd;             /* of the file that counts; -1: there is none */
	bool system;        /* it counts for the whole machine, not for our cgroup */
	uint64_t count;     /* as last read */
	uint64_t unclaimed; /* of the latest rise, not yet found to be a worker of ours */
	uint64_t risen_ms;
};

/* Find the counter: memory.events of our cgroup (version 2), else /proc/vmstat. */
void muster__oom_open(struct muster__oom *out);
void muster__oom_close(struct muster__oom *oom);

/* Read it. To be done once a second, so that a rise is known to be a recent one.
 * Returns by how much it has risen. */
uint64_t muster__oom_look(struct muster__oom *oom, uint64_t now_ms);

/* A worker has died of a SIGKILL that we did not send: was that the kernel? Each kill that was counted explains one; look
 * first. */
bool muster__oom_claim(struct muster__oom *oom);

/* The number behind the line's word `oom_kill`; false if there is no such line. */
bool muster__oom_parse(const char *text, uint64_t *out);

/* The path of our cgroup of version 2 in the text of /proc/self/cgroup, into out[bytes]; false if there is none. */
bool muster__oom_cgroup(const char *text, char *out, unsigned bytes);

#endif
