/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_faces: what the wire faces share.
 */
#include "auth/rpc_faces.h"

#include <stdlib.h>
#include <string.h>

#include "auth/self.h"
#include "auth/stored.h"
#include "base/log.h"
#include "base/str.h"
#include "rpc/bytes.h"

enum { METHODS_MAX = 64 };

int
faces_serve(struct auth *a, struct err *e)
{
	static const struct face *const faces[] = { &face_status, &face_login, &face_invite,
		&face_users, &face_tokens, &face_nodes, &face_daemons, &face_resources, &face_join,
		&face_watch, &face_backup, &face_metrics, &face_factors, &face_web, &face_account,
		&face_reach, &face_approval };
	static struct rpc_row rows[METHODS_MAX];
	size_t n = 0;

	for (size_t i = 0; i < sizeof(faces) / sizeof(faces[0]); i++)
		for (size_t k = 0; k < faces[i]->n && n < METHODS_MAX; k++)
			rows[n++] = faces[i]->rows[k];
	if (auth_serve_rows(a->server, rows, n, a) < 0)
		return err_set(e, "the tables of rpc_*.c do not fit proto/auth.proto (a bug)");
	return 0;
}

/* Positive: the caller's fault or the state of things, told as it is. Negative: ours, told to the
 * log alone, since it may name paths and the store's words. */
void
face_fail(struct rpc_call *call, int rc, const struct err *e)
{
	static const enum rpc_code codes[] = {
		[AUTH_E_INVALID] = RPC_INVALID_ARGUMENT,
		[AUTH_E_NOT_FOUND] = RPC_NOT_FOUND,
		[AUTH_E_EXISTS] = RPC_ALREADY_EXISTS,
		[AUTH_E_DENIED] = RPC_PERMISSION_DENIED,
		[AUTH_E_STATE] = RPC_FAILED_PRECONDITION,
		[AUTH_E_BUSY] = RPC_RESOURCE_EXHAUSTED,
		[AUTH_E_UNAUTHENTICATED] = RPC_UNAUTHENTICATED,
	};

	if (rc > 0 && (size_t)rc < sizeof(codes) / sizeof(codes[0])) {
		rpc_finish(call, codes[rc], "%s", e->text);
		return;
	}
	log_error("call failed", "method", rpc_method_name(call), "from", rpc_peer(call)->address,
	    "cause", e->text, NULL);
	rpc_finish(call, RPC_INTERNAL, "internal error; the log of authd has the cause");
}

void
face_done(struct rpc_call *call)
{
	Auth__Empty empty = AUTH__EMPTY__INIT;

	rpc_reply(call, &empty); /* of many methods */
}

void *
face_wait_new(struct rpc_call *call, size_t size)
{
	struct face_wait *w = calloc(1, size);

	if (!w) {
		rpc_finish(call, RPC_RESOURCE_EXHAUSTED, "out of memory");
		return NULL;
	}
	*w = (struct face_wait){ .auth = rpc_context(call), .call = call, .peer = *rpc_peer(call) };
	rpc_set_data(call, w);
	return w;
}

bool
face_wait_back(struct face_wait *w)
{
	w->waiting = false;
	if (w->call)
		return true;
	free(w);
	return false;
}

void
face_wait_closed(struct rpc_call *call, const struct rpc_status *status)
{
	struct face_wait *w = rpc_data(call);

	(void)status;
	if (!w)
		return;
	w->call = NULL;
	if (!w->waiting)
		free(w);
}

/* Checked before they are taken, so that the message names the one that is wrong. */
int
face_labels(struct labels *ret, Common__Label *const *rows, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++)
		if (label_check(rows[i]->key, rows[i]->value, e) != 0)
			return AUTH_E_INVALID;
	if (stored_labels(ret, rows, n) == 0)
		return 0;
	err_set(e, "at most %d labels", LABELS_MAX);
	return AUTH_E_INVALID;
}

void
face_list_init(struct face_list *l)
{
	*l = (struct face_list){ 0 };
	arena_init(&l->arena, FACE_ARENA_MAX);
}

void
face_list_done(struct face_list *l)
{
	free(l->v);
	arena_done(&l->arena);
}

bool
face_may_log_in(struct rpc_call *call)
{
	if (!access_daemon(call))
		return false;
	if (rpc_peer(call)->told)
		return true;
	rpc_finish(call, RPC_INVALID_ARGUMENT,
	    "the call's metadata does not say whose address the login comes from");
	return false;
}

/* item NULL: it could not be made. Every failure is kept, so that callers look once at the end. */
bool
face_list_add(struct face_list *l, void *item)
{
	if (item && l->n == l->cap && l->cap < FACE_LIST_MAX) {
		size_t cap = l->cap ? l->cap * 2 : 64;
		void **v = realloc(l->v, cap * sizeof(*v));

		if (v) {
			l->v = v;
			l->cap = cap;
		}
	}
	if (!item || l->n == l->cap) {
		l->failed = true;
		return false;
	}
	l->v[l->n++] = item;
	return true;
}

/* The first is always in: a page that nothing fits would be asked for again and again. */
int
face_page_add(struct face_list *l, const ProtobufCMessage *message)
{
	size_t bytes = l->failed ? 0 : protobuf_c_message_get_packed_size(message);

	if (l->n > 0 && (l->bytes + bytes > FACE_PAGE_MAX || l->n == l->limit))
		return FACE_FULL;
	l->bytes += bytes;
	return face_list_add(l, (void *)(uintptr_t)message) && !l->failed ? 0 : -1;
}

void *
face_new(struct face_list *l, size_t size)
{
	void *p = arena_alloc(&l->arena, size);

	if (!p)
		l->failed = true;
	return p;
}

/* "" without memory, which l->failed says too. */
const char *
face_text(struct face_list *l, const char *text)
{
	char *copy = arena_strdup(&l->arena, text);

	if (!copy)
		l->failed = true;
	return copy ? copy : "";
}

/* NULL without memory, which l->failed says too. */
const char **
face_texts(struct face_list *l, const struct names *n)
{
	const char **v = face_new(l, (n->n + 1) * sizeof(*v));

	for (size_t i = 0; v && i < n->n; i++)
		v[i] = face_text(l, n->v[i]);
	return v;
}

/* Lent: the bytes are the signer client's, and stay while authd runs. */
void
face_bundle(struct auth *a, Auth__CaBundle *ret)
{
	struct span set = signer_ca_set(a->signer), signature = signer_ca_signature(a->signer);

	auth__ca_bundle__init(ret);
	ret->ca_set = bytes_of(set);
	ret->signature = bytes_of(signature);
}

/* False: it does not fit, or no memory. */
bool
face_bundle_packed(struct auth *a, struct buf *ret)
{
	Auth__CaBundle m;
	uint8_t *p;

	face_bundle(a, &m);
	p = buf_reserve(ret, protobuf_c_message_get_packed_size(&m.base));
	if (p)
		buf_commit(ret, protobuf_c_message_pack(&m.base, p));
	return p != NULL;
}
