/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server: see server.h. Called by proxyd's front with connections whose first bytes were a TLS
 * ClientHello, and by lib/daemon's diag with those of its own listener.
 *
 * Not evhttp: it only serves what it accepted itself, and its timeouts begin again with every
 * byte. A connection is in one of three states: reading a request, waiting for its handler,
 * sending the answer, of which a long one is fed to TLS whenever that has nothing left. A request
 * outlives its connection when the client leaves before a late answer.
 */
#include "http/server_priv.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "net/ceiling.h"

enum {
	HEADERS_MAX = 4096,
	REQUEST_MS = 30 * 1000,
	IDLE_MS = 60 * 1000,
	ANSWER_MS = 60 * 1000,
	PING_MS = 25 * 1000,   /* less than what routers forget idle connections after */
	INPUT_EXTRA = 4096,    /* of a pipelined next request */
	REQUESTS_MAX = 1000,   /* on one connection */
	PIECE_MAX = 64 * 1024, /* of a long answer: all that a slow reader holds of our memory */
};

static const char fixed_headers[] = "X-Content-Type-Options: nosniff\r\n"
				    "X-Frame-Options: DENY\r\n"
				    "Cross-Origin-Opener-Policy: same-origin\r\n"
				    "Cross-Origin-Resource-Policy: same-origin\r\n";
static const char only_tls[] = "Strict-Transport-Security: max-age=31536000\r\n";
static const char strictest_csp[] =
    "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'; base-uri 'none'; "
    "form-action 'none'\r\n";

/* --- requests -------------------------------------------------------------------- */

void
http_request_free(struct http_request *r)
{
	buf_wipe(&r->head);
	buf_wipe(&r->body);
	/* A cookie that is set may be what somebody is known by. */
	buf_wipe(&r->headers);
	free(r);
}

/* Matches "/a/:x/b", or all that begins like a pattern that ends with '*'; the one parameter is decoded into param. */
static bool
route_matches(const char *pattern, struct span path, char *param)
{
	const uint8_t *p = path.p, *end = path.p + path.n;

	while (*pattern) {
		if (*pattern == '*')
			return true;
		if (*pattern == ':') {
			const uint8_t *slash = memchr(p, '/', (size_t)(end - p));
			struct span part = { p, (size_t)((slash ? slash : end) - p) };

			if (part.n == 0 || !http_unescape(part, false, param, HTTP_PARAM_MAX))
				return false;
			p += part.n;
			while (*pattern && *pattern != '/')
				pattern++;
			continue;
		}
		if (p == end || *p != (uint8_t)*pattern)
			return false;
		p++;
		pattern++;
	}
	return p == end;
}

/* NULL and *ret_status when nothing fits: 404, or 405 when only the method does not. */
static const struct http_route *
route_find(const struct http_server *s, struct http_request *r, int *ret_status)
{
	const char *method = strcmp(r->method, "HEAD") == 0 ? "GET" : r->method;

	*ret_status = 404;
	for (size_t i = 0; i < s->config.n_routes; i++) {
		const struct http_route *route = &s->config.routes[i];

		if (!route_matches(route->path, r->parsed.path, r->param))
			continue;
		if (strcmp(route->method, method) == 0)
			return route;
		*ret_status = 405;
	}
	return NULL;
}

/* --- answers --------------------------------------------------------------------- */

static void
conn_end(struct http_conn *c)
{
	c->state = CONN_OVER;
	timer_start(&c->limit, c->server->config.answer_ms);
	tls_stream_close(c->tls);
}

static void
conn_await(struct http_conn *c)
{
	c->state = CONN_READING;
	timer_start(&c->limit,
	    c->input.len > 0 ? c->server->config.request_ms : c->server->config.idle_ms);
	tls_stream_pause(c->tls, false);
}

/* Of a body that is in chunks. */
#define LENGTH_UNKNOWN SIZE_MAX

/* Among the header lines of the handler. */
static bool
says(struct span lines, const char *name)
{
	return lines.n > 0 && memmem(lines.p, lines.n, name, strlen(name));
}

