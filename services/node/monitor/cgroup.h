/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup: one cgroup a session where cgroup v2 lets us make them, so that a lock reaches every process of it.
 */
#ifndef NODE_MONITOR_CGROUP_H
#define NODE_MONITOR_CGROUP_H

#include <stdbool.h>
#include <stddef.h>

/* The folder below which sessions get theirs: our own cgroup, when it can be written; else "". */
void cgroup_find(char *dst, size_t size);
/* Makes `parent`/session-`uuid` and moves the calling process into it; its path goes to dst, "" when it cannot be. */
void cgroup_enter(const char *parent, const char *uuid, char *dst, size_t size);
/* Kills everything in it; false where the kernel or the place does not allow that. */
bool cgroup_kill(const char *path);
void cgroup_remove(const char *path); /* when empty */

#endif
