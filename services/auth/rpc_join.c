/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_join: Join, for anyone with a token, and Renew, for daemons. The noun is join.c.
 */
#include <stdlib.h>
#include <string.h>

#include "api/label.h"
#include "auth/rpc_faces.h"
#include "auth/stored.h"
#include "auth/join.h"
#include "base/str.h"
#include "net/rate.h"
#include "rpc/bytes.h"

struct pending {
	struct face_wait wait; /* for nothing but the joining, which is abandoned with the call */
	struct joining *joining;
	char name[HOST_NAME_SIZE], uuid[37], kind[8]; /* as given, for the events */
	bool renewal;
};

/* --- events --------------------------------------------------------------------------- */

/* 0: it is in the log. Failures are told with the names as they were given, which prove nothing. */
static int
note_join(struct pending *p, int rc, const struct token *t, const struct err *e)
{
	struct audit_event ev = { .id = EVENT_INSTANCE_JOIN,
		.failed = rc != 0,
		.node = span_str(p->uuid),
		.node_name = span_str(p->name),
		.message = span_str(rc == 0 ? NULL : e->text) };

	event_put_text(&ev, EVENT_KEY_METHOD, "token");
	event_put_text(&ev, EVENT_KEY_ROLE, p->kind);
	event_put_text(&ev, EVENT_KEY_HOST_ID, p->uuid);
	event_put_text(&ev, EVENT_KEY_TOKEN_NAME, t && t->id[0] ? t->id : NULL);
	return events_write(p->wait.auth, rpc_peer(p->wait.call), &ev);
}

static int
note_certs(struct pending *p, const struct join_result *r)
{
	struct audit_event ev = { .id = EVENT_CERT_CREATE,
		.node = span_str(p->uuid),
		.node_name = span_str(r->node->name) };

	event_put_text(&ev, EVENT_KEY_CERT_TYPE, "host");
	event_put_text(&ev, EVENT_KEY_ROLE, r->node->kind);
	event_put_number(&ev, EVENT_KEY_VALID_UNTIL_S, r->valid_until_s);
	event_put_flag(&ev, EVENT_KEY_RENEWAL, p->renewal);
	return events_write(p->wait.auth, rpc_peer(p->wait.call), &ev);
}

/* --- answers ----------------------------------------------------------------------------- */

/* Those of the token and those given on the server side, which win. */
static int
given_labels(const struct host *n, struct labels *ret)
{
	return labels_merge(ret, &n->token_labels) < 0 || labels_merge(ret, &n->server_labels) < 0
	    ? -1
	    : 0;
}

/* Lends what it can; of the result nothing is kept. */
static void
answer(struct pending *p, const struct join_result *r)
{
	Auth__HostIdentity reply = AUTH__HOST_IDENTITY__INIT;
	char *pem = span_dup(r->tls_pem);
	struct labels labels = { 0 };
	struct arena arena;
	Auth__CaBundle bundle;

	arena_init(&arena, FACE_ARENA_MAX);
	face_bundle(p->wait.auth, &bundle);
	reply.cluster = p->wait.auth->cluster;
	reply.uuid = r->node->uuid;
	reply.name = r->node->name;
	reply.tls_cert_pem = pem ? pem : "";
	reply.ssh_host_cert = bytes_of(r->ssh_host_cert);
	reply.ssh_tunnel_cert = bytes_of(r->ssh_tunnel_cert);
	reply.valid_until = r->valid_until_s * 1000;
	reply.ca = &bundle;
	if (given_labels(r->node, &labels) == 0)
		reply.labels = api_labels(&arena, labels_view(&labels));
	reply.n_labels = labels.n;
	if (pem && reply.labels) {
		p->wait.auth->counts.host_certs++;
		auth_join_reply(p->wait.call, &reply); /* that of Renew is the same */
	} else {
		rpc_finish(p->wait.call, RPC_RESOURCE_EXHAUSTED, "out of memory");
	}
	arena_done(&arena);
	labels_done(&labels);
	free(pem);
}

static const char join_unseen[] =
    "the audit log of authd cannot be written, so nobody may join; its administrator must make room";

static void
on_joined(int rc, const struct join_result *r, const struct err *e, void *arg)
{
	struct pending *p = arg;
	bool noted = p->renewal || note_join(p, rc, r->token, e) == 0;

	p->joining = NULL;
	if (rc != 0)
		p->wait.auth->counts.join_failures++;
	if (rc != 0)
		face_fail(p->wait.call, rc, e);
	/* Nothing that gives rights happens unseen. */
	else if (noted && note_certs(p, r) == 0)
		answer(p, r);
	else
		rpc_finish(p->wait.call, RPC_RESOURCE_EXHAUSTED, "%s", join_unseen);
}

