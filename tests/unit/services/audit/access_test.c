/* SPDX-License-Identifier: Apache-2.0 */
/* Who may see events and recordings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "audit/access.h"
#include "base/str.h"

static struct access *a;

static struct rpc_peer
peer(enum rpc_who who, const char *name)
{
	struct rpc_peer p = { .who = who };

	(void)str_copy(p.name, sizeof(p.name), name);
	return p;
}

static enum access_sight
events(const char *user)
{
	struct rpc_peer p = peer(RPC_USER, user);

	return access_events(a, &p);
}

static enum access_sight
recordings(const char *user, const char *verb)
{
	struct rpc_peer p = peer(RPC_USER, user);

	return access_recordings(a, &p, verb);
}

static void
put(const char *user, const char *role)
{
	access_put_user(a, user, &role, 1);
}

/* Presets and three people. */
static int
setup(void **state)
{
	const struct policy_role *presets;
	size_t n;

	(void)state;
	if (access_new(&a) < 0)
		return -1;
	access_begin(a);
	presets = policy_presets(&n);
	for (size_t i = 0; i < n; i++)
		access_put_role(a, &presets[i]);
	put("alice", "auditor");
	put("bob", "access");
	put("carol", "no-such-role");
	access_complete(a);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	access_free(a);
	return 0;
}

static void
roles_decide(void **state)
{
	(void)state;
	assert_int_equal(events("alice"), ACCESS_ALL);
	assert_int_equal(events("bob"), ACCESS_ALL);
	assert_int_equal(events("carol"), ACCESS_OWN);
	assert_int_equal(recordings("alice", "list"), ACCESS_ALL);
	assert_int_equal(recordings("alice", "read"), ACCESS_ALL);
	assert_int_equal(recordings("bob", "read"), ACCESS_OWN);
	assert_int_equal(recordings("carol", "read"), ACCESS_NOTHING);
}

static void
strangers_and_daemons_see_nothing_root_here_everything(void **state)
{
	struct rpc_peer node = peer(RPC_NODE, "alice"), local = peer(RPC_LOCAL, "root"),
			none = peer(RPC_ANYONE, "");

	(void)state;
	assert_int_equal(events("mallory"), ACCESS_NOTHING);
	assert_int_equal(recordings("mallory", "list"), ACCESS_NOTHING);
	assert_int_equal(access_events(a, &node), ACCESS_NOTHING);
	assert_int_equal(access_recordings(a, &none, "read"), ACCESS_NOTHING);
	assert_int_equal(access_events(a, &local), ACCESS_ALL);
	assert_int_equal(access_recordings(a, &local, "read"), ACCESS_ALL);
}

static void
changes_count_at_once(void **state)
{
	(void)state;
	put("bob", "auditor");
	assert_int_equal(events("bob"), ACCESS_ALL);
	access_remove_user(a, "bob");
	assert_int_equal(events("bob"), ACCESS_NOTHING);
	access_remove_role(a, "auditor");
	assert_int_equal(events("alice"), ACCESS_OWN);
}

/* A password that was reset, a user who was changed: what was issued before may be in other hands. */
static void
certificates_from_before_a_cutoff_are_worth_nothing(void **state)
{
	struct rpc_peer old = peer(RPC_USER, "alice"), fresh = peer(RPC_USER, "alice");

	(void)state;
	old.issued_s = 1000;
	fresh.issued_s = 2000;
	access_put_cutoff(a, "alice", 1500 * 1000);
	assert_int_equal(access_events(a, &old), ACCESS_NOTHING);
	assert_int_equal(access_recordings(a, &old, "read"), ACCESS_NOTHING);
	assert_int_equal(access_events(a, &fresh), ACCESS_ALL);
	access_put_cutoff(a, "alice", INT64_MAX);
	assert_int_equal(access_events(a, &fresh), ACCESS_NOTHING);
	assert_int_not_equal(events("bob"), ACCESS_NOTHING);
}

static void
whoever_has_more_roles_than_are_looked_at_may_do_nothing(void **state)
{
	const char *roles[200];

	(void)state;
	for (size_t i = 0; i < 200; i++)
		roles[i] = i ? "access" : "auditor";
	access_put_user(a, "alice", roles, 128);
	assert_int_equal(events("alice"), ACCESS_ALL);
	access_put_user(a, "alice", roles, 129);
	assert_int_not_equal(events("alice"), ACCESS_ALL);
	assert_int_equal(recordings("alice", "read"), ACCESS_NOTHING);
}

static void
a_new_snapshot_counts_when_it_is_whole(void **state)
{
	(void)state;
	access_begin(a);
	put("dave", "auditor");
	assert_int_equal(events("alice"), ACCESS_ALL);
	assert_int_equal(events("dave"), ACCESS_NOTHING);
	access_complete(a);
	assert_int_equal(events("alice"), ACCESS_NOTHING);
	assert_int_equal(events("dave"), ACCESS_OWN); /* the role was not named again */
}

static void
before_the_first_snapshot_nobody_is_known(void **state)
{
	struct access *fresh;
	struct rpc_peer p = peer(RPC_USER, "alice");

	(void)state;
	assert_int_equal(access_new(&fresh), 0);
	assert_false(access_is_known(fresh));
	assert_int_equal(access_events(fresh, &p), ACCESS_NOTHING);
	access_free(fresh);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(roles_decide, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    strangers_and_daemons_see_nothing_root_here_everything, setup, teardown),
		cmocka_unit_test_setup_teardown(changes_count_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(certificates_from_before_a_cutoff_are_worth_nothing,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(
		    whoever_has_more_roles_than_are_looked_at_may_do_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(a_new_snapshot_counts_when_it_is_whole, setup,
		    teardown),
		cmocka_unit_test(before_the_first_snapshot_nobody_is_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
