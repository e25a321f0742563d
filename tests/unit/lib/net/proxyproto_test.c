/* SPDX-License-Identifier: Apache-2.0 */
/* PROXY headers, both versions; and the networks that may send them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "net/proxyproto.h"

static int
parse(struct proxyproto *p, const char *s, size_t n)
{
	return proxyproto_parse(p, (struct span){ (const uint8_t *)s, n });
}

static void
test_v1(void **state)
{
	const char h[] = "PROXY TCP4 192.0.2.7 10.0.0.1 56324 443\r\nSSH-";
	const char h6[] = "PROXY TCP6 2001:db8::7 ::1 1 2\r\n";
	struct proxyproto p;

	(void)state;
	assert_int_equal(parse(&p, h, sizeof(h) - 1), 0);
	assert_true(p.has_addresses);
	assert_string_equal(p.source.ip, "192.0.2.7");
	assert_int_equal(p.source.port, 56324);
	assert_int_equal(p.length, sizeof(h) - 1 - 4);
	for (size_t n = 0; n < sizeof(h) - 5; n++)
		assert_int_equal(parse(&p, h, n), PROXYPROTO_E_MORE);
	assert_int_equal(parse(&p, h6, sizeof(h6) - 1), 0);
	assert_string_equal(p.source.ip, "2001:db8::7");
	assert_int_equal(parse(&p, "PROXY UNKNOWN\r\n", 15), 0);
	assert_false(p.has_addresses);
}

static void
test_v1_malformed(void **state)
{
	static const char *const bad[] = {
		"PROXY TCP4 192.0.2.7 10.0.0.1 56324\r\n",
		"PROXY TCP4 ::1 ::1 1 2\r\n",
		"PROXY TCP6 1.2.3.4 ::1 1 2\r\n",
		"PROXY TCP4 192.0.2.7 10.0.0.1 99999 443\r\n",
		"PROXY TCP4 192.0.2.700 10.0.0.1 1 443\r\n",
		"PROXY TCP4 192.0.2.7 10.0.0.1 1 443\n",
		"PROXY UDP4 192.0.2.7 10.0.0.1 1 443\r\n",
	};
	char long_line[200];
	struct proxyproto p;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_true(parse(&p, bad[i], strlen(bad[i])) < 0);
	memset(long_line, 'x', sizeof(long_line));
	memcpy(long_line, "PROXY ", 6);
	assert_true(parse(&p, long_line, sizeof(long_line)) < 0);
}

static void
test_v2(void **state)
{
	char h[] = "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0f"
		   "\xc0\0\2\7"
		   "\x0a\0\0\1"
		   "\x12\x34"
		   "\1\xbb"
		   "\3\0\0"
		   "SSH-";
	struct proxyproto p;

	(void)state;
	assert_int_equal(parse(&p, h, sizeof(h) - 1), 0);
	assert_true(p.has_addresses);
	assert_string_equal(p.source.ip, "192.0.2.7");
	assert_int_equal(p.source.port, 0x1234);
	assert_int_equal(p.length, sizeof(h) - 1 - 4);
	for (size_t n = 0; n < sizeof(h) - 5; n++)
		assert_int_equal(parse(&p, h, n), PROXYPROTO_E_MORE);
	h[12] = 0x20; /* LOCAL */
	assert_int_equal(parse(&p, h, sizeof(h) - 1), 0);
	assert_false(p.has_addresses);
	h[12] = 0x31; /* version 3 */
	assert_true(parse(&p, h, sizeof(h) - 1) < 0);
	h[12] = 0x21;
	h[15] = 4; /* too short for two addresses */
	assert_true(parse(&p, h, sizeof(h) - 1) < 0);
	h[14] = (char)0xff; /* longer than we take: refused at once, not waited for */
	assert_true(parse(&p, h, 16) < 0);
}

static void
test_other_bytes_are_not_a_header(void **state)
{
	struct proxyproto p;

	(void)state;
	assert_int_equal(parse(&p, "SSH-2.0-x\r\n", 11), PROXYPROTO_E_NONE);
	assert_int_equal(parse(&p, "P", 1), PROXYPROTO_E_MORE);
	assert_int_equal(parse(&p, "POST / HTTP/1.1\r\n", 17), PROXYPROTO_E_NONE);
	assert_int_equal(parse(&p, "\x16\x03\x01", 3), PROXYPROTO_E_NONE);
}

static bool
is_in(const char *ip, const char *net)
{
	struct addr_net n;
	struct addr a = { .port = 0 };

	assert_true(addr_parse(&a, ip, 0));
	assert_int_equal(addr_net_parse(&n, net, NULL), 0);
	return addr_in_nets(&a, &n, 1);
}

static void
test_networks(void **state)
{
	struct addr_net n;
	struct err e;

	(void)state;
	assert_true(is_in("10.1.2.3", "10.0.0.0/8"));
	assert_false(is_in("11.1.2.3", "10.0.0.0/8"));
	assert_true(is_in("10.1.2.3", "10.1.2.3"));
	assert_true(is_in("10.1.2.191", "10.1.2.128/26"));
	assert_false(is_in("10.1.2.192", "10.1.2.128/26"));
	assert_true(is_in("::ffff:10.1.2.3", "10.0.0.0/8"));
	assert_true(is_in("2001:db8::1", "2001:db8::/32"));
	assert_false(is_in("2001:db9::1", "2001:db8::/32"));
	assert_false(is_in("0.0.0.1", "::1"));
	assert_true(is_in("1.2.3.4", "0.0.0.0/0"));
	assert_false(is_in("2001:db8::1", "0.0.0.0/0"));
	assert_true(addr_net_parse(&n, "10.0.0.0/33", &e) < 0);
	assert_true(addr_net_parse(&n, "ten", &e) < 0);
	assert_true(addr_net_parse(&n, "10.0.0.0/", &e) < 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_v1),
		cmocka_unit_test(test_v1_malformed),
		cmocka_unit_test(test_v2),
		cmocka_unit_test(test_other_bytes_are_not_a_header),
		cmocka_unit_test(test_networks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
