/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server: HTTPS for connections that somebody else accepted: proxyd's web API and pages. Plain HTTP where there is no
 * certificate: what daemons serve on loopback to those who watch them (lib/daemon/diag.h).
 *
 * One request at a time on a connection, bodies whole in memory up to the route's limit, answers
 * likewise; a long answer (http_reply_long) is sent out of its owner's memory, piece by piece.
 * Deadlines count from the first byte of a request to its last, so that a client that sends one
 * byte a second is cut off too.
 *
 * Every answer carries: Content-Security-Policy default-src 'none' (a page may loosen it),
 * X-Content-Type-Options, X-Frame-Options, Referrer-Policy and Cache-Control no-store (a handler may say otherwise);
 * Strict-Transport-Security where http_server_strict says so.
 */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include <jansson.h>

#include "http/head.h"
#include "http/query.h"
#include "net/addr.h"
#include "net/tls.h"

struct http_server;
struct http_request;

/* Answers now, or keeps the request and answers later: exactly one http_reply* call a request. */
typedef void http_handler_fn(struct http_request *r, void *arg);

/* "/web/invite/:token" matches one segment as parameter, a '*' at the end whatever follows; the first that fits counts. Method
 * GET also answers HEAD. */
struct http_route {
	const char *method;
	const char *path;
	http_handler_fn *handle;
	size_t body_max; /* 0: no body */
};

enum { HTTP_PER_ADDRESS_MIN = 8 };

struct http_config {
	const struct http_route *routes; /* outlive the server */
	size_t n_routes;
	void *arg;              /* of the handlers */
	struct tls_server *tls; /* the caller's, outlives the server; NULL: without TLS */
	unsigned max_connections;
	unsigned per_address; /* of these; 0: an eighth, at least HTTP_PER_ADDRESS_MIN */
	/* WebSockets, which are no connections of these any more (websocket.h): in all, and of one payer; 0: none. */
	unsigned max_sockets, sockets_per_payer;
	int ping_ms; /* whoever was silent for so long is asked whether he is there; 0: 25 s */
	/* Where all places are taken, whoever has been silent for longest makes room for who comes. */
	bool newest_first;
	int request_ms; /* for all of one request to arrive, handshake included; 0: 30 s */
	int idle_ms;    /* between requests; 0: 60 s */
	int answer_ms;  /* for an answer to be taken by the client; 0: 60 s */
	/* Answers a request that no handler gets, in the form that its sender understands; may be NULL: http_reply_error. */
	void (*refused)(struct http_request *r, int status, void *arg);
	/* For whoever counts connections; may be NULL. The first request has arrived whole, or the connection ends without
	 * one: once, and before `closed`, which comes when it is over. */
	void (*arrived)(const struct addr *peer, void *arg);
	void (*closed)(const struct addr *peer, void *arg);
};

int http_server_new(struct http_server **ret, struct loop *loop, const struct http_config *config);
/* Aborts what is left. */
void http_server_free(struct http_server *server);
/* Takes over a connection; first: bytes already read. Negative: too many, in all or of this address, or no memory: fd is
 * the caller's, and neither `arrived` nor `closed` is called. */
int
http_server_take(struct http_server *server, int fd, const struct addr *peer, struct span first);
unsigned http_server_sockets(const struct http_server *server); /* WebSockets that are open */
/* Browsers shall come by TLS alone, for a year from now on (RFC 6797): where the certificate is one that they know. */
void http_server_strict(struct http_server *server, bool strict);
/* No more requests: idle connections close, others after their answer. */
void http_server_drain(struct http_server *server);

/* --- the request ----------------------------------------------------------------- */
const struct addr *http_peer(const struct http_request *r);
/* The decoded segment that stands at the ":name" of the route; "" when it has none. */
const char *http_param(const struct http_request *r);
struct span http_header(const struct http_request *r, const char *lower_case_name);
/* The field is a list with this word (http_head_lists). */
bool http_header_lists(const struct http_request *r, const char *lower_case_name, const char *word);
/* What stands behind the '?' of its target, to be walked: struct http_query q = { .rest = http_query_text(r) }. */
struct span http_query_text(const struct http_request *r);
/* One cookie, as http_cookie_find. */
bool http_cookie(const struct http_request *r, const char *name, char *dst, size_t size);
struct span http_body(const struct http_request *r);
/* Whoever asked names HTML among what he takes (Accept, RFC 9110 section 12.5.1): a browser, for a person. Programs take
 * anything, or JSON. */
bool http_wants_html(const struct http_request *r);

/* --- the answer ------------------------------------------------------------------ */
/* Before http_reply: one more header line; name and value must be ours, not the client's. */
void http_set_header(struct http_request *r, const char *name, const char *value);
void http_reply(struct http_request *r, int status, const char *content_type, struct span body);
void http_reply_text(struct http_request *r, int status, const char *text);
/* Bytes that stay where they are until `done`, which is called once: they are sent, the client has left, or wants none (HEAD). */
struct http_long {
	struct span bytes;
	void (*done)(void *arg);
	void *arg;
};
/* As http_reply, of any length: one piece at a time is with the connection. answer_ms grows by a second for each
 * HTTP_SLOWEST bytes, and is not renewed: who reads slower is cut off. `done` may come from inside. */
enum { HTTP_SLOWEST = 16 * 1024 };
void http_reply_long(struct http_request *r, int status, const char *content_type,
    const struct http_long *body);
/* The client has what this tag names already (If-None-Match, RFC 9110 section 13.1.2): answered with 304, nothing left to
 * do. Otherwise false, and the answer will carry the tag. tag: without quotes. */
bool http_reply_known(struct http_request *r, const char *tag);
/* Takes the reference to j. */
void http_reply_json(struct http_request *r, int status, json_t *j);
/* {"error":{"message":...}} */
void http_reply_error(struct http_request *r, int status, const char *message);

#endif
