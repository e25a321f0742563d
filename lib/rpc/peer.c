/* SPDX-License-Identifier: Apache-2.0 */
/*
 * peer: who is calling. Called by server.c once a call, before anything of the request is read.
 *
 * Security: the handshake shows only that the certificate chains to one of our roots, host or user. Which of the
 * two signed it decides what it may say: a node's CA must not make users, nor the users' CA a node. So the leaf is
 * verified again here against the roots of the kind that its URI names; once a certificate, then remembered (known.h).
 */
#include <string.h>
#include <strings.h>

#include <grpc/support/alloc.h>

#include "base/clock.h"
#include "base/str.h"
#include "crypto/x509.h"
#include "rpc/known.h"
#include "rpc/rpc_priv.h"

/* More than a cluster has nodes that come back every half minute: with fewer places, each would find that it was just
 * forgotten. About 300 bytes each. */
enum { KNOWN_MAX = 65536 };

struct rpc_peers {
	struct known *known;                       /* leaves that were verified */
	unsigned generation;                       /* of the roots they were verified with */
	struct x509_cert *host_roots, *user_roots; /* NULL: none */
	char cluster[256];
};

static enum rpc_who
who_of(enum identity_kind kind)
{
	switch (kind) {
	case IDENTITY_USER:
		return RPC_USER;
	case IDENTITY_NODE:
		return RPC_NODE;
	case IDENTITY_PROXY:
		return RPC_PROXY;
	case IDENTITY_AUTH:
		return RPC_AUTH;
	case IDENTITY_AUDIT:
		return RPC_AUDIT;
	}
	return 0;
}

const char *
rpc_who_name(enum rpc_who who)
{
	switch (who) {
	case RPC_USER:
		return "user";
	case RPC_NODE:
		return "node";
	case RPC_PROXY:
		return "proxy";
	case RPC_AUTH:
		return "auth";
	case RPC_AUDIT:
		return "audit";
	case RPC_LOCAL:
		return "local";
	default:
		return "anyone";
	}
}

/* gRPC writes brackets as in an URI. */
bool
rpc_peer_addr(const char *peer_address, struct addr *ret)
{
	char text[160], host[128];
	uint16_t port;
	size_t n = 0;

	if (!str_starts(peer_address, "ipv4:") && !str_starts(peer_address, "ipv6:"))
		return false;
	for (const char *p = peer_address + 5; *p && n + 1 < sizeof(text); p++) {
		if (strncasecmp(p, "%5B", 3) == 0 || strncasecmp(p, "%5D", 3) == 0) {
			text[n++] = p[2] == 'B' || p[2] == 'b' ? '[' : ']';
			p += 2;
		} else if (*p == '%') { /* a zone: fe80::1%25eth0 */
			while (p[1] && p[1] != ']' && strncasecmp(p + 1, "%5D", 3) != 0)
				p++;
		} else {
			text[n++] = *p;
		}
	}
	text[n] = '\0';
	return str_host_port(text, 0, host, sizeof(host), &port) && port > 0 &&
	    addr_parse(ret, host, port);
}

/* --- what was verified before ------------------------------------------------------------------ */

struct rpc_peers *
rpc_peers_new(const char *cluster)
{
	struct rpc_peers *peers = gpr_zalloc(sizeof *peers);

	(void)str_copy(peers->cluster, sizeof peers->cluster, cluster);
	peers->known = known_new(KNOWN_MAX);
	if (!peers->known) {
		gpr_free(peers);
		return NULL;
	}
	return peers;
}

void
rpc_peers_free(struct rpc_peers *peers)
{
	known_free(peers->known);
	x509_cert_free(peers->host_roots);
	x509_cert_free(peers->user_roots);
	gpr_free(peers);
}

static void
parse_roots(struct x509_cert **cert, char *pem)
{
	x509_cert_free(*cert);
	*cert = NULL;
	if (pem)
		(void)x509_cert_from_pem(cert, pem, NULL); /* checked by rpc_identity_set */
	gpr_free(pem);
}

