/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api_token: see api_token.h.
 */
#include "auth/api_token.h"

#include <stdlib.h>
#include <string.h>

#include "auth/auth.h"
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

int
api_token_person(struct auth *a, const char *name, struct user *ret, struct err *e)
{
	const struct web_session *s;

	if (!str_starts(name, WEB_SESSION_API_PREFIX))
		return user_load(a, name, ret, e);
	*ret = (struct user){ 0 };
	s = holder_session(a, name);
	if (!s) {
		err_set(e, "no such API token: %s", name);
		return AUTH_E_NOT_FOUND;
	}
	*ret = holder_of(s);
	ret->roles = (struct names){ 0 };
	return names_copy(&ret->roles, s->roles.v, s->roles.n) < 0 ? err_memory(e) : 0;
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
	const struct web_session *all[API_TOKENS_MAX];
	char key[RPC_SESSION_KEY_SIZE];
	size_t n = api_tokens(a, all);
	bool whole = rpc_session_key(token_or_id, key);

	if (!whole && strlen(token_or_id) != API_TOKEN_ID_LEN)
		return NULL;
	for (size_t i = 0; i < n; i++)
		if (whole ? strcmp(all[i]->key, key) == 0 : str_starts(all[i]->key, token_or_id))
			return all[i];
	return NULL;
}

/* What cannot be read is not gone. */
static bool
maker_is_gone(struct auth *a, const char *maker)
{
	struct user u;
	struct err e;
	int rc;

	if (!maker[0])
		return false;
	rc = api_token_person(a, maker, &u, &e);
	user_done(&u);
	return rc == AUTH_E_NOT_FOUND;
}

const struct web_session *
api_token_orphan(struct auth *a)
{
	const struct web_session *all[API_TOKENS_MAX];
	size_t n = api_tokens(a, all);

	for (size_t i = 0; i < n; i++)
		if (maker_is_gone(a, all[i]->created_by))
			return all[i];
	return NULL;
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
