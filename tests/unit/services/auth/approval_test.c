/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logins that wait for a browser: how long, for whom, and how many there may be; what is taken once, with both halves of the
 * answer and never with one, and outlives no change of who approved.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "auth/approval.h"
#include "auth/signin.h"
#include "auth_world.h"
#include "base/clock.h"
#include "base/str.h"

static const struct origin tsh = { { "10.1.2.3", 5555 }, false };
static const struct origin laptop = { { "10.9.9.9", 4444 }, false };
static const uint8_t secret[APPROVAL_SECRET_BYTES] = "the secret of this tsh alone...";
/* Where she approves. */
static struct web_session session;

static int64_t later_ms;

static int64_t
shifted_ms(void)
{
	return clock_wall_ms() + later_ms;
}

static void
sign_in(struct auth_world *w)
{
	const struct web_session_spec spec = { .user = "alice",
		.address = laptop.at.ip,
		.browser = "Firefox",
		.expires_s = w->a.now_ms() / 1000 + 3600 };
	char token[WEB_SESSION_TOKEN_SIZE];
	const struct web_session *s;
	struct err e;

	assert_int_equal(web_session_new(&w->a, &spec, token, &s, &e), 0);
	session = *s;
}

static int
setup(void **state)
{
	int rc = auth_world_setup(state);
	struct auth_world *w = *state;
	struct user u = { .created_ms = 1, .confirmed = true, .revision = STORE_ABSENT };
	struct err e;

	later_ms = 0;
	w->a.now_ms = shifted_ms;
	str_copy(u.name, sizeof(u.name), "alice");
	str_copy(u.password, sizeof(u.password), "a hash");
	assert_int_equal(names_add(&u.roles, "access"), 0);
	auth_world_give_app(w, &u);
	assert_int_equal(user_save(&w->a, &u, &e), 0);
	user_done(&u);
	sign_in(w);
	return rc;
}

/* --- what tests do ------------------------------------------------------------------------------ */

static int
try_begin(struct auth_world *w, const char *user, uint32_t port, const struct origin *from,
    const struct approval **ret)
{
	uint8_t hash[SHA256_BYTES];
	const struct approval_spec spec = { .user = user,
		.tool = "tsh",
		.secret_hash = { hash, sizeof(hash) },
		.port = port,
		.origin = from };
	struct err e;

	sha256_of((struct span){ secret, sizeof(secret) }, hash);
	return approval_begin(&w->a, &spec, ret, &e);
}

/* A copy: what is found again is found by its id. */
static struct approval
begin(struct auth_world *w, uint32_t port)
{
	const struct approval *ap;

	assert_int_equal(try_begin(w, "alice", port, &tsh, &ap), 0);
	return *ap;
}

static struct approval *
find(struct auth_world *w, const char *id)
{
	struct approval *ap;
	struct err e;

	return approval_find(&w->a, id, "alice", &ap, &e) == 0 ? ap : NULL;
}

static int
check(struct auth_world *w, const char *id, const char *code)
{
	struct err e;

	return approval_check(&w->a, find(w, id), code, &e);
}

/* What the page is given. */
static struct approval
approve(struct auth_world *w, const char *id)
{
	struct user u;
	struct err e;

	assert_int_equal(user_load(&w->a, "alice", &u, &e), 0);
	approval_give(&w->a, find(w, id), &u, &session, &laptop);
	user_done(&u);
	return *find(w, id);
}

static int
take_as(struct auth_world *w, const char *user, const char *id, struct span shown,
    const char *grant)
{
	const struct approval_answer q = { .user = user,
		.id = id,
		.grant = grant,
		.secret = shown,
		.origin = &tsh };
	struct approval got;
	struct user u;
	struct err e;
	int rc = approval_take(&w->a, &q, &got, &u, &e);

	if (rc == 0) {
		assert_string_equal(u.name, "alice");
		assert_string_equal(got.web, session.key);
		assert_string_equal(got.address, laptop.at.ip);
	}
	user_done(&u);
	return rc;
}

static int
take(struct auth_world *w, const char *id, const char *grant)
{
	return take_as(w, "alice", id, (struct span){ secret, sizeof(secret) }, grant);
}

/* Another one of as many letters. */
static const char *
other(const char *good, const char *one, const char *two)
{
	return strcmp(good, one) != 0 ? one : two;
}

/* --- the tests --------------------------------------------------------------------------------------- */

