/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logins against a real store and a real signer: what is proved, what is counted, what the certificates say.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "auth/cutoff.h"
#include "auth/lockout.h"
#include "auth/signin.h"
#include "auth/login.h"
#include "auth/origin.h"
#include "auth_world.h"
#include "base/str.h"
#include "crypto/rand.h"
#include "net/ceiling.h"
#include "net/rate.h"
#include "some_keys.h"

static const char password[] = "correct horse battery";
static const struct origin home = { { "10.1.2.3", 5555 }, false };

/* What came of a login. */
struct outcome {
	int rc;
	bool done;
	enum lockout_scope closed;
	char error[512], user[NAME_LEN_MAX + 1], roles[512], logins[512], extensions[512];
	int64_t valid_until_s;
	struct sshcert *ssh;
	struct x509_cert *tls;
};

static void
on_done(int rc, const struct certify_result *result, const struct signin_outcome *how,
    const struct err *e, void *arg)
{
	struct outcome *o = arg;

	assert_false(o->done);
	o->done = true;
	o->rc = rc;
	o->closed = how->closed;
	if (rc != 0) {
		str_copy(o->error, sizeof(o->error), e->text);
		return;
	}
	str_copy(o->user, sizeof(o->user), result->user);
	names_text(result->roles, o->roles, sizeof(o->roles));
	names_text(result->logins, o->logins, sizeof(o->logins));
	names_text(result->extensions, o->extensions, sizeof(o->extensions));
	o->valid_until_s = result->valid_until_s;
	o->ssh = auth_world_ssh_cert(result->ssh_cert);
	o->tls = auth_world_tls_cert(result->tls_pem);
}

static void
outcome_done(struct outcome *o)
{
	sshcert_free(o->ssh);
	x509_cert_free(o->tls);
}

/* Somebody who has opened the link already. */
static void
make_user(struct auth_world *w, const char *name, const char *role, const char *login)
{
	struct user u = { .created_ms = 1, .confirmed = true, .revision = STORE_ABSENT };
	struct err e;

	str_copy(u.name, sizeof(u.name), name);
	assert_int_equal(names_add(&u.roles, role), 0);
	if (login)
		assert_int_equal(names_add(&u.logins, login), 0);
	assert_int_equal(password_hash(password, 1, u.password), 0);
	auth_world_give_app(w, &u);
	if (user_save(&w->a, &u, &e) != 0)
		fail_msg("%s", e.text);
	user_done(&u);
}

static struct login_request
request(struct auth_world *w, const char *name, const char *word, const char *otp)
{
	return (struct login_request){ .user = name,
		.password = word,
		.otp = otp,
		.ssh_key = buf_span(&w->ssh_key),
		.tls_key = buf_span(&w->tls_key),
		.origin = &home };
}

static struct outcome
run(struct auth_world *w, const struct login_request *q)
{
	struct outcome o = { 0 };
	struct login *l = NULL;
	struct err e = { "" };

	o.rc = login_start(&l, &w->a, q, on_done, &o, &e);
	if (o.rc != 0) {
		str_copy(o.error, sizeof(o.error), e.text);
		assert_false(o.done);
		return o;
	}
	assert_non_null(l);
	auth_world_run(w, &o.done);
	return o;
}

/* With everything right. */
static struct outcome
log_in(struct auth_world *w, const char *name)
{
	char code[16];

	auth_world_code(w, name, code);
	struct login_request q = request(w, name, password, code);
	return run(w, &q);
}

static void
refused(struct outcome o, int rc, const char *why)
{
	if (o.rc != rc || !strstr(o.error, why))
		fail_msg("%d: %s", o.rc, o.error);
	outcome_done(&o);
}

/* --- what is given -------------------------------------------------------------------------- */

