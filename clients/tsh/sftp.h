/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sftp: the client's end of SFTP version 3 (draft-ietf-secsh-filexfer-02), over a session on a node. Calls wait,
 * turning the loop; file bodies travel with many requests under way.
 */
#ifndef TSH_SFTP_H
#define TSH_SFTP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "tsh/proxy.h"

struct sftp;

enum { SFTP_PATH_MAX = 4096 };

struct sftp_attrs {
	bool has_size, has_mode, has_times;
	uint64_t size;
	uint32_t mode; /* st_mode with type bits */
	uint32_t atime, mtime;
};

/* Told as bytes arrive or were acknowledged; total is 0 when unknown. */
typedef void sftp_progress_fn(uint64_t done, uint64_t total, void *arg);

struct sftp_transfer {
	const char *path; /* on the node */
	int fd;           /* here */
	uint32_t mode;    /* put: permission bits of a new file */
	uint64_t size;    /* get: as stat told; put: of fd; 0: unknown */
	sftp_progress_fn *progress;
	void *arg;
};

int sftp_open(struct sftp **ret, struct proxy *proxy, const char *node, const char *login,
    struct err *e);
void sftp_free(struct sftp *s); /* NULL is fine */

int sftp_stat(struct sftp *s, const char *path, struct sftp_attrs *ret, struct err *e);
/* Sets permissions and times, whichever attrs has. */
int sftp_setstat(struct sftp *s, const char *path, const struct sftp_attrs *attrs, struct err *e);
int sftp_mkdir(struct sftp *s, const char *path, uint32_t mode, struct err *e);
/* Every entry but . and ..; each returns negative to stop. */
int sftp_list(struct sftp *s, const char *path,
    int (*each)(const char *name, const struct sftp_attrs *attrs, void *arg), void *arg,
    struct err *e);
int sftp_get(struct sftp *s, const struct sftp_transfer *t, struct err *e);
int sftp_put(struct sftp *s, const struct sftp_transfer *t, struct err *e);

#endif
