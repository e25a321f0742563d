/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bucket of tries for each address, and what a flood of addresses gets.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/str.h"
#include "net/addr.h"
#include "net/rate.h"

enum { PER_MIN = 60, BURST = 3, HOUR_MS = 3600 * 1000 };

static const int64_t start_ms = 1000000;

static struct rate *
fresh(void)
{
	struct rate *r;

	assert_int_equal(rate_new(&r, PER_MIN, BURST), 0);
	return r;
}

static unsigned
take_all(struct rate *r, const char *ip, int64_t now)
{
	unsigned n = 0;

	while (rate_take(r, ip, 1, now))
		assert_true(++n <= BURST);
	return n;
}

static void
an_address_has_a_bucket_of_tries(void **state)
{
	struct rate *r = fresh();

	(void)state;
	assert_int_equal(take_all(r, "10.0.0.1", start_ms), BURST);
	assert_int_equal(take_all(r, "10.0.0.2", start_ms), BURST);
	assert_false(rate_take(r, "10.0.0.1", 1, start_ms + 999));
	assert_true(rate_take(r, "10.0.0.1", 1, start_ms + 1999)); /* one a second comes back */
	assert_false(rate_take(r, "10.0.0.1", 1, start_ms + 1999));
	assert_int_equal(take_all(r, "10.0.0.1", start_ms + HOUR_MS),
	    BURST); /* and no more than all */
	rate_free(r);
}

static void
of_ipv6_one_host_has_the_whole_64(void **state)
{
	struct rate *r = fresh();

	(void)state;
	assert_int_equal(take_all(r, "2001:db8::1", start_ms), BURST);
	assert_int_equal(take_all(r, "2001:db8::ffff:ffff:ffff:ffff", start_ms), 0);
	assert_int_equal(take_all(r, "2001:db8::1%eth0", start_ms), 0);
	assert_int_equal(take_all(r, "2001:db8:0:1::1", start_ms), BURST);
	assert_int_equal(take_all(r, "::ffff:10.0.0.1", start_ms), BURST);
	assert_int_equal(take_all(r, "10.0.0.1", start_ms), 0);
	rate_free(r);
}

static void
a_clock_that_steps_back_gives_nothing(void **state)
{
	struct rate *r = fresh();

	(void)state;
	assert_int_equal(take_all(r, "10.0.0.1", start_ms), BURST);
	assert_int_equal(take_all(r, "10.0.0.1", start_ms - HOUR_MS), 0);
	rate_free(r);
}

/* A proxy that speaks for many has many times the limit, and not more after the table was swept. */
static void
a_factor_multiplies_the_limit_and_is_kept(void **state)
{
	struct rate *r = fresh();
	int64_t later = start_ms + 60 * 1000;

	(void)state;
	for (int i = 0; i < 100 * BURST; i++)
		assert_true(rate_take(r, "10.0.0.9", 100, start_ms));
	assert_false(rate_take(r, "10.0.0.9", 100, start_ms));
	later = start_ms + 2000; /* 200 of 300 are back */
	assert_true(rate_take(r, "10.0.0.10", 1, later));
	for (int i = 0; i < 200; i++)
		assert_true(rate_take(r, "10.0.0.9", 100, later));
	assert_false(rate_take(r, "10.0.0.9", 100, later));
	rate_free(r);
}

/* One bucket may be charged by both: nobody's try cuts what the other has left, nor does a sweep. */
static void
who_speaks_for_many_shares_a_bucket_with_one(void **state)
{
	struct rate *r = fresh();

	(void)state;
	assert_true(rate_take(r, "10.0.0.9", 1, start_ms));
	for (int i = 0; i < 20 * (BURST - 1); i++)
		assert_true(rate_take(r, "10.0.0.9", 20, start_ms));
	assert_false(rate_take(r, "10.0.0.9", 20, start_ms));
	assert_false(rate_take(r, "10.0.0.9", 1, start_ms));
	rate_free(r);
}

/* How long somebody waits who fails and tries again as soon as he may, n times. */
static int64_t
waited(struct rate *r, const char *ip, int n, int64_t *now)
{
	int64_t wait = 0;

	for (int i = 0; i < n; i++) {
		*now += rate_wait_ms(r, ip, 1, *now);
		assert_true(rate_take(r, ip, 1, *now));
		rate_fail(r, ip, 1, *now);
		wait = rate_wait_ms(r, ip, 1, *now);
	}
	return wait;
}

