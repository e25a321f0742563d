/* SPDX-License-Identifier: Apache-2.0 */
/*
 * call: one call, on either side: which operations gRPC holds, the queue of messages to send, and the order of
 * what the owner is told. Called by server.c, client.c and the owner of the call, always on the loop's thread;
 * gRPC wants the batches of one call to be serialised, and they are by that.
 *
 * A call has up to three operations under way: receive (one message at a time, so that not reading reaches the
 * peer as flow control), transmit (one message at a time, the rest queues here) and end (the status, or the
 * peer's going away). It is closed and freed when end came and no other is out.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <grpc/slice.h>
#include <grpc/support/alloc.h>

#include "base/clock.h"
#include "base/str.h"
#include "rpc/rpc_priv.h"

struct rpc_call *
rpc_call_new(struct rpc_loop *rl, const struct rpc_events *on, void *data)
{
	struct rpc_call *call = gpr_zalloc(sizeof *call);

	call->rl = rl;
	if (on)
		call->on = *on;
	call->data = data;
	call->queue_tail = &call->queue;
	call->status_text = grpc_empty_slice();
	grpc_metadata_array_init(&call->initial);
	grpc_metadata_array_init(&call->trailing);
	grpc_call_details_init(&call->details);
	return call;
}

/* Messages that nobody will get: the call is broken, or ends with an error. */
static void
drop_queue(struct rpc_call *call)
{
	for (struct rpc_outgoing *o = call->queue, *next; o; o = next) {
		next = o->next;
		grpc_byte_buffer_destroy(o->buffer);
		gpr_free(o);
	}
	call->queue = NULL;
	call->queue_tail = &call->queue;
	call->queued = call->queued_bytes = 0;
}

void
rpc_call_free(struct rpc_call *call)
{
	drop_queue(call);
	grpc_byte_buffer_destroy(call->inbox);
	grpc_byte_buffer_destroy(call->outbox);
	rpc_behalf_done(call);
	grpc_metadata_array_destroy(&call->initial);
	grpc_metadata_array_destroy(&call->trailing);
	grpc_call_details_destroy(&call->details);
	grpc_slice_unref(call->status_text);
	if (call->grpc)
		grpc_call_unref(call->grpc);
	if (call->channel)
		rpc_channel_unref(call->channel);
	if (call->server)
		rpc_server_call_freed(call, call->grpc != NULL);
	gpr_free(call);
}

/* Hands the operations to gRPC as one batch; done comes from the loop, also when gRPC refuses
 * them. */
static void
start(struct rpc_call *call, struct rpc_op *op, void (*done)(void *, bool), const grpc_op *ops,
    size_t n)
{
	rpc_op_hand(op, done, call);
	rpc_loop_start(call->rl, call->grpc, ops, n, op);
}

/* --- sending ----------------------------------------------------------------------- */

size_t
rpc_call_put_greeting(struct rpc_call *call, grpc_op *op)
{
	/* Once a call: gRPC refuses the whole batch otherwise. */
	if (call->greeted)
		return 0;
	call->greeted = true;
	op->op = GRPC_OP_SEND_INITIAL_METADATA;
	op->data.send_initial_metadata.count = call->n_told;
	op->data.send_initial_metadata.metadata = call->told;
	if (call->wait_for_ready)
		op->flags = GRPC_INITIAL_METADATA_WAIT_FOR_READY |
		    GRPC_INITIAL_METADATA_WAIT_FOR_READY_EXPLICITLY_SET;
	return 1;
}

/* 0, or 1: op sends the first message of the queue, which lives in outbox until then. */
static size_t
put_message(struct rpc_call *call, grpc_op *op)
{
	struct rpc_outgoing *o = call->queue;

	if (!o)
		return 0;
	if (!(call->queue = o->next))
		call->queue_tail = &call->queue;
	call->queued--;
	call->queued_bytes -= o->len;
	call->outbox = o->buffer;
	gpr_free(o);
	op->op = GRPC_OP_SEND_MESSAGE;
	/* With more behind it the message may wait for company: fewer, larger writes to the socket. */
	op->flags = call->queue ? GRPC_WRITE_BUFFER_HINT : 0;
	op->data.send_message.send_message = call->outbox;
	return 1;
}

/* 0, or 1: op sends the status (server) or half-closes (client). Only behind the last message. */
static size_t
put_end(struct rpc_call *call, grpc_op *op)
{
	if (!call->ending || call->queue)
		return 0;
	call->end_sent = true;
	if (!call->server) {
		op->op = GRPC_OP_SEND_CLOSE_FROM_CLIENT;
		return 1;
	}
	op->op = GRPC_OP_SEND_STATUS_FROM_SERVER;
	op->data.send_status_from_server.status = call->status;
	op->data.send_status_from_server.status_details = &call->status_text;
	return 1;
}

