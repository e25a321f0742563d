/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server: takes calls, finds their row in the tables of the services, checks who may call, and drains at the end.
 * Called by daemons; what the caller is comes from peer.c.
 *
 * Security: every call of a stranger passes on_accepted(): unknown methods, callers that are not believed and
 * callers that the row does not list end there, before a byte of the request is unpacked.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <grpc/slice.h>
#include <grpc/support/alloc.h>

#include "base/log.h"
#include "base/str.h"
#include "rpc/rpc_priv.h"

enum {
	ACCEPTS = 64,        /* calls asked for in advance */
	IDLE_MS = 30 * 1000, /* without a call */
	STREAMS_MAX = 100,   /* of one connection at a time; a client has further calls wait */
};

/* --- making one -------------------------------------------------------------------------- */

static grpc_arg
int_arg(const char *key, int value)
{
	return (grpc_arg){ .type = GRPC_ARG_INTEGER,
		.key = (char *)(uintptr_t)key,
		.value.integer = value };
}

static grpc_server *
core_new(struct rpc_loop *rl, struct rpc_guard *guard, const struct rpc_server_config *config)
{
	grpc_resource_quota *quota = grpc_resource_quota_create("server");
	size_t max = config->max_message;
	grpc_arg args[] = {
		int_arg(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, (int)(max ? max : RPC_MESSAGE_MAX)),
		int_arg(GRPC_ARG_KEEPALIVE_TIME_MS, 30000),
		int_arg(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10000),
		int_arg(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1),
		int_arg(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 10000),
		int_arg(GRPC_ARG_MAX_CONCURRENT_STREAMS, STREAMS_MAX),
		/* Each takes 110 KiB here, also of somebody with a certificate, who could make any number of them; daemons have
		 * a stream open. */
		int_arg(GRPC_ARG_MAX_CONNECTION_IDLE_MS, IDLE_MS),
		int_arg(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, 10000),
		rpc_guard_arg(guard),
		{ .type = GRPC_ARG_POINTER,
		    .key = (char *)(uintptr_t)GRPC_ARG_RESOURCE_QUOTA,
		    .value.pointer = { quota, grpc_resource_quota_arg_vtable() } },
		int_arg(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, (int)config->stream_window),
		int_arg(GRPC_ARG_HTTP2_BDP_PROBE, 0),
	};
	/* The last two only where they are wanted: gRPC's own choice is for speed. */
	size_t n = sizeof args / sizeof *args - (config->stream_window ? 0 : 2);
	grpc_server *core;

	if (config->memory_max)
		grpc_resource_quota_resize(quota, config->memory_max);
	core = grpc_server_create(&(grpc_channel_args){ n, args }, NULL);
	grpc_resource_quota_unref(quota); /* the core has one of its own */
	grpc_server_register_completion_queue(core, rl->cq, NULL);
	return core;
}

int
rpc_server_new(struct rpc_server **ret, struct rpc_loop *rl, const struct rpc_server_config *config)
{
	struct rpc_server *server;

	if (!rl->loop)
		return -1;
	rpc_loop_log_handshakes();
	server = gpr_zalloc(sizeof *server);
	server->rl = rl;
	server->config = *config;
	if (!str_copy(server->cluster, sizeof server->cluster,
		config->cluster ? config->cluster : "")) {
		gpr_free(server);
		return -1;
	}
	server->config.cluster = server->cluster;
	server->peers = rpc_peers_new(server->cluster);
	server->guard = server->peers ? rpc_guard_new(&(struct rpc_guard_config){ .loop = rl->loop,
					    .per_address = config->strangers_of_one,
					    .per_person = config->calls_of_one,
					    .origin = config->origin,
					    .arg = config->arg })
				      : NULL;
	if (!server->guard) {
		if (server->peers)
			rpc_peers_free(server->peers);
		gpr_free(server);
		return -1;
	}
	server->grpc = core_new(rl, server->guard, config);
	*ret = server;
	return 0;
}

/* False: the row is of another service, or of a method that has one already. */
static bool
put_row(struct rpc_service *s, const struct rpc_row *row)
{
	const ProtobufCMethodDescriptor *m =
	    protobuf_c_service_descriptor_get_method_by_name(s->type, row->method->name);

	if (row->method->service != s->type || !m || s->rows[m - s->type->methods]) {
		log_error("rpc: a row of no method of the service, or of one that has its row",
		    "service", s->type->name, "method", row->method->name, NULL);
		return false;
	}
	s->rows[m - s->type->methods] = row;
	return true;
}

