/* SPDX-License-Identifier: Apache-2.0 */
/*
 * account: the Unix account of a session: passwd entry, whether it may log in, PAM, groups.
 */
#ifndef NODE_MONITOR_ACCOUNT_H
#define NODE_MONITOR_ACCOUNT_H

#include <pwd.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

struct pam_handle;

struct account {
	uid_t uid;
	gid_t gid;
	char *name, *home, *shell;
	struct pam_handle *pam; /* pam_handle_t; NULL without PAM */
	char **pam_env;         /* NAME=VALUE, NULL-terminated; NULL without PAM */
	bool session_open, credentials;
	/* Set by the caller: the worker's own user, whose files are the recordings. */
	uid_t forbidden;
	struct buf messages; /* what PAM modules had to say, for the terminal */
};

/* The PAM service that a machine's sessions follow: as configured, or the first that it has; NULL: a machine without PAM. */
const char *account_service(const char *configured);
/* Loads the libraries that account_open would load each time, PAM's modules of this service (NULL: the default) and those of
 * name services, and calls none of them. For the process that those are forked from. */
void account_preload(const char *service);
/* a is zeroed but for `forbidden`. Everything that decides whether this login may have a session
 * now, and PAM's session. Takes this process's groups. service: NULL for the default. tty: ""
 * without one. Not root: only the own user, and no PAM. Negative with a text for the user.
 * account_close also after a failure. */
int account_open(struct account *a, const char *login, const char *service, const char *tty,
    const char *rhost, struct err *e);
void account_close(struct account *a);
/* In the session's process: uid and gid for good, proven. Negative: must not go on. */
int account_become(const struct account *a);

#endif
