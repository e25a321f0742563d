/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_tokens: AddToken, ListTokens, RemoveToken. The nouns are token.c and api_token.c.
 */
#include <string.h>

#include "api/label.h"
#include "auth/api_token.h"
#include "auth/rights.h"
#include "auth/rpc_faces.h"
#include "auth/rpc_tokens.h"
#include "auth/token.h"
#include "base/log.h"
#include "base/str.h"
#include "crypto/secret.h"

/* The id and never the value: who reads the trail must not be able to join. */
static void
note(struct rpc_call *call, enum event_id id, const struct token *t)
{
	struct audit_event ev = { .id = id };
	char names[TOKEN_NAMES_MAX * (HOST_NAME_SIZE + 2)];

	event_put_text(&ev, EVENT_KEY_NAME, t->id);
	event_put_text(&ev, EVENT_KEY_ROLES, t->kind);
	event_put_number(&ev, EVENT_KEY_USES, t->uses_left);
	event_put_number(&ev, EVENT_KEY_EXPIRES_MS, t->expires_ms);
	event_put_text(&ev, EVENT_KEY_JOIN_METHOD, "token");
	names_text(&t->names, names, sizeof(names));
	event_put_text(&ev, EVENT_KEY_NAMES, names);
	(void)events_write(rpc_context(call), rpc_peer(call), &ev);
}

/* Texts and labels are copied: of a list the token is gone after its turn. */
static bool
message_of(struct face_list *l, Auth__Token *m, const struct token *t)
{
	auth__token__init(m);
	m->id = face_text(l, t->id);
	m->kind = face_text(l, t->kind);
	m->expires = t->expires_ms;
	m->created = t->created_ms;
	m->uses_left = t->uses_left;
	m->n_labels = t->labels.n;
	m->labels = api_labels_copy(&l->arena, labels_view(&t->labels));
	m->n_names = t->names.n;
	m->names = face_texts(l, &t->names);
	return m->labels && !l->failed;
}

/* --- API tokens ------------------------------------------------------------------------------ */

static void
note_api(struct auth *a, const struct rpc_peer *peer, enum event_id id, const struct web_session *s)
{
	struct audit_event ev = { .id = id };
	char roles[1024];

	names_text(&s->roles, roles, sizeof(roles));
	event_put_text(&ev, EVENT_KEY_NAME, s->user);
	event_put_text(&ev, EVENT_KEY_ROLES, roles);
	event_put_number(&ev, EVENT_KEY_EXPIRES_MS, s->expires_ms);
	(void)events_write(a, peer, &ev);
}

static bool
api_message(struct face_list *l, Auth__Token *m, const struct web_session *s)
{
	char id[API_TOKEN_ID_LEN + 1];

	(void)str_format(id, sizeof(id), "%.*s", API_TOKEN_ID_LEN, s->key);
	auth__token__init(m);
	m->id = face_text(l, id);
	m->kind = "api";
	m->expires = s->expires_ms;
	m->created = s->created_ms;
	m->n_roles = s->roles.n;
	m->roles = face_texts(l, &s->roles);
	m->created_by = face_text(l, s->created_by);
	return !l->failed;
}

/* From memory in any case. */
static void
end_api(struct auth *a, const struct rpc_peer *peer, const struct web_session *s)
{
	struct err e;

	note_api(a, peer, EVENT_API_TOKEN_DELETE, s);
	if (web_session_end(a, s->key, &e) < 0)
		log_error("cannot remove an API token from the store", "cause", e.text, NULL);
}

void
rpc_tokens_end_orphans(struct auth *a, const struct rpc_peer *peer)
{
	const struct web_session *lost[API_TOKENS_MAX];
	size_t n = api_tokens_orphaned(a, lost);

	for (size_t i = 0; i < n; i++)
		end_api(a, peer, lost[i]);
}

void
rpc_tokens_end_of(struct auth *a, const struct rpc_peer *peer, const char *user)
{
	const struct web_session *his[API_TOKENS_MAX];
	size_t n = api_tokens_made_by(a, user, his);

	for (size_t i = 0; i < n; i++)
		end_api(a, peer, his[i]);
}

/* The same question that is asked of its maker for as long as it lasts. */
static int
may_make(struct auth *a, const struct access_person *p, const struct user *as, struct err *e)
{
	int rc = p->local ? 0 : rights_of_maker(a, &p->user, "token", "create", as, e);

	/* A role that cannot be read, or not be compared, may hold more than anybody. */
	return rc == AUTH_E_STATE ? AUTH_E_DENIED : rc;
}

