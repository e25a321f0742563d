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
		{ "\xf8\x90\x80\x80", false },
		{ "\x81\x90\x80\x80", false },
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

#define PASSES(...)                                                      \
	passes(&echo__msg__descriptor, (const uint8_t[]){ __VA_ARGS__ }, \
	    sizeof((const uint8_t[]){ __VA_ARGS__ }))

/* A number has at most ten bytes, and its last byte is inside the message. */
static void
numbers_are_whole(void **state)
{
	static const uint8_t behind[] = { 0x10, 0x80, 0x01 };

	(void)state;
	assert_true(PASSES(0x10, 0x00));
	assert_true(PASSES(0x10, 0x7f));
	assert_true(PASSES(0x10, 0x80, 0x01));
	assert_true(PASSES(0x10, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01));
	assert_false(
	    PASSES(0x10, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01));
	assert_false(PASSES(0x10));
	assert_false(PASSES(0x10, 0x80));
	assert_false(passes(&echo__msg__descriptor, behind, sizeof(behind) - 1));
}

/* Field numbers are 1 to 2^29 - 1; a tag that is not one is no reason to go on with the one before. */
static void
tags_are_whole(void **state)
{
	static const uint8_t behind[] = { 0x88, 0x01, 0x01 };

	(void)state;
	assert_true(PASSES(0xf8, 0xff, 0xff, 0xff, 0x0f, 0x01));
	assert_false(PASSES(0x88, 0x80, 0x80, 0x80, 0x10, 0x01));
	assert_false(PASSES(0x00, 0x01));
	assert_false(PASSES(0x02, 0x00));
	assert_false(PASSES(0x88));
	assert_false(passes(&echo__msg__descriptor, behind, 1));
	assert_false(passes(&echo__msg__descriptor, behind, 2));
	assert_false(
	    PASSES(0x10, 0x01, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01));
}

static void
wire_types_have_their_sizes(void **state)
{
	(void)state;
	assert_true(PASSES(0xa1, 0x06, 1, 2, 3, 4, 5, 6, 7, 8));
	assert_false(PASSES(0xa1, 0x06, 1, 2, 3, 4, 5, 6, 7));
	assert_false(PASSES(0xa1, 0x06));
	assert_true(PASSES(0xa5, 0x06, 1, 2, 3, 4));
	assert_false(PASSES(0xa5, 0x06));
	assert_false(PASSES(0xa5, 0x06, 1, 2, 3));
	/* groups, and what there never was */
	assert_false(PASSES(0xa3, 0x06));
	assert_false(PASSES(0xa3, 0x06, 0xa4, 0x06));
	assert_false(PASSES(0xa4, 0x06));
	assert_false(PASSES(0xa6, 0x06));
	assert_false(PASSES(0xa7, 0x06));
}

/* What is not known is bytes, and may be anything; what is inside a known message may not. */
static void
only_known_texts_are_texts(void **state)
{
	(void)state;
	assert_true(PASSES(0xa2, 0x06, 1, 0xff));
	assert_true(PASSES(0x1a, 1, 0xff));
	assert_false(PASSES(0x0a, 1, 0xff));
	assert_false(PASSES(0x42, 3, 0x0a, 1, 0xff));
	assert_true(PASSES(0x42, 3, 0x0a, 1, 'a'));
}

/* A length beyond the message is refused before anything looks at what it claims: in a list, the elements. */
static void
a_length_beyond_the_message_is_not_followed(void **state)
{
	(void)state;
	assert_false(PASSES(0x3a, 2, 1));
	assert_false(PASSES(0x3a, 0x80, 0x80, 0x80, 0x80, 0x80, 0x20, 1));
	assert_false(PASSES(0x3a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 1));
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
	assert_int_equal(most, WIRE_CHECK_DEPTH);
}

