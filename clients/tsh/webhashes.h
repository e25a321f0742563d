/* SPDX-License-Identifier: Apache-2.0 */
/*
 * webhashes: the list of what a proxy of one version serves to browsers, as tools/web-hashes writes it. Read by cmd_web.c;
 * the form is in the head of that tool.
 */
#ifndef TSH_WEBHASHES_H
#define TSH_WEBHASHES_H

#include <stddef.h>

#include "base/err.h"
#include "crypto/sha256.h"

enum {
	WEBHASHES_MAX = 1024 * 1024, /* bytes of a list */
	WEBHASHES_FILES_MAX = 1024,
	WEBHASHES_HEADERS_MAX = 128,
	WEBHASHES_FILE_MAX = 32 * 1024 * 1024, /* bytes of a file of it */
};

struct webhashes_header {
	const char *name, *value;
};

struct webhashes_file {
	const char *address; /* "/web/site/main.3f2a91c0.mjs" */
	const char *type;    /* as Content-Type has it */
	uint8_t sum[SHA256_BYTES];
	size_t size;
	size_t first_header, n_headers; /* that it comes with, of the list's headers */
};

struct webhashes {
	char *text; /* what the pointers point into */
	const char *version;
	struct webhashes_header headers[WEBHASHES_HEADERS_MAX];
	struct webhashes_file files[WEBHASHES_FILES_MAX];
	size_t n_headers, n_files;
};

/* Takes over text (allocated, NUL-terminated), also when it fails: negative, with the line that is wrong. The first file is
 * the page, /web. */
int webhashes_parse(struct webhashes **ret, char *text, struct err *e);
void webhashes_free(struct webhashes *l); /* NULL is fine */
/* NULL: it is not in the list. n: of the address. */
const struct webhashes_file *
webhashes_find(const struct webhashes *l, const char *address, size_t n);

#endif
