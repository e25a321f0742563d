/* SPDX-License-Identifier: Apache-2.0 */
/*
 * str: text helpers that cannot overflow; see str.h.
 */
#include "base/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool
str_copy(char *dst, size_t size, const char *src)
{
	size_t n = strlen(src);
	size_t fits = n;

	if (size == 0)
		return false;
	if (fits >= size)
		fits = size - 1;
	memmove(dst, src, fits);
	dst[fits] = 0;
	return fits == n;
}

bool
str_format(char *dst, size_t size, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(dst, size, fmt, ap);
	va_end(ap);
	return n >= 0 && (size_t)n < size;
}

bool
str_starts(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool
str_ends(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);

	return n >= m && memcmp(s + n - m, suffix, m) == 0;
}

/* Digits from *s on, at least one; the cursor moves behind them. */
static bool
take_number(const char **s, uint64_t max, uint64_t *ret)
{
	uint64_t v = 0;

	if (**s < '0' || **s > '9')
		return false;
	for (; **s >= '0' && **s <= '9'; ++*s) {
		uint64_t digit = (uint64_t)(**s - '0');

		/* Checked before the multiplication, although max is compared behind it: max may be UINT64_MAX
		 * itself. */
		if (v > (UINT64_MAX - digit) / 10)
			return false;
		v = v * 10 + digit;
		if (v > max)
			return false;
	}
	*ret = v;
	return true;
}

bool
str_u64(const char *s, uint64_t max, uint64_t *ret)
{
	uint64_t v;

	if (!take_number(&s, max, &v) || *s)
		return false;
	*ret = v;
	return true;
}

static int64_t
unit_seconds(char c)
{
	switch (c) {
	case 's':
		return 1;
	case 'm':
		return 60;
	case 'h':
		return 3600;
	case 'd':
		return 86400;
	default:
		return 0;
	}
}

bool
str_duration(const char *s, int64_t *ret_s)
{
	const uint64_t max = 100ULL * 365 * 86400;
	uint64_t total = 0;
	uint64_t v;

	if (str_u64(s, max, &v)) {
		*ret_s = (int64_t)v;
		return v > 0;
	}
	do {
		int64_t unit;

		if (!take_number(&s, max, &v))
			return false;
		unit = unit_seconds(*s);
		if (!unit)
			return false;
		s++;
		total += v * (uint64_t)unit; /* below 2^32 * 86400: no overflow */
		if (total > max)
			return false;
	} while (*s);
	*ret_s = (int64_t)total;
	return total > 0;
}

void
str_duration_text(int64_t s, char *dst, size_t size)
{
	long long v = s < 0 ? 0 : s;

	if (v < 60)
		(void)str_copy(dst, size, "<1m");
	else if (v < 3600)
		(void)str_format(dst, size, "%lldm%llds", v / 60, v % 60);
	else
		(void)str_format(dst, size, "%lldh%lldm%llds", v / 3600, v / 60 % 60, v % 60);
}

static bool
copy_span(char *dst, size_t size, const char *from, size_t n)
{
	if (n == 0 || n >= size)
		return false;
	memcpy(dst, from, n);
	dst[n] = 0;
	return true;
}

bool
str_host_port(const char *s, uint16_t default_port, char *host, size_t size, uint16_t *port)
{
	const char *end, *colon;
	uint64_t v;

	*port = default_port;
	if (*s == '[') {
		end = strchr(s, ']');
		if (!end || (end[1] && end[1] != ':') ||
		    !copy_span(host, size, s + 1, (size_t)(end - s - 1)))
			return false;
		colon = end[1] ? end + 1 : NULL;
	} else {
		colon = strchr(s, ':');
		if (colon && strchr(colon + 1, ':'))
			return false; /* a bare IPv6 address: ambiguous */
		if (!copy_span(host, size, s, colon ? (size_t)(colon - s) : strlen(s)))
			return false;
	}
	if (!colon)
		return default_port != 0;
	if (!str_u64(colon + 1, UINT16_MAX, &v) || v == 0)
		return false;
	*port = (uint16_t)v;
	return true;
}

bool
str_put_host_port(char *dst, size_t size, const char *host, uint16_t port)
{
	return str_format(dst, size, strchr(host, ':') ? "[%s]:%u" : "%s:%u", host, port);
}

