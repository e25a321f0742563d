/* SPDX-License-Identifier: Apache-2.0 */
/*
 * join_impl: what join.c, join_bundle.c and join_calls.c share: one state at a time, one thing under way in it.
 *
 *	FETCHING  the CA bundle      (join_bundle.c)                 -> JOINING, or a pause
 *	JOINING   the call Join      (join_calls.c)                  -> JOINED, REFUSED, or a pause
 *	JOINED    looks at the clock (join.c)                        -> RENEWING at two thirds, or when it has another address
 *	RENEWING  the call Renew     (join_calls.c)                  -> JOINED
 */
#ifndef API_JOIN_PRIV_H
#define API_JOIN_PRIV_H

#include "api/host_state.h"
#include "api/join.h"

enum { JOIN_LISTS_MAX = 64 };

enum join_state { JOIN_FETCHING, JOIN_JOINING, JOIN_JOINED, JOIN_RENEWING, JOIN_REFUSED };

struct join {
	struct loop *loop;
	struct rpc_loop *rl;
	struct join_events events;
	void *arg;

	char *name, *proxy, *authd, *token, *token_file, *pin;
	struct policy_label labels[JOIN_LISTS_MAX];
	char *addresses[JOIN_LISTS_MAX];
	size_t n_labels, n_addresses;

	enum join_state state;
	struct host_state *host;
	struct rpc_identity *rpc_id;
	struct join_identity id;
	char auth_server[300], audit_server[300];
	struct pool *pool;
	struct rpc_client *client; /* one call at a time; freed with it */
	struct timer timer;
	unsigned failures;
	bool ready;
	bool again;        /* it has an identity, and tries for another one with a new token */
	bool renamed;      /* an address is configured that its certificates do not have */
	char why[ERR_MAX]; /* of the refusal */
};

/* join.c */
void join_step(struct join *j); /* what is to be done now */
void
join_pause(struct join *j, const char *what, const char *why); /* then join_step; logs a warning */
void join_refuse(struct join *j, const char *why);
void join_done(struct join *j); /* host_state has a valid identity: everybody uses it from now on */
int join_publish(struct join *j);
void join_fill_identity(struct join *j);
int join_set_rpc_identity(struct join *j, struct err *e);

/* join_bundle.c */
void join_get_bundle(struct join *j);

/* join_calls.c */
int join_open_client(struct join *j, bool anybody, struct err *e);
void join_drop_client(struct join *j); /* its call ends without an answer */
void join_do_join(struct join *j);
bool join_has_new_token(const struct join *j); /* that the identity at hand was not made with */
void join_do_renew(struct join *j);

#endif
