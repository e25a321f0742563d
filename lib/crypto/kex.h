/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kex: the ephemeral Diffie-Hellman of an SSH key exchange and its hash. Called by lib/ssh, and by
 * noded's monitor, which computes the hash by itself.
 *
 * X25519 (RFC 8731) and NIST P-256 (RFC 5656).
 */
#ifndef CRYPTO_KEX_H
#define CRYPTO_KEX_H

#include "base/buf.h"

enum kex_curve { KEX_X25519, KEX_P256 };
enum { KEX_PUBLIC_MAX = 65, KEX_SECRET_LEN = 32, KEX_HASH_LEN = 32 };

struct kex_pair;

/* This build has it (suite.h). */
bool kex_available(enum kex_curve curve);
/* A fresh key pair, for one exchange. Negative: no memory or no randomness. */
int kex_pair_new(struct kex_pair **ret, enum kex_curve curve);
/* From a given private value of 32 bytes: for known-answer tests. */
int kex_pair_from_secret(struct kex_pair **ret, enum kex_curve curve, const uint8_t secret[32]);
void kex_pair_free(struct kex_pair *pair); /* zeroes; NULL is fine */
/* Our public value as it is sent: 32 bytes, or 65 of an uncompressed point. */
struct span kex_pair_public(const struct kex_pair *pair);
/* The shared secret, a big-endian number. Negative when the peer's value is malformed, not on the
 * curve, or of low order. */
int kex_pair_secret(const struct kex_pair *pair, struct span peer, uint8_t ret[KEX_SECRET_LEN]);

/* SHA-256 over the parts, one after the other. */
void kex_hash(const struct span *parts, size_t n, uint8_t ret[KEX_HASH_LEN]);

/* What both sides of an exchange said, by the names of RFC 4253 section 8 (K is the inside of an
 * mpint, without its length; Q_C and Q_S are the ephemeral keys of RFC 5656 and RFC 8731). */
enum kex_part { KEX_V_C, KEX_V_S, KEX_I_C, KEX_I_S, KEX_K_S, KEX_Q_C, KEX_Q_S, KEX_K, KEX_PARTS };
struct kex_transcript {
	struct span part[KEX_PARTS];
};
/* The exchange hash H: SHA-256 over the parts, each as an SSH string. */
void kex_transcript_hash(const struct kex_transcript *t, uint8_t ret[KEX_HASH_LEN]);

#endif