static void
a_login_gives_two_certificates_for_the_keys_brought(void **state)
{
	struct auth_world *w = *state;
	struct outcome o;
	struct identity identity;
	struct buf spki;

	make_user(w, "alice", "access", "deploy");
	o = log_in(w, "alice");
	if (o.rc != 0)
		fail_msg("%s", o.error);
	assert_string_equal(o.user, "alice");
	assert_string_equal(o.roles, "access");
	assert_string_equal(o.logins, "deploy");
	assert_string_equal(o.ssh->key_id, "alice");
	assert_int_equal(o.ssh->type, SSHCERT_USER);
	assert_true(span_eq(sshkey_blob(o.ssh->key), buf_span(&w->ssh_key)));
	assert_int_equal(o.ssh->n_principals, 1);
	assert_true(auth_world_has_principal(o.ssh, "deploy"));
	assert_string_equal(sshcert_extension(o.ssh, "roles@sallyport"), "access");
	assert_string_equal(sshcert_extension(o.ssh, "traits@sallyport"), "deploy");
	assert_null(sshcert_critical(o.ssh, "source-address"));
	assert_true(o.ssh->valid_before == (uint64_t)o.valid_until_s);
	assert_true(x509_cert_not_after(o.tls) == o.valid_until_s);
	assert_int_equal(x509_cert_identity(o.tls, &identity), 0);
	assert_int_equal(identity.kind, IDENTITY_USER);
	assert_string_equal(identity.name, "alice");
	buf_init(&spki, 1024);
	assert_int_equal(x509_cert_spki(o.tls, &spki), 0);
	assert_true(span_eq(buf_span(&spki), buf_span(&w->tls_key)));
	buf_done(&spki);
	outcome_done(&o);
}

static const char *const any[] = { "*" };
static const struct policy_label_rule everywhere[] = { { "*", { any, 1 } } };

static void
the_roles_options_are_the_certificates(void **state)
{
	struct auth_world *w = *state;
	static const char *const one[] = { "root", "web" };
	const struct policy_role open = { .name = "open",
		.allow = { .logins = { one, 2 }, .node_labels = everywhere, .n_node_labels = 1 },
		.options = { 1800, true, true, true, false } };
	const struct policy_role plain = { .name = "plain",
		.allow = { .logins = { one, 1 }, .node_labels = everywhere, .n_node_labels = 1 } };
	struct outcome o;

	auth_world_role(w, &open);
	auth_world_role(w, &plain);
	make_user(w, "alice", "open", NULL);
	make_user(w, "bob", "plain", NULL);
	o = log_in(w, "alice");
	assert_int_equal(o.rc, 0);
	assert_string_equal(o.logins, "root, web");
	assert_string_equal(o.extensions, "permit-pty");
	assert_non_null(sshcert_extension(o.ssh, "permit-pty"));
	assert_null(sshcert_extension(o.ssh, "permit-agent-forwarding"));
	assert_null(sshcert_extension(o.ssh, "permit-port-forwarding"));
	assert_true(o.valid_until_s - w->a.now_ms() / 1000 <= 1800);
	assert_true(o.valid_until_s - w->a.now_ms() / 1000 > 1700);
	outcome_done(&o);
	o = log_in(w, "bob");
	assert_int_equal(o.rc, 0);
	assert_string_equal(o.extensions, "");
	assert_null(sshcert_extension(o.ssh, "permit-pty"));
	outcome_done(&o);
}

static void
the_time_to_live_is_what_was_asked(void **state)
{
	struct auth_world *w = *state;
	struct login_request q;
	struct outcome o;
	char code[16];
	int64_t left;

	make_user(w, "alice", "access", "deploy");
	auth_world_code(w, "alice", code);
	q = request(w, "alice", password, code);
	q.ttl_s = -1;
	refused(run(w, &q), AUTH_E_INVALID, "negative");
	q.ttl_s = 600;
	o = run(w, &q);
	assert_int_equal(o.rc, 0);
	left = o.valid_until_s - w->a.now_ms() / 1000;
	assert_true(left <= 600 && left > 500);
	outcome_done(&o);
}

