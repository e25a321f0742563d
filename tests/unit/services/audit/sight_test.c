/* SPDX-License-Identifier: Apache-2.0 */
/* Who may see events and recordings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "audit/sight.h"
#include "base/clock.h"
#include "base/str.h"
#include "cluster.h"

static struct loop *loop;
static struct replica *a;

static struct rpc_peer
peer(enum rpc_who who, const char *name)
{
	struct rpc_peer p = { .who = who };

	(void)str_copy(p.name, sizeof(p.name), name);
	return p;
}

static enum sight
events(const char *user)
{
	struct rpc_peer p = peer(RPC_USER, user);

	return sight_events(a, &p, NULL);
}

static enum sight
recordings(const char *user, const char *verb)
{
	struct rpc_peer p = peer(RPC_USER, user);

	return sight_recordings(a, &p, verb, NULL);
}

static enum sight
metrics(enum rpc_who who, const char *user)
{
	struct rpc_peer p = peer(who, user);

	return sight_metrics(a, &p, NULL);
}

static void
put(const char *user, const char *role)
{
	cluster_user(a, user, &role, 1);
}

/* Presets and three people. */
static int
setup(void **state)
{
	const struct policy_role *presets;
	size_t n;

	(void)state;
	assert_int_equal(loop_new(&loop), 0);
	a = cluster_new(loop, NULL, NULL);
	presets = policy_presets(&n);
	for (size_t i = 0; i < n; i++)
		cluster_role(a, &presets[i]);
	put("alice", "auditor");
	put("bob", "access");
	put("carol", "no-such-role");
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	replica_free(a);
	loop_free(loop);
	return 0;
}

static void
roles_decide(void **state)
{
	(void)state;
	assert_int_equal(events("alice"), SIGHT_ALL);
	assert_int_equal(events("bob"), SIGHT_OWN);
	assert_int_equal(events("carol"), SIGHT_NOTHING);
	assert_int_equal(recordings("alice", "list"), SIGHT_ALL);
	assert_int_equal(recordings("alice", "read"), SIGHT_ALL);
	assert_int_equal(recordings("bob", "read"), SIGHT_OWN);
	assert_int_equal(recordings("carol", "read"), SIGHT_NOTHING);
}

static void
strangers_and_daemons_see_nothing_root_here_everything(void **state)
{
	struct rpc_peer node = peer(RPC_NODE, "alice"), local = peer(RPC_LOCAL, "root"),
			none = peer(RPC_ANYONE, "");

	(void)state;
	assert_int_equal(events("mallory"), SIGHT_NOTHING);
	assert_int_equal(recordings("mallory", "list"), SIGHT_NOTHING);
	assert_int_equal(sight_events(a, &node, NULL), SIGHT_NOTHING);
	assert_int_equal(sight_recordings(a, &none, "read", NULL), SIGHT_NOTHING);
	assert_int_equal(sight_events(a, &local, NULL), SIGHT_ALL);
	assert_int_equal(sight_recordings(a, &local, "read", NULL), SIGHT_ALL);
}

static void
metrics_are_for_those_who_may_read_the_cluster(void **state)
{
	const struct policy_role blind = { .name = "blind" };

	(void)state;
	cluster_role(a, &blind);
	put("dave", "blind");
	assert_int_equal(metrics(RPC_USER, "alice"), SIGHT_ALL);
	assert_int_equal(metrics(RPC_USER, "dave"), SIGHT_NOTHING);
	assert_int_equal(metrics(RPC_USER, "mallory"), SIGHT_NOTHING);
	assert_int_equal(metrics(RPC_NODE, "alice"), SIGHT_NOTHING);
	assert_int_equal(metrics(RPC_LOCAL, "root"), SIGHT_ALL);
}

static void
changes_count_at_once(void **state)
{
	(void)state;
	put("bob", "auditor");
	assert_int_equal(events("bob"), SIGHT_ALL);
	replica_remove(a, REPLICA_USER, "bob");
	assert_int_equal(events("bob"), SIGHT_NOTHING);
	replica_remove(a, REPLICA_ROLE, "auditor");
	assert_int_equal(events("alice"), SIGHT_NOTHING);
}

