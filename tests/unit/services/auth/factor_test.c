/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Second factors: several of a person, what is begun and finished with a ticket, and security keys that sign for the wrong
 * request, site or person, or of which there is a copy.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "auth/invite.h"
#include "auth/origin.h"
#include "auth/own_factor.h"
#include "auth/signin.h"
#include "auth/ticket.h"
#include "auth_world.h"
#include "authenticator.h"
#include "base/clock.h"
#include "base/str.h"
#include "crypto/rand.h"

#define ORIGIN "https://proxy.example.org:3080"
#define RP_ID  "proxy.example.org"

static int64_t later_ms;

static int64_t
shifted_ms(void)
{
	return clock_wall_ms() + later_ms;
}

static int
setup(void **state)
{
	int rc = auth_world_setup(state);
	struct auth_world *w = *state;

	later_ms = 0;
	w->a.now_ms = shifted_ms;
	return rc;
}

static struct ticket
begin(struct auth_world *w, enum ticket_use use, const char *user)
{
	struct ticket *t = ticket_new(&w->a, use, user, "bound");
	struct err e;

	assert_non_null(t);
	assert_int_equal(ticket_site(&w->a, ORIGIN, &t->site, &e), 0);
	return *t;
}

/* --- tickets --------------------------------------------------------------------------------- */

static void
a_ticket_is_good_once_for_one_use_and_person_and_not_for_long(void **state)
{
	struct auth_world *w = *state;
	struct ticket t, got;

	auth_world_add_host(w, "p1", "proxy.example.org:3080", "proxy");
	t = begin(w, TICKET_LOGIN, "alice");
	assert_true(ticket_take(&w->a, t.id, TICKET_LOGIN, "alice", &got));
	assert_memory_equal(got.challenge, t.challenge, sizeof(t.challenge));
	assert_string_equal(got.bound, "bound");
	assert_false(ticket_take(&w->a, t.id, TICKET_LOGIN, "alice", &got));

	/* Who shows it for something else has used it up. */
	t = begin(w, TICKET_LOGIN, "alice");
	assert_false(ticket_take(&w->a, t.id, TICKET_NEW_FACTOR, "alice", &got));
	assert_false(ticket_take(&w->a, t.id, TICKET_LOGIN, "alice", &got));
	t = begin(w, TICKET_LOGIN, "alice");
	assert_false(ticket_take(&w->a, t.id, TICKET_LOGIN, "bob", &got));
	assert_false(ticket_take(&w->a, t.id, TICKET_LOGIN, "alice", &got));

	t = begin(w, TICKET_LOGIN, "alice");
	later_ms = TICKET_LIFE_MS;
	assert_false(ticket_take(&w->a, t.id, TICKET_LOGIN, "alice", &got));
	t = begin(w, TICKET_LOGIN, "alice");
	later_ms += TICKET_LIFE_MS;
	tickets_sweep(&w->a);
	assert_int_equal(w->a.tickets.n, 0);
	assert_false(ticket_take(&w->a, "", TICKET_LOGIN, "alice", &got));
}

static void
who_begins_without_end_takes_no_place_from_others(void **state)
{
	struct auth_world *w = *state;
	struct ticket bob, last, got;

	auth_world_add_host(w, "p1", "proxy.example.org:3080", "proxy");
	bob = begin(w, TICKET_LOGIN, "bob");
	for (int i = 0; i < 3 * TICKETS_ONE; i++)
		last = begin(w, TICKET_LOGIN, "alice");
	assert_int_equal(w->a.tickets.n, TICKETS_ONE + 1);
	assert_true(ticket_take(&w->a, last.id, TICKET_LOGIN, "alice", &got));
	assert_true(ticket_take(&w->a, bob.id, TICKET_LOGIN, "bob", &got));
	for (int i = 0; i < TICKETS_MAX + 10; i++) {
		char name[16];

		str_format(name, sizeof(name), "u%d", i);
		assert_non_null(ticket_new(&w->a, TICKET_LOGIN, name, ""));
	}
	assert_int_equal(w->a.tickets.n, TICKETS_MAX);
}

