/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Joins and renewals while the signer works on them: what others do meanwhile counts, and is not lost.
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
#include "auth_joins.h"
#include "base/str.h"

static void
what_happened_meanwhile_counts(void **state)
{
	struct auth_world *w = *state;
	struct join_request q = joins_request(w, NULL, "", joins_uuid_a);
	char token[TOKEN_TEXT_SIZE];
	struct joining *j;
	struct joins_outcome o;
	struct err e;

	joins_token(w, "node", 2, token);
	joins_joined(joins_plain(w, token, "node", joins_uuid_a));
	/* It joined anew while the signer worked on its renewal. */
	assert_int_equal(joins_begin(w, &q, NULL, &o, &j), 0);
	host_find(&w->a, joins_uuid_a)->certs_from_s++;
	auth_world_run(w, &o.done);
	joins_refused(o, AUTH_E_UNAUTHENTICATED, "joined again in the meantime");
	/* It was removed. */
	assert_int_equal(joins_begin(w, &q, NULL, &o, &j), 0);
	assert_int_equal(host_remove(&w->a, host_find(&w->a, joins_uuid_a), &e), 0);
	auth_world_run(w, &o.done);
	joins_refused(o, AUTH_E_UNAUTHENTICATED, "removed in the meantime");
	assert_null(host_find(&w->a, joins_uuid_a));
}

static void
what_others_write_while_it_is_signed_stays(void **state)
{
	struct auth_world *w = *state;
	struct labels own = { 0 }, set = { 0 };
	struct host_seen seen = { .labels = &own, .address = "", .version = "2.0" };
	struct join_request renewal = joins_request(w, NULL, "", joins_uuid_a), again;
	char token[TOKEN_TEXT_SIZE];
	struct joining *j;
	struct joins_outcome o;
	struct host *n;
	struct err e;

	joins_token(w, "node", 1, token);
	again = joins_request(w, token, "node", joins_uuid_a);
	joins_joined(joins_plain(w, token, "node", joins_uuid_a));
	for (int round = 0; round < 2; round++) {
		assert_int_equal(joins_begin(w, round ? &again : &renewal, NULL, &o, &j), 0);
		n = host_find(&w->a, joins_uuid_a);
		n->online = false;
		assert_int_equal(labels_set(&own, "team", round ? "night" : "day"), 0);
		assert_int_equal(host_heartbeat(&w->a, n, &seen, &e), 0);
		assert_int_equal(labels_set(&set, "tier", round ? "second" : "first"), 0);
		assert_int_equal(host_label(&w->a, n, &set, NULL, 0, &e), 0);
		labels_done(&set);
		auth_world_run(w, &o.done);
		joins_joined(o);
		n = host_find(&w->a, joins_uuid_a);
		assert_true(n->online);
		assert_string_equal(n->version, "2.0");
		assert_string_equal(labels_get(&n->labels, "team"), round ? "night" : "day");
		assert_string_equal(labels_get(&n->labels, "tier"), round ? "second" : "first");
		assert_string_equal(labels_get(&n->labels, "env"), "token");
	}
}

/* Both are under way at the same time. */
static void
first_alone_joins(struct auth_world *w, struct join_request *first, struct join_request *second,
    int rc, const char *why)
{
	struct joining *j;
	struct joins_outcome a, b;

	assert_int_equal(joins_begin(w, first, NULL, &a, &j), 0);
	assert_int_equal(joins_begin(w, second, NULL, &b, &j), 0);
	auth_world_run(w, &a.done);
	auth_world_run(w, &b.done);
	joins_joined(a);
	joins_refused(b, rc, why);
}

static void
of_two_joins_at_once_one_has_the_identity(void **state)
{
	struct auth_world *w = *state;
	char token[TOKEN_TEXT_SIZE];
	struct join_request first, second;

	joins_token(w, "node", 5, token);
	first = second = joins_request(w, token, "node", joins_uuid_a);
	second.tls_key = buf_span(&w->other_tls_key);
	first_alone_joins(w, &first, &second, AUTH_E_EXISTS, "registered already with another key");
}

