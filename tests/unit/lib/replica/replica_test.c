/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept, what is lost, what is told, who is still good, and the file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/str.h"
#include "cluster.h"
#include "rec/crc32c.h"

static struct loop *loop;
static struct replica *r;
static int told[REPLICA_KINDS];
static char told_key[REPLICA_KINDS][REPLICA_KEY_SIZE];
static char dir[64], path[128];

static void
on_changed(enum replica_kind kind, const char *key, void *arg)
{
	(void)arg;
	told[kind]++;
	str_copy(told_key[kind], sizeof(told_key[kind]), key ? key : "(several)");
}

static const struct policy_role dev = { .name = "dev" };

static int
setup(void **state)
{
	(void)state;
	memset(told, 0, sizeof(told));
	str_copy(dir, sizeof(dir), "/tmp/sp-replica-XXXXXX");
	assert_non_null(mkdtemp(dir));
	str_format(path, sizeof(path), "%s/cluster", dir);
	assert_int_equal(loop_new(&loop), 0);
	r = cluster_new(loop, on_changed, NULL);
	loop_turn(loop, 0);
	memset(told, 0, sizeof(told));
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	replica_free(r);
	loop_free(loop);
	unlink(path);
	rmdir(dir);
	return 0;
}

static void
turn(void)
{
	loop_turn(loop, 0);
}

/* --- keeping and telling ------------------------------------------------------------------- */

static void
what_authd_names_is_found(void **state)
{
	static const char *const roles[] = { "dev" };
	const struct policy_label label = { "env", "prod" };
	const struct replica_host host = { .uuid = "u1",
		.kind = "node",
		.name = "web",
		.address = "",
		.online = true,
		.labels = { &label, 1 } };
	const struct policy_role *role = NULL;
	const struct replica_host *found = NULL;
	size_t pos = 0;

	(void)state;
	cluster_role(r, &dev);
	cluster_host(r, &host);
	cluster_user(r, "alice", roles, 1);
	cluster_cutoff(r, REPLICA_CUTOFF, "alice", 5000);
	cluster_cutoff(r, REPLICA_HOST_CUTOFF, "u1", 7000);
	assert_int_equal(replica_role(r, "dev", &role), SUBJECT_ROLE_FOUND);
	assert_string_equal(role->name, "dev");
	assert_int_equal(replica_role(r, "ops", &role), SUBJECT_ROLE_NONE);
	assert_true(replica_next_host(r, &pos, &found));
	assert_ptr_equal(found, replica_host(r, "u1"));
	assert_string_equal(found->name, "web");
	assert_string_equal(found->labels.v[0].value, "prod");
	assert_false(replica_next_host(r, &pos, &found));
	assert_string_equal(replica_user(r, "alice")->roles.v[0], "dev");
	assert_null(replica_user(r, "bob"));
	assert_int_equal(replica_user_cutoff(r, "alice"), 5000);
	assert_int_equal(replica_user_cutoff(r, "u1"), 0);
	assert_int_equal(replica_host_cutoff(r, "u1"), 7000);
	assert_null(replica_bundle(r));
}

static void
changes_are_told_once_a_turn_for_each_kind(void **state)
{
	(void)state;
	cluster_cutoff(r, REPLICA_CUTOFF, "alice", 5000);
	cluster_cutoff(r, REPLICA_CUTOFF, "alice", 6000);
	cluster_role(r, &dev);
	cluster_role(r, &(struct policy_role){ .name = "ops" });
	assert_int_equal(told[REPLICA_CUTOFF], 0);
	turn();
	assert_int_equal(told[REPLICA_CUTOFF], 1);
	assert_string_equal(told_key[REPLICA_CUTOFF], "alice");
	assert_int_equal(told[REPLICA_ROLE], 1);
	assert_string_equal(told_key[REPLICA_ROLE], "(several)");
	assert_int_equal(told[REPLICA_HOST], 0);
	turn();
	assert_int_equal(told[REPLICA_ROLE], 1);
}

static void
what_is_the_same_is_no_change(void **state)
{
	(void)state;
	cluster_role(r, &dev);
	turn();
	cluster_role(r, &dev);
	replica_remove(r, REPLICA_ROLE, "ops");
	turn();
	assert_int_equal(told[REPLICA_ROLE], 1);
}

