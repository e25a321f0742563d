/* SPDX-License-Identifier: Apache-2.0 */
/*
 * web_watch: a session that runs, shown to a page while it does (GET /v1/webapi/recordings/:session/live): a WebSocket of its
 * frames (docs/PROTOCOL.md "Recording frames"), as auditd sends them, from the first on.
 *
 * A WebSocket and no long answer of HTTP: of those a browser has six to one host, and this proxy a few for each person, both
 * of which whoever looks at some sessions would have used up. It ends with the web session like every other, and the proxy
 * asks now and then whether the page is still there.
 *
 * Security: nothing is decided here: auditd sees the person, judges him again whenever something changes, and writes down that
 * he looks. One part at a time is here; the next is asked for when the browser has taken it. It counts among the recordings that
 * somebody plays.
 */
#include <stdlib.h>
#include <string.h>

#include "api/json.h"
#include "base/str.h"
#include "crypto/secret.h"
#include "proto/audit.async.h"
#include "proxy/web.h"
#include "proxy/web_api.h"
#include "proxy/web_live.h"
#include "proxy/web_session.h"
#include "proxy/web_share.h"

enum {
	MESSAGE_MAX = 32, /* from the page: a number */
	WINDOW = 1024 * 1024, /* sent, and not yet taken by the page */
	FRAME_MAX = 32 * 1024,
	REST_MAX = 3 * 1024 * 1024, /* a part of auditd's, with what it says of one that was changed */
	JSON_MAX = 256 * 1024,
};

struct watch_over {
	enum websocket_code code; /* 0: it goes on */
	char why[WEBSOCKET_REASON_MAX + 1];
};

struct web_watch {
	struct web_live live;
	struct web_api *api;
	char who[WEB_SHARE_WHO_SIZE]; /* whose share of recordings it is of; "": it has none yet */
	struct rpc_client *as;
	struct rpc_call *rpc;   /* NULL: auditd has no more to say */
	struct buf rest;        /* that the browser has not taken yet */
	bool paused;            /* auditd waits for that */
	uint64_t sent, taken;   /* bytes of frames, by the page as it says */
	struct watch_over over; /* told when the rest is */
};

static void
leave_rpc(struct web_watch *w)
{
	if (!w->rpc)
		return;
	rpc_set_data(w->rpc, NULL);
	rpc_cancel(w->rpc);
	w->rpc = NULL;
}

static void
watch_free(struct web_watch *w)
{
	leave_rpc(w);
	if (w->who[0])
		web_api_drop_play(w->api, w->who);
	rpc_client_free(w->as);
	buf_wipe(&w->rest);
	free(w);
}

/* --- to the browser ------------------------------------------------------------------- */

static void
send_rest(struct web_watch *w)
{
	while (w->rest.len > 0) {
		size_t room = websocket_room(w->live.ws), n = w->rest.len;

		n = n < room ? n : room;
		n = n < FRAME_MAX ? n : FRAME_MAX;
		n = n < WINDOW - (w->sent - w->taken) ? n : WINDOW - (w->sent - w->taken);
		if (n == 0 ||
		    websocket_send(w->live.ws, false, (struct span){ buf_head(&w->rest), n }) < 0)
			return;
		buf_drain(&w->rest, n);
		w->sent += n;
	}
	/* A quiet session holds nothing. */
	buf_wipe(&w->rest);
	buf_init(&w->rest, REST_MAX);
	if (w->over.code)
		websocket_close(w->live.ws, w->over.code, w->over.why);
	else if (w->paused && w->rpc) {
		w->paused = false;
		rpc_resume(w->rpc);
	}
}

/* How it stands, as a text message between the others. What there is no room for now comes in a few seconds again. */
static void
send_recording(struct web_watch *w, const Audit__Recording *recording)
{
	struct buf text;

	buf_init(&text, JSON_MAX);
	if (api_json_put(&text, &recording->base))
		(void)websocket_send(w->live.ws, true, buf_span(&text));
	buf_done(&text);
}

static void
end(struct web_watch *w, enum websocket_code code, const char *why)
{
	if (!w->over.code)
		w->over.code = code;
	(void)str_copy(w->over.why, sizeof(w->over.why), why);
	if (w->live.ws)
		send_rest(w);
}

/* --- from auditd ------------------------------------------------------------------------ */

static void
on_part(struct rpc_call *rpc, const Audit__PlayPart *part)
{
	struct web_watch *w = rpc_data(rpc);

	if (!w || !part || !w->live.ws)
		return;
	if (part->recording)
		send_recording(w, part->recording);
	if (part->frames.len == 0)
		return;
	rpc_pause(rpc);
	w->paused = true;
	if (buf_put(&w->rest, part->frames.data, part->frames.len)) {
		send_rest(w);
		return;
	}
	leave_rpc(w);
	websocket_close(w->live.ws, WEBSOCKET_FAILED, "out of memory");
}

