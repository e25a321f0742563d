/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup: one cgroup a session where cgroup v2 lets us make them, so that an end reaches every
 * process of it at one moment, and none takes more of the machine than it may.
 */
#ifndef NODE_MONITOR_CGROUP_H
#define NODE_MONITOR_CGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The folder below which sessions get theirs: our own cgroup, when it can be written; else "". */
void cgroup_find(char *dst, size_t size);
/* Lets those below `parent` have limits: takes the calling process out of it into one beside them,
 * since only what holds no processes may divide. What the place does not allow is left. */
void cgroup_divide(const char *parent);

struct cgroup_limits {
	uint64_t processes; /* threads count */
	uint64_t memory;    /* bytes */
};
/* Makes `parent`/session-`uuid`; its path goes to dst, "" when it cannot be. Whether it counts
 * processes. */
bool cgroup_make(const char *parent, const char *uuid, const struct cgroup_limits *limits,
    char *dst, size_t size);
/* Moves the calling process into it. The session's first process does, not its keeper: who kills
 * must not be in it. */
void cgroup_enter(const char *path);
/* Kills everything in it; false where the kernel or the place does not allow that. */
bool cgroup_kill(const char *path);
void cgroup_remove(const char *path); /* when empty */
/* Removes the empty ones below `parent`: of sessions whose last process took long to die. */
void cgroup_sweep(const char *parent);

#endif
