/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_faces: what the wire faces (rpc_*.c) share: their tables, the answers to failures, and lists
 * of messages.
 */
#ifndef AUTH_RPC_FACES_H
#define AUTH_RPC_FACES_H

#include "auth/events.h"
#include "auth/auth.h"
#include "auth/access.h"
#include "auth/values.h"
#include "base/mem.h"
#include "proto/auth.server.h"
#include "rpc/rpc.h"
#include "rpc/wire_check.h"

/* FACE_PAGE_MAX: bytes. Nothing on the wire has fewer than two, so that no page has more elements than the other side
 * takes (WIRE_CHECK_ITEMS), whatever is in it. */
enum {
	FACE_ARENA_MAX = 64 * 1024 * 1024,
	FACE_LIST_MAX = 200000,
	FACE_PAGE_MAX = WIRE_CHECK_ITEMS * 2 - 8192
};

#define WHO_ALL     (RPC_ANYONE | RPC_USER | RPC_NODE | RPC_PROXY | RPC_AUTH | RPC_AUDIT | RPC_LOCAL)
#define WHO_DAEMONS (RPC_NODE | RPC_PROXY | RPC_AUDIT)
#define WHO_PEOPLE  (RPC_USER | RPC_LOCAL)

/* The rows of one file: AUTH_METHOD(...) of "proto/auth.server.h". */
struct face {
	const struct rpc_row *rows;
	size_t n;
};
extern const struct face face_status, face_login, face_invite, face_users, face_tokens, face_nodes,
    face_daemons, face_resources, face_join, face_watch, face_backup, face_metrics, face_factors,
    face_web, face_account, face_reach, face_approval;

/* All of them on the server. Negative: a method without row, or twice (a bug). */
int faces_serve(struct auth *a, struct err *e);

/* Ends the call by what a noun answered (rc other than 0). */
void face_fail(struct rpc_call *call, int rc, const struct err *e);
/* A proxy, for somebody in a browser who is not signed in: what he tries counts by his address, so that there must be one.
 * False: answered. */
bool face_may_log_in(struct rpc_call *call);
/* The answer to "done". */
void face_done(struct rpc_call *call);

/* A call that is answered later. Begins the struct of what waits, of which whichever comes last, what it waits for or the
 * closing of the call, is the end. */
struct face_wait {
	struct auth *auth;
	struct rpc_call *call; /* NULL: closed meanwhile */
	struct rpc_peer peer;  /* of the call, also when it is gone */
	bool waiting;          /* something is still to come back */
};
/* Of that size, zeroed, for the call; heap, its own end. NULL: answered. */
void *face_wait_new(struct rpc_call *call, size_t size);
/* What it waited for has come. False: nobody is there any more, and it is freed. */
bool face_wait_back(struct face_wait *w);
/* The `closed` of the method's row, or the last thing in it. */
void face_wait_closed(struct rpc_call *call, const struct rpc_status *status);

/* Checked, into ret. 0 or AUTH_E_INVALID; labels_done in any case. */
int face_labels(struct labels *ret, Common__Label *const *rows, size_t n, struct err *e);

/* A growing list of pointers for a reply, in an arena. */
struct face_list {
	struct arena arena;
	void **v;
	size_t n, cap;
	size_t bytes, limit; /* of a page; limit 0: as many as fit */
	bool failed;
};
void face_list_init(struct face_list *l);
void face_list_done(struct face_list *l);
bool face_list_add(struct face_list *l, void *item);
/* Memory for a message of the list. NULL: none, which l->failed says too. */
void *face_new(struct face_list *l, size_t size);
/* One more message for a page (`limit` as it was asked for). 0: it is in; FACE_FULL: it is the first of the next page,
 * and the list stays as it is; negative: no memory. */
enum { FACE_FULL = 1 };
int face_page_add(struct face_list *l, const ProtobufCMessage *message);
const char *face_text(struct face_list *l, const char *text);        /* a copy */
const char **face_texts(struct face_list *l, const struct names *n); /* copies */

/* The authorities as a message; points into the signer's client. */
void face_bundle(struct auth *a, Auth__CaBundle *ret);
/* A person sees a node (rpc_nodes.c) where some login is allowed to him; whoever manages nodes sees them all. */
bool nodes_visible(const struct access_person *p, const struct host *n);
/* The public address of a proxy that is known (rpc_status.c); "" when none is. */
const char *status_proxy_addr(struct auth *a);

#endif
