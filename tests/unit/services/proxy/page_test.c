/* SPDX-License-Identifier: Apache-2.0 */
/* Templates escape what strangers chose, QR codes are drawn, and addresses that ask too often are
 * refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "proxy/web_page.h"
#include "proxy/rate.h"

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

static void
test_rate(void **state)
{
	struct loop *loop;
	struct rate *r;

	(void)state;
	assert_int_equal(loop_new(&loop), 0);
	assert_int_equal(rate_new(&r, loop, 3), 0);
	for (int i = 0; i < 3; i++)
		assert_true(rate_take(r, "192.0.2.1"));
	assert_false(rate_take(r, "192.0.2.1"));
	assert_true(rate_take(r, "192.0.2.2"));
	rate_free(r);
	loop_free(loop);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_render),
		cmocka_unit_test(test_qr),
		cmocka_unit_test(test_rate),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