static void
a_site_is_a_proxy_of_the_cluster(void **state)
{
	struct auth_world *w = *state;
	struct webauthn_site site;
	struct err e;

	auth_world_add_host(w, "p1", "proxy.example.org:3080", "proxy");
	auth_world_add_host(w, "p2", "other.example.net:443", "proxy");
	auth_world_add_host(w, "p3", "192.0.2.1:3080", "proxy");
	auth_world_add_host(w, "n1", "node.example.org:3080", "node");
	assert_int_equal(ticket_site(&w->a, ORIGIN, &site, &e), 0);
	assert_string_equal(site.rp_id, RP_ID);
	assert_int_equal(ticket_site(&w->a, "https://other.example.net", &site, &e), 0);
	for (const char *const *o =
		 (const char *const[]){ "", "https://evil.example", "https://192.0.2.1:3080",
		     "https://node.example.org:3080", "https://proxy.example.org",
		     "http://proxy.example.org:3080", "https://proxy.example.org:3080/", NULL };
	     *o; o++) {
		assert_int_equal(ticket_site(&w->a, *o, &site, &e), AUTH_E_INVALID);
		assert_non_null(strstr(e.text, "security keys do not work at"));
	}
}

/* --- apps --------------------------------------------------------------------------------------- */

static void
seal_app(struct auth_world *w, uint8_t seed[SEED_SEALED_BYTES], char code[16])
{
	uint8_t totp[TOTP_SECRET_BYTES];
	struct err e;

	rand_bytes(totp, sizeof(totp));
	assert_int_equal(seed_close(&w->a, "alice", totp, seed, &e), 0);
	assert_int_equal(totp_code(totp, w->a.now_ms() / 1000, code), 0);
}

static void
the_code_of_any_app_counts_once(void **state)
{
	struct auth_world *w = *state;
	struct factor_list l = { 0 };
	uint8_t seed[2][SEED_SEALED_BYTES];
	char code[2][16];
	struct factor *f;
	struct err e;

	for (int i = 0; i < 2; i++) {
		seal_app(w, seed[i], code[i]);
		assert_int_equal(factor_add_app(&w->a, "alice", &l, seed[i], code[i],
				     i ? "tablet" : "phone", &e),
		    0);
		/* That it was set up with. */
		assert_int_equal(factor_take_code(&w->a, "alice", &l, code[i], &f, &e), 0);
		assert_null(f);
		l.v[i].last_step = 0;
	}
	for (int i = 1; i >= 0; i--) {
		assert_int_equal(factor_take_code(&w->a, "alice", &l, code[i], &f, &e), 0);
		assert_ptr_equal(f, &l.v[i]);
		assert_true(f->used_ms > 0);
		assert_int_equal(factor_take_code(&w->a, "alice", &l, code[i], &f, &e), 0);
		assert_null(f);
	}
	/* The seed is alice's, and one that does not open is no verdict, unless another one fits. */
	l.v[1].last_step = 0;
	l.v[0].seed[40] ^= 1;
	assert_int_equal(factor_take_code(&w->a, "alice", &l, code[1], &f, &e), 0);
	assert_ptr_equal(f, &l.v[1]);
	assert_true(factor_take_code(&w->a, "alice", &l, "000000", &f, &e) < 0);
	assert_true(factor_take_code(&w->a, "bob", &l, code[1], &f, &e) < 0);
	factor_list_done(&l);
}