/* A field of a Msg with n bytes: 1, or by turns 0x80 and 1, which is one number of two bytes each. */
static bool
bytes_pass(uint8_t tag, uint32_t n, bool wide)
{
	struct buf b;
	uint8_t *bytes = malloc(n);
	uint8_t head[6] = { tag, (uint8_t)(n | 0x80), (uint8_t)(n >> 7 | 0x80),
		(uint8_t)(n >> 14 & 0x7f) };
	bool ok;

	assert_non_null(bytes);
	for (uint32_t i = 0; i < n; i++)
		bytes[i] = wide && i % 2 == 0 ? 0x80 : 1;
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
	enum { NUMBERS = 0x3a, ONE_NUMBER = 0x12, DATA = 0x1a };

	(void)state;
	assert_true(bytes_pass(NUMBERS, WIRE_CHECK_ITEMS - 1, false)); /* the field itself is one */
	assert_false(bytes_pass(NUMBERS, WIRE_CHECK_ITEMS, false));
	assert_false(bytes_pass(NUMBERS, WIRE_CHECK_ITEMS + 1, false));
	assert_true(bytes_pass(NUMBERS, 2 * (WIRE_CHECK_ITEMS - 1), true));
	assert_false(bytes_pass(NUMBERS, 2 * WIRE_CHECK_ITEMS, true));
	/* What is no list costs nothing in memory but itself. */
	assert_true(bytes_pass(ONE_NUMBER, 2 * WIRE_CHECK_ITEMS, false));
	assert_true(bytes_pass(DATA, 2 * WIRE_CHECK_ITEMS, false));
}

/* Fields that nobody knows are paid for too: protobuf-c keeps each. */
static void
fields_are_counted(void **state)
{
	enum { SIZE = 2 * (WIRE_CHECK_ITEMS + 1) };
	uint8_t *bytes = malloc(SIZE);

	(void)state;
	assert_non_null(bytes);
	for (size_t i = 0; i < SIZE; i += 2) {
		bytes[i] = 0x78; /* field 15, a number */
		bytes[i + 1] = 0;
	}
	assert_true(passes(&echo__msg__descriptor, bytes, SIZE - 2));
	assert_false(passes(&echo__msg__descriptor, bytes, SIZE));
	free(bytes);
}

/* A list of numbers of fixed size, as no message of ours has one yet. */
static bool
fixed_passes(ProtobufCType type, uint32_t n)
{
	const ProtobufCFieldDescriptor field = { .name = "list",
		.id = 1,
		.label = PROTOBUF_C_LABEL_REPEATED,
		.type = type };
	const unsigned by_name[] = { 0 };
	const ProtobufCIntRange ranges[] = { { 1, 0 }, { 0, 1 } };
	const ProtobufCMessageDescriptor message = { .magic = PROTOBUF_C__MESSAGE_DESCRIPTOR_MAGIC,
		.n_fields = 1,
		.fields = &field,
		.fields_sorted_by_name = by_name,
		.n_field_ranges = 1,
		.field_ranges = ranges };
	const uint8_t head[] = { 0x0a, (uint8_t)(n | 0x80), (uint8_t)(n >> 7 | 0x80),
		(uint8_t)(n >> 14 & 0x7f) };
	uint8_t *bytes = calloc(1, sizeof(head) + n);
	bool ok;

	assert_non_null(bytes);
	memcpy(bytes, head, sizeof(head));
	ok = passes(&message, bytes, sizeof(head) + n);
	free(bytes);
	return ok;
}

static void
elements_of_fixed_size_are_counted(void **state)
{
	static const ProtobufCType four[] = { PROTOBUF_C_TYPE_FIXED32, PROTOBUF_C_TYPE_SFIXED32,
		PROTOBUF_C_TYPE_FLOAT },
				   eight[] = { PROTOBUF_C_TYPE_FIXED64, PROTOBUF_C_TYPE_SFIXED64,
					   PROTOBUF_C_TYPE_DOUBLE };

	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_true(fixed_passes(four[i], 4 * (WIRE_CHECK_ITEMS - 1)));
		assert_false(fixed_passes(four[i], 4 * WIRE_CHECK_ITEMS));
		assert_true(fixed_passes(eight[i], 8 * (WIRE_CHECK_ITEMS - 1)));
		assert_false(fixed_passes(eight[i], 8 * WIRE_CHECK_ITEMS));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_are_utf8_without_nul),
		cmocka_unit_test(lengths_are_whole),
		cmocka_unit_test(numbers_are_whole),
		cmocka_unit_test(tags_are_whole),
		cmocka_unit_test(wire_types_have_their_sizes),
		cmocka_unit_test(only_known_texts_are_texts),
		cmocka_unit_test(a_length_beyond_the_message_is_not_followed),
		cmocka_unit_test(messages_nest_only_so_deep),
		cmocka_unit_test(elements_are_counted),
		cmocka_unit_test(fields_are_counted),
		cmocka_unit_test(elements_of_fixed_size_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
