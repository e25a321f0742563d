/* SPDX-License-Identifier: Apache-2.0 */
/*
 * b64: base64 (RFC 4648 section 4), with and without padding.
 */
#ifndef CRYPTO_B64_H
#define CRYPTO_B64_H

#include "base/buf.h"

enum b64_kind {
	B64_STD,   /* padded */
	B64_PLAIN, /* without '=' */
	B64_URL,   /* RFC 4648 section 5, without '=' */
};

/* Text into dst[size], NUL-terminated; false when size is less than b64_size(n). */
bool b64_encode(char *dst, size_t size, struct span bytes, enum b64_kind kind);
/* Appends the text to b (without a NUL); line_width > 0 breaks lines after that many characters,
 * each ending in '\n'. False over the buffer's ceiling. */
bool b64_put(struct buf *b, struct span bytes, enum b64_kind kind, size_t line_width);
/* Decodes exactly text.n characters, appending the bytes to ret. skip_space: blanks and newlines
 * are passed over. False when malformed (wrong padding, wrong characters, bits left over) or over
 * ret's ceiling. */
bool b64_decode(struct span text, enum b64_kind kind, bool skip_space, struct buf *ret);

#endif