static void
failures_cost_more_the_more_there_are(void **state)
{
	struct rate *r = fresh();
	int64_t now = start_ms, fourth, eighth;

	(void)state;
	assert_int_equal(rate_wait_ms(r, "10.0.0.1", 1, now), 0);
	fourth = waited(r, "10.0.0.1", 14, &now);
	eighth = waited(r, "10.0.0.1", 4, &now);
	assert_true(fourth > 0);
	assert_true(eighth > 2 * fourth);
	/* Nobody pays for another, and nobody for ever. */
	assert_true(rate_take(r, "10.0.0.2", 1, now));
	assert_true(waited(r, "10.0.0.1", 50, &now) <= RATE_DEBT_MIN * 60 * 1000 + 2000);
	now += RATE_DEBT_MIN * 60 * 1000 + 2000;
	assert_true(rate_take(r, "10.0.0.1", 1, now));
	/* What is lived down is forgotten. */
	now += HOUR_MS;
	rate_fail(r, "10.0.0.1", 1, now);
	assert_int_equal(rate_wait_ms(r, "10.0.0.1", 1, now), 0);
	rate_free(r);
}

static void
what_is_full_again_is_forgotten(void **state)
{
	struct rate *r = fresh();

	(void)state;
	assert_true(rate_take(r, "10.0.0.1", 1, start_ms));
	assert_true(rate_take(r, "10.0.0.2", 1, start_ms + HOUR_MS));
	assert_int_equal(rate_count(r), 1);
	rate_free(r);
}

static void
fill_table(struct rate *r, int64_t now)
{
	char ip[ADDR_TEXT_SIZE];

	for (unsigned i = 0; rate_count(r) < RATE_ADDRESSES_MAX; i++) {
		assert_true(i < 2 * RATE_ADDRESSES_MAX);
		(void)str_format(ip, sizeof(ip), "2001:db8:%x:%x::1", 1 + i / 1000, i % 1000);
		(void)take_all(r, ip, now);
	}
}

/* Whoever fills the table has then no more tries than its networks; others still have theirs. */
static void
a_full_table_charges_networks_and_shuts_nobody_out(void **state)
{
	struct rate *r = fresh();
	const char *others[] = { "203.0.113.1", "192.0.2.1", "100.64.0.1", "2001:dba::1" };
	char ip[ADDR_TEXT_SIZE];
	unsigned flood = 0, served = 0;

	(void)state;
	assert_int_equal(take_all(r, "198.51.100.1", start_ms), BURST);
	fill_table(r, start_ms);
	for (unsigned i = 0; i < 1000; i++) {
		(void)str_format(ip, sizeof(ip), "2001:db9:1:%x::1", i);
		flood += take_all(r, ip, start_ms + 10);
	}
	assert_int_equal(flood, BURST);
	/* Two networks share a bucket once in 4096 times. */
	for (size_t i = 0; i < 4; i++)
		served += take_all(r, others[i], start_ms + 10) == BURST;
	assert_true(served >= 2);
	assert_int_equal(take_all(r, "203.0.113.200", start_ms + 10), 0); /* of others[0]'s /24 */
	assert_int_equal(take_all(r, "198.51.100.1", start_ms + 10), 0);  /* its own bucket stays */
	assert_int_equal(rate_count(r), RATE_ADDRESSES_MAX);
	rate_free(r);
}

static void
a_full_table_has_room_again_when_buckets_are_full_again(void **state)
{
	struct rate *r = fresh();

	(void)state;
	fill_table(r, start_ms);
	assert_int_equal(take_all(r, "203.0.113.1", start_ms + 10 * 1000), BURST);
	assert_int_equal(take_all(r, "203.0.113.2", start_ms + 10 * 1000), BURST);
	assert_int_equal(rate_count(r), 2);
	rate_free(r);
}

static void
assert_prefix(const char *ip, const char *expected)
{
	char text[ADDR_TEXT_SIZE];

	addr_prefix(text, ip, 20, 60);
	assert_string_equal(text, expected);
}

static void
a_prefix_keeps_its_bits(void **state)
{
	(void)state;
	assert_prefix("10.1.255.255", "10.1.240.0");
	assert_prefix("::ffff:10.1.255.255", "10.1.240.0");
	assert_prefix("2001:db8:1:ffff::1", "2001:db8:1:fff0::");
	assert_prefix("everybody", "everybody");
	assert_prefix("", "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_has_a_bucket_of_tries),
		cmocka_unit_test(of_ipv6_one_host_has_the_whole_64),
		cmocka_unit_test(a_clock_that_steps_back_gives_nothing),
		cmocka_unit_test(a_factor_multiplies_the_limit_and_is_kept),
		cmocka_unit_test(who_speaks_for_many_shares_a_bucket_with_one),
		cmocka_unit_test(failures_cost_more_the_more_there_are),
		cmocka_unit_test(what_is_full_again_is_forgotten),
		cmocka_unit_test(a_full_table_charges_networks_and_shuts_nobody_out),
		cmocka_unit_test(a_full_table_has_room_again_when_buckets_are_full_again),
		cmocka_unit_test(a_prefix_keeps_its_bits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
