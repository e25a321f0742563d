/* SPDX-License-Identifier: Apache-2.0 */
/*
 * web_play: a recording's frames (docs/PROTOCOL.md "Recording frames"), passed on to the browser as auditd sends them. One
 * message is here at a time (with the window of its call, and what is on its way: 2 MiB): the next is asked for when the
 * browser has taken it. A recording that cannot be sent to its end is broken off, and never looks whole.
 */
#include <stdlib.h>

#include "http/stream.h"
#include "proto/audit.async.h"
#include "proxy/web_api_priv.h"
#include "rpc/bytes.h"

struct play {
	struct web_call *call;
	struct rpc_call *rpc;
	struct http_stream *http; /* NULL: no frames yet, so that what is wrong can still be said */
	bool paused;
};

/* Both sides are told by the caller. */
static void
play_free(struct play *p)
{
	struct web_call *c = p->call;

	c->play = NULL;
	free(p);
	web_call_free(c);
}

/* auditd's answer is of no more use; gRPC ends the call later. */
static void
leave_rpc(struct play *p)
{
	rpc_set_data(p->rpc, NULL);
	rpc_cancel(p->rpc);
}

static void
on_http_drained(void *arg)
{
	struct play *p = arg;

	if (!p->paused)
		return;
	p->paused = false;
	rpc_resume(p->rpc);
}

static void
on_http_closed(void *arg)
{
	struct play *p = arg;

	leave_rpc(p);
	play_free(p);
}

/* False: nobody wants the frames; it is over. */
static bool
begin(struct play *p)
{
	static const struct http_stream_events events = { .drained = on_http_drained,
		.closed = on_http_closed };
	struct http_request *r = p->call->request;

	p->call->request = NULL;
	p->http = http_reply_stream(r, 200, "application/octet-stream", &events, p);
	if (p->http)
		return true;
	leave_rpc(p);
	play_free(p);
	return false;
}

static void
on_part(struct rpc_call *rpc, const Audit__PlayPart *part)
{
	struct play *p = rpc_data(rpc);

	if (!p || !part || (!p->http && !begin(p)))
		return;
	if (part->frames.len == 0)
		return;
	rpc_pause(rpc);
	p->paused = true;
	if (http_stream_put(p->http, bytes_span(part->frames)) == 0)
		return;
	http_stream_abort(p->http);
	leave_rpc(p);
	play_free(p);
}

static void
on_rpc_closed(struct rpc_call *rpc, const struct rpc_status *status)
{
	struct play *p = rpc_data(rpc);
	struct web_call *c;

	if (!p)
		return;
	if (p->http) {
		if (status->code == RPC_OK)
			http_stream_end(p->http);
		else
			http_stream_abort(p->http);
		play_free(p);
		return;
	}
	c = p->call;
	c->play = NULL;
	free(p);
	web_call_fail(c, status->code == RPC_OK ? RPC_INTERNAL : status->code, status->message);
}

void
web_play(struct web_call *c, const Audit__PlayRequest *request)
{
	static const struct audit_play_on on = { .message = on_part, .closed = on_rpc_closed };
	struct play *p;

	/* Such an answer would hold a place among the requests for hours. */
	if (request->follow) {
		web_call_refuse(c, 400, "a session is followed by the WebSocket at /v1/webapi/recordings/SESSION/live");
		return;
	}
	if (!web_call_take_play(c))
		return;
	p = calloc(1, sizeof(*p));
	if (!p) {
		web_call_refuse(c, 503, "out of memory");
		return;
	}
	p->call = c;
	c->play = p;
	p->rpc = audit_play_open(c->as, request, &on, p);
}

void
web_play_drop(struct web_call *c)
{
	struct play *p = c->play;

	leave_rpc(p);
	if (!c->request) {
		play_free(p);
		return;
	}
	c->play = NULL;
	free(p);
	web_call_refuse(c, 503, "this proxy stops");
}
