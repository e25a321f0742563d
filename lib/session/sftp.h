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
#include "session/sftp_pipe.h"

struct sftp;

/* One entry of a folder. Must not call any function of this file. Negative: no memory; stops. */
typedef int sftp_each_fn(const char *name, const struct sftp_attrs *attrs, void *arg);

int sftp_open(struct sftp **ret, const struct remote_way *way, const char *host, const char *login,
    struct err *e);
void sftp_free(struct sftp *s); /* NULL is fine */
/* Whether both are sessions with the same host, by whatever name each was reached. */
bool sftp_same_host(const struct sftp *a, const struct sftp *b);

/* Negative with e: the host's words, or why there is no session any more. */
int sftp_stat(struct sftp *s, const char *path, struct sftp_attrs *ret, struct err *e);
/* Sets permissions and times, whichever attrs has. */
int sftp_setstat(struct sftp *s, const char *path, const struct sftp_attrs *attrs, struct err *e);
int sftp_mkdir(struct sftp *s, const char *path, uint32_t mode, struct err *e);
/* The path as the host has it: absolute, links followed. The last part need not be there. */
int sftp_realpath(struct sftp *s, const char *path, char ret[SFTP_PATH_MAX], struct err *e);
/* "~" or "~user" as the path of that home folder (expand-path@openssh.com). */
int sftp_expand(struct sftp *s, const char *path, char ret[SFTP_PATH_MAX], struct err *e);
/* The session has ended: no call will work any more. */
bool sftp_is_over(const struct sftp *s);
/* Every entry but . and .., with its own attributes: those of a link, not of what it points to. */
int sftp_list(struct sftp *s, const char *path, sftp_each_fn *each, void *arg, struct err *e);
int sftp_get(struct sftp *s, const struct sftp_transfer *t, struct err *e);
int sftp_put(struct sftp *s, const struct sftp_transfer *t, struct err *e);
/* From t->path on one host to target on another, over the same loop: nothing is kept here. t->mode is for target;
 * t->store and t->load are not used. When one session ends, the other does. */
int sftp_copy(struct sftp *from, struct sftp *to, const struct sftp_transfer *t, const char *target,
    struct err *e);

#endif
