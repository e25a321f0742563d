/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clock: the two times there are; see clock.h.
 */
#include "base/clock.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/str.h"

static int64_t
read_us(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t
clock_mono_ms(void)
{
	return read_us(CLOCK_MONOTONIC) / 1000;
}

int64_t
clock_mono_us(void)
{
	return read_us(CLOCK_MONOTONIC);
}

int64_t
clock_wall_ms(void)
{
	return read_us(CLOCK_REALTIME) / 1000;
}

void
clock_rfc3339(int64_t wall_ms, char *dst, size_t size)
{
	int64_t ms = wall_ms % 1000;
	time_t t = wall_ms / 1000;
	char text[24];
	struct tm tm;

	if (size == 0)
		return;
	dst[0] = 0;
	/* Before 1970 the remainder is negative in C, and the second is the one below. */
	if (ms < 0) {
		ms += 1000;
		t--;
	}
	if (!gmtime_r(&t, &tm) || strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm) == 0)
		return;
	if ((size_t)snprintf(dst, size, "%s.%03dZ", text, (int)ms) >= size)
		dst[0] = 0;
}

/* Exactly n digits as a number; the cursor moves behind them. */
static bool
digits(const char **s, int n, int max, int *ret)
{
	int v = 0;

	for (; n > 0; n--, ++*s) {
		if (**s < '0' || **s > '9')
			return false;
		v = v * 10 + (**s - '0');
	}
	*ret = v;
	return v <= max;
}

static bool
skip(const char **s, char c)
{
	if (**s != c)
		return false;
	++*s;
	return true;
}

/* ".123456" as milliseconds; no fraction is 0. */
static bool
fraction(const char **s, int *ret_ms)
{
	int unit = 100;

	*ret_ms = 0;
	if (!skip(s, '.'))
		return true;
	if (**s < '0' || **s > '9')
		return false;
	for (; **s >= '0' && **s <= '9'; ++*s, unit /= 10)
		*ret_ms += (**s - '0') * unit;
	return true;
}

static bool
zone(const char **s, int *ret_s)
{
	int sign = **s == '-' ? -1 : 1;
	int h, m;

	*ret_s = 0;
	if (skip(s, 'Z') || skip(s, 'z'))
		return true;
	if (!skip(s, '+') && !skip(s, '-'))
		return false;
	if (!digits(s, 2, 23, &h) || !skip(s, ':') || !digits(s, 2, 59, &m))
		return false;
	*ret_s = sign * (h * 3600 + m * 60);
	return true;
}

int
clock_parse_rfc3339(const char *s, int64_t *ret_wall_ms)
{
	struct tm tm = { 0 };
	struct tm back;
	int ms, offset_s;
	time_t t;

	if (!digits(&s, 4, 9999, &tm.tm_year) || !skip(&s, '-') || !digits(&s, 2, 12, &tm.tm_mon) ||
	    !skip(&s, '-') || !digits(&s, 2, 31, &tm.tm_mday))
		return -1;
	if (!skip(&s, 'T') && !skip(&s, 't') && !skip(&s, ' '))
		return -1;
	if (!digits(&s, 2, 23, &tm.tm_hour) || !skip(&s, ':') || !digits(&s, 2, 59, &tm.tm_min) ||
	    !skip(&s, ':') || !digits(&s, 2, 60, &tm.tm_sec))
		return -1;
	if (!fraction(&s, &ms) || !zone(&s, &offset_s) || *s)
		return -1;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	back = tm;
	t = timegm(&back);
	/* timegm takes 31 April for 1 May; a date that moved was none. */
	if (tm.tm_sec < 60 && (back.tm_mday != tm.tm_mday || back.tm_mon != tm.tm_mon))
		return -1;
	*ret_wall_ms = ((int64_t)t - offset_s) * 1000 + ms;
	return 0;
}

int
clock_parse_time(const char *s, int64_t *ret_wall_ms)
{
	enum { DAY_LEN = sizeof("2026-11-22") - 1 };
	char full[64];

	if (strlen(s) != DAY_LEN)
		return clock_parse_rfc3339(s, ret_wall_ms);
	(void)str_format(full, sizeof(full), "%sT00:00:00Z", s);
	return clock_parse_rfc3339(full, ret_wall_ms);
}
