/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates that are under way while something is taken away: nothing is given that was signed for what somebody had.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/cutoffs.h"
#include "auth/access.h"
#include "auth/certify.h"
#include "auth/cutoff.h"
#include "auth/origin.h"
#include "auth/web_session.h"
#include "auth_world.h"
#include "base/str.h"
#include "proto/auth.pb-c.h"

static const struct origin home = { { "10.1.2.3", 5555 }, false },
			   cafe = { { "198.51.100.7", 5555 }, false };
static const char *const any[] = { "*" };
static const struct policy_label_rule everywhere[] = { { "*", { any, 1 } } };

struct outcome {
	bool done;
	int rc;
	char error[512], source[64];
};

static void
on_done(int rc, const struct certify_result *result, const struct err *e, void *arg)
{
	struct outcome *o = arg;
	struct sshcert *cert;
	const char *source;

	o->done = true;
	o->rc = rc;
	if (rc != 0) {
		str_copy(o->error, sizeof(o->error), e->text);
		return;
	}
	cert = auth_world_ssh_cert(result->ssh_cert);
	source = sshcert_critical(cert, "source-address");
	str_copy(o->source, sizeof(o->source), source ? source : "");
	sshcert_free(cert);
}

static void
make_user(struct auth_world *w, const char *name, const char *role)
{
	struct user u = { .created_ms = 1, .revision = STORE_ABSENT };
	struct err e;

	str_copy(u.name, sizeof(u.name), name);
	assert_int_equal(names_add(&u.roles, role), 0);
	assert_int_equal(names_add(&u.logins, "deploy"), 0);
	assert_int_equal(user_save(&w->a, &u, &e), 0);
	user_done(&u);
}

static void
put_role(struct auth_world *w, const char *name, const char *login, int64_t ttl_s, bool pinned)
{
	const struct policy_role role = { .name = name,
		.allow = { .logins = { &login, 1 }, .node_labels = everywhere, .n_node_labels = 1 },
		.options = { .max_session_ttl_s = ttl_s, .pin_source_ip = pinned } };
	struct role *r = resource_new(RESOURCE_ROLE);
	struct err e;

	r->policy = policy_role_copy(&role);
	str_copy(r->name, sizeof(r->name), name);
	r->revision = STORE_ANY;
	assert_int_equal(resource_save(&w->a, RESOURCE_ROLE, r, &e), 0);
}

static const struct web_session *
make_session(struct auth_world *w, const char *user)
{
	const struct web_session_spec spec = { .user = user,
		.address = home.at.ip,
		.browser = "Firefox",
		.expires_s = w->a.now_ms() / 1000 + 600 };
	char token[WEB_SESSION_TOKEN_SIZE];
	const struct web_session *s;
	struct err e;

	assert_int_equal(web_session_new(&w->a, &spec, token, &s, &e), 0);
	return s;
}

static int
begin(struct auth_world *w, const char *name, const char *web, const struct origin *from,
    struct outcome *o)
{
	struct certify_request q = { .ssh_key = buf_span(&w->ssh_key), .origin = from, .web = web };
	struct user u;
	struct err e;
	int rc;

	*o = (struct outcome){ 0 };
	assert_int_equal(user_load(&w->a, name, &u, &e), 0);
	q.user = &u;
	rc = certify_start(&w->a, &q, on_done, o, &e);
	user_done(&u);
	return rc;
}

static void
run(struct auth_world *w, struct outcome *o)
{
	auth_world_run(w, &o->done);
}

/* --- what is taken away meanwhile ------------------------------------------------------------ */

static void
cut_off(struct auth_world *w)
{
	struct err e;

	assert_int_equal(user_cut_off(&w->a, "alice", &e), 0);
}

static void
cut_everybody_off(struct auth_world *w)
{
	struct err e;

	assert_int_equal(cutoff_set(&w->a, RESOURCE_CUTOFF, CUTOFF_EVERYBODY, w->a.now_ms() + 60000,
			     &e),
	    0);
}

static void
narrow_the_role(struct auth_world *w)
{
	put_role(w, "own", "web", 600, false);
}

static void
shorten_the_role(struct auth_world *w)
{
	put_role(w, "own", "root", 60, false);
}

static void
pin_the_role(struct auth_world *w)
{
	put_role(w, "own", "root", 600, true);
}

static void
another_role(struct auth_world *w)
{
	struct user u;
	struct err e;

	assert_int_equal(user_load(&w->a, "alice", &u, &e), 0);
	names_done(&u.roles);
	assert_int_equal(names_add(&u.roles, "access"), 0);
	assert_int_equal(user_save(&w->a, &u, &e), 0);
	user_done(&u);
}

static void (*const changes[])(struct auth_world *) = { cut_off, cut_everybody_off, narrow_the_role,
	shorten_the_role, pin_the_role, another_role };

