/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json: RFC 8259 text into a buffer; see json.h. Memory only.
 */
#include "audit/json.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "base/str.h"

enum { HEX_STEP = 256 };

#define TIME_MIN_US INT64_C(-62135596800000000) /* 0001-01-01 */
#define TIME_MAX_US INT64_C(253402300799999999) /* 9999-12-31 */

void
json_text(struct buf *b, const char *text)
{
	buf_put(b, "\"", 1);
	while (*text) {
		size_t run = 0;
		uint8_t c;

		/* The rest of UTF-8 stands for itself (RFC 8259 section 8.1); that it is UTF-8
		 * was checked when the message was read. */
		while ((uint8_t)text[run] >= 0x20 && text[run] != '"' && text[run] != '\\')
			run++;
		buf_put(b, text, run);
		text += run;
		c = (uint8_t)*text;
		if (!c)
			break;
		if (c < 0x20) {
			buf_printf(b, "\\u%04x", c);
		} else {
			buf_put(b, "\\", 1);
			buf_put(b, text, 1);
		}
		text++;
	}
	buf_put(b, "\"", 1);
}

void
json_key(struct buf *b, const char *key)
{
	struct span s = buf_span(b);

	if (s.n && s.p[s.n - 1] != '{')
		buf_put(b, ",", 1);
	json_text(b, key);
	buf_put(b, ":", 1);
}

/* An empty text is left out: no member and an empty one mean the same here. */
void
json_member(struct buf *b, const char *key, const char *text)
{
	if (!text || !*text)
		return;
	json_key(b, key);
	json_text(b, text);
}

void
json_hex(struct buf *b, const char *key, struct span bytes)
{
	char hex[2 * HEX_STEP + 1];

	json_key(b, key);
	buf_put(b, "\"", 1);
	for (size_t i = 0; i < bytes.n; i += HEX_STEP) {
		size_t n = bytes.n - i < HEX_STEP ? bytes.n - i : HEX_STEP;

		str_hex(hex, bytes.p + i, n);
		buf_put(b, hex, 2 * n);
	}
	buf_put(b, "\"", 1);
}

void
json_number(struct buf *b, const char *key, int64_t v)
{
	json_key(b, key);
	buf_printf(b, "%" PRId64, v);
}

void
json_bool(struct buf *b, const char *key, bool v)
{
	json_key(b, key);
	buf_put(b, v ? "true" : "false", v ? 4 : 5);
}

/* n digits of v, and what stands behind them. By hand: every event has a time, and printf took as long as all the rest of
 * its JSON. */
static char *
digits(char *at, int v, int n, char then)
{
	for (int i = n - 1; i >= 0; i--) {
		at[i] = (char)('0' + v % 10);
		v /= 10;
	}
	at[n] = then;
	return at + n + 1;
}

void
json_time(struct buf *b, const char *key, int64_t unix_us)
{
	/* A producer may claim any time; years of more or less than four digits are none in RFC
	 * 3339. */
	int64_t us = unix_us < TIME_MIN_US ? TIME_MIN_US
	    : unix_us > TIME_MAX_US        ? TIME_MAX_US
					   : unix_us;
	int64_t rest = us % 1000000;
	char text[40], *at = text;
	time_t s;
	struct tm tm;

	if (rest < 0)
		rest += 1000000;
	s = (time_t)((us - rest) / 1000000);
	json_key(b, key);
	if (!gmtime_r(&s, &tm)) {
		buf_put(b, "null", 4);
		return;
	}
	*at++ = '"';
	at = digits(at, tm.tm_year + 1900, 4, '-');
	at = digits(at, tm.tm_mon + 1, 2, '-');
	at = digits(at, tm.tm_mday, 2, 'T');
	at = digits(at, tm.tm_hour, 2, ':');
	at = digits(at, tm.tm_min, 2, ':');
	at = digits(at, tm.tm_sec, 2, '.');
	at = digits(at, (int)rest, 6, 'Z');
	*at++ = '"';
	buf_put(b, text, (size_t)(at - text));
}
