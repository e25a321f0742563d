/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one person may hold of the JSON API: some cannot hold what others need.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/str.h"
#include "crypto/rand.h"
#include "proxy/web_share.h"

static int
setup(void **state)
{
	struct web_shares *s;

	assert_int_equal(web_shares_new(&s), 0);
	*state = s;
	return 0;
}

static int
teardown(void **state)
{
	web_shares_free(*state);
	return 0;
}

typedef bool take_fn(struct web_shares *, const char *who);

static unsigned
take_all(struct web_shares *s, take_fn *take, const char *who)
{
	unsigned n = 0;

	while (take(s, who))
		n++;
	return n;
}

static void
one_person_has_one_share_of_the_calls(void **state)
{
	struct web_shares *s = *state;

	assert_int_equal(take_all(s, web_share_take, "user:alice"), WEB_SHARE_CALLS_OF_ONE);
	assert_int_equal(take_all(s, web_share_take, "user:bob"), WEB_SHARE_CALLS_OF_ONE);
	web_share_drop(s, "user:alice");
	assert_int_equal(take_all(s, web_share_take, "user:alice"), 1);
}

/* They are no part of each other. */
static void
one_person_has_one_share_of_the_recordings(void **state)
{
	struct web_shares *s = *state;

	assert_int_equal(take_all(s, web_share_take_play, "user:alice"), WEB_SHARE_PLAYS_OF_ONE);
	assert_true(web_share_take(s, "user:alice"));
	assert_int_equal(take_all(s, web_share_take_play, "user:bob"), WEB_SHARE_PLAYS_OF_ONE);
	web_share_drop_play(s, "user:alice");
	assert_int_equal(take_all(s, web_share_take_play, "user:alice"), 1);
}

/* Those who hold some already leave the last places to those who hold none. */
static void
many_persons_leave_a_place_for_the_next(void **state)
{
	static take_fn *const takes[] = { web_share_take, web_share_take_play };
	static const unsigned persons[] = { WEB_SHARE_CALLS / WEB_SHARE_CALLS_OF_ONE,
		WEB_SHARE_PLAYS / WEB_SHARE_PLAYS_OF_ONE };
	char who[32];

	for (size_t t = 0; t < 2; t++) {
		for (unsigned i = 0; i < persons[t]; i++) {
			str_format(who, sizeof(who), "user:u%u", i);
			(void)take_all(*state, takes[t], who);
		}
		assert_true(takes[t](*state, "user:carol"));
	}
}

static void
answers_that_wait_have_a_bound_for_one_and_for_all(void **state)
{
	struct web_shares *s = *state;
	const size_t half = WEB_SHARE_BYTES_OF_ONE / 2;
	char who[32];

	assert_true(web_share_take_bytes(s, "user:alice", half));
	assert_true(web_share_take_bytes(s, "user:alice", half));
	assert_false(web_share_take_bytes(s, "user:alice", WEB_SHARE_UNIT));
	/* What is small is none. */
	assert_true(web_share_take_bytes(s, "user:alice", WEB_SHARE_UNIT - 1));
	assert_true(web_share_take_bytes(s, "user:bob", half));
	/* One that did not fit has taken nothing. */
	assert_false(web_share_take_bytes(s, "user:bob", half + WEB_SHARE_UNIT));
	assert_true(web_share_take_bytes(s, "user:bob", half));
	web_share_drop_bytes(s, "user:alice", half);
	assert_true(web_share_take_bytes(s, "user:alice", half));
	for (int i = 2; i < WEB_SHARE_BYTES / WEB_SHARE_BYTES_OF_ONE; i++) {
		str_format(who, sizeof(who), "user:u%d", i);
		assert_true(web_share_take_bytes(s, who, 2 * half));
	}
	assert_false(web_share_take_bytes(s, "user:carol", WEB_SHARE_UNIT));
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(one_person_has_one_share_of_the_calls),
		T(one_person_has_one_share_of_the_recordings),
		T(many_persons_leave_a_place_for_the_next),
		T(answers_that_wait_have_a_bound_for_one_and_for_all),
	};

	if (crypto_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