static bool
answer_put_head(struct buf *b, const struct http_request *r, int status, const char *type, size_t n)
{
	const struct http_conn *c = r->conn;
	struct span own = buf_span(&r->headers);

	(void)buf_printf(b, "HTTP/1.1 %d %s\r\n", status, http_status_text(status));
	/* 304 has none, and speaks of what the client has (RFC 9110 section 15.4.5). */
	if (type)
		(void)buf_printf(b, "Content-Type: %s\r\n", type);
	if (type && n == LENGTH_UNKNOWN)
		(void)buf_printf(b, "Transfer-Encoding: chunked\r\n");
	else if (type)
		(void)buf_printf(b, "Content-Length: %zu\r\n", n);
	(void)buf_put(b, fixed_headers, sizeof(fixed_headers) - 1);
	if (c->server->strict)
		(void)buf_put(b, only_tls, sizeof(only_tls) - 1);
	if (!says(own, "Content-Security-Policy:"))
		(void)buf_put(b, strictest_csp, sizeof(strictest_csp) - 1);
	/* no-referrer makes the Origin of forms "null" */
	if (!says(own, "Referrer-Policy:"))
		(void)buf_printf(b, "Referrer-Policy: same-origin\r\n");
	if (!says(own, "Cache-Control:"))
		(void)buf_printf(b, "Cache-Control: no-store\r\n");
	if (!c->keep_alive)
		(void)buf_printf(b, "Connection: close\r\n");
	(void)buf_put(b, own.p, own.n);
	return buf_put(b, "\r\n", 2);
}

void
http_set_header(struct http_request *r, const char *name, const char *value)
{
	/* A line break would start a header, or an answer, of somebody else's choice. */
	if (strpbrk(name, "\r\n:") || strpbrk(value, "\r\n"))
		return;
	(void)buf_printf(&r->headers, "%s: %s\r\n", name, value);
}

/* The rest is the owner's again: all of it is out, or nobody takes it any more. */
static void
conn_drop_rest(struct http_conn *c)
{
	struct http_long rest = c->rest;

	c->rest = (struct http_long){ 0 };
	if (rest.done)
		rest.done(rest.arg);
}

/* The head, and of the body what is in memory for this answer alone. */
static void
conn_answer(struct http_conn *c, const struct buf *out, size_t body_n)
{
	int64_t slowest_ms = (int64_t)(body_n / HTTP_SLOWEST) * 1000;

	c->request = NULL;
	c->state = CONN_ANSWERING;
	timer_start(&c->limit, c->server->config.answer_ms + slowest_ms);
	if (!buf_ok(out) || tls_stream_write(c->tls, buf_head(out), out->len) < 0)
		tls_stream_abort(c->tls);
}

static void
conn_answer_is_last(struct http_conn *c)
{
	if (c->server->draining || c->requests >= REQUESTS_MAX)
		c->keep_alive = false;
}

void
http_reply(struct http_request *r, int status, const char *content_type, struct span body)
{
	struct http_conn *c = r->conn;
	struct buf out;

	if (c) {
		buf_init(&out, HEADERS_MAX + TLS_OUTPUT_MAX);
		conn_answer_is_last(c);
		if (answer_put_head(&out, r, status, content_type, body.n) &&
		    strcmp(r->method, "HEAD") != 0)
			(void)buf_put(&out, body.p, body.n);
		conn_answer(c, &out, 0);
		buf_wipe(&out);
	}
	http_request_free(r);
}

void
http_reply_long(struct http_request *r, int status, const char *content_type,
    const struct http_long *body)
{
	struct http_conn *c = r->conn;
	bool wanted = c && strcmp(r->method, "HEAD") != 0;
	struct buf head;

	if (c) {
		buf_init(&head, HEADERS_MAX);
		conn_answer_is_last(c);
		(void)answer_put_head(&head, r, status, content_type, body->bytes.n);
		/* on_tls_drained sends it, or on_tls_closed gives it back. */
		if (wanted)
			c->rest = *body;
		conn_answer(c, &head, wanted ? body->bytes.n : 0);
		buf_wipe(&head);
	}
	http_request_free(r);
	if (!wanted)
		body->done(body->arg);
}

