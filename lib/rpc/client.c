/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client: channels, calls with one answer, streams, and the blocking call of programs without a loop.
 * Called by lib/api. A channel follows its identity: after rpc_identity_set() new calls go over a connection with
 * the new certificate, running ones stay where they are.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <grpc/slice.h>
#include <grpc/support/alloc.h>
#include <grpc/support/string_util.h>

#include "base/mem.h"
#include "base/str.h"
#include "rpc/rpc_priv.h"

struct rpc_channel {
	int refs; /* the owner's and one a call */
	grpc_channel *grpc;
	unsigned generation; /* of the identity that grpc was made with */
	struct rpc_identity *identity;
	char *target, *server_name;
	size_t max_message, stream_window;
	bool keepalive, any_server;
};

/* --- channels --------------------------------------------------------------------------- */

static bool
is_local(const char *target)
{
	return str_starts(target, "unix:");
}

static grpc_arg
int_arg(const char *key, int value)
{
	return (grpc_arg){ .type = GRPC_ARG_INTEGER,
		.key = (char *)(uintptr_t)key,
		.value.integer = value };
}

static grpc_arg
str_arg(const char *key, char *value)
{
	return (grpc_arg){ .type = GRPC_ARG_STRING,
		.key = (char *)(uintptr_t)key,
		.value.string = value };
}

