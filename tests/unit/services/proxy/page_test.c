/* SPDX-License-Identifier: Apache-2.0 */
/* Templates escape what strangers chose, QR codes are drawn, and addresses that ask too often are
 * refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include <string.h>

#include "proxy/web_page.h"

static void
test_render(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 1000);
	assert_true(page_render(&b, span_str("<p>{{user}}</p>{{&raw}}{{none}} {{x"),
	    (const char *[]){ "user", "<b>&", "raw", "<i>", NULL }));
	assert_true(span_is(buf_span(&b), "<p>&lt;b&gt;&amp;</p><i> {{x"));
	buf_done(&b);
	buf_init(&b, 4);
	assert_false(page_render(&b, span_str("12345"), (const char *[]){ NULL }));
	buf_done(&b);
}

static void
test_qr(void **state)
{
	static char long_text[8000];
	struct buf b;

	(void)state;
	buf_init(&b, 65536);
	assert_int_equal(page_put_qr(&b,
			     "otpauth://totp/tele:alice?secret=AAAAAAAAAAAAAAAA&issuer=tele"),
	    0);
	assert_memory_equal(buf_head(&b), "<svg ", 5);
	assert_memory_equal(buf_head(&b) + b.len - 6, "</svg>", 6);
	memset(long_text, 'x', sizeof(long_text) - 1);
	assert_true(page_put_qr(&b, long_text) < 0);
	buf_done(&b);
}

enum { SIDE_MAX = 200 };

/* The path's modules, on a grid; fails on anything that is no run of a row. */
static int
raster(const char *text, bool dark[SIDE_MAX][SIDE_MAX])
{
	struct buf b;
	int side;

	memset(dark, 0, SIDE_MAX * SIDE_MAX * sizeof(bool));
	buf_init(&b, 65536);
	side = page_put_qr_path(&b, text);
	assert_in_range(side, 8 + 21, SIDE_MAX);
	assert_true(buf_put(&b, "", 1));
	for (const char *p = (const char *)buf_head(&b); *p;) {
		int x, y, n, back, used = 0;

		assert_int_equal(sscanf(p, "M%d %dh%dv1h-%dz%n", &x, &y, &n, &back, &used), 4);
		assert_true(used > 0 && n == back && n > 0 && x >= 4 && x + n <= side - 4);
		assert_true(y >= 4 && y < side - 4);
		while (n-- > 0)
			dark[y][x + n] = true;
		p += used;
	}
	buf_done(&b);
	return side;
}

/* The three squares by which a camera finds it, each with its light ring and its core. */
static void
test_qr_path(void **state)
{
	static bool dark[SIDE_MAX][SIDE_MAX], other[SIDE_MAX][SIDE_MAX];
	int side = raster("otpauth://totp/tele:alice?secret=AAAAAAAAAAAAAAAA&issuer=tele", dark);

	(void)state;
	for (int corner = 0; corner < 3; corner++)
		for (int y = 0; y < 7; y++)
			for (int x = 0; x < 7; x++) {
				bool rim = y == 0 || y == 6 || x == 0 || x == 6;
				bool core = y > 1 && y < 5 && x > 1 && x < 5;
				int left = corner == 1 ? side - 11 : 4,
				    top = corner == 2 ? side - 11 : 4;

				assert_int_equal(dark[top + y][left + x], rim || core);
			}
	assert_int_equal(raster("otpauth://totp/tele:alice?secret=BAAAAAAAAAAAAAAA&issuer=tele",
			     other),
	    side);
	assert_memory_not_equal(dark, other, sizeof(dark));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_render),
		cmocka_unit_test(test_qr),
		cmocka_unit_test(test_qr_path),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
