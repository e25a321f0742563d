/* SPDX-License-Identifier: Apache-2.0 */
/* buf and wire: ceilings, sticky failure, and lengths that lie. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/wire.h"

static void
append_and_drain_keep_order(void **state)
{
	struct buf b;
	uint8_t in = 0, out = 0;

	(void)state;
	buf_init(&b, 4096);
	for (int round = 0; round < 2000; round++) {
		for (int i = 0; i < 7; i++, in++)
			assert_true(buf_put(&b, &in, 1));
		for (int i = 0; i < (round % 9 == 0 ? 3 : 6) && b.len; i++, out++) {
			assert_int_equal(*buf_head(&b), out);
			buf_drain(&b, 1);
		}
		if (b.len > 3000)
			for (; b.len; out++) {
				assert_int_equal(*buf_head(&b), out);
				buf_drain(&b, 1);
			}
	}
	buf_done(&b);
}

static void
over_the_ceiling_fails_and_stays_failed(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 10);
	assert_true(buf_put(&b, "0123456789", 10));
	assert_false(buf_put(&b, "x", 1));
	assert_false(buf_ok(&b));
	buf_drain(&b, 10);
	assert_false(buf_put(&b, "x", 1));
	assert_null(buf_reserve(&b, SIZE_MAX));
	buf_reset(&b);
	assert_true(buf_put(&b, "x", 1));
	assert_null(buf_reserve(&b, SIZE_MAX));
	buf_done(&b);
}

static void
a_queue_that_stays_full_does_not_grow_without_end(void **state)
{
	struct buf b;
	uint8_t byte = 7;

	(void)state;
	buf_init(&b, 1000);
	while (b.len < 999)
		buf_put(&b, &byte, 1);
	for (int i = 0; i < 100000; i++) {
		assert_true(buf_put(&b, &byte, 1));
		buf_drain(&b, 1);
	}
	assert_true(b.cap <= 4096);
	buf_done(&b);
}

static void
an_empty_large_buffer_gives_memory_back(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 1 << 20);
	assert_non_null(buf_reserve(&b, 1 << 19));
	buf_commit(&b, 1 << 19);
	buf_drain(&b, 1 << 19);
	assert_null(b.data);
	assert_int_equal(b.cap, 0);
	assert_true(buf_put(&b, "again", 5));
	assert_true(span_is(buf_span(&b), "again"));
	buf_done(&b);
}

static void
commit_of_more_than_reserved_fails(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 1 << 20);
	assert_non_null(buf_reserve(&b, 10));
	buf_commit(&b, b.cap + 1);
	assert_false(buf_ok(&b));
	buf_done(&b);
}

static void
printf_appends(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 64);
	assert_true(buf_printf(&b, "%d-", 42));
	assert_true(buf_printf(&b, "%s", "x"));
	assert_true(span_is(buf_span(&b), "42-x"));
	assert_false(buf_printf(&b, "%80d", 1));
	buf_done(&b);
}

static void
span_dup_refuses_nul(void **state)
{
	char *s;

	(void)state;
	assert_null(span_dup((struct span){ (const uint8_t *)"a\0b", 3 }));
	s = span_dup(span_str("abc"));
	assert_string_equal(s, "abc");
	free(s);
	s = span_dup((struct span){ NULL, 0 });
	assert_string_equal(s, "");
	free(s);
}

static void
written_values_read_back(void **state)
{
	struct buf b;
	struct wire w;
	char text[8];
	size_t mark;

	(void)state;
	buf_init(&b, 1024);
	wire_put_u8(&b, 200);
	wire_put_bool(&b, true);
	wire_put_u32(&b, 0xdeadbeef);
	wire_put_u64(&b, 0x0123456789abcdefULL);
	wire_put_text(&b, "hello");
	mark = wire_put_open(&b);
	wire_put_text(&b, "in");
	wire_put_close(&b, mark);
	assert_true(buf_ok(&b));

	w = wire_from(buf_span(&b));
	assert_int_equal(wire_u8(&w), 200);
	assert_true(wire_bool(&w));
	assert_int_equal(wire_u32(&w), 0xdeadbeef);
	assert_true(wire_u64(&w) == 0x0123456789abcdefULL);
	wire_text(&w, text, sizeof(text));
	assert_string_equal(text, "hello");
	assert_int_equal(wire_string(&w).n, 6);
	assert_true(wire_end(&w));
	buf_done(&b);
}

static void
a_length_beyond_the_end_is_bad_for_good(void **state)
{
	const uint8_t lie[] = { 0xff, 0xff, 0xff, 0xff, 'a', 'b' };
	struct wire w = wire_from((struct span){ lie, sizeof(lie) });
	struct span s = wire_string(&w);

	(void)state;
	assert_null(s.p);
	assert_int_equal(s.n, 0);
	assert_true(w.bad);
	assert_int_equal(wire_u8(&w), 0);
	assert_false(wire_end(&w));
	assert_int_equal(wire_rest(&w).n, 0);
}

static void
text_with_nul_or_too_long_is_bad(void **state)
{
	const uint8_t nul[] = { 0, 0, 0, 3, 'a', 0, 'b' };
	const uint8_t four[] = { 0, 0, 0, 4, 'a', 'b', 'c', 'd' };
	struct wire w = wire_from((struct span){ nul, sizeof(nul) });
	char dst[4] = "zzz";

	(void)state;
	wire_text(&w, dst, sizeof(dst));
	assert_true(w.bad);
	assert_string_equal(dst, "");
	w = wire_from((struct span){ four, sizeof(four) });
	wire_text(&w, dst, sizeof(dst));
	assert_true(w.bad);
}

/* The examples of RFC 4251 section 5. */
static void
mpint_is_as_in_the_rfc(void **state)
{
	static const struct {
		const char *number;
		size_t n;
		const char *wire;
		size_t wire_n;
	} row[] = {
		{ "", 0, "\0\0\0\0", 4 },
		{ "\x09\xa3\x78\xf9\xb2\xe3\x32\xa7", 8,
		    "\0\0\0\x08\x09\xa3\x78\xf9\xb2\xe3\x32\xa7", 12 },
		{ "\x80", 1, "\0\0\0\x02\0\x80", 6 },
		{ "\0\0\x01", 3, "\0\0\0\x01\x01", 5 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct buf b;
		struct wire w;
		struct span got, want = { (const uint8_t *)row[i].number, row[i].n };

		buf_init(&b, 64);
		wire_put_mpint(&b, want);
		assert_true(span_eq(buf_span(&b),
		    (struct span){ (const uint8_t *)row[i].wire, row[i].wire_n }));
		w = wire_from(buf_span(&b));
		got = wire_mpint(&w);
		assert_true(wire_end(&w));
		while (want.n && !want.p[0]) {
			want.p++;
			want.n--;
		}
		assert_true(span_eq(got, want));
		buf_done(&b);
	}
}

static void
negative_and_padded_mpints_are_bad(void **state)
{
	static const char *const bad[] = { "\0\0\0\x01\x80", "\0\0\0\x02\0\x01", "\0\0\0\x01\0" };
	static const size_t n[] = { 5, 6, 5 };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct wire w = wire_from((struct span){ (const uint8_t *)bad[i], n[i] });

		wire_mpint(&w);
		assert_true(w.bad);
	}
}