/* False: no memory. */
static bool
show_new(struct rpc_call *call, const struct web_session *s, const char *token)
{
	struct face_list list;
	Auth__Token reply;
	bool ok;

	face_list_init(&list);
	ok = api_message(&list, &reply, s);
	if (ok) {
		reply.token = token;
		auth_add_token_reply(call, &reply);
	}
	face_list_done(&list);
	return ok;
}

/* What nobody was shown does not stay. */
static int
make_api(struct rpc_call *call, const struct access_person *p, const struct names *roles,
    int64_t ttl_s, struct err *e)
{
	const struct api_token_spec spec = { roles, ttl_s, p->local ? "" : rpc_peer(call)->name };
	struct auth *a = rpc_context(call);
	char token[WEB_SESSION_TOKEN_SIZE];
	const struct web_session *s;
	struct user as;
	int rc = api_token_check(a, &spec, &as, e);

	if (rc == 0)
		rc = may_make(a, p, &as, e);
	if (rc == 0)
		rc = api_token_add(a, &spec, token, &s, e);
	if (rc != 0)
		return rc;
	note_api(a, rpc_peer(call), EVENT_API_TOKEN_CREATE, s);
	if (!show_new(call, s, token)) {
		end_api(a, rpc_peer(call), s);
		rc = err_memory(e);
	}
	secret_zero(token, sizeof(token));
	return rc;
}

static int
add_api(struct rpc_call *call, const struct access_person *p, const Auth__AddTokenRequest *m,
    struct err *e)
{
	struct names roles = { 0 };
	int rc = AUTH_E_INVALID;

	if (m->uses > 0 || m->n_labels > 0 || m->value[0] || m->n_names > 0)
		err_set(e, "an API token has roles and a life, and nothing else");
	else if (names_copy(&roles, (char **)(void *)m->roles, m->n_roles) < 0)
		err_set(e, "at most %d roles", NAMES_MAX);
	else
		rc = make_api(call, p, &roles, m->ttl_s, e);
	names_done(&roles);
	return rc;
}

/* Whoever removes it could have made it. AUTH_E_NOT_FOUND: it is none. */
static int
remove_api(struct rpc_call *call, const struct access_person *p, const char *token_or_id,
    struct err *e)
{
	struct auth *a = rpc_context(call);
	const struct web_session *s = api_token_find(a, token_or_id);
	const struct user as = { .roles = s ? s->roles : (struct names){ 0 } };
	int rc;

	if (!s)
		return AUTH_E_NOT_FOUND;
	rc = rights_over_user(a, p, &as, e);
	if (rc != 0)
		return rc;
	note_api(a, rpc_peer(call), EVENT_API_TOKEN_DELETE, s);
	rc = web_session_end(a, s->key, e);
	rpc_tokens_end_orphans(a, rpc_peer(call));
	return rc;
}

/* --- join tokens ----------------------------------------------------------------------------- */

static void
on_add(struct rpc_call *call, const Auth__AddTokenRequest *m)
{
	struct labels labels = { 0 };
	struct names names = { 0 };
	struct token_spec spec = { .labels = &labels, .names = &names, .by = rpc_peer(call)->name };
	char value[TOKEN_TEXT_SIZE];
	struct token t = { 0 };
	struct access_person p;
	struct face_list list;
	Auth__Token reply;
	struct err e;
	int rc;

	/* Whoever may make tokens can bring machines into the cluster. */
	if (!access_changer(call, "token", "create", &p)) {
		access_person_done(&p);
		return;
	}
	if (strcmp(m->kind, "api") == 0) {
		rc = add_api(call, &p, m, &e);
		access_person_done(&p);
		if (rc != 0)
			access_fail(call, rc, &e);
		return;
	}
	rc = rights_over_kind(&p, m->kind, "token", &e);
	access_person_done(&p);
	if (rc == 0 && m->n_roles > 0) {
		err_set(&e, "roles are of API tokens (--type=api)");
		rc = AUTH_E_INVALID;
	}
	if (rc == 0)
		rc = face_labels(&labels, m->labels, m->n_labels, &e);
	spec.kind = m->kind;
	spec.ttl_s = m->ttl_s;
	spec.uses = m->uses;
	spec.value = m->value;
	if (rc == 0 && names_copy(&names, (char **)(void *)m->names, m->n_names) < 0) {
		err_set(&e, "too many patterns of names");
		rc = AUTH_E_INVALID;
	}
	if (rc == 0)
		rc = token_add(rpc_context(call), &spec, &t, value, &e);
	face_list_init(&list);
	/* The token is made by now. Whoever asked does not learn its value then, and it expires
	 * unused. */
	if (rc == 0 && !message_of(&list, &reply, &t))
		rc = err_memory(&e);
	if (rc == 0) {
		note(call, EVENT_JOIN_TOKEN_CREATE, &t);
		/* The only time that it is shown: the store has its hash. */
		reply.token = value;
		auth_add_token_reply(call, &reply);
	} else {
		access_fail(call, rc, &e);
	}
	face_list_done(&list);
	/* Sent by now; the store has the hash alone. */
	secret_zero(value, sizeof(value));
	token_done(&t);
	labels_done(&labels);
	names_done(&names);
}

