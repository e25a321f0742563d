/* SPDX-License-Identifier: Apache-2.0 */
/*
 * websocket: see websocket.h.
 *
 * wslay decodes and makes the frames: what is received is shown to it by on_recv, what it makes goes to TLS at once. What it
 * needs for that (8 KiB) exists only while there is a frame under way: a socket that is idle has neither it nor, of the
 * buffers of TLS, more than their first page (tls_stream_rest).
 */
#include "http/websocket.h"

#include <stdlib.h>
#include <string.h>
#include <wslay/wslay.h>

#include "crypto/b64.h"
#include "crypto/sha1.h"
#include "http/server_priv.h"
#include "net/ceiling.h"

#define ACCEPT_GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11" /* RFC 6455 section 1.3 */
#define VERSION     "13"

enum {
	KEY_BYTES = 16,
	KEY_MAX = 64,
	ACCEPT_SIZE = 32,
	INPUT_MAX = 256 *
	    1024, /* a TLS record that came while the socket was paused; what was sent with the handshake */
	CLOSE_MS = 3000, /* for the peer's answer to our close */
	SILENT_TICKS = 3,
};

struct websocket {
	struct list link;
	struct http_server *server;
	struct tls_stream *tls;
	struct websocket_config config;
	char *payer;
	struct addr peer;
	wslay_event_context_ptr frames; /* NULL: no frame is under way */
	struct buf input;               /* received, and not yet wslay's */
	struct buf message;             /* what there is of it */
	struct timer tick;
	size_t sent;     /* with TLS, since it was drained */
	uint64_t shown;  /* bytes given to wslay ... */
	uint64_t taken;  /* ... and of them in frames that it has found */
	unsigned silent; /* ticks */
	bool is_text;    /* the message */
	bool is_begun;   /* ... its last frame has not come */
	bool is_control; /* the frame */
	bool had_data;   /* in this turn */
	bool heard;      /* since the last tick */
	bool paused;     /* by the owner */
	bool in_turn;    /* wslay is at work: what is queued is sent when it has done */
	bool closing;    /* by us */
	bool over;       /* the stream was told to end */
};

/* --- what wslay asks and tells ----------------------------------------------------- */

static ssize_t
on_recv(wslay_event_context_ptr frames, uint8_t *p, size_t n, int flags, void *arg)
{
	struct websocket *ws = arg;

	(void)flags;
	if (ws->paused || ws->input.len == 0) {
		wslay_event_set_error(frames, WSLAY_ERR_WOULDBLOCK);
		return -1;
	}
	n = n < ws->input.len ? n : ws->input.len;
	memcpy(p, buf_head(&ws->input), n);
	buf_drain(&ws->input, n);
	ws->shown += n;
	return (ssize_t)n;
}

static ssize_t
on_send(wslay_event_context_ptr frames, const uint8_t *p, size_t n, int flags, void *arg)
{
	struct websocket *ws = arg;

	(void)flags;
	if (tls_stream_write(ws->tls, p, n) < 0) {
		wslay_event_set_error(frames, WSLAY_ERR_CALLBACK_FAILURE);
		return -1;
	}
	ws->sent += n;
	return (ssize_t)n;
}

static void
on_frame_start(wslay_event_context_ptr frames, const struct wslay_event_on_frame_recv_start_arg *f,
    void *arg)
{
	struct websocket *ws = arg;
	size_t length = f->payload_length < 126 ? 0 : f->payload_length < 65536 ? 2 : 8;

	(void)frames;
	ws->taken += 2 + length + 4 + f->payload_length;
	ws->is_control = wslay_is_ctrl_frame(f->opcode);
	/* Control frames may stand between the frames of a message. */
	if (ws->is_control)
		return;
	ws->had_data = true;
	ws->is_begun = !f->fin;
	if (f->opcode != WSLAY_CONTINUATION_FRAME)
		ws->is_text = f->opcode == WSLAY_TEXT_FRAME;
}

static void
tell_message(struct websocket *ws, struct span bytes)
{
	/* Who has closed wants no more. */
	if (!ws->closing)
		ws->config.events->message(ws, ws->is_text, bytes, ws->config.arg);
}

/* wslay would keep a list of all the frames of a message, of which an endless number can be empty: messages are put together
 * here. */