static void
both_halves_of_the_answer_take_it_once(void **state)
{
	struct auth_world *w = *state;
	struct approval ap = begin(w, 40000);

	assert_int_equal(strlen(ap.code), APPROVAL_CODE_LEN);
	assert_int_equal(take(w, ap.id, ""), AUTH_E_UNAUTHENTICATED);
	assert_int_equal(check(w, ap.id, ap.code), 0);
	ap = approve(w, ap.id);
	assert_int_equal(strlen(ap.grant), APPROVAL_GRANT_LEN);
	assert_int_equal(take_as(w, "alice", ap.id, (struct span){ NULL, 0 }, ap.grant),
	    AUTH_E_UNAUTHENTICATED);
	assert_int_equal(take_as(w, "alice", ap.id, (struct span){ secret, 31 }, ap.grant),
	    AUTH_E_UNAUTHENTICATED);
	assert_int_equal(take_as(w, "bob", ap.id, (struct span){ secret, 32 }, ap.grant),
	    AUTH_E_UNAUTHENTICATED);
	assert_int_equal(take(w, ap.id, other(ap.grant, "BBBBBBBB", "CCCCCCCC")),
	    AUTH_E_UNAUTHENTICATED);
	assert_int_equal(take(w, ap.id, ap.grant), 0);
	assert_int_equal(take(w, ap.id, ap.grant), AUTH_E_UNAUTHENTICATED);
	assert_int_equal(w->a.approvals.n, 0);
}

static void
letters_may_be_typed_as_people_type(void **state)
{
	struct auth_world *w = *state;
	struct approval ap = approve(w, begin(w, 0).id);
	char typed[64];

	str_format(typed, sizeof(typed), " %.4s - %s ", ap.grant, ap.grant + 4);
	for (char *c = typed; *c; c++)
		*c = (char)(*c >= 'A' && *c <= 'Z' ? *c + 32 : *c);
	assert_int_equal(take(w, ap.id, typed), 0);
}

static void
what_is_guessed_five_times_is_gone(void **state)
{
	struct auth_world *w = *state;
	struct approval ap = begin(w, 40000);
	const char *wrong = other(ap.code, "BBBB", "CCCC");

	for (int i = 0; i < APPROVAL_TRIES; i++)
		assert_int_equal(check(w, ap.id, wrong), AUTH_E_INVALID);
	assert_null(find(w, ap.id));

	ap = begin(w, 40000);
	for (int i = 0; i < APPROVAL_TRIES - 1; i++)
		assert_int_equal(check(w, ap.id, wrong), AUTH_E_INVALID);
	assert_int_equal(check(w, ap.id, ap.code), 0);
	ap = approve(w, ap.id);
	/* Counted from the approval on; and without the secret nobody uses them up. */
	for (int i = 0; i < APPROVAL_TRIES - 1; i++)
		assert_int_equal(take(w, ap.id, ap.code), AUTH_E_UNAUTHENTICATED);
	for (int i = 0; i < APPROVAL_TRIES; i++)
		assert_int_equal(take_as(w, "alice", ap.id, (struct span){ NULL, 0 }, ap.grant),
		    AUTH_E_UNAUTHENTICATED);
	assert_int_equal(take(w, ap.id, ap.code), AUTH_E_UNAUTHENTICATED);
	assert_int_equal(take(w, ap.id, ap.grant), AUTH_E_UNAUTHENTICATED);
}

static void
it_does_not_wait_for_ever(void **state)
{
	struct auth_world *w = *state;
	struct approval ap = begin(w, 0);

	later_ms = APPROVAL_LIFE_MS - 1000;
	assert_non_null(find(w, ap.id));
	/* Who approves at the last moment has time to type. */
	ap = approve(w, ap.id);
	later_ms += APPROVAL_TYPING_MS - 1000;
	assert_non_null(find(w, ap.id));
	later_ms += 2000;
	assert_null(find(w, ap.id));
	assert_int_equal(take(w, ap.id, ap.grant), AUTH_E_UNAUTHENTICATED);
	approvals_sweep(&w->a);
	assert_int_equal(w->a.approvals.n, 0);
	ap = begin(w, 0);
	later_ms += APPROVAL_LIFE_MS;
	assert_null(find(w, ap.id));
}

static void
what_was_approved_is_approved_no_second_time(void **state)
{
	struct auth_world *w = *state;
	struct approval ap = begin(w, 40000);

	(void)approve(w, ap.id);
	assert_int_equal(check(w, ap.id, ap.code), AUTH_E_STATE);
}

static void
it_outlives_no_change_of_its_user(void **state)
{
	struct auth_world *w = *state;
	struct approval ap = approve(w, begin(w, 0).id);
	struct user u;
	struct err e;

	assert_int_equal(user_cut_off(&w->a, "alice", &e), 0);
	assert_int_equal(take(w, ap.id, ap.grant), AUTH_E_STATE);

	sign_in(w);
	ap = approve(w, begin(w, 0).id);
	assert_int_equal(user_load(&w->a, "alice", &u, &e), 0);
	str_copy(u.password, sizeof(u.password), "another hash");
	assert_int_equal(user_save(&w->a, &u, &e), 0);
	user_done(&u);
	assert_int_equal(take(w, ap.id, ap.grant), AUTH_E_STATE);
}

static void
it_does_not_outlive_the_session_that_gave_it(void **state)
{
	struct auth_world *w = *state;
	struct approval ap = approve(w, begin(w, 0).id);
	struct err e;

	assert_int_equal(web_session_end(&w->a, session.key, &e), 0);
	assert_int_equal(take(w, ap.id, ap.grant), AUTH_E_STATE);
	sign_in(w);
	ap = approve(w, begin(w, 0).id);
	assert_int_equal(take(w, ap.id, ap.grant), 0);
}