static bool
all_rows_there(const struct rpc_service *s)
{
	for (unsigned i = 0; i < s->type->n_methods; i++) {
		if (!s->rows[i]) {
			log_error("rpc: a method has no row", "service", s->type->name, "method",
			    s->type->methods[i].name, NULL);
			return false;
		}
	}
	return true;
}

int
rpc_server_serve(struct rpc_server *server, const ProtobufCServiceDescriptor *type,
    const struct rpc_row *rows, size_t n, void *context)
{
	struct rpc_service *s = gpr_zalloc(sizeof *s);

	s->type = type;
	s->context = context;
	s->rows = gpr_zalloc(type->n_methods * sizeof *s->rows);
	s->times = gpr_zalloc(type->n_methods * sizeof *s->times);
	s->next = server->services;
	server->services = s;
	for (size_t i = 0; i < n; i++)
		if (!put_row(s, &rows[i]))
			return -1;
	return all_rows_there(s) ? 0 : -1;
}

static bool
has_row_for_anyone(const struct rpc_server *server)
{
	for (const struct rpc_service *s = server->services; s; s = s->next)
		for (unsigned i = 0; i < s->type->n_methods; i++)
			if (s->rows[i]->who & RPC_ANYONE)
				return true;
	return false;
}

int
rpc_server_listen(struct rpc_server *server, const char *address, struct rpc_identity *identity,
    int *ret_port, struct err *e)
{
	grpc_server_credentials *creds;
	int r;

	if (server->n_listeners == RPC_LISTENERS)
		return err_set(e, "too many addresses to listen on");
	creds = rpc_tls_server(identity, !has_row_for_anyone(server),
	    &server->listeners[server->n_listeners]);
	server->n_listeners++;
	server->identity = identity;
	r = rpc_guard_listen(server->guard, server->grpc, address, creds, ret_port, e);
	grpc_server_credentials_release(creds);
	return r;
}

int
rpc_server_listen_local(struct rpc_server *server, const char *path, struct err *e)
{
	grpc_server_credentials *creds;
	char target[256];
	mode_t mask;
	int port;

	if (!str_format(target, sizeof target, "unix:%s", path) || strlen(path) >= 108)
		return err_set(e, "the path of the socket is too long: %s", path);
	/* Left behind by an instance that was killed. One that still runs has the port, which was asked for
	 * before. */
	(void)unlink(path);
	creds = grpc_local_server_credentials_create(UDS);
	mask = umask(0177); /* never open to others, not for a moment */
	port = grpc_server_add_http2_port(server->grpc, target, creds);
	(void)umask(mask);
	grpc_server_credentials_release(creds);
	if (port == 0)
		return err_set(e, "cannot listen on the socket %s", path);
	if (chmod(path, 0600) < 0)
		return err_errno(e, "cannot set the mode of %s", path);
	(void)str_copy(server->socket_path, sizeof server->socket_path, path);
	return 0;
}

/* --- dispatch ----------------------------------------------------------------------------- */

/* "/package.Service/Method" to its row. */
static bool
find_row(struct rpc_call *call)
{
	char path[RPC_METHOD_MAX], *name;
	size_t len = GRPC_SLICE_LENGTH(call->details.method);

	if (len == 0 || len >= sizeof path)
		return false;
	memcpy(path, GRPC_SLICE_START_PTR(call->details.method), len);
	path[len] = '\0';
	if (path[0] != '/' || !(name = strchr(path + 1, '/')))
		return false;
	*name++ = '\0';
	for (const struct rpc_service *s = call->server->services; s; s = s->next) {
		const ProtobufCMethodDescriptor *m;

		if (strcmp(s->type->name, path + 1) != 0)
			continue;
		m = protobuf_c_service_descriptor_get_method_by_name(s->type, name);
		if (!m)
			return false;
		call->service = s;
		call->row = s->rows[m - s->type->methods];
		call->in = m->input;
		call->out = m->output;
		if (call->row && call->row->method->kind == RPC_UNARY) {
			call->times = &s->times[m - s->type->methods];
			call->times->method = m->name;
		}
		return call->row != NULL;
	}
	return false;
}