static void
on_chunk(wslay_event_context_ptr frames, const struct wslay_event_on_frame_recv_chunk_arg *c,
    void *arg)
{
	struct websocket *ws = arg;

	(void)frames;
	if (ws->is_control || c->data_length == 0)
		return;
	if (ws->config.pieces)
		tell_message(ws, (struct span){ c->data, c->data_length });
	else if (!ws->closing && !buf_put(&ws->message, c->data, c->data_length))
		websocket_close(ws, WEBSOCKET_TOO_BIG, "the message is too long");
}

static void
on_frame_end(wslay_event_context_ptr frames, void *arg)
{
	struct websocket *ws = arg;

	(void)frames;
	if (ws->is_control || ws->is_begun || ws->config.pieces)
		return;
	tell_message(ws, buf_span(&ws->message));
	buf_wipe(&ws->message);
}

/* --- frames in and out ------------------------------------------------------------- */

static int
frames_open(struct websocket *ws)
{
	static const struct wslay_event_callbacks calls = { .recv_callback = on_recv,
		.send_callback = on_send,
		.on_frame_recv_start_callback = on_frame_start,
		.on_frame_recv_chunk_callback = on_chunk,
		.on_frame_recv_end_callback = on_frame_end };

	if (ws->frames)
		return 0;
	if (wslay_event_context_server_init(&ws->frames, &calls, ws) != 0) {
		ws->frames = NULL;
		return -1;
	}
	wslay_event_config_set_no_buffering(ws->frames, 1);
	/* Of one frame; of a message it is the ceiling of ws->message. */
	wslay_event_config_set_max_recv_msg_length(ws->frames, ws->config.message_max);
	return 0;
}

static void
websocket_abort(struct websocket *ws)
{
	ws->over = true;
	tls_stream_abort(ws->tls);
}

/* Both have said that it is over, or the peer has said something that is none of the protocol. */
static bool
is_finished(const struct websocket *ws)
{
	return wslay_event_get_close_sent(ws->frames) &&
	    (wslay_event_get_close_received(ws->frames) ||
		!wslay_event_get_read_enabled(ws->frames));
}

/* Between two frames nothing of wslay's is worth keeping. */
static void
frames_rest(struct websocket *ws)
{
	if (!ws->frames || ws->shown != ws->taken || ws->is_begun || ws->closing || ws->over)
		return;
	wslay_event_context_free(ws->frames);
	ws->frames = NULL;
}

static void
update_pause(struct websocket *ws)
{
	/* Whoever sends pings without reading the answers is not read either. */
	if (!ws->over)
		tls_stream_pause(ws->tls,
		    ws->paused || ws->input.len > 0 || ws->sent > WEBSOCKET_QUEUE_MAX);
}

/* Sends what wslay has made. */
static void
websocket_flush(struct websocket *ws)
{
	if (wslay_event_send(ws->frames) != 0) {
		websocket_abort(ws);
		return;
	}
	if (!is_finished(ws))
		return;
	ws->over = true;
	tls_stream_close(ws->tls);
}

/* Reads what there is. */
static void
websocket_turn(struct websocket *ws)
{
	bool broken;

	if (ws->over || ws->in_turn)
		return;
	ws->had_data = false;
	if (frames_open(ws) < 0) {
		websocket_abort(ws);
		return;
	}
	ws->in_turn = true;
	broken = wslay_event_recv(ws->frames) != 0;
	ws->in_turn = false;
	websocket_flush(ws);
	if (broken && !ws->over) {
		ws->over = true;
		tls_stream_close(ws->tls);
	}
	if (!ws->had_data)
		frames_rest(ws);
	update_pause(ws);
}

/* --- the stream -------------------------------------------------------------------- */

static void
on_data(struct tls_stream *s, const uint8_t *p, size_t n, void *arg)
{
	struct websocket *ws = arg;

	(void)s;
	ws->heard = true;
	if (!buf_put(&ws->input, p, n))
		websocket_abort(ws);
	websocket_turn(ws);
}

static void
on_drained(struct tls_stream *s, void *arg)
{
	struct websocket *ws = arg;

	(void)s;
	ws->sent = 0;
	if (!ws->closing && !ws->over && ws->config.events->drained)
		ws->config.events->drained(ws, ws->config.arg);
	/* What came with the handshake, or waits since we were the slow ones. */
	if (ws->input.len > 0)
		websocket_turn(ws);
	update_pause(ws);
}

