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

/* For anyone: nothing in it is a secret, and clients learn whether they are too old. */
static void
on_ping(struct rpc_call *call, const Auth__Empty *request)
{
	struct auth *a = rpc_context(call);
	Auth__PingReply reply = AUTH__PING_REPLY__INIT;

	(void)request;
	reply.cluster = a->cluster;
	reply.version = SALLYPORT_VERSION;
	reply.min_client_version = SALLYPORT_MIN_CLIENT_VERSION;
	auth_ping_reply(call, &reply);
}

/* For anyone: whoever has the pin can check it, and without it nobody can begin. */
static void
on_ca_bundle(struct rpc_call *call, const Auth__Empty *request)
{
	Auth__CaBundle reply;

	(void)request;
	face_bundle(rpc_context(call), &reply);
	auth_get_ca_bundle_reply(call, &reply);
}

/* For links to people: as configured, else of the proxy that is there, or was there last. "": there
 * never was one. */
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
on_status(struct rpc_call *call, const Auth__Empty *request)
{
	struct auth *a = rpc_context(call);
	const struct bundle *b = self_authorities(a->self);
	Auth__StatusReply reply = AUTH__STATUS_REPLY__INIT;
	const char *pins[BUNDLE_CA_MAX];

	(void)request;
	if (!access_allows(call, NULL, NULL))
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
	auth_get_status_reply(call, &reply);
}

static const struct rpc_row rows[] = {
	AUTH_METHOD(Ping, WHO_ALL, on_ping),
	AUTH_METHOD(GetCaBundle, WHO_ALL, on_ca_bundle),
	AUTH_METHOD(GetStatus, WHO_PEOPLE, on_status),
};
const struct face face_status = { rows, sizeof(rows) / sizeof(rows[0]) };
