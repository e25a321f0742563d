/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_status: Ping, GetCaBundle, GetStatus.
 */
#include <string.h>

#include "api/bundle.h"
#include "auth/conf.h"
#include "auth/rpc_faces.h"
#include "auth/self.h"
#include "base/version.h"

static void
on_ping(struct rpc_call *call, const void *message)
{
	struct auth *a = rpc_context(call);
	Auth__PingReply reply = AUTH__PING_REPLY__INIT;

	if (!message)
		return;
	reply.cluster = a->cluster;
	reply.version = SALLYPORT_VERSION;
	reply.min_client_version = SALLYPORT_MIN_CLIENT_VERSION;
	rpc_reply(call, &reply);
}

static void
on_ca_bundle(struct rpc_call *call, const void *message)
{
	Auth__CaBundle reply;

	if (!message)
		return;
	face_bundle(rpc_context(call), &reply);
	rpc_reply(call, &reply);
}

const char *
status_proxy_addr(struct auth *a)
{
	struct host *n, *best = NULL;
	size_t pos = 0;

	if (a->conf->proxy_addr)
		return a->conf->proxy_addr;
	while (host_next(a, &pos, &n))
		if (n->public_addr[0] &&
		    (!best || n->online > best->online ||
			(n->online == best->online && n->last_seen_ms > best->last_seen_ms)))
			best = n;
	return best ? best->public_addr : "";
}

static void
on_status(struct rpc_call *call, const void *message)
{
	struct auth *a = rpc_context(call);
	const struct bundle *b = self_authorities(a->self);
	Auth__StatusReply reply = AUTH__STATUS_REPLY__INIT;
	const char *pins[BUNDLE_CA_MAX];

	if (!message || !access_allows(call, NULL, NULL))
		return;
	for (size_t i = 0; i < b->n_pins; i++)
		pins[i] = b->pins[i];
	reply.cluster = a->cluster;
	reply.version = SALLYPORT_VERSION;
	reply.host_ca = b->n_pins > 1 ? "rotating" : "never updated";
	reply.user_ca = b->n_user_ssh > 1 ? "rotating" : "never updated";
	reply.n_ca_pins = b->n_pins;
	reply.ca_pins = pins;
	reply.proxy_public_addr = status_proxy_addr(a);
	reply.ca_pem = b->host_pem;
	rpc_reply(call, &reply);
}

static const struct rpc_method rows[] = {
	FACE_UNARY("Ping", WHO_ALL, on_ping),
	FACE_UNARY("GetCaBundle", WHO_ALL, on_ca_bundle),
	FACE_UNARY("GetStatus", WHO_PEOPLE, on_status),
};
const struct face face_status = { rows, sizeof(rows) / sizeof(rows[0]) };
