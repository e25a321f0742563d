/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recorder_input: standard input of a command without a terminal, as a terminal's echo would have
 * shown it. Called for every piece before the process gets it. Pure but for the sink.
 *
 * What people feed to shells and interpreters is recorded; archives and disk images are counted and
 * hashed. Nobody here knows what will read it, and who sends it chooses every byte, so the input is
 * judged stretch by stretch by two questions that text cannot answer wrongly:
 *
 * - Are its bytes spread as evenly as those of compressed or encrypted data? Text is not, also when
 *   NUL or high bytes are strewn over it until most of it is those; it would have to be
 *   compressed or encrypted itself, and then there is something visible that takes it apart.
 * - Which text stands in it all the same? Between random bytes a shell runs a command only when it
 *   has a separator in front, and behind it something that makes the rest harmless: at least four
 *   characters in a row. All such runs are kept (FRAME_IN_TEXT). A NUL does not end one: shells
 *   drop it.
 *
 * A stretch of nothing but control characters is left out too. All else is kept whole.
 */
#include <string.h>

#include "session/recorder_priv.h"

enum {
	STRETCH = 4096,
	/* The least bytes about whose spread anything can be said. */
	STRETCH_MIN = 1024,
	/* Chi-squared against an even spread, 256 values: random bytes have 255 and a standard
	 * deviation of 23, of any number; what compressors leave is a little less even, which shows in
	 * long stretches. Text among random bytes adds 15 n share^2: more than a tenth is beyond this. */
	EVEN_MAX = 352,
	EVEN_MORE = 25,
	RUN_MIN = 4,
};

static bool
is_text(uint8_t c)
{
	return (c >= 0x20 && c < 0x7f) || c == '\n' || c == '\t' || c == '\r';
}

/* What may stand on both sides of a command. */
static bool
is_separator(uint8_t c)
{
	return c == '\n' || c == ';' || c == '&' || c == '|' || c == ' ' || c == '\t' || c == '(' ||
	    c == '`';
}

static bool
is_even(const uint8_t *p, size_t n)
{
	uint32_t count[256] = { 0 };
	uint64_t squares = 0;

	for (size_t i = 0; i < n; i++)
		count[p[i]]++;
	for (size_t i = 0; i < 256; i++)
		squares += (uint64_t)count[i] * count[i];
	/* 256 / n * squares - n, without the division. */
	return 256 * squares < (uint64_t)n * (n + EVEN_MAX + n / EVEN_MORE);
}

static bool
is_binary(const uint8_t *p, size_t n)
{
	size_t high = 0, text = 0;

	for (size_t i = 0; i < n; i++) {
		high += p[i] >> 7;
		text += is_text(p[i]);
	}
	if (text == 0 && high == 0)
		return true;
	/* Half of an even spread is high bytes: most text is done with here. */
	return high > n / 4 && is_even(p, n);
}

/* Whether this stretch is left out. The short end of a piece goes with what was left out before it,
 * but not twice: nobody gets past by sending little at a time. */
static bool
leaves_out(struct recorder_input *in, const uint8_t *p, size_t n)
{
	if (n < STRETCH_MIN) {
		if (in->gap.n == 0 || in->unjudged + n >= STRETCH_MIN)
			return false;
		in->unjudged += n;
		return true;
	}
	if (!is_binary(p, n))
		return false;
	in->unjudged = 0;
	return true;
}

/* --- text in what is left out ------------------------------------------------------------------- */

static bool
is_run(const struct recorder_input *in)
{
	/* ";w;" is a command too. */
	return in->n_run == RUN_MIN ||
	    (in->n_run == RUN_MIN - 1 && is_separator(in->run[0]) && is_separator(in->run[2]));
}

/* One byte more; what of it is to be shown goes to out. Returns how much: what stops at one end of a stretch
 * goes on in the next. */
static size_t
find_text(struct recorder_input *in, uint8_t c, uint8_t *out)
{
	size_t n = 0;

	if (c == 0)
		return 0;
	if (!is_text(c)) {
		/* Runs are told apart by what stands between them. */
		if (in->shown)
			out[n++] = '\n';
		in->shown = false;
		in->n_run = 0;
		return n;
	}
	if (in->shown) {
		out[n++] = c;
		return n;
	}
	in->run[in->n_run++] = c;
	if (!is_run(in))
		return 0;
	n = in->n_run;
	memcpy(out, in->run, n);
	in->shown = true;
	in->n_run = 0;
	return n;
}

static int
put_text(struct recorder *r, const uint8_t *p, size_t n)
{
	/* Each byte adds itself or the line's end in its place, but for a run from before. */
	uint8_t text[STRETCH + RUN_MIN];
	size_t len = 0;

	for (size_t i = 0; i < n; i++)
		len += find_text(&r->input, p[i], text + len);
	return len ? recorder_put(r, FRAME_IN_TEXT, (struct span){ text, len }) : 0;
}

static int
leave_out(struct recorder *r, const uint8_t *p, size_t n)
{
	recorder_gap_add(&r->input.gap, p, n);
	return put_text(r, p, n);
}

int
recorder_input_end(struct recorder *r)
{
	struct recorder_input *in = &r->input;

	/* It may go on in what is kept now. */
	if (in->n_run > 0 && recorder_put(r, FRAME_IN_TEXT, (struct span){ in->run, in->n_run }))
		return -1;
	in->n_run = 0;
	in->shown = false;
	in->unjudged = 0;
	return recorder_gap_put(r, &in->gap, FRAME_IN);
}

/* --- the input ---------------------------------------------------------------------------------- */

static int
keep(struct recorder *r, const uint8_t *p, size_t n)
{
	if (n == 0)
		return 0;
	return recorder_input_end(r) ? -1 : recorder_put_long(r, FRAME_IN, p, n);
}

int
recorder_input(struct recorder *r, const uint8_t *p, size_t n)
{
	size_t kept = 0, at = 0;

	if (r->config.what != RECORDER_COMMAND || r->config.omit_input)
		return 0;
	while (at < n) {
		size_t part = n - at < STRETCH ? n - at : STRETCH;

		/* Stretches that are kept, one after the other, become one frame. */
		if (leaves_out(&r->input, p + at, part)) {
			if (keep(r, p + kept, at - kept) || leave_out(r, p + at, part))
				return -1;
			kept = at + part;
		} else {
			r->input.unjudged = STRETCH_MIN;
		}
		at += part;
	}
	return keep(r, p + kept, n - kept);
}
