/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What wrong passwords cost, and whom, with a clock of our own. Whole logins: login_test.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "auth/lockout.h"
#include "auth_state.h"
#include "base/str.h"

static int
setup(void **state)
{
	return auth_state_new(state, 0);
}

static enum lockout_scope
fail_from(struct auth_state *f, const char *user, const char *source, bool known)
{
	return lockout_fail(&f->a, &(struct lockout_try){ user, source, known });
}

static enum lockout_scope
closed_for(struct auth_state *f, const char *user, const char *source, bool known)
{
	int64_t until;

	return lockout_closed(&f->a, &(struct lockout_try){ user, source, known }, &until);
}

/* Milliseconds that the address has to wait. */
static int64_t
wait_of(struct auth_state *f, const char *user, const char *source)
{
	int64_t until;

	(void)lockout_closed(&f->a, &(struct lockout_try){ user, source, false }, &until);
	return until > auth_state_ms ? until - auth_state_ms : 0;
}

static void
an_address_waits_longer_the_oftener_it_fails(void **state)
{
	struct auth_state *f = *state;
	int64_t before = 0;

	for (int i = 0; i < LOCKOUT_FREE - 1; i++)
		assert_int_equal(fail_from(f, "alice", "10.0.0.1", false), LOCKOUT_OPEN);
	auth_state_ms += (LOCKOUT_FORGET_S + 1) * 1000;
	for (int i = 0; i < LOCKOUT_FREE - 1; i++) /* the old ones no longer count */
		assert_int_equal(fail_from(f, "alice", "10.0.0.1", false), LOCKOUT_OPEN);
	assert_int_equal(closed_for(f, "alice", "10.0.0.1", false), LOCKOUT_OPEN);
	for (int i = 0; i < 6; i++) {
		assert_int_equal(fail_from(f, "alice", "10.0.0.1", false), LOCKOUT_SOURCE);
		assert_true(wait_of(f, "alice", "10.0.0.1") > before);
		before = wait_of(f, "alice", "10.0.0.1");
		/* Nobody else waits for it, nor the same address for another name. */
		assert_int_equal(closed_for(f, "alice", "10.0.0.2", false), LOCKOUT_OPEN);
		assert_int_equal(closed_for(f, "bob", "10.0.0.1", false), LOCKOUT_OPEN);
		auth_state_ms += before;
		assert_int_equal(closed_for(f, "alice", "10.0.0.1", false), LOCKOUT_OPEN);
	}
	assert_int_equal(fail_from(f, "alice", "10.0.0.1", false), LOCKOUT_SOURCE);
	assert_int_equal(wait_of(f, "alice", "10.0.0.1"), LOCKOUT_LONGEST_S * 1000);
	auth_state_close(f); /* a restart opens nothing */
	auth_state_open(f);
	assert_int_equal(closed_for(f, "alice", "10.0.0.1", false), LOCKOUT_SOURCE);
	lockout_clear(&f->a, "alice");
	assert_int_equal(fail_from(f, "alice", "10.0.0.1", false), LOCKOUT_OPEN);
}

static void
many_addresses_slow_down_all_that_are_not_known(void **state)
{
	struct auth_state *f = *state;
	char source[32];
	int closed = 0, tries = 0;

	for (int i = 0; i < 100; i++) {
		str_format(source, sizeof(source), "10.1.%d.1", i);
		if (closed_for(f, "alice", source, false) != LOCKOUT_OPEN)
			continue;
		tries++;
		closed += fail_from(f, "alice", source, false) == LOCKOUT_NAME;
	}
	assert_int_equal(tries, LOCKOUT_NAME_FREE);
	assert_int_equal(closed, 1); /* told once */
	assert_int_equal(closed_for(f, "alice", "10.9.9.9", false), LOCKOUT_NAME);
	assert_int_equal(closed_for(f, "alice", "10.9.9.9", true), LOCKOUT_OPEN);
	assert_true(lockout_until(&f->a, "alice") > auth_state_ms);
	assert_int_equal(lockout_until(&f->a, "bob"), 0);
	/* In an hour no more guesses than one in two minutes. */
	tries = 0;
	for (int i = 0; i < 3600; i++) {
		auth_state_ms += 1000;
		str_format(source, sizeof(source), "10.2.%d.%d", i / 250, i % 250);
		if (closed_for(f, "alice", source, false) == LOCKOUT_OPEN) {
			tries++;
			(void)fail_from(f, "alice", source, false);
		}
	}
	assert_true(tries <= 3600 / LOCKOUT_NAME_EVERY_S + 1);
	assert_int_equal(closed_for(f, "alice", "10.9.9.9", true), LOCKOUT_OPEN);
}

/* Somebody at the user's own address may slow him down by a minute, and not more. */
static void
a_known_address_waits_a_minute_at_most(void **state)
{
	struct auth_state *f = *state;

	for (int i = 0; i < LOCKOUT_KNOWN_FREE - 1; i++)
		assert_int_equal(fail_from(f, "alice", "10.0.0.1", true), LOCKOUT_OPEN);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(fail_from(f, "alice", "10.0.0.1", true), LOCKOUT_SOURCE);
		assert_int_equal(closed_for(f, "alice", "10.0.0.1", true), LOCKOUT_SOURCE);
		assert_true(wait_of(f, "alice", "10.0.0.1") <= 60 * 1000);
	}
	assert_int_equal(closed_for(f, "alice", "10.0.0.2", false),
	    LOCKOUT_OPEN); /* strangers do not pay for it */
	assert_true(lockout_until(&f->a, "alice") > auth_state_ms);
	auth_state_ms += 60 * 1000;
	assert_int_equal(closed_for(f, "alice", "10.0.0.1", true), LOCKOUT_OPEN);
	lockout_forgive(&f->a, &(struct lockout_try){ "alice", "10.0.0.1", true });
	assert_int_equal(fail_from(f, "alice", "10.0.0.1", true), LOCKOUT_OPEN);
}

/* A record is bounded, and rotating addresses opens none that waits. */
static void
the_address_that_waits_least_makes_room(void **state)
{
	struct auth_state *f = *state;
	char source[32];

	for (int i = 0; i < LOCKOUT_FREE + 2; i++)
		(void)fail_from(f, "alice", "10.0.0.1", false);
	for (int i = 0; i < 3 * LOCKOUT_SOURCES; i++) {
		str_format(source, sizeof(source), "10.3.0.%d", i);
		(void)fail_from(f, "alice", source, true);
	}
	assert_int_equal(closed_for(f, "alice", "10.0.0.1", true), LOCKOUT_SOURCE);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, auth_state_free)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(an_address_waits_longer_the_oftener_it_fails),
		T(many_addresses_slow_down_all_that_are_not_known),
		T(a_known_address_waits_a_minute_at_most),
		T(the_address_that_waits_least_makes_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
