/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Web sessions in memory and in the store, with a clock of our own. Whole logins and calls: tests/e2e/test_web_sessions.py.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "auth/access.h"
#include "auth/api_token.h"
#include "auth/cutoff.h"
#include "auth/user.h"
#include "auth/web_session.h"
#include "auth_state.h"
#include "base/str.h"

static int
setup(void **state)
{
	return auth_state_new(state, AUTH_STATE_LOOP | AUTH_STATE_ROLES);
}

/* Of somebody, for that many seconds; the token. */
static const struct web_session *
begin(struct auth_state *f, const char *user, int64_t ttl_s, char token[WEB_SESSION_TOKEN_SIZE])
{
	const struct web_session *s;
	const struct web_session_spec spec = { .user = user,
		.address = "203.0.113.7",
		.browser = "Firefox",
		.expires_s = auth_state_ms / 1000 + ttl_s };

	if (web_session_new(&f->a, &spec, token, &s, &f->e) != 0)
		fail_msg("%s", f->e.text);
	return s;
}

static const struct web_session *
make_api_as(struct auth_state *f, const char *by, const char *role, int64_t ttl_s)
{
	char *names[] = { (char *)(uintptr_t)role };
	const struct names roles = { names, 1 };
	const struct api_token_spec spec = { &roles, ttl_s, by };
	char token[WEB_SESSION_TOKEN_SIZE];
	const struct web_session *s;

	if (api_token_add(&f->a, &spec, token, &s, &f->e) != 0)
		fail_msg("%s", f->e.text);
	return s;
}

static const struct web_session *
make_api(struct auth_state *f, const char *by, int64_t ttl_s)
{
	return make_api_as(f, by, "auditor", ttl_s);
}

static const struct web_session *
of_token(struct auth_state *f, const char *token)
{
	char key[RPC_SESSION_KEY_SIZE];

	assert_true(rpc_session_key(token, key));
	return web_session_find(&f->a, key);
}

static void
a_session_is_found_by_the_hash_of_its_token_alone(void **state)
{
	struct auth_state *f = *state;
	char token[WEB_SESSION_TOKEN_SIZE];
	const struct web_session *s = begin(f, "alice", 3600, token);

	assert_ptr_equal(of_token(f, token), s);
	assert_string_equal(s->user, "alice");
	assert_null(web_session_find(&f->a, token));
	assert_null(of_token(f, s->key));
	assert_null(web_session_find(&f->a, ""));
}

static void
a_session_outlives_a_restart_and_its_end_does_too(void **state)
{
	struct auth_state *f = *state;
	char stays[WEB_SESSION_TOKEN_SIZE], goes[WEB_SESSION_TOKEN_SIZE];
	const struct web_session *s;

	begin(f, "alice", 3600, stays);
	s = begin(f, "alice", 3600, goes);
	assert_int_equal(web_session_end(&f->a, s->key, &f->e), 0);
	auth_state_close(f);
	auth_state_open(f);
	assert_null(of_token(f, goes));
	s = of_token(f, stays);
	assert_non_null(s);
	assert_string_equal(s->browser, "Firefox");
	assert_int_equal(s->valid_after_s, auth_state_ms / 1000 - SIGNER_BACKDATE_S);
}

static void
a_session_ends_at_its_time_and_lasts_no_longer_than_twelve_hours(void **state)
{
	struct auth_state *f = *state;
	char token[WEB_SESSION_TOKEN_SIZE];
	const struct web_session *all[WEB_SESSIONS_OF_ONE];

	begin(f, "alice", 30 * 3600, token);
	auth_state_ms += WEB_SESSION_TTL_MAX_S * 1000LL - 1;
	assert_non_null(of_token(f, token));
	auth_state_ms++;
	assert_null(of_token(f, token));
	assert_int_equal(web_sessions_of(&f->a, "alice", all), 0);
}

/* Told, so that it is in the trail. */
static void
who_logs_in_learns_which_session_had_to_go(void **state)
{
	struct auth_state *f = *state;
	char first[WEB_SESSION_ID_LEN + 1] = "", ended[WEB_SESSION_ID_LEN + 1],
					token[WEB_SESSION_TOKEN_SIZE];
	const struct web_session_spec spec = { .user = "alice",
		.address = "203.0.113.7",
		.browser = "Firefox",
		.expires_s = auth_state_ms / 1000 + 600,
		.ret_ended = ended };
	const struct web_session *s;

	for (int i = 0; i <= WEB_SESSIONS_OF_ONE; i++) {
		ended[0] = '\0';
		auth_state_ms++;
		assert_int_equal(web_session_new(&f->a, &spec, token, &s, &f->e), 0);
		if (i == 0)
			str_format(first, sizeof(first), "%.*s", WEB_SESSION_ID_LEN, s->key);
		assert_string_equal(ended, i < WEB_SESSIONS_OF_ONE ? "" : first);
	}
}

