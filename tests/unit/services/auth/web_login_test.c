/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logins that end in a web session, and new passwords, against a real store: what is made when, and what ends with what.
 * Who may try how often is login_test.c's: the steps are the same (signin.c).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "auth/cutoff.h"
#include "auth/new_password.h"
#include "auth/origin.h"
#include "auth/web_login.h"
#include "auth_world.h"
#include "base/clock.h"
#include "base/str.h"
#include "net/ceiling.h"

static const char password[] = "correct horse battery", other_password[] = "another long password";
static const struct origin home = { { "10.1.2.3", 5555 }, false };

/* What came of something that takes a while. */
struct outcome {
	bool done;
	int rc;
	char error[512], token[WEB_SESSION_TOKEN_SIZE], key[WEB_SESSION_KEY_SIZE];
};

static void
on_login(int rc, const struct web_login_result *result, const struct signin_outcome *how,
    const struct err *e, void *arg)
{
	struct outcome *o = arg;

	(void)how;
	assert_false(o->done);
	o->done = true;
	o->rc = rc;
	if (rc != 0) {
		str_copy(o->error, sizeof(o->error), e->text);
		return;
	}
	str_copy(o->token, sizeof(o->token), result->token);
	str_copy(o->key, sizeof(o->key), result->session->key);
	assert_string_equal(result->user->name, result->session->user);
}

static void
make_user(struct auth_world *w, const char *name, const char *role)
{
	struct user u = { .created_ms = 1, .confirmed = true, .revision = STORE_ABSENT };
	struct err e;

	str_copy(u.name, sizeof(u.name), name);
	assert_int_equal(names_add(&u.roles, role), 0);
	assert_int_equal(names_add(&u.logins, "deploy"), 0);
	assert_int_equal(password_hash(password, 1, u.password), 0);
	auth_world_give_app(w, &u);
	assert_int_equal(user_save(&w->a, &u, &e), 0);
	user_done(&u);
}

static struct web_login *
start(struct auth_world *w, const char *name, const char *word, struct outcome *o)
{
	char code[16];
	const struct web_login_request q = { .user = name,
		.password = word,
		.otp = code,
		.browser = "Firefox",
		.origin = &home };
	struct web_login *l = NULL;
	struct err e;

	auth_world_code(w, name, code);
	assert_int_equal(web_login_start(&l, &w->a, &q, on_login, o, &e), 0);
	return l;
}

static struct outcome
log_in(struct auth_world *w, const char *name, const char *word)
{
	struct outcome o = { 0 };

	(void)start(w, name, word, &o);
	auth_world_run(w, &o.done);
	return o;
}

static size_t
count_of(struct auth_world *w, const char *user)
{
	const struct web_session *all[WEB_SESSIONS_OF_ONE];

	return web_sessions_of(&w->a, user, all);
}

static bool
is_good(struct auth_world *w, const struct outcome *o)
{
	const struct web_session *s = web_session_find(&w->a, o->key);

	return s && s->valid_after_s * 1000 >= cutoff_get(&w->a, RESOURCE_CUTOFF, s->user);
}

static void
a_login_makes_a_session_of_the_roles_length(void **state)
{
	static const char *const logins[] = { "deploy" }, *const any[] = { "*" };
	static const struct policy_label_rule everywhere = { "*", { any, 1 } };
	const struct policy_role brief = { .name = "brief",
		.allow = { .logins = { logins, 1 },
		    .node_labels = &everywhere,
		    .n_node_labels = 1 },
		.options = { .max_session_ttl_s = 600 } };
	struct auth_world *w = *state;
	const struct web_session *s;
	struct outcome o;

	auth_world_role(w, &brief);
	make_user(w, "alice", "brief");
	o = log_in(w, "alice", password);
	assert_int_equal(o.rc, 0);
	s = web_session_find(&w->a, o.key);
	assert_non_null(s);
	assert_string_equal(s->address, "10.1.2.3");
	assert_in_range(s->expires_ms - w->a.now_ms(), 590 * 1000, 600 * 1000);
}

static void
a_login_that_is_refused_makes_no_session(void **state)
{
	struct auth_world *w = *state;
	struct outcome o;

	make_user(w, "alice", "access");
	make_user(w, "carol", "no-such-role");
	o = log_in(w, "alice", other_password);
	assert_int_equal(o.rc, AUTH_E_UNAUTHENTICATED);
	o = log_in(w, "carol", password);
	assert_int_equal(o.rc, AUTH_E_DENIED);
	assert_int_equal(count_of(w, "alice") + count_of(w, "carol"), 0);
}

/* It would only be one more to be stolen. */
static void
a_login_that_nobody_waits_for_makes_no_session(void **state)
{
	struct auth_world *w = *state;
	struct outcome o = { 0 }, later;

	make_user(w, "alice", "access");
	make_user(w, "bob", "access");
	web_login_abandon(start(w, "alice", password, &o));
	later = log_in(w, "bob", password);
	assert_int_equal(later.rc, 0);
	assert_false(o.done);
	assert_int_equal(count_of(w, "alice"), 0);
}

static void
a_session_begins_after_the_cut_off_that_preceded_it(void **state)
{
	struct auth_world *w = *state;
	struct outcome o;
	struct err e;

	make_user(w, "alice", "access");
	assert_int_equal(user_cut_off(&w->a, "alice", &e), 0);
	o = log_in(w, "alice", password);
	assert_int_equal(o.rc, 0);
	assert_true(is_good(w, &o));
}

/* --- what happens while a login waits ------------------------------------------------------- */

static int64_t frozen_ms;