static void
names_are_told_apart_and_there_is_an_end_to_them(void **state)
{
	struct auth_world *w = *state;
	struct factor_list l = { 0 };
	uint8_t seed[SEED_SEALED_BYTES];
	char code[16], name[FACTOR_NAME_SIZE + 1];
	struct err e;

	seal_app(w, seed, code);
	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(factor_add_app(&w->a, "alice", &l, seed, code, name, &e), AUTH_E_INVALID);
	assert_int_equal(factor_add_app(&w->a, "alice", &l, seed, code, "", &e), AUTH_E_INVALID);
	assert_int_equal(factor_add_app(&w->a, "alice", &l, seed, code, "a\033b", &e),
	    AUTH_E_INVALID);
	assert_int_equal(factor_add_app(&w->a, "alice", &l, seed, "000000", "phone", &e),
	    AUTH_E_DENIED);
	for (int i = 0; i < FACTORS_MAX; i++) {
		str_format(name, sizeof(name), "phone %d", i);
		assert_int_equal(factor_add_app(&w->a, "alice", &l, seed, code, name, &e), 0);
		assert_int_equal(factor_add_app(&w->a, "alice", &l, seed, code, name, &e),
		    AUTH_E_EXISTS);
	}
	assert_int_equal(factor_add_app(&w->a, "alice", &l, seed, code, "one more", &e),
	    AUTH_E_STATE);
	assert_ptr_equal(factor_list_find(&l, l.v[3].id), &l.v[3]);
	factor_list_drop(&l, &l.v[3]);
	assert_int_equal(l.n, FACTORS_MAX - 1);
	assert_string_equal(l.v[3].name, "phone 4");
	assert_null(factor_list_find(&l, "0"));
	factor_list_done(&l);
}

/* --- keys ------------------------------------------------------------------------------------- */

static struct ceremony
ceremony_of(const struct ticket *t, uint32_t counter)
{
	return (struct ceremony){ .origin = t->site.origin,
		.rp_id = t->site.rp_id,
		.challenge = t->challenge,
		.counter = counter };
}

static struct factor_answer
answer_of(const struct ticket *t, struct authenticator *key, struct webauthn_answer answer)
{
	return (struct factor_answer){ &t->site, t->challenge, authenticator_id(key), answer };
}

static void
add_key(struct auth_world *w, struct factor_list *l, struct authenticator *key, const char *name)
{
	struct ticket t = begin(w, TICKET_NEW_FACTOR, "alice");
	struct ceremony c = ceremony_of(&t, 1);
	struct factor_answer q = answer_of(&t, key, authenticator_create(key, &c));
	struct err e;

	if (factor_add_key(&w->a, l, &q, name, &e) != 0)
		fail_msg("%s", e.text);
}

static int
sign(struct auth_world *w, struct factor_list *l, struct authenticator *key, uint32_t counter,
    struct factor **ret)
{
	struct ticket t = begin(w, TICKET_LOGIN, "alice");
	struct ceremony c = ceremony_of(&t, counter);
	struct factor_answer q = answer_of(&t, key, authenticator_get(key, &c));
	struct err e;

	return factor_take_signature(&w->a, l, &q, ret, &e);
}

static void
a_key_signs_and_its_counter_is_kept(void **state)
{
	struct auth_world *w = *state;
	struct authenticator *blue = authenticator_new(-7), *red = authenticator_new(-8);
	struct factor_list l = { 0 };
	struct factor *f;

	auth_world_add_host(w, "p1", "proxy.example.org:3080", "proxy");
	add_key(w, &l, blue, "blue");
	add_key(w, &l, red, "red");
	assert_int_equal(sign(w, &l, red, 2, &f), 0);
	assert_string_equal(f->name, "red");
	assert_int_equal(f->key.counter, 2);
	assert_true(f->used_ms > 0);
	assert_int_equal(sign(w, &l, blue, 7, &f), 0);
	assert_string_equal(f->name, "blue");
	/* A copy of the red one has counted on its own. */
	assert_int_equal(sign(w, &l, red, 2, &f), AUTH_E_DENIED);
	assert_string_equal(f->name, "red");
	assert_int_equal(f->key.counter, 2);
	assert_int_equal(sign(w, &l, red, 3, &f), 0);
	authenticator_free(blue);
	authenticator_free(red);
	factor_list_done(&l);
}

