/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replica: the cluster as authd says it: roles, hosts, users, cut-offs, authorities, own labels;
 * one for proxyd, noded and auditd. Each names the kinds it wants; authd decides whether it may
 * have them. Touches memory, the stream from authd (lib/api/auth_watch.h), and one file.
 *
 * While authd is away what is known stays in force, and the file brings it back after a restart.
 * A stream that broke goes on where it ended; when authd no longer has what came between, it sends
 * everything, and what it does not name is gone.
 *
 * Security: what cannot be decoded or kept is dropped, and access with it; an old right is never
 * kept for lack of a new one. A role that is lost denies everybody who has it, since it might be the
 * one that denies; a cut-off that is lost cuts its user or host wholly; a host or user that is lost
 * is not known; lost labels of one's own deny every login. What cannot even be noted as lost (no
 * memory for its name) makes its whole kind lost, until authd has sent everything again.
 */
#ifndef REPLICA_REPLICA_H
#define REPLICA_REPLICA_H

#include <stdbool.h>
#include <stdint.h>

#include "api/auth_watch.h"
#include "api/bundle.h"
#include "api/join.h"
#include "base/err.h"
#include "crypto/sshcert.h"
#include "event/loop.h"
#include "policy/subject.h"

struct replica;

enum replica_kind {
#define REPLICA(id, ...) REPLICA_##id,
#include "replica/kinds.def"
#undef REPLICA
	REPLICA_KINDS
};
#define REPLICA_BIT(kind) (1u << (kind))
/* What every daemon wants. */
enum {
	REPLICA_BASE = 0
#define REPLICA(id, noun, name, base) | ((base) ? REPLICA_BIT(REPLICA_##id) : 0)
#include "replica/kinds.def"
#undef REPLICA
};

/* Bounds; what is beyond counts as lost. */
enum {
	REPLICA_ENTRIES_MAX = 200000,         /* of one kind */
	REPLICA_VALUE_MAX = 256 * 1024,       /* bytes of one value */
	REPLICA_BYTES_MAX = 256 * 1024 * 1024 /* of all values together, and of the file */
};

struct replica_config {
	struct loop *loop;
	unsigned kinds;   /* REPLICA_BIT of each */
	const char *path; /* of the file; copied; NULL: none is kept */
};

struct replica_events {
	/* Something is different: once a turn for each kind that changed, after the turn's messages
	 * were taken. key: the only one that changed, or NULL: several. Valid until it returns. */
	void (*changed)(enum replica_kind kind, const char *key, void *arg);
	/* authd is there (again): the first message of a stream came. May be NULL. */
	void (*begun)(void *arg);
};

/* Reads the file; one that is damaged, or of other kinds, counts as none, as a whole. Negative: no
 * memory. Owner frees. */
int replica_new(struct replica **ret, const struct replica_config *config,
    const struct replica_events *events, void *arg);
/* Begins to watch. join (may be NULL) takes the authorities that come. Both must outlive the
 * replica. Negative: no memory. */
int replica_start(struct replica *r, struct rpc_client *auth, struct join *join, struct err *e);
void replica_free(struct replica *r); /* writes the file if it is behind; NULL is fine */

/* Everything was here once: from authd, or from the file. Before that nobody can be judged. */
bool replica_is_known(const struct replica *r);
/* authd's stream of changes is up. */
bool replica_is_connected(const struct replica *r);

/* --- asking: what is returned is valid until the next change ------------------------------- */

/* In the shape of subject_role_fn; arg is the replica. */
enum subject_role replica_role(void *replica, const char *name, const struct policy_role **ret);

struct replica_host {
	const char *uuid;
	const char *kind;    /* "node", "proxy", "audit" */
	const char *name;    /* for people */
	const char *address; /* HOST:PORT where it listens; "" when it keeps a tunnel */
	bool online;         /* nodes: heartbeats come */
	struct policy_labels labels;
	int64_t joined_ms; /* 0: authd has not said */
};
/* NULL: unknown or lost. */
const struct replica_host *replica_host(const struct replica *r, const char *uuid);
/* *pos starts at 0. */
bool replica_next_host(const struct replica *r, size_t *pos, const struct replica_host **ret);