static void
of_two_joins_with_one_use_one_has_it(void **state)
{
	struct auth_world *w = *state;
	char token[TOKEN_TEXT_SIZE];
	struct join_request first, second;

	joins_token(w, "node", 1, token);
	first = joins_request(w, token, "node", joins_uuid_a);
	second = joins_request(w, token, "node", joins_uuid_b);
	second.name = "web-2";
	first_alone_joins(w, &first, &second, AUTH_E_STATE, "was used already");
	assert_null(host_find(&w->a, joins_uuid_b));
}

static void
an_abandoned_join_writes_nothing(void **state)
{
	struct auth_world *w = *state;
	char token[TOKEN_TEXT_SIZE];
	struct join_request q;
	struct joining *j;
	struct joins_outcome o;

	joins_token(w, "node", 1, token);
	q = joins_request(w, token, "node", joins_uuid_a);
	assert_int_equal(joins_begin(w, &q, NULL, &o, &j), 0);
	(void)loop_turn(w->a.loop, 10); /* the signer has been asked */
	join_abandon(j);
	for (int i = 0; i < 20; i++)
		(void)loop_turn(w->a.loop, 10);
	assert_false(o.done);
	assert_null(host_find(&w->a, joins_uuid_a));
	joins_joined(joins_plain(w, token, "node", joins_uuid_a));
}

static void
without_the_signer_nobody_joins(void **state)
{
	struct auth_world *w = *state;
	char token[TOKEN_TEXT_SIZE];
	struct join_request q;
	struct joining *j;
	struct joins_outcome o;

	joins_token(w, "node", 1, token);
	q = joins_request(w, token, "node", joins_uuid_a);
	assert_true(w->signer > 1);
	kill(w->signer, SIGSTOP); /* asked, and dies before it answers */
	assert_int_equal(joins_begin(w, &q, NULL, &o, &j), 0);
	(void)loop_turn(w->a.loop, 10);
	kill(w->signer, SIGKILL);
	auth_world_run(w, &o.done);
	joins_refused(o, -1, "the signer is gone");
	joins_refused(joins_plain(w, token, "node", joins_uuid_a), AUTH_E_BUSY,
	    "the signer is gone");
	assert_null(host_find(&w->a, joins_uuid_a));
}

static void
a_join_waits_for_the_second_of_the_cutoff(void **state)
{
	struct auth_world *w = *state;
	char token[TOKEN_TEXT_SIZE];
	struct joins_outcome o;
	struct err e;

	joins_token(w, "node", 2, token);
	joins_joined(joins_plain(w, token, "node", joins_uuid_a));
	assert_int_equal(host_remove(&w->a, host_find(&w->a, joins_uuid_a), &e), 0);
	o = joins_plain(w, token, "node", joins_uuid_a);
	if (o.rc != 0)
		fail_msg("%s", o.error);
	assert_true((int64_t)o.host->valid_after * 1000 >=
	    cutoff_get(&w->a, RESOURCE_HOST_CUTOFF, joins_uuid_a));
	assert_true(x509_cert_not_before(o.tls) * 1000 >=
	    cutoff_get(&w->a, RESOURCE_HOST_CUTOFF, joins_uuid_a));
	joins_outcome_done(&o);
}

static void
of_two_joins_with_one_name_one_has_it(void **state)
{
	struct auth_world *w = *state;
	char token[TOKEN_TEXT_SIZE];
	struct join_request first, second;

	joins_token(w, "node", 5, token);
	first = joins_request(w, token, "node", joins_uuid_a);
	second = joins_other_request(w, token, "Web-1");
	first_alone_joins(w, &first, &second, AUTH_E_EXISTS, "belongs to host");
	assert_null(host_find(&w->a, joins_uuid_b));
}

#define T(name) cmocka_unit_test_setup_teardown(name, auth_world_setup, auth_world_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_others_write_while_it_is_signed_stays),
		T(what_happened_meanwhile_counts),
		T(of_two_joins_at_once_one_has_the_identity),
		T(of_two_joins_with_one_use_one_has_it),
		T(an_abandoned_join_writes_nothing),
		T(without_the_signer_nobody_joins),
		T(a_join_waits_for_the_second_of_the_cutoff),
		T(of_two_joins_with_one_name_one_has_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
