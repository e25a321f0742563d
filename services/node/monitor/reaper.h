/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reaper: ends everything that a session has started, also what has left its process group, its
 * terminal and its parents. For keeper.c, and for forkserver.c where a keeper was killed before it had done so.
 *
 * Orphans below a subreaper become its children, so whoever kills its children until it has none has
 * killed all its descendants. Their numbers are not given to others while they are not waited for.
 */
#ifndef NODE_MONITOR_REAPER_H
#define NODE_MONITOR_REAPER_H

#include <stdbool.h>
#include <sys/types.h>

/* The calling process adopts the orphans among its descendants from here on. Negative with errno. */
int reaper_adopt(void);
/* Whether a child is none of those to be killed. */
typedef bool (*reaper_spare_fn)(pid_t pid, const void *arg);
/* SIGKILL to every child of the calling process that can be found now and is not spared (NULL: none is); more may come of
 * them. To be called again, with waitpid in between, until there are none. */
void reaper_kill_children(reaper_spare_fn spare, const void *arg);

#endif