static void
a_key_signs_for_its_owner_its_site_and_this_challenge(void **state)
{
	struct auth_world *w = *state;
	struct authenticator *alices = authenticator_new(-7), *bobs = authenticator_new(-7);
	struct factor_list l = { 0 }, his = { 0 };
	struct ticket t, other;
	struct ceremony c;
	struct factor_answer q;
	struct factor *f;
	struct err e;

	auth_world_add_host(w, "p1", "proxy.example.org:3080", "proxy");
	auth_world_add_host(w, "p2", "other.example.net", "proxy");
	add_key(w, &l, alices, "key");
	add_key(w, &his, bobs, "key");
	assert_int_equal(sign(w, &l, bobs, 2, &f), AUTH_E_UNAUTHENTICATED);
	assert_null(f);

	/* Bob's signature under the name of alice's key. */
	t = begin(w, TICKET_LOGIN, "alice");
	c = ceremony_of(&t, 2);
	q = answer_of(&t, alices, authenticator_get(bobs, &c));
	assert_int_equal(factor_take_signature(&w->a, &l, &q, &f, &e), AUTH_E_UNAUTHENTICATED);

	/* One that was given for another ticket, and one of before. */
	other = begin(w, TICKET_LOGIN, "alice");
	q = answer_of(&other, alices, authenticator_get(alices, &c));
	assert_int_equal(factor_take_signature(&w->a, &l, &q, &f, &e), AUTH_E_UNAUTHENTICATED);

	/* A key of one proxy is none at another, whatever it signs. */
	assert_int_equal(ticket_site(&w->a, "https://other.example.net", &t.site, &e), 0);
	c = ceremony_of(&t, 2);
	q = answer_of(&t, alices, authenticator_get(alices, &c));
	assert_int_equal(factor_take_signature(&w->a, &l, &q, &f, &e), AUTH_E_UNAUTHENTICATED);
	authenticator_free(alices);
	authenticator_free(bobs);
	factor_list_done(&l);
	factor_list_done(&his);
}

static void
a_key_is_added_once(void **state)
{
	struct auth_world *w = *state;
	struct authenticator *key = authenticator_new(-8);
	struct factor_list l = { 0 };
	struct ticket t;
	struct ceremony c;
	struct factor_answer q;
	struct err e;

	auth_world_add_host(w, "p1", "proxy.example.org:3080", "proxy");
	add_key(w, &l, key, "one");
	t = begin(w, TICKET_NEW_FACTOR, "alice");
	c = ceremony_of(&t, 1);
	q = answer_of(&t, key, authenticator_create(key, &c));
	assert_int_equal(factor_add_key(&w->a, &l, &q, "two", &e), AUTH_E_EXISTS);
	c.origin = "https://evil.example";
	q = answer_of(&t, key, authenticator_create(key, &c));
	assert_int_equal(factor_add_key(&w->a, &l, &q, "two", &e), AUTH_E_INVALID);
	assert_int_equal(l.n, 1);
	authenticator_free(key);
	factor_list_done(&l);
}

/* --- the invite's page --------------------------------------------------------------------------- */

struct completed {
	int rc;
	bool done;
	char error[256];
	char kind[16];
};

static void
on_completed(int rc, const struct invite_result *r, struct err *e, void *arg)
{
	struct completed *c = arg;

	c->done = true;
	c->rc = rc;
	str_copy(c->error, sizeof(c->error), rc == 0 ? "" : e->text);
	str_copy(c->kind, sizeof(c->kind), rc == 0 ? factor_kind_name(r->factor->kind) : "");
}

static void
invite_alice(struct auth_world *w, char token[INVITE_TOKEN_SIZE], bool reset)
{
	struct user u = { .name = "alice" };
	int64_t expires;
	struct err e;

	assert_int_equal(names_add(&u.roles, "access"), 0);
	if (!reset)
		assert_int_equal(user_add(&w->a, &u, &e), 0);
	names_done(&u.roles);
	assert_int_equal(invite_new(&w->a, &(const struct invite_spec){ "alice", reset, 0, "" },
			     token, &expires, &e),
	    0);
}

static int
complete(struct auth_world *w, const char *token, const struct ticket *t,
    struct webauthn_answer answer, struct completed *ret)
{
	const struct invite_answer q = { .token = token,
		.password = "correct horse battery",
		.name = "",
		.ticket = t->id,
		.key = answer };
	struct err e;
	int rc;

	*ret = (struct completed){ 0 };
	rc = invite_complete(&w->a, &q, on_completed, ret, &e);
	if (rc == 0) {
		auth_world_run(w, &ret->done);
		return ret->rc;
	}
	str_copy(ret->error, sizeof(ret->error), e.text);
	return rc;
}

