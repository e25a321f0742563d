/* SPDX-License-Identifier: Apache-2.0 */
/*
 * webcompare: what a proxy answered, beside what the list says that it answers. Called by cmd_web.c; opens nothing.
 */
#ifndef TSH_WEBCOMPARE_H
#define TSH_WEBCOMPARE_H

#include "http/fetch.h"
#include "tsh/webhashes.h"

/* One difference. what is fit for a terminal. */
typedef void (*webcompare_fn)(const char *address, const char *what, void *arg);

/* Status, content and headers of one file. An encoding by gzip is undone. */
void webcompare_file(const struct webhashes *l, const struct webhashes_file *f,
    const struct fetch_reply *r, webcompare_fn differs, void *arg);
/* Files that the page names and the list does not. */
void webcompare_page(const struct webhashes *l, const struct fetch_reply *r, webcompare_fn differs,
    void *arg);

#endif
