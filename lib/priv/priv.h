/* SPDX-License-Identifier: Apache-2.0 */
/*
 * priv: giving rights away. Called by the skeleton of the daemons and by
 * processes that keep one secret (authd's signer, noded's monitor). Everything
 * here happens before threads exist, or in a fresh child.
 */
#ifndef PRIV_PRIV_H
#define PRIV_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

struct priv_user {
	char name[64];
	uid_t uid;
	gid_t gid;
};

int priv_user_find(const char *name, struct priv_user *ret, struct err *e);

/* Becomes the user for good: groups, gid, uid, then proves that there is no way back. Does nothing when the
 * process already is that user; an error when it is another one and not root. */
int priv_drop(const struct priv_user *user, struct err *e);
/* No set-uid program run from here gains anything. */
int priv_no_new_privs(struct err *e);
/* Secrets in memory: no core file, no ptrace by processes of the same user. */
int priv_no_dump(struct err *e);
/* Empties the bounding and the ambient set of capabilities, so that no program run from here gains any; call it
 * before priv_drop. A no-op without the right to. */
int priv_no_capabilities(struct err *e);
/* Raises the soft limit of open files to the hard one; returns it. */
long priv_raise_files(void);

/* fork for a process that runs an event loop: signals are blocked meanwhile, and the child starts with default
 * handlers and an empty mask, so that its signals do not reach the parent's loop. With die_with_parent the child
 * is killed when its parent ends. Returns as fork(2). */
pid_t priv_fork(bool die_with_parent);

/* --- seccomp ------------------------------------------------------------------- */

/* Names as libseccomp knows them ("read"); NULL ends the list. Names this architecture or libseccomp does not
 * know are skipped. What is not listed kills the process; with SALLYPORT_SECCOMP_DEBUG set in the environment it
 * fails with EPERM instead and is logged by the kernel. Sets no_new_privs. Negative: nothing is in force. */
int priv_seccomp(const char *const *allow, struct err *e);
/* What every daemon needs: memory, time, signals, epoll, read, write, close; put in front of an own list. */
extern const char *const priv_calls_base[];
/* Sockets of all kinds, files below open directories, threads: for daemons with gRPC and PostgreSQL. */
extern const char *const priv_calls_server[];
/* The union of up to four lists (NULL ends); in force as priv_seccomp. */
int priv_seccomp_lists(const char *const *const *lists, struct err *e);

#endif