void
http_reply_head(struct http_request *r, int status, const char *content_type)
{
	struct http_conn *c = r->conn;
	struct buf head;

	buf_init(&head, HEADERS_MAX);
	conn_answer_is_last(c);
	(void)answer_put_head(&head, r, status, content_type, LENGTH_UNKNOWN);
	conn_answer(c, &head, 0);
	buf_done(&head);
	http_request_free(r);
}

bool
http_reply_known(struct http_request *r, const char *tag)
{
	struct span known = http_header(r, "if-none-match");
	char quoted[128];

	if (!str_format(quoted, sizeof(quoted), "\"%s\"", tag))
		return false;
	http_set_header(r, "ETag", quoted);
	/* A list, or "*", which nobody sends for what is only read: such a client gets it once more. */
	if (!known.n || !memmem(known.p, known.n, quoted, strlen(quoted)))
		return false;
	http_reply(r, 304, NULL, (struct span){ NULL, 0 });
	return true;
}

void
http_reply_text(struct http_request *r, int status, const char *text)
{
	http_reply(r, status, "text/plain; charset=utf-8", span_str(text));
}

void
http_reply_json(struct http_request *r, int status, json_t *j)
{
	char *text = j ? json_dumps(j, JSON_COMPACT) : NULL;

	json_decref(j);
	if (text)
		http_reply(r, status, "application/json", span_str(text));
	else
		http_reply(r, 500, "application/json",
		    span_str("{\"error\":{\"message\":\"out of memory\"}}"));
	free(text);
}

void
http_reply_error(struct http_request *r, int status, const char *message)
{
	http_reply_json(r, status, json_pack("{s:{s:s}}", "error", "message", message));
}

/* --- reading --------------------------------------------------------------------- */

/* An answer without a handler; the rest of the request cannot be told from the next one, so it is
 * the last. */
static void
conn_refuse(struct http_conn *c, struct http_request *r, int status)
{
	c->keep_alive = false;
	c->request = r;
	if (c->server->config.refused)
		c->server->config.refused(r, status, c->server->config.arg);
	else
		http_reply_error(r, status, http_status_text(status));
}

static struct http_request *
request_new(struct http_conn *c)
{
	struct http_request *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->conn = c;
	r->peer = c->peer;
	buf_init(&r->head, HTTP_HEAD_MAX + 1);
	buf_init(&r->body, SIZE_MAX / 4);
	buf_init(&r->headers, HEADERS_MAX);
	return r;
}

/* The head is parsed in a copy, so that its spans stay when the input moves on. 0: ready to be
 * handled, MORE, or a negative status. */
static int
request_fill(struct http_conn *c, struct http_request *r, const struct http_route **ret_route)
{
	size_t n = c->input.len < HTTP_HEAD_MAX ? c->input.len : HTTP_HEAD_MAX;
	int status = 0, e;

	if (!buf_put(&r->head, buf_head(&c->input), n))
		return -503;
	e = http_head_parse(&r->parsed, buf_head(&r->head), n);
	(void)str_copy(r->method, sizeof(r->method), r->parsed.method);
	if (e != 0)
		return e;
	*ret_route = route_find(c->server, r, &status);
	if (!*ret_route)
		return -status;
	if (r->parsed.content_length > (*ret_route)->body_max)
		return -413;
	if (c->input.len - r->parsed.length < r->parsed.content_length)
		return HTTP_HEAD_E_MORE;
	if (!buf_put(&r->body, buf_head(&c->input) + r->parsed.length,
		(size_t)r->parsed.content_length))
		return -503;
	return 0;
}

static void
conn_arrived(struct http_conn *c)
{
	const struct http_config *config = &c->server->config;

	if (!c->arrived && config->arrived)
		config->arrived(&c->peer, config->arg);
	c->arrived = true;
}

/* The request has its own copy, which is wiped with it. */
static void
conn_forget(struct http_conn *c, size_t n)
{
	explicit_bzero(buf_head(&c->input), n);
	buf_drain(&c->input, n);
}

