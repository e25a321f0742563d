/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_status: Ping, GetCaBundle, GetStatus.
 */
#include <stdlib.h>
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

/* The proxy that is there, or was there last. NULL: there never was one. */
static const struct host *
last_proxy(struct auth *a)
{
	struct host *n, *best = NULL;
	size_t pos = 0;

	while (host_next(a, &pos, &n))
		if (n->public_addr[0] &&
		    (!best || n->online > best->online ||
			(n->online == best->online && n->last_seen_ms > best->last_seen_ms)))
			best = n;
	return best;
}

/* For links to people: as configured, else of such a proxy. "": there is none. */
const char *
status_proxy_addr(struct auth *a)
{
	const struct host *n = a->conf->proxy_addr ? NULL : last_proxy(a);

	return a->conf->proxy_addr ? a->conf->proxy_addr : n ? n->public_addr : "";
}

/* --- which versions there are ------------------------------------------------------------- */

/* A version is whatever a host says: one that is taken over must not make the answer long. */
enum { VERSIONS_MAX = 64 };

struct versions {
	Auth__VersionCount v[VERSIONS_MAX], *rows[VERSIONS_MAX];
	size_t n;
};

static Auth__VersionCount *
versions_row(struct versions *t, const char *kind, const char *version)
{
	for (size_t i = 0; i < t->n; i++)
		if (strcmp(t->v[i].kind, kind) == 0 && strcmp(t->v[i].version, version) == 0)
			return &t->v[i];
	if (t->n == VERSIONS_MAX)
		return NULL;
	auth__version_count__init(&t->v[t->n]);
	t->v[t->n].kind = kind;
	t->v[t->n].version = version;
	t->v[t->n].too_old = version_too_old(version, SALLYPORT_VERSION);
	return &t->v[t->n++];
}

/* What kinds there are is ours; their rows are kept free for those that find none of their own. */
static void
versions_add(struct versions *t, const struct host *n)
{
	Auth__VersionCount *row = t->n < VERSIONS_MAX - 8 ? versions_row(t, n->kind, n->version)
							  : versions_row(t, n->kind, "");

	if (row)
		row->count++;
}

static int
by_kind_and_version(const void *a, const void *b)
{
	const Auth__VersionCount *x = *(Auth__VersionCount *const *)a,
				 *y = *(Auth__VersionCount *const *)b;
	int c = strcmp(x->kind, y->kind);

	return c ? c : strcmp(x->version, y->version);
}

/* Of nodes, only those that the caller would see in a list. */
static void
count_versions(struct auth *a, const struct access_person *p, struct versions *ret)
{
	struct host *n;
	size_t pos = 0;

	ret->n = 0;
	while (host_next(a, &pos, &n))
		if (n->online && (strcmp(n->kind, "node") != 0 || nodes_visible(p, n)))
			versions_add(ret, n);
	for (size_t i = 0; i < ret->n; i++)
		ret->rows[i] = &ret->v[i];
	qsort(ret->rows, ret->n, sizeof(ret->rows[0]), by_kind_and_version);
}

static void
reply_status(struct rpc_call *call, const struct access_person *p)
{
	struct auth *a = rpc_context(call);
	const struct bundle *b = self_authorities(a->self);
	const struct host *proxy = last_proxy(a);
	Auth__StatusReply reply = AUTH__STATUS_REPLY__INIT;
	const char *pins[BUNDLE_CA_MAX];
	struct versions versions;

	count_versions(a, p, &versions);
	for (size_t i = 0; i < b->n_pins; i++)
		pins[i] = b->pins[i];
	reply.cluster = a->cluster;
	reply.version = SALLYPORT_VERSION;
	reply.host_ca = b->n_pins > 1 ? "rotating" : "never updated";
	reply.user_ca = b->n_user_ssh > 1 ? "rotating" : "never updated";
	reply.n_ca_pins = b->n_pins;
	reply.ca_pins = pins;
	reply.proxy_public_addr = status_proxy_addr(a);
	reply.proxy_own_certificate = proxy && proxy->own_certificate;
	reply.proxy_has_packages = proxy && proxy->has_packages;
	reply.ca_pem = b->host_pem;
	reply.n_versions = versions.n;
	reply.versions = versions.rows;
	auth_get_status_reply(call, &reply);
}

static void
on_status(struct rpc_call *call, const Auth__Empty *request)
{
	struct access_person p;

	(void)request;
	if (access_person(call, &p))
		reply_status(call, &p);
	access_person_done(&p);
}

static const struct rpc_row rows[] = {
	AUTH_METHOD(Ping, WHO_ALL, on_ping),
	AUTH_METHOD(GetCaBundle, WHO_ALL, on_ca_bundle),
	AUTH_METHOD(GetStatus, WHO_PEOPLE, on_status),
};
const struct face face_status = { rows, sizeof(rows) / sizeof(rows[0]) };
