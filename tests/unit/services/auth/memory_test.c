/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logins, joins, tokens and links when memory runs out, at each place: refused with a text, or whole. Never a certificate
 * with fewer roles, a host with fewer labels or a token without its own: what is left out might be what denies.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "auth/access.h"
#include "auth/cutoff.h"
#include "auth/invite.h"
#include "auth/join.h"
#include "auth/lockout.h"
#include "auth/login.h"
#include "auth/origin.h"
#include "auth/rpc_faces.h"
#include "auth/web_login.h"
#include "auth_world.h"
#include "base/log.h"
#include "base/str.h"
#include "crypto/rand.h"
#include "net/rate.h"
#include "no_memory.h"

/* Root on authd's host, who may all. */
static const struct access_person root = { .local = true };

static const char password[] = "correct horse battery";
static const struct origin home = { { "10.1.2.3", 5555 }, false };
static const char uuid[] = "01234567-89ab-4cde-8f01-23456789abcd";

static const char chosen[] = "0123456789abcdef0123456789abcdef";

/* What came of something that takes a while. */
struct outcome {
	bool done;
	int rc;
	char error[512];
};

static void
ends(struct outcome *o, int rc, const struct err *e)
{
	o->done = true;
	o->rc = rc;
	str_copy(o->error, sizeof(o->error), rc == 0 ? "" : e->text);
}

/* A kind of work, in a world of its own each time: without memory the connection to the signer ends, which ends authd. */
struct job {
	void (*prepare)(struct auth_world *w);
	/* Not 0: refused at once. Otherwise ends(o) is called from the loop. */
	int (*start)(struct auth_world *w, struct outcome *o, struct err *e);
	/* With memory again: whole, or nothing. */
	void (*check)(struct auth_world *w, const struct outcome *o);
};

/* Whether the allocation after n others was asked for, and refused. */
static bool
try_without(const struct job *job, long n)
{
	struct outcome o = { 0 };
	struct err e = { "" };
	struct auth_world *w;
	void *state;
	bool refused;

	assert_int_equal(auth_world_setup(&state), 0);
	w = state;
	job->prepare(w);
	memory_fails(n, NO_MEMORY_OWN);
	o.rc = job->start(w, &o, &e);
	if (o.rc != 0)
		str_copy(o.error, sizeof(o.error), e.text);
	else
		auth_world_run(w, &o.done);
	refused = memory_returns();
	if (o.rc != 0 && !o.error[0])
		fail_msg("allocation %ld failed, and nobody said so", n);
	assert_true(o.rc == 0 || refused);
	job->check(w, &o);
	auth_world_teardown(&state);
	return refused;
}

static void
try_everywhere(const struct job *job)
{
	long n = 0;

	while (try_without(job, n))
		n++;
	assert_true(n > 10);
}

static void
make_token(struct auth_world *w)
{
	struct labels labels = { 0 };
	struct token_spec spec = { .kind = "node",
		.labels = &labels,
		.value = chosen,
		.by = "root" };
	char value[TOKEN_TEXT_SIZE];
	struct token t;
	struct err e;

	assert_int_equal(labels_set(&labels, "env", "prod"), 0);
	if (token_add(&w->a, &spec, &t, value, &e) != 0)
		fail_msg("%s", e.text);
	token_done(&t);
	labels_done(&labels);
}

static void
make_user(struct auth_world *w)
{
	struct user u = { .created_ms = 1, .confirmed = true, .revision = STORE_ABSENT };
	struct err e;

	str_copy(u.name, sizeof(u.name), "alice");
	assert_int_equal(names_add(&u.roles, "access"), 0);
	assert_int_equal(names_add(&u.roles, "editor"), 0);
	assert_int_equal(names_add(&u.logins, "root"), 0);
	assert_int_equal(password_hash(password, 1, u.password), 0);
	auth_world_give_app(w, &u);
	if (user_save(&w->a, &u, &e) != 0)
		fail_msg("%s", e.text);
	user_done(&u);
}

/* --- tokens ------------------------------------------------------------------------------------ */

static int
adds_a_token(void *arg, struct err *e)
{
	struct auth_world *w = arg;
	struct labels labels = { 0 };
	struct token_spec spec = { .kind = "node", .labels = &labels, .value = "", .by = "root" };
	char value[TOKEN_TEXT_SIZE];
	struct token t = { 0 };
	int rc = -1;

	if (labels_set(&labels, "env", "prod") < 0)
		err_memory(e);
	else
		rc = token_add(&w->a, &spec, &t, value, e);
	assert_true(rc != 0 || t.labels.n == 1);
	token_done(&t);
	labels_done(&labels);
	return rc;
}