static void
websocket_free(struct websocket *ws)
{
	wslay_event_context_free(ws->frames);
	buf_wipe(&ws->input);
	buf_wipe(&ws->message);
	timer_done(&ws->tick);
	free(ws->payer);
	free(ws);
}

static void
on_closed(struct tls_stream *s, void *arg)
{
	struct websocket *ws = arg;
	struct http_server *server = ws->server;

	(void)s;
	ws->over = true;
	list_del(&ws->link);
	ceiling_drop(server->socket_places, ws->payer);
	ws->config.events->closed(ws, ws->config.arg);
	if (server->config.closed)
		server->config.closed(&ws->peer, server->config.arg);
	websocket_free(ws);
}

static const struct tls_events tls_events = {
	.data = on_data,
	.drained = on_drained,
	.closed = on_closed,
};

/* Nothing was heard for a tick: asks, and after some more that were not answered it is over. What waits here because of the
 * owner is no silence of the peer's. */
static void
on_tick(void *arg)
{
	struct websocket *ws = arg;
	static const struct wslay_event_msg ping = { .opcode = WSLAY_PING };

	if (ws->closing || ws->over) {
		websocket_abort(ws);
		return;
	}
	ws->silent = ws->heard || ws->paused ? 0 : ws->silent + 1;
	ws->heard = false;
	if (ws->silent >= SILENT_TICKS || frames_open(ws) < 0) {
		websocket_abort(ws);
		return;
	}
	/* Before the question, which is a record under way; it needs little of the buffers. */
	tls_stream_rest(ws->tls);
	if (ws->silent > 0) {
		(void)wslay_event_queue_msg(ws->frames, &ping);
		websocket_flush(ws);
	}
	frames_rest(ws);
}

/* --- the handshake ------------------------------------------------------------------- */

/* RFC 6455 section 4.2.1. 0, or the status to refuse with. */
static int
check_request(const struct http_request *r)
{
	const struct http_head *h = &r->parsed;
	struct span key = http_head_field(h, "sec-websocket-key");
	struct buf bytes;
	bool ok;

	if (strcmp(r->method, "GET") != 0 || !h->is_1_1 || h->has_body ||
	    !http_head_lists(h, "upgrade", "websocket") ||
	    !http_head_lists(h, "connection", "upgrade"))
		return 426;
	if (!span_is(http_head_field(h, "sec-websocket-version"), VERSION))
		return 426;
	buf_init(&bytes, KEY_MAX);
	ok = b64_decode(key, B64_STD, false, &bytes) && bytes.len == KEY_BYTES;
	buf_done(&bytes);
	return ok ? 0 : 400;
}

/* RFC 6455 section 4.2.2: proves that a WebSocket was asked for, and nothing else. */
static bool
put_answer(struct buf *b, struct span key)
{
	uint8_t sum[SHA1_BYTES];
	char accept[ACCEPT_SIZE];
	struct buf text;
	bool ok;

	buf_init(&text, KEY_MAX + sizeof(ACCEPT_GUID));
	ok = buf_put(&text, key.p, key.n) && buf_put(&text, ACCEPT_GUID, strlen(ACCEPT_GUID));
	if (ok) {
		sha1_of(buf_span(&text), sum);
		ok = b64_encode(accept, sizeof(accept), (struct span){ sum, sizeof(sum) }, B64_STD);
	}
	buf_done(&text);
	return ok &&
	    buf_printf(b,
		"HTTP/1.1 101 %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		"Sec-WebSocket-Accept: %s\r\n\r\n",
		http_status_text(101), accept);
}

static struct websocket *
websocket_new(struct http_conn *c, const struct websocket_config *config)
{
	struct websocket *ws = calloc(1, sizeof(*ws));

	if (!ws)
		return NULL;
	ws->server = c->server;
	ws->tls = c->tls;
	ws->peer = c->peer;
	ws->config = *config;
	buf_init(&ws->input, INPUT_MAX);
	buf_init(&ws->message, config->message_max);
	ws->payer = strdup(config->payer);
	if (!ws->payer || timer_init(&ws->tick, c->server->loop, on_tick, ws) < 0 ||
	    !buf_put(&ws->input, buf_head(&c->input), c->input.len)) {
		websocket_free(ws);
		return NULL;
	}
	ws->config.payer = ws->payer;
	return ws;
}