/* Strangers from so many networks, each as often as one address may. */
static void
flood(struct auth_world *w, size_t n)
{
	struct origin from = { { "", 1 }, false };
	const struct approval *ap;

	for (size_t i = 0; i < n; i++) {
		size_t one = i / APPROVALS_ONE;

		str_format(from.at.ip, sizeof(from.at.ip), "10.%zu.%zu.1", 16 + one % 200,
		    one / 200);
		assert_int_equal(try_begin(w, "alice", 0, &from, &ap), 0);
	}
}

static void
know(struct auth_world *w, const char *source)
{
	struct user u;
	struct err e;

	assert_int_equal(user_load(&w->a, "alice", &u, &e), 0);
	user_note_source(&u, source, w->a.now_ms());
	assert_int_equal(user_save(&w->a, &u, &e), 0);
	user_done(&u);
}

static void
strangers_from_everywhere_take_no_place_of_who_is_known_or_approved(void **state)
{
	struct auth_world *w = *state;
	struct approval approved = approve(w, begin(w, 0).id), known;

	know(w, tsh.at.ip);
	known = begin(w, 0);
	flood(w, APPROVALS_MAX + 100);
	assert_int_equal(w->a.approvals.n, APPROVALS_STRANGERS + 2);
	assert_non_null(find(w, known.id));
	assert_int_equal(take(w, approved.id, approved.grant), 0);
}

static void
one_network_takes_no_place_of_strangers_of_another(void **state)
{
	struct auth_world *w = *state;
	struct approval hers = begin(w, 0);
	struct origin from = { { "", 1 }, false };
	const struct approval *ap;

	for (int i = 0; i < APPROVALS_STRANGERS + 100; i++) {
		str_format(from.at.ip, sizeof(from.at.ip), "2001:db8:7:%x::1", i);
		assert_int_equal(try_begin(w, "alice", 0, &from, &ap), 0);
	}
	assert_int_equal(w->a.approvals.n, APPROVALS_NET + 1);
	assert_non_null(find(w, hers.id));
}

static void
there_are_only_so_many_however_well_known(void **state)
{
	struct auth_world *w = *state;
	struct origin from = { { "", 1 }, false };
	const struct approval *ap;

	for (int i = 0; i < APPROVALS_MAX + 10; i++) {
		str_format(from.at.ip, sizeof(from.at.ip), "10.6.%d.%d", i / 250, i % 250);
		assert_int_equal(try_begin(w, "alice", 0, &from, &ap), 0);
		(void)approve(w, ap->id);
	}
	assert_int_equal(w->a.approvals.n, APPROVALS_MAX);
}

static void
nobody_takes_the_places_of_others(void **state)
{
	struct auth_world *w = *state;
	const struct approval *ap;
	struct approval hers = begin(w, 0);
	struct origin from = { { "10.5.0.0", 1 }, false };

	for (int i = 0; i < APPROVALS_ONE + 5; i++)
		assert_int_equal(try_begin(w, "alice", 0, &from, &ap), 0);
	assert_int_equal(w->a.approvals.n, APPROVALS_ONE + 1);
	assert_non_null(find(w, hers.id));
	/* Nor does one address begin without end. */
	for (int i = 0; i < SIGNIN_BURST; i++)
		(void)try_begin(w, "alice", 0, &from, &ap);
	assert_int_equal(try_begin(w, "alice", 0, &from, &ap), AUTH_E_BUSY);
	assert_non_null(find(w, hers.id));
}

static void
a_port_is_nobodys_service(void **state)
{
	struct auth_world *w = *state;
	const struct approval *ap;

	assert_int_equal(try_begin(w, "alice", 1, &tsh, &ap), AUTH_E_INVALID);
	assert_int_equal(try_begin(w, "alice", APPROVAL_PORT_MIN - 1, &tsh, &ap), AUTH_E_INVALID);
	assert_int_equal(try_begin(w, "alice", 65536, &tsh, &ap), AUTH_E_INVALID);
	assert_int_equal(try_begin(w, "alice", APPROVAL_PORT_MIN, &tsh, &ap), 0);
	assert_int_equal(try_begin(w, "no body", 0, &tsh, &ap), AUTH_E_INVALID);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, auth_world_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(both_halves_of_the_answer_take_it_once),
		TEST(letters_may_be_typed_as_people_type),
		TEST(what_is_guessed_five_times_is_gone),
		TEST(it_does_not_wait_for_ever),
		TEST(what_was_approved_is_approved_no_second_time),
		TEST(it_outlives_no_change_of_its_user),
		TEST(it_does_not_outlive_the_session_that_gave_it),
		TEST(nobody_takes_the_places_of_others),
		TEST(strangers_from_everywhere_take_no_place_of_who_is_known_or_approved),
		TEST(one_network_takes_no_place_of_strangers_of_another),
		TEST(there_are_only_so_many_however_well_known),
		TEST(a_port_is_nobodys_service),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