static void
a_token_has_its_labels_or_there_is_none(void **state)
{
	memory_runs_out_here(adds_a_token, *state);
}

static int
uses_a_token(void *arg, struct err *e)
{
	struct auth_world *w = arg;
	struct token t = { 0 };
	int rc = resource_begin(&w->a, e);

	if (rc == 0)
		rc = token_use(&w->a, chosen, "node", &t, e);
	store_rollback(w->a.store);
	assert_true(rc != 0 || t.labels.n == 1);
	token_done(&t);
	return rc;
}

static void
a_token_is_used_or_not(void **state)
{
	struct auth_world *w = *state;

	make_token(w);
	memory_runs_out_here(uses_a_token, w);
}

/* --- what is kept in memory as well ------------------------------------------------------------------- */

static struct role *
new_role(void)
{
	struct role *r = resource_new(RESOURCE_ROLE);
	const struct policy_role policy = { .name = "dev" };

	assert_non_null(r);
	r->policy = policy_role_copy(&policy);
	assert_non_null(r->policy);
	str_copy(r->name, sizeof(r->name), policy.name);
	r->revision = STORE_ABSENT;
	return r;
}

static void
the_store_is_never_ahead_of_memory(void **state)
{
	struct auth_world *w = *state;
	bool refused = true;
	struct buf b;
	struct err e;

	buf_init(&b, STORE_VALUE_MAX);
	for (long n = 0; refused; n++) {
		struct role *r = new_role();
		int rc;

		memory_fails(n, NO_MEMORY_ONCE);
		rc = resource_save(&w->a, RESOURCE_ROLE, r, &e);
		refused = memory_returns();
		assert_true(refused || rc == 0);
		assert_true((role_find(&w->a, "dev") != NULL) == (rc == 0));
		assert_true((store_get(w->a.store, "role/dev", &b, NULL, NULL) == 0) == (rc == 0));
		if (rc == 0)
			assert_int_equal(resource_drop(&w->a, RESOURCE_ROLE, "dev", &root, &e), 0);
		else
			resource_free(RESOURCE_ROLE, r);
	}
	buf_done(&b);
}

/* --- answers -------------------------------------------------------------------------------------- */

/* Else it would be an internal error, of which the log has no cause. */
static void
a_list_that_a_message_is_missing_from_says_so(void **state)
{
	struct face_list l;

	(void)state;
	face_list_init(&l);
	memory_fails(0, NO_MEMORY_ONCE);
	assert_null(face_new(&l, 64));
	assert_true(memory_returns());
	assert_true(l.failed);
	face_list_done(&l);
}

/* --- links ----------------------------------------------------------------------------------------- */

static int
makes_a_link(void *arg, struct err *e)
{
	struct auth_world *w = arg;
	char token[INVITE_TOKEN_SIZE];
	int64_t expires_ms;
	int rc = invite_new(&w->a, &(const struct invite_spec){ "alice", false, 0, "" }, token,
	    &expires_ms, e);

	assert_true(rc == 0 || !strstr(e->text, "somebody else"));
	return rc;
}

static void
a_link_is_made_or_there_is_none(void **state)
{
	memory_runs_out_here(makes_a_link, *state);
}

static void
on_completed(int rc, const struct invite_result *result, struct err *e, void *arg)
{
	(void)result;
	ends(arg, rc, e);
}

static char link_token[INVITE_TOKEN_SIZE];

static void
make_link(struct auth_world *w)
{
	struct err e;
	int64_t expires_ms;

	make_user(w);
	while (lockout_until(&w->a, "alice") == 0)
		(void)lockout_fail(&w->a, &(struct lockout_try){ .user = "alice", .source = "" });
	if (invite_new(&w->a, &(const struct invite_spec){ "alice", true, 0, "" }, link_token,
		&expires_ms, &e) != 0)
		fail_msg("%s", e.text);
}

static int
shows_a_link(void *arg, struct err *e)
{
	struct auth_world *w = arg;
	uint8_t totp[TOTP_SECRET_BYTES];
	struct invite i;

	return invite_show(&w->a, link_token, &i, totp, e);
}

static void
a_link_is_shown_or_not(void **state)
{
	make_link(*state);
	assert_int_equal(shows_a_link(*state, NULL), 0);
	memory_runs_out_here(shows_a_link, *state);
}