static int64_t
frozen(void)
{
	return frozen_ms;
}

static void
set_password(struct auth_world *w, const char *name, const char *word)
{
	struct user u;
	struct err e;

	assert_int_equal(user_load(&w->a, name, &u, &e), 0);
	assert_int_equal(password_hash(word, 1, u.password), 0);
	assert_int_equal(user_save(&w->a, &u, &e), 0);
	user_done(&u);
}

/* What is done meanwhile: a new password, or what ends every session of the user. */
static void
meanwhile(struct auth_world *w, int what)
{
	struct err e;

	if (what == 0)
		set_password(w, "alice", other_password);
	else
		assert_int_equal(user_cut_off(&w->a, "alice", &e), 0);
}

/* It is a login by the old password, whenever it was proven. */
static void
a_login_does_not_outlive_what_changes_in_its_wait(void **state)
{
	struct auth_world *w = *state;
	struct err e;

	make_user(w, "alice", "access");
	for (int what = 0; what < 2; what++) {
		struct outcome o = { 0 };

		set_password(w, "alice", password);
		/* It waits for the second of this cut-off, which ends when the test says so. */
		frozen_ms = clock_wall_ms() / 1000 * 1000 + 950;
		w->a.now_ms = frozen;
		assert_int_equal(user_cut_off(&w->a, "alice", &e), 0);
		(void)start(w, "alice", password, &o);
		for (int i = 0; i < 2000 && ceiling_count(w->a.verifying) > 0; i++)
			(void)loop_turn(w->a.loop, 10);
		assert_false(o.done);
		meanwhile(w, what);
		frozen_ms += 50;
		auth_world_run(w, &o.done);
		assert_int_equal(o.rc, AUTH_E_STATE);
		assert_non_null(strstr(o.error, "changed at this moment"));
		w->a.now_ms = clock_wall_ms;
	}
	assert_int_equal(count_of(w, "alice"), 0);
}

/* Whoever has completed an invitation is signed in as who he is then. */
static void
an_admission_does_not_outlive_what_changes_in_its_wait(void **state)
{
	const struct web_login_request q = { .user = "alice",
		.browser = "Firefox",
		.origin = &home };
	struct auth_world *w = *state;
	struct web_login *l;
	struct err e;

	make_user(w, "alice", "access");
	for (int what = 0; what < 3; what++) {
		struct outcome o = { 0 };

		assert_int_equal(web_login_admit(&l, &w->a, &q, on_login, &o, &e), 0);
		if (what < 2)
			meanwhile(w, what);
		auth_world_run(w, &o.done);
		assert_int_equal(o.rc, what < 2 ? AUTH_E_STATE : 0);
	}
	assert_int_equal(count_of(w, "alice"), 1);
}

/* --- new passwords ------------------------------------------------------------------------- */

static void
on_changed(int rc, const struct signin_outcome *how, const struct err *e, void *arg)
{
	struct outcome *o = arg;

	(void)how;
	o->done = true;
	o->rc = rc;
	if (rc != 0)
		str_copy(o->error, sizeof(o->error), e->text);
}

static int
change(struct auth_world *w, const char *from, const char *to, const char *keep)
{
	char code[16];
	const struct new_password_request q = {
		.who = { .user = "alice", .password = from, .otp = code, .origin = &home },
		.password = to,
		.keep = keep
	};
	struct outcome o = { 0 };
	struct err e;
	int rc;

	auth_world_code(w, "alice", code);
	rc = new_password_start(&w->a, &q, on_changed, &o, &e);
	if (rc != 0)
		return rc;
	auth_world_run(w, &o.done);
	return o.rc;
}

static void
a_new_password_keeps_the_session_that_asked_and_no_other(void **state)
{
	struct auth_world *w = *state;
	struct outcome here, there;

	make_user(w, "alice", "access");
	here = log_in(w, "alice", password);
	there = log_in(w, "alice", password);
	assert_int_equal(change(w, password, other_password, here.key), 0);
	assert_true(is_good(w, &here));
	assert_false(is_good(w, &there));
	assert_int_equal(log_in(w, "alice", password).rc, AUTH_E_UNAUTHENTICATED);
	there = log_in(w, "alice", other_password);
	assert_int_equal(there.rc, 0);
	/* Asked for with a certificate, none goes on. */
	assert_int_equal(change(w, other_password, password, NULL), 0);
	assert_false(is_good(w, &here));
	assert_false(is_good(w, &there));
}

static void
a_password_that_was_not_proven_or_is_none_changes_nothing(void **state)
{
	struct auth_world *w = *state;
	struct outcome here;

	make_user(w, "alice", "access");
	here = log_in(w, "alice", password);
	assert_int_equal(change(w, other_password, "yet another password", here.key),
	    AUTH_E_UNAUTHENTICATED);
	assert_int_equal(change(w, password, "short", here.key), AUTH_E_INVALID);
	assert_int_equal(change(w, password, password, here.key), AUTH_E_INVALID);
	assert_true(is_good(w, &here));
	assert_int_equal(log_in(w, "alice", password).rc, 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, auth_world_setup, auth_world_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_login_makes_a_session_of_the_roles_length),
		T(a_login_that_is_refused_makes_no_session),
		T(a_login_that_nobody_waits_for_makes_no_session),
		T(a_session_begins_after_the_cut_off_that_preceded_it),
		T(a_login_does_not_outlive_what_changes_in_its_wait),
		T(an_admission_does_not_outlive_what_changes_in_its_wait),
		T(a_new_password_keeps_the_session_that_asked_and_no_other),
		T(a_password_that_was_not_proven_or_is_none_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