static void
on_rpc_closed(struct rpc_call *rpc, const struct rpc_status *status)
{
	struct web_watch *w = rpc_data(rpc);

	if (!w)
		return;
	w->rpc = NULL;
	switch (status->code) {
	case RPC_OK:
		end(w, WEBSOCKET_NORMAL, "the session has ended");
		break;
	case RPC_PERMISSION_DENIED:
	case RPC_UNAUTHENTICATED:
	case RPC_NOT_FOUND:
	case RPC_INVALID_ARGUMENT:
		end(w, WEBSOCKET_POLICY, status->message);
		break;
	case RPC_RESOURCE_EXHAUSTED:
		end(w, WEBSOCKET_FAILED, status->message);
		break;
	default:
		/* As web_call_fail: what went wrong on the way is no words for a browser. */
		end(w, WEBSOCKET_FAILED, "the cluster does not answer; try again in a moment");
	}
}

/* --- the WebSocket --------------------------------------------------------------------- */

/* How many bytes the page has drawn: no browser holds up what comes over a WebSocket, and a terminal draws slower than a
 * session may print. */
static void
on_message(struct websocket *ws, bool is_text, struct span bytes, void *arg)
{
	struct web_watch *w = arg;
	char text[MESSAGE_MAX + 1] = "";
	uint64_t taken;

	if (bytes.n > 0)
		memcpy(text, bytes.p, bytes.n);
	if (!is_text || strlen(text) != bytes.n || !str_u64(text, w->sent, &taken) ||
	    taken < w->taken) {
		websocket_close(ws, WEBSOCKET_UNSUPPORTED,
		    "say how many bytes you have taken, as digits");
		return;
	}
	w->taken = taken;
	send_rest(w);
}

static void
on_drained(struct websocket *ws, void *arg)
{
	(void)ws;
	send_rest(arg);
}

static void
on_closed(struct websocket *ws, void *arg)
{
	struct web_watch *w = arg;

	(void)ws;
	web_live_close(&w->live);
	watch_free(w);
}

static void
on_session_over(struct web_live *live, const char *why)
{
	leave_rpc(container_of(live, struct web_watch, live));
	websocket_close(live->ws, WEBSOCKET_POLICY, why);
}

/* The handle that auditd is asked with. NULL: answered. */
static struct rpc_client *
become(const struct web *web, struct http_request *r)
{
	char token[RPC_SESSION_TOKEN_SIZE], client[ADDR_TEXT_SIZE + 8], key[RPC_SESSION_KEY_SIZE];
	struct rpc_client *as = NULL;

	if (!web_session_token(r, token) || !rpc_session_key(token, key)) {
		http_reply_error(r, 401, "log in first");
	} else if (!web_api_may_ask(web->api, http_peer(r), key)) {
		http_set_header(r, "Retry-After", "10");
		http_reply_error(r, 429, "too many requests of yours; wait a moment");
	} else if (!web->config.plays) {
		http_reply_error(r, 503, "this proxy has no auditd (auditd_addr in proxyd.yaml)");
	} else {
		addr_text(http_peer(r), client, sizeof(client));
		as = rpc_client_for(web->config.plays, token, client);
		if (!as)
			http_reply_error(r, 503, "out of memory");
	}
	secret_zero(token, sizeof(token));
	return as;
}

/* Negative: answered. */
static int
watch_open(struct web_watch *w, struct web *web, struct http_request *r)
{
	static const struct websocket_events socket_events = { .message = on_message,
		.drained = on_drained,
		.closed = on_closed };
	struct websocket_config config = { .events = &socket_events,
		.arg = w,
		.message_max = MESSAGE_MAX };

	w->live.end = on_session_over;
	w->api = web->api;
	w->as = become(web, r);
	return w->as ? web_live_open(&w->live, web, r, &config) : -1;
}

void
web_watch(struct http_request *r, void *arg)
{
	static const struct audit_play_on on = { .message = on_part, .closed = on_rpc_closed };
	Audit__PlayRequest request = AUDIT__PLAY_REQUEST__INIT;
	struct web_watch *w = calloc(1, sizeof(*w));
	char session[64];

	if (!w || !str_copy(session, sizeof(session), http_param(r))) {
		http_reply_error(r, w ? 404 : 503, w ? "there is no such session" : "out of memory");
		free(w);
		return;
	}
	buf_init(&w->rest, REST_MAX);
	if (watch_open(w, arg, r) < 0) {
		watch_free(w);
		return;
	}
	if (!web_api_take_play(w->api, w->live.key, w->who)) {
		websocket_close(w->live.ws, WEBSOCKET_FAILED, web_api_many_plays);
		return;
	}
	request.session = session;
	request.follow = true;
	w->rpc = audit_play_open(w->as, &request, &on, w);
}