/* Before the signer is asked, and while it works. */
static void
what_changes_before_a_certificate_is_there_counts(void **state)
{
	struct auth_world *w = *state;
	struct outcome o;

	put_role(w, "own", "root", 600, false);
	make_user(w, "alice", "own");
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		for (int turns = 0; turns < 2; turns++) {
			assert_int_equal(begin(w, "alice", NULL, &home, &o), 0);
			if (turns)
				(void)loop_turn(w->a.loop, 10);
			assert_false(o.done);
			changes[i](w);
			run(w, &o);
			if (o.rc != AUTH_E_STATE || !strstr(o.error, "at this moment; try again"))
				fail_msg("change %zu: %d: %s", i, o.rc, o.error);
			/* As it was. */
			put_role(w, "own", "root", 600, false);
			if (changes[i] == another_role) {
				struct err e;

				assert_int_equal(resource_remove(&w->a, RESOURCE_USER, "alice", &e),
				    0);
				make_user(w, "alice", "own");
			}
		}
	}
	assert_int_equal(begin(w, "alice", NULL, &home, &o), 0);
	run(w, &o);
	assert_int_equal(o.rc, 0);
}

/* All cut-offs of one second have one value. */
static void
a_second_change_in_the_second_that_is_waited_for_counts(void **state)
{
	struct auth_world *w = *state;
	struct outcome o;

	make_user(w, "alice", "access");
	cut_off(w);
	assert_int_equal(begin(w, "alice", NULL, &home, &o), 0);
	(void)loop_turn(w->a.loop, 0);
	cut_off(w);
	run(w, &o);
	assert_int_equal(o.rc, AUTH_E_STATE);
	/* The same without it is only later. */
	cut_off(w);
	assert_int_equal(begin(w, "alice", NULL, &home, &o), 0);
	run(w, &o);
	assert_int_equal(o.rc, 0);
}

static void
lock(struct auth_world *w, const char *user)
{
	const struct access_person root = { .local = true };
	Auth__Lock m = AUTH__LOCK__INIT;
	uint8_t packed[256];
	struct resource_file file = { .kind = RESOURCE_LOCK,
		.name = "",
		.revision = STORE_ABSENT,
		.by = &root };
	struct err e;

	m.user = user;
	assert_true(protobuf_c_message_get_packed_size(&m.base) <= sizeof(packed));
	file.value = (struct span){ packed, protobuf_c_message_pack(&m.base, packed) };
	assert_int_equal(resource_put(&w->a, &file, &e), 0);
}

static void
who_is_removed_or_locked_meanwhile_gets_no_certificate(void **state)
{
	struct auth_world *w = *state;
	struct outcome o;
	struct err e;

	make_user(w, "alice", "access");
	assert_int_equal(begin(w, "alice", NULL, &home, &o), 0);
	assert_int_equal(resource_remove(&w->a, RESOURCE_USER, "alice", &e), 0);
	run(w, &o);
	assert_int_equal(o.rc, AUTH_E_NOT_FOUND);
	make_user(w, "alice", "access");
	assert_int_equal(begin(w, "alice", NULL, &home, &o), 0);
	lock(w, "alice");
	run(w, &o);
	assert_int_equal(o.rc, AUTH_E_DENIED);
}

/* --- of web sessions -------------------------------------------------------------------------- */

static void
a_session_that_ends_meanwhile_gets_no_certificate(void **state)
{
	struct auth_world *w = *state;
	const struct web_session *s;
	struct outcome o;
	struct err e;

	make_user(w, "alice", "access");
	s = make_session(w, "alice");
	assert_int_equal(begin(w, "alice", s->key, &cafe, &o), 0);
	run(w, &o);
	assert_int_equal(o.rc, 0);
	assert_int_equal(begin(w, "alice", s->key, &cafe, &o), 0);
	(void)loop_turn(w->a.loop, 10);
	assert_false(o.done);
	assert_int_equal(web_session_end(&w->a, s->key, &e), 0);
	run(w, &o);
	assert_int_equal(o.rc, AUTH_E_UNAUTHENTICATED);
}

/* Also where the role began to pin after the login. */
static void
a_certificate_is_pinned_to_where_its_session_began(void **state)
{
	struct auth_world *w = *state;
	const struct web_session *s;
	struct outcome o;

	put_role(w, "own", "root", 600, true);
	make_user(w, "alice", "own");
	s = make_session(w, "alice");
	assert_false(s->pinned);
	assert_int_equal(begin(w, "alice", s->key, &home, &o), 0);
	run(w, &o);
	assert_int_equal(o.rc, 0);
	assert_string_equal(o.source, "10.1.2.3/32");
	assert_int_equal(begin(w, "alice", s->key, &cafe, &o), 0);
	run(w, &o);
	assert_int_equal(o.rc, AUTH_E_DENIED);
	assert_non_null(strstr(o.error, "log in again from here"));
}

#define T(name) cmocka_unit_test_setup_teardown(name, auth_world_setup, auth_world_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_changes_before_a_certificate_is_there_counts),
		T(a_second_change_in_the_second_that_is_waited_for_counts),
		T(who_is_removed_or_locked_meanwhile_gets_no_certificate),
		T(a_session_that_ends_meanwhile_gets_no_certificate),
		T(a_certificate_is_pinned_to_where_its_session_began),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
