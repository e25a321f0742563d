/* SPDX-License-Identifier: Apache-2.0 */
/* Request heads: what is taken, what is refused with which status, and the formats around. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/head.h"

static uint8_t copy[20000];

static int
parse(struct http_head *h, const char *text)
{
	memcpy(copy, text, strlen(text));
	return http_head_parse(h, copy, strlen(text));
}

static void
test_request(void **state)
{
	const char *text =
	    "POST /web/invite/abc?x=1 HTTP/1.1\r\nHost: p\r\nContent-Length:  12 \r\n"
	    "X-Two: a\r\n\r\nbody";
	struct http_head h;

	(void)state;
	assert_int_equal(parse(&h, text), 0);
	assert_string_equal(h.method, "POST");
	assert_true(span_is(h.path, "/web/invite/abc"));
	assert_true(span_is(h.query, "x=1"));
	assert_int_equal(h.content_length, 12);
	assert_true(h.keep_alive);
	assert_true(span_is(http_head_field(&h, "x-two"), "a"));
	assert_int_equal(h.length, strlen(text) - 4);
	for (size_t n = 0; n < h.length; n++) {
		uint8_t *exact = malloc(n + !n);

		memcpy(exact, text, n);
		assert_int_equal(http_head_parse(&h, exact, n), HTTP_HEAD_E_MORE);
		free(exact);
	}
}

static void
test_keep_alive(void **state)
{
	struct http_head h;

	(void)state;
	assert_int_equal(parse(&h, "GET / HTTP/1.0\r\n\r\n"), 0);
	assert_false(h.keep_alive);
	assert_int_equal(parse(&h, "GET / HTTP/1.1\r\nHost: a\r\nConnection: Close\r\n\r\n"), 0);
	assert_false(h.keep_alive);
}

static void
test_refused(void **state)
{
	static const struct {
		int status;
		const char *text;
	} rows[] = {
		{ -400, "GET / HTTP/1.1\r\n\r\n" }, /* no Host */
		{ -400, "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n" },
		{ -400, "GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n" },
		{ -400, "GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n" },
		{ -400, "GET / HTTP/1.1\r\nHost : a\r\n\r\n" },
		{ -400, "GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n" },
		{ -400, "GET / HTTP/1.1\nHost: a\r\n\r\n" },
		{ -400, "GET /  HTTP/1.1\r\nHost: a\r\n\r\n" },
		{ -400, "GET /\r\n\r\n" },
		{ -505, "GET / HTTP/2.0\r\nHost: a\r\n\r\n" },
		{ -411, "POST / HTTP/1.1\r\nHost: a\r\n\r\n" },
		{ -400,
		    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n"
		    "Content-Length: 1\r\n\r\n" },
		{ -400, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n" },
		{ -400,
		    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n" },
		{ -501, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" },
	};
	struct http_head h;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(parse(&h, rows[i].text), rows[i].status);
}

static void
test_limits(void **state)
{
	static char text[20000];
	struct http_head h;
	size_t n;

	(void)state;
	memset(text, 'a', sizeof(text));
	memcpy(text, "GET /", 5);
	assert_int_equal(http_head_parse(&h, (uint8_t *)text, sizeof(text)), -431);
	memcpy(text + 3000, " HTTP/1.1\r\nHost: a\r\n\r\n", 22);
	assert_int_equal(http_head_parse(&h, (uint8_t *)text, 3022), -414);
	n = (size_t)snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: a\r\n");
	for (int i = 0; i < HTTP_FIELDS_MAX; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "a: b\r\n");
	n += (size_t)snprintf(text + n, sizeof(text) - n, "\r\n");
	assert_int_equal(http_head_parse(&h, (uint8_t *)text, n), -431);
}

static void
test_forms_and_escapes(void **state)
{
	struct span form = span_str(
	    "password=a%26b+c%c3%a9&otp=123456&twice=1&twice=2&bad=%zz&nul=%00");
	struct buf b;
	char v[32];

	(void)state;
	assert_true(http_form_value(form, "password", v, sizeof(v)));
	assert_string_equal(v, "a&b c\xc3\xa9");
	assert_true(http_form_value(form, "otp", v, sizeof(v)));
	assert_string_equal(v, "123456");
	assert_false(http_form_value(form, "twice", v, sizeof(v)));
	assert_false(http_form_value(form, "bad", v, sizeof(v)));
	assert_false(http_form_value(form, "nul", v, sizeof(v)));
	assert_false(http_form_value(form, "none", v, sizeof(v)));
	assert_false(http_form_value(form, "password", v, 4));
	buf_init(&b, 1000);
	assert_true(http_put_escaped(&b, "<a href='x\">&"));
	assert_true(span_is(buf_span(&b), "&lt;a href=&#39;x&quot;&gt;&amp;"));
	buf_done(&b);
}

/* Browsers name it; curl, libraries and our own clients do not. */
static void
test_who_takes_html(void **state)
{
	static const char *const browsers[] = { "text/html",
		"text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8",
		"application/json;q=0.1, Text/HTML ;q=0.9", "*/*,text/html;level=1;q=0.001" };
	static const char *const programs[] = { "", "*/*", "application/json",
		"application/json, text/plain, */*", "text/html;q=0", "text/html; q=0.000",
		"text/htmlx", "text/*", "application/text/html" };
	static char endless[4000];

	(void)state;
	for (size_t i = 0; i < sizeof browsers / sizeof *browsers; i++)
		assert_true(http_accepts_html(span_str(browsers[i])));
	for (size_t i = 0; i < sizeof programs / sizeof *programs; i++)
		assert_false(http_accepts_html(span_str(programs[i])));
	memset(endless, ',', sizeof endless - 1);
	assert_false(http_accepts_html(span_str(endless)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_request),
		cmocka_unit_test(test_keep_alive),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_forms_and_escapes),
		cmocka_unit_test(test_who_takes_html),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