/* A password that was reset, a user who was changed: what was issued before may be in other hands. */
static void
certificates_from_before_a_cutoff_are_worth_nothing(void **state)
{
	struct rpc_peer old = peer(RPC_USER, "alice"), fresh = peer(RPC_USER, "alice");

	(void)state;
	old.issued_s = 1000;
	fresh.issued_s = 2000;
	cluster_cutoff(a, REPLICA_CUTOFF, "alice", 1500 * 1000);
	assert_int_equal(sight_events(a, &old, NULL), SIGHT_NOTHING);
	assert_int_equal(sight_recordings(a, &old, "read", NULL), SIGHT_NOTHING);
	assert_int_equal(sight_events(a, &fresh, NULL), SIGHT_ALL);
	cluster_cutoff(a, REPLICA_CUTOFF, "alice", INT64_MAX);
	assert_int_equal(sight_events(a, &fresh, NULL), SIGHT_NOTHING);
	assert_int_not_equal(events("bob"), SIGHT_NOTHING);
}

/* A search or a play that is under way is looked at again with every change. */
static void
what_is_seen_in_a_web_session_ends_with_it(void **state)
{
	static const char key[] =
	    "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
	struct rpc_peer web = peer(RPC_USER, "alice");
	int64_t now_s = clock_wall_ms() / 1000;

	(void)state;
	web.issued_s = now_s;
	(void)str_copy(web.web, sizeof(web.web), key);
	cluster_web_session(a, key, "alice", now_s, (now_s + 3600) * 1000);
	assert_int_equal(sight_events(a, &web, NULL), SIGHT_ALL);
	assert_int_equal(sight_recordings(a, &web, "read", NULL), SIGHT_ALL);
	replica_remove(a, REPLICA_WEB_SESSION, key);
	assert_int_equal(sight_events(a, &web, NULL), SIGHT_NOTHING);
	assert_int_equal(sight_recordings(a, &web, "read", NULL), SIGHT_NOTHING);
	assert_int_equal(events("alice"), SIGHT_ALL); /* with a certificate */
}

static void
whoever_has_more_roles_than_are_looked_at_may_do_nothing(void **state)
{
	const char *roles[200];

	(void)state;
	for (size_t i = 0; i < 200; i++)
		roles[i] = i ? "access" : "auditor";
	cluster_user(a, "alice", roles, 128);
	assert_int_equal(events("alice"), SIGHT_ALL);
	cluster_user(a, "alice", roles, 129);
	assert_int_not_equal(events("alice"), SIGHT_ALL);
	assert_int_equal(recordings("alice", "read"), SIGHT_NOTHING);
}

/* It might be the one that denies. */
static void
who_has_a_role_that_cannot_be_decoded_sees_nothing(void **state)
{
	static const char *const both[] = { "auditor", "broken" };
	struct rpc_peer p = peer(RPC_USER, "alice");
	struct err why = { "" };

	(void)state;
	cluster_garbage(a, REPLICA_ROLE, "broken");
	cluster_user(a, "alice", both, 2);
	assert_int_equal(sight_events(a, &p, &why), SIGHT_NOTHING);
	assert_non_null(strstr(why.text, "broken"));
	assert_int_equal(events("bob"), SIGHT_OWN);
}

static void
before_the_first_snapshot_nobody_is_known(void **state)
{
	static const struct replica_events none = { .changed = NULL };
	const struct replica_config config = { .kinds = REPLICA_BASE };
	struct rpc_peer p = peer(RPC_USER, "alice");
	struct replica_config c = config;
	struct replica *fresh;

	(void)state;
	c.loop = loop;
	assert_int_equal(replica_new(&fresh, &c, &none, NULL), 0);
	assert_false(replica_is_known(fresh));
	assert_int_equal(sight_events(fresh, &p, NULL), SIGHT_NOTHING);
	replica_free(fresh);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(roles_decide, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    strangers_and_daemons_see_nothing_root_here_everything, setup, teardown),
		cmocka_unit_test_setup_teardown(metrics_are_for_those_who_may_read_the_cluster,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(changes_count_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(certificates_from_before_a_cutoff_are_worth_nothing,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_seen_in_a_web_session_ends_with_it, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(
		    whoever_has_more_roles_than_are_looked_at_may_do_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(who_has_a_role_that_cannot_be_decoded_sees_nothing,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(before_the_first_snapshot_nobody_is_known, setup,
		    teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