/* 0: the connection is its own; or a status: nothing has changed. */
static int
take_connection(struct websocket **ret, struct http_request *r,
    const struct websocket_config *config)
{
	struct http_conn *c = r->conn;
	struct http_server *server = c->server;
	struct websocket *ws;
	struct buf answer;
	bool ok;

	if (server->draining || !ceiling_take(server->socket_places, config->payer))
		return 503;
	ws = websocket_new(c, config);
	buf_init(&answer, 1024);
	ok = ws && put_answer(&answer, http_head_field(&r->parsed, "sec-websocket-key")) &&
	    tls_stream_write(c->tls, buf_head(&answer), answer.len) == 0;
	buf_done(&answer);
	if (!ok) {
		ceiling_drop(server->socket_places, config->payer);
		if (ws)
			websocket_free(ws);
		return 503;
	}
	list_add(&server->sockets, &ws->link);
	http_conn_leave(c);
	*ret = ws;
	return 0;
}

struct websocket *
websocket_accept(struct http_request *r, const struct websocket_config *config)
{
	struct websocket *ws = NULL;
	int status = check_request(r);

	if (status == 0 && r->conn)
		status = take_connection(&ws, r, config);
	if (!ws) {
		if (status == 426)
			http_set_header(r, "Sec-WebSocket-Version", VERSION);
		http_reply_error(r, status ? status : 400,
		    status == 503 ? "too many WebSockets at once: close some, then try again"
				  : "this address is for WebSockets (RFC 6455) only");
		return NULL;
	}
	http_request_free(r);
	tls_stream_start(ws->tls, &tls_events, ws);
	update_pause(ws);
	timer_repeat(&ws->tick, ws->server->config.ping_ms);
	return ws;
}

/* --- what the owner calls -------------------------------------------------------------- */

size_t
websocket_room(const struct websocket *ws)
{
	size_t n = ws->sent + (ws->frames ? wslay_event_get_queued_msg_length(ws->frames) : 0);

	return ws->closing || ws->over || n > WEBSOCKET_QUEUE_MAX ? 0 : WEBSOCKET_QUEUE_MAX - n;
}

int
websocket_send(struct websocket *ws, bool is_text, struct span bytes)
{
	struct wslay_event_msg m = { .opcode = is_text ? WSLAY_TEXT_FRAME : WSLAY_BINARY_FRAME,
		.msg = bytes.p,
		.msg_length = bytes.n };

	if (ws->closing || ws->over || bytes.n > websocket_room(ws) || frames_open(ws) < 0 ||
	    wslay_event_queue_msg(ws->frames, &m) != 0)
		return -1;
	if (!ws->in_turn)
		websocket_flush(ws);
	return 0;
}

void
websocket_pause(struct websocket *ws, bool paused)
{
	if (ws->paused == paused || ws->closing || ws->over)
		return;
	ws->paused = paused;
	/* on_drained would do, but nothing need be under way. */
	if (!paused)
		websocket_turn(ws);
	update_pause(ws);
}

void
websocket_close(struct websocket *ws, enum websocket_code code, const char *reason)
{
	size_t n = strlen(reason);

	if (ws->closing || ws->over)
		return;
	ws->closing = true;
	ws->paused = false;
	timer_start(&ws->tick, CLOSE_MS);
	if (frames_open(ws) < 0 ||
	    wslay_event_queue_close(ws->frames, (uint16_t)code, (const uint8_t *)reason,
		n < WEBSOCKET_REASON_MAX ? n : WEBSOCKET_REASON_MAX) != 0)
		websocket_abort(ws);
	else if (!ws->in_turn)
		websocket_flush(ws);
	update_pause(ws);
}

void
websocket_drain_all(struct http_server *server)
{
	list_each (struct websocket, ws, &server->sockets, link) {
		if (ws->config.events->stopping)
			ws->config.events->stopping(ws, ws->config.arg);
		else
			websocket_close(ws, WEBSOCKET_GOING_AWAY, "this proxy is stopping");
	}
}

void
websocket_free_all(struct http_server *server)
{
	list_each (struct websocket, ws, &server->sockets, link)
		tls_stream_free(ws->tls);
}