static void
a_link_is_completed_with_a_security_key(void **state)
{
	struct auth_world *w = *state;
	struct authenticator *key = authenticator_new(-7), *next = authenticator_new(-8);
	const struct ticket *begun;
	char token[INVITE_TOKEN_SIZE], old[INVITE_TOKEN_SIZE];
	struct completed done;
	struct ticket t;
	struct ceremony c;
	struct user u;
	struct err e;

	auth_world_add_host(w, "p1", "proxy.example.org:3080", "proxy");
	invite_alice(w, token, false);
	assert_int_equal(invite_begin_key(&w->a, token, "https://evil.example", &begun, &e),
	    AUTH_E_INVALID);
	assert_int_equal(invite_begin_key(&w->a, "0123", ORIGIN, &begun, &e), AUTH_E_NOT_FOUND);
	assert_int_equal(invite_begin_key(&w->a, token, ORIGIN, &begun, &e), 0);
	t = *begun;
	c = ceremony_of(&t, 1);
	/* Of another site: the ticket is used up, the link is not. */
	c.origin = "https://evil.example";
	assert_int_equal(complete(w, token, &t, authenticator_create(key, &c), &done),
	    AUTH_E_INVALID);
	c.origin = ORIGIN;
	assert_int_equal(complete(w, token, &t, authenticator_create(key, &c), &done),
	    AUTH_E_STATE);
	assert_int_equal(invite_begin_key(&w->a, token, ORIGIN, &begun, &e), 0);
	t = *begun;
	c = ceremony_of(&t, 1);
	if (complete(w, token, &t, authenticator_create(key, &c), &done) != 0)
		fail_msg("%s", done.error);
	assert_string_equal(done.kind, "webauthn");
	assert_int_equal(user_load(&w->a, "alice", &u, &e), 0);
	assert_true(u.confirmed);
	assert_int_equal(u.factors.n, 1);
	assert_string_equal(u.factors.v[0].rp_id, RP_ID);
	user_done(&u);
	assert_int_equal(invite_begin_key(&w->a, token, ORIGIN, &begun, &e), AUTH_E_NOT_FOUND);

	/* A reset: what was begun with the link before counts for nothing, and the old key goes. */
	invite_alice(w, old, true);
	assert_int_equal(invite_begin_key(&w->a, old, ORIGIN, &begun, &e), 0);
	t = *begun;
	c = ceremony_of(&t, 1);
	invite_alice(w, token, true);
	assert_int_equal(complete(w, token, &t, authenticator_create(next, &c), &done),
	    AUTH_E_STATE);
	assert_int_equal(invite_begin_key(&w->a, token, ORIGIN, &begun, &e), 0);
	t = *begun;
	c = ceremony_of(&t, 1);
	assert_int_equal(complete(w, token, &t, authenticator_create(next, &c), &done), 0);
	assert_int_equal(user_load(&w->a, "alice", &u, &e), 0);
	assert_int_equal(u.factors.n, 1);
	assert_true(span_eq((struct span){ u.factors.v[0].key.id, u.factors.v[0].key.n_id },
	    authenticator_id(next)));
	user_done(&u);
	authenticator_free(key);
	authenticator_free(next);
}

/* --- signing in with a key ----------------------------------------------------------------------- */

static const struct origin home = { { "10.1.2.3", 5555 }, false };
static const char password[] = "correct horse battery";

struct signed_in {
	int rc;
	bool done;
	struct signin_outcome how;
	char error[256], hash[PASSWORD_HASH_SIZE];
};

static void
on_signed_in(int rc, const struct user *u, const struct signin_outcome *how, const struct err *e,
    void *arg)
{
	struct signed_in *s = arg;

	*s = (struct signed_in){ .rc = rc, .done = true, .how = *how };
	str_copy(s->error, sizeof(s->error), rc == 0 ? "" : e->text);
	str_copy(s->hash, sizeof(s->hash), rc == 0 ? u->password : "");
}

static struct signed_in
sign_in(struct auth_world *w, const struct signin_request *q)
{
	struct signed_in s = { 0 };
	struct err e;

	s.rc = signin_start(&w->a, q, on_signed_in, &s, &e);
	if (s.rc == 0)
		auth_world_run(w, &s.done);
	else
		str_copy(s.error, sizeof(s.error), e.text);
	return s;
}

