/* SPDX-License-Identifier: Apache-2.0 */
/*
 * secret_stream: a row of chunks encrypted with one key (libsodium's secretstream, XChaCha20-Poly1305): none can be changed,
 * left out, repeated or put elsewhere, and the last one says that it is the last, so that a row that was cut is seen.
 */
#ifndef CRYPTO_SECRET_STREAM_H
#define CRYPTO_SECRET_STREAM_H

#include "crypto/secret.h"

enum { SECRET_STREAM_KEY_BYTES = 32, SECRET_STREAM_HEAD = 24, SECRET_STREAM_MORE = 17 };

struct secret_stream {
	_Alignas(8) uint8_t state[64];
};

/* Writing: head goes in front of the chunks. */
void secret_stream_begin(struct secret_stream *s, const uint8_t key[SECRET_STREAM_KEY_BYTES],
    uint8_t head[SECRET_STREAM_HEAD]);
/* Appends the chunk, SECRET_STREAM_MORE bytes longer. bound: bytes that are not in it and must be the same when it is
 * opened. Negative without memory. */
int secret_stream_close(struct secret_stream *s, struct span plain, struct span bound, bool last,
    struct buf *ret);

/* Reading. */
int secret_stream_from(struct secret_stream *s, const uint8_t key[SECRET_STREAM_KEY_BYTES],
    const uint8_t head[SECRET_STREAM_HEAD]);
/* Appends what was in the chunk; *ret_last: nothing may follow. Negative: not the chunk that comes next, or no memory. */
int secret_stream_open(struct secret_stream *s, struct span sealed, struct span bound,
    struct buf *ret, bool *ret_last);
void secret_stream_done(struct secret_stream *s); /* forgets the key */

#endif