static void
who_may_only_look_gets_a_principal_that_no_account_has(void **state)
{
	struct auth_world *w = *state;
	static const char *const resources[] = { "user" }, *const verbs[] = { "read" };
	static const struct policy_verb_rule rules[] = { { { resources, 1 }, { verbs, 1 } } };
	const struct policy_role useless = { .name = "useless" };
	const struct policy_role desk = { .name = "desk",
		.allow = { .rules = rules, .n_rules = 1 } };
	struct outcome o;

	auth_world_role(w, &useless);
	auth_world_role(w, &desk);
	make_user(w, "alice", "auditor", NULL);
	make_user(w, "carl", "desk", "carl");
	make_user(w, "bob", "useless", NULL);
	for (int i = 0; i < 2; i++) {
		o = log_in(w, i ? "carl" : "alice");
		if (o.rc != 0)
			fail_msg("%s", o.error);
		assert_int_equal(o.ssh->n_principals, 1);
		assert_true(auth_world_has_principal(o.ssh, CERTIFY_NOWHERE));
		assert_string_equal(o.logins, "");
		outcome_done(&o);
	}
	refused(log_in(w, "bob"), AUTH_E_DENIED, "allow no login on any host");
}

static void
a_user_without_a_role_that_exists_gets_nothing(void **state)
{
	struct auth_world *w = *state;

	make_user(w, "alice", "gone", "deploy");
	refused(log_in(w, "alice"), AUTH_E_DENIED, "no role that exists");
}

static void
logins_that_do_not_fit_are_not_cut_short(void **state)
{
	struct auth_world *w = *state;
	struct user u;
	struct err e;
	char text[NAME_LEN_MAX + 1];

	make_user(w, "alice", "access", "deploy");
	assert_int_equal(user_load(&w->a, "alice", &u, &e), 0);
	for (int i = 1; i < NAMES_MAX; i++) {
		str_format(text, sizeof(text), "login%03d%056d", i, 0);
		assert_int_equal(names_add(&u.logins, text), 0);
	}
	assert_int_equal(user_save(&w->a, &u, &e), 0);
	user_done(&u);
	refused(log_in(w, "alice"), AUTH_E_DENIED, "than fit into a certificate");
}

static void
a_pinned_address_is_in_the_certificate(void **state)
{
	static const char *const logins[] = { "root" };
	const struct policy_role pinned = { .name = "pinned",
		.allow = { .logins = { logins, 1 }, .node_labels = everywhere, .n_node_labels = 1 },
		.options = { .pin_source_ip = true } };
	static const struct origin six = { { "2001:db8::7", 1 }, false },
				   hidden = { { "10.0.0.9", 1 }, true },
				   local = { { "", 0 }, false };
	struct auth_world *w = *state;
	struct login_request q;
	struct outcome o;
	char code[16];

	auth_world_role(w, &pinned);
	make_user(w, "alice", "pinned", NULL);
	o = log_in(w, "alice");
	assert_int_equal(o.rc, 0);
	assert_string_equal(sshcert_critical(o.ssh, "source-address"), "10.1.2.3/32");
	outcome_done(&o);
	auth_world_code(w, "alice", code);
	q = request(w, "alice", password, code);
	q.origin = &six;
	o = run(w, &q);
	assert_int_equal(o.rc, 0);
	assert_string_equal(sshcert_critical(o.ssh, "source-address"), "2001:db8::7/128");
	outcome_done(&o);
	auth_world_code(w, "alice", code);
	q.origin = &hidden;
	refused(run(w, &q), AUTH_E_DENIED, "not known here");
	auth_world_code(w, "alice", code);
	q.origin = &local;
	refused(run(w, &q), AUTH_E_DENIED, "not known here");
}

/* --- what is refused --------------------------------------------------------------------------- */

