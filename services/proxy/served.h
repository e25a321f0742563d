/* SPDX-License-Identifier: Apache-2.0 */
/*
 * served: a file that the web server hands out, whole in memory, with its sum. Read by packages.c and site.c, from a folder
 * of theirs, by names that they have from an index beside it. Blocks; so that it may run on a thread it touches nothing but
 * its arguments.
 */
#ifndef PROXY_SERVED_H
#define PROXY_SERVED_H

#include "base/buf.h"
#include "base/err.h"
#include "crypto/sha256.h"

enum { SERVED_NAME_SIZE = 192, SERVED_SUM_SIZE = SHA256_HEX_SIZE };

struct served {
	char name[SERVED_NAME_SIZE];
	char sum[SERVED_SUM_SIZE]; /* SHA-256 in lower-case hexadecimal */
	char *bytes;               /* allocated; a NUL behind them */
	size_t n;
};

/* Letters, digits and what stands in the names of packages and of files with a hash: nothing that a path, a URL or a shell
 * would read as more than a name. */
bool served_is_name(const char *s);
/* Of at most max bytes. No links: the folder is somebody's who cannot lead us elsewhere. Freed by served_done, also after a
 * failure. */
int served_load(struct served *ret, int folder, const char *name, size_t max, struct err *e);
void served_done(struct served *f);

/* Lines of an index: every one ends with a newline, and one that was cut is no index. */
int served_is_index(const struct served *f, struct err *e);
/* The next line, cut out of the text at *rest; NULL behind the last. */
char *served_line(char **rest);

#endif