/* Handles the request at the head of the input, when it is whole. */
static void
conn_next(struct http_conn *c)
{
	const struct http_route *route = NULL;
	struct http_request *r = request_new(c);
	int status;

	if (!r) {
		tls_stream_abort(c->tls);
		return;
	}
	status = request_fill(c, r, &route);
	if (status == HTTP_HEAD_E_MORE) {
		http_request_free(r);
		return;
	}
	c->state = CONN_HANDLING;
	c->requests++;
	/* One request at a time: until it is answered, what a client sends on waits on the wire. */
	tls_stream_pause(c->tls, true);
	timer_stop(&c->limit);
	if (status < 0) {
		conn_refuse(c, r, -status);
		return;
	}
	conn_arrived(c);
	c->keep_alive = r->parsed.keep_alive;
	c->request = r;
	conn_forget(c, r->parsed.length + (size_t)r->parsed.content_length);
	route->handle(r, c->server->config.arg);
}

static void
on_tls_data(struct tls_stream *s, const uint8_t *p, size_t n, void *arg)
{
	struct http_conn *c = arg;

	(void)s;
	if (c->state == CONN_OVER)
		return;
	/* The time for a whole request begins with its first byte and is not renewed by later ones: a client
	 * that drips loses. */
	if (c->input.len == 0 && c->state == CONN_READING && c->requests > 0)
		timer_start(&c->limit, c->server->config.request_ms);
	if (!buf_put(&c->input, p, n)) {
		tls_stream_abort(c->tls);
		return;
	}
	if (c->state == CONN_READING)
		conn_next(c);
}

/* True: there was one. */
static bool
conn_send_piece(struct http_conn *c)
{
	struct span *rest = &c->rest.bytes;
	size_t n = rest->n < PIECE_MAX ? rest->n : PIECE_MAX;

	if (n == 0)
		return false;
	if (tls_stream_write(c->tls, rest->p, n) < 0)
		tls_stream_abort(c->tls);
	*rest = (struct span){ rest->p + n, rest->n - n };
	return true;
}

static void
on_tls_drained(struct tls_stream *s, void *arg)
{
	struct http_conn *c = arg;

	(void)s;
	if (c->state != CONN_ANSWERING || conn_send_piece(c))
		return;
	if (c->stream) {
		http_stream_drained(c->stream);
		return;
	}
	conn_drop_rest(c);
	if (!c->keep_alive || c->server->draining) {
		conn_end(c);
		return;
	}
	conn_await(c);
	if (c->input.len > 0)
		conn_next(c);
}

void
http_conn_leave(struct http_conn *c)
{
	list_del(&c->link);
	ceiling_drop(c->server->places, c->peer.ip);
	timer_done(&c->limit);
	buf_wipe(&c->input);
	free(c);
}

static void
on_tls_closed(struct tls_stream *s, void *arg)
{
	struct http_conn *c = arg;
	const struct http_config *config = &c->server->config;

	(void)s;
	if (c->request)
		c->request->conn = NULL;
	conn_drop_rest(c);
	if (c->stream)
		http_stream_closed(c->stream);
	conn_arrived(c);
	if (config->closed)
		config->closed(&c->peer, config->arg);
	http_conn_leave(c);
}

static const struct tls_events tls_events = {
	.data = on_tls_data,
	.drained = on_tls_drained,
	.closed = on_tls_closed,
};

static void
on_limit(void *arg)
{
	struct http_conn *c = arg;

	tls_stream_abort(c->tls);
}

/* --- the server ------------------------------------------------------------------ */

static size_t
input_max(const struct http_config *config)
{
	size_t max = 0;

	for (size_t i = 0; i < config->n_routes; i++)
		if (config->routes[i].body_max > max)
			max = config->routes[i].body_max;
	return HTTP_HEAD_MAX + max + INPUT_EXTRA + 16384; /* a whole TLS record may come on top */
}

static unsigned
places_of_one(const struct http_config *config)
{
	unsigned share = config->per_address ? config->per_address : config->max_connections / 8;

	return share > HTTP_PER_ADDRESS_MIN ? share : HTTP_PER_ADDRESS_MIN;
}