static void
all_that_is_wrong_has_one_answer(void **state)
{
	static const char answer[] = "wrong user name, password or one-time code";
	struct auth_world *w = *state;
	struct user u;
	struct err e;
	char code[16], fresh[16], wrong[16], long_text[300];

	make_user(w, "alice", "access", "deploy");
	make_user(w, "new", "access", "deploy");
	auth_world_code(w, "new", fresh);
	assert_int_equal(user_load(&w->a, "new", &u, &e), 0);
	u.confirmed = false;
	assert_int_equal(user_save(&w->a, &u, &e), 0);
	user_done(&u);
	memset(long_text, 'x', sizeof(long_text));
	long_text[sizeof(long_text) - 1] = '\0';
	auth_world_code(w, "alice", code);
	str_copy(wrong, sizeof(wrong), code);
	wrong[0] = wrong[0] == '9' ? '0' : (char)(wrong[0] + 1);
	const struct login_request bad[] = { request(w, "nobody", password, code),
		request(w, "alice", "something else again", code), request(w, "alice", "", code),
		request(w, "alice", password, wrong), request(w, long_text, password, code),
		request(w, "dora", long_text, code), request(w, "dora", password, long_text) };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		refused(run(w, &bad[i]), AUTH_E_UNAUTHENTICATED, answer);
	struct login_request q = request(w, "new", password, fresh);
	refused(run(w, &q), AUTH_E_UNAUTHENTICATED, answer);
}

static void
a_code_is_good_once(void **state)
{
	struct auth_world *w = *state;
	struct login_request q;
	struct outcome o;
	char code[16];

	make_user(w, "alice", "access", "deploy");
	auth_world_code(w, "alice", code);
	q = request(w, "alice", password, code);
	o = run(w, &q);
	assert_int_equal(o.rc, 0);
	outcome_done(&o);
	refused(run(w, &q), AUTH_E_UNAUTHENTICATED, "a code is good once");
}

static const struct origin elsewhere = { { "192.0.2.7", 1 }, false };

static struct outcome
fail_at(struct auth_world *w, const char *user, const struct origin *origin)
{
	struct login_request q = request(w, user, "not the password", "000000");

	q.origin = origin;
	return run(w, &q);
}

/* Also for who knows everything; and nobody learns whether there is such a user. */
static void
five_failures_close_a_name_for_their_address(void **state)
{
	static const char *const names[] = { "alice", "nobody" };
	struct auth_world *w = *state;
	struct login_request q;
	struct outcome o;
	char code[16];

	make_user(w, "alice", "access", "deploy");
	for (size_t n = 0; n < 2; n++) {
		for (int i = 0; i < LOCKOUT_FREE; i++) {
			o = fail_at(w, names[n], &elsewhere);
			assert_int_equal(o.rc, AUTH_E_UNAUTHENTICATED);
			assert_int_equal(o.closed,
			    i == LOCKOUT_FREE - 1 ? LOCKOUT_SOURCE : LOCKOUT_OPEN);
		}
		auth_world_code(w, "alice", code);
		q = request(w, names[n], password, code);
		q.origin = &elsewhere;
		refused(run(w, &q), AUTH_E_STATE, "from your address: try again in 60 seconds");
		rate_free(w->a.logins);
		assert_int_equal(rate_new(&w->a.logins, SIGNIN_PER_MIN, SIGNIN_BURST), 0);
	}
	o = log_in(w, "alice"); /* from home */
	assert_int_equal(o.rc, 0);
	outcome_done(&o);
}

/* He logged in there before: neither wrong passwords from everywhere nor those of others at his own address, for any
 * name, shut him out. */
