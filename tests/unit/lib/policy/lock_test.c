/* SPDX-License-Identifier: Apache-2.0 */
/* Whom a lock closes the door for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/str.h"
#include "policy/lock.h"

enum { NOW = 1000000 };

static const char *const roles[] = { "dev", "ops" };
static const struct policy_identity alice = { .user = "alice",
	.roles = { roles, 2 },
	.login = "root",
	.host = "01234567-89ab-4def-8123-456789abcdef",
	.host_name = "db" };

static bool
fits(const struct policy_lock *lock)
{
	return policy_lock_fits(lock, &alice, NOW);
}

static void
each_target_fits_what_bears_its_name_and_nothing_else(void **state)
{
	(void)state;
	assert_true(fits(&(struct policy_lock){ .user = "alice" }));
	assert_false(fits(&(struct policy_lock){ .user = "alic" }));
	assert_false(fits(&(struct policy_lock){ .user = "Alice" }));
	assert_false(fits(&(struct policy_lock){ .user = "*" })); /* no globs */
	assert_true(fits(&(struct policy_lock){ .role = "dev" }));
	assert_true(fits(&(struct policy_lock){ .role = "ops" }));
	assert_false(fits(&(struct policy_lock){ .role = "op" }));
	assert_true(fits(&(struct policy_lock){ .login = "root" }));
	assert_false(fits(&(struct policy_lock){ .login = "alice" }));
	assert_true(fits(&(struct policy_lock){ .node = "db" }));
	assert_true(fits(&(struct policy_lock){ .node = "01234567-89ab-4def-8123-456789abcdef" }));
	assert_false(fits(&(struct policy_lock){ .node = "alice" }));
}

static void
all_targets_must_fit(void **state)
{
	(void)state;
	assert_true(fits(&(struct policy_lock){ .user = "alice", .node = "db" }));
	assert_false(fits(&(struct policy_lock){ .user = "alice", .node = "web" }));
	assert_false(fits(&(struct policy_lock){ .user = "bob", .node = "db" }));
	assert_false(fits(&(struct policy_lock){ .user = "alice", .access_request = "x" }));
}

static void
one_without_target_or_for_a_request_fits_nobody(void **state)
{
	(void)state;
	assert_false(fits(&(struct policy_lock){ .message = "x" }));
	assert_false(fits(&(struct policy_lock){ .access_request = "alice" }));
}

static void
what_is_not_known_does_not_fit(void **state)
{
	const struct policy_identity nobody = { 0 };

	(void)state;
	assert_false(policy_lock_fits(&(struct policy_lock){ .user = "alice" }, &nobody, NOW));
	assert_false(policy_lock_fits(&(struct policy_lock){ .role = "dev" }, &nobody, NOW));
	assert_false(policy_lock_fits(&(struct policy_lock){ .login = "root" }, &nobody, NOW));
	assert_false(policy_lock_fits(&(struct policy_lock){ .node = "db" }, &nobody, NOW));
}

static void
one_of_a_session_fits_that_session_alone(void **state)
{
	static const char uuid[] = "11111111-2222-4333-8444-555555555555";
	struct policy_identity in = alice;
	struct policy_lock lock = { .session = "11111111-2222-4333-8444-555555555555" };
	struct err e;
	char text[80];

	(void)state;
	assert_false(policy_lock_fits(&lock, &in, NOW)); /* the connection is in none */
	in.session = "11111111-2222-4333-8444-555555555556";
	assert_false(policy_lock_fits(&lock, &in, NOW));
	in.session = uuid;
	assert_true(policy_lock_fits(&lock, &in, NOW));
	assert_int_equal(policy_lock_check(&lock, &e), 0);
	policy_lock_text(&lock, text, sizeof(text));
	assert_string_equal(text, "this session was ended");
	(void)str_copy(lock.session_user, sizeof(lock.session_user), "bob"); /* not whose it is */
	assert_false(policy_lock_fits(&lock, &in, NOW));
	(void)str_copy(lock.session_user, sizeof(lock.session_user), "alice");
	(void)str_copy(lock.created_by, sizeof(lock.created_by), "carol");
	(void)str_copy(lock.message, sizeof(lock.message), "maintenance");
	assert_true(policy_lock_fits(&lock, &in, NOW));
	assert_int_equal(policy_lock_check(&lock, &e), 0);
	policy_lock_text(&lock, text, sizeof(text));
	assert_string_equal(text, "this session was ended by carol: maintenance");
	policy_lock_target(&lock, text, sizeof(text));
	assert_string_equal(text, "session=11111111-2222-4333-8444-555555555555,session_user=alice");
	assert_false(policy_lock_fits(&lock, &alice, NOW)); /* his other sessions, his logins */
	(void)str_copy(lock.login, sizeof(lock.login), "root");
	assert_true(policy_lock_check(&lock, &e) < 0);
	lock.login[0] = '\0';
	(void)str_copy(lock.user, sizeof(lock.user), "alice"); /* what older daemons would read of it */
	assert_true(policy_lock_check(&lock, &e) < 0);
	assert_true(policy_lock_check(&(struct policy_lock){ .session = "1111" }, &e) < 0);
	assert_true(policy_lock_check(&(struct policy_lock){ .session_user = "alice" }, &e) < 0);
}

static void
it_ends_at_its_time(void **state)
{
	struct policy_lock lock = { .user = "alice", .expires_ms = NOW + 1 };

	(void)state;
	assert_true(fits(&lock));
	lock.expires_ms = NOW;
	assert_false(fits(&lock));
	lock.expires_ms = 0; /* never */
	assert_true(policy_lock_fits(&lock, &alice, INT64_MAX));
}

static void
it_must_have_a_target_and_be_printable(void **state)
{
	struct err e;

	(void)state;
	assert_int_equal(policy_lock_check(&(struct policy_lock){ .role = "dev" }, &e), 0);
	assert_true(policy_lock_check(&(struct policy_lock){ .message = "x" }, &e) < 0);
	assert_non_null(strstr(e.text, "target"));
	assert_true(policy_lock_check(&(struct policy_lock){ .user = "a\nb" }, &e) < 0);
	assert_true(
	    policy_lock_check(&(struct policy_lock){ .user = "a", .message = "\x1b[2J" }, &e) < 0);
}

static void
people_read_what_is_locked_and_why(void **state)
{
	const struct policy_lock lock = { .node = "db", .login = "root", .message = "stolen" };
	char text[64];

	(void)state;
	policy_lock_text(&lock, text, sizeof(text));
	assert_string_equal(text, "login root is locked: stolen");
	policy_lock_text(&(struct policy_lock){ .user = "bob" }, text, sizeof(text));
	assert_string_equal(text, "user bob is locked");
	policy_lock_target(&lock, text, sizeof(text));
	assert_string_equal(text, "login=root,node=db");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_target_fits_what_bears_its_name_and_nothing_else),
		cmocka_unit_test(all_targets_must_fit),
		cmocka_unit_test(one_without_target_or_for_a_request_fits_nobody),
		cmocka_unit_test(what_is_not_known_does_not_fit),
		cmocka_unit_test(one_of_a_session_fits_that_session_alone),
		cmocka_unit_test(it_ends_at_its_time),
		cmocka_unit_test(it_must_have_a_target_and_be_printable),
		cmocka_unit_test(people_read_what_is_locked_and_why),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
