/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sftp: files on one host: an sftp_engine over a session with the "sftp" subsystem. Calls wait,
 * turning the way's loop, so they are for programs that do one thing at a time; who may not wait
 * puts a remote and an engine together himself. Used by `tsh scp`.
 */
#ifndef SESSION_SFTP_H
#define SESSION_SFTP_H

#include "session/remote.h"
#include "session/sftp_body.h"

struct sftp;

/* One entry of a folder. Must not call any function of this file. Negative: no memory; stops. */
typedef int sftp_each_fn(const char *name, const struct sftp_attrs *attrs, void *arg);

int sftp_open(struct sftp **ret, const struct remote_way *way, const char *host, const char *login,
    struct err *e);
void sftp_free(struct sftp *s); /* NULL is fine */

/* Negative with e: the host's words, or why there is no session any more. */
int sftp_stat(struct sftp *s, const char *path, struct sftp_attrs *ret, struct err *e);
/* Sets permissions and times, whichever attrs has. */
int sftp_setstat(struct sftp *s, const char *path, const struct sftp_attrs *attrs, struct err *e);
int sftp_mkdir(struct sftp *s, const char *path, uint32_t mode, struct err *e);
/* Every entry but . and .. */
int sftp_list(struct sftp *s, const char *path, sftp_each_fn *each, void *arg, struct err *e);
int sftp_get(struct sftp *s, const struct sftp_transfer *t, struct err *e);
int sftp_put(struct sftp *s, const struct sftp_transfer *t, struct err *e);

#endif