static struct signed_in
show_password(struct auth_world *w, const char *word)
{
	const struct signin_request q = { .user = "alice",
		.password = word,
		.otp = "",
		.origin = &home,
		.proof = SIGNIN_PASSWORD };

	return sign_in(w, &q);
}

static struct signed_in
show_signature(struct auth_world *w, const char *user, const struct ticket *t,
    struct authenticator *key, struct webauthn_answer answer)
{
	const struct signin_key k = { t->id, authenticator_id(key), answer };
	const struct signin_request q = { .user = user,
		.password = "",
		.otp = "",
		.origin = &home,
		.proof = SIGNIN_KEY,
		.key = &k };

	return sign_in(w, &q);
}

/* As rpc_factors.c does it, when the password was right. */
static struct ticket
begin_login(struct auth_world *w)
{
	struct signed_in s = show_password(w, password);
	struct ticket *t;
	struct err e;

	assert_int_equal(s.rc, 0);
	t = ticket_new(&w->a, TICKET_LOGIN, "alice", s.hash);
	assert_int_equal(ticket_site(&w->a, ORIGIN, &t->site, &e), 0);
	return *t;
}

static void
make_user(struct auth_world *w, const char *name, struct authenticator *key)
{
	struct user u = { .created_ms = 1, .confirmed = true, .revision = STORE_ABSENT };
	struct err e;

	str_copy(u.name, sizeof(u.name), name);
	assert_int_equal(names_add(&u.roles, "access"), 0);
	assert_int_equal(password_hash(password, 1, u.password), 0);
	add_key(w, &u.factors, key, "blue");
	assert_int_equal(user_save(&w->a, &u, &e), 0);
	user_done(&u);
}

static struct webauthn_answer
get(struct authenticator *key, const struct ticket *t, uint32_t counter)
{
	struct ceremony c = ceremony_of(t, counter);

	return authenticator_get(key, &c);
}

static void
a_key_signs_in_after_the_password_and_once(void **state)
{
	struct auth_world *w = *state;
	struct authenticator *key = authenticator_new(-7);
	struct webauthn_answer answer;
	struct signed_in s;
	struct ticket t;
	struct user u;
	struct err e;

	auth_world_add_host(w, "p1", "proxy.example.org:3080", "proxy");
	make_user(w, "alice", key);
	assert_int_equal(show_password(w, "wrong horse battery").rc, AUTH_E_UNAUTHENTICATED);
	t = begin_login(w);
	answer = get(key, &t, 2);
	s = show_signature(w, "alice", &t, key, answer);
	if (s.rc != 0)
		fail_msg("%s", s.error);
	assert_true(s.how.has_factor);
	assert_string_equal(s.how.factor.name, "blue");
	assert_int_equal(user_load(&w->a, "alice", &u, &e), 0);
	assert_int_equal(u.factors.v[0].key.counter, 2);
	assert_true(u.factors.v[0].used_ms > 0);
	assert_true(user_knows(&u, "10.1.2.3", w->a.now_ms()));
	user_done(&u);
	/* Again; and to another ticket. */
	s = show_signature(w, "alice", &t, key, answer);
	assert_int_equal(s.rc, AUTH_E_UNAUTHENTICATED);
	t = begin_login(w);
	s = show_signature(w, "alice", &t, key, answer);
	assert_int_equal(s.rc, AUTH_E_UNAUTHENTICATED);
	assert_false(s.how.has_factor);
	/* Too late. */
	t = begin_login(w);
	answer = get(key, &t, 3);
	later_ms += TICKET_LIFE_MS;
	assert_int_equal(show_signature(w, "alice", &t, key, answer).rc, AUTH_E_UNAUTHENTICATED);
	authenticator_free(key);
}

