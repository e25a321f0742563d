/* SPDX-License-Identifier: Apache-2.0 */
/*
 * b64: base64 by libsodium, whose code takes the same time whatever the bytes are: private keys
 * pass here.
 */
#include "crypto/b64.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

static int
variant(enum b64_kind kind)
{
	switch (kind) {
	case B64_PLAIN:
		return sodium_base64_VARIANT_ORIGINAL_NO_PADDING;
	case B64_URL:
		return sodium_base64_VARIANT_URLSAFE_NO_PADDING;
	case B64_STD:
		break;
	}
	return sodium_base64_VARIANT_ORIGINAL;
}

/* Bytes that b64_encode writes for n bytes, with the NUL. */
static size_t
b64_size(size_t n)
{
	return sodium_base64_ENCODED_LEN(n, sodium_base64_VARIANT_ORIGINAL);
}

bool
b64_encode(char *dst, size_t size, struct span bytes, enum b64_kind kind)
{
	if (bytes.n > SIZE_MAX / 2 || size < b64_size(bytes.n))
		return false;
	return sodium_bin2base64(dst, size, bytes.p, bytes.n, variant(kind)) != NULL;
}

bool
b64_put(struct buf *b, struct span bytes, enum b64_kind kind, size_t line_width)
{
	size_t size, n;
	char *text;

	if (bytes.n > SIZE_MAX / 2)
		return false;
	size = b64_size(bytes.n);
	text = malloc(size);
	if (!text) {
		/* As buf_put does it, so that a writer may look once, at the end. */
		b->failed = true;
		return false;
	}
	sodium_bin2base64(text, size, bytes.p, bytes.n, variant(kind));
	n = strlen(text);
	if (!line_width)
		buf_put(b, text, n);
	for (size_t at = 0; line_width && at < n; at += line_width) {
		buf_put(b, text + at, n - at < line_width ? n - at : line_width);
		buf_put(b, "\n", 1);
	}
	/* It may be the text of a private key. */
	sodium_memzero(text, size);
	free(text);
	return buf_ok(b);
}

/* libsodium 1.0.18 takes bytes above 0x7f for digits where char is signed. */
static bool
is_ascii(struct span text)
{
	uint8_t all = 0;

	for (size_t i = 0; i < text.n; i++)
		all |= text.p[i];
	return all < 0x80;
}

bool
b64_decode(struct span text, enum b64_kind kind, bool skip_space, struct buf *ret)
{
	size_t room = text.n / 4 * 3 + 3, n;
	const char *end;
	uint8_t *dst;

	if (!text.n)
		return true;
	dst = is_ascii(text) ? buf_reserve(ret, room) : NULL;
	if (!dst)
		return false;
	if (sodium_base642bin(dst, room, (const char *)text.p, text.n,
		skip_space ? " \t\r\n" : NULL, &n, &end, variant(kind)) != 0 ||
	    end != (const char *)text.p + text.n)
		return false;
	buf_commit(ret, n);
	return true;
}
