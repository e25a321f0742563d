/* SPDX-License-Identifier: Apache-2.0 */
/*
 * words: the words of a text as a filter of bits, by which the database says of a part of a recording whether a word can be
 * in it, without keeping its text. Called by batch_session.c; read by audit_can_have in schema/008_text.sql. Memory only.
 *
 * A word is two or more bytes of letters, digits, underscores, and characters beyond ASCII but blanks and punctuation (gap_at
 * in words.c), without the case of ASCII's letters. Of its SHA-256 the first two numbers of 32 bits (big-endian), a and b, say
 * which bits it sets: (a + i * b) modulo the bits of the filter, i = 0 .. WORDS_BITS_SET - 1; bit n is bit n % 8, from the
 * lowest, of byte n / 8.
 * Every word of the text is found; another one in less than a hundredth of the cases.
 */
#ifndef AUDIT_WORDS_H
#define AUDIT_WORDS_H

#include "base/buf.h"

enum { WORDS_BITS_EACH = 10, WORDS_BITS_SET = 6, WORDS_BYTES_MIN = 8 };

/* Appends the filter of a text, which is UTF-8. Negative: no memory. */
int words_filter(struct span text, struct buf *out);

#endif