static void
a_known_address_is_not_shut_out(void **state)
{
	struct auth_world *w = *state;
	struct outcome o;
	char ip[32];

	make_user(w, "alice", "access", "deploy");
	make_user(w, "bob", "access", "deploy");
	o = log_in(w, "alice");
	assert_int_equal(o.rc, 0);
	outcome_done(&o);
	for (int i = 0; i < LOCKOUT_NAME_FREE; i++) {
		struct origin from = { { "", 1 }, false };

		str_format(from.at.ip, sizeof(from.at.ip), "192.0.2.%d", i + 1);
		o = fail_at(w, "alice", &from);
		assert_int_equal(o.rc, AUTH_E_UNAUTHENTICATED);
		assert_int_equal(o.closed,
		    i == LOCKOUT_NAME_FREE - 1 ? LOCKOUT_NAME : LOCKOUT_OPEN);
	}
	refused(fail_at(w, "alice", &elsewhere), AUTH_E_STATE, "from many addresses");
	for (int i = 0; i < 40; i++) {
		str_format(ip, sizeof(ip), "name%d", i);
		o = fail_at(w, ip, &home);
		if (o.rc == AUTH_E_BUSY)
			break;
	}
	assert_int_equal(o.rc, AUTH_E_BUSY); /* the penalty of the address */
	refused(fail_at(w, "bob", &home), AUTH_E_BUSY, "too many logins from your address");
	o = log_in(w, "alice");
	assert_int_equal(o.rc, 0);
	outcome_done(&o);
}

/* Argon2id is what costs: an address has a few passwords in the queue and not all of it, strangers together leave room. */
static void
the_queue_for_passwords_has_room_for_others(void **state)
{
	struct auth_world *w = *state;
	struct outcome many[SIGNIN_VERIFYING + 1] = { 0 }, last = { 0 };
	struct login *l;
	struct err e;
	size_t n = 0;

	make_user(w, "alice", "access", "deploy");
	last = log_in(w, "alice"); /* known from now on */
	assert_int_equal(last.rc, 0);
	outcome_done(&last);
	for (size_t i = 0; i < SIGNIN_VERIFYING + 1; i++) {
		struct origin from = { { "", 1 }, false };
		struct login_request q = request(w, "nobody", password, "123456");

		str_format(from.at.ip, sizeof(from.at.ip), "192.0.2.%zu", i / 9);
		q.origin = &from;
		many[i].rc = login_start(&l, &w->a, &q, on_done, &many[i], &e);
		n += many[i].rc == 0;
		if (i % 9 == SIGNIN_VERIFYING_ONE)
			assert_int_equal(many[i].rc, AUTH_E_BUSY);
	}
	assert_int_equal(n, SIGNIN_VERIFYING_STRANGERS);
	last = log_in(w, "alice");
	assert_int_equal(last.rc, 0);
	outcome_done(&last);
	for (size_t i = 0; i < SIGNIN_VERIFYING + 1; i++)
		if (many[i].rc == 0 && !many[i].done)
			auth_world_run(w, &many[i].done);
	assert_int_equal(ceiling_count(w->a.verifying), 0);
}

/* Guesses that run beside the one that closes the name are worth nothing either. */
static void
a_guess_that_runs_beside_the_fifth_is_refused(void **state)
{
	const struct lockout_try who = { "alice", "10.1.2.3", false };
	struct auth_world *w = *state;
	struct outcome o = { 0 };
	struct login *l;
	struct err e;
	char code[16];

	make_user(w, "alice", "access", "deploy");
	auth_world_code(w, "alice", code);
	struct login_request q = request(w, "alice", password, code);
	assert_int_equal(login_start(&l, &w->a, &q, on_done, &o, &e), 0);
	for (int i = 0; i < LOCKOUT_FREE; i++)
		(void)lockout_fail(&w->a, &who);
	auth_world_run(w, &o.done);
	refused(o, AUTH_E_STATE, "too many failed logins");
}