static void
name_lists_are_taken_apart(void **state)
{
	struct span list = span_str("a,bc,,d"), name;

	(void)state;
	assert_true(wire_has_name(list, "bc"));
	assert_false(wire_has_name(list, "b"));
	assert_true(wire_next_name(&list, &name) && span_is(name, "a"));
	assert_true(wire_next_name(&list, &name) && span_is(name, "bc"));
	assert_true(wire_next_name(&list, &name) && span_is(name, ""));
	assert_true(wire_next_name(&list, &name) && span_is(name, "d"));
	assert_false(wire_next_name(&list, &name));
}

static void
close_after_a_failed_open_changes_nothing(void **state)
{
	struct buf b;
	size_t mark;

	(void)state;
	buf_init(&b, 2);
	mark = wire_put_open(&b);
	wire_put_close(&b, mark);
	assert_false(buf_ok(&b));
	assert_int_equal(b.len, 0);
	buf_done(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(append_and_drain_keep_order),
		cmocka_unit_test(over_the_ceiling_fails_and_stays_failed),
		cmocka_unit_test(a_queue_that_stays_full_does_not_grow_without_end),
		cmocka_unit_test(an_empty_large_buffer_gives_memory_back),
		cmocka_unit_test(commit_of_more_than_reserved_fails),
		cmocka_unit_test(printf_appends),
		cmocka_unit_test(span_dup_refuses_nul),
		cmocka_unit_test(written_values_read_back),
		cmocka_unit_test(a_length_beyond_the_end_is_bad_for_good),
		cmocka_unit_test(text_with_nul_or_too_long_is_bad),
		cmocka_unit_test(mpint_is_as_in_the_rfc),
		cmocka_unit_test(negative_and_padded_mpints_are_bad),
		cmocka_unit_test(name_lists_are_taken_apart),
		cmocka_unit_test(close_after_a_failed_open_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
