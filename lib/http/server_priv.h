/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server_priv: the inside of the HTTP server, for server.c, stream.c and websocket.c: a connection that becomes a WebSocket
 * leaves the one and goes on in the other.
 */
#ifndef HTTP_SERVER_PRIV_H
#define HTTP_SERVER_PRIV_H

#include "event/loop.h"
#include "http/server.h"

enum { HTTP_PARAM_MAX = 256 };

enum conn_state { CONN_READING, CONN_HANDLING, CONN_ANSWERING, CONN_OVER };

struct http_conn {
	struct list link;
	struct http_server *server;
	struct tls_stream *tls;
	struct http_request *request; /* the handler has it */
	struct http_long rest;        /* of a long answer; `done` NULL: there is none */
	struct http_stream *stream;   /* the answer comes piece by piece; or NULL */
	struct timer limit;
	struct buf input;
	struct addr peer;
	enum conn_state state;
	unsigned requests;
	bool keep_alive;
	bool arrived; /* told */
};

struct http_server {
	struct http_config config;
	struct loop *loop;
	struct list conns;
	struct ceiling *places; /* of conns, by address */
	struct list sockets;
	struct ceiling *socket_places; /* of sockets, by payer */
	bool draining, strict;
};

struct http_request {
	struct http_conn *conn; /* NULL: the client has left */
	struct addr peer;
	char method[16];
	char param[HTTP_PARAM_MAX];
	struct buf head; /* bytes that head's spans point into */
	struct http_head parsed;
	struct buf body;
	struct buf headers; /* further ones of the answer */
};

void http_request_free(struct http_request *r);
/* The connection is a WebSocket's now: forgets all of it but the stream, which is the caller's, and gives its place back. */
void http_conn_leave(struct http_conn *c);

/* The head of an answer in chunks; what follows is stream.c's. */
void http_reply_head(struct http_request *r, int status, const char *content_type);

/* stream.c: TLS has nothing left; the connection is over. */
void http_stream_drained(struct http_stream *s);
void http_stream_closed(struct http_stream *s);

/* websocket.c */
void websocket_drain_all(struct http_server *server);
void websocket_free_all(struct http_server *server);

#endif
