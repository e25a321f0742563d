/* SPDX-License-Identifier: Apache-2.0 */
/*
 * packages: the Debian packages that this proxy hands out, in memory: read as a whole, checked against their index, and never
 * looked for by a name that comes from outside. Made at start and by SIGHUP; used by web_packages.c. Knows no HTTP.
 *
 * The folder is flat. An index RELEASE-ARCHITECTURE.index says what there is for one release of Debian:
 *
 *	sallyport-packages 1
 *	PACKAGE VERSION BYTES SHA256 FILE
 *
 * with one blank between, FILE beside it. Any number of releases may lie in one folder, since the file names differ.
 */
#ifndef PROXY_PACKAGES_H
#define PROXY_PACKAGES_H

#include "proxy/served.h"

enum {
	PACKAGES_FILES_MAX = 128,               /* indexes included */
	PACKAGES_BYTES_MAX = 256 * 1024 * 1024, /* of one file, and of all together */
};

/* Counted: an answer that is being sent keeps what it sends. All on one thread, but packages_load. */
struct packages {
	unsigned refs;
	size_t n_files, n_bytes;
	struct served files[PACKAGES_FILES_MAX];
};

/* Reads every index of the folder and what it names. An index that is malformed, or names a file that is not there, is none
 * (a link, a folder, ...) or is not what the index says, is left out with all that only it names, and said in the log. No
 * folder: none of them. Blocks; touches nothing but its arguments and the log, so that it may run on a thread. Negative: no
 * memory, or the folder cannot be read. The caller has one reference. */
int packages_load(struct packages **ret, const char *folder, struct err *e);
struct packages *packages_ref(struct packages *p);
void packages_unref(struct packages *p); /* NULL is fine */

/* NULL: nothing of this name. */
const struct served *packages_find(const struct packages *p, const char *name);
/* Appends "RELEASE-ARCHITECTURE:SUM" for each index, a blank between; only a-z, 0-9, '-', ':' and blanks. False without
 * memory. */
bool packages_put_indexes(const struct packages *p, struct buf *b);

#endif
