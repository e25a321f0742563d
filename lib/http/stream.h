/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream: an answer that is passed on as it comes, its length unknown when it begins (chunked, RFC 9112 section 7.1). Called
 * by handlers of proxyd (web_play.c).
 *
 * Back-pressure: whoever feeds it waits for `drained` before it gives more; what a slow reader holds of our memory is what
 * was given at once. An answer that cannot be finished is cut off, so that nobody takes it for whole.
 */
#ifndef HTTP_STREAM_H
#define HTTP_STREAM_H

#include "http/server.h"

struct http_stream;

struct http_stream_events {
	/* All that was given is with the kernel. */
	void (*drained)(void *arg);
	/* The client has left, or was too slow; the stream is gone. Not after http_stream_end or _abort. */
	void (*closed)(void *arg);
};

/* Answers the request with a head, in any case. NULL: nobody wants the body (HEAD, or the client has left), or no
 * memory. No callback comes from inside. */
struct http_stream *http_reply_stream(struct http_request *r, int status, const char *content_type,
    const struct http_stream_events *on, void *arg);
/* Copies the bytes; `drained` comes when they are out. A client that takes longer than answer_ms for what waits is cut
 * off. Negative: more than 4 MiB wait, or no memory; end it with http_stream_abort. */
int http_stream_put(struct http_stream *s, struct span bytes);
/* That was all: what waits is sent, then the connection takes its next request. */
void http_stream_end(struct http_stream *s);
/* The rest will not come: the connection is broken off. */
void http_stream_abort(struct http_stream *s);

#endif
