/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gunzip: a body that came with "Content-Encoding: gzip" as it was before (zlib). For who compares what browsers get.
 */
#ifndef HTTP_GUNZIP_H
#define HTTP_GUNZIP_H

#include "base/buf.h"
#include "base/err.h"

/* Of at most max bytes; one member, with nothing behind it. Allocated, for the caller to free, a NUL behind *ret_n. Negative
 * with e: damaged, cut, or more than max. */
int gunzip(struct span packed, size_t max, char **ret, size_t *ret_n, struct err *e);

#endif