static void
a_snapshot_drops_what_it_does_not_name(void **state)
{
	const struct replica_host host = { "u1", "node", "web", "", true, { NULL, 0 } };
	const struct policy_role *role;

	(void)state;
	cluster_role(r, &dev);
	cluster_role(r, &(struct policy_role){ .name = "ops" });
	cluster_cutoff(r, REPLICA_CUTOFF, "bob", 5000);
	cluster_host(r, &host);
	turn();
	replica_begin(r);
	cluster_role(r, &dev);
	/* Until it is complete, everything counts. */
	assert_int_equal(replica_role(r, "ops", &role), SUBJECT_ROLE_FOUND);
	assert_int_equal(replica_user_cutoff(r, "bob"), 5000);
	replica_complete(r);
	assert_int_equal(replica_role(r, "dev", &role), SUBJECT_ROLE_FOUND);
	assert_int_equal(replica_role(r, "ops", &role), SUBJECT_ROLE_NONE);
	assert_int_equal(replica_user_cutoff(r, "bob"), 0);
	/* Hosts at once as well: authd may have been restored from before they joined. */
	assert_null(replica_host(r, "u1"));
	turn();
	assert_int_equal(told[REPLICA_ROLE], 2);
}

/* --- what is lost ------------------------------------------------------------------------------ */

static void
an_old_right_is_not_kept_for_lack_of_a_new_one(void **state)
{
	static const char *const roles[] = { "dev" };
	const struct replica_host host = { "u1", "node", "web", "", true, { NULL, 0 } };
	const struct policy_role *role;
	const struct replica_host *found;
	size_t pos = 0;

	(void)state;
	cluster_role(r, &dev);
	cluster_host(r, &host);
	cluster_user(r, "alice", roles, 1);
	cluster_cutoff(r, REPLICA_CUTOFF, "bob", 5000);
	cluster_cutoff(r, REPLICA_HOST_CUTOFF, "u2", 5000);
	turn();
	memset(told, 0, sizeof(told));
	cluster_garbage(r, REPLICA_ROLE, "dev");
	cluster_garbage(r, REPLICA_HOST, "u1");
	cluster_garbage(r, REPLICA_USER, "alice");
	cluster_garbage(r, REPLICA_CUTOFF, "bob");
	cluster_garbage(r, REPLICA_HOST_CUTOFF, "u2");
	assert_int_equal(replica_role(r, "dev", &role), SUBJECT_ROLE_LOST);
	assert_null(replica_host(r, "u1"));
	assert_false(replica_next_host(r, &pos, &found));
	assert_null(replica_user(r, "alice"));
	assert_int_equal(replica_user_cutoff(r, "bob"), INT64_MAX);
	assert_int_equal(replica_host_cutoff(r, "u2"), INT64_MAX);
	turn();
	assert_int_equal(told[REPLICA_ROLE], 1);
	assert_int_equal(told[REPLICA_CUTOFF], 1);
	/* What comes whole again is whole again. */
	cluster_role(r, &dev);
	assert_int_equal(replica_role(r, "dev", &role), SUBJECT_ROLE_FOUND);
}

static void
a_message_that_names_something_else_is_refused(void **state)
{
	const struct policy_role *role;
	struct buf b;

	(void)state;
	cluster_pack_role(&b, &dev);
	replica_put(r, REPLICA_ROLE, "admin", buf_span(&b));
	replica_put(r, REPLICA_USER, "alice", buf_span(&b));
	buf_done(&b);
	assert_int_equal(replica_role(r, "admin", &role), SUBJECT_ROLE_LOST);
	assert_null(replica_user(r, "alice"));
}

static void
a_role_with_longer_lists_than_the_policy_takes_is_lost(void **state)
{
	static const char *logins[POLICY_LIST_MAX + 1];
	struct policy_role role = { .name = "dev", .deny = { .logins = { logins, 0 } } };
	const struct policy_role *found;

	(void)state;
	for (size_t i = 0; i < POLICY_LIST_MAX + 1; i++)
		logins[i] = "root";
	role.deny.logins.n = POLICY_LIST_MAX;
	cluster_role(r, &role);
	assert_int_equal(replica_role(r, "dev", &found), SUBJECT_ROLE_FOUND);
	role.deny.logins.n = POLICY_LIST_MAX + 1;
	cluster_role(r, &role);
	assert_int_equal(replica_role(r, "dev", &found), SUBJECT_ROLE_LOST);
}

