/* SPDX-License-Identifier: Apache-2.0 */
/*
 * secret_stream: see secret_stream.h. Called by lib/backup. Pure but for the random head.
 */
#include "crypto/secret_stream.h"

#include <sodium.h>

typedef crypto_secretstream_xchacha20poly1305_state sodium_state;

_Static_assert(sizeof(sodium_state) <= sizeof(((struct secret_stream *)0)->state), "it fits");
_Static_assert(SECRET_STREAM_KEY_BYTES == crypto_secretstream_xchacha20poly1305_KEYBYTES &&
	SECRET_STREAM_HEAD == crypto_secretstream_xchacha20poly1305_HEADERBYTES &&
	SECRET_STREAM_MORE == crypto_secretstream_xchacha20poly1305_ABYTES,
    "as libsodium has it");

static sodium_state *
state_of(struct secret_stream *s)
{
	return (sodium_state *)(void *)s->state;
}

void
secret_stream_begin(struct secret_stream *s, const uint8_t key[SECRET_STREAM_KEY_BYTES],
    uint8_t head[SECRET_STREAM_HEAD])
{
	crypto_secretstream_xchacha20poly1305_init_push(state_of(s), head, key);
}

int
secret_stream_close(struct secret_stream *s, struct span plain, struct span bound, bool last,
    struct buf *ret)
{
	uint8_t *dst = buf_reserve(ret, plain.n + SECRET_STREAM_MORE);
	unsigned char tag = last ? crypto_secretstream_xchacha20poly1305_TAG_FINAL
				 : crypto_secretstream_xchacha20poly1305_TAG_MESSAGE;

	if (!dst)
		return -1;
	crypto_secretstream_xchacha20poly1305_push(state_of(s), dst, NULL, plain.p, plain.n,
	    bound.p, bound.n, tag);
	buf_commit(ret, plain.n + SECRET_STREAM_MORE);
	return 0;
}

int
secret_stream_from(struct secret_stream *s, const uint8_t key[SECRET_STREAM_KEY_BYTES],
    const uint8_t head[SECRET_STREAM_HEAD])
{
	return crypto_secretstream_xchacha20poly1305_init_pull(state_of(s), head, key);
}

int
secret_stream_open(struct secret_stream *s, struct span sealed, struct span bound, struct buf *ret,
    bool *ret_last)
{
	unsigned char tag = 0;
	uint8_t *dst;
	size_t n;

	if (sealed.n < SECRET_STREAM_MORE)
		return -1;
	n = sealed.n - SECRET_STREAM_MORE;
	dst = buf_reserve(ret, n ? n : 1);
	if (!dst ||
	    crypto_secretstream_xchacha20poly1305_pull(state_of(s), dst, NULL, &tag, sealed.p,
		sealed.n, bound.p, bound.n) != 0)
		return -1;
	buf_commit(ret, n);
	*ret_last = tag == crypto_secretstream_xchacha20poly1305_TAG_FINAL;
	return 0;
}

void
secret_stream_done(struct secret_stream *s)
{
	secret_zero(s, sizeof(*s));
}