int
http_server_new(struct http_server **ret, struct loop *loop, const struct http_config *config)
{
	struct http_server *s = calloc(1, sizeof(*s));

	if (!s)
		return -1;
	s->config = *config;
	s->loop = loop;
	list_init(&s->conns);
	list_init(&s->sockets);
	if (ceiling_new(&s->places, config->max_connections, places_of_one(config)) < 0 ||
	    ceiling_new(&s->socket_places, config->max_sockets, config->sockets_per_payer) < 0) {
		http_server_free(s);
		return -1;
	}
	if (!config->newest_first)
		ceiling_early(s->places, config->max_connections / 2);
	if (!s->config.request_ms)
		s->config.request_ms = REQUEST_MS;
	if (!s->config.idle_ms)
		s->config.idle_ms = IDLE_MS;
	if (!s->config.answer_ms)
		s->config.answer_ms = ANSWER_MS;
	if (!s->config.ping_ms)
		s->config.ping_ms = PING_MS;
	*ret = s;
	return 0;
}

/* A place for one more. A connection whose request is handled or answered is left alone. */
static bool
take_place(struct http_server *server, const char *ip)
{
	if (ceiling_take(server->places, ip))
		return true;
	if (!server->config.newest_first)
		return false;
	list_each (struct http_conn, c, &server->conns, link) {
		if (c->state != CONN_READING && c->state != CONN_OVER)
			continue;
		tls_stream_free(c->tls);
		return ceiling_take(server->places, ip);
	}
	return false;
}

int
http_server_take(struct http_server *server, int fd, const struct addr *peer, struct span first)
{
	struct http_conn *c;

	if (server->draining || !take_place(server, peer->ip))
		return -1;
	c = calloc(1, sizeof(*c));
	if (!c) {
		ceiling_drop(server->places, peer->ip);
		return -1;
	}
	c->server = server;
	c->peer = *peer;
	buf_init(&c->input, input_max(&server->config));
	if (timer_init(&c->limit, server->loop, on_limit, c) < 0 ||
	    tls_stream_new(&c->tls, server->config.tls, server->loop, fd, first) < 0) {
		timer_done(&c->limit);
		free(c);
		ceiling_drop(server->places, peer->ip);
		return -1;
	}
	list_add(&server->conns, &c->link);
	timer_start(&c->limit, server->config.request_ms);
	tls_stream_start(c->tls, &tls_events, c);
	return 0;
}

unsigned
http_server_sockets(const struct http_server *server)
{
	return ceiling_count(server->socket_places);
}

void
http_server_strict(struct http_server *server, bool strict)
{
	server->strict = strict;
}

void
http_server_drain(struct http_server *server)
{
	server->draining = true;
	list_each (struct http_conn, c, &server->conns, link)
		if (c->state == CONN_READING)
			conn_end(c);
	websocket_drain_all(server);
}

void
http_server_free(struct http_server *server)
{
	if (!server)
		return;
	list_each (struct http_conn, c, &server->conns, link)
		tls_stream_free(c->tls);
	websocket_free_all(server);
	ceiling_free(server->places);
	ceiling_free(server->socket_places);
	free(server);
}

/* --- what handlers ask ----------------------------------------------------------- */

const struct addr *
http_peer(const struct http_request *r)
{
	return &r->peer;
}

const char *
http_param(const struct http_request *r)
{
	return r->param;
}

struct span
http_header(const struct http_request *r, const char *lower_case_name)
{
	return http_head_field(&r->parsed, lower_case_name);
}

bool
http_header_lists(const struct http_request *r, const char *lower_case_name, const char *word)
{
	return http_head_lists(&r->parsed, lower_case_name, word);
}

struct span
http_query_text(const struct http_request *r)
{
	return r->parsed.query;
}

bool
http_cookie(const struct http_request *r, const char *name, char *dst, size_t size)
{
	return http_cookie_find(http_header(r, "cookie"), name, dst, size);
}

struct span
http_body(const struct http_request *r)
{
	return buf_span(&r->body);
}

bool
http_wants_html(const struct http_request *r)
{
	return http_accepts_html(http_header(r, "accept"));
}
