/* SPDX-License-Identifier: Apache-2.0 */
/*
 * query: the small lists that a request brings: the query of its target ("a=1&b=2", as forms are encoded) and its cookies.
 * Called by handlers through http/server.h, and by the fuzz target of the same name. Pure; allocates nothing.
 *
 * Strict on purpose: what two programs could read in two ways has no value.
 */
#ifndef HTTP_QUERY_H
#define HTTP_QUERY_H

#include "base/buf.h"

enum { HTTP_QUERY_NAME_SIZE = 64, HTTP_QUERY_VALUE_SIZE = 1024, HTTP_QUERY_PAIRS_MAX = 64 };

/* A walk over a query. Begins as { .rest = ... }; name and value are those of the pair that http_query_next found. */
struct http_query {
	struct span rest;
	unsigned pairs;
	char name[HTTP_QUERY_NAME_SIZE];
	char value[HTTP_QUERY_VALUE_SIZE];
};

/* 1: a pair, decoded; 0: there are no more; -1: what comes next is malformed (no "=", no name, a wrong %xx, not UTF-8, a
 * control character, too long, too many), and nothing of the query should be believed. */
int http_query_next(struct http_query *q);

/* The value of the one cookie with this name in a Cookie field (RFC 6265 section 4.2.1), as it was sent. False: absent,
 * there twice, too long, or with a character that no cookie has. Other cookies may be as they like: some other program on
 * the same host made them. */
bool http_cookie_find(struct span field, const char *name, char *dst, size_t size);

#endif