static int
completes(struct auth_world *w, struct outcome *o, struct err *e)
{
	char code[16];
	uint8_t totp[TOTP_SECRET_BYTES];
	const struct invite_answer q = { .token = link_token,
		.password = "another password",
		.otp = code,
		.name = "" };
	struct invite i;
	int rc = invite_show(&w->a, link_token, &i, totp, e);

	if (rc != 0)
		return rc;
	assert_int_equal(totp_code(totp, w->a.now_ms() / 1000, code), 0);
	return invite_complete(&w->a, &q, on_completed, o, e);
}

static void
is_completed(struct auth_world *w, const struct outcome *o)
{
	uint8_t totp[TOTP_SECRET_BYTES];
	struct invite i;
	struct user u;
	struct err e;

	/* Used with all that it was for, or still good. */
	assert_int_equal(user_load(&w->a, "alice", &u, &e), 0);
	assert_true(password_verify(u.password, 1, o->rc == 0 ? "another password" : password));
	user_done(&u);
	assert_true((invite_show(&w->a, link_token, &i, totp, &e) == 0) == (o->rc != 0));
	assert_true((cutoff_get(&w->a, RESOURCE_CUTOFF, "alice") > 0) == (o->rc == 0));
	if (o->rc != 0)
		assert_true(lockout_until(&w->a, "alice") > 0);
}

/* Whoever has a new password is let in with it. */
static void
a_link_opens_what_was_closed(void **state)
{
	struct auth_world *w = *state;
	struct outcome o = { 0 };
	struct err e;

	make_link(w);
	assert_int_equal(completes(w, &o, &e), 0);
	auth_world_run(w, &o.done);
	assert_int_equal(o.rc, 0);
	assert_true(lockout_until(&w->a, "alice") == 0);
	is_completed(w, &o);
}

static void
a_link_is_used_whole_or_stays(void **state)
{
	const struct job job = { make_link, completes, is_completed };

	(void)state;
	try_everywhere(&job);
}

/* --- joins ----------------------------------------------------------------------------------------- */

static void
on_joined(int rc, const struct join_result *result, const struct err *e, void *arg)
{
	ends(arg, rc, e);
	if (rc != 0)
		return;
	memory_returns();
	sshcert_free(auth_world_ssh_cert(result->ssh_host_cert));
	sshcert_free(auth_world_ssh_cert(result->ssh_tunnel_cert));
	x509_cert_free(auth_world_tls_cert(result->tls_pem));
}

static int
joins(struct auth_world *w, struct outcome *o, struct err *e)
{
	struct labels labels = { 0 };
	struct names addresses = { 0 };
	struct token token = { 0 };
	struct joining *j;
	struct join_request q = { .token = chosen,
		.kind = "node",
		.name = "web-1",
		.uuid = uuid,
		.ssh_key = buf_span(&w->ssh_key),
		.tls_key = buf_span(&w->tls_key),
		.labels = &labels,
		.addresses = &addresses,
		.version = "0.1.0" };
	int rc = -1;

	if (labels_set(&labels, "team", "own") < 0 || names_add(&addresses, "10.0.0.1") < 0)
		err_memory(e);
	else
		rc = join_start(&j, &w->a, &q, on_joined, o, &token, e);
	token_done(&token);
	labels_done(&labels);
	names_done(&addresses);
	return rc;
}

static void
is_joined(struct auth_world *w, const struct outcome *o)
{
	struct host *n = host_find(&w->a, uuid);

	if (o->rc != 0)
		return;
	assert_non_null(n);
	assert_int_equal(n->own_labels.n, 1);
	assert_int_equal(n->token_labels.n, 1);
	assert_int_equal(n->labels.n, 2);
	assert_int_equal(n->addresses.n, 1);
	assert_true(n->certs_from_s > 0);
}

static void
a_host_joins_whole_or_not_at_all(void **state)
{
	const struct job job = { make_token, joins, is_joined };

	(void)state;
	try_everywhere(&job);
}

/* --- logins ---------------------------------------------------------------------------------------- */

static void
on_login(int rc, const struct certify_result *result, const struct signin_outcome *how,
    const struct err *e, void *arg)
{
	struct sshcert *ssh;

	(void)how;
	ends(arg, rc, e);
	if (rc != 0)
		return;
	memory_returns();
	assert_int_equal(result->roles->n, 2);
	assert_int_equal(result->logins->n, 1);
	ssh = auth_world_ssh_cert(result->ssh_cert);
	assert_true(auth_world_has_principal(ssh, "root"));
	sshcert_free(ssh);
	x509_cert_free(auth_world_tls_cert(result->tls_pem));
}