static void rpc_call_settle(struct rpc_call *call);

static void
on_transmitted(void *arg, bool ok)
{
	struct rpc_call *call = arg;

	grpc_byte_buffer_destroy(call->outbox);
	call->outbox = NULL;
	/* What was lost is not sent again here: who needs it (the uploader) knows by its marks what arrived. */
	if (!ok) {
		call->broken = true;
		drop_queue(call);
	} else if (!call->queue && !call->ending && call->on.writable) {
		call->on.writable(call);
	}
	rpc_call_transmit(call);
	rpc_call_settle(call);
}

/* Starts the next transmission, unless one is out: gRPC allows one message at a time in each
 * direction. */
void
rpc_call_transmit(struct rpc_call *call)
{
	grpc_op ops[3] = { 0 };
	size_t n = 0;

	if (call->transmit.pending || call->broken || call->end_sent ||
	    (call->ended && call->server))
		return;
	if (!call->queue && !call->ending && !call->greeting)
		return;
	call->greeting = false;
	n += rpc_call_put_greeting(call, &ops[n]);
	n += put_message(call, &ops[n]);
	n += put_end(call, &ops[n]);
	if (n > 0)
		start(call, &call->transmit, on_transmitted, ops, n);
}

void
rpc_send(struct rpc_call *call, const void *message)
{
	struct rpc_outgoing *o;

	if (call->broken || call->ending)
		return;
	o = gpr_zalloc(sizeof *o);
	o->buffer = rpc_pack(message, &o->len);
	*call->queue_tail = o;
	call->queue_tail = &o->next;
	call->queued++;
	call->queued_bytes += o->len;
	if (call->queued_bytes > RPC_QUEUE_MAX) { /* the owner does not look at rpc_queued() */
		call->broken = true;
		drop_queue(call);
		rpc_cancel(call);
		return;
	}
	rpc_call_transmit(call);
}

size_t
rpc_queued(const struct rpc_call *call)
{
	return call->queued + (call->outbox != NULL);
}

/* --- receiving ---------------------------------------------------------------------- */

bool
rpc_call_deliver(struct rpc_call *call)
{
	ProtobufCMessage *message = rpc_unpack(call->in, call->inbox);

	grpc_byte_buffer_destroy(call->inbox);
	call->inbox = NULL;
	if (!message)
		return false;
	call->began_us = clock_mono_us();
	/* For the call that blocks: the message outlives the call, and its caller frees it. */
	if (call->keep) {
		memcpy(call->keep, &message, sizeof message);
		return true;
	}
	if (call->on.message)
		call->on.message(call, message);
	protobuf_c_message_free_unpacked(message, NULL);
	return true;
}

/* The peer sent what wire_check refuses: one call is lost, the connection stays. */
static void
on_unreadable(struct rpc_call *call)
{
	if (call->server)
		rpc_finish(call, RPC_INVALID_ARGUMENT, "the request is not a valid %s",
		    call->in->name);
	else
		grpc_call_cancel_with_status(call->grpc, GRPC_STATUS_INTERNAL, "unreadable message",
		    NULL);
}

/* The peer sends no more. */
static void
on_end_of_input(struct rpc_call *call, bool ok)
{
	call->eof = true;
	if (!ok || call->ending || call->ended)
		return;
	if (call->server && !call->reads_many)
		rpc_finish(call, RPC_INVALID_ARGUMENT, "the call carries no request");
	else if (call->server && call->on.message)
		call->on.message(call, NULL);
}

static void
on_received(void *arg, bool ok)
{
	struct rpc_call *call = arg;

	/* gRPC says "no more messages" as a success without a message. */
	if (!ok || !call->inbox) {
		on_end_of_input(call, ok);
	} else if (call->stranger.share &&
	    grpc_byte_buffer_length(call->inbox) > RPC_STRANGER_MAX) {
		call->eof = true;
		rpc_finish(call, RPC_RESOURCE_EXHAUSTED,
		    "a message without a certificate has at most %d bytes", RPC_STRANGER_MAX);
	} else {
		call->eof = !call->reads_many;
		if (!rpc_call_deliver(call))
			on_unreadable(call);
		rpc_call_receive(call);
	}
	rpc_call_settle(call);
}

/* Asks gRPC for one message. While nobody asks, HTTP/2's window closes and the peer's writes
 * wait. */