/* --- requests ---------------------------------------------------------------------------------- */

/* Without keys they stay empty, and are refused as such. */
static void
keys_of(struct join_request *q, const Auth__PublicKeys *keys)
{
	if (!keys)
		return;
	q->ssh_key = bytes_span(keys->ssh);
	q->tls_key = bytes_span(keys->tls);
}

static void
start(struct pending *p, const struct join_request *q)
{
	/* Filled by join_start also when it refuses, so that the event can name the token that
	 * was shown. */
	struct token token = { 0 };
	struct err e;
	int rc = join_start(&p->joining, p->wait.auth, q, on_joined, p, &token, &e);

	if (rc != 0) {
		p->wait.auth->counts.join_failures++;
		/* A renewal that fails is repeated until it succeeds: an event for each would say
		 * nothing. */
		if (!p->renewal)
			note_join(p, rc, &token, &e);
		face_fail(p->wait.call, rc, &e);
	}
	token_done(&token);
}

static void
on_join(struct rpc_call *call, const Auth__JoinRequest *m)
{
	struct auth *a = rpc_context(call);
	struct labels labels = { 0 };
	struct names addresses = { 0 };
	struct join_request q = { .labels = &labels, .addresses = &addresses };
	struct origin origin;
	struct pending *p;
	bool ok;

	origin_of(a, rpc_peer(call), &origin);
	/* Before the token is looked at: guessing is what is slowed down. */
	if (!rate_take(a->joins, origin.at.ip, origin.hidden ? JOIN_PROXY_FACTOR : 1,
		a->now_ms())) {
		rpc_finish(call, RPC_RESOURCE_EXHAUSTED,
		    "too many joins from this address; wait a minute");
		return;
	}
	/* Before the token is used up. */
	if (!access_can_be_noted(call, join_unseen))
		return;
	p = face_wait_new(call, sizeof(*p));
	if (!p)
		return;
	(void)str_copy(p->name, sizeof(p->name), m->name);
	(void)str_copy(p->uuid, sizeof(p->uuid), m->uuid);
	(void)str_copy(p->kind, sizeof(p->kind), m->kind);
	ok = stored_labels(&labels, m->labels, m->n_labels) == 0 &&
	    names_copy(&addresses, (char **)(void *)m->addresses, m->n_addresses) == 0;
	q.token = m->token;
	q.kind = m->kind;
	q.name = m->name;
	q.uuid = m->uuid;
	q.version = m->version;
	keys_of(&q, m->keys);
	if (ok)
		start(p, &q);
	else
		rpc_finish(call, RPC_INVALID_ARGUMENT, "at most %d labels and %d addresses",
		    LABELS_MAX, HOST_ADDRESSES_MAX);
	labels_done(&labels);
	names_done(&addresses);
}

static void
on_renew(struct rpc_call *call, const Auth__RenewRequest *m)
{
	struct names addresses = { 0 };
	struct join_request q = { .addresses = &addresses };
	struct pending *p;
	struct host *n;

	n = access_daemon(call);
	p = n ? face_wait_new(call, sizeof(*p)) : NULL;
	if (!p)
		return;
	p->renewal = true;
	str_copy(p->uuid, sizeof(p->uuid), n->uuid);
	str_copy(p->name, sizeof(p->name), n->name);
	/* From the certificate of the call, not from the request: a host renews nobody but
	 * itself. */
	q.uuid = p->uuid;
	keys_of(&q, m->keys);
	if (names_copy(&addresses, (char **)(void *)m->addresses, m->n_addresses) == 0)
		start(p, &q);
	else
		rpc_finish(call, RPC_INVALID_ARGUMENT, "at most %d addresses", HOST_ADDRESSES_MAX);
	names_done(&addresses);
}

/* Nothing is written for a caller that is gone. */
static void
on_closed(struct rpc_call *call, const struct rpc_status *status)
{
	struct pending *p = rpc_data(call);

	if (p && p->joining)
		join_abandon(p->joining);
	face_wait_closed(call, status);
}

static const struct rpc_row rows[] = {
	AUTH_METHOD(Join, WHO_ALL, on_join, .closed = on_closed),
	AUTH_METHOD(Renew, WHO_DAEMONS, on_renew, .closed = on_closed),
};
const struct face face_join = { rows, sizeof(rows) / sizeof(rows[0]) };
