/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_daemons: Heartbeat, Leave, HelloProxy, NoteOrigin: what daemons say about themselves. The
 * noun is host.c.
 */
#include <string.h>

#include "api/label.h"
#include "auth/rpc_faces.h"
#include "base/str.h"
#include "base/version.h"

static void
reply_labels(struct rpc_call *call, const struct labels *labels)
{
	Auth__HeartbeatReply reply = AUTH__HEARTBEAT_REPLY__INIT;
	struct arena arena;

	arena_init(&arena, FACE_ARENA_MAX);
	reply.n_server_labels = labels->n;
	reply.server_labels = api_labels(&arena, labels_view(labels));
	reply.version = SALLYPORT_VERSION;
	if (reply.server_labels)
		auth_heartbeat_reply(call, &reply);
	else
		rpc_finish(call, RPC_RESOURCE_EXHAUSTED, "out of memory");
	arena_done(&arena);
}

static void
on_heartbeat(struct rpc_call *call, const Auth__HeartbeatRequest *m)
{
	struct labels labels = { 0 };
	struct host_seen seen = { .labels = &labels };
	struct host *n;
	struct err e;
	int rc;

	/* Also whether a lock shuts the host out: it is answered then, and n is NULL. */
	n = access_daemon(call);
	if (!n)
		return;
	rc = face_labels(&labels, m->labels, m->n_labels, &e);
	seen.address = m->address;
	seen.version = m->version;
	if (rc == 0)
		rc = host_heartbeat(rpc_context(call), n, &seen, &e);
	if (rc != 0)
		face_fail(call, rc, &e);
	else
		reply_labels(call, &n->server_labels);
	labels_done(&labels);
}

static void
on_leave(struct rpc_call *call, const Auth__Empty *request)
{
	struct auth *a = rpc_context(call);
	struct host *n;

	(void)request;
	/* Also one that a lock shuts out: to leave takes nothing from anybody. */
	n = access_registered(call);
	if (!n)
		return;
	/* Once: a daemon that leaves twice left once. */
	if (n->online) {
		struct audit_event ev = { .id = EVENT_NODE_LEAVE,
			.node = span_str(n->uuid),
			.node_name = span_str(n->name) };

		event_put_text(&ev, EVENT_KEY_ROLE, n->kind);
		(void)events_write(a, rpc_peer(call), &ev);
	}
	host_leave(a, n);
	face_done(call);
}

/* Empty is one too: a proxy need not have a second port. */
static bool
is_address(const char *s)
{
	char host[256];
	uint16_t port;

	return s[0] == '\0' ||
	    (strlen(s) < HOST_ADDR_MAX && str_host_port(s, 0, host, sizeof(host), &port) &&
		port > 0 && host_check(host, NULL) == 0);
}

static void
on_hello_proxy(struct rpc_call *call, const Auth__ProxyHello *m)
{
	struct auth *a = rpc_context(call);
	struct origin origin;
	struct host *n;
	struct err e;
	int rc;

	n = access_daemon(call);
	if (!n)
		return;
	if (!is_address(m->public_addr) || !is_address(m->ssh_addr) ||
	    strlen(m->version) >= HOST_VERSION_MAX ||
	    !str_is_printable(m->version, strlen(m->version))) {
		rpc_finish(call, RPC_INVALID_ARGUMENT, "the addresses of a proxy are HOST:PORT");
		return;
	}
	origin_of(a, rpc_peer(call), &origin);
	/* As the connection shows it, not as the proxy says: origin.c knows a proxy's connections
	 * by this. */
	str_copy(n->remote, sizeof(n->remote), origin.at.ip);
	str_copy(n->public_addr, sizeof(n->public_addr), m->public_addr);
	str_copy(n->ssh_addr, sizeof(n->ssh_addr), m->ssh_addr);
	n->own_certificate = m->own_certificate;
	n->has_packages = m->has_packages;
	str_copy(n->version, sizeof(n->version), m->version);
	n->online = true;
	n->last_seen_ms = a->now_ms();
	rc = host_put(a, n, &e);
	if (rc == 0)
		face_done(call);
	else
		face_fail(call, rc, &e);
}

/* A proxy may speak only of connections from its own address: origin_note checks that. */
static void
on_note_origin(struct rpc_call *call, const Auth__Origin *m)
{
	if (!access_daemon(call))
		return;
	if (origin_note(rpc_context(call), rpc_peer(call)->address, m->via, m->client))
		face_done(call);
	else
		rpc_finish(call, RPC_INVALID_ARGUMENT,
		    "not a connection of this proxy, or not addresses");
}

static const struct rpc_row rows[] = {
	AUTH_METHOD(Heartbeat, RPC_NODE, on_heartbeat),
	AUTH_METHOD(Leave, WHO_DAEMONS, on_leave),
	AUTH_METHOD(HelloProxy, RPC_PROXY, on_hello_proxy),
	AUTH_METHOD(NoteOrigin, RPC_PROXY, on_note_origin),
};
const struct face face_daemons = { rows, sizeof(rows) / sizeof(rows[0]) };