/* After a rotation what was verified with the old roots must be verified again. */
static void
follow_roots(struct rpc_peers *peers, struct rpc_identity *id)
{
	unsigned generation = rpc_identity_generation(id);
	char *host = NULL, *user = NULL;

	if (peers->generation == generation)
		return;
	known_clear(peers->known);
	rpc_identity_roots(id, &host, &user);
	parse_roots(&peers->host_roots, host);
	parse_roots(&peers->user_roots, user);
	peers->generation = generation;
}

/* --- what the handshake tells --------------------------------------------------------------------- */

struct shown {
	const char *pem; /* leaf, NULL without one */
	bool local, tls, authenticated;
};

/* ret->pem points into the context. */
static void
read_context(const grpc_auth_context *context, struct shown *ret)
{
	grpc_auth_property_iterator it = grpc_auth_context_property_iterator(context);
	const grpc_auth_property *p;

	ret->authenticated = grpc_auth_context_peer_is_authenticated(context);
	while ((p = grpc_auth_property_iterator_next(&it)) != NULL) {
		if (strcmp(p->name, GRPC_X509_PEM_CERT_PROPERTY_NAME) == 0) {
			ret->pem = p->value;
		} else if (strcmp(p->name, GRPC_TRANSPORT_SECURITY_TYPE_PROPERTY_NAME) == 0) {
			ret->local = strcmp(p->value, "local") == 0;
			ret->tls = strcmp(p->value, GRPC_SSL_TRANSPORT_SECURITY_TYPE) == 0;
		}
	}
}

/* A certificate not seen before: everything it claims is checked. */
static int
verify(struct rpc_peers *peers, const struct shown *shown, struct rpc_peer *ret, struct err *e)
{
	struct x509_cert *cert = NULL;
	struct identity who;
	int r;

	if (x509_cert_from_pem(&cert, shown->pem, e) < 0)
		return -1;
	r = x509_identify(cert, peers->host_roots, peers->user_roots, peers->cluster, &who, e);
	if (r == 0) {
		ret->who = who_of(who.kind);
		(void)str_copy(ret->cluster, sizeof ret->cluster, who.cluster);
		(void)str_copy(ret->name, sizeof ret->name, who.name);
		ret->issued_s = x509_cert_not_before(cert);
		ret->expires_s = x509_cert_not_after(cert);
		known_remember(peers->known, shown->pem, ret);
	}
	x509_cert_free(cert);
	return r;
}

/* 0: ret says who, RPC_ANYONE without a certificate. Negative: a certificate was shown that is not
 * believed. */
static int
identify(struct rpc_peers *peers, struct rpc_identity *id, const struct shown *shown,
    struct rpc_peer *ret, struct err *e)
{
	/* The socket is the daemon's own (mode 0600 from its making on): who can connect to it can
	 * read the daemon's state as well. */
	if (shown->local) {
		ret->who = RPC_LOCAL;
		(void)str_copy(ret->name, sizeof ret->name, "root");
		(void)str_copy(ret->cluster, sizeof ret->cluster, peers->cluster);
		return 0;
	}
	if (!shown->tls || !id)
		return err_set(e, "the connection is not one of TLS");
	if (!shown->authenticated || !shown->pem) {
		ret->who = RPC_ANYONE;
		return 0;
	}
	follow_roots(peers, id);
	if (!known_recall(peers->known, shown->pem, ret) && verify(peers, shown, ret, e) < 0)
		return -1;
	/* Connections outlive certificates. */
	if (clock_wall_ms() / 1000 >= ret->expires_s)
		return err_set(e, "the certificate of this connection has expired: log in again");
	return 0;
}

void
rpc_peer_locate(struct rpc_call *call)
{
	char *address = grpc_call_get_peer(call->grpc);

	if (address)
		str_clean(call->peer.address, sizeof call->peer.address, address, strlen(address));
	gpr_free(address);
}

int
rpc_peer_identify(struct rpc_peers *peers, struct rpc_identity *id, struct rpc_call *call,
    struct err *e)
{
	grpc_auth_context *context = grpc_call_auth_context(call->grpc);
	struct shown shown = { 0 };
	int r;

	if (!context)
		return err_set(e, "the connection is not one of TLS");
	read_context(context, &shown);
	r = identify(peers, id, &shown, &call->peer, e);
	grpc_auth_context_release(context);
	if (r < 0) /* nothing the certificate said is true for the handlers or the audit trail */
		call->peer.who = 0;
	return r;
}