/* While the pool computes with the old password: a new one, a link that is not yet completed, nobody any more. */
static void
what_changes_while_the_password_is_verified_counts(void **state)
{
	struct auth_world *w = *state;

	for (int what = 0; what < 3; what++) {
		struct outcome o = { 0 };
		struct login *l;
		struct user u;
		struct err e;
		char code[16], name[16];

		str_format(name, sizeof(name), "alice%d", what);
		make_user(w, name, "access", "deploy");
		auth_world_code(w, name, code);
		struct login_request q = request(w, name, password, code);
		assert_int_equal(login_start(&l, &w->a, &q, on_done, &o, &e), 0);
		assert_int_equal(user_load(&w->a, name, &u, &e), 0);
		if (what == 0)
			assert_int_equal(password_hash("another password", 1, u.password), 0);
		else
			u.confirmed = false;
		if (what < 2)
			assert_int_equal(user_save(&w->a, &u, &e), 0);
		else
			assert_int_equal(resource_remove(&w->a, RESOURCE_USER, name, &e), 0);
		user_done(&u);
		auth_world_run(w, &o.done);
		refused(o, AUTH_E_UNAUTHENTICATED, "wrong user name");
	}
}

static void
keys_are_of_the_kinds_that_are_signed(void **state)
{
	struct auth_world *w = *state;
	struct login_request q = request(w, "alice", password, "123456");
	uint8_t big[600] = { 0 };

	q.ssh_key = span_str("garbage");
	refused(run(w, &q), AUTH_E_INVALID, "Ed25519");
	q.ssh_key = (struct span){ big, sizeof(big) };
	refused(run(w, &q), AUTH_E_INVALID, "Ed25519");
	q.ssh_key = buf_span(&w->ssh_key);
	q.tls_key = span_str("garbage");
	refused(run(w, &q), AUTH_E_INVALID, "P-256");
	q.tls_key = (struct span){ NULL, 0 };
	refused(run(w, &q), AUTH_E_INVALID, "P-256");
}

/* Those of a browser that makes no other. */
static void
a_p256_key_is_certified_for_a_person_and_no_other_kind_is(void **state)
{
	static const char *const lines[] = { SOME_P256, SOME_RSA, SOME_P384, SOME_TOKEN };
	struct auth_world *w = *state;
	char otp[16];

	make_user(w, "alice", "access", "root");
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		struct login_request q;
		struct outcome o;
		struct buf key;

		buf_init(&key, 4096);
		assert_int_equal(sshkey_line_to_blob(lines[i], &key), 0);
		auth_world_code(w, "alice", otp);
		q = request(w, "alice", password, otp);
		q.ssh_key = buf_span(&key);
		o = run(w, &q);
		if (i > 0) {
			refused(o, AUTH_E_INVALID, "Ed25519 or ECDSA P-256");
		} else {
			assert_int_equal(o.rc, 0);
			assert_int_equal(sshkey_type(o.ssh->key), SSHKEY_ECDSA_P256);
			assert_true(span_eq(sshkey_blob(o.ssh->key), buf_span(&key)));
			outcome_done(&o);
		}
		buf_done(&key);
	}
}

static void
an_address_has_so_many_tries_and_a_proxy_more(void **state)
{
	static const struct origin hidden = { { "10.0.0.9", 1 }, true };
	struct auth_world *w = *state;
	struct login_request q = request(w, "alice", password, "123456");
	struct outcome o;

	rate_free(w->a.logins);
	assert_int_equal(rate_new(&w->a.logins, 1, 1), 0);
	refused(run(w, &q), AUTH_E_UNAUTHENTICATED, "wrong");
	refused(run(w, &q), AUTH_E_BUSY, "too many logins from your address");
	q.origin = &hidden;
	for (int i = 0; i < 2; i++) {
		q.user = i ? "bob" : "carol";
		o = run(w, &q);
		assert_int_equal(o.rc, AUTH_E_UNAUTHENTICATED);
	}
}