struct listing {
	struct auth *auth;
	struct face_list list;
	const char *last; /* key of the last one that is in: a hash of the value */
};

static int
on_token(const void *object, void *arg)
{
	const struct token *t = object;
	struct listing *l = arg;
	Auth__Token *m;
	int rc;

	/* Used up or expired ones are of no interest to people. */
	if (!token_is_usable(l->auth, t))
		return 0;
	m = arena_alloc(&l->list.arena, sizeof(*m));
	if (!m || !message_of(&l->list, m, t))
		return -1;
	rc = face_page_add(&l->list, &m->base);
	if (rc == 0)
		l->last = face_text(&l->list, resource_key(RESOURCE_TOKEN, t));
	return l->list.failed ? -1 : rc;
}

/* API tokens come behind the join tokens; the name of a place among them begins with what no key of those does. */
#define API_PLACE "~"

static int
list_api(struct listing *l, const char *after)
{
	const struct web_session *all[API_TOKENS_MAX];
	size_t n = api_tokens(l->auth, all);
	char place[WEB_SESSION_KEY_SIZE + 1];
	int rc = 0;

	for (size_t i = 0; i < n && rc == 0; i++) {
		Auth__Token *m;

		(void)str_format(place, sizeof(place), API_PLACE "%s", all[i]->key);
		if (strcmp(place, after) <= 0)
			continue;
		m = arena_alloc(&l->list.arena, sizeof(*m));
		if (!m || !api_message(&l->list, m, all[i]))
			return -1;
		rc = face_page_add(&l->list, &m->base);
		if (rc == 0)
			l->last = face_text(&l->list, place);
	}
	return l->list.failed ? -1 : rc;
}

static void
on_list(struct rpc_call *call, const Auth__ListTokensRequest *m)
{
	Auth__TokenList reply = AUTH__TOKEN_LIST__INIT;
	struct listing l = { .auth = rpc_context(call) };
	int rc;

	if (!access_allows(call, "token", "list"))
		return;
	face_list_init(&l.list);
	l.list.limit = m->limit;
	rc = str_starts(m->after, API_PLACE)
	    ? 0
	    : resource_each_after(l.auth, RESOURCE_TOKEN, m->after, on_token, &l);
	if (rc == 0)
		rc = list_api(&l, m->after);
	if (rc < 0) {
		rpc_finish(call, RPC_INTERNAL,
		    "the tokens could not be read; the log of authd has the cause");
	} else {
		reply.n_tokens = l.list.n;
		reply.tokens = (Auth__Token **)(void *)l.list.v;
		reply.next = rc == FACE_FULL ? l.last : "";
		auth_list_tokens_reply(call, &reply);
	}
	face_list_done(&l.list);
}

static int
remove_any(struct rpc_call *call, const struct access_person *p, const char *name, struct err *e)
{
	struct token t = { 0 };
	int rc = remove_api(call, p, name, e);

	if (rc == AUTH_E_NOT_FOUND) {
		rc = token_remove(rpc_context(call), name, &t, e);
		if (rc == 0)
			note(call, EVENT_JOIN_TOKEN_DELETE, &t);
		token_done(&t);
	}
	return rc;
}

static void
on_remove(struct rpc_call *call, const Auth__Name *m)
{
	struct access_person p;
	struct err e;
	int rc;

	if (access_changer(call, "token", "delete", &p)) {
		rc = remove_any(call, &p, m->name, &e);
		if (rc == 0)
			face_done(call);
		else
			access_fail(call, rc, &e);
	}
	access_person_done(&p);
}

static const struct rpc_row rows[] = {
	AUTH_METHOD(AddToken, WHO_PEOPLE, on_add),
	AUTH_METHOD(ListTokens, WHO_PEOPLE, on_list),
	AUTH_METHOD(RemoveToken, WHO_PEOPLE, on_remove),
};
const struct face face_tokens = { rows, sizeof(rows) / sizeof(rows[0]) };
