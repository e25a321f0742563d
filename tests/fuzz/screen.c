/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a terminal gets of any bytes: printable text, a few control characters, and sequences of a short list; the same
 * however the bytes are cut. The list is written down here once more, and has nothing that answers, stores or prints.
 */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "tsh/screen.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool holds)
{
	if (!holds)
		abort();
}

/* A private mode that only shows things. */
static bool
mode_ok(const char *digits, size_t n)
{
	static const char *const known[] = { "6", "7", "25", "47", "1047", "1048", "1049" };

	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		if (strlen(known[i]) == n && memcmp(known[i], digits, n) == 0)
			return true;
	return false;
}

/* Bytes of the sequence behind CSI at p. */
static size_t
check_control(const uint8_t *p, size_t n)
{
	size_t i = 0, numbers;
	bool private = n && p[0] == '?';

	i += private;
	numbers = i;
	while (i < n && strchr("0123456789;:", p[i]) && p[i])
		i++;
	must(i < n);
	if (private)
		must((p[i] == 'h' || p[i] == 'l') &&
		    mode_ok((const char *)p + numbers, i - numbers));
	else
		must(strchr("@ABCDEFGHIJKLMPSTXZ`ademr", p[i]) ||
		    (strchr("hl", p[i]) && i == 1 && p[0] == '4'));
	if (!private && p[i] == 'T')
		must(!memchr(p, ';', i));
	return i + 1;
}

static size_t
check_escape(const uint8_t *p, size_t n)
{
	must(n > 0);
	if (p[0] == '[')
		return 1 + check_control(p + 1, n - 1);
	if (strchr("()*+", p[0])) {
		must(n > 1 && strchr("0AB", p[1]) && p[1]);
		return 2;
	}
	if (p[0] == '#') {
		must(n > 1 && p[1] == '8');
		return 2;
	}
	must(p[0] && strchr("78DEM", p[0]));
	return 1;
}

static void
check(struct span out)
{
	for (size_t i = 0; i < out.n;) {
		uint8_t c = out.p[i];
		size_t len = str_printable_len(out.p + i, out.n - i);

		if (c == 0x1b) {
			i += 1 + check_escape(out.p + i + 1, out.n - i - 1);
		} else if (c < 0x20) {
			must(c && strchr("\r\n\b\t\016\017", c));
			i++;
		} else {
			must(len > 0);
			i += len;
		}
	}
}

static void
play(const uint8_t *data, size_t size, size_t piece, struct screen_size recorded,
    struct screen_size here, struct buf *out)
{
	struct screen s;

	screen_init(&s, recorded, here);
	screen_begin(&s, out);
	for (size_t i = 0; i < size; i += piece)
		screen_put(&s, 0, (struct span){ data + i, size - i < piece ? size - i : piece },
		    out);
	screen_end(&s, out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct screen_size recorded, here;
	struct buf whole, cut;
	size_t piece;

	if (size < 5 || size > 4096)
		return 0;
	recorded = (struct screen_size){ data[0] % 32, data[1] % 100 };
	here = (struct screen_size){ data[2] % 32, data[3] % 100 };
	piece = 1 + data[4] % 16;
	/* What a byte becomes has a bound (player.c, SHOWN_MAX for PIECE_MAX). */
	buf_init(&whole, 1024 * size);
	buf_init(&cut, 1024 * size);
	play(data + 5, size - 5, size, recorded, here, &whole);
	play(data + 5, size - 5, piece, recorded, here, &cut);
	must(buf_ok(&whole) && buf_ok(&cut));
	must(span_eq(buf_span(&whole), buf_span(&cut)));
	check(buf_span(&whole));
	buf_done(&whole);
	buf_done(&cut);
	return 0;
}