static const char *
who_name(enum rpc_who who)
{
	switch (who) {
	case RPC_USER:
		return "user";
	case RPC_NODE:
		return "node";
	case RPC_PROXY:
		return "proxy";
	case RPC_AUTH:
		return "auth server";
	case RPC_AUDIT:
		return "audit server";
	case RPC_LOCAL:
		return "local caller";
	case RPC_ANYONE:
	case RPC_BROWSER:
		break;
	}
	return "caller without a certificate";
}

/* Answers, and tells the daemon's audit trail who was refused what. */
static void
refuse(struct rpc_call *call, enum rpc_code code, const char *text)
{
	struct rpc_server *server = call->server;

	/* For the audit trail. Unknown methods are not told: scanners would fill it. */
	if (server->config.refused)
		server->config.refused(&call->peer, rpc_method_name(call), server->config.arg);
	rpc_finish(call, code, "%s", text);
}

/* Whether the caller may call the row; otherwise it was answered. */
static bool
admit_caller(struct rpc_call *call)
{
	struct rpc_guard *guard = call->server->guard;
	char text[ERR_MAX];

	/* For anyone means with any certificate, too; a wrong one was refused before. */
	if (call->peer.who == RPC_ANYONE && (call->row->who & RPC_ANYONE) &&
	    !rpc_guard_admit(guard, call)) {
		rpc_finish(call, RPC_RESOURCE_EXHAUSTED,
		    "too many calls without a certificate from your address; try again in a moment");
		return false;
	}
	if (!rpc_guard_admit_known(guard, call)) {
		rpc_finish(call, RPC_RESOURCE_EXHAUSTED,
		    "you have too many calls at the same time; wait until some of them are over");
		return false;
	}
	if ((call->row->who & RPC_ANYONE) || (call->row->who & call->peer.who))
		return true;
	if (call->peer.who == RPC_ANYONE) {
		refuse(call, RPC_UNAUTHENTICATED,
		    "this call needs a certificate of the cluster: log in first");
		return false;
	}
	(void)str_format(text, sizeof text, "a %s may not call %s", who_name(call->peer.who),
	    call->row->method->name);
	refuse(call, RPC_PERMISSION_DENIED, text);
	return false;
}

/* What a proxy's call is on behalf of; false: it was answered. From here the peer is who it is for, and so are the limits,
 * the row and the handler. */
static bool
admit_behalf(struct rpc_call *call)
{
	struct err e = { "" };
	bool denied = false;
	enum rpc_code code = rpc_behalf_read(call, &denied, &e);

	if (denied)
		refuse(call, code, e.text);
	else if (code != RPC_OK)
		rpc_finish(call, code, "%s", e.text);
	return code == RPC_OK;
}

/* True when the call may go on to its handler; otherwise it was answered. */
static bool
admit(struct rpc_call *call)
{
	struct err e = { "" };

	rpc_peer_locate(call);
	if (!find_row(call)) {
		rpc_finish(call, RPC_UNIMPLEMENTED, "this server does not know the method");
		return false;
	}
	if (rpc_peer_identify(call->server->peers, call->server->identity, call, &e) < 0) {
		refuse(call, RPC_UNAUTHENTICATED, e.text);
		return false;
	}
	/* The connection's, before the address becomes another's. */
	if (call->peer.who != RPC_ANYONE)
		rpc_guard_known(call->server->guard, call->peer.address);
	return admit_behalf(call) && admit_caller(call);
}

static void accept_call(struct rpc_server *server);

static void
watch_end(struct rpc_call *call)
{
	grpc_op op = { .op = GRPC_OP_RECV_CLOSE_ON_SERVER };

	/* In a batch of its own: with others, cancellation would be heard of only when those are through. */
	op.data.recv_close_on_server.cancelled = &call->cancelled;
	rpc_op_hand(&call->end, rpc_call_ended, call);
	rpc_loop_start(call->rl, call->grpc, &op, 1, &call->end);
}