/* The channel as gRPC has it. It connects when the first call is made, and again by itself. */
static grpc_channel *
core_new(const struct rpc_channel *ch, grpc_channel_credentials *creds)
{
	grpc_arg args[16];
	size_t n = 0;

	args[n++] = int_arg(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH,
	    (int)(ch->max_message ? ch->max_message : RPC_MESSAGE_MAX));
	/* The environment of a daemon, or of a user, does not decide through whom it speaks to authd. */
	args[n++] = int_arg(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
	args[n++] = int_arg(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
	args[n++] = int_arg(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 200);
	/* By its name a pause, in truth the time that one attempt to connect gets, with its TLS handshake. */
	args[n++] = int_arg(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 10000);
	args[n++] = int_arg(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 3000);
	/* No connection is shared with another channel of this process, whose identity may be
	 * another. */
	args[n++] = int_arg(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
	if (ch->stream_window) {
		/* Else it grows with the speed of the path, to megabytes. */
		args[n++] = int_arg(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, (int)ch->stream_window);
		args[n++] = int_arg(GRPC_ARG_HTTP2_BDP_PROBE, 0);
	}
	if (ch->keepalive) {
		/* The server lets clients ping every ten seconds (server.c); more often, gRPC would
		 * end the connection. */
		args[n++] = int_arg(GRPC_ARG_KEEPALIVE_TIME_MS, 20000);
		args[n++] = int_arg(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10000);
		args[n++] = int_arg(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
	}
	if (ch->server_name) /* SNI, the name checked, and :authority */
		args[n++] = str_arg(GRPC_SSL_TARGET_NAME_OVERRIDE_ARG, ch->server_name);
	return grpc_channel_create(ch->target, creds, &(grpc_channel_args){ n, args });
}

/* NULL with e, or for the caller to release. */
static grpc_channel_credentials *
credentials(struct rpc_channel *ch, struct err *e)
{
	if (is_local(ch->target))
		return grpc_local_credentials_create(UDS);
	if (ch->any_server)
		return rpc_tls_anybody();
	if (!ch->identity) {
		err_set(e, "no certificates of a cluster are known for %s", ch->target);
		return NULL;
	}
	return rpc_tls_client(ch->identity, &ch->generation, e);
}

/* Makes the connection's core anew when there is none or the identity changed. */
static int
refresh(struct rpc_channel *ch, struct err *e)
{
	grpc_channel_credentials *creds;

	if (ch->grpc && (!ch->identity || rpc_identity_generation(ch->identity) == ch->generation))
		return 0;
	creds = credentials(ch, e);
	if (!creds)
		return -1;
	if (ch->grpc)
		grpc_channel_destroy(ch->grpc);
	ch->grpc = core_new(ch, creds);
	grpc_channel_credentials_release(creds);
	return 0;
}

int
rpc_channel_new(struct rpc_channel **ret, const struct rpc_channel_config *config, struct err *e)
{
	struct rpc_channel *ch = gpr_zalloc(sizeof *ch);

	grpc_init();
	ch->refs = 1;
	ch->target = gpr_strdup(config->target);
	ch->server_name = gpr_strdup(config->server_name);
	ch->identity = is_local(config->target) || config->any_server ? NULL : config->identity;
	ch->max_message = config->max_message;
	ch->stream_window = config->stream_window;
	ch->keepalive = config->keepalive;
	ch->any_server = config->any_server;
	if (refresh(ch, e) < 0) {
		rpc_channel_unref(ch);
		return -1;
	}
	*ret = ch;
	return 0;
}

void
rpc_channel_unref(struct rpc_channel *ch)
{
	if (--ch->refs > 0)
		return;
	if (ch->grpc)
		grpc_channel_destroy(ch->grpc);
	gpr_free(ch->target);
	gpr_free(ch->server_name);
	gpr_free(ch);
	grpc_shutdown();
}

struct rpc_channel *
rpc_channel_ref(struct rpc_channel *ch)
{
	ch->refs++;
	return ch;
}

void
rpc_channel_free(struct rpc_channel *ch)
{
	if (ch)
		rpc_channel_unref(ch);
}

/* --- what went wrong, for people ------------------------------------------------------------ */

static bool
has_any(const char *text, const char *const *words)
{
	for (; *words; words++)
		if (strstr(text, *words))
			return true;
	return false;
}

/* gRPC stacks causes: "failed to connect to all addresses; last error: UNKNOWN: ipv4:...: Connection refused".
 * The innermost says it. */
static const char *
innermost(const char *text)
{
	const char *last = text;

	for (const char *p = strstr(text, ": "); p; p = strstr(p + 2, ": "))
		last = p + 2;
	for (const char *p = strstr(last, "::"); p; p = strstr(p + 2, "::"))
		last = p + 2;
	return last;
}

static void
explain_unavailable(const struct rpc_channel *ch, const char *text, char *dst, size_t size)
{
	static const char *const connecting[] = { "failed to connect", "DNS resolution failed",
		"empty address list", "Failed to connect", "handshake failed", NULL };
	static const char *const lost[] = { "Connection reset", "Broken pipe", "GOAWAY",
		"keepalive", "Stream removed", "enter idle", "Transport closed",
		"Cancelling all calls", "Endpoint read failed", NULL };
	struct err e;

	if (ch->identity && rpc_identity_check_dates(ch->identity, &e) < 0)
		(void)str_format(dst, size, "%s", e.text);
	else if (has_any(text, connecting))
		(void)str_format(dst, size, "cannot reach %s: %s", ch->target, innermost(text));
	else if (
	    strstr(text,
		"Socket closed")) /* all that a client whose certificate was refused gets to see */
		(void)str_format(dst, size,
		    "%s closed the connection: it is stopping, or does not accept our certificate",
		    ch->target);
	else if (has_any(text, lost))
		(void)str_format(dst, size, "the connection to %s was closed: %s", ch->target,
		    innermost(text));
	else
		str_clean(dst, size, text, strlen(text));
}

void
rpc_client_explain(const struct rpc_call *call, const char *text, char *dst, size_t size)
{
	char clean[RPC_STATUS_TEXT_MAX + 1];

	str_clean(clean, sizeof clean, text, strlen(text));
	if (call->status == GRPC_STATUS_UNAVAILABLE)
		explain_unavailable(call->channel, clean, dst, size);
	else if (call->status == GRPC_STATUS_DEADLINE_EXCEEDED)
		(void)str_format(dst, size, "no answer from %s in time", call->channel->target);
	else
		(void)str_copy(dst, size, clean);
}

/* gRPC has no code of its own for it, and its status is only told apart by its words ("Received message larger than max (N
 * vs. M)"). A server that says the same of our request means the same. */
bool
rpc_is_too_large(const struct rpc_status *status)
{
	return status->code == RPC_RESOURCE_EXHAUSTED &&
	    strstr(status->message, "message larger than max");
}

/* --- calls ------------------------------------------------------------------------------------- */

/* In the place of a status of gRPC's; the call ends like any other. */
static void
fail(struct rpc_call *call, grpc_status_code code, const char *text)
{
	call->status = code;
	grpc_slice_unref(call->status_text);
	call->status_text = rpc_status_slice(text);
}

static gpr_timespec
deadline_in(int timeout_ms)
{
	if (timeout_ms <= 0)
		return gpr_inf_future(GPR_CLOCK_MONOTONIC);
	return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
	    gpr_time_from_millis(timeout_ms, GPR_TIMESPAN));
}

/* call->grpc stays NULL when the call cannot be made; the status then says why. */
static void
make_core(struct rpc_call *call, const struct rpc_method *method, int timeout_ms)
{
	const ProtobufCMethodDescriptor *m =
	    protobuf_c_service_descriptor_get_method_by_name(method->service, method->name);
	struct err e = { "" };
	char path[RPC_METHOD_MAX];
	grpc_slice slice;

	/* A static text: RECV_STATUS_ON_CLIENT overwrites it without giving it back. */
	call->status = GRPC_STATUS_INTERNAL;
	call->status_text = grpc_slice_from_static_string("the call could not be started");
	if (!m || !str_format(path, sizeof path, "/%s/%s", method->service->name, method->name)) {
		fail(call, GRPC_STATUS_UNIMPLEMENTED, "no such method");
		return;
	}
	if (refresh(call->channel, &e) < 0) {
		fail(call, GRPC_STATUS_UNAUTHENTICATED, e.text);
		return;
	}
	call->in = m->output;
	call->out = m->input;
	slice = grpc_slice_from_copied_string(path);
	call->grpc = grpc_channel_create_call(call->channel->grpc, NULL, GRPC_PROPAGATE_DEFAULTS,
	    call->rl->cq, slice, NULL, deadline_in(timeout_ms), NULL);
	grpc_slice_unref(slice);
}

static struct rpc_call *
client_call(struct rpc_loop *rl, struct rpc_channel *ch, const struct rpc_events *on, void *data,
    const struct rpc_options *options)
{
	struct rpc_call *call = rpc_call_new(rl, on, data);

	/* A call keeps its channel: the owner may free it, or renew its core, while the call goes
	 * on. */
	call->channel = rpc_channel_ref(ch);
	/* Clients read until the status comes, whatever the method: it is the end of a call in any
	 * case. */
	call->reads_many = true;
	call->wait_for_ready = options && options->wait_for_ready;
	rpc_behalf_tell(call, options);
	return call;
}

static grpc_op
recv_status(struct rpc_call *call)
{
	grpc_op op = { .op = GRPC_OP_RECV_STATUS_ON_CLIENT };

	op.data.recv_status_on_client.trailing_metadata = &call->trailing;
	op.data.recv_status_on_client.status = &call->status;
	op.data.recv_status_on_client.status_details = &call->status_text;
	return op;
}

static void
on_answered(void *arg, bool ok)
{
	struct rpc_call *call = arg;

	(void)ok;
	grpc_byte_buffer_destroy(call->outbox);
	call->outbox = NULL;
	/* A status of OK without an answer that can be read is none: callers use the reply without looking. */
	if (call->status == GRPC_STATUS_OK && (!call->inbox || !rpc_call_deliver(call)))
		fail(call, GRPC_STATUS_INTERNAL, "the answer cannot be read");
	rpc_call_ended(call, true);
}

/* One batch, one event. */
static void
start_unary(struct rpc_call *call, const void *request)
{
	grpc_op ops[6] = { 0 };
	size_t n = 0, len;

	n += rpc_call_put_greeting(call, &ops[n]);
	call->outbox = rpc_pack(request, &len);
	ops[n].op = GRPC_OP_SEND_MESSAGE;
	ops[n++].data.send_message.send_message = call->outbox;
	ops[n++].op = GRPC_OP_SEND_CLOSE_FROM_CLIENT;
	ops[n].op = GRPC_OP_RECV_INITIAL_METADATA;
	ops[n++].data.recv_initial_metadata.recv_initial_metadata = &call->initial;
	ops[n].op = GRPC_OP_RECV_MESSAGE;
	ops[n++].data.recv_message.recv_message = &call->inbox;
	ops[n++] = recv_status(call);
	call->ending = call->end_sent = true;
	rpc_op_hand(&call->end, on_answered, call);
	rpc_loop_start(call->rl, call->grpc, ops, n, &call->end);
}

struct rpc_call *
rpc_invoke(struct rpc_loop *rl, struct rpc_channel *channel, const struct rpc_method *method,
    const void *request, const struct rpc_events *on, void *data, const struct rpc_options *options)
{
	struct rpc_call *call = client_call(rl, channel, on, data, options);

	make_core(call, method, options ? options->timeout_ms : 0);
	start_unary(call, request);
	return call;
}

struct rpc_call *
rpc_open(struct rpc_loop *rl, struct rpc_channel *channel, const struct rpc_method *method,
    const struct rpc_events *on, void *data, const struct rpc_options *options)
{
	struct rpc_call *call = client_call(rl, channel, on, data, options);
	grpc_op status;

	make_core(call, method, options ? options->timeout_ms : 0);
	status = recv_status(call);
	rpc_op_hand(&call->end, rpc_call_ended, call);
	rpc_loop_start(rl, call->grpc, &status, 1, &call->end);
	if (!call->grpc) {
		call->broken = true;
		return call;
	}
	call->greeting = true;
	rpc_call_transmit(call);
	rpc_call_receive(call);
	return call;
}

void
rpc_half_close(struct rpc_call *call)
{
	call->ending = true;
	rpc_call_transmit(call);
}

/* --- blocking ------------------------------------------------------------------------------------ */

struct sync {
	bool done;
	enum rpc_code code;
	struct err *e;
};

static void
on_sync_closed(struct rpc_call *call, const struct rpc_status *status)
{
	struct sync *s = rpc_data(call);

	s->done = true;
	s->code = status->code;
	if (status->code != RPC_OK)
		err_set(s->e, "%s",
		    status->message[0] ? status->message : "the server gave no reason");
}

int
rpc_call_sync(struct rpc_loop *rl, struct rpc_channel *channel, const struct rpc_method *method,
    const void *request, int timeout_ms, void *ret_reply, enum rpc_code *ret_code, struct err *e)
{
	static const struct rpc_events on = { .closed = on_sync_closed };
	struct sync s = { .e = e };
	struct rpc_call *call = client_call(rl, channel, &on, &s, NULL);

	call->keep = ret_reply;
	make_core(call, method, timeout_ms);
	start_unary(call, request);
	rpc_loop_run(rl, &s.done);
	if (ret_code)
		*ret_code = s.code;
	return s.code == RPC_OK ? 0 : -1;
}