void
rpc_call_receive(struct rpc_call *call)
{
	grpc_op ops[2] = { 0 };
	size_t n = 0;

	if (call->receive.pending || call->paused || call->eof || call->broken)
		return;
	if (!call->server && !call->welcomed) { /* may be asked for once only */
		call->welcomed = true;
		ops[n].op = GRPC_OP_RECV_INITIAL_METADATA;
		ops[n++].data.recv_initial_metadata.recv_initial_metadata = &call->initial;
	}
	ops[n].op = GRPC_OP_RECV_MESSAGE;
	ops[n++].data.recv_message.recv_message = &call->inbox;
	start(call, &call->receive, on_received, ops, n);
}

void
rpc_pause(struct rpc_call *call)
{
	call->paused = true;
}

void
rpc_resume(struct rpc_call *call)
{
	call->paused = false;
	if (!call->ended)
		rpc_call_receive(call);
}

/* --- the end ------------------------------------------------------------------------- */

enum rpc_code
rpc_known_code(int code)
{
	return code >= RPC_OK && code < RPC_CODES ? (enum rpc_code)code : RPC_UNKNOWN;
}

/* Once, with the status in words that may be shown. */
static void
tell_closed(struct rpc_call *call)
{
	char *raw = grpc_slice_to_c_string(call->status_text);
	char text[RPC_STATUS_TEXT_MAX + 1];
	struct rpc_status status = { .code = rpc_known_code((int)call->status), .message = text };

	/* A client's is the other side's word, which ends in logs and on terminals: rpc_client_explain
	 * cleans it as well. */
	if (call->server)
		str_clean(text, sizeof text, raw, strlen(raw));
	else
		rpc_client_explain(call, raw, text, sizeof text);
	gpr_free(raw);
	if (call->server && call->cancelled)
		status = (struct rpc_status){ .code = RPC_CANCELLED, .message = "cancelled" };
	call->on.closed(call, &status);
}

/* Closes and frees the call when nothing of it is with gRPC any more. */
static void
rpc_call_settle(struct rpc_call *call)
{
	if (!call->ended || call->end.pending || call->receive.pending || call->transmit.pending)
		return;
	/* Last of all: the owner may free what the callbacks look at. */
	if (call->on.closed)
		tell_closed(call);
	rpc_call_free(call);
}

void
rpc_call_ended(void *arg, bool ok)
{
	struct rpc_call *call = arg;

	(void)ok;
	call->ended = true;
	rpc_call_settle(call);
}

void
rpc_cancel(struct rpc_call *call)
{
	if (call->grpc)
		grpc_call_cancel(call->grpc, NULL);
}

grpc_slice
rpc_status_slice(const char *text)
{
	char clean[RPC_STATUS_TEXT_MAX + 1];

	str_clean(clean, sizeof clean, text, strlen(text));
	return grpc_slice_from_copied_string(clean);
}

/* --- what a handler or caller asks of a call --------------------------------------------- */

void
rpc_reply(struct rpc_call *call, const void *message)
{
	rpc_send(call, message);
	rpc_finish(call, RPC_OK, "%s", "");
}

void
rpc_finish(struct rpc_call *call, enum rpc_code code, const char *fmt, ...)
{
	char text[RPC_STATUS_TEXT_MAX + 1];
	va_list ap;

	if (call->ending || !call->server)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	call->status = (grpc_status_code)rpc_known_code((int)code);
	grpc_slice_unref(call->status_text);
	call->status_text = rpc_status_slice(text);
	call->ending = true;
	if (call->times && call->began_us)
		histogram_add(&call->times->took, clock_mono_us() - call->began_us);
	if (call->status != GRPC_STATUS_OK)
		call->server->failed[call->status]++;
	/* An answer and an error at once would be a call that failed and did not. */
	if (code != RPC_OK && call->queue && call->row &&
	    !(call->row->method->kind & RPC_SEND_STREAM))
		drop_queue(call);
	rpc_call_transmit(call);
}

void
rpc_set_data(struct rpc_call *call, void *data)
{
	call->data = data;
}

void *
rpc_data(const struct rpc_call *call)
{
	return call->data;
}

rpc_typed_fn *
rpc_typed(const struct rpc_call *call)
{
	return call->on.typed;
}

void *
rpc_context(const struct rpc_call *call)
{
	return call->service ? call->service->context : NULL;
}

const struct rpc_peer *
rpc_peer(const struct rpc_call *call)
{
	return &call->peer;
}

const char *
rpc_method_name(const struct rpc_call *call)
{
	return call->row ? call->row->method->name : "";
}
