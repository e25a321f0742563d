/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api_token: see api_token.h.
 */
#include "auth/api_token.h"

#include <stdlib.h>
#include <string.h>

#include "auth/auth.h"
#include "auth/rights.h"
#include "base/str.h"
#include "rpc/rpc.h"

/* --- who holds it ------------------------------------------------------------------------ */

/* Lent: the lists are the session's. */
static struct user
holder_of(const struct web_session *s)
{
	struct user u = { .roles = s->roles, .created_ms = s->created_ms, .confirmed = true };

	(void)str_copy(u.name, sizeof(u.name), s->user);
	return u;
}

/* The token whose holder is called that; NULL: there is none (any more). */
static const struct web_session *
holder_session(struct auth *a, const char *name)
{
	size_t pos = 0;
	void *object;

	while (resource_next(a, RESOURCE_WEB_SESSION, &pos, &object)) {
		const struct web_session *s = object;

		if (s->api && strcmp(s->user, name) == 0 && s->expires_ms > a->now_ms())
			return s;
	}
	return NULL;
}

/* s NULL: there is none. */
static int
copy_holder(const struct web_session *s, const char *name, struct user *ret, struct err *e)
{
	*ret = (struct user){ 0 };
	if (!s) {
		err_set(e, "no such API token: %s", name);
		return AUTH_E_NOT_FOUND;
	}
	*ret = holder_of(s);
	ret->roles = (struct names){ 0 };
	return names_copy(&ret->roles, s->roles.v, s->roles.n) < 0 ? err_memory(e) : 0;
}

int
api_token_person(struct auth *a, const char *name, struct user *ret, struct err *e)
{
	return web_session_is_api(name) ? copy_holder(holder_session(a, name), name, ret, e)
					: user_load(a, name, ret, e);
}

int
api_token_caller(struct auth *a, const struct rpc_peer *peer, struct user *ret, struct err *e)
{
	return web_session_is_api(peer->name)
	    ? copy_holder(web_session_find(a, peer->web), peer->name, ret, e)
	    : user_load(a, peer->name, ret, e);
}

/* --- making ------------------------------------------------------------------------------ */

int
api_token_check(struct auth *a, const struct api_token_spec *spec, struct user *ret, struct err *e)
{
	*ret = (struct user){ .roles = *spec->roles };
	(void)str_copy(ret->name, sizeof(ret->name), WEB_SESSION_API_PREFIX);
	if (spec->roles->n == 0) {
		err_set(e, "an API token has roles of its own (--roles=auditor)");
		return AUTH_E_INVALID;
	}
	if (spec->ttl_s < 0 || spec->ttl_s > WEB_SESSION_API_TTL_MAX_S) {
		err_set(e, "an API token may live 1 second to 366 days");
		return AUTH_E_INVALID;
	}
	for (size_t i = 0; i < spec->roles->n; i++) {
		if (role_find(a, spec->roles->v[i]))
			continue;
		err_set(e, "no role %s; `tctl get roles` shows them all", spec->roles->v[i]);
		return AUTH_E_NOT_FOUND;
	}
	return 0;
}

int
api_token_add(struct auth *a, const struct api_token_spec *spec, char token[WEB_SESSION_TOKEN_SIZE],
    const struct web_session **ret, struct err *e)
{
	const struct web_session *all[API_TOKENS_MAX];
	struct web_session_spec s = { .roles = spec->roles,
		.by = spec->by,
		.address = "",
		.browser = "" };
	const struct web_session *maker;
	struct user as;
	int rc = api_token_check(a, spec, &as, e);

	if (rc != 0)
		return rc;
	if (api_tokens(a, all) == API_TOKENS_MAX) {
		err_set(e, "there are %d API tokens already; remove one first (tctl tokens ls)",
		    API_TOKENS_MAX);
		return AUTH_E_STATE;
	}
	s.expires_s = a->now_ms() / 1000 + (spec->ttl_s ? spec->ttl_s : API_TOKEN_TTL_S);
	maker = holder_session(a, spec->by);
	if (maker && s.expires_s > maker->expires_ms / 1000)
		s.expires_s = maker->expires_ms / 1000;
	return web_session_new(a, &s, token, ret, e);
}

/* --- finding ----------------------------------------------------------------------------- */

static int
by_key(const void *a, const void *b)
{
	return strcmp((*(const struct web_session *const *)a)->key,
	    (*(const struct web_session *const *)b)->key);
}

