/* SPDX-License-Identifier: Apache-2.0 */
/*
 * side: one side of a copy: this machine, or a node by its SFTP. Called by copy.c, glob.c and cmd_scp.c.
 *
 * Security: what a node says of its files is a stranger's word: names never hold a slash (lib/session), modes are cut by
 * copy.c.
 */
#ifndef TSH_SIDE_H
#define TSH_SIDE_H

#include "base/err.h"
#include "session/sftp.h"

struct side {
	struct sftp *sftp; /* NULL: this machine */
	const char *host;  /* of the node; "" here */
};

/* The same machine, by whatever names its sides are called. */
bool side_is_same(const struct side *a, const struct side *b);

/* Names of a folder, in order. */
struct side_names {
	struct side_name {
		char *name;
		bool is_link;
	} * v;
	size_t n;
};

/* Of what a link points to. */
int side_stat(const struct side *s, const char *path, struct sftp_attrs *ret, struct err *e);
bool side_is_folder(const struct side *s, const char *path);
/* Every entry but . and ..; to be released with side_names_done, whatever the answer was. */
int side_list(const struct side *s, const char *path, struct side_names *ret, struct err *e);
int side_names_add(struct side_names *l, const char *name, bool is_link);
void side_names_done(struct side_names *l);
int side_mkdir(const struct side *s, const char *path, uint32_t mode, struct err *e);
/* Mode and times, whichever attrs has. */
int side_set(const struct side *s, const char *path, const struct sftp_attrs *attrs, struct err *e);
/* Absolute, links followed. */
int side_realpath(const struct side *s, const char *path, char ret[SFTP_PATH_MAX], struct err *e);
/* Nothing more can be done on it. */
bool side_is_over(const struct side *s);

/* "dir/name" into dst, which holds SFTP_PATH_MAX; an empty dir is none. */
int side_join(char *dst, const char *dir, const char *name, struct err *e);
/* The last part of a path; of "/" that itself. */
const char *side_base_name(const char *path);

#endif