/* The user as authd has it now, whatever a certificate says. NULL: unknown or lost. */
const struct subject *replica_user(const struct replica *r, const char *name);

/* Certificates that began before are worth nothing, in ms since 1970. 0: none; INT64_MAX: lost. */
int64_t replica_user_cutoff(const struct replica *r, const char *user);
int64_t replica_host_cutoff(const struct replica *r, const char *uuid);

/* The labels that the server gave to this host. Negative: lost, or authd has not said. */
int replica_own_labels(const struct replica *r, struct policy_labels *ret);

/* The authorities, believed because authd sent them over a connection that was checked. NULL:
 * unknown or lost. */
const struct bundle *replica_bundle(const struct replica *r);

/* A web session that authd has: whose, and until when. */
struct replica_web_session {
	const char *user;
	int64_t valid_after_s; /* as of a certificate */
	int64_t expires_ms;
	const char *pinned_to;     /* address that calls must come from; "": any */
	const struct subject *own; /* of an API token, which has no user: who it is; else NULL */
};
/* By the session's key (rpc_session_key). NULL: unknown (any more) or lost. That it is here says not that it is good:
 * replica_check_web. */
const struct replica_web_session *replica_web_session(const struct replica *r, const char *key);

/* The signed list of cut-offs (api/cutoffs.h), to be passed on. Empty: unknown or lost. */
struct span replica_signed_cutoffs(const struct replica *r);

/* --- judging: the one place that decides ---------------------------------------------------- */

enum replica_result {
	REPLICA_E_UNKNOWN = 1, /* the cluster is not known yet: later */
	REPLICA_E_CUT,         /* not with this certificate or session, or not now */
};
/* Is this identity still good? issued_ms: when its certificate began. use: what for, as far as it is
 * known (login, host, host_name; the rest is who's); NULL: nothing. 0, or REPLICA_E_* with a line for
 * the user. Says nothing about what the roles allow. */
int replica_check_user(const struct replica *r, const struct subject *who,
    const struct policy_identity *use, int64_t issued_ms, struct err *e);
/* The same for a daemon. name: NULL when it is not known, or the replica has hosts. */
int replica_check_host(const struct replica *r, const char *uuid, const char *name,
    int64_t issued_ms, struct err *e);
/* Whether that certificate is worth nothing for good, as of a host that was removed or has joined again: what
 * replica_check_host refuses otherwise is to be tried again. */
bool replica_host_is_cut(const struct replica *r, const char *uuid, int64_t issued_ms);
/* Is the web session of that key still good: there, not expired, its user there and not cut off since, and nothing closes the
 * door for him? Asked when a call or connection in it begins, and again for what lasts whenever something changed
 * (replica_events) and at the session's end. *ret (may be NULL) is the session then, until the next change. 0, or
 * REPLICA_E_* with a line for the user. Needs the kinds USER and WEB_SESSION. Says nothing about where it is used. */
int replica_check_web(const struct replica *r, const char *key,
    const struct replica_web_session **ret, struct err *e);
/* The same for whoever asks from the address ip ("": unknown): REPLICA_E_CUT also where the session is pinned to another. */
int replica_check_web_at(const struct replica *r, const char *key, const char *ip,
    const struct replica_web_session **ret, struct err *e);
/* Only that: it is used where it may be. */
bool replica_web_is_at(const struct replica_web_session *s, const char *ip);
/* For the server of a daemon that has a replica (rpc.h, rpc_session_fn): whether the proxy is still one, the session still
 * good, and whose it is. */
enum rpc_code
replica_web_peer(const struct replica *r, const char *key, struct rpc_peer *peer, struct err *e);
/* Of that the part that no certificate decides: whether something closes the door for this identity,
 * whatever the roles allow. 0 or REPLICA_E_CUT. */
int replica_denies(const struct replica *r, const struct policy_identity *who, struct err *e);

/* Who a user certificate says its holder is. Owner frees (subject_free). Negative: no memory. */
int replica_subject(struct subject **ret, const struct sshcert *cert);
/* Key of the web session that asked for it and that it ends with (replica_check_web); NULL: none did. */
const char *replica_web_of(const struct sshcert *cert);
/* When the certificate began, for the checks above. */
int64_t replica_issued_ms(const struct sshcert *cert);

#endif