static void
a_key_signs_in_nobody_else(void **state)
{
	static uint8_t much[WEBAUTHN_CLIENT_MAX * 4];
	struct auth_world *w = *state;
	struct authenticator *alices = authenticator_new(-7), *bobs = authenticator_new(-7);
	struct webauthn_answer answer;
	struct ticket t;
	struct user u;
	struct err e;

	auth_world_add_host(w, "p1", "proxy.example.org:3080", "proxy");
	make_user(w, "alice", alices);
	make_user(w, "bob", bobs);
	t = begin_login(w);
	assert_int_equal(show_signature(w, "bob", &t, bobs, get(bobs, &t, 2)).rc,
	    AUTH_E_UNAUTHENTICATED);
	t = begin_login(w);
	assert_int_equal(show_signature(w, "alice", &t, bobs, get(bobs, &t, 2)).rc,
	    AUTH_E_UNAUTHENTICATED);
	t = begin_login(w);
	assert_int_equal(show_signature(w, "nobody", &t, alices, get(alices, &t, 2)).rc,
	    AUTH_E_UNAUTHENTICATED);
	/* More than browsers send. */
	answer = get(alices, &t, 2);
	answer.client_data = (struct span){ much, sizeof(much) };
	assert_int_equal(show_signature(w, "alice", &t, alices, answer).rc, AUTH_E_INVALID);
	/* Of the password that it was begun with, and no other. */
	t = begin_login(w);
	assert_int_equal(user_load(&w->a, "alice", &u, &e), 0);
	assert_int_equal(password_hash("another password", 1, u.password), 0);
	assert_int_equal(user_save(&w->a, &u, &e), 0);
	user_done(&u);
	assert_int_equal(show_signature(w, "alice", &t, alices, get(alices, &t, 2)).rc,
	    AUTH_E_UNAUTHENTICATED);
	authenticator_free(alices);
	authenticator_free(bobs);
}

static void
a_copy_of_a_key_is_refused_and_told(void **state)
{
	struct auth_world *w = *state;
	struct authenticator *key = authenticator_new(-8);
	struct signed_in s;
	struct ticket t;

	auth_world_add_host(w, "p1", "proxy.example.org:3080", "proxy");
	make_user(w, "alice", key);
	t = begin_login(w);
	assert_int_equal(show_signature(w, "alice", &t, key, get(key, &t, 9)).rc, 0);
	t = begin_login(w);
	s = show_signature(w, "alice", &t, key, get(key, &t, 9));
	assert_int_equal(s.rc, AUTH_E_DENIED);
	assert_true(s.how.is_cloned && s.how.has_factor);
	assert_string_equal(s.how.factor.name, "blue");
	assert_non_null(strstr(s.error, "there is a copy of it"));
	authenticator_free(key);
}

/* Whichever step they fail at, guesses are counted together, and the first step forgives none. */
static void
both_steps_of_a_login_are_tries(void **state)
{
	struct auth_world *w = *state;
	struct authenticator *key = authenticator_new(-8);
	struct signed_in s;
	struct ticket t;

	auth_world_add_host(w, "p1", "proxy.example.org:3080", "proxy");
	make_user(w, "alice", key);
	for (int i = 0; i < LOCKOUT_FREE - 1; i++) {
		t = begin_login(w);
		s = show_signature(w, "alice", &t, key, get(key, &t, 0));
		assert_int_not_equal(s.rc, 0);
		assert_int_equal(s.how.closed, LOCKOUT_OPEN);
	}
	s = show_password(w, "wrong horse battery");
	assert_int_equal(s.rc, AUTH_E_UNAUTHENTICATED);
	assert_int_equal(s.how.closed, LOCKOUT_SOURCE);
	assert_int_equal(show_password(w, password).rc, AUTH_E_STATE);
	assert_int_equal(show_signature(w, "alice", &t, key, get(key, &t, 2)).rc, AUTH_E_STATE);
	authenticator_free(key);
}

/* --- one's own ------------------------------------------------------------------------------------ */