/* --- API tokens --------------------------------------------------------------------------- */

/* Somebody with that role instead of what he had. */
static void
is_now(struct auth_state *f, const char *name, const char *role)
{
	struct user u = { .created_ms = 1, .revision = STORE_ANY };

	str_copy(u.name, sizeof(u.name), name);
	assert_int_equal(names_add(&u.roles, role), 0);
	assert_int_equal(user_save(&f->a, &u, &f->e), 0);
	user_done(&u);
}

static void
put_role(struct auth_state *f, const struct policy_role *policy)
{
	struct role *r = resource_new(RESOURCE_ROLE);

	str_copy(r->name, sizeof(r->name), policy->name);
	r->revision = STORE_ANY;
	r->policy = policy_role_copy(policy);
	assert_int_equal(resource_save(&f->a, RESOURCE_ROLE, r, &f->e), 0);
}

static size_t
orphans(struct auth_state *f)
{
	const struct web_session *lost[API_TOKENS_MAX];

	return api_tokens_orphaned(&f->a, lost);
}

/* With whoever made it goes what he made to act without him, and what that made: in one walk. */
static void
an_api_token_ends_with_its_maker(void **state)
{
	struct auth_state *f = *state;
	const struct web_session *hers, *its, *lost[API_TOKENS_MAX];
	const int64_t now_s = auth_state_ms / 1000;

	is_now(f, "alice", "editor");
	make_api(f, "", 0);
	hers = make_api_as(f, "alice", "editor", 600);
	its = make_api_as(f, hers->user, "editor", 86400);
	make_api(f, its->user, 600);
	assert_string_equal(its->created_by, hers->user);
	assert_in_range(its->expires_ms / 1000, now_s, now_s + 600);
	is_now(f, "alice", "editor");
	assert_int_equal(orphans(f), 0);
	assert_int_equal(resource_remove(&f->a, RESOURCE_USER, "alice", &f->e), 0);
	assert_int_equal(api_tokens_orphaned(&f->a, lost), 3);
	for (int i = 0; i < 3; i++)
		assert_int_equal(web_session_end(&f->a, lost[i]->key, &f->e), 0);
	assert_int_equal(orphans(f), 0);
	assert_int_equal(api_tokens(&f->a, lost), 1);
	assert_string_equal(lost[0]->created_by, "");
}

/* Whatever took the right from him. */
static void
an_api_token_ends_when_its_maker_could_not_make_it_any_more(void **state)
{
	struct auth_state *f = *state;
	const struct policy_role weaker = { .name = "editor" };

	is_now(f, "alice", "editor");
	is_now(f, "bob", "editor");
	make_api(f, "alice", 0);
	make_api(f, "bob", 0);
	assert_int_equal(orphans(f), 0);
	is_now(f, "alice", "access");
	assert_int_equal(orphans(f), 1);
	is_now(f, "alice", "auditor"); /* holds all of it, and makes none */
	assert_int_equal(orphans(f), 1);
	is_now(f, "alice", "editor");
	assert_int_equal(orphans(f), 0);
	put_role(f, &weaker);
	assert_int_equal(orphans(f), 2);
}

/* Nobody can tell then what he may; the token itself is denied what its own lost role might deny. */
static void
of_what_cannot_be_read_no_api_token_ends(void **state)
{
	struct auth_state *f = *state;
	struct user u;

	is_now(f, "alice", "editor");
	make_api(f, "alice", 0);
	f->a.resources.damaged[RESOURCE_LOCK]++;
	assert_int_equal(orphans(f), 0);
	f->a.resources.damaged[RESOURCE_LOCK]--;
	assert_int_equal(store_put(f->a.store, "user/alice", span_str("\xff"), 0, STORE_ANY, NULL), 0);
	assert_true(user_load(&f->a, "alice", &u, &f->e) < 0);
	user_done(&u);
	assert_int_equal(orphans(f), 0);
}

/* Nor is it told then whether he lost anything; whether he may make one is another question (rpc_tokens.c). */
static void
of_what_takes_too_long_to_compare_no_api_token_ends(void **state)
{
	static const char *const token[] = { "token" };
	static const char *verbs[POLICY_LIST_MAX];
	static struct policy_verb_rule rules[POLICY_LIST_MAX];
	struct policy_role maker = { .name = "maker", .allow = { .rules = rules, .n_rules = 1 } };
	struct auth_state *f = *state;

	for (int i = 0; i < POLICY_LIST_MAX; i++) {
		verbs[i] = "create";
		rules[i] = (struct policy_verb_rule){ { token, 1 }, { verbs, POLICY_LIST_MAX } };
	}
	put_role(f, &maker);
	is_now(f, "alice", "maker");
	make_api_as(f, "alice", "maker", 0);
	assert_int_equal(orphans(f), 0);
	maker.allow.n_rules = 32;
	put_role(f, &maker);
	assert_int_equal(orphans(f), 0);
	/* Without the verb that makes them, nothing is compared. */
	is_now(f, "alice", "access");
	assert_int_equal(orphans(f), 1);
}

