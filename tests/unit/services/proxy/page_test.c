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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_render),
		cmocka_unit_test(test_qr),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
