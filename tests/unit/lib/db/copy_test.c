/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of COPY in binary format: the bytes that PostgreSQL documents. Against a server: tests/e2e/test_auditd.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "db/db.h"

static void
expect(struct buf *b, const char *bytes, size_t n)
{
	assert_true(buf_ok(b));
	assert_int_equal(b->len, n);
	assert_memory_equal(buf_head(b), bytes, n);
	buf_done(b);
}

static void
a_row_has_the_documented_bytes(void **state)
{
	static const uint8_t uuid[16] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 };
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	db_copy_begin(&b);
	expect(&b, "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19);
	db_copy_row(&b, 3);
	db_copy_null(&b);
	db_copy_bool(&b, true);
	db_copy_i32(&b, -2);
	expect(&b,
	    "\0\3"
	    "\377\377\377\377"
	    "\0\0\0\1\1"
	    "\0\0\0\4\377\377\377\376",
	    2 + 4 + 5 + 8);
	db_copy_bytes(&b, span_str("hi"));
	db_copy_jsonb(&b, span_str("{}"));
	expect(&b,
	    "\0\0\0\2hi"
	    "\0\0\0\3\1{}",
	    6 + 7);
	db_copy_uuid(&b, uuid);
	expect(&b, "\0\0\0\20\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17\20", 20);
	db_copy_end(&b);
	expect(&b, "\377\377", 2);
}

static void
times_count_from_2000_and_are_clamped(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	db_copy_time(&b, INT64_C(946684800000001));
	expect(&b, "\0\0\0\10\0\0\0\0\0\0\0\1", 12);
	db_copy_date(&b, INT64_C(946684800000000));
	expect(&b, "\0\0\0\4\0\0\0\0", 8);
	db_copy_date(&b, INT64_C(946684799999999)); /* the last microsecond of 1999 */
	expect(&b, "\0\0\0\4\377\377\377\377", 8);
	db_copy_time(&b, INT64_MIN);
	db_copy_time(&b, INT64_MAX);
	assert_int_equal(b.len, 24);
	buf_done(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_row_has_the_documented_bytes),
		cmocka_unit_test(times_count_from_2000_and_are_clamped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
