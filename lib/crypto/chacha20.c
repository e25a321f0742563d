/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chacha20: by libsodium, which needs no context of its own: a packet's length field is four bytes, twice a packet.
 * Called by cipher_chacha.c. Pure.
 */
#include "crypto/chacha20.h"

#include <sodium.h>

void
chacha20_xor(const uint8_t key[32], const uint8_t nonce[8], uint8_t *p, size_t n)
{
	crypto_stream_chacha20_xor_ic(p, p, n, nonce, 0, key);
}
