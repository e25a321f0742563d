/* SPDX-License-Identifier: Apache-2.0 */
/* Which node a person means. */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "base/str.h"
#include "cluster.h"
#include "event/loop.h"
#include "proxy/resolve.h"

#define UUID_A "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"
#define UUID_B "bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb"
#define UUID_C "cccccccc-cccc-4ccc-8ccc-cccccccccccc"
#define UUID_D "dddddddd-dddd-4ddd-8ddd-dddddddddddd"

static struct loop *loop;
static struct replica *replica;
static char up[512];
static struct subject *alice;

static bool
has_tunnel(const char *uuid, void *arg)
{
	(void)arg;
	return strstr(up, uuid) != NULL;
}

static void
put_node(const char *uuid, const char *name, const char *address, const char *env)
{
	struct policy_label label = { "env", env };
	const struct replica_host n = { .uuid = uuid,
		.kind = "node",
		.name = name,
		.address = address,
		.online = true,
		.labels = { &label, 1 } };

	cluster_host(replica, &n);
}

static int
setup(void **state)
{
	static const char *const root[] = { "root" }, *const dev[] = { "dev" };
	static const struct policy_label_rule labels = { "env", { dev, 1 } };
	struct policy_role role = { .name = "dev",
		.allow = { .logins = { root, 1 }, .node_labels = &labels, .n_node_labels = 1 } };

	(void)state;
	assert_int_equal(loop_new(&loop), 0);
	assert_int_equal(subject_parse(&alice, "alice", "dev", NULL), 0);
	replica = cluster_new(loop, NULL, NULL);
	cluster_role(replica, &role);
	put_node(UUID_A, "web", "", "dev");
	put_node(UUID_B, "db", "", "prod");
	put_node(UUID_C, "old", "192.0.2.1:3022", "dev");
	(void)str_copy(up, sizeof(up), UUID_A " " UUID_B);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	replica_free(replica);
	subject_free(alice);
	loop_free(loop);
	return 0;
}

static int
ask(const char *host, uint32_t port, const char **ret_uuid, struct err *e)
{
	struct resolve_query q = { .replica = replica,
		.who = alice,
		.cluster = "tele.example.com",
		.has_tunnel = has_tunnel };
	const struct replica_host *node = NULL;
	int r = resolve(&node, &q, host, port, e);

	*ret_uuid = node ? node->uuid : "";
	return r;
}

static void
assert_finds(const char *host, uint32_t port, const char *uuid)
{
	const char *got;
	struct err e;

	assert_int_equal(ask(host, port, &got, &e), 0);
	assert_string_equal(got, uuid);
}

static void
assert_fails(const char *host, uint32_t port, int code, const char *text)
{
	const char *got;
	struct err e;

	assert_int_equal(ask(host, port, &got, &e), code);
	assert_string_equal(got, "");
	assert_non_null(strstr(e.text, text));
}

static void
test_by_name_uuid_and_address(void **state)
{
	(void)state;
	assert_finds("web", 3022, UUID_A);
	assert_finds("WEB", 22, UUID_A);
	assert_finds("web.tele.example.com", 3022, UUID_A);
	assert_finds(UUID_A, 3022, UUID_A);
	assert_finds(UUID_A ".tele.example.com", 0, UUID_A);
	assert_finds("old", 3022, UUID_C);
	/* As it was pasted from elsewhere. */
	char upper[sizeof(UUID_A)];
	for (size_t i = 0; i < sizeof(UUID_A); i++)
		upper[i] = (char)toupper((unsigned char)UUID_A[i]);
	assert_finds(upper, 3022, UUID_A);
	assert_finds("192.0.2.1", 3022, UUID_C);
}

/* Where a node listens is its own word. */
static void
test_a_node_cannot_take_the_name_of_another_by_its_address(void **state)
{
	(void)state;
	put_node(UUID_D, "evil", "web:3022", "dev");
	assert_finds("web", 3022, UUID_A);
	up[0] = '\0';
	assert_fails("web", 3022, RESOLVE_E_OFFLINE, "offline");
}

static void
test_what_one_may_not_see_does_not_exist(void **state)
{
	(void)state;
	assert_fails("db", 3022, RESOLVE_E_UNKNOWN, "no node \"db\" that you may see");
	assert_fails(UUID_B, 3022, RESOLVE_E_UNKNOWN, "that you may see");
	assert_fails("nosuch", 3022, RESOLVE_E_UNKNOWN, "that you may see");
	assert_fails("", 3022, RESOLVE_E_UNKNOWN, "");
	assert_fails("a\033[2Jb", 3022, RESOLVE_E_UNKNOWN, "a?[2Jb");
}

static void
test_ambiguous_names_are_refused_with_the_uuids(void **state)
{
	(void)state;
	put_node(UUID_D, "web", "", "dev");
	assert_finds("web", 3022, UUID_A); /* the other one is not reachable */
	(void)str_copy(up, sizeof(up), UUID_A " " UUID_B " " UUID_D);
	assert_fails("web", 3022, RESOLVE_E_AMBIGUOUS, UUID_D);
	assert_fails("web", 3022, RESOLVE_E_AMBIGUOUS, UUID_A);
	assert_finds(UUID_D, 3022, UUID_D);
}

static void
test_offline_and_other_ports(void **state)
{
	(void)state;
	up[0] = '\0';
	assert_fails("web", 3022, RESOLVE_E_OFFLINE, "offline");
	(void)str_copy(up, sizeof(up), UUID_A);
	assert_fails("web", 80, RESOLVE_E_PORT, "port 80");
}

static void
test_roles_count_as_they_are_now(void **state)
{
	(void)state;
	replica_remove(replica, REPLICA_ROLE, "dev");
	assert_fails("web", 3022, RESOLVE_E_UNKNOWN, "that you may see");
}

/* Neither by its name nor by its UUID: other daemons, and nodes that have stopped. */
static void
test_only_nodes_that_are_there_are_found(void **state)
{
	struct replica_host n = { .uuid = UUID_D,
		.kind = "proxy",
		.name = "gateway",
		.address = "192.0.2.9:3022",
		.online = true };
	struct policy_label label = { "env", "dev" };

	(void)state;
	n.labels = (struct policy_labels){ &label, 1 };
	cluster_host(replica, &n);
	assert_fails("gateway", 3022, RESOLVE_E_UNKNOWN, "that you may see");
	assert_fails(UUID_D, 3022, RESOLVE_E_UNKNOWN, "that you may see");
	n.kind = "node";
	cluster_host(replica, &n);
	assert_finds("gateway", 3022, UUID_D);
	n.online = false;
	cluster_host(replica, &n);
	assert_fails("gateway", 3022, RESOLVE_E_UNKNOWN, "that you may see");
}

static void
test_a_role_that_cannot_be_decoded_hides_every_node(void **state)
{
	(void)state;
	cluster_garbage(replica, REPLICA_ROLE, "other");
	assert_finds("web", 3022, UUID_A);
	cluster_garbage(replica, REPLICA_ROLE, "dev");
	assert_fails("web", 3022, RESOLVE_E_UNKNOWN, "that you may see");
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_by_name_uuid_and_address),
		TEST(test_a_node_cannot_take_the_name_of_another_by_its_address),
		TEST(test_what_one_may_not_see_does_not_exist),
		TEST(test_ambiguous_names_are_refused_with_the_uuids),
		TEST(test_offline_and_other_ports),
		TEST(test_roles_count_as_they_are_now),
		TEST(test_only_nodes_that_are_there_are_found),
		TEST(test_a_role_that_cannot_be_decoded_hides_every_node),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