static void
the_tokens_of_one_are_found_with_what_these_made(void **state)
{
	struct auth_state *f = *state;
	const struct web_session *hers, *of[API_TOKENS_MAX];

	is_now(f, "alice", "editor");
	is_now(f, "bob", "editor");
	hers = make_api(f, "alice", 0);
	make_api(f, hers->user, 0);
	make_api(f, "bob", 0);
	make_api(f, "", 0);
	assert_int_equal(api_tokens_made_by(&f->a, "alice", of), 2);
	assert_int_equal(api_tokens_made_by(&f->a, "bob", of), 1);
	assert_int_equal(api_tokens_made_by(&f->a, "carol", of), 0);
}

/* As the file of an older authd may have them: no new one gets the digits of another. */
static void
keep_twin(struct auth_state *f, const struct web_session *of, char last, const char *role)
{
	struct web_session *s = resource_new(RESOURCE_WEB_SESSION);

	*s = *of;
	s->roles = (struct names){ 0 };
	assert_int_equal(names_add(&s->roles, role), 0);
	s->key[WEB_SESSION_KEY_SIZE - 2] = last;
	s->revision = STORE_ABSENT;
	assert_int_equal(resource_save(&f->a, RESOURCE_WEB_SESSION, s, &f->e), 0);
}

static void
an_api_token_calls_as_itself_and_not_as_one_that_is_called_like_it(void **state)
{
	struct auth_state *f = *state;
	const struct web_session *one = make_api(f, "", 0);
	char last = one->key[WEB_SESSION_KEY_SIZE - 2] == '0' ? '1' : '0', id[API_TOKEN_ID_LEN + 1];
	struct rpc_peer peer = { .who = RPC_USER };
	struct user u;

	str_format(id, sizeof(id), "%.*s", API_TOKEN_ID_LEN, one->key);
	str_copy(peer.name, sizeof(peer.name), one->user);
	assert_ptr_equal(api_token_find(&f->a, id), one);
	keep_twin(f, one, last, "access");
	assert_null(api_token_find(&f->a, id));
	str_copy(peer.web, sizeof(peer.web), one->key);
	assert_int_equal(api_token_caller(&f->a, &peer, &u, &f->e), 0);
	assert_string_equal(u.roles.v[0], "auditor");
	user_done(&u);
	peer.web[WEB_SESSION_KEY_SIZE - 2] = last;
	assert_int_equal(api_token_caller(&f->a, &peer, &u, &f->e), 0);
	assert_string_equal(u.roles.v[0], "access");
	user_done(&u);
	/* Not by its name alone. */
	peer.web[0] = '\0';
	assert_int_equal(api_token_caller(&f->a, &peer, &u, &f->e), AUTH_E_NOT_FOUND);
	user_done(&u);
}

static void
the_oldest_of_a_user_makes_room(void **state)
{
	struct auth_state *f = *state;
	char first[WEB_SESSION_TOKEN_SIZE], second[WEB_SESSION_TOKEN_SIZE],
	    token[WEB_SESSION_TOKEN_SIZE], bobs[WEB_SESSION_TOKEN_SIZE];
	const struct web_session *all[WEB_SESSIONS_OF_ONE];

	begin(f, "bob", 3600, bobs);
	begin(f, "alice", 3600, first);
	auth_state_ms++;
	begin(f, "alice", 3600, second);
	for (int i = 2; i < WEB_SESSIONS_OF_ONE; i++) {
		auth_state_ms++;
		begin(f, "alice", 3600, token);
	}
	assert_non_null(of_token(f, first));
	auth_state_ms++;
	begin(f, "alice", 3600, token);
	assert_null(of_token(f, first));
	assert_int_equal(web_sessions_of(&f->a, "alice", all), WEB_SESSIONS_OF_ONE);
	assert_ptr_equal(all[0], of_token(f, second));
	assert_ptr_equal(all[WEB_SESSIONS_OF_ONE - 1], of_token(f, token));
	assert_non_null(of_token(f, bobs));
}

static void
a_users_sessions_end_together_but_the_one_that_asks(void **state)
{
	struct auth_state *f = *state;
	char here[WEB_SESSION_TOKEN_SIZE], there[WEB_SESSION_TOKEN_SIZE],
	    bobs[WEB_SESSION_TOKEN_SIZE];
	const struct web_session *s = begin(f, "alice", 3600, here);
	char key[WEB_SESSION_KEY_SIZE];

	str_copy(key, sizeof(key), s->key);
	begin(f, "alice", 3600, there);
	begin(f, "bob", 3600, bobs);
	web_sessions_end(&f->a, "alice", key);
	assert_non_null(of_token(f, here));
	assert_null(of_token(f, there));
	web_sessions_end(&f->a, "alice", NULL);
	assert_null(of_token(f, here));
	assert_non_null(of_token(f, bobs));
}

