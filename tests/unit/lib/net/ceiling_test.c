/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Places in all and of one payer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "crypto/rand.h"
#include "net/addr.h"
#include "net/ceiling.h"

static unsigned
take_all(struct ceiling *c, const char *ip)
{
	unsigned n = 0;

	while (n < 100000 && ceiling_take(c, ip))
		n++;
	return n;
}

static void
an_address_has_its_share_and_no_more(void **state)
{
	struct ceiling *c;

	(void)state;
	assert_int_equal(ceiling_new(&c, 10, 3), 0);
	assert_int_equal(take_all(c, "10.0.0.1"), 3);
	assert_int_equal(take_all(c, "10.0.0.2"), 3);
	ceiling_drop(c, "10.0.0.1");
	ceiling_drop(c, "10.9.9.9"); /* has none */
	assert_int_equal(ceiling_held(c, "10.0.0.1"), 2);
	assert_int_equal(take_all(c, "10.0.0.1"), 1);
	assert_int_equal(take_all(c, "10.0.0.3"), 3);
	assert_int_equal(take_all(c, "10.0.0.4"), 1); /* of all there are ten */
	assert_int_equal(ceiling_count(c), 10);
	ceiling_free(c);
}

/* A customer has a /64 of IPv6; an IPv4 address is one in every spelling; a name is a payer too. */
static void
a_payer_is_a_network_an_address_or_a_name(void **state)
{
	struct ceiling *c;
	char ip[ADDR_TEXT_SIZE];

	(void)state;
	assert_int_equal(ceiling_new(&c, 100, 4), 0);
	for (int i = 0; i < 4; i++) {
		str_format(ip, sizeof(ip), "2001:db8:0:1:%x::%x", i * 77, i);
		assert_true(ceiling_take(c, ip));
	}
	assert_false(ceiling_take(c, "2001:db8:0:1:ffff:ffff:ffff:ffff"));
	assert_true(ceiling_take(c, "2001:db8:0:2::1"));
	assert_int_equal(take_all(c, "::ffff:192.0.2.1"), 4);
	assert_false(ceiling_take(c, "192.0.2.1"));
	assert_int_equal(take_all(c, "alice"), 4);
	assert_int_equal(take_all(c, "bob"), 4);
	ceiling_free(c);
}

/* Users may be called alike for longer than an address is. */
static void
names_that_differ_only_at_their_end_are_two_payers(void **state)
{
	struct ceiling *c;
	char name[2][300];

	(void)state;
	assert_int_equal(ceiling_new(&c, 100, 4), 0);
	for (size_t n = ADDR_TEXT_SIZE - 2; n < sizeof(name[0]); n += 47) {
		for (int i = 0; i < 2; i++) {
			memset(name[i], 'x', n);
			str_copy(name[i] + n - 1, 2, i ? "b" : "a");
			assert_int_equal(take_all(c, name[i]), 4);
		}
		for (int i = 0; i < 8; i++)
			ceiling_drop(c, name[i % 2]);
		assert_int_equal(ceiling_count(c), 0);
	}
	ceiling_free(c);
}

/* 500 nodes behind one router: each that is in lets it have more that come in. */
static void
who_is_known_makes_room_at_his_address(void **state)
{
	struct ceiling *c;

	(void)state;
	assert_int_equal(ceiling_new(&c, 1000, 3), 0);
	for (int i = 0; i < 100; i++) {
		ceiling_vouch(c, "10.0.0.1");
	}
	assert_int_equal(take_all(c, "10.0.0.1"), 3 + 100 * CEILING_PER_KNOWN);
	assert_int_equal(take_all(c, "10.0.0.2"), 3);
	for (int i = 0; i < 100; i++)
		ceiling_unvouch(c, "10.0.0.1");
	ceiling_unvouch(c, "10.0.0.1"); /* more often than is vouched for */
	ceiling_drop(c, "10.0.0.1");
	assert_false(ceiling_take(c, "10.0.0.1"));
	ceiling_free(c);
}

/* Of a flood from many addresses more are turned away the fuller it is; who comes for the first time is let in. */
static void
it_gets_harder_before_it_is_full(void **state)
{
	struct ceiling *c;
	char ip[ADDR_TEXT_SIZE];
	unsigned refused = 0;

	(void)state;
	assert_int_equal(ceiling_new(&c, 1000, 1000), 0);
	ceiling_early(c, 500);
	assert_true(take_all(c, "10.0.0.1") >= 500);
	for (int i = 0; i < 10000; i++)
		refused += !ceiling_take(c, "10.0.0.1");
	assert_true(refused > 9000);
	assert_true(ceiling_count(c) < 1000);
	for (int i = 0; ceiling_count(c) < 1000; i++) {
		str_format(ip, sizeof(ip), "10.1.%d.%d", i / 250, i % 250);
		assert_true(ceiling_take(c, ip));
	}
	assert_false(ceiling_take(c, "10.2.0.1"));
	ceiling_free(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_has_its_share_and_no_more),
		cmocka_unit_test(a_payer_is_a_network_an_address_or_a_name),
		cmocka_unit_test(names_that_differ_only_at_their_end_are_two_payers),
		cmocka_unit_test(who_is_known_makes_room_at_his_address),
		cmocka_unit_test(it_gets_harder_before_it_is_full),
	};

	return crypto_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
