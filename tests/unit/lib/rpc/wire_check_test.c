/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is let through to protobuf-c: texts, lengths, depth and numbers of elements, each at its limit.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "rpc/wire_check.h"
#include "tests/echo.pb-c.h"

static bool
passes(const ProtobufCMessageDescriptor *type, const void *p, size_t n)
{
	return wire_check_message(type, p, n);
}

/* The text as field 1 of a Leaf. */
static bool
is_text(const char *text, size_t n)
{
	uint8_t message[64] = { 0x0a, (uint8_t)n };

	assert_true(n < sizeof(message) - 2);
	memcpy(message + 2, text, n);
	return passes(&echo__leaf__descriptor, message, 2 + n);
}

static void
texts_are_utf8_without_nul(void **state)
{
	static const struct {
		const char *text;
		bool ok;
	} row[] = {
		{ "", true },
		{ "abc", true },
		{ "\x7f", true },
		/* the first and the last of each length */
		{ "\xc2\x80", true },
		{ "\xdf\xbf", true },
		{ "\xe0\xa0\x80", true },
		{ "\xed\x9f\xbf", true },
		{ "\xee\x80\x80", true },
		{ "\xef\xbf\xbf", true },
		{ "\xf0\x90\x80\x80", true },
		{ "\xf4\x8f\xbf\xbf", true },
		{ "a\xc3\xa4z\xe2\x82\xac", true },
		/* overlong, surrogates, too large */
		{ "\xc0\x80", false },
		{ "\xc1\xbf", false },
		{ "\xe0\x9f\xbf", false },
		{ "\xf0\x8f\xbf\xbf", false },
		{ "\xed\xa0\x80", false },
		{ "\xed\xbf\xbf", false },
		{ "\xf4\x90\x80\x80", false },
		{ "\xf5\x80\x80\x80", false },
		{ "\xff", false },
		/* cut short, or a byte that continues nothing */
		{ "\x80", false },
		{ "\xbf", false },
		{ "\xc3", false },
		{ "\xc3z", false },
		{ "\xe2\x82", false },
		{ "\xe2z\xac", false },
		{ "\xe2\x82z", false },
		{ "\xf0\x90\x80", false },
		{ "\xc3\xc3", false },
		{ "\xe0", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++)
		if (is_text(row[i].text, strlen(row[i].text)) != row[i].ok)
			fail_msg("row %zu", i);
	assert_false(is_text("a\0b", 3));
	assert_false(is_text("\0", 1));
}

static void
lengths_are_whole(void **state)
{
	static const uint8_t whole[] = { 0x0a, 1, 'a' }, cut[] = { 0x0a, 2, 'a' },
			     no_length[] = { 0x0a },
			     endless[] = { 0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
				     0xff, 0xff, 1 };

	(void)state;
	assert_true(passes(&echo__leaf__descriptor, whole, sizeof(whole)));
	assert_false(passes(&echo__leaf__descriptor, cut, sizeof(cut)));
	assert_false(passes(&echo__leaf__descriptor, no_length, sizeof(no_length)));
	assert_false(passes(&echo__leaf__descriptor, endless, sizeof(endless)));
}

/* A Tree of n levels, each in the other. */
static bool
tree_passes(int levels)
{
	uint8_t message[256];
	size_t at = sizeof(message);

	for (int i = 1; i < levels; i++) {
		size_t n = sizeof(message) - at;

		assert_true(n < 128);
		message[--at] = (uint8_t)n;
		message[--at] = 0x12;
	}
	return passes(&echo__tree__descriptor, message + at, sizeof(message) - at);
}

static void
messages_nest_only_so_deep(void **state)
{
	int most = 1;

	(void)state;
	while (most < 60 && tree_passes(most + 1))
		most++;
	assert_in_range(most, WIRE_CHECK_DEPTH, WIRE_CHECK_DEPTH + 1);
}

/* Field 7 of a Msg, packed: n elements of one byte. */
static bool
numbers_pass(uint32_t n)
{
	struct buf b;
	uint8_t *bytes = malloc(n);
	uint8_t head[6] = { 0x3a, (uint8_t)(n | 0x80), (uint8_t)(n >> 7 | 0x80),
		(uint8_t)(n >> 14 & 0x7f) };
	bool ok;

	assert_non_null(bytes);
	memset(bytes, 1, n);
	buf_init(&b, n + sizeof(head));
	assert_true(buf_put(&b, head, 4) && buf_put(&b, bytes, n));
	ok = passes(&echo__msg__descriptor, buf_head(&b), b.len);
	buf_done(&b);
	free(bytes);
	return ok;
}

static void
elements_are_counted(void **state)
{
	(void)state;
	assert_true(numbers_pass(WIRE_CHECK_ITEMS - 1)); /* the field itself is one */
	assert_false(numbers_pass(WIRE_CHECK_ITEMS));
	assert_false(numbers_pass(WIRE_CHECK_ITEMS + 1));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_are_utf8_without_nul),
		cmocka_unit_test(lengths_are_whole),
		cmocka_unit_test(messages_nest_only_so_deep),
		cmocka_unit_test(elements_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