static void
a_value_that_is_too_large_is_lost(void **state)
{
	uint8_t *big = calloc(1, REPLICA_VALUE_MAX + 1);
	const struct policy_role *role;

	(void)state;
	assert_non_null(big);
	replica_put(r, REPLICA_ROLE, "dev", (struct span){ big, REPLICA_VALUE_MAX + 1 });
	free(big);
	assert_int_equal(replica_role(r, "dev", &role), SUBJECT_ROLE_LOST);
}

/* Its name cannot be kept, so nobody could tell later that it concerns him. */
static void
what_cannot_even_be_noted_makes_its_whole_kind_lost(void **state)
{
	const struct policy_role *role;
	char key[REPLICA_KEY_SIZE + 1];

	(void)state;
	memset(key, 'x', sizeof(key));
	key[REPLICA_KEY_SIZE] = '\0';
	cluster_role(r, &dev);
	cluster_garbage(r, REPLICA_ROLE, key);
	assert_int_equal(replica_role(r, "dev", &role), SUBJECT_ROLE_LOST);
	assert_int_equal(replica_role(r, "never heard of", &role), SUBJECT_ROLE_LOST);
	assert_int_equal(replica_user_cutoff(r, "alice"), 0); /* another kind */
	replica_begin(r);
	cluster_role(r, &dev);
	assert_int_equal(replica_role(r, "dev", &role), SUBJECT_ROLE_LOST);
	replica_complete(r);
	assert_int_equal(replica_role(r, "dev", &role), SUBJECT_ROLE_FOUND);
}

/* --- judging --------------------------------------------------------------------------------- */

static void
a_cutoff_for_everybody_cuts_all_users_and_no_host(void **state)
{
	(void)state;
	cluster_cutoff(r, REPLICA_CUTOFF, "*", 5000);
	cluster_cutoff(r, REPLICA_CUTOFF, "bob", 7000);
	assert_int_equal(replica_user_cutoff(r, "alice"), 5000);
	assert_int_equal(replica_user_cutoff(r, "bob"), 7000);
	assert_int_equal(replica_host_cutoff(r, "alice"), 0);
}

static void
a_cutoff_cuts_the_certificates_before_it(void **state)
{
	static const struct policy_identity as_root = { .login = "root" };
	const struct subject alice = { .name = "alice" };
	struct err e;

	(void)state;
	assert_int_equal(replica_check_user(r, &alice, NULL, 0, &e), 0);
	cluster_cutoff(r, REPLICA_CUTOFF, "alice", 5000);
	assert_int_equal(replica_check_user(r, &alice, &as_root, 4999, &e), REPLICA_E_CUT);
	assert_non_null(strstr(e.text, "alice"));
	assert_int_equal(replica_check_user(r, &alice, &as_root, 5000, &e), 0);
	cluster_garbage(r, REPLICA_CUTOFF, "alice");
	assert_int_equal(replica_check_user(r, &alice, &as_root, INT64_MAX, &e), REPLICA_E_CUT);
	assert_int_equal(replica_check_host(r, "u1", NULL, 0, &e), 0);
	cluster_cutoff(r, REPLICA_HOST_CUTOFF, "u1", 5000);
	assert_int_equal(replica_check_host(r, "u1", NULL, 4999, &e), REPLICA_E_CUT);
	assert_int_equal(replica_check_host(r, "u1", NULL, 5000, &e), 0);
}

static void
a_lock_closes_the_door_for_whom_it_fits(void **state)
{
	static const struct policy_identity on_db = { .host = "u1", .host_name = "db" };
	static const struct policy_identity on_web = { .host = "u2", .host_name = "web" };
	static const struct subject alice = { .name = "alice" }, bob = { .name = "bob" };
	struct err e;

	(void)state;
	cluster_know(r);
	cluster_lock(r, "one", "alice", "");
	assert_int_equal(replica_check_user(r, &alice, NULL, 0, &e), REPLICA_E_CUT);
	assert_string_equal(e.text, "user alice is locked: stolen");
	assert_int_equal(replica_check_user(r, &bob, &on_db, 0, &e), 0);
	replica_remove(r, REPLICA_LOCK, "one");
	assert_int_equal(replica_check_user(r, &alice, NULL, 0, &e), 0);
	cluster_lock(r, "two", "", "db");
	assert_int_equal(replica_check_user(r, &bob, &on_db, 0, &e), REPLICA_E_CUT);
	assert_int_equal(replica_check_user(r, &bob, &on_web, 0, &e), 0);
	assert_int_equal(replica_check_host(r, "u1", "db", 0, &e), REPLICA_E_CUT);
	assert_int_equal(replica_check_host(r, "u2", "web", 0, &e), 0);
}