static void
one_adds_names_and_removes_but_not_the_last(void **state)
{
	struct auth_world *w = *state;
	struct authenticator *blue = authenticator_new(-7), *red = authenticator_new(-8);
	struct own_factor_offer offer = { 0 };
	struct own_factor_answer q = { .name = "phone" };
	struct factor f, first;
	char code[16];
	struct ceremony c;
	struct ticket t;
	struct user u;
	struct err e;

	auth_world_add_host(w, "p1", "proxy.example.org:3080", "proxy");
	make_user(w, "alice", blue);
	assert_int_equal(user_load(&w->a, "alice", &u, &e), 0);
	first = u.factors.v[0];
	assert_int_equal(own_factor_remove(&w->a, "alice", first.id, &f, &e), AUTH_E_STATE);

	/* An app, once. */
	assert_int_equal(own_factor_begin(&w->a, &u, FACTOR_TOTP, "", &offer, &e), 0);
	t = *offer.ticket;
	assert_int_equal(totp_code(offer.totp, w->a.now_ms() / 1000, code), 0);
	q.ticket = t.id;
	q.otp = code;
	assert_int_equal(own_factor_add(&w->a, "alice", &q, &f, &e), 0);
	assert_int_equal(f.kind, FACTOR_TOTP);
	assert_int_equal(own_factor_add(&w->a, "alice", &q, &f, &e), AUTH_E_STATE);

	/* A key; what was begun for another, or before the password was changed, is worth nothing. */
	assert_int_equal(own_factor_begin(&w->a, &u, FACTOR_WEBAUTHN, "https://evil.example",
			     &offer, &e),
	    AUTH_E_INVALID);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(own_factor_begin(&w->a, &u, FACTOR_WEBAUTHN, ORIGIN, &offer, &e),
		    0);
		t = *offer.ticket;
		c = ceremony_of(&t, 1);
		q = (struct own_factor_answer){ .ticket = t.id,
			.name = "red",
			.key = authenticator_create(red, &c) };
		if (i == 0)
			assert_int_equal(own_factor_add(&w->a, "bob", &q, &f, &e),
			    AUTH_E_NOT_FOUND);
		else
			assert_int_equal(own_factor_add(&w->a, "alice", &q, &f, &e), 0);
	}
	assert_int_equal(own_factor_begin(&w->a, &u, FACTOR_TOTP, "", &offer, &e), 0);
	user_done(&u);
	assert_int_equal(user_load(&w->a, "alice", &u, &e), 0);
	assert_int_equal(u.factors.n, 3);
	assert_int_equal(password_hash("another password", 1, u.password), 0);
	assert_int_equal(user_save(&w->a, &u, &e), 0);
	q = (struct own_factor_answer){ .ticket = offer.ticket->id, .name = "x", .otp = code };
	assert_int_equal(own_factor_add(&w->a, "alice", &q, &f, &e), AUTH_E_STATE);
	user_done(&u);

	assert_int_equal(own_factor_rename(&w->a, "alice", first.id, "red", &f, &e), AUTH_E_EXISTS);
	assert_int_equal(own_factor_rename(&w->a, "alice", first.id, "sky", &f, &e), 0);
	assert_int_equal(own_factor_rename(&w->a, "alice", "0", "sky", &f, &e), AUTH_E_NOT_FOUND);
	assert_int_equal(own_factor_remove(&w->a, "alice", first.id, &f, &e), 0);
	assert_string_equal(f.name, "sky");
	assert_int_equal(own_factor_remove(&w->a, "alice", first.id, &f, &e), AUTH_E_NOT_FOUND);
	assert_int_equal(user_load(&w->a, "alice", &u, &e), 0);
	assert_int_equal(u.factors.n, 2);
	assert_string_equal(u.factors.v[1].name, "red");
	user_done(&u);
	authenticator_free(blue);
	authenticator_free(red);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, auth_world_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_ticket_is_good_once_for_one_use_and_person_and_not_for_long),
		TEST(who_begins_without_end_takes_no_place_from_others),
		TEST(a_site_is_a_proxy_of_the_cluster),
		TEST(the_code_of_any_app_counts_once),
		TEST(names_are_told_apart_and_there_is_an_end_to_them),
		TEST(a_key_signs_and_its_counter_is_kept),
		TEST(a_key_signs_for_its_owner_its_site_and_this_challenge),
		TEST(a_key_is_added_once),
		TEST(a_link_is_completed_with_a_security_key),
		TEST(a_key_signs_in_after_the_password_and_once),
		TEST(a_key_signs_in_nobody_else),
		TEST(a_copy_of_a_key_is_refused_and_told),
		TEST(both_steps_of_a_login_are_tries),
		TEST(one_adds_names_and_removes_but_not_the_last),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
