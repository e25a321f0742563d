/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup: one cgroup a session where cgroup v2 lets us make them, so that a lock reaches every
 * process of it.
 */
#ifndef NODE_MONITOR_CGROUP_H
#define NODE_MONITOR_CGROUP_H

#include <stdbool.h>
#include <stddef.h>

/* The folder below which sessions get theirs: our own cgroup, when it can be written; else "". */
void cgroup_find(char *dst, size_t size);
/* Makes `parent`/session-`uuid`; its path goes to dst, "" when it cannot be. */
void cgroup_make(const char *parent, const char *uuid, char *dst, size_t size);
/* Moves the calling process into it. The session's first process does, not its keeper: who kills
 * must not be in it. */
void cgroup_enter(const char *path);
/* Kills everything in it; false where the kernel or the place does not allow that. */
bool cgroup_kill(const char *path);
void cgroup_remove(const char *path); /* when empty */
/* Removes the empty ones below `parent`: what a session left running may have ended since. */
void cgroup_sweep(const char *parent);

#endif
