/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replica_check: the one place that decides whether an identity is still good; proxyd, noded and
 * auditd ask here when somebody comes and again when something changes. Reads the replica only.
 *
 * Security: whatever takes an identity away belongs here, so that it counts in all three programs:
 * cut-offs, and kinds that close doors (struct replica_hooks). Of these one that is lost holds for
 * everybody, since nobody knows for whom it was.
 */
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "replica/replica_priv.h"

/* A lost cut-off (INT64_MAX) cuts every certificate, also those that begin in the far future. */
static bool
is_cut(int64_t issued_ms, int64_t cutoff_ms)
{
	return cutoff_ms == INT64_MAX || issued_ms < cutoff_ms;
}

/* 0, or REPLICA_E_CUT with e: an entry of the kind closes the door, or one could not be read. */
static int
kind_denies(const struct replica *r, enum replica_kind kind, const struct policy_identity *who,
    struct err *e)
{
	const struct replica_hooks *hooks = replica_kinds[kind].hooks;
	bool lost = r->blind[kind];
	size_t pos = 0;
	void *value;

	while (!lost && map_next(r->entries[kind], &pos, NULL, &value)) {
		const struct entry *entry = value;

		lost = !entry->value;
		if (!lost && hooks->denies(entry->value, who, clock_wall_ms(), e))
			return REPLICA_E_CUT;
	}
	if (!lost)
		return 0;
	err_set(e, "a %s could not be read here, so it holds for everybody",
	    replica_kinds[kind].name);
	return REPLICA_E_CUT;
}

int
replica_denies(const struct replica *r, const struct policy_identity *who, struct err *e)
{
	int rc = 0;

	for (int kind = 0; kind < REPLICA_KINDS && rc == 0; kind++)
		if (replica_wants(r, (enum replica_kind)kind) && replica_kinds[kind].hooks->denies)
			rc = kind_denies(r, (enum replica_kind)kind, who, e);
	return rc;
}

int
replica_check_user(const struct replica *r, const struct subject *who,
    const struct policy_identity *use, int64_t issued_ms, struct err *e)
{
	struct policy_identity identity = { 0 };

	/* Before the first snapshot nothing is known, and nothing known must not look like nothing
	 * forbidden. */
	if (!replica_is_known(r)) {
		err_set(e,
		    "it is not known here yet which roles the cluster has; try again in a moment");
		return REPLICA_E_UNKNOWN;
	}
	if (is_cut(issued_ms, replica_user_cutoff(r, who->name))) {
		err_set(e,
		    "user %s was removed or changed after this certificate was made; log in again "
		    "with tsh login",
		    who->name);
		return REPLICA_E_CUT;
	}
	if (use)
		identity = *use;
	/* Whoever asks fills in where and as which login; who it is comes from the subject
	 * alone. */
	identity.user = who->name;
	identity.roles = who->roles;
	return replica_denies(r, &identity, e);
}

bool
replica_host_is_cut(const struct replica *r, const char *uuid, int64_t issued_ms)
{
	return is_cut(issued_ms, replica_host_cutoff(r, uuid));
}

int
replica_check_host(const struct replica *r, const char *uuid, const char *name, int64_t issued_ms,
    struct err *e)
{
	const struct replica_host *host = replica_host(r, uuid);

	if (!replica_is_known(r)) {
		err_set(e,
		    "it is not known here yet which hosts the cluster has; try again in a moment");
		return REPLICA_E_UNKNOWN;
	}
	if (replica_host_is_cut(r, uuid, issued_ms)) {
		err_set(e,
		    "this host was removed from the cluster, or has joined since; join it again with a new token");
		return REPLICA_E_CUT;
	}
	return replica_denies(r,
	    &(struct policy_identity){ .host = uuid, .host_name = host ? host->name : name }, e);
}

/* --- web sessions -------------------------------------------------------------------- */

/* authd has said all that there is: what is not here is nowhere. */
static bool
is_told(const struct replica *r)
{
	return replica_is_known(r) && replica_is_connected(r) && !r->filling;
}

