/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream: see stream.h. The connection stays in its state of answering; server.c tells here when its TLS has nothing left.
 */
#include "http/stream.h"

#include <stdlib.h>
#include <string.h>

#include "http/server_priv.h"

enum {
	CHUNK_MAX = 64 * 1024,
	HEAD_MAX = 32, /* of a chunk, and its end */
	/* A message of gRPC's, and a little: more is somebody who does not wait for `drained`. */
	WAITING_MAX = 4 * 1024 * 1024 + CHUNK_MAX,
};

struct http_stream {
	struct http_conn *conn;
	const struct http_stream_events *on;
	void *arg;
	struct buf waiting;
	bool sending; /* TLS has something; `drained` will come */
	bool ended;
};

/* The connection is the server's again. */
static void
stream_free(struct http_stream *s)
{
	s->conn->stream = NULL;
	buf_wipe(&s->waiting);
	free(s);
}

static void
stream_send(struct http_stream *s, const struct buf *chunk)
{
	s->sending = true;
	timer_start(&s->conn->limit, s->conn->server->config.answer_ms);
	if (!buf_ok(chunk) || tls_stream_write(s->conn->tls, buf_head(chunk), chunk->len) < 0)
		tls_stream_abort(s->conn->tls);
}

static void
stream_send_chunk(struct http_stream *s)
{
	size_t n = s->waiting.len < CHUNK_MAX ? s->waiting.len : CHUNK_MAX;
	struct buf chunk;

	buf_init(&chunk, CHUNK_MAX + HEAD_MAX);
	(void)buf_printf(&chunk, "%zx\r\n", n);
	(void)buf_put(&chunk, buf_head(&s->waiting), n);
	(void)buf_put(&chunk, "\r\n", 2);
	buf_drain(&s->waiting, n);
	stream_send(s, &chunk);
	buf_wipe(&chunk);
}

/* The last chunk; what is done when it is out is what is done after every answer. */
static void
stream_finish(struct http_stream *s)
{
	struct buf last;

	buf_init(&last, HEAD_MAX);
	(void)buf_put(&last, "0\r\n\r\n", 5);
	stream_send(s, &last);
	buf_done(&last);
	stream_free(s);
}

void
http_stream_drained(struct http_stream *s)
{
	s->sending = false;
	if (s->waiting.len > 0) {
		stream_send_chunk(s);
	} else if (s->ended) {
		stream_finish(s);
	} else {
		/* It is not this client who is waited for. */
		timer_stop(&s->conn->limit);
		s->on->drained(s->arg);
	}
}

void
http_stream_closed(struct http_stream *s)
{
	const struct http_stream_events *on = s->on;
	void *arg = s->arg;
	bool ended = s->ended;

	stream_free(s);
	if (!ended)
		on->closed(arg);
}

struct http_stream *
http_reply_stream(struct http_request *r, int status, const char *content_type,
    const struct http_stream_events *on, void *arg)
{
	struct http_conn *c = r->conn;
	bool wanted = c && strcmp(r->method, "HEAD") != 0;
	struct http_stream *s;

	if (!wanted) {
		http_reply(r, status, content_type, (struct span){ NULL, 0 });
		return NULL;
	}
	if (!r->parsed.is_1_1) {
		/* It knows no chunks, and could not tell a whole answer from a broken one. */
		http_reply_error(r, 505, "this is answered in HTTP/1.1 only");
		return NULL;
	}
	s = calloc(1, sizeof(*s));
	if (!s) {
		http_reply_error(r, 503, "out of memory");
		return NULL;
	}
	s->conn = c;
	s->on = on;
	s->arg = arg;
	s->sending = true;
	buf_init(&s->waiting, WAITING_MAX);
	c->stream = s;
	http_reply_head(r, status, content_type);
	return s;
}

int
http_stream_put(struct http_stream *s, struct span bytes)
{
	if (!buf_put(&s->waiting, bytes.p, bytes.n))
		return -1;
	if (!s->sending && bytes.n > 0)
		stream_send_chunk(s);
	return 0;
}

void
http_stream_end(struct http_stream *s)
{
	s->ended = true;
	if (!s->sending)
		stream_finish(s);
}

void
http_stream_abort(struct http_stream *s)
{
	struct tls_stream *tls = s->conn->tls;

	stream_free(s);
	tls_stream_abort(tls);
}
