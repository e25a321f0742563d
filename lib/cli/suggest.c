/* SPDX-License-Identifier: Apache-2.0 */
/*
 * suggest: the word that somebody meant who typed another; see cli_priv.h.
 */
#include <ctype.h>
#include <string.h>

#include "base/str.h"
#include "cli/cli_priv.h"

enum { WORD_MAX = 32 };

static size_t
least(size_t a, size_t b, size_t c)
{
	size_t d = a < b ? a : b;

	return d < c ? d : c;
}

static bool
is_same(char a, char b)
{
	return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* Letters to add, remove, replace or swap with the next one (optimal string alignment), without case. */
static size_t
distance(const char *a, size_t n, const char *b, size_t m)
{
	size_t d[WORD_MAX + 1][WORD_MAX + 1];

	for (size_t i = 0; i <= n; i++)
		d[i][0] = i;
	for (size_t j = 0; j <= m; j++)
		d[0][j] = j;
	for (size_t i = 1; i <= n; i++)
		for (size_t j = 1; j <= m; j++) {
			d[i][j] = least(d[i - 1][j] + 1, d[i][j - 1] + 1,
			    d[i - 1][j - 1] + (is_same(a[i - 1], b[j - 1]) ? 0 : 1));
			if (i > 1 && j > 1 && is_same(a[i - 1], b[j - 2]) &&
			    is_same(a[i - 2], b[j - 1]))
				d[i][j] = least(d[i][j], d[i - 2][j - 2] + 1, d[i][j]);
		}
	return d[n][m];
}

void
suggest_offer(struct suggestion *s, const char *candidate)
{
	size_t m = strlen(candidate), d;

	if (s->n == 0 || s->n > WORD_MAX || m > WORD_MAX)
		return;
	d = distance(s->word, s->n, candidate, m);
	/* A third of the letters may be wrong, and one always; two letters alone are no hint of anything else. */
	if (d <= (s->n > 5 ? s->n / 3 : 1) && d < s->n && d < m && (!s->best || d < s->distance)) {
		s->best = candidate;
		s->distance = d;
	}
}

const char *
suggest_text(const struct suggestion *s, const char *before, char *dst, size_t size)
{
	if (!s->best || !str_format(dst, size, "; did you mean '%s%s'?", before, s->best))
		*dst = '\0';
	return dst;
}
