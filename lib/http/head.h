/* SPDX-License-Identifier: Apache-2.0 */
/*
 * head: the head of an HTTP/1.1 request (RFC 9112 sections 2-6), and the small formats around it:
 * percent-encoding, forms, HTML escapes. Pure.
 *
 * Strict on purpose: what proxies are known to read in two ways (bare LF, folded headers, two
 * lengths, chunked bodies, blanks before a colon) is refused.
 */
#ifndef HTTP_HEAD_H
#define HTTP_HEAD_H

#include "base/buf.h"

enum { HTTP_HEAD_MAX = 16384, HTTP_FIELDS_MAX = 64, HTTP_TARGET_MAX = 2048 };

/* Names in lower case; both point into the head. */
struct http_field {
	struct span name, value;
};

struct http_head {
	size_t length; /* bytes of the head, blank line included */
	char method[16];
	struct span path;  /* as sent, begins with '/' */
	struct span query; /* without '?'; empty when there is none */
	struct http_field fields[HTTP_FIELDS_MAX];
	size_t n_fields;
	uint64_t content_length;
	bool has_body;   /* Content-Length was there */
	bool keep_alive; /* the client will take another answer on this connection */
	bool is_1_1;     /* HTTP/1.1; otherwise 1.0 */
};

enum http_head_e { HTTP_HEAD_E_MORE = 1 };
/* 0, HTTP_HEAD_E_MORE, or the negative of the status to answer with (-400, -411, -414, -431,
 * -501, -505). p is changed: field names become lower case. */
int http_head_parse(struct http_head *ret, uint8_t *p, size_t n);
/* The value of the field that occurs exactly once, or an empty span. name in lower case. */
struct span http_head_field(const struct http_head *head, const char *name);
/* The field is a list in which this word stands (RFC 9110 section 5.6.1), in whatever letters. word in lower case. */
bool http_head_lists(const struct http_head *head, const char *name, const char *word);

/* Decodes %xx (and '+' as a blank for forms) into dst[size] with a NUL. False: malformed, holds a
 * NUL, too long. */
bool http_unescape(struct span s, bool form, char *dst, size_t size);
/* The value of name in "a=1&b=2"; false when absent, twice, or as http_unescape. */
bool http_form_value(struct span form, const char *name, char *dst, size_t size);
/* Appends text with & < > " ' escaped. */
bool http_put_escaped(struct buf *b, const char *text);
/* "text" as in status lines; "Unknown" for what we never send. */
const char *http_status_text(int status);

/* The value of an Accept field names HTML, and not with a weight of 0 (RFC 9110 section 12.5.1). */
bool http_accepts_html(struct span accept);

#endif