static void
a_lock_that_is_lost_holds_for_everybody(void **state)
{
	static const struct subject bob = { .name = "bob" };
	struct err e;

	(void)state;
	cluster_know(r);
	cluster_garbage(r, REPLICA_LOCK, "one");
	assert_int_equal(replica_check_user(r, &bob, NULL, 0, &e), REPLICA_E_CUT);
	replica_remove(r, REPLICA_LOCK, "one");
}

static void
own_labels_that_are_not_known_are_not_none(void **state)
{
	const struct replica_events events = { .changed = on_changed };
	const struct replica_config config = { .loop = loop,
		.kinds = REPLICA_BIT(REPLICA_OWN_LABELS) };
	static const uint8_t none[1];
	struct policy_labels labels;
	struct replica *node;

	(void)state;
	assert_int_equal(replica_new(&node, &config, &events, NULL), 0);
	cluster_know(node);
	assert_int_equal(replica_own_labels(node, &labels), -1);
	replica_put(node, REPLICA_OWN_LABELS, "u1", (struct span){ none, 0 });
	assert_int_equal(replica_own_labels(node, &labels), 0);
	assert_int_equal(labels.n, 0);
	cluster_garbage(node, REPLICA_OWN_LABELS, "u1");
	assert_int_equal(replica_own_labels(node, &labels), -1);
	replica_free(node);
}

/* --- the file ----------------------------------------------------------------------------------- */

static struct replica *
from_file(unsigned kinds)
{
	static const struct replica_events events = { .changed = on_changed };
	const struct replica_config config = { .loop = loop, .kinds = kinds, .path = path };
	struct replica *ret;

	assert_int_equal(replica_new(&ret, &config, &events, NULL), 0);
	return ret;
}

/* One role, one lost role, one cut-off. */
static void
write_one(void)
{
	struct replica *one = from_file(REPLICA_BASE);

	assert_false(replica_is_known(one));
	replica_begin(one);
	cluster_role(one, &dev);
	cluster_garbage(one, REPLICA_ROLE, "broken");
	cluster_cutoff(one, REPLICA_CUTOFF, "bob", 5000);
	replica_complete(one);
	replica_free(one);
	assert_int_equal(access(path, R_OK), 0);
}

static void
the_next_run_knows_what_the_last_one_knew(void **state)
{
	const struct subject bob = { .name = "bob" };
	const struct policy_role *role;
	struct replica *two;
	struct err e;

	(void)state;
	write_one();
	two = from_file(REPLICA_BASE);
	assert_true(replica_is_known(two));
	assert_int_equal(replica_role(two, "dev", &role), SUBJECT_ROLE_FOUND);
	assert_int_equal(replica_role(two, "broken", &role), SUBJECT_ROLE_LOST);
	assert_int_equal(replica_check_user(two, &bob, NULL, 4000, &e), REPLICA_E_CUT);
	replica_free(two);
}

static void
without_a_file_nobody_can_be_judged(void **state)
{
	const struct subject bob = { .name = "bob" };
	struct replica *two = from_file(REPLICA_BASE);
	struct err e;

	(void)state;
	assert_false(replica_is_known(two));
	assert_int_equal(replica_check_user(two, &bob, NULL, 4000, &e), REPLICA_E_UNKNOWN);
	assert_int_equal(replica_check_host(two, "u1", NULL, 4000, &e), REPLICA_E_UNKNOWN);
	replica_free(two);
	assert_int_not_equal(access(path, F_OK), 0); /* and none is made */
}

static void
what_was_not_heard_to_the_end_is_not_written(void **state)
{
	struct replica *one = from_file(REPLICA_BASE);

	(void)state;
	replica_begin(one);
	cluster_role(one, &dev);
	replica_free(one);
	assert_int_not_equal(access(path, F_OK), 0);
}

static void
a_file_of_other_kinds_is_not_used(void **state)
{
	struct replica *two;

	(void)state;
	write_one();
	two = from_file(REPLICA_BASE | REPLICA_BIT(REPLICA_HOST));
	assert_false(replica_is_known(two));
	replica_free(two);
	two = from_file(REPLICA_BIT(REPLICA_ROLE));
	assert_false(replica_is_known(two));
	replica_free(two);
}