size_t
str_utf8_need(uint8_t first)
{
	if (first < 0x80)
		return 1;
	if (first < 0xc2 || first > 0xf4)
		return 0;
	return first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

size_t
str_utf8_len(const uint8_t *s, size_t n)
{
	size_t len = str_utf8_need(s[0]);
	uint32_t cp;

	if (len <= 1 || len > n)
		return len == 1;
	cp = s[0] & (0x7fu >> len);
	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		cp = cp << 6 | (s[i] & 0x3f);
	}
	if ((len == 3 && (cp < 0x800 || (cp >= 0xd800 && cp <= 0xdfff))) ||
	    (len == 4 && (cp < 0x10000 || cp > 0x10ffff)))
		return 0;
	return len;
}

/* U+2028, U+2029, U+202A to U+202E and U+2066 to U+2069: lines and directions, by which a text shows as another one. All
 * begin with E2 80 or E2 81. */
static bool
moves_others(const uint8_t *s)
{
	if (s[0] != 0xe2)
		return false;
	return (s[1] == 0x80 && s[2] >= 0xa8 && s[2] <= 0xae) ||
	    (s[1] == 0x81 && s[2] >= 0xa6 && s[2] <= 0xa9);
}

/* C1 (U+0080-U+009F) too: some terminals obey them. */
size_t
str_printable_len(const uint8_t *s, size_t n)
{
	size_t len = str_utf8_len(s, n);

	if (len == 1 && (s[0] < 0x20 || s[0] == 0x7f))
		return 0;
	if (len == 2 && s[0] == 0xc2 && s[1] < 0xa0)
		return 0;
	return len == 3 && moves_others(s) ? 0 : len;
}

bool
str_is_printable(const char *s, size_t n)
{
	const uint8_t *p = (const uint8_t *)s;

	while (n) {
		size_t len = str_printable_len(p, n);

		if (!len)
			return false;
		p += len;
		n -= len;
	}
	return true;
}

void
str_clean(char *dst, size_t size, const char *src, size_t n)
{
	const uint8_t *p = (const uint8_t *)src;
	size_t at = 0;

	if (size == 0)
		return;
	while (n) {
		size_t len = str_printable_len(p, n);
		/* A byte that is no UTF-8 costs one '?', and reading goes on at the next: what is valid behind
		 * it stays readable. */
		size_t out = len ? len : 1;

		/* Never half a character: whoever reads the result (PostgreSQL, protobuf) would refuse all of
		 * it. */
		if (out >= size - at)
			break;
		if (len)
			memcpy(dst + at, p, len);
		else
			dst[at] = '?';
		at += out;
		p += out;
		n -= out;
	}
	dst[at] = 0;
}

void
str_hex(char *dst, const uint8_t *p, size_t n)
{
	static const char digit[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		dst[2 * i] = digit[p[i] >> 4];
		dst[2 * i + 1] = digit[p[i] & 15];
	}
	dst[2 * n] = 0;
}

bool
str_is_uuid(const char *s)
{
	static const char shape[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

	for (size_t i = 0; i < sizeof(shape) - 1; i++) {
		/* Lower case only: UUIDs are keys here, and one host must not have two spellings. */
		bool fits = shape[i] == '-' ? s[i] == '-'
					    : s[i] && strchr("0123456789abcdef", s[i]) != NULL;
		if (!fits)
			return false;
	}
	return s[sizeof(shape) - 1] == '\0';
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool
str_unhex(const char *s, uint8_t *dst, size_t n)
{
	if (strlen(s) != 2 * n)
		return false;
	for (size_t i = 0; i < n; i++) {
		int high = hex_digit(s[2 * i]), low = hex_digit(s[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		dst[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

bool
str_glob(const char *pattern, const char *s)
{
	const char *star = NULL;  /* behind the last '*' met */
	const char *retry = NULL; /* where that '*' ends its run for now */

	/* Only the last star is ever extended, which is enough: at worst |pattern| * |s| steps. */
	while (*s) {
		if (*pattern == '*') {
			star = ++pattern;
			retry = s;
		} else if (*pattern == *s) {
			pattern++;
			s++;
		} else if (star) {
			pattern = star;
			s = ++retry;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return !*pattern;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

size_t
str_split(char *s, char sep, char **parts, size_t max)
{
	size_t n = 0;

	while (s && n < max) {
		char *end = strchr(s, sep);
		char *next = end ? end + 1 : NULL;

		if (!end)
			end = s + strlen(s);
		*end = 0;
		while (is_blank(*s))
			s++;
		while (end > s && is_blank(end[-1]))
			*--end = 0;
		if (*s)
			parts[n++] = s;
		s = next;
	}
	return n;
}
