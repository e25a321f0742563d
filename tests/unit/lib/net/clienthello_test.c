/* SPDX-License-Identifier: Apache-2.0 */
/* Server names are found however the ClientHello is cut, and nothing malformed passes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/wire.h"
#include "net/clienthello.h"

static void
put16(struct buf *b, size_t v)
{
	wire_put_u8(b, (uint8_t)(v >> 8));
	wire_put_u8(b, (uint8_t)v);
}

/* extensions: an ALPN one, and server_name unless name is NULL, twice when asked. */
static void
put_extensions(struct buf *b, const char *name, int times)
{
	put16(b, 16);
	put16(b, 5);
	(void)buf_put(b, "\0\3\2h2", 5);
	for (int i = 0; name && i < times; i++) {
		put16(b, 0);
		put16(b, strlen(name) + 5);
		put16(b, strlen(name) + 3);
		wire_put_u8(b, 0);
		put16(b, strlen(name));
		(void)buf_put(b, name, strlen(name));
	}
}

/* The handshake message, with padding bytes of session-id-sized filler in an unknown extension. */
static void
make_message(struct buf *m, const char *name, int times, size_t filler)
{
	struct buf ext, body;
	uint8_t zero[32] = { 0 };

	buf_init(&ext, 1 << 20);
	buf_init(&body, 1 << 20);
	put_extensions(&ext, name, times);
	if (filler) {
		put16(&ext, 21);
		put16(&ext, filler);
		for (size_t i = 0; i < filler; i++)
			wire_put_u8(&ext, 0);
	}
	put16(&body, 0x0303);
	(void)buf_put(&body, zero, 32);
	wire_put_u8(&body, 32);
	(void)buf_put(&body, zero, 32);
	put16(&body, 2);
	put16(&body, 0x1301);
	wire_put_u8(&body, 1);
	wire_put_u8(&body, 0);
	put16(&body, ext.len);
	(void)buf_put(&body, buf_head(&ext), ext.len);
	wire_put_u8(m, 1);
	wire_put_u8(m, (uint8_t)(body.len >> 16));
	put16(m, body.len & 0xffff);
	(void)buf_put(m, buf_head(&body), body.len);
	buf_done(&ext);
	buf_done(&body);
}

static void
make_records(struct buf *b, const struct buf *message, size_t record)
{
	for (size_t at = 0; at < message->len; at += record) {
		size_t n = message->len - at < record ? message->len - at : record;

		(void)buf_put(b, "\x16\x03\x01", 3);
		put16(b, n);
		(void)buf_put(b, buf_head(message) + at, n);
	}
}

static int
parse_made(struct clienthello *hello, const char *name, int times, size_t filler, size_t record)
{
	struct buf message, bytes;
	int r;

	buf_init(&message, 1 << 20);
	buf_init(&bytes, 1 << 20);
	make_message(&message, name, times, filler);
	make_records(&bytes, &message, record);
	r = clienthello_parse(hello, buf_span(&bytes));
	buf_done(&message);
	buf_done(&bytes);
	return r;
}

static void
test_name_is_found(void **state)
{
	struct clienthello hello;

	(void)state;
	assert_int_equal(parse_made(&hello, "AuthD.Tele.example.com", 1, 0, 16384), 0);
	assert_string_equal(hello.server_name, "authd.tele.example.com");
	assert_int_equal(parse_made(&hello, NULL, 0, 0, 16384), 0);
	assert_string_equal(hello.server_name, "");
}

static void
test_name_is_found_over_many_records(void **state)
{
	struct clienthello hello;
	size_t sizes[] = { 7, 60, 64, 500 };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(parse_made(&hello, "a.example", 1, 1200, sizes[i]), 0);
		assert_string_equal(hello.server_name, "a.example");
	}
}

static void
test_every_prefix_asks_for_more(void **state)
{
	struct buf message, bytes;
	struct clienthello hello;

	(void)state;
	buf_init(&message, 1 << 20);
	buf_init(&bytes, 1 << 20);
	make_message(&message, "a.example", 1, 100);
	make_records(&bytes, &message, 50);
	for (size_t n = 1; n < bytes.len; n++) {
		uint8_t *copy = malloc(n); /* exact, so that a sanitizer sees a byte too many */

		memcpy(copy, buf_head(&bytes), n);
		assert_int_equal(clienthello_parse(&hello, (struct span){ copy, n }),
		    CLIENTHELLO_E_MORE);
		free(copy);
	}
	buf_done(&message);
	buf_done(&bytes);
}

static void
test_malformed_is_refused(void **state)
{
	struct clienthello hello;

	(void)state;
	assert_true(
	    parse_made(&hello, "a.example", 2, 0, 16384) < 0);   /* two server_name extensions */
	assert_true(parse_made(&hello, "a b", 1, 0, 16384) < 0); /* not a host name */
	assert_true(parse_made(&hello, "a\x01", 1, 0, 16384) < 0);
	assert_true(
	    parse_made(&hello, "a.example", 1, 17000, 16384) < 0); /* longer than CLIENTHELLO_MAX */
	assert_true(clienthello_parse(&hello,
			(struct span){ (const uint8_t *)"\x17\x03\x01\0\1a", 6 }) < 0);
	assert_true(clienthello_parse(&hello,
			(struct span){ (const uint8_t *)"\x16\x03\x01\0\0a", 6 }) < 0);
	assert_true(clienthello_parse(&hello,
			(struct span){ (const uint8_t *)"\x16\x03\x01\0\1\2", 6 }) < 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_name_is_found),
		cmocka_unit_test(test_name_is_found_over_many_records),
		cmocka_unit_test(test_every_prefix_asks_for_more),
		cmocka_unit_test(test_malformed_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
