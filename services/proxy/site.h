/* SPDX-License-Identifier: Apache-2.0 */
/*
 * site: the files of the web app, in memory: read as a whole, checked against their index, and never looked for by a name that
 * comes from outside. Made at start and by SIGHUP; used by web_site.c. Knows no HTTP.
 *
 * The folder is what tools/gather-web makes: flat, with `index`, of the form that sha256sum -c takes:
 *
 *	SHA256  NAME
 *
 * for every file: app.html, the page, which names all others; those, under names with a hash of the content; and of each that
 * can be had compressed a NAME.gz.
 */
#ifndef PROXY_SITE_H
#define PROXY_SITE_H

#include "proxy/served.h"

enum { SITE_FILES_MAX = 1024, SITE_BYTES_MAX = 32 * 1024 * 1024 };

struct site_file {
	struct served plain;
	struct served packed; /* by gzip; bytes NULL: there is none */
	const char *type;     /* for Content-Type */
};

/* Counted: an answer that is being sent keeps what it sends. All on one thread, but site_load. */
struct site {
	unsigned refs;
	size_t n_files, n_bytes;
	struct site_file *page; /* NULL: the app is not there */
	struct site_file files[SITE_FILES_MAX];
};

/* All of it or nothing: a folder that is missing, or without an index, is an empty one; one that is not what its index says is
 * an error, and so is one whose types are not known. Blocks; touches nothing but its arguments. The caller has one reference. */
int site_load(struct site **ret, const char *folder, struct err *e);
struct site *site_ref(struct site *s);
void site_unref(struct site *s); /* NULL is fine */

/* NULL: nothing of this name. The page has none. */
const struct site_file *site_find(const struct site *s, const char *name);

#endif
