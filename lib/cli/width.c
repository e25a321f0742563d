/* SPDX-License-Identifier: Apache-2.0 */
/*
 * width: how many columns text takes; see out.h. Own tables and not wcwidth,
 * which answers by the locale, and cron and systemd run in the C locale.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/out_priv.h"

struct range {
	uint32_t first, last;
};

/* East Asian wide and full-width, and emoji presentation (Unicode 15, by blocks). */
static const struct range wide[] = { { 0x1100, 0x115f }, { 0x231a, 0x231b }, { 0x23e9, 0x23ec },
	{ 0x25fd, 0x25fe }, { 0x2614, 0x2615 }, { 0x2648, 0x2653 }, { 0x26a1, 0x26a1 },
	{ 0x26bd, 0x26be }, { 0x26d4, 0x26d4 }, { 0x2705, 0x2705 }, { 0x274c, 0x274c },
	{ 0x2753, 0x2755 }, { 0x2795, 0x2797 }, { 0x2b1b, 0x2b1c }, { 0x2e80, 0x303e },
	{ 0x3041, 0x33ff }, { 0x3400, 0x4dbf }, { 0x4e00, 0x9fff }, { 0xa000, 0xa4cf },
	{ 0xa960, 0xa97f }, { 0xac00, 0xd7a3 }, { 0xf900, 0xfaff }, { 0xfe30, 0xfe6f },
	{ 0xff00, 0xff60 }, { 0xffe0, 0xffe6 }, { 0x1f300, 0x1f64f }, { 0x1f680, 0x1f6ff },
	{ 0x1f900, 0x1f9ff }, { 0x1fa70, 0x1faff }, { 0x20000, 0x3fffd } };

/* Combining marks, zero-width joiners and variation selectors. */
static const struct range none[] = { { 0x0300, 0x036f }, { 0x0483, 0x0489 }, { 0x0591, 0x05bd },
	{ 0x0610, 0x061a }, { 0x064b, 0x065f }, { 0x0900, 0x0902 }, { 0x0e31, 0x0e31 },
	{ 0x0e34, 0x0e3a }, { 0x1ab0, 0x1aff }, { 0x1dc0, 0x1dff }, { 0x200b, 0x200f },
	{ 0x202a, 0x202e }, { 0x2060, 0x2064 }, { 0x20d0, 0x20ff }, { 0xfe00, 0xfe0f },
	{ 0xfe20, 0xfe2f }, { 0xfeff, 0xfeff }, { 0xe0100, 0xe01ef } };

static int
is_in(const struct range *table, size_t n, uint32_t c)
{
	/* The tables are sorted. */
	for (size_t i = 0; i < n && table[i].first <= c; i++)
		if (c <= table[i].last)
			return 1;
	return 0;
}

int
cli_char_width(const char *s, int *ret_bytes)
{
	const uint8_t *p = (const uint8_t *)s;
	int n = p[0] < 0x80 ? 1 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	uint32_t c = n == 1 ? p[0] : p[0] & (0x7fu >> n);

	for (int i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80) {
			*ret_bytes = i; /* not UTF-8 */
			return 1;
		}
		c = c << 6 | (p[i] & 0x3f);
	}
	*ret_bytes = n;
	if (c < 0x300)
		return 1;
	if (is_in(none, sizeof(none) / sizeof(none[0]), c))
		return 0;
	return is_in(wide, sizeof(wide) / sizeof(wide[0]), c) ? 2 : 1;
}

int
cli_width(const char *text)
{
	int columns = 0;
	int bytes;

	for (; *text; text += bytes)
		columns += cli_char_width(text, &bytes);
	return columns;
}

void
cli_fit(char *dst, size_t size, const char *text, int columns)
{
	bool cut = cli_width(text) > columns;
	int room = cut ? columns - 3 : columns, used = 0, bytes;
	size_t at = 0;

	while (*text && at + 8 < size) {
		int w = cli_char_width(text, &bytes);

		if (used + w > room)
			break;
		memcpy(dst + at, text, (size_t)bytes);
		at += (size_t)bytes;
		text += bytes;
		used += w;
	}
	for (int dots = 0; cut && dots < 3 && used < columns && at + 1 < size; dots++, used++)
		dst[at++] = '.';
	for (; used < columns && at + 1 < size; used++)
		dst[at++] = ' ';
	dst[at] = '\0';
}

int
cli_columns(void)
{
	return cli_columns_of(STDOUT_FILENO);
}

int
cli_columns_of(int fd)
{
	struct winsize size;

	/* 0: it is no terminal. */
	return ioctl(fd, TIOCGWINSZ, &size) < 0 ? 0 : size.ws_col;
}
