/* SPDX-License-Identifier: Apache-2.0 */
/*
 * join: how noded, proxyd and auditd get their identity and keep it.
 *
 * With a valid identity in state_dir it is used, unless the token at hand is another than the one that it came of: then
 * somebody wants the host to join again (it was removed, or its registry restored from before), which is tried once; what it
 * has stays when that fails. Without one: fetch the CA bundle (from the proxy over HTTPS, or from authd), compare the CA pin,
 * make keys here, and call Join with the token over TLS pinned to that bundle. While authd cannot be reached it tries again,
 * for ever, with a jittered back-off; a definite refusal (used or expired token, wrong pin) is reported and final. At two
 * thirds of its life the identity is renewed over itself.
 *
 * Files in state_dir (0700), each 0600 and replaced atomically: api/host_state.h.
 *
 * What goes wrong meanwhile is logged here (warn): nobody else knows.
 *
 * Security: the private keys are made here and never leave; the token is read from its file when it is needed.
 */
#ifndef API_JOIN_H
#define API_JOIN_H

#include "api/bundle.h"
#include "api/label.h"
#include "base/err.h"
#include "crypto/sshkey.h"
#include "event/loop.h"
#include "proto/auth.pb-c.h"
#include "rpc/rpc.h"
#include "rpc/tls.h"

struct join;

struct join_config {
	const char *kind;      /* "node", "proxy", "audit" */
	const char *state_dir; /* created when it is not there */
	const char *name;      /* host name, for people */
	/* The public SSH host key when another process has the private one; outlives the join. NULL:
	 * it is made and kept in state_dir. */
	const struct sshkey *host_key;
	const char *proxy; /* HOST:PORT of a proxy's public port; or NULL and authd */
	const char *authd; /* HOST:PORT of authd itself */
	const char
	    *token; /* the token itself, or NULL and token_file; both may be NULL once joined */
	const char *token_file;
	const char *ca_pin; /* may be NULL once joined */
	const struct policy_label *labels;
	size_t n_labels;
	const char *const *addresses; /* extra names and addresses for the host certificate */
	size_t n_addresses;
};

/* What a daemon is, while it is joined. Valid until the next `changed`, and always inside callbacks. */
struct join_identity {
	const char *cluster;
	const char *uuid;
	const char *name;
	/* Ed25519, private unless it was given by join_config; also the key of the tunnel certificate */
	const struct sshkey *host_key;
	struct span ssh_host_cert; /* certificate blobs */
	struct span tunnel_cert;   /* nodes; empty otherwise */
	const struct bundle *ca;
	int64_t valid_until_s; /* the earliest end of its certificates */
	const char
	    *auth_server; /* "authd.<cluster>", "auditd.<cluster>": SNI and certificate names */
	const char *audit_server;
};

struct join_events {
	/* The identity is there: once, never from inside join_new. */
	void (*ready)(const struct join_identity *id, void *arg);
	/* New certificates or authorities; new handshakes over rpc use them already. May be NULL. */
	void (*changed)(const struct join_identity *id, void *arg);
	/* Never going to succeed: the daemon says why and exits. Once. */
	void (*refused)(const char *why, void *arg);
};

/* loop and rl stay the caller's; config is copied. Negative: state_dir is unusable or the configuration incomplete. */
int join_new(struct join **ret, struct loop *loop, struct rpc_loop *rl,
    const struct join_config *config, const struct join_events *events, void *arg, struct err *e);
void
join_free(struct join *j); /* NULL is fine; after channels and servers that use its rpc identity */

/* For start-up that cannot go on without: turns the loop until ready or refused (negative with e), or until *give_up.
 * Events come as usual. */
int join_wait(struct join *j, const bool *give_up, struct err *e);

const struct join_identity *join_identity(const struct join *j); /* NULL until ready */
/* For servers and channels; filled when ready, replaced at renewal. */
struct rpc_identity *join_rpc_identity(struct join *j);
/* Where authd is reached: the proxy's public port, or authd itself. */
const char *join_auth_target(const struct join *j);

/* The watch brought a CA bundle (auth_watch.h): verified against the authorities known, stored, and `changed`.
 * The one that is known already changes nothing. */
void join_take_bundle(struct join *j, const Auth__CaBundle *bundle);

#endif
