/* SPDX-License-Identifier: Apache-2.0 */
/* What certificates said that were verified before: who is forgotten, and who is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "rpc/known.h"

static void
remember(struct known *k, int number)
{
	struct rpc_peer peer = { .who = RPC_NODE, .issued_s = number, .expires_s = 2 * number };
	char pem[64];

	str_format(pem, sizeof(pem), "certificate %d", number);
	str_format(peer.name, sizeof(peer.name), "node %d", number);
	str_format(peer.cluster, sizeof(peer.cluster), "cluster %d", number);
	known_remember(k, pem, &peer);
}

static bool
recalls(struct known *k, int number)
{
	struct rpc_peer peer = { 0 };
	char pem[64], name[64], cluster[64];

	str_format(pem, sizeof(pem), "certificate %d", number);
	str_format(name, sizeof(name), "node %d", number);
	str_format(cluster, sizeof(cluster), "cluster %d", number);
	if (!known_recall(k, pem, &peer)) {
		assert_string_equal(peer.name, "");
		return false;
	}
	assert_string_equal(peer.name, name);
	assert_string_equal(peer.cluster, cluster);
	assert_int_equal(peer.who, RPC_NODE);
	assert_int_equal(peer.issued_s, number);
	assert_int_equal(peer.expires_s, 2 * number);
	return true;
}

static void
one_more_than_there_is_room_for_costs_the_one_that_was_silent_longest(void **state)
{
	struct known *k = known_new(1000);

	(void)state;
	for (int i = 1; i <= 1000; i++)
		remember(k, i);
	assert_true(recalls(k, 1));
	remember(k, 1001);
	assert_false(recalls(k, 2));
	for (int i = 3; i <= 1001; i++)
		assert_true(recalls(k, i));
	assert_true(recalls(k, 1));
	known_free(k);
}

static void
what_is_said_anew_of_a_certificate_takes_no_second_place(void **state)
{
	struct known *k = known_new(2);

	(void)state;
	remember(k, 1);
	remember(k, 2);
	for (int i = 0; i < 5; i++)
		remember(k, 1);
	assert_true(recalls(k, 2));
	assert_true(recalls(k, 1));
	known_free(k);
}

static void
nothing_is_known_after_it_was_cleared(void **state)
{
	struct known *k = known_new(10);

	(void)state;
	remember(k, 1);
	known_clear(k);
	assert_false(recalls(k, 1));
	remember(k, 1);
	assert_true(recalls(k, 1));
	known_free(k);
	known_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    one_more_than_there_is_room_for_costs_the_one_that_was_silent_longest),
		cmocka_unit_test(what_is_said_anew_of_a_certificate_takes_no_second_place),
		cmocka_unit_test(nothing_is_known_after_it_was_cleared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
