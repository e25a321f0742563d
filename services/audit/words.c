/* SPDX-License-Identifier: Apache-2.0 */
/*
 * words: see words.h. Security: texts are what users of nodes let a terminal show.
 *
 * Text repeats its words: each is hashed for the filter once, and a table of those seen, compared as a whole, tells which are
 * new. Whoever could make two words take each other's place there could hide one of them.
 */
#include "audit/words.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/rand.h"
#include "crypto/sha256.h"

enum { TABLE_MIN = 1024 };

/* A word in the text; n 0: a free slot. */
struct word {
	uint32_t at, n;
	uint32_t hash;
};

struct table {
	const uint8_t *text;
	struct word *slots;
	size_t size, used;   /* size: a power of two */
	uint64_t seed;       /* so that nobody chooses words that all want one slot */
	uint8_t folded[256]; /* of what words are made of, in lower case; 0: not of a word */
};

/* --- words seen ---------------------------------------------------------------------- */

static bool
same(const struct table *t, const struct word *x, const struct word *y)
{
	if (x->hash != y->hash || x->n != y->n)
		return false;
	for (uint32_t i = 0; i < x->n; i++) {
		if (t->folded[t->text[x->at + i]] != t->folded[t->text[y->at + i]])
			return false;
	}
	return true;
}

/* Where the word is, or would be. */
static struct word *
slot_of(const struct table *t, const struct word *w)
{
	size_t i = w->hash & (t->size - 1);

	while (t->slots[i].n && !same(t, &t->slots[i], w))
		i = (i + 1) & (t->size - 1);
	return &t->slots[i];
}

static int
grow(struct table *t)
{
	struct table bigger = *t;

	bigger.size = t->size ? 2 * t->size : TABLE_MIN;
	bigger.slots = calloc(bigger.size, sizeof(*bigger.slots));
	if (!bigger.slots)
		return -1;
	for (size_t i = 0; i < t->size; i++) {
		if (t->slots[i].n)
			*slot_of(&bigger, &t->slots[i]) = t->slots[i];
	}
	free(t->slots);
	*t = bigger;
	return 0;
}

static int
add(struct table *t, size_t at, size_t n, uint64_t hash)
{
	struct word w = { (uint32_t)at, (uint32_t)n, (uint32_t)(hash >> 32) };
	struct word *slot;

	if (2 * t->used >= t->size && grow(t) < 0)
		return -1;
	slot = slot_of(t, &w);
	if (!slot->n) {
		*slot = w;
		t->used++;
	}
	return 0;
}

/* --- splitting ---------------------------------------------------------------------- */

static void
fold(uint8_t folded[256])
{
	for (int c = 0; c < 256; c++) {
		if (c >= 'A' && c <= 'Z')
			folded[c] = (uint8_t)(c + ('a' - 'A'));
		else if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c >= 0x80)
			folded[c] = (uint8_t)c;
	}
}

/* Bytes of what parts words at i, 0: it is of one. All of ASCII but letters, digits and the underline; beyond it U+0080 to
 * U+00BF, punctuation and blanks (U+2000 to U+206F), arrows, lines and symbols (U+2190 to U+2BFF), punctuation of CJK (U+3000
 * to U+303F), and U+FFFD, which stands for bytes that are no characters. As audit_word_numbers has it. */
static size_t
gap_at(const struct table *t, struct span text, size_t i)
{
	const uint8_t *p = text.p + i;

	if (p[0] < 0x80)
		return t->folded[p[0]] == 0;
	if (p[0] == 0xc2)
		return text.n - i >= 2 ? 2 : 0;
	if (text.n - i < 3)
		return 0;
	switch (p[0]) {
	case 0xe2:
		return p[1] == 0x80 || (p[1] == 0x81 && p[2] <= 0xaf) ||
			(p[1] >= 0x87 && p[1] <= 0xaf) || (p[1] == 0x86 && p[2] >= 0x90)
		    ? 3
		    : 0;
	case 0xe3:
		return p[1] == 0x80 ? 3 : 0;
	case 0xef:
		return p[1] == 0xbf && p[2] == 0xbd ? 3 : 0;
	default:
		return 0;
	}
}

static int
collect(struct table *t, struct span text)
{
	for (size_t i = 0; i < text.n;) {
		uint64_t hash = t->seed;
		size_t from = i, gap = 0;

		for (; i < text.n && (gap = gap_at(t, text, i)) == 0; i++)
			hash = (hash ^ t->folded[text.p[i]]) * UINT64_C(0x9e3779b97f4a7c15);
		/* A single character of ASCII is in every text. */
		if (i - from >= 2 && add(t, from, i - from, hash) < 0)
			return -1;
		i += gap;
	}
	return 0;
}

/* --- the filter ---------------------------------------------------------------------- */

static uint32_t
number(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void
set_bits(const struct table *t, const struct word *w, uint8_t *filter, uint64_t bits)
{
	uint8_t digest[SHA256_BYTES], part[64];
	struct sha256 h;

	sha256_init(&h);
	for (uint32_t at = 0; at < w->n;) {
		size_t n = 0;

		for (; n < sizeof(part) && at < w->n; n++, at++)
			part[n] = t->folded[t->text[w->at + at]];
		sha256_add(&h, part, n);
	}
	sha256_end(&h, digest);
	for (uint64_t i = 0; i < WORDS_BITS_SET; i++) {
		uint64_t bit = (number(digest) + i * number(digest + 4)) % bits;

		filter[bit / 8] |= (uint8_t)(1u << (bit % 8));
	}
}

int
words_filter(struct span text, struct buf *out)
{
	struct table t = { .text = text.p };
	size_t n;
	uint8_t *filter;
	int done = -1;

	fold(t.folded);
	rand_bytes(&t.seed, sizeof(t.seed));
	if (text.n < UINT32_MAX && collect(&t, text) == 0) {
		n = (t.used * WORDS_BITS_EACH + 7) / 8;
		n = n < WORDS_BYTES_MIN ? WORDS_BYTES_MIN : n;
		filter = buf_reserve(out, n);
		if (filter) {
			memset(filter, 0, n);
			for (size_t i = 0; i < t.size; i++) {
				if (t.slots[i].n)
					set_bits(&t, &t.slots[i], filter, 8 * n);
			}
			buf_commit(out, n);
			done = 0;
		}
	}
	free(t.slots);
	return done;
}