static void
put_file(const uint8_t *p, size_t n)
{
	struct err e;

	assert_int_equal(file_write(path, 0600, p, n, &e), 0);
}

static void
assert_nothing_is_believed(void)
{
	struct replica *two = from_file(REPLICA_BASE);
	const struct policy_role *role;

	assert_false(replica_is_known(two));
	assert_int_equal(replica_role(two, "dev", &role), SUBJECT_ROLE_NONE);
	assert_int_equal(map_count(two->entries[REPLICA_ROLE]), 0);
	assert_int_equal(two->bytes, 0);
	replica_free(two);
}

static void
a_file_with_any_byte_changed_or_missing_is_not_used_at_all(void **state)
{
	char *data;
	size_t n;
	struct err e;

	(void)state;
	write_one();
	assert_int_equal(file_read(path, 65536, &data, &n, &e), 0);
	for (size_t i = 0; i < n; i++) {
		data[i] ^= 0x40;
		put_file((uint8_t *)data, n);
		assert_nothing_is_believed();
		data[i] ^= 0x40;
		put_file((uint8_t *)data, i);
		assert_nothing_is_believed();
	}
	free(data);
}

/* A checksum is no proof: what a damaged program wrote is read as carefully. */
static void
a_file_with_a_good_checksum_and_wrong_content_is_not_used(void **state)
{
	char *data;
	size_t n;
	struct err e;
	uint32_t crc;

	(void)state;
	write_one();
	assert_int_equal(file_read(path, 65536, &data, &n, &e), 0);
	for (size_t i = 12; i < n; i++) {
		data[i] = (char)~data[i];
		crc = crc32c(0, data + 12, n - 12);
		for (int k = 0; k < 4; k++)
			data[8 + k] = (char)(crc >> (24 - 8 * k));
		put_file((uint8_t *)data, n);
		/* Whatever comes of it: no crash, and the role that denies is not forgotten. */
		struct replica *two = from_file(REPLICA_BASE);
		const struct policy_role *role;
		if (replica_is_known(two))
			assert_int_equal(map_count(two->entries[REPLICA_ROLE]), 2);
		(void)replica_role(two, "dev", &role);
		two->unsaved = false; /* the next round writes its own */
		replica_free(two);
		data[i] = (char)~data[i];
	}
	free(data);
}

static void
a_kind_that_is_lost_leaves_no_file_behind(void **state)
{
	char key[REPLICA_KEY_SIZE + 1];
	struct replica *two;

	(void)state;
	write_one();
	two = from_file(REPLICA_BASE);
	memset(key, 'x', sizeof(key));
	key[REPLICA_KEY_SIZE] = '\0';
	cluster_garbage(two, REPLICA_ROLE, key);
	replica_free(two);
	assert_int_not_equal(access(path, F_OK), 0);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_authd_names_is_found),
		TEST(changes_are_told_once_a_turn_for_each_kind),
		TEST(what_is_the_same_is_no_change),
		TEST(a_snapshot_drops_what_it_does_not_name),
		TEST(an_old_right_is_not_kept_for_lack_of_a_new_one),
		TEST(a_message_that_names_something_else_is_refused),
		TEST(a_role_with_longer_lists_than_the_policy_takes_is_lost),
		TEST(a_value_that_is_too_large_is_lost),
		TEST(what_cannot_even_be_noted_makes_its_whole_kind_lost),
		TEST(a_cutoff_cuts_the_certificates_before_it),
		TEST(a_cutoff_for_everybody_cuts_all_users_and_no_host),
		TEST(a_lock_closes_the_door_for_whom_it_fits),
		TEST(a_lock_that_is_lost_holds_for_everybody),
		TEST(own_labels_that_are_not_known_are_not_none),
		TEST(the_next_run_knows_what_the_last_one_knew),
		TEST(without_a_file_nobody_can_be_judged),
		TEST(what_was_not_heard_to_the_end_is_not_written),
		TEST(a_file_of_other_kinds_is_not_used),
		TEST(a_file_with_any_byte_changed_or_missing_is_not_used_at_all),
		TEST(a_file_with_a_good_checksum_and_wrong_content_is_not_used),
		TEST(a_kind_that_is_lost_leaves_no_file_behind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