/* Nobody knows whose these are: an address that all of them share is no address of theirs. */
static void
people_whom_a_proxy_hides_do_not_pay_for_each_other(void **state)
{
	static const struct origin hidden = { { "10.0.0.9", 1 }, true };
	struct auth_world *w = *state;
	struct login_request q;
	struct outcome o;
	char code[16];

	make_user(w, "alice", "access", "deploy");
	for (int i = 0; i < LOCKOUT_FREE + 2; i++) {
		o = fail_at(w, "alice", &hidden);
		assert_int_equal(o.rc, AUTH_E_UNAUTHENTICATED);
		assert_int_equal(o.closed, LOCKOUT_OPEN);
	}
	auth_world_code(w, "alice", code);
	q = request(w, "alice", password, code);
	q.origin = &hidden;
	o = run(w, &q);
	assert_int_equal(o.rc, 0);
	outcome_done(&o);
	/* The name is what counts then, and there is no penalty that all of them would have. */
	for (int i = 0; i < LOCKOUT_NAME_FREE; i++)
		o = fail_at(w, "alice", &hidden);
	assert_int_equal(o.rc, AUTH_E_STATE);
}

/* --- what breaks in between ------------------------------------------------------------------------ */

static void
an_abandoned_login_tells_nobody(void **state)
{
	struct auth_world *w = *state;
	struct outcome o = { 0 }, other;
	struct login *l;
	struct err e;
	char code[16];

	make_user(w, "alice", "access", "deploy");
	make_user(w, "bob", "access", "deploy");
	auth_world_code(w, "alice", code);
	struct login_request q = request(w, "alice", password, code);
	assert_int_equal(login_start(&l, &w->a, &q, on_done, &o, &e), 0);
	login_abandon(l);
	other = log_in(w, "bob");
	assert_int_equal(other.rc, 0);
	outcome_done(&other);
	assert_false(o.done);
}

static void
without_the_signer_there_is_no_login(void **state)
{
	struct auth_world *w = *state;
	struct outcome o;

	make_user(w, "alice", "access", "deploy");
	assert_true(w->signer > 1);
	kill(w->signer, SIGKILL);
	auth_world_run(w, &w->deaths);
	o = log_in(w, "alice");
	refused(o, AUTH_E_BUSY, "the signer is gone");
}

/* A certificate begins after the cut-off, or it would be worth nothing at once. */
static void
a_login_waits_for_the_second_of_the_cutoff(void **state)
{
	struct auth_world *w = *state;
	struct outcome o;
	struct err e;

	make_user(w, "alice", "access", "deploy");
	assert_int_equal(user_cut_off(&w->a, "alice", &e), 0);
	o = log_in(w, "alice");
	assert_int_equal(o.rc, 0);
	assert_true(
	    (int64_t)o.ssh->valid_after * 1000 >= cutoff_get(&w->a, RESOURCE_CUTOFF, "alice"));
	outcome_done(&o);
}

#define T(name) cmocka_unit_test_setup_teardown(name, auth_world_setup, auth_world_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_login_gives_two_certificates_for_the_keys_brought),
		T(the_roles_options_are_the_certificates),
		T(the_time_to_live_is_what_was_asked),
		T(who_may_only_look_gets_a_principal_that_no_account_has),
		T(a_user_without_a_role_that_exists_gets_nothing),
		T(logins_that_do_not_fit_are_not_cut_short),
		T(a_pinned_address_is_in_the_certificate),
		T(all_that_is_wrong_has_one_answer),
		T(a_code_is_good_once),
		T(five_failures_close_a_name_for_their_address),
		T(a_known_address_is_not_shut_out),
		T(the_queue_for_passwords_has_room_for_others),
		T(a_guess_that_runs_beside_the_fifth_is_refused),
		T(what_changes_while_the_password_is_verified_counts),
		T(keys_are_of_the_kinds_that_are_signed),
		T(a_p256_key_is_certified_for_a_person_and_no_other_kind_is),
		T(an_address_has_so_many_tries_and_a_proxy_more),
		T(people_whom_a_proxy_hides_do_not_pay_for_each_other),
		T(an_abandoned_login_tells_nobody),
		T(without_the_signer_there_is_no_login),
		T(a_login_waits_for_the_second_of_the_cutoff),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