static void
on_accepted(void *arg, bool ok)
{
	struct rpc_call *call = arg;

	if (!ok) {
		rpc_call_free(call);
		return;
	}
	call->server->waiting--;
	call->server->active++;
	/* At once, so that as many calls are asked for as before: gRPC takes no call that nobody asked for. */
	accept_call(call->server);
	watch_end(call);
	if (!admit(call)) {
		if (!call->peer.told)
			rpc_guard_refused(call->server->guard, call->peer.address);
		return;
	}
	call->on = call->row->on;
	call->reads_many = call->row->method->kind & RPC_RECEIVE_STREAM;
	rpc_call_receive(call);
}

/* Generic requests, not registered methods: with those an unknown method hangs until its deadline. */
static void
accept_call(struct rpc_server *server)
{
	struct rpc_call *call;

	if (server->stopping)
		return;
	call = rpc_call_new(server->rl, NULL, NULL);
	call->server = server;
	server->waiting++;
	rpc_op_hand(&call->accept, on_accepted, call);
	if (grpc_server_request_call(server->grpc, &call->grpc, &call->details, &call->initial,
		server->rl->cq, server->rl->cq, &call->accept) != GRPC_CALL_OK)
		rpc_call_free(call);
}

void
rpc_server_start(struct rpc_server *server)
{
	grpc_server_start(server->grpc);
	server->started = true;
	rpc_guard_start(server->guard);
	for (int i = 0; i < ACCEPTS; i++)
		accept_call(server);
}

/* --- drain -------------------------------------------------------------------------------- */

/* gRPC may report the shutdown before the last calls' own completions: all must be back. */
static void
stop_if_done(struct rpc_server *server)
{
	if (!server->down || server->active || server->waiting)
		return;
	timer_done(&server->grace);
	if (server->stopped)
		server->stopped(server->stopped_arg);
}

void
rpc_server_call_freed(struct rpc_call *call, bool accepted)
{
	struct rpc_server *server = call->server;

	rpc_guard_release(server->guard, call);
	if (accepted)
		server->active--;
	else
		server->waiting--;
	if (!server->stopping)
		return;
	/* With the last call gone only idle connections are waited for, and a client that does not poll closes its
	 * own seconds later: do not wait for that. */
	if (!server->active && !server->down)
		grpc_server_cancel_all_calls(server->grpc);
	stop_if_done(server);
}

static void
on_down(void *arg, bool ok)
{
	struct rpc_server *server = arg;

	(void)ok;
	server->down = true;
	stop_if_done(server);
}

/* Who has not ended by now is cancelled; `stopped` comes when gRPC has given all of them back. */
static void
on_out_of_grace(void *arg)
{
	struct rpc_server *server = arg;

	grpc_server_cancel_all_calls(server->grpc);
}

void
rpc_server_stop(struct rpc_server *server, int grace_ms, void (*stopped)(void *arg), void *arg)
{
	if (server->stopping)
		return;
	server->stopping = true;
	server->stopped = stopped;
	server->stopped_arg = arg;
	if (timer_init(&server->grace, server->rl->loop, on_out_of_grace, server) == 0)
		timer_start(&server->grace, grace_ms);
	rpc_guard_stop(server->guard);
	rpc_op_hand(&server->down_op, on_down, server);
	grpc_server_shutdown_and_notify(server->grpc, server->rl->cq, &server->down_op);
	if (!server->active)
		grpc_server_cancel_all_calls(server->grpc);
}

void
rpc_server_free(struct rpc_server *server)
{
	if (!server)
		return;
	if (!server
		 ->stopping) /* the daemon failed while it started: gRPC still wants its shutdown */
		rpc_server_stop(server, 0, NULL, NULL);
	/* gRPC's own threads still write to what is freed below, until all that we asked for is
	 * back. */
	while (!server->down || server->active || server->waiting)
		(void)loop_turn(server->rl->loop, 100);
	grpc_server_destroy(server->grpc);
	rpc_guard_free(server->guard);
	for (size_t i = 0; i < server->n_listeners; i++)
		rpc_tls_listener_free(server->listeners[i]);
	for (struct rpc_service *s = server->services, *next; s; s = next) {
		next = s->next;
		gpr_free(s->rows);
		gpr_free(s->times);
		gpr_free(s);
	}
	rpc_peers_free(server->peers);
	timer_done(&server->grace);
	if (server->socket_path[0])
		(void)unlink(server->socket_path);
	gpr_free(server);
}