static int
code_of_alice(struct auth_world *w, char code[16], struct err *e)
{
	struct user u;
	uint8_t totp[TOTP_SECRET_BYTES];
	int rc = user_load(&w->a, "alice", &u, e);

	if (rc == 0)
		rc = seed_open(&w->a, u.name, u.factors.v[0].seed, totp, e);
	if (rc == 0)
		rc = totp_code(totp, w->a.now_ms() / 1000, code);
	user_done(&u);
	return rc;
}

static int
logs_in(struct auth_world *w, struct outcome *o, struct err *e)
{
	struct login *l;
	char code[16];
	int rc = code_of_alice(w, code, e);
	const struct login_request q = { .user = "alice",
		.password = password,
		.otp = code,
		.ssh_key = buf_span(&w->ssh_key),
		.tls_key = buf_span(&w->tls_key),
		.origin = &home };

	return rc == 0 ? login_start(&l, &w->a, &q, on_login, o, e) : rc;
}

static void
is_logged_in(struct auth_world *w, const struct outcome *o)
{
	(void)w;
	/* Not the person's fault. */
	assert_true(o->rc != AUTH_E_UNAUTHENTICATED && o->rc != AUTH_E_DENIED);
}

static void
a_certificate_is_whole_or_there_is_none(void **state)
{
	const struct job job = { make_user, logs_in, is_logged_in };

	(void)state;
	try_everywhere(&job);
}

/* --- web sessions ------------------------------------------------------------------------------ */

static void
on_web_login(int rc, const struct web_login_result *result, const struct signin_outcome *how,
    const struct err *e, void *arg)
{
	(void)how;
	ends(arg, rc, e);
	if (rc != 0)
		return;
	memory_returns();
	assert_string_equal(result->session->user, "alice");
	assert_string_equal(result->session->address, home.at.ip);
}

static int
logs_in_to_the_web(struct auth_world *w, struct outcome *o, struct err *e)
{
	struct web_login *l;
	char code[16];
	const struct web_login_request q = { .user = "alice",
		.password = password,
		.otp = code,
		.browser = "Firefox",
		.origin = &home };
	int rc = code_of_alice(w, code, e);

	return rc == 0 ? web_login_start(&l, &w->a, &q, on_web_login, o, e) : rc;
}

/* In memory and in the store, or in neither. */
static void
has_a_session_or_none(struct auth_world *w, const struct outcome *o)
{
	const struct web_session *all[WEB_SESSIONS_OF_ONE];
	size_t n = web_sessions_of(&w->a, "alice", all);
	struct web_session stored;
	struct err e;

	assert_true(o->rc != AUTH_E_UNAUTHENTICATED && o->rc != AUTH_E_DENIED);
	assert_int_equal(n, o->rc == 0 ? 1 : 0);
	if (n == 0)
		return;
	assert_int_equal(resource_load(&w->a, RESOURCE_WEB_SESSION, all[0]->key, &stored, &e), 0);
	resource_done(RESOURCE_WEB_SESSION, &stored);
}

static void
a_web_session_is_whole_or_there_is_none(void **state)
{
	const struct job job = { make_user, logs_in_to_the_web, has_a_session_or_none };

	(void)state;
	try_everywhere(&job);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_token_has_its_labels_or_there_is_none,
		    auth_world_setup, auth_world_teardown),
		cmocka_unit_test_setup_teardown(a_token_is_used_or_not, auth_world_setup,
		    auth_world_teardown),
		cmocka_unit_test_setup_teardown(a_link_is_made_or_there_is_none, auth_world_setup,
		    auth_world_teardown),
		cmocka_unit_test_setup_teardown(a_link_is_shown_or_not, auth_world_setup,
		    auth_world_teardown),
		cmocka_unit_test_setup_teardown(the_store_is_never_ahead_of_memory,
		    auth_world_setup, auth_world_teardown),
		cmocka_unit_test(a_list_that_a_message_is_missing_from_says_so),
		cmocka_unit_test_setup_teardown(a_link_opens_what_was_closed, auth_world_setup,
		    auth_world_teardown),
		cmocka_unit_test(a_link_is_used_whole_or_stays),
		cmocka_unit_test(a_host_joins_whole_or_not_at_all),
		cmocka_unit_test(a_certificate_is_whole_or_there_is_none),
		cmocka_unit_test(a_web_session_is_whole_or_there_is_none),
	};

	/* A world says at its start that it made new keys. */
	log_open("memory_test", LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