/* While authd is away a session may be new: then nobody should believe that it has ended. */
static int
not_there(const struct replica *r, struct err *e)
{
	if (is_told(r)) {
		err_set(e, "your session has ended; log in again");
		return REPLICA_E_CUT;
	}
	err_set(e, "your session is not known here; try again in a moment");
	return REPLICA_E_UNKNOWN;
}

int
replica_check_web(const struct replica *r, const char *key, const struct replica_web_session **ret,
    struct err *e)
{
	const struct replica_web_session *s = replica_web_session(r, key);
	const struct subject *who = !s ? NULL : s->own ? s->own : replica_user(r, s->user);
	int rc;

	if (!s)
		return not_there(r, e);
	if (s->expires_ms <= clock_wall_ms() || !who ||
	    is_cut(s->valid_after_s * 1000, replica_user_cutoff(r, s->user))) {
		err_set(e, "your session has ended; log in again");
		return REPLICA_E_CUT;
	}
	rc = replica_check_user(r, who, NULL, s->valid_after_s * 1000, e);
	if (rc == 0 && ret)
		*ret = s;
	return rc;
}

bool
replica_web_is_at(const struct replica_web_session *s, const char *ip)
{
	return !*s->pinned_to || strcmp(s->pinned_to, ip) == 0;
}

int
replica_check_web_at(const struct replica *r, const char *key, const char *ip,
    const struct replica_web_session **ret, struct err *e)
{
	const struct replica_web_session *s = NULL;
	int rc = replica_check_web(r, key, &s, e);

	if (rc != 0)
		return rc;
	if (!replica_web_is_at(s, ip)) {
		err_set(e, "%s", rpc_pinned_text);
		return REPLICA_E_CUT;
	}
	if (ret)
		*ret = s;
	return 0;
}

/* A locked proxy is to try again, and one of which nothing was heard yet; one that was removed finds itself nowhere. */
static enum rpc_code
check_proxy(const struct replica *r, const struct rpc_peer *proxy, struct err *e)
{
	const int64_t issued_ms = proxy->issued_s * 1000;

	if (replica_check_host(r, proxy->name, NULL, issued_ms, e) != 0)
		return replica_host_is_cut(r, proxy->name, issued_ms) ? RPC_UNAUTHENTICATED
								      : RPC_UNAVAILABLE;
	if (replica_host(r, proxy->name))
		return RPC_OK;
	err_set(e, "this proxy is not part of the cluster");
	return is_told(r) ? RPC_UNAUTHENTICATED : RPC_UNAVAILABLE;
}

enum rpc_code
replica_web_peer(const struct replica *r, const char *key, struct rpc_peer *peer, struct err *e)
{
	const struct replica_web_session *s = NULL;
	struct addr at;
	enum rpc_code code = check_proxy(r, peer, e);
	int rc;

	if (code != RPC_OK)
		return code;
	rc = replica_check_web_at(r, key, rpc_peer_addr(peer->address, &at) ? at.ip : "", &s, e);
	if (rc != 0)
		return rc == REPLICA_E_CUT ? RPC_UNAUTHENTICATED : RPC_UNAVAILABLE;
	peer->who = RPC_USER;
	(void)str_copy(peer->name, sizeof(peer->name), s->user);
	peer->issued_s = s->valid_after_s;
	peer->expires_s = s->expires_ms / 1000;
	return RPC_OK;
}

int
replica_subject(struct subject **ret, const struct sshcert *cert)
{
	return subject_parse(ret, cert->key_id, sshcert_extension(cert, "roles@sallyport"),
	    sshcert_extension(cert, "traits@sallyport"));
}

const char *
replica_web_of(const struct sshcert *cert)
{
	return sshcert_extension(cert, "web-session@sallyport");
}

int64_t
replica_issued_ms(const struct sshcert *cert)
{
	return cert->valid_after > INT64_MAX / 1000 ? INT64_MAX : (int64_t)cert->valid_after * 1000;
}
