/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sha1: SHA-1 (FIPS 180-4), for what a protocol wants so. Called by lib/http (the WebSocket's handshake).
 *
 * Security: whoever wants to finds two texts with the same digest: nothing may rest on it.
 */
#ifndef CRYPTO_SHA1_H
#define CRYPTO_SHA1_H

#include "base/buf.h"

enum { SHA1_BYTES = 20 };

void sha1_of(struct span data, uint8_t digest[SHA1_BYTES]);

#endif