size_t
api_tokens(struct auth *a, const struct web_session *ret[API_TOKENS_MAX])
{
	size_t pos = 0, n = 0;
	void *object;

	while (n < API_TOKENS_MAX && resource_next(a, RESOURCE_WEB_SESSION, &pos, &object)) {
		const struct web_session *s = object;

		if (s->api && s->expires_ms > a->now_ms())
			ret[n++] = s;
	}
	qsort(ret, n, sizeof(*ret), by_key);
	return n;
}

const struct web_session *
api_token_find(struct auth *a, const char *token_or_id)
{
	const struct web_session *all[API_TOKENS_MAX], *found = NULL;
	char key[RPC_SESSION_KEY_SIZE];
	size_t n = api_tokens(a, all);
	bool whole = rpc_session_key(token_or_id, key);

	if (!whole && strlen(token_or_id) != API_TOKEN_ID_LEN)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		if (!str_starts(all[i]->key, whole ? key : token_or_id))
			continue;
		if (found)
			return NULL;
		found = all[i];
	}
	return found;
}

/* --- whose maker would not make it ------------------------------------------------------- */

/* All tokens, looked at once; last: to be ended. */
struct walk {
	struct auth *auth;
	size_t n;
	const struct web_session *all[API_TOKENS_MAX];
	bool last[API_TOKENS_MAX];
};

/* The maker as he is now, into ret; user_done in any case. As user_load. */
static int
load_maker(const struct walk *w, const char *name, struct user *ret, struct err *e)
{
	if (!web_session_is_api(name))
		return user_load(w->auth, name, ret, e);
	for (size_t i = 0; i < w->n; i++)
		if (strcmp(w->all[i]->user, name) == 0)
			return copy_holder(w->all[i], name, ret, e);
	return copy_holder(NULL, name, ret, e);
}

/* What cannot be read, or is too long to be compared, is no answer. */
static bool
is_orphan(const struct walk *w, const struct web_session *s)
{
	const struct user holder = holder_of(s);
	struct user maker;
	struct err e;
	int rc;

	if (!s->created_by[0])
		return false;
	rc = load_maker(w, s->created_by, &maker, &e);
	if (rc == 0)
		rc = rights_of_maker(w->auth, &maker, "token", "create", &holder, &e);
	user_done(&maker);
	return rc == AUTH_E_NOT_FOUND || rc == AUTH_E_DENIED;
}

/* One that was made by one that goes. */
static bool
follows(const struct walk *w, const struct web_session *s)
{
	for (size_t i = 0; i < w->n; i++)
		if (w->last[i] && strcmp(w->all[i]->user, s->created_by) == 0)
			return true;
	return false;
}

/* A token of a token of a token goes as well. */
static size_t
gather(struct walk *w, const struct web_session *ret[API_TOKENS_MAX])
{
	size_t n = 0;
	bool more;

	do {
		more = false;
		for (size_t i = 0; i < w->n; i++)
			if (!w->last[i] && follows(w, w->all[i]))
				more = w->last[i] = true;
	} while (more);
	for (size_t i = 0; i < w->n; i++)
		if (w->last[i])
			ret[n++] = w->all[i];
	return n;
}

size_t
api_tokens_orphaned(struct auth *a, const struct web_session *ret[API_TOKENS_MAX])
{
	struct walk w = { .auth = a };

	w.n = api_tokens(a, w.all);
	for (size_t i = 0; i < w.n; i++)
		w.last[i] = is_orphan(&w, w.all[i]);
	return gather(&w, ret);
}

size_t
api_tokens_made_by(struct auth *a, const char *user, const struct web_session *ret[API_TOKENS_MAX])
{
	struct walk w = { .auth = a };

	w.n = api_tokens(a, w.all);
	for (size_t i = 0; i < w.n; i++)
		w.last[i] = strcmp(w.all[i]->created_by, user) == 0;
	return gather(&w, ret);
}

int
api_token_each(struct auth *a, int (*fn)(const void *user, void *arg), void *arg)
{
	const struct web_session *all[API_TOKENS_MAX];
	size_t n = api_tokens(a, all);
	struct user u;
	int rc = 0;

	for (size_t i = 0; i < n && rc == 0; i++) {
		u = holder_of(all[i]);
		rc = fn(&u, arg);
	}
	return rc;
}