/* As access.c compares, for every kind of caller. */
static bool
is_cut(struct auth_state *f, const struct web_session *s)
{
	return s->valid_after_s * 1000 < cutoff_get(&f->a, RESOURCE_CUTOFF, s->user);
}

/* Also where the record could not be removed. */
static void
a_cut_off_counts_for_sessions_as_for_certificates(void **state)
{
	struct auth_state *f = *state;
	char token[WEB_SESSION_TOKEN_SIZE];
	const struct web_session *old = begin(f, "alice", 3600, token), *new;

	assert_false(is_cut(f, old));
	assert_int_equal(user_cut_off(&f->a, "alice", &f->e), 0);
	assert_true(is_cut(f, old));
	auth_state_ms += cutoff_wait_ms(&f->a,
	    cutoff_get(&f->a, RESOURCE_CUTOFF, "alice")); /* as web_login.c waits */
	new = begin(f, "alice", 3600, token);
	assert_false(is_cut(f, new));
}

static void
the_session_that_asked_for_a_cut_off_goes_on(void **state)
{
	struct auth_state *f = *state;
	char token[WEB_SESSION_TOKEN_SIZE];
	const struct web_session *s = begin(f, "alice", 3600, token);
	int64_t expires_ms = s->expires_ms;

	assert_int_equal(user_cut_off(&f->a, "alice", &f->e), 0);
	web_session_outlive(&f->a, s->key);
	s = of_token(f, token);
	assert_false(is_cut(f, s));
	assert_int_equal(s->expires_ms, expires_ms);
	/* The next one counts again. */
	auth_state_ms += 1000;
	assert_int_equal(user_cut_off(&f->a, "alice", &f->e), 0);
	assert_true(is_cut(f, of_token(f, token)));
	web_session_outlive(&f->a, "no such key");
}

static void
what_a_browser_calls_itself_is_cut_and_cleaned(void **state)
{
	struct auth_state *f = *state;
	char token[WEB_SESSION_TOKEN_SIZE], browser[1000];
	const struct web_session *s;
	const struct web_session_spec spec = { .user = "alice",
		.address = "203.0.113.7",
		.browser = browser,
		.expires_s = auth_state_ms / 1000 + 60 };

	memset(browser, 'x', sizeof(browser));
	browser[3] = '\x1b';
	browser[sizeof(browser) - 1] = '\0';
	assert_int_equal(web_session_new(&f->a, &spec, token, &s, &f->e), 0);
	assert_int_equal(strlen(s->browser), WEB_SESSION_BROWSER_SIZE - 1);
	assert_true(str_is_printable(s->browser, strlen(s->browser)));
}

/* --- who calls ---------------------------------------------------------------------------- */

static void
no_session_is_believed_of_a_proxy_that_is_not_registered(void **state)
{
	struct auth_state *f = *state;
	char token[WEB_SESSION_TOKEN_SIZE];
	const struct web_session *s = begin(f, "alice", 3600, token);
	struct rpc_peer peer = { .who = RPC_PROXY,
		.name = "5d2a4b0e-7f2e-4f5c-9a43-0c1d8d1c2b3a",
		.issued_s = auth_state_ms / 1000 };

	assert_int_equal(access_session(s->key, &peer, &f->a, &f->e), RPC_UNAUTHENTICATED);
	assert_int_equal(peer.who, RPC_PROXY);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, auth_state_free)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_session_is_found_by_the_hash_of_its_token_alone),
		T(a_session_outlives_a_restart_and_its_end_does_too),
		T(a_session_ends_at_its_time_and_lasts_no_longer_than_twelve_hours),
		T(who_logs_in_learns_which_session_had_to_go),
		T(an_api_token_ends_with_its_maker),
		T(an_api_token_ends_when_its_maker_could_not_make_it_any_more),
		T(of_what_cannot_be_read_no_api_token_ends),
		T(of_what_takes_too_long_to_compare_no_api_token_ends),
		T(the_tokens_of_one_are_found_with_what_these_made),
		T(an_api_token_calls_as_itself_and_not_as_one_that_is_called_like_it),
		T(the_oldest_of_a_user_makes_room),
		T(a_users_sessions_end_together_but_the_one_that_asks),
		T(a_cut_off_counts_for_sessions_as_for_certificates),
		T(the_session_that_asked_for_a_cut_off_goes_on),
		T(what_a_browser_calls_itself_is_cut_and_cleaned),
		T(no_session_is_believed_of_a_proxy_that_is_not_registered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
